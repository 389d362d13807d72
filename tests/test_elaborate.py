"""Mistakes in what is well formed: over the golden cases, what a person reads about each, all of a file in one run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify import errors
from verify.diagnostic import Diagnostic, render
from verify.elaborate import elaborate
from verify.literals import check_literals
from verify.load import Loaded, load

GOLDEN = Path(__file__).with_name("golden_elaborate")


def sections(case: Path) -> list[tuple[str, str]]:
    """A golden case: `### FILE` with its text, for each file, and last `### message`."""
    _, *parts = ("\n" + case.read_text(encoding="utf-8")).split("\n### ")
    return [(head, body) for head, _, body in (part.partition("\n") for part in parts)]


def mistakes(loaded: Loaded) -> tuple[Diagnostic, ...]:
    """What elaboration finds, or if it finds nothing, what is wrong with the literals."""
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert (program is None) == bool(found or loaded.broken)
    return found if program is None else check_literals(program)


def message(folder: Path, files: list[tuple[str, str]]) -> str:
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load([Path(files[-1][0])], folder)
    assert loaded.diagnostics == ()
    return "\n\n".join(render(diagnostic, loaded.sources) for diagnostic in mistakes(loaded))


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.txt")), ids=lambda case: case.stem)
def test_the_whole_message_is_the_golden_one(case: Path, tmp_path: Path) -> None:
    *files, (last, golden) = sections(case)
    assert last == "message"
    assert message(tmp_path, files) == golden.rstrip("\n")


def test_every_code_has_a_golden_message() -> None:
    text = Path(errors.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'Diagnostic\(\s*"([a-z-]+)"', text))
    shown = {code for case in GOLDEN.glob("*.txt") for code in re.findall(r": error\[(.+?)\]: ", case.read_text())}
    assert shown == codes
