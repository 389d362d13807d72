"""Other solvers have a say: whoever contradicts a verdict, or has no answer, is noticed; so is whoever loses a part of
the question, and a proof that z3 should not have found."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from second_text import TEXT

from verify import __main__ as program
from verify import export, second, solve
from verify import solvers as solvers_module
from verify.basis import Basis, Claim, Met, claim
from verify.cli import DISAGREE, OK, UNKNOWN, WRONG
from verify.core import Program
from verify.prove import Encodings, Proof
from verify.verdict import Answer, Opinion
from verify.words import BitVectors

PRIME = """\
(assert (and (bvult #x0000000000000001 a) (bvult a #x0000000080000000)))
(assert (and (bvult #x0000000000000001 b) (bvult b #x0000000080000000)))
(assert (= (bvmul a b) #x1fffffffffffffff))
(check-sat)
"""
"""That 2^61 - 1 is the product of two smaller numbers. It is a prime."""

BOTH = ("--solver", "z3", "--solver", "cvc5")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.spec").write_text(TEXT)


def run(*arguments: str) -> int:
    return program.main(("m.spec", *arguments), solve.discharge, grace=0.5, together=solve.together)


def report(capsys: pytest.CaptureFixture[str]) -> Any:
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, json.loads(files("verify").joinpath("report.schema.json").read_text(encoding="utf-8")))
    return found


def has(monkeypatch: pytest.MonkeyPatch, **solvers: object) -> None:
    """These in the place of the solvers that there are."""
    monkeypatch.setattr(program, "SOLVERS", solvers)


# --- the solvers ---------------------------------------------------------------------------------------------------


def test_a_second_solver_agrees_with_every_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BOTH, "--format", "json") == OK
    found = report(capsys)
    for entry in found["obligations"]:
        assert entry["opinions"] == [{"solver": "cvc5", "answer": entry["script"]["expected"]}], entry["id"]
    count = found["summary"]["obligations"]
    assert found["summary"]["solvers"] == {"cvc5": {"agree": count, "contradict": 0, "unknown": {}}}
    assert set(found["versions"]) == {"verify", "z3", "cvc5"}


def test_bitwuzla_reads_what_is_on_the_bits_and_says_so_of_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.spec").write_text("""\
module m;
refute wraps(a: word)
    ensures k: a + 1 > a;
lemma above(a: word)
    requires low: a < 9
    ensures  k: a + 1 > a
{ }
""")
    assert run("--solver", "z3", "--solver", "bitwuzla", "--only", "*.refute", "--only", "*.ensures.*") == UNKNOWN
    out = capsys.readouterr().out
    assert "bitwuzla: 2 agree, 0 contradict, 2 without an answer\n  2 it cannot read the script\n" in out


def test_what_a_solver_gives_up_on_or_cannot_read_has_a_reason(tmp_path: Path) -> None:
    script = tmp_path / "script.smt2"

    def asked(text: str) -> list[tuple[Answer, str]]:
        script.write_text(f"(set-logic QF_BV)(declare-const a (_ BitVec 64))(declare-const b (_ BitVec 64)){text}")
        return [(o.answer, o.reason) for o in (ask(script, 0.2) for ask in solvers_module.SOLVERS.values())]

    assert asked("(assert (= a (bvnot a)))(check-sat)") == [(Answer.UNSAT, "")] * 2
    assert asked("(set-info :status unsat)(assert (= a b))(check-sat)") == [(Answer.SAT, "")] * 2
    assert asked("(assert (= a flase))(check-sat)") == [(Answer.UNKNOWN, "it cannot read the script")] * 2
    assert asked(PRIME) == [(Answer.UNKNOWN, "it gives up: timeout"), (Answer.UNKNOWN, "it gives up")]


# --- solvers that are wrong, or say nothing ------------------------------------------------------------------------


def right(path: Path, _seconds: float, name: str = "cvc5") -> Opinion:
    return Opinion(name, Answer.UNSAT if "(set-info :status unsat)" in path.read_text() else Answer.SAT)


def lies(path: Path, _seconds: float) -> Opinion:
    return Opinion("cvc5", Answer.SAT if "sums.ensures" in path.name else Answer.UNSAT)


def silent(path: Path, seconds: float) -> Opinion:
    return Opinion("cvc5", Answer.UNKNOWN, "it gives up: why") if "sums.ensures" in path.name else right(path, seconds)


def hangs(path: Path, seconds: float) -> Opinion:
    if "sums.ensures" in path.name:
        time.sleep(100)
    return right(path, seconds)


def dies(path: Path, seconds: float) -> Opinion:
    if "sums.ensures" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return right(path, seconds)


def raises(_path: Path, _seconds: float) -> Opinion:
    raise ImportError("its library does not load")


ALL = "cvc5: 0 agree, 0 contradict, 2 without an answer\n"


@pytest.mark.parametrize(
    ("solver", "status", "summary"),
    [
        (lies, DISAGREE, "cvc5: 0 agree, 2 contradict, 0 without an answer\n"),
        (silent, UNKNOWN, f"{ALL}  2 it gives up: why\n"),
        (hangs, UNKNOWN, f"{ALL}  2 it does not keep to its time\n"),
        (dies, UNKNOWN, f"{ALL}  2 its process did not survive, twice\n"),
        (raises, UNKNOWN, f"{ALL}  2 it cannot be asked\n"),
        (right, OK, "cvc5: 2 agree, 0 contradict, 0 without an answer\n"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_solver_that_lies_or_says_nothing_is_noticed(
    solver: object, status: int, summary: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, cvc5=solver)
    monkeypatch.setattr(second, "GRACE", 0.1)
    assert run(*BOTH, "--only", "m.sums.ensures.*", "--timeout", "0.2") == status
    assert summary in capsys.readouterr().out


def test_a_contradiction_is_told_in_full_and_counts_more_than_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, cvc5=lies)
    Path("m.spec").write_text(f"{TEXT}\nlemma wrong(a: word) ensures k: a + 1 > a {{ }}\n")
    only = ("--only", "m.sums.ensures.*", "--only", "m.wrong.ensures.*")
    assert run(*BOTH, *only) == DISAGREE
    out = re.sub(r"\d+\.\d+ s", "N s", capsys.readouterr().out)
    assert (
        """\
m.spec
  ??  sums.ensures.above   UNKNOWN (disagreement): every geometry, 32 and 64 bits      N s

m.spec:14:21: UNKNOWN m.sums.ensures.above
   14 |     ensures  above: a + b >= a
      |                     ^^^^^^^^^^
  reason: disagreement
  cvc5 says sat to m.sums.ensures.above.every.every.smt2, where it is unsat
  without that the verdict is proved; --export writes the script
  again: python -m verify explain m.sums.ensures.above --solver z3 --solver cvc5 m.spec
"""
        in out
    )
    assert run(*BOTH, *only, "--format", "json") == DISAGREE
    entries = report(capsys)["obligations"]
    assert {(e["id"], e["verdict"], e.get("reason"), e["ok"]) for e in entries} == {
        ("m.sums.ensures.above", "unknown", "disagreement", False),
        ("m.wrong.ensures.k", "unknown", "disagreement", False),
    }
    has(monkeypatch, cvc5=right)
    assert run(*BOTH, *only) == 1


def test_explain_says_what_each_solver_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, cvc5=silent, bitwuzla=partial(right, name="bitwuzla"))
    given = ("--solver", "cvc5", "--solver", "z3", "--solver", "bitwuzla")
    arguments = ("explain", "m.sums.ensures.above", "m.spec", *given)
    assert program.main(arguments, solve.discharge, grace=0.5, together=solve.together) == UNKNOWN
    assert capsys.readouterr().out.count("  cvc5: no answer: it gives up: why\n  bitwuzla: unsat\n") == 2


# --- without z3 ----------------------------------------------------------------------------------------------------


def test_without_z3_a_proof_needs_the_others_word_and_what_was_executed_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, cvc5=silent, bitwuzla=partial(right, name="bitwuzla"))
    only = ("--only", "m.sums.*", "--only", "m.clear.ensures.cleared", "--format", "json")

    def verdicts() -> set[tuple[str, str, str]]:
        return {(e["id"], e["verdict"], e["solver"]) for e in report(capsys)["obligations"]}

    assert run("--solver", "cvc5", *only) == UNKNOWN
    assert verdicts() == {
        ("m.sums.requires", "proved", "z3"),
        ("m.sums.ensures.above", "unknown", "z3"),
        ("m.clear.ensures.cleared", "proved", "cvc5"),
    }
    assert run("--solver", "bitwuzla", *only) == OK
    assert ("m.sums.ensures.above", "proved", "bitwuzla") in verdicts()


def test_without_z3_nothing_is_proved_that_has_no_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, cvc5=right)
    monkeypatch.setattr(export, "discharge_with_basis", lambda *given: (solve.discharge(*given), None))
    monkeypatch.setattr(export, "together_with_basis", lambda *_: None)
    assert run("--solver", "cvc5", "--only", "m.sums.ensures.*", "--only", "m.wraps.*") == UNKNOWN
    out = capsys.readouterr().out
    assert "4 no script: the verdict rests on a run that was executed, or there is none\n" in out
    assert "4 obligations: 2 as specified, 0 failed, 2 unknown" in out


# --- questions and proofs that are wrong ---------------------------------------------------------------------------


def without_goal(program: Program, basis: Basis) -> Claim:
    found = claim(program, basis)
    return replace(found, terms=found.terms[:-1])


def other_values(program: Program, basis: Basis) -> Claim:
    assert isinstance(basis, Met)
    zero = dict.fromkeys(basis.values.values, 0)
    return claim(program, replace(basis, values=replace(basis.values, values=zero)))


def flipped(program: Program, basis: Basis) -> Claim:
    found = claim(program, basis)
    return replace(found, answer=Answer.SAT if found.answer is Answer.UNSAT else Answer.UNSAT)


@pytest.mark.parametrize(
    ("fault", "only"),
    [
        (without_goal, "m.sums.ensures.*"),
        (flipped, "m.sums.ensures.*"),
        (flipped, "m.wraps.*"),
        (other_values, "m.wraps.*"),
    ],
)
def test_a_script_that_loses_a_part_has_other_values_or_expects_the_wrong_answer_is_noticed(
    fault: Callable[[Program, Basis], Claim],
    only: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(export, "claim", fault)
    monkeypatch.setattr(solve, "AbstractIntegers", BitVectors)  # where cvc5 finds values as well
    monkeypatch.setattr(export, "together_with_basis", lambda *_: None)
    assert run(*BOTH, "--only", only, "--timeout", "5") == DISAGREE
    assert "cvc5: 0 agree, 2 contradict, 0 without an answer" in capsys.readouterr().out


def test_a_proof_that_z3_should_not_have_found_is_contradicted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(encodings: Encodings, *_: object) -> Proof:
        return Proof(encodings.question.clauses(), encodings.whole(BitVectors(encodings.question.scope.word_bits)))

    monkeypatch.setattr(solve, "at_once", wrong)
    monkeypatch.setattr(export, "together_with_basis", lambda *_: None)
    Path("m.spec").write_text("module m;\nlemma wrong(a: word) ensures k: a + 1 > a { }\n")
    assert run("--only", "*.ensures.*") == OK
    assert run("--only", "*.ensures.*", *BOTH) == DISAGREE
    assert "cvc5 says sat to m.wrong.ensures.k.every.32.smt2, where it is unsat" in capsys.readouterr().out


# --- the command line ----------------------------------------------------------------------------------------------


def test_a_solver_that_is_not_installed_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "installed", lambda _: None)
    assert run(*BOTH, "--solver", "bitwuzla") == WRONG
    assert capsys.readouterr() == (
        "",
        "verify: error: not installed: cvc5, bitwuzla\n  help: python -m pip install cvc5 bitwuzla\n",
    )
