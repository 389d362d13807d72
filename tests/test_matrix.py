"""Procedures by geometry: the marks, the order, the report as text and as JSON, and the command line."""

from __future__ import annotations

import json
from importlib.resources import files
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import fake_discharge
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest

from verify import __main__ as program
from verify import core
from verify.cli import Command, Options, Shown, cores, parse
from verify.elaborate import elaborate
from verify.load import Loaded, load
from verify.matrix import Entry, Mark, Matrix, Row, alike, decide, matrix, running_alike
from verify.matrix_report import matrix_json, matrix_text
from verify.scopes import named
from verify.seen import geometries
from verify.verdict import Counterexample
from verify.verdict import Shown as Value

BASE = """\
module base;

param SHIFT: int;
geometry bare { WORD_BITS = 32; SHIFT = 4; }
"""

TEXT = """\
module m;

import base;

param TOP: word;
param COLOUR: int;
const SIZE: word = 1 << SHIFT;

assume shift: 1 < SHIFT && SHIFT < WORD_BITS;

geometry high  { WORD_BITS = 32; SHIFT = 4; TOP = 0xffff_ffff; COLOUR = 1; }
geometry low   { WORD_BITS = 32; SHIFT = 4; TOP = 0x7fff_ffff; COLOUR = 2; }
geometry wide  { WORD_BITS = 64; SHIFT = 4; TOP = 0x7fff_ffff; COLOUR = 3; }

/// Right, whatever the geometry.
procedure floor(a: word) returns (r: word)
    ensures  below: r <= a
{
    r = a & ~(SIZE - 1);
}

/// Wrong where it wraps, and no user gets there but on `high`.
refute procedure following(a: word) returns (r: word)
    on high
    requires user:  a <= TOP
    ensures  above: r > a
{
    r = a + SIZE;
}

/// Wrong on `high` alone, where it never ends.
refute procedure stepping(a: word) returns (passed: bool)
    on high
    ensures  passed: passed
{
    while (a <= TOP)
    {
        if (a + SIZE > a) {
            a += SIZE;
        }
    }
    passed = true;
}

procedure without_claim(a: word) { }
lemma no_procedure(a: word) ensures same: a == a { }
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(text: str) -> tuple[Loaded, core.Program]:
    Path("spec").mkdir(exist_ok=True)
    Path("spec/m.spec").write_text(text, encoding="utf-8")
    Path("spec/base.spec").write_text(BASE, encoding="utf-8")
    read = load([Path("spec")])
    found, mistakes = elaborate(read.modules, read.roots, read.sources, read.broken)
    assert found is not None, (read.diagnostics, mistakes)
    return read, found


def decided(
    text: str, *only: str, beyond: str | None = None, timeout: float = 10.0
) -> tuple[Matrix, tuple[Entry, ...]]:
    read, found = loaded(text)
    asked = matrix(found, only, beyond, None)
    stop, _keep = Pipe(duplex=False)
    return asked, tuple(decide(asked, found, read.sources, timeout, 1, 60.0, stop))


def marks(entries: tuple[Entry, ...]) -> dict[str, str]:
    return {f"{e.routine.removeprefix('m.')} {n}": e.mark.value for e in entries for n in e.names}


# --- what is asked -------------------------------------------------------------------------------------------------


def test_procedures_with_a_claim_have_a_row_on_each_geometry_that_has_all_values() -> None:
    _, found = loaded(TEXT)
    asked = matrix(found, (), "user", None)
    assert asked.routines == ("m.floor", "m.following", "m.stepping")
    assert asked.geometries == ("high", "low", "wide")
    assert matrix(found, (), None, "low").geometries == ("low",)
    assert matrix(found, (), None, "bare").geometries == ()


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (("stepping", "floor"), ("stepping", "floor")),
        (("m.f*",), ("floor", "following")),
        (("following", "*"), ("following", "floor", "stepping")),
        (("no_procedure",), ()),
        (("without_claim",), ()),
        (("FLOOR",), ()),
    ],
)
def test_procedures_come_in_the_order_in_which_they_are_asked_for(
    only: tuple[str, ...], names: tuple[str, ...]
) -> None:
    _, found = loaded(TEXT)
    assert matrix(found, only, None, None).routines == tuple(f"m.{name}" for name in names)


def test_geometries_are_alike_in_what_a_procedure_depends_on() -> None:
    _, found = loaded(TEXT)
    scopes = [named(geometries(found, "m")[name]) for name in ("high", "low", "wide")]

    def names(groups: tuple[tuple[Any, ...], ...]) -> list[list[str]]:
        return [[scope.shown for scope in group] for group in groups]

    following = Row("m.following", ("m.following.ensures.above",))
    assert sorted(map(sorted, names(running_alike(found, following, scopes)))) == [["high", "low"], ["wide"]]
    assert len(alike(found, following, None, scopes)) == 3
    assert sorted(map(sorted, names(alike(found, following, "user", scopes)))) == [["high", "low"], ["wide"]]


# --- what is found -------------------------------------------------------------------------------------------------


def test_the_marks_and_the_inputs() -> None:
    asked, entries = decided(TEXT, beyond="user")
    assert marks(entries) == {
        "floor high": "holds",
        "floor low": "holds",
        "floor wide": "holds",
        "following high": "fails",
        "following low": "fails beyond",
        "following wide": "fails beyond",
        "stepping high": "fails",
        "stepping low": "unknown",  # it ends, but nobody has said so
        "stepping wide": "unknown",
    }
    for entry in entries:
        assert (entry.counterexample is None) == (entry.mark in (Mark.HOLDS, Mark.UNKNOWN))
        if entry.routine == "m.following" and entry.counterexample:
            assert entry.broken == "m.following.ensures.above"
            (a,) = entry.inputs
            bits = entry.counterexample.geometry[0].json
            assert isinstance(bits, int)
            assert int(a.value, 16) + 16 >= 2**bits
    assert asked.beyond == "user"


def test_without_a_precondition_to_leave_out_what_holds_holds() -> None:
    _, entries = decided(TEXT, "following")
    assert marks(entries) == {"following high": "fails", "following low": "holds", "following wide": "holds"}


def test_a_loop_that_nobody_has_said_to_end_may_never_end() -> None:
    _, entries = decided(TEXT, "stepping", timeout=2.0)
    found = {name: entry for entry in entries for name in entry.names}
    assert found["high"].mark is Mark.FAILS
    assert found["high"].broken == "m.stepping.loop[1]"
    for name in ("low", "wide"):
        assert found[name].mark is Mark.UNKNOWN
        assert found[name].detail.startswith("neither a proof (it has a loop without `decreases`) nor a run: ")
    _, entries = decided(TEXT.replace("a <= TOP)\n", "a <= TOP)\n decreases TOP - a + SIZE\n"), "stepping")
    assert {n: e.mark for e in entries for n in e.names}["high"] is Mark.FAILS


def test_of_a_refute_procedure_that_is_called_nothing_is_believed() -> None:
    calls = """\
