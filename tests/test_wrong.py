"""A corpus of wrong claims, of kinds that people have made or a verifier has let pass: each is refuted, everywhere.

In the files of tests/wrong a label that begins with `wrong` is a wrong claim, or a precondition that a call breaks.
Everything else there is right, and proved: so a refutation is of that claim, and of nothing else.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_language import report

from verify.load import load
from verify.verdict import Verdict

HERE = Path(__file__).parent / "wrong"
FILES = sorted(HERE.glob("*.spec"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_wrong_is_refuted_and_the_rest_is_proved(path: Path) -> None:
    wrong: list[tuple[str, bool]] = []
    other: list[tuple[str, bool]] = []
    for result in report(load([path])):
        assert not result.defect, result
        is_wrong = any(part.startswith("wrong") for part in result.id.split("."))
        right_verdict = Verdict.REFUTED if is_wrong else Verdict.PROVED
        row = f"{result.id} at {result.geometry} {result.word_bits}: {result.verdict.value}"
        (wrong if is_wrong else other).append((row, result.verdict is right_verdict))
        # What is refuted is shown by values, which have been executed.
        assert result.verdict is not Verdict.REFUTED or result.counterexample is not None
    assert "\n".join(row for row, good in (*wrong, *other) if not good) == ""
    assert len(wrong) >= 10
