"""The page that a move back loses: found by the tool, lost by the implementation too, and by nothing less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from bridge import Outcome, call, function_at
from generated import implementations
from linux.lost import controls, elsewhere, laid_out, losses, lost_page
from linux.started import Machine

from mremap_impl.geometry import Geometry
from verify import core
from verify.core import Symbol
from verify.elaborate import elaborate
from verify.execute import holds_requires
from verify.load import load
from verify.run import Violation
from verify.strategies.examples import Example
from verify.strategies.hooks import Hook, Style
from verify.values import MapValue, Value, some_value

ROOT = Path(__file__).parent.parent
TABLE = implementations(ROOT / "pyproject.toml")
EXTENTS, BY_PAGE, REPAIRED = "move_vma.move_vma", "move_vma.move_vma_by_page", "repair.move_vma_repaired"

pytestmark = pytest.mark.xdist_group("lost page")
"""All in one process: the run is searched for once."""


@cache
def specification() -> core.Program:
    loaded = load([ROOT / "spec"], ROOT)
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, mistakes
    return program


@cache
def found() -> Violation:
    """The run that the tool finds."""
    return lost_page(specification())


def given() -> dict[str, Value]:
    """What the run begins with, by name."""
    return {s.name: v for s, v in found().inputs.items()}


def entry(name: str, inputs: Mapping[str, Value]) -> Example:
    """These inputs as those of a procedure. The neighbours of both ranges stand right beside them."""
    program, context = specification(), found().context
    routine = program.routines()[name]
    old_addr, new_addr, length = (inputs[n] for n in ("old_addr", "new_addr", "len"))
    assert isinstance(old_addr, int)
    assert isinstance(new_addr, int)
    assert isinstance(length, int)
    rooms = {
        "old_floor": old_addr,
        "old_ceiling": old_addr + length,
        "new_floor": new_addr,
        "new_ceiling": new_addr + length,
    }
    states = program.states(routine.module)
    arguments: dict[Symbol, Value] = {p: {**inputs, **rooms}[p.name] for p in routine.parameters}
    items = program.visible_items(routine.module)
    uninterpreted = (i for i in items if isinstance(i, core.Define) and i.value is None)
    hooks = {d.qualified: Hook(d, Style.SAME, context.word_bits) for d in uninterpreted}
    state = {s: inputs.get(s.name, some_value(s.type, context.word_bits)) for s in states}
    return Example(b"", "i386", replace(context, tables={}), arguments, state, hooks)


def ran(name: str, inputs: Mapping[str, Value]) -> Outcome | None:
    """What the implementation of a procedure makes of them; None if they do not meet its contract."""
    program, example = specification(), entry(name, inputs)
    routine = program.routines()[name]
    if not holds_requires(program, example.context, routine, example.arguments, example.state):
        return None
    answers = {hook: made.start() for hook, made in example.hooks.items()}
    return call(routine, function_at(TABLE[name]), example, answers)


def entries(state: Mapping[Symbol, Value]) -> dict[Value, Value]:
    (pte,) = (v for s, v in state.items() if s.name == "pte")
    assert isinstance(pte, MapValue)
    return dict(pte.items())


def loses(inputs: Mapping[str, Value]) -> bool:
    """True iff the move by extents loses a page: it moves back, and there are fewer entries than before."""
    outcome = ran(EXTENTS, inputs)
    if outcome is None:
        return False
    moved_len, _ = outcome.results.values()
    before = inputs["pte"]
    assert isinstance(before, MapValue)
    return moved_len != inputs["len"] and len(entries(outcome.state)) < len(dict(before.items()))


def test_the_implementation_loses_the_page_that_the_tool_finds() -> None:
    inputs = given()
    outcome = ran(EXTENTS, inputs)
    assert outcome is not None
    pte = inputs["pte"]
    assert isinstance(pte, MapValue)
    (address,) = dict(pte.items())
    moved_len, back = outcome.results.values()
    old_addr, length = inputs["old_addr"], inputs["len"]
    assert isinstance(old_addr, int)
    assert isinstance(address, int)
    assert isinstance(moved_len, int)
    assert isinstance(length, int)
    assert isinstance(back, int)
    # It went with the forward move, which stopped short of the end; the way back stopped short of it.
    assert back <= address - old_addr < moved_len < length
    assert entries(outcome.state) == {}


@pytest.mark.parametrize("name", [BY_PAGE, REPAIRED])
def test_the_other_two_methods_lose_nothing_there(name: str) -> None:
    outcome = ran(name, given())
    assert outcome is not None
    assert len(entries(outcome.state)) == 1


def test_the_run_has_nothing_that_it_could_do_without() -> None:
    inputs = given()
    assert loses(inputs)
    tables, refuses, pte = inputs["table"], inputs["refuses"], inputs["pte"]
    assert isinstance(tables, MapValue)
    assert isinstance(refuses, MapValue)
    assert isinstance(pte, MapValue)
    page = 0x1000
    less: list[dict[str, Value]] = [{"len": 2 * page}, {"len": page}]
    less += [{"table": tables.set(t, False)} for t, _ in tables.items()]
    less += [{"refuses": refuses.set(n, False)} for n, _ in refuses.items()]
    less += [{"pte": pte.set(a, pte.default)} for a, _ in pte.items()]
    assert len(less) >= 6
    assert not any(loses({**inputs, **change}) for change in less)


def test_laid_out_elsewhere_it_is_lost_as_well_and_the_controls_lose_nothing() -> None:
    """What a kernel is asked, before it is asked: by how many tables may be had, what the implementation loses."""
    run = laid_out(found())
    assert losses(run) == (run.pages, (), (), ())
    five_levels = Geometry("five levels", 64, 12, 21, 30, 39, 48, 0xFFFFFFFFFFF000)
    there = elsewhere(run, five_levels, Machine(4096, ((0x400000, 0x500000),)))
    assert there.old_addr % five_levels.PMD_SIZE == five_levels.PMD_SIZE - five_levels.PAGE_SIZE
    assert losses(there) == (there.pages, (), (), ())
    for control in controls(there):
        assert losses(control) == ((), (), (), ())
