"""Runs that begin where a step breaks a claim, long runs cut for a person, and a refute procedure that is called."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from plans import plan_of

from verify import core
from verify.again import breaks
from verify.confirm import Confirmed
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.execute import StepKind
from verify.load import Loaded, load
from verify.matrix import as_refutation
from verify.present import BEGINNING, ENDING, LONG, present_run
from verify.run import Violation, find_run_by_step, replay
from verify.scopes import Scope, named
from verify.seen import geometries
from verify.solve import discharge
from verify.stepwise import AT_ENTRY, LONG_RUN, entries, has_invariants, reached, starts
from verify.values import MapValue, Value
from verify.verdict import Result, Verdict

TEXT = """\
module m;

param SHIFT: int;
geometry g { WORD_BITS = 32; SHIFT = 12; }
geometry h { WORD_BITS = 32; SHIFT = 13; }
const SIZE: word = 1 << SHIFT;

state marked: set[word];

/// It goes wrong late: after more turns than are laid out.
refute procedure late(from: word, len: word)
    on g, h
    requires room:   from < SIZE && len < 0x100_0000
    modifies marked
    ensures  never:  !(0x1000_0000 in marked) || 0x1000_0000 in old(marked)
{
    var end: word = from + len;
    for (; from < end; from += SIZE / 4)
        invariant below: from <= end + SIZE
        invariant never: !(0x1000_0000 in marked) || 0x1000_0000 in old(marked)
        decreases end - from
    {
        if (from >= 40 * SIZE) {
            marked[0x1000_0000] = true;
        }
    }
}

/// As many turns as `count`, and each computes a value or two.
refute procedure many(count: word) returns (turns: word)
    on g
    requires size:   count <= SIZE
    modifies marked
    ensures  few:    turns != 1700
    witness  number: count == 1700
{
    turns = 0;
    for (; turns < count; turns += 1)
        invariant below: turns <= count
        decreases count - turns
    {
        marked[turns] = true;
    }
}

/// Runs the one above; what that claims is not relied on.
refute procedure again(count: word) returns (turns: word)
    on g
    requires size:   count <= 3
    modifies marked
    ensures  none:   turns != 2
{
    turns = many(count);
}

