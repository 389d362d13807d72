"""What is said of an obligation does not depend on what was asked before, nor on how fast the machine is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from verify import core
from verify.elaborate import elaborate
from verify.load import load
from verify.plan import Request, Task, plan
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


def planned(folder: Path) -> tuple[core.Program, tuple[Task, ...]]:
    (folder / "m.spec").write_text(TEXT)
    loaded = load([folder / "m.spec"])
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, (loaded.diagnostics, found)
    return program, plan(Request(program, (), None)).tasks


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
