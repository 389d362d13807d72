"""Test vectors: the report as text and as JSON, and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import fake_discharge
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from vectors_text import loaded

from verify import __main__ as program
from verify import goals
from verify.cli import Command, Options, Shown, cores, parse
from verify.load import Loaded
from verify.vectors import cases, find_all, routines
from verify.vectors_report import Found, gathered, summary, vectors_json, vectors_text


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- the report ----------------------------------------------------------------------------------------------------


def found_of(names: tuple[str, ...], geometry: str, timeout: float = 10.0) -> tuple[tuple[Found, ...], Loaded]:
    read, found = loaded()
    chosen = routines(found, names)
    asked = cases(found, chosen, (geometry,))
    stop, _keep = Pipe(duplex=False)
    outcomes = dict(find_all(found, asked, timeout, 1, 60.0, stop))
    return gathered(found, chosen, {c: outcomes[c] for c in asked}), read


def test_the_text() -> None:
    found, read = found_of(("cut", "guesses"), "small")
    assert (
        vectors_text(found, read.sources)
        == """\
spec/m.spec:17: m.cut
   1  small: a = 0x20
      gives r = 0x10
   2  small: a = 0x0
      gives r = 0x0
   3  small: a = 0x10
      gives r = 0x10
  goal                     small
  path[1]                  1           line 21: a > SIZE: true
  path[2]                  2 3         line 21: a > SIZE: false
  condition[1].true        1           line 21: a > SIZE: true
  condition[1].false       2 3         line 21: a > SIZE: false
  condition[1].equal       3           line 21: a > SIZE: equal
  condition[1].below       impossible  line 21: a > SIZE: below
  condition[1].above       impossible  line 21: a > SIZE: above
  condition[1].below.SIZE  2           line 21: a > SIZE: below by SIZE
  condition[1].above.SIZE  1           line 21: a > SIZE: above by SIZE

spec/m.spec:71: m.guesses
  small: no vectors: it may read a variable that nobody has set, so its result is not determined

12 goals of 2 procedures: 7 reached by 3 vectors, 2 impossible, 3 unknown
"""
    )


def schema() -> Any:
    return json.loads(files("verify").joinpath("vectors.schema.json").read_text(encoding="utf-8"))


def test_the_json_follows_its_schema_and_has_a_line_for_each_vector() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    found, read = found_of(("cut", "moves", "guesses"), "small")
    text = vectors_json(found, read.sources, {"verify": "0.1.0", "z3": "5.4.1"})
    said = json.loads(text)
    jsonschema.Draft202012Validator(schema()).validate(said)
    cut, moves, guesses = said["procedures"]
    assert cut["vectors"][0] in [
        json.loads(line.strip().rstrip(",")) for line in text.splitlines() if '"params"' in line
    ]
    assert cut["vectors"][0] == {
        "geometry": "small",
        "params": {"WORD_BITS": 32, "SHIFT": 4},
        "arguments": {"a": "0x20"},
        "state": {},
        "tables": {},
        "results": {"r": "0x10"},
        "after": {},
        "goals": ["path[1]", "condition[1].true", "condition[1].above.SIZE"],
        "tells": ["condition[1].true", "condition[1].above.SIZE"],
    }
    assert cut["states"] == {"items": "map[word, item]", "asked": "int"}
    assert [w["why"] for w in cut["without"]] == ["impossible", "impossible"]
    assert any(v["tables"].get("m.changed") for v in moves["vectors"])
    assert guesses["unhandled"][0]["geometry"] == "small"
    total = summary(found)
    assert said["summary"] == {name: getattr(total, name) for name in total.__slots__}
    assert total.goals == total.reached + total.impossible + total.unknown


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda p: p["vectors"][0].pop("after"), "after"),
        (lambda p: p["vectors"][0]["goals"].append("path"), "path"),
        (lambda p: p["without"][0].update(why="proved"), "proved"),
    ],
)
def test_the_schema_refuses_what_is_none(change: Callable[[Any], object], where: str) -> None:
    found, read = found_of(("cut",), "small")
    said = json.loads(vectors_json(found, read.sources, {"verify": "0.1.0", "z3": "5.4.1"}))
    change(said["procedures"][0])
    with pytest.raises(jsonschema.ValidationError, match=where):
        jsonschema.Draft202012Validator(schema()).validate(said)


# --- the command line ----------------------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    return program.main(arguments, fake_discharge.discharge, grace=5.0)


def test_what_a_command_line_means() -> None:
    plain = Options(Command.VECTORS, (Path("spec/"),), (), "", (), None, cores(), 30.0, False, None)
    assert parse(["vectors"]) == plain
    found = parse(["vectors", "a", "--geometry", "g", "--geometry", "h", "--geometry", "g"])
    assert found == replace(plain, paths=(Path("a"),), given=("a",), geometries=("g", "h"))


def test_the_help_has_the_options_of_the_command_alone() -> None:
    with pytest.raises(Shown) as help_:
        parse(["vectors", "--help"])
    text = str(help_.value)
    assert text.startswith("usage: python -m verify vectors [OPTION ...] [PATH ...]\n")
    assert "  --geometry NAME     vectors on this geometry; may be repeated\n" in text
    assert "procedures whose name" in text
    assert "--beyond" not in text
    assert text.count("--geometry NAME") == text.count("--only GLOB") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("vectors --only ct", "there is no procedure with a body like `ct`; near it: cut"),
        ("vectors --geometry smal", "there is no geometry `smal`; there is small"),
        ("vectors --geometry small --geometry smal", "there is no geometry `smal`; there is small"),
        ("vectors --beyond aligned", "`vectors` takes no --beyond"),
        ("list --geometry small --geometry wide", "--geometry is given twice; it stands for one geometry"),
    ],
)
def test_what_cannot_be_done_is_said(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded()
    assert run(*line.split()) == 2
    assert capsys.readouterr() == ("", f"verify: error: {message}\n")


def test_the_command_writes_the_report_and_its_status_says_whether_all_goals_are_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loaded()
    line = ["vectors", "--only", "cut", "--geometry", "small", "--jobs", "1"]
    assert run(*line) == 0
    out = capsys.readouterr().out
    assert out.endswith("9 goals of 1 procedure: 7 reached by 3 vectors, 2 impossible, 0 unknown\n")
    assert run(*line, "--output", "report") == 0
    assert Path("report").read_text() == out
    assert run("vectors", "--only", "guesses", "--geometry", "small", "--jobs", "1") == 3
    assert run("vectors", "--only", "cut", "--geometry", "odd", "--jobs", "1") == 3


def test_paths_that_are_not_asked_for_are_counted_and_are_no_success(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals, "MOST_PATHS", 1)
    loaded()
    assert run("vectors", "--only", "cut", "--geometry", "small", "--jobs", "1") == 3
    out = capsys.readouterr().out
    assert "  1 path more: too many to be asked for\n" in out
    assert out.endswith("; 1 path more not asked for\n")