procedure straight(a: word) returns (r: word) ensures e: r == a { r = a; }
procedure plain(a: word) ensures e: a == a { while (a > 0) decreases a { a -= 1; } }
"""


KEPT = "m.late.loop[1].invariant.never.kept"


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    file = tmp_path_factory.mktemp("stepwise") / "m.spec"
    file.write_text(TEXT, encoding="utf-8")
    return load([file])


@pytest.fixture(scope="module")
def program(read: Loaded) -> core.Program:
    found, mistakes = elaborate(read.modules, read.roots, read.sources, read.broken)
    assert found is not None, (read.diagnostics, mistakes)
    return found


def scope(program: core.Program, name: str = "g") -> Scope:
    return named(geometries(program, "m")[name])


def confirmed(program: core.Program, values: dict[core.Symbol, Value]) -> Confirmed:
    where = scope(program)
    return Confirmed(context_for(program, where.values, where.word_bits, {}), values)


def symbol(routine: core.Routine, name: str) -> core.Symbol:
    return next(p for p in routine.parameters if p.name == name)


@pytest.mark.parametrize(("name", "steps"), [("late", True), ("many", True), ("straight", False), ("plain", False)])
def test_steps_say_something_where_each_loop_has_invariants(program: core.Program, name: str, steps: bool) -> None:
    assert has_invariants(program.routines()[f"m.{name}"]) == steps


def test_a_run_begins_with_the_states_that_a_step_met_and_then_with_those_on_entry(program: core.Program) -> None:
    (marked,) = [i.symbol for i in program.modules[0].items if isinstance(i, core.State)]
    met = replace(marked, version=1)
    sets = [MapValue(marked.type, False, {key: True}, 32) for key in (1, 2)]  # type: ignore[arg-type]
    first, second = entries(confirmed(program, {marked: sets[0], met: sets[1]}))
    assert first.values[marked] == sets[1]
    assert second.values[marked] == sets[0]
    assert len(list(entries(confirmed(program, {marked: sets[0]})))) == 1


def test_what_a_loop_comes_by(program: core.Program) -> None:
    routine = program.routines()["m.late"]
    start, len_ = symbol(routine, "from"), symbol(routine, "len")
    heads = reached(program, routine, confirmed(program, {start: 0x10, len_: 0x1000}), 1000)
    assert [head[start] for head in heads] == [0x10, 0x410, 0x810, 0xC10, 0x1010]
    assert all(set(head) == {start} for head in heads)


def test_a_step_far_from_the_entry_leads_to_a_run(program: core.Program) -> None:
    refutation, routine = as_refutation(program, "m.late", ("g",))
    assert not [*starts(refutation, routine, scope(program), 10.0, {KEPT}, (AT_ENTRY,))]
    run = find_run_by_step(refutation, routine, scope(program), 10.0, {KEPT})
    assert run is not None
    assert run.id == "m.late.ensures.never"
    start, len_ = (run.inputs[symbol(routine, name)] for name in ("from", "len"))
    assert isinstance(start, int)
    assert isinstance(len_, int)
    assert start + len_ > 40 * 4096
    assert breaks(refutation, routine, scope(program), run)


def test_a_run_is_tried_on_another_geometry_by_execution(program: core.Program) -> None:
    refutation, routine = as_refutation(program, "m.late", ("g", "h"))
    run = find_run_by_step(refutation, routine, scope(program), 10.0, {KEPT})
    assert run is not None
    values = {**run.inputs, symbol(routine, "from"): 0}
    for turns, breaks_too in ((160, False), (161, False), (320, False), (321, True)):
        known = replace(run, inputs={**values, symbol(routine, "len"): turns * 2048})
        assert breaks(refutation, routine, scope(program, "h"), known) == (turns * 2048 > 40 * 8192), turns
        assert breaks(refutation, routine, scope(program), known) or not breaks_too


def result(program: core.Program, read: Loaded, id_: str) -> Result:
    (task,) = plan_of(program, (id_,)).listed
    return discharge(program, task.obligation, task.scope, read.sources, 20.0)


def test_a_long_run_is_shown_by_its_two_ends(program: core.Program, read: Loaded) -> None:
    found = result(program, read, "m.many.refute")
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    trace = found.counterexample.trace
    assert len(trace) == BEGINNING + 1 + ENDING
    middle = trace[BEGINNING]
    count, _, text = middle.value.partition(" ")
    assert (middle.name, text) == ("...", "values left out")
    assert int(count) + BEGINNING + ENDING > LONG
    assert [s.value for s in trace if s.name == "turns"][-1] == hex(1700)
    assert [s.text for s in found.counterexample.stages] == [""]
    assert json.dumps(found.counterexample.as_json())


@pytest.mark.parametrize(("turns", "whole"), [(200, True), (579, True), (580, False)])
def test_only_a_long_run_is_cut(program: core.Program, read: Loaded, turns: int, whole: bool) -> None:
    routine = program.routines()["m.late"]
    start = confirmed(program, {symbol(routine, "from"): 0, symbol(routine, "len"): turns * 1024})
    run = replay(program, routine, start, (), lambda id_: id_ == "m.late.ensures.never", LONG_RUN)
    assert isinstance(run, Violation)
    computed = sum(s.symbol is not None and s.value is not None and s.kind is not StepKind.PASS for s in run.trace)
    trace = present_run(program, run, read.sources).trace
    assert whole == (computed <= LONG)
    assert len(trace) == (computed if whole else BEGINNING + 1 + ENDING)
    assert ("..." in [s.name for s in trace]) != whole


def test_a_refute_procedure_runs_another(program: core.Program, read: Loaded) -> None:
    found = result(program, read, "m.again.refute")
    assert found.verdict is Verdict.REFUTED
    assert found.counterexample is not None
    assert found.counterexample.inputs[0].value == "0x2"
    assert [stage.text for stage in found.counterexample.stages] == ["turns = many(count);", ""]
