"""Runs that refute: loops within loops, lemmas on the way, small values, and what each call changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import plan_of

from verify import core
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.explain import explain_text
from verify.load import load
from verify.plan import Task
from verify.solve import discharge
from verify.unroll import Unroll
from verify.verdict import Changed, Verdict

TEXT = """\
module m;

param SHIFT: int;
param DEPTH: int;
geometry g { WORD_BITS = 32; SHIFT = 20; DEPTH = 1; }
const SIZE: word = 1 << SHIFT;
const STEP: word = 4;

type thing;
const none: thing;
state held: map[word, thing];
state refuses: map[int, bool];
state asked: int;

/// Things stand at steps only.
invariant steps: forall a: word :: held[a] != none ==> (a & (STEP - 1)) == 0;

lemma heavy(a: word, b: word)
    requires some: a < b && held[a] != none
    ensures  same: a == b
{ }

procedure ask() returns (granted: bool)
    modifies asked
    ensures  answer: granted <==> !refuses[old(asked)]
{
    granted = !refuses[asked];
    asked += 1;
}

/// Moves a row of things, up to the end of its block on the other side.
procedure row(from: word, to: word, count: word) returns (done: word)
    modifies held
    ensures  few: done <= count
{
    var thing: thing;
    done = 0;
    while (done < count)
        invariant few: done <= count
        decreases count - done
    {
        heavy(from, to);
        if (DEPTH > 1) {
            held[0] = none;
        }
        thing = held[from + done];
        held[from + done] = none;
        held[to + done] = thing;
        done += STEP;
        if (((to + done) & (SIZE - 1)) == 0) {
            break;
        }
    }
}

/// Row by row, each with leave.
procedure rows(from: word, to: word, count: word) returns (done: word)
    modifies held, asked
    ensures  few: done <= count
{
    var more: word;
    var granted: bool;
    done = 0;
    while (done < count)
        invariant few: done <= count
        decreases count - done
    {
        granted = ask();
        if (!granted) {
            return;
        }
        more = row(from + done, to + done, count - done);
        done += more;
    }
}

/// What went there does not always come back: two rows show it.
refute procedure back_again(from: word, to: word, count: word) returns (done: word)
    on g
    requires whole: (from & (STEP - 1)) == 0 && (to & (STEP - 1)) == 0 && (count & (STEP - 1)) == 0
    requires apart: to - from >= count && from - to >= count && count <= 2 * SIZE
    modifies held, asked
    ensures  kept:  done == count || held[from] == old(held)[from]
{
    var back: word;
    done = rows(from, to, count);
    if (done < count) {
        back = rows(to, from, done);
    }
}
"""


def loaded(folder: Path) -> tuple[core.Program, tuple[Task, ...]]:
    (folder / "m.spec").write_text(TEXT, encoding="utf-8")
    read = load([folder / "m.spec"])
    program, found = elaborate(read.modules, read.roots, read.sources, read.broken)
    assert program is not None, (read.diagnostics, found)
    return program, plan_of(program, ("m.back_again.refute",)).listed


def unrolled(program: core.Program, task: Task, turns: int) -> Unroll:
    context = context_for(program, task.scope.values, task.scope.word_bits, {})
    found = Unroll(
        program, program.routines()["m.back_again"], turns, lambda id_: id_.startswith("m.back_again."), context
    )
    found.walk_all()
    return found


def test_what_a_run_does_not_do_is_not_laid_out(tmp_path: Path) -> None:
    program, (task,) = loaded(tmp_path)
    steps = unrolled(program, task, 3).steps
    names = {getattr(step, "symbol", core.WORD_BITS).scope.split(".")[-1].rstrip("?") for step in steps}
    assert {"row", "rows", "ask"} <= names
    assert "heavy" not in names
    settled = unrolled(program, task, 1)
    assert not any("DEPTH" in str(step) for step in settled.steps)


def test_a_loop_within_a_loop_has_fewer_turns(tmp_path: Path) -> None:
    program, (task,) = loaded(tmp_path)
    sizes = [len(unrolled(program, task, turns).steps) for turns in (1, 2, 3, 4)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] < (sizes[3] - sizes[2]) / 2


def test_a_run_is_found_and_is_small(tmp_path: Path) -> None:
    program, (task,) = loaded(tmp_path)
    found = [discharge(program, task.obligation, task.scope, {}, 60.0) for _ in range(2)]
    assert found[0].verdict is Verdict.REFUTED
    assert found[0].detail == ("m.back_again.ensures.kept is broken",)
    example = found[0].counterexample
    assert example is not None
    assert example == (found[1].counterexample)
    inputs = {s.name: s.json for s in example.inputs}
    held = inputs["held"]
    assert isinstance(held, dict)
    assert held["entries"] == {inputs["from"]: "thing#1"}
    for name in ("from", "to", "count"):
        word = int(str(inputs[name]), 16)
        assert min(word, (1 << 32) - word) <= 4 * (1 << 20)  # near 0, on one side or the other


def test_what_each_call_changed_is_shown(tmp_path: Path) -> None:
    program, (task,) = loaded(tmp_path)
    sources = load([tmp_path / "m.spec"]).sources
    result = discharge(program, task.obligation, task.scope, sources, 60.0)
    assert result.counterexample is not None
    there, back, whole = result.counterexample.stages
    inputs = {s.name: s.value for s in result.counterexample.inputs}
    at = f"held[{inputs['from']}]"
    assert Changed(at, "thing#1", "none") in there.changes
    assert there.text == "done = rows(from, to, count);"
    assert [r.name for r in there.results] == ["done"]
    assert [r.name for r in back.results] == ["back"]
    assert [c.name for c in back.changes if c.name == "asked"] == ["asked"]
    assert Changed(at, "thing#1", "none") in whole.changes
    assert not any(c.name == "refuses" for c in whole.changes)
    text = explain_text(program, (task,), (result,), sources)
    assert f"line {there.line}: {there.text}   done = {there.results[0].value}\n" in text
    assert "from entry to the end\n" in text


@pytest.mark.parametrize("size", [1, 3])
def test_more_of_what_is_known_is_less_to_lay_out(size: int, tmp_path: Path) -> None:
    program, (task,) = loaded(tmp_path)
    found = unrolled(program, task, size)
    (check,) = (c for c in found.checks if c.id.endswith("ensures.kept"))
    assert 0 < len(found.obligation((check,)).steps) < len(found.steps)
