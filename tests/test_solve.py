"""What is said of an obligation does not depend on what was asked before, nor on how fast the machine is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from plans import plan_of

from verify import core, solve
from verify.elaborate import elaborate
from verify.load import load
from verify.plan import Task
from verify.solve import discharge, together
from verify.verdict import Result, Verdict

TEXT = """\
module m;

param LIMIT: int;
assume limit: 3 <= LIMIT && LIMIT <= 12;
state table: map[word, word];

cover two(a: word, b: word)
    witness apart: a != b && table[a] != table[b] && table[table[a]] == b;

cover far(a: word, b: word, c: word)
    witness far: a < b && b < c && (a & c) != 0 && table[b] > table[c] && table[a] + table[b] == c;

cover last(a: word)
    witness last: a * a == 49 && table[a] > 7;

refute sums(a: word, b: word)
    ensures grows: a + b >= a;

lemma kept(a: word, b: word)
    requires at:    table[a] == b
    requires other: forall x: word :: table[x] < 100
    requires limit: LIMIT > 4
    ensures  small: b < 100
{ }
"""


def planned(folder: Path, text: str = TEXT) -> tuple[core.Program, tuple[Task, ...]]:
    (folder / "m.spec").write_text(text)
    loaded = load([folder / "m.spec"])
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, (loaded.diagnostics, found)
    return program, plan_of(program).tasks


def results(program: core.Program, tasks: Sequence[Task]) -> dict[tuple[str, int], Result]:
    """Without the times."""
    found = (discharge(program, t.obligation, t.scope, {}, 10.0) for t in tasks)
    return {(r.id, r.word_bits): replace(r, seconds=0.0) for r in found}


def test_what_is_found_is_the_same_in_whatever_order_one_process_is_asked(tmp_path: Path) -> None:
    program, tasks = planned(tmp_path)
    forward = results(program, tasks)
    assert {r.verdict for r in forward.values()} == {Verdict.PROVED, Verdict.COVERED, Verdict.REFUTED}
    assert sum(r.counterexample is not None for r in forward.values()) >= 6
    for order in (tasks[::-1], tasks[1::2] + tasks[::2], tasks * 2):
        assert results(program, order) == forward


def test_a_proof_for_every_word_size_names_the_clauses_that_it_needs(tmp_path: Path) -> None:
    program, tasks = planned(tmp_path)
    pair = [t for t in tasks if t.obligation.id == "m.kept.ensures.small"]
    found = together(program, pair[0].obligation, tuple(t.scope for t in pair))
    assert found is not None
    assert {r.used for r in found} == {("m.kept.requires.at", "m.kept.requires.other")}


FALSE = """\
module m;

param SHIFT: int;
assume shift: 3 <= SHIFT && SHIFT < WORD_BITS - 1;
geometry a { WORD_BITS = 32; SHIFT = 12; }
geometry b { WORD_BITS = 64; SHIFT = 16; }
const MASK: word = (1 << SHIFT) - 1;
define inside(a: word, end: word): bool = forall x: word :: x - a < end - a ==> x < end;

procedure rounded(a: word) returns (up: word)
    requires below: inside(a, ~0)
    ensures  above: up >= a
{
    up = (a + MASK) & ~MASK;
}
"""


def test_no_long_proof_is_tried_of_what_is_soon_found_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, tasks = planned(tmp_path, FALSE)

    def never(*_: object) -> None:
        raise AssertionError("a long proof is tried")

    monkeypatch.setattr(solve, "prove", never)
    monkeypatch.setattr(solve, "prove_generally", never)
    both = [t for t in tasks if t.obligation.id == "m.rounded.ensures.above"]
    assert together(program, both[0].obligation, tuple(t.scope for t in both)) is None
    for task in both:
        assert discharge(program, task.obligation, task.scope, {}, 20.0).verdict is Verdict.REFUTED


HARD = """\
module m;

lemma cubes(a: int, b: int, c: int, held: map[int, int])
    requires some:  a > 0 && b > 0
    requires many:  forall n: int :: held[n] * held[n] == n * held[n + 1] + a
    ensures  apart: a * a * a + b * b * b != c * c * c && held[a] * held[b] != c
{ }
"""


def test_all_that_is_tried_keeps_within_the_time_together(tmp_path: Path) -> None:
    program, tasks = planned(tmp_path, HARD)
    both = [t for t in tasks if t.obligation.id == "m.cubes.ensures.apart"]
    began = time.process_time()
    assert together(program, both[0].obligation, tuple(t.scope for t in both), 2.0) is None
    assert time.process_time() - began < 2.0
    began = time.process_time()
    found = discharge(program, both[0].obligation, both[0].scope, {}, 2.0)
    assert time.process_time() - began < 3.5
    assert found.verdict is Verdict.UNKNOWN


OPEN = """\
module m;

type page;
const none: page;
state left: map[word, page];

opaque define clear(): bool = forall a: word :: left[a] == none;

procedure nothing(a: word)
    ensures  clear: clear()
{ }
"""


def test_a_state_that_a_define_reads_is_free_where_the_define_is_laid_open_beside_it(tmp_path: Path) -> None:
    """As its parameter it has the same name, and is bound: so it was left out of the values, and nothing could run."""
    program, tasks = planned(tmp_path, OPEN)
    found = results(program, [t for t in tasks if t.obligation.id == "m.nothing.ensures.clear"])
    assert {r.verdict for r in found.values()} == {Verdict.REFUTED}
