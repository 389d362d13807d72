"""Each `refute` of the specification is replayed on the implementation: see `refutes`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from body import settled
from bridge import geometry_of
from faulty import Entries, Spec
from generated import Suite
from inject import inject
from refutes import ELSEWHERE, REPLAYED, Elsewhere, Replay
from refutes_shared import SCHEDULED, Scheduled

from mremap_impl.mm import Allocator, Mm
from verify import core
from verify.evaluate import evaluate
from verify.execute import Repeats, StepKind, Trace, Violated, holds_requires
from verify.run import find_run
from verify.scopes import named
from verify.seen import geometries
from verify.strategies.examples import Example
from verify.syntax import RoutineKind
from verify.terms import forget

TESTS = Path(__file__).parent
FUEL = 5_000

pytestmark = pytest.mark.xdist_group("refutes")
"""All in one process: the specification is read once."""


@cache
def entries(program: core.Program) -> Entries:
    return Entries(Spec(program, {}))


def entry(made: Suite, row: Replay) -> Example:
    return entries(made.program).given(made.program.routines()[row.refute], row.given)


def space(row: Replay, example: Example) -> Mm:
    """The address space of an input: just what is given, and what the entries need."""
    given = row.given
    mm = Mm.holding(geometry_of(example.context), {a: f"page {a:#x}" for a in given.entries}, given.tables)
    mm.bad_pmd.update(given.bad)
    mm.allocator = Allocator.refusing(given.refused)
    return mm


ROWS = [pytest.param(row, id=row.refute) for row in REPLAYED]


def test_there_is_a_row_for_each_refute_of_the_specification(specification: Suite) -> None:
    kinds = (RoutineKind.REFUTE, RoutineKind.REFUTE_PROCEDURE)
    refutes = [name for name, r in specification.program.routines().items() if r.kind in kinds]
    rows = [row.refute for row in REPLAYED] + [row.refute for row in SCHEDULED] + [row.refute for row in ELSEWHERE]
    assert sorted(rows) == sorted(refutes)


@pytest.mark.parametrize("row", ROWS)
def test_the_input_refutes_what_the_specification_says_it_does(row: Replay, specification: Suite) -> None:
    program, example = specification.program, entry(specification, row)
    routine = program.routines()[row.refute]
    assert holds_requires(program, example.context, routine, example.arguments, example.state)
    if routine.kind is RoutineKind.REFUTE:
        held = [bool(evaluate(c.expr, example.context, example.entry, example.entry)) for c in routine.ensures]
        assert held
        assert not all(held)
    else:
        _, run = settled(program, routine, example, FUEL, lambda id_: id_.startswith(f"{row.refute}."))
        assert isinstance(run, Violated | Repeats), run


@pytest.mark.parametrize("row", ROWS)
def test_the_implementation_goes_wrong_on_it_and_the_right_one_does_not(
    row: Replay, specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = entry(specification, row)
    right = row.right or row.wrong
    assert not right(space(row, example), **row.given.arguments)
    if row.fault is not None:
        inject(monkeypatch, import_module(f"mremap_impl.{row.fault.file}"), row.fault.text, row.fault.by)
    else:
        assert row.right is not None
    assert row.wrong(space(row, example), **row.given.arguments)


WALK = "walk_"


def others_in(trace: Trace) -> list[str]:
    """What others do in a run, in order, each with the area that it is done to, if there is one."""
    found: list[str] = []
    calls = False
    for step in trace:
        if step.kind is StepKind.CALL:
            module, _, name = step.callee.partition(".")
            calls = module == "others" and name != "others"
            found += [name] if calls else []
        elif calls and step.kind is StepKind.PASS and step.symbol is not None and step.symbol.name == "area":
            found[-1] += f" {step.value}"
    return found


AMONG_OTHERS = [pytest.param(row, id=row.refute) for row in SCHEDULED]


@pytest.mark.parametrize("row", AMONG_OTHERS)
def test_the_tool_finds_a_run_in_which_others_act_so(row: Scheduled, specification: Suite) -> None:
    forget()
    program = specification.program
    routine = program.routines()[row.refute]
    found = find_run(program, routine, named(geometries(program, routine.module)["i386"]), None, 60.0, None).violation
    assert found is not None
    acts = others_in(found.trace)
    if not any(act.startswith(WALK) for act in row.acts):
        acts = [act for act in acts if not act.startswith(WALK)]  # it changes nothing
    assert tuple(acts) == row.acts


@pytest.mark.parametrize("row", AMONG_OTHERS)
def test_the_implementation_goes_wrong_among_others_and_the_right_one_does_not(
    row: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not (row.right or row.wrong)()
    if row.fault is not None:
        inject(monkeypatch, import_module(f"mremap_impl.{row.fault.file}"), row.fault.text, row.fault.by)
    else:
        assert row.right is not None
    assert row.wrong()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.refute) for row in ELSEWHERE])
def test_a_test_of_its_own_is_there(row: Elsewhere) -> None:
    text = (TESTS / row.file).read_text(encoding="utf-8")
    assert f"\ndef {row.test}(" in text
    assert row.mentions in text