refute procedure twice(a: word) returns (r: word)
    on high
    requires user:  a <= TOP
    ensures  above: r > a
{
    r = following(a);
}
"""
    _, entries = decided(TEXT + calls, "twice", timeout=2.0)
    found = {name: entry for entry in entries for name in entry.names}
    assert found["high"].mark is Mark.FAILS
    assert found["low"].mark is Mark.UNKNOWN
    assert found["low"].detail.startswith("neither a proof (it calls the refute procedure `following`) nor a run: ")


def test_a_proof_for_words_of_32_and_64_bits_says_nothing_of_others() -> None:
    small = """\
geometry tiny { WORD_BITS = 16; SHIFT = 4; TOP = 0x7fff; COLOUR = 1; }
procedure of_size(a: word) returns (r: word) ensures some: int(~0) > 0x1_0000 || r != 0 { r = a; }
procedure less(a: word) returns (r: word) ensures same: r == (a & ~0) { r = a; }
"""
    _, entries = decided(TEXT + small, "of_size", "less")
    found = marks(entries)
    assert found.pop("of_size tiny") == "fails"
    assert set(found.values()) == {"holds"}
    assert "less tiny" in found


def test_an_input_is_tried_on_other_geometries_before_the_solver_is_asked() -> None:
    text = TEXT.replace("TOP = 0x7fff_ffff; COLOUR = 2", "TOP = 0xffff_fff8; COLOUR = 2")
    _, entries = decided(text, "following")
    (both,) = [e for e in entries if e.mark is Mark.FAILS]
    assert sorted(both.names) == ["high", "low"]


def test_what_meets_no_precondition_and_what_is_no_geometry_is_unknown() -> None:
    never = "procedure never(a: word) returns (r: word) requires p: a < a && SHIFT > 0 ensures q: r == 0 { r = 1; }\n"
    _, entries = decided(TEXT + never, "never")
    assert {(e.mark, e.detail) for e in entries} == {(Mark.UNKNOWN, "no values were found that meet the preconditions")}
    some = "procedure some(a: word) returns (r: word) ensures q: r << SHIFT == 0 { r = a; }\n"
    bad = "geometry bad { WORD_BITS = 32; SHIFT = 1; TOP = 0; COLOUR = 0; }\n"
    _, entries = decided(TEXT + some + bad, "some")
    found = {name: (e.mark, e.detail) for e in entries for name in e.names}
    assert found["bad"] == (Mark.UNKNOWN, "m.assume.shift is false on bad")
    assert found["high"][0] is Mark.FAILS


def test_neither_a_proof_nor_a_run_is_unknown() -> None:
    weak = """\
