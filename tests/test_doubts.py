"""What is proved and yet says nothing, or is of code that no run reaches, is warned of at its line; nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import fake_discharge
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest

from verify import __main__ as program
from verify import core, doubts
from verify.doubts import DOUBTED, Look
from verify.elaborate import elaborate
from verify.load import load

HEAD = """\
module m;
param PAGE_SHIFT: int;
assume shift: 0 < PAGE_SHIFT && PAGE_SHIFT < WORD_BITS;
geometry small { WORD_BITS = 32; PAGE_SHIFT = 12; }
geometry large { WORD_BITS = 64; PAGE_SHIFT = 16; }
state pte: map[word, word];
state s: word;
"""

CASES = {
    "all is reached": (
        "procedure p(a: word) ensures k: a > 1 ==> s == 1 { if (a > 1) { s = 1; } else { s = 2; } }",
        [],
    ),
    "a branch is excluded by what is required": (
        "procedure p(a: word) requires k: a > 1 modifies s { if (a == 0) { s = 1; } }",
        ["unreached `s = 1;`"],
    ),
    "so is the other one": (
        "procedure p(a: word) requires k: a > 1 modifies s { if (a != 0) { s = 1; } else { s = 2; } }",
        ["unreached `s = 2;`"],
    ),
    "by an assumption, on every geometry": (
        "procedure p() modifies s { if (PAGE_SHIFT == 0) { s = 1; } }",
        ["unreached `s = 1;`"],
    ),
    "on one geometry it is, on another it is not": (
        "procedure p() modifies s { if (PAGE_SHIFT == 12) { s = 1; } }",
        [],
    ),
    "on all that it is about it is": (
        "procedure p() on small modifies s { if (PAGE_SHIFT == 16) { s = 1; } }",
        ["unreached `s = 1;`"],
    ),
    "on one of two it is": (
        "procedure p() on small, large modifies s { if (PAGE_SHIFT == 16) { s = 1; } }",
        [],
    ),
    "what is within is not told again": (
        "procedure p(a: word) requires k: a > 1 modifies s "
        "{ if (a == 0) { s = 1; if (s == 1) { s = 2; } atomic { s = 3; } assert k: a == 0 ==> s == 3; } }",
        ["unreached `s = 1;`"],
    ),
    "after a return": (
        "procedure p() modifies s { return; s = 1; }",
        ["unreached `s = 1;`"],
    ),
    "a loop that is never entered": (
        "procedure p(a: word) requires k: a == 0 modifies s "
        "{ s = 0; while (s < a) invariant i: s <= a decreases a - s { s = s + 1; } }",
        ["unreached `s = s + 1;`"],
    ),
    "it is said that no run comes there": (
        "procedure p(a: word) requires k: a > 1 modifies s { if (a == 0) { assert never: false; s = 1; } }",
        [],
    ),
    "a left side that is never true": (
        "lemma p(a: word) requires k: a > 1 ensures k: a == 0 ==> a == 7 { }",
        ["says-nothing `a == 0`"],
    ),
    "of whatever it is said": (
        "lemma p(a: word) requires k: a > 1 ensures k: a > 0 && (forall b: word :: b < a && a < b ==> pte[b] == 7) { }",
        ["says-nothing `b < a && a < b`"],
    ),
    "of some it is true": (
        "lemma p(a: word) requires k: a > 1 ensures k: forall b: word :: b < a && b > 0 ==> b <= a { }",
        [],
    ),
    "in an assert": (
        "procedure p(a: word) requires k: a > 1 { assert k: a == 0 ==> pte[a] == 7; }",
        ["says-nothing `a == 0`"],
    ),
    "nothing meets the preconditions: that is told elsewhere": (
        "procedure p(a: word) requires k: a < a modifies s { s = 1; }",
        [],
    ),
    "no geometry meets the assumptions: that is told elsewhere": (
        "assume none: PAGE_SHIFT > 99; procedure p(a: word) modifies s { if (a == 0) { s = 1; } }",
        [],
    ),
    "all that is claimed is so of an empty body": (
        "procedure p(a: word) requires k: s == 0 modifies pte ensures k: s == 0 ensures l: a >= s { pte[a] = a; }",
        ["hollow `procedure p`"],
    ),
    "a lemma that is called claims nothing of the body": (
        "lemma l() ensures k: 1 + 1 == 2 { } "
        "procedure p(a: word) modifies pte ensures k: s == old(s) { pte[a] = a; l(); }",
        ["hollow `procedure p`"],
    ),
    "it calls a procedure": (
        "procedure q() { } procedure p(a: word) modifies pte ensures k: s == old(s) { pte[a] = a; q(); }",
        [],
    ),
    "one of its claims is not": (
        "procedure p(a: word) modifies pte ensures k: s == old(s) ensures l: pte[a] == a { pte[a] = a; }",
        [],
    ),
    "a result has to be given": (
        "procedure p(a: word) returns (r: word) ensures k: r == a { r = a; }",
        [],
    ),
    "something is claimed within": (
        "procedure p(a: word) modifies pte ensures k: s == old(s) { pte[a] = a; assert k: pte[a] == a; }",
        [],
    ),
    "the body is empty": (
        "procedure p(a: word) ensures k: s == old(s) { }",
        [],
    ),
    "what is to be refuted is not doubted": (
        "refute p(a: word) requires k: a > 1 ensures k: a != 0 ==> a == 7;",
        [],
    ),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parsed(text: str) -> core.Program:
    Path("m.spec").write_text(f"{HEAD}{text}\n")
    loaded = load((Path("m.spec"),), Path.cwd())
    found, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert not (*loaded.diagnostics, *mistakes)
    assert found is not None
    return found


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_doubtful_is_warned_of_and_nothing_else(text: str, expected: list[str]) -> None:
    lines = Path("m.spec")
    found = Look(parsed(text))("m.p")
    source = lines.read_text().splitlines()
    assert [
        f"{w.code} `{source[w.span.line - 1][w.span.column - 1 : w.span.end_column - 1]}`" for w in found
    ] == expected


# --- the command line ----------------------------------------------------------------------------------------------

DEAD = f"""\
{HEAD}
procedure p(a: word)
    requires k: a > 1
    modifies s
{{
    if (a == 0) {{
        s = 1;
    }}
}}
"""

SHOWN = """\
m.spec:14:9: warning[unreached]: no run comes here
   14 |         s = 1;
      |         ^^^^^^
  why:  what is assumed, what is required, and what is known on the way exclude it
  help: write `assert NAME: false;` before it if that is meant, which has it proved; else see what excludes it

