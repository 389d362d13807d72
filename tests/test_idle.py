"""A precondition that no proof needs is warned of at its line; nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.__main__ import main
from verify.cli import FAILED, OK
from verify.solve import discharge

CASES = {
    "a lemma's that its proof uses": (
        "lemma l(a: word) requires some: a > 0 ensures less: a - 1 < a { }",
        [],
    ),
    "one that it does not, beside one that it does": (
        "lemma l(a: word) requires some: a > 0 requires few: a < 9 ensures less: a - 1 < a { }",
        ["requires few: a < 9"],
    ),
    "one that says more than is needed, beside one that is enough": (
        "lemma l(a: word) requires some: a > 0 requires more: a > 1 ensures less: a - 1 < a { }",
        ["requires more: a > 1"],
    ),
    "a lemma's that a call meets in vain": (
        "lemma l(a: word) requires few: a < 9 ensures same: a == a { }\n"
        "procedure p(a: word) requires few: a < 9 { l(a); }",
        ["requires few: a < 9"],
    ),
    "a procedure's that nothing calls": (
        "state s: word;\nprocedure p(a: word) requires few: a < 9 modifies s ensures is: s == a { s = a; }",
        ["requires few: a < 9"],
    ),
    "a procedure's that its caller has to meet": (
        "state s: word;\nprocedure p(a: word) requires few: a < 9 modifies s ensures is: s == a { s = a; }\n"
        "procedure q() modifies s ensures is: s == 3 { p(3); }",
        [],
    ),
    "what is not proved is not told to do without": (
        "lemma l(a: word) requires few: a < 9 ensures less: a - 1 < a { }",
        None,
    ),
    "what is refuted as is meant is not looked at": (
        "refute procedure p(a: word) returns (b: word) requires few: a > 9 ensures less: b > a { b = a; }",
        [],
    ),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec").mkdir()


def warned(text: str, path: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit status under --strict, and the lines that are warned of."""
    Path("spec", "m.spec").write_text(f"module m;\n{text.replace(' requires', chr(10) + 'requires')}\n")
    status = main(["--strict", path], discharge)
    lines = capsys.readouterr().out.splitlines()
    shown = [lines[n + 1] for n, line in enumerate(lines) if "warning[idle]: no proof uses this" in line]
    return status, [line.partition("|")[2].partition(" ensures")[0].partition(" {")[0].strip() for line in shown]


@pytest.mark.parametrize("case", CASES)
def test_what_is_idle(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, expected = CASES[case]
    status, found = warned(text, "spec", capsys)
    assert status == (FAILED if expected is None or expected else OK)
    assert [line.partition(" modifies")[0] for line in found] == (expected or [])


def test_of_a_file_alone_it_is_not_known_who_calls_its_procedures(capsys: pytest.CaptureFixture[str]) -> None:
    text, idle = CASES["a procedure's that nothing calls"]
    assert idle
    assert warned(text, "spec/m.spec", capsys) == (OK, [])
