"""`--stability N`: the same with N seeds of the solver."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import z3
from fake_discharge import lemmas, result, write
from plans import plan_of

from verify import core
from verify.__main__ import main
from verify.cli import FAILED, OK, WRONG
from verify.elaborate import elaborate
from verify.load import load
from verify.passive import Obligation
from verify.scopes import Scope
from verify.solve import discharge as real
from verify.span import Source
from verify.stable import Seeded, tried
from verify.terms import forget
from verify.verdict import Reason, Result, Verdict


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def by_luck(
    program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
) -> Result:
    """`lucky` is proved with the first seeds alone, `wavers` refuted with the second."""
    del program, sources, timeout
    seed = int(z3.get_param("smt.random_seed"))
    assert int(z3.get_param("sat.random_seed")) == seed
    if obligation.id == "m.lucky.ensures.k" and seed > 1:
        return result(obligation, scope, Verdict.UNKNOWN, reason=Reason.TIMEOUT)
    wavers = obligation.id == "m.wavers.ensures.k" and seed == 1
    return result(obligation, scope, Verdict.REFUTED if wavers else Verdict.PROVED)


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_verdicts_that_do_not_change_are_as_specified(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good", "fine"))
    assert main(["--stability", "3"], by_luck, grace=0.5) == OK
    out = re.sub(r"\d+\.\d+ s", "N s", capsys.readouterr().out)
    assert (
        """\
3 seeds: no verdict changes
  slowest: N s, m.good.requires, every geometry, 32 bits
  furthest apart: N s, m.good.requires, every geometry, 32 bits
8 obligations: 8 as specified, 0 failed, 0 unknown. N s on 2 processes
"""
        in out
    )


@pytest.mark.parametrize(
    ("name", "seeds", "status"),
    [("lucky", 2, OK), ("lucky", 3, FAILED), ("wavers", 2, FAILED)],
)
def test_a_verdict_that_a_seed_changes_is_none_and_fails(
    name: str, seeds: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    write(m=lemmas("good", name))
    assert main(["--stability", str(seeds), "--format", "json"], by_luck, grace=0.5) == status
    found = report(capsys)
    unstable = [o["id"] for o in found["obligations"] if o.get("reason") == "unstable"]
    assert unstable == ([f"m.{name}.ensures.k"] * 2 if status else [])
    assert [len(o["trials"]) for o in found["obligations"]] == [seeds] * 8
    assert found["summary"]["stability"] == {
        "seeds": seeds,
        "changed": len(unstable),
        "slowest_seconds": 0.01,
        "seconds_apart": 0.0,
    }


def test_what_is_wrong_with_one_seed_is_wrong(tmp_path: Path) -> None:
    write(m=lemmas("good"))
    loaded = load([tmp_path / "spec"])
    program, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None
    task = plan_of(program).listed[0]
    good = result(task.obligation, task.scope, Verdict.PROVED)
    assert (tried([good, good]).enough, tried([good, good]).defect) == (True, False)
    assert not tried([good, replace(good, enough=False)]).enough
    assert tried([good, replace(good, defect=True)]).defect


def test_what_came_of_each_seed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("lucky"))
    assert main(["--stability", "3"], by_luck, grace=0.5) == FAILED
    assert (
        """\
  reason: unstable
  seed 0: proved, 0.01 s
  seed 1: proved, 0.01 s
  seed 2: unknown (timeout), 0.01 s
"""
        in capsys.readouterr().out
    )


def choices(_: object) -> tuple[Result, ...]:
    """What the solver chooses of many answers to a question about integers, and to one about bits; for results."""
    forget()
    integers, bits = z3.SimpleSolver(), z3.Solver()
    places = [z3.Int(f"p{n}") for n in range(12)]
    integers.add(*(z3.And(p >= 0, p < 12) for p in places), z3.Distinct(*places))
    integers.add(*(z3.Distinct(*(p + sign * n for n, p in enumerate(places))) for sign in (1, -1)))
    x, y = z3.BitVecs("x y", 32)
    bits.add(x * y == 0x1234_5678, x > 5, y > 7)
    assert integers.check() == bits.check() == z3.sat
    chosen = (tuple(integers.model()[p].as_long() for p in places), bits.model()[x].as_long())
    return cast(tuple[Result, ...], chosen)


def test_the_solver_chooses_otherwise_with_another_seed_and_the_same_with_the_same() -> None:
    seeded = Seeded(choices, 3)
    first, again, second, third = (seeded.run((), seed) for seed in (0, 0, 1, 2))
    assert first == again == choices(())
    for one in (0, 1):
        assert len({first[one], second[one], third[one]}) == 3


def test_it_is_so_for_real(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "refute procedure no(a: word) returns (b: word) ensures k: b > a { b = a + 1; }"
    write(m=f"lemma wraps(a: word) ensures k: a + 1 - 1 == a;\n{wrong}\n")
    assert main(["--stability", "2", "--format", "json"], real) == OK
    assert {len(o["trials"]) for o in report(capsys)["obligations"]} == {2}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--stability 1", "--stability: `1` is not a number of seeds, which is 2 or more"),
        ("--stability many", "--stability: `many` is not a number of seeds, which is 2 or more"),
        ("list --stability 2", "`list` takes no --stability"),
        (
            "--stability 2 --export d",
            "--stability is about z3 alone: it goes with no --export and no --solver but z3",
        ),
        (
            "--stability 2 --solver cvc5",
            "--stability is about z3 alone: it goes with no --export and no --solver but z3",
        ),
    ],
)
def test_what_cannot_be_done_is_said(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split(), by_luck) == WRONG
    assert capsys.readouterr().err.splitlines()[0] == f"verify: error: {message}"
