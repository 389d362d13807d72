"""What verdicts rest on is written as scripts that other solvers read."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
import z3
from second_text import TEXT

from verify import __main__ as program
from verify.cli import OK, WRONG
from verify.export import LONGEST, file_name
from verify.solve import discharge, together


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.spec").write_text(TEXT)


def run(*arguments: str) -> int:
    return program.main(("m.spec", *arguments), discharge, grace=0.5, together=together)


def test_each_script_says_what_it_is_about_and_has_the_answer_that_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--export", "scripts", "--format", "json") == OK
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads(files("verify").joinpath("report.schema.json").read_text(encoding="utf-8")))
    answers: Counter[tuple[str, str]] = Counter()
    for entry in report["obligations"]:
        script, place = entry["script"], entry["location"]
        text = Path("scripts", script["file"]).read_text(encoding="utf-8")
        shared = ".every.every." in script["file"]
        size = "every" if shared else entry["word_bits"]
        assert text.startswith(
            f"; {entry['id']}\n; m.spec:{place['line']}:{place['column']}\n"
            f"; geometry: {entry['geometry']}; word size: {size}\n; verdict: {entry['verdict']}\n"
            f"; expected: {script['expected']}\n"
            f"(set-info :smt-lib-version 2.6)\n(set-info :status {script['expected']})\n"
        )
        assert "as const" not in text  # not in the standard
        assert "(assert" in text, "it asks nothing"
        assert ("declare-fun" in text) == (script["expected"] == "unsat"), "values are written into the question"
        solver = z3.Solver()
        solver.from_string(text)
        assert str(solver.check()) == script["expected"], entry["id"]
        answers[entry["kind"], script["expected"]] += 1
    assert answers == {
        ("geometry", "sat"): 1,
        ("requires", "sat"): 6,
        ("ensures", "unsat"): 8,
        ("assert", "unsat"): 2,
        ("modifies", "unsat"): 4,
        ("invariant", "unsat"): 2,
        ("cover", "sat"): 4,
        ("refute", "sat"): 3,
    }
    written = {path.name for path in Path("scripts").iterdir()}
    assert written == {entry["script"]["file"] for entry in report["obligations"]}


def test_a_proof_is_written_with_the_clauses_that_it_used_and_no_other() -> None:
    assert run("--export", "scripts", "--only", "m.sums.ensures.*", "--only", "m.clear.ensures.cleared") == OK
    sums = Path("scripts", "m.sums.ensures.above.every.every.smt2").read_text()
    clear = Path("scripts", "m.clear.ensures.cleared.every.every.smt2").read_text()
    assert "(<= m.sums.a m.sums.b)" in sums
    assert "PAGE_SHIFT" not in sums
    assert "(select m.table" not in clear


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("m.p.ensures.k", "m.p.ensures.k.every.32.smt2"),
        ("m.p.loop[1].invariant.k.kept", r"m.p.loop_1_.invariant.k.kept.every.32.\w{12}.smt2"),
        ("m.P.ensures.k", r"m.p.ensures.k.every.32.\w{12}.smt2"),
        ("CON.p.ensures.k", r"_con.p.ensures.k.every.32.\w{12}.smt2"),
        ("con.p.ensures.k", r"_con.p.ensures.k.every.32.\w{12}.smt2"),
        (f"m.{'p' * 300}.ensures.k", rf"m.{'p' * (LONGEST - 2)}.\w{{12}}.smt2"),
    ],
)
def test_a_file_s_name_is_safe_everywhere(id_: str, name: str) -> None:
    found = file_name(id_, "every", "32")
    assert re.fullmatch(name, found)
    assert len(found) < 200
    assert re.fullmatch(r"[a-z0-9_][a-z0-9._-]*", found)


def test_files_of_different_obligations_have_different_names_also_where_case_does_not_count() -> None:
    long = f"m.{'p' * 300}"
    ids = ("m.p.loop[1].k", "m.p.loop_1_.k", "m.P.loop[1].k", "m.p.LOOP[1].k", "m.p", f"{long}.a", f"{long}.b")
    names = {file_name(i, g, w).lower() for i in ids for g in ("every", "i386", "I386") for w in ("32", "64", "every")}
    assert len(names) == len(ids) * 9


def test_a_folder_that_cannot_be_written_to_is_told_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("scripts").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may be allowed everything
    assert run("--export", "scripts") == WRONG
    assert capsys.readouterr().err == "verify: error: --export `scripts` cannot be written to: Permission denied\n"


def test_a_folder_with_something_in_it_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Path("scripts").mkdir()
    Path("scripts", "notes").write_text("mine")
    assert run("--export", "scripts") == WRONG
    assert capsys.readouterr() == (
        "",
        "verify: error: --export `scripts` has something in it, `notes`: name a new or an empty folder\n",
    )
    assert [path.name for path in Path("scripts").iterdir()] == ["notes"]
    assert run("--export", "m.spec") == WRONG
    assert capsys.readouterr().err == "verify: error: --export `m.spec` cannot be written to: File exists\n"
    assert run("--export", "a/b", "--only", "m.sums.*") == OK
    assert len(list(Path("a", "b").iterdir())) == 3