1 warning, of what is doubtful although it is proved
"""


def run(*arguments: str) -> int:
    return program.main(("m.spec", *arguments), fake_discharge.discharge, grace=0.5)


def test_a_warning_is_shown_at_its_line_and_fails_where_it_is_to(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.spec").write_text(DEAD)
    assert run() == 0
    out = capsys.readouterr().out
    assert f"\n\n{SHOWN}" in out
    assert "0 failed" in out
    assert run("--strict") == 1
    assert SHOWN in capsys.readouterr().out
    Path("m.spec").write_text(DEAD.replace("a == 0", "a == 2"))
    assert run("--strict") == 0
    assert "warning" not in capsys.readouterr().out


def test_the_json_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.spec").write_text(DEAD)
    assert run("--strict", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads(files("verify").joinpath("report.schema.json").read_text(encoding="utf-8")))
    (warning,) = report["warnings"]
    assert warning["code"] == "unreached"
    assert warning["location"] == {"file": "m.spec", "line": 14, "column": 9}
    assert report["summary"]["ok"] == report["summary"]["obligations"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            ("procedure p", "procedure vacuous"), id="no values meet its preconditions, which is told already"
        ),
        pytest.param(("procedure p", "trusted procedure p"), id="it has no body"),
    ],
)
def test_of_some_nothing_more_is_said(change: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    text = DEAD.replace(*change)
    Path("m.spec").write_text(text.partition("{\n    if")[0] + ";" if "trusted" in text else text)
    assert run("--strict") == (1 if "vacuous" in text else 0)
    assert "warning" not in capsys.readouterr().out


def test_where_a_part_of_a_routine_is_asked_for_it_is_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.spec").write_text(DEAD)
    assert run("--strict", "--only", "m.p.requires") == 0
    assert "warning" not in capsys.readouterr().out
    assert run("--strict", "--only", "m.p.*") == 1


def test_what_was_not_found_out_is_no_clean_bill(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(*_: object) -> bool:
        raise MemoryError

    monkeypatch.setattr(doubts, "proved", gone)
    Path("m.spec").write_text(DEAD)
    assert run() == 0
    assert run("--strict") == 1
    assert (
        "m.spec:9:1: warning[not-looked-at]: whether all of it is reached was not found out\n"
        in capsys.readouterr().out
    )


def test_the_specification_has_nothing_doubtful_in_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, and in CI by `--strict`, all of it."""
    monkeypatch.chdir(Path(__file__).parent.parent)
    loaded = load((Path("spec/extent.spec"),), Path.cwd())
    found, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert found is not None
    extent = found.module("extent")
    names = [i.qualified for i in extent.items if isinstance(i, core.Routine) and i.kind in DOUBTED]
    assert names
    assert [w for name in names for w in Look(replace(found))(name)] == []