procedure rest(a: word) returns (r: word) ensures small: r < SIZE {
    r = a;
    while (r >= SIZE) decreases r { r -= SIZE; }
    r = r * r / (if r == 0 then 1 else r);
}
"""
    _, entries = decided(TEXT + weak, "rest", timeout=0.5)
    assert {e.mark for e in entries} <= {Mark.UNKNOWN, Mark.HOLDS}
    assert all(e.detail for e in entries if e.mark is Mark.UNKNOWN)


# --- the report ----------------------------------------------------------------------------------------------------

ASKED = Matrix(("m.one", "m.two"), ("g", "h"), "user")
RUN = Counterexample((Value("WORD_BITS", "32", 32),), (Value("a", "0x1", "0x1"), Value("k", "0x0", "0x0")), (), True)
ENTRIES = (
    Entry("m.two", ("h",), Mark.UNKNOWN, "stopped after 5 s"),
    Entry("m.one", ("h", "g"), Mark.FAILS, "m.one.ensures.k is broken", "m.one.ensures.k", RUN.inputs[:1], RUN),
    Entry("m.two", ("g",), Mark.BEYOND, "it never ends", "m.two.loop[1]", (Value("s", "x|" + "y" * 70, ""),), RUN),
)


def test_the_text_is_tables_in_markdown() -> None:
    assert matrix_text(ASKED, ENTRIES) == (
        """\
|  | `one` | `two` |
|---|---|---|
| `g` | **wrong** | needs `user` |
| `h` | **wrong** | unknown |

- **wrong**: it does not. An input that breaks it stands below.
- needs `user`: it holds thanks to the precondition `user`. An input that breaks it otherwise stands below.
- unknown: neither was found.

Wrong:

|  | on | input | what breaks |
|---|---|---|---|
| `one` | `g`, `h` | `a = 0x1` | `ensures.k` |

Wrong without `user`:

|  | on | input | what breaks |
|---|---|---|---|
| `two` | `g` | `s = x\\|yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...` | `loop[1]` never ends |

Unknown:

