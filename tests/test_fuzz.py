"""Nothing that is written makes the tool fail: random texts and command lines. See fuzz.py.

`FUZZ_EXAMPLES=100000 python -m pytest tests/test_fuzz.py` is a longer search.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import fake_discharge
import pytest
from fuzz import FILES, command_lines, limited, proves, read, texts
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from verify import __main__ as program
from verify.cli import DISAGREE, FAILED, OK, UNKNOWN, WRONG
from verify.schedule import RECURSION_LIMIT
from verify.verdict import Verdict

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "400"))
"""How many inputs, of both kinds together: a tenth are command lines."""

PARTS = 4

PROVED = 10
"""Of so many well-formed texts, one has an obligation proved."""

sys.setrecursionlimit(RECURSION_LIMIT)  # as the command line does; hypothesis wonders if it changes while it looks


def _many(examples: int) -> settings:
    slow = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=slow)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_text_makes_it_fail(part: int, tmp_path: Path) -> None:
    ends: Counter[Verdict | None] = Counter()

    @seed(part)
    @_many(EXAMPLES * 9 // 10 // PARTS)
    @given(texts(), st.integers(0, 10_000))
    def go_through(text: str, number: int) -> None:
        with limited():
            found = read(text, tmp_path)
            ends[None if found is None else proves(found, number) if number % PROVED == 0 else Verdict.UNKNOWN] += 1

    go_through()
    # What is never well formed never gets far.
    assert ends.total() - ends[None] >= ends.total() / 50, ends
    print(ends)


def written() -> None:
    """The files that command lines are about, as they were: some of these write files."""
    for path in Path.cwd().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    Path("spec").mkdir()
    for name, text in FILES.items():
        Path(f"{name}.spec").write_text(f"module {name};\n{text}")
    shutil.copy("good.spec", "spec")


@pytest.mark.parametrize("part", range(PARTS))
def test_no_command_line_makes_it_fail(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    statuses: Counter[int] = Counter()

    @seed(part)
    @_many(EXAMPLES // 10 // PARTS)
    @given(command_lines())
    def ask(arguments: list[str]) -> None:
        written()
        with limited():
            status = program.main(arguments, fake_discharge.discharge, grace=0.5)
        said = capfd.readouterr()
        assert status in (OK, FAILED, WRONG, UNKNOWN, DISAGREE), said.err  # and not DEFECT
        assert "Traceback" not in said.out + said.err
        # Who is told that something is wrong is told what.
        assert said.err or status != WRONG
        statuses[status] += 1

    ask()
    assert statuses[WRONG], statuses
    assert statuses[OK], statuses