|  | on | input | why |
|---|---|---|---|
| `two` | `h` |  | stopped after 5 s |
"""
    )


def test_a_table_that_was_not_finished_has_gaps() -> None:
    assert "| `h` | **wrong** |  |" in matrix_text(ASKED, ENTRIES[1:])


def schema(name: str) -> Any:
    return json.loads(files("verify").joinpath(name).read_text(encoding="utf-8"))


def test_the_json_follows_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema("matrix.schema.json"))
    found = json.loads(matrix_json(ASKED, ENTRIES, {"verify": "0.1.0", "z3": "5.4.1"}))
    jsonschema.Draft202012Validator(schema("matrix.schema.json")).validate(found)
    assert found["schema"] == "verify-matrix/1"
    cells = found["matrix"]
    assert [(c["routine"], c["geometry"], c["mark"], c["beyond"], c["broken"]) for c in cells] == [
        ("m.one", "g", "fails", None, "m.one.ensures.k"),
        ("m.one", "h", "fails", None, "m.one.ensures.k"),
        ("m.two", "g", "fails beyond", "user", "m.two.loop[1]"),
        ("m.two", "h", "unknown", None, None),
    ]
    assert cells[0]["counterexample"]["inputs"] == {"a": "0x1", "k": "0x0"}
    assert cells[3]["counterexample"] is None


def test_a_counterexample_has_the_form_that_it_has_in_a_report() -> None:
    one, other = schema("matrix.schema.json")["$defs"], schema("report.schema.json")["$defs"]
    assert {name: one[name] for name in ("counterexample", "value")} == {
        name: other[name] for name in ("counterexample", "value")
    }


# --- the command line ----------------------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    return program.main(arguments, fake_discharge.discharge, grace=5.0)


def test_what_a_command_line_means() -> None:
    plain = Options(Command.MATRIX, (Path("spec/"),), (), "", (), None, cores(), 30.0, False, None)
    assert parse(["matrix"]) == plain
    found = parse(["matrix", "a", "--only", "f*", "--beyond", "user", "--geometry", "g", "--format", "json"])
    assert (found.given, found.only, found.beyond, found.geometry, found.json) == (("a",), ("f*",), "user", "g", True)


def test_the_help_has_the_options_of_the_command_alone() -> None:
    with pytest.raises(Shown) as shown:
        parse(["matrix", "--help"])
    text = str(shown.value)
    assert text.startswith("usage: python -m verify matrix [OPTION ...] [PATH ...]\n")
    assert "--beyond LABEL" in text
    assert "procedures whose name" in text
    assert "obligations whose id" not in text
    for other in ([], ["list"], ["explain"], ["audit"]):
        with pytest.raises(Shown) as shown:
            parse([*other, "--help"])
        assert "--beyond" not in str(shown.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("matrix --beyond usr", "no procedure has a precondition `usr`"),
        (
            "matrix --only flor",
            "there is no procedure with a body and an `ensures` like `flor`; near it: floor",
        ),
        ("matrix --geometry bare", "no geometry that the procedures see has values for all params"),
        ("matrix --geometry lw", "there is no geometry `lw`; there is low"),
        ("--beyond user", "proving takes no --beyond"),
        ("list --beyond user", "`list` takes no --beyond"),
        ("matrx", "there is no file, no folder and no command `matrx`; is `matrix` meant?"),
    ],
)
def test_what_cannot_be_done_is_said(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(TEXT)
    assert run(*line.split()) == 2
    assert capsys.readouterr() == ("", f"verify: error: {message}\n")


def test_without_any_procedure_nothing_is_said_to_be_near(capsys: pytest.CaptureFixture[str]) -> None:
    loaded("module m;\nlemma l(a: word) ensures k: a == a { }\n")
    assert run("matrix") == 2
    assert capsys.readouterr().err == "verify: error: there is no procedure with a body and an `ensures`\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_prints_or_writes_the_report(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded(TEXT)
    line = f"matrix --only floor --only following --beyond user --jobs 1 --format {form}".split()
    assert run(*line) == 0
    out = capsys.readouterr().out
    assert run(*line, "--output", "report") == 0
    assert Path("report").read_text() == out
    if form == "json":
        jsonschema.Draft202012Validator(schema("matrix.schema.json")).validate(json.loads(out))
    else:
        assert "| `low` | right | needs `user` |\n" in out


def test_the_status_says_that_something_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    loaded(TEXT + "procedure p(a: word) returns (r: word) requires n: a < a ensures e: r == 4 { r = a; }\n")
    assert run("matrix", "--only", "p", "--jobs", "1") == 3
    assert "| `low` | unknown |\n" in capsys.readouterr().out
