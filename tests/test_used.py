"""What a proof is said to use: enough for it, and nothing that it can do without."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import combinations, product
from pathlib import Path

import pytest
from plans import plan_of

from verify import core, prove
from verify.elaborate import elaborate
from verify.load import load
from verify.minimal import Names, Tried, carries_weight, minimal, order
from verify.passive import Assume
from verify.plan import Task
from verify.prove import Encodings, Proof
from verify.prove import prove as prove_at
from verify.put import Tracking, assertions, put
from verify.question import Question, ask
from verify.solve import discharge, together
from verify.terms import forget
from verify.verdict import Result, Verdict
from verify.words import BitVectors

ROOT = Path(__file__).parent.parent

STEP = """\
module step;

import machine;

define next_pmd(addr: word): word = (addr + PMD_SIZE) & PMD_MASK;

define room(old_addr: word, old_end: word): int =
    min(int(pmd_addr(old_addr)) + int(PMD_SIZE), int(old_end)) - int(old_addr);

lemma as_in_2005(old_addr: word, old_end: word)
    requires from:     page_aligned(old_addr)
    requires to:       page_aligned(old_end)
    requires nonempty: old_addr < old_end
    ensures  exact:    int((if next_pmd(old_addr) - 1 > old_end then old_end else next_pmd(old_addr)) - old_addr)
                       == room(old_addr, old_end)
{ }

lemma by_deltas(old_addr: word, old_end: word)
    requires from:     page_aligned(old_addr)
    requires to:       page_aligned(old_end)
    requires nonempty: old_addr < old_end
    ensures  exact:    int(if next_pmd(old_addr) - old_addr > old_end - old_addr
                           then old_end - old_addr else next_pmd(old_addr) - old_addr)
                       == room(old_addr, old_end)
{ }

lemma end_apart(addr: word, end: word)
    requires aligned: page_aligned(end)
    ensures  apart:   int(end) + 1 != int(pmd_addr(addr)) + int(PMD_SIZE)
{ }

lemma by_lemma(addr: word, end: word)
    requires from: page_aligned(addr)
    requires to:   page_aligned(end)
    ensures  less: int(end) + 1 < int(pmd_addr(addr)) + int(PMD_SIZE)
                   || int(end) + 1 > int(pmd_addr(addr)) + int(PMD_SIZE)
{
    end_apart(addr, end);
}

lemma roundabout(a: word, b: word, c: word)
    requires first:  a < b
    requires second: b < c
    requires both:   a < c
    requires more:   a < c && a < b
    ensures  below:  a < c || c > b + 1
{ }
"""


@cache
def planned(folder: Path) -> tuple[core.Program, tuple[Task, ...]]:
    shutil.copy(ROOT / "spec" / "machine.spec", folder)
    (folder / "step.spec").write_text(STEP)
    loaded = load([folder / "machine.spec", folder / "step.spec"])
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, (loaded.diagnostics, found)
    return program, plan_of(program).tasks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("used")


def at_every_geometry(folder: Path, id_: str) -> tuple[core.Program, list[Task]]:
    program, tasks = planned(folder)
    found = [t for t in tasks if t.obligation.id == id_]
    assert {(t.scope.shown, t.scope.word_bits) for t in found} == {("every", 32), ("every", 64)}
    return program, found


def proved(folder: Path, id_: str) -> tuple[Result, ...]:
    """At 32 and at 64 bits, by one proof or by two."""
    program, tasks = at_every_geometry(folder, id_)
    found = together(program, tasks[0].obligation, tuple(t.scope for t in tasks))
    results = found or tuple(discharge(program, t.obligation, t.scope, {}, 30.0) for t in tasks)
    assert {r.verdict for r in results} == {Verdict.PROVED}
    return results


def kept(question: Question, names: Names) -> Question:
    """The question without any other clause."""
    steps = (s for s in question.steps if not isinstance(s, Assume) or s.name is None or s.name in names)
    return replace(question, steps=tuple(steps))


def holds(program: core.Program, question: Question) -> bool:
    """Whether the claim does, on the exact bits."""
    forget()
    words = BitVectors(question.scope.word_bits)
    answer = put(assertions(program, question, words, None, question.scope.narrow), 20_000)
    assert answer.yes != answer.no, answer.reason
    return answer.no


def check_minimal(program: core.Program, task: Task) -> None:
    """That a claim is proved from what its proof is said to use alone, and is false without any one clause of it."""
    result = discharge(program, task.obligation, task.scope, {}, 30.0)
    assert result.verdict is Verdict.PROVED
    question = ask(program, task.obligation, task.scope)
    used = frozenset(result.used)
    assert used <= set(question.clauses())
    assert holds(program, kept(question, used))
    for name in result.used:
        assert not holds(program, kept(question, used - {name})), (task.obligation.id, name)


def test_the_form_of_2005_leans_on_an_aligned_end_and_on_pages_of_more_than_a_byte(folder: Path) -> None:
    for result in proved(folder, "step.as_in_2005.ensures.exact"):
        assert {"step.as_in_2005.requires.to", "machine.assume.page_shift"} < set(result.used)
        assert "step.as_in_2005.requires.from" not in result.used


def test_the_form_by_deltas_leans_on_neither(folder: Path) -> None:
    for result in proved(folder, "step.by_deltas.ensures.exact"):
        assert {"step.by_deltas.requires.nonempty"} <= set(result.used)
        assert set(result.used) <= {"step.by_deltas.requires.nonempty", "machine.assume.shifts"}


def test_what_a_lemma_ensures_is_there_by_name(folder: Path) -> None:
    for result in proved(folder, "step.by_lemma.ensures.less"):
        assert result.used == ("step.end_apart.ensures.apart",)
    for result in proved(folder, "step.by_lemma.call[1].end_apart.aligned"):
        assert result.used == ("step.by_lemma.requires.to",)
    for result in proved(folder, "step.end_apart.ensures.apart"):
        assert {"machine.assume.page_shift", "step.end_apart.requires.aligned"} < set(result.used)


def test_of_what_says_the_same_one_clause_is_kept(folder: Path) -> None:
    for result in proved(folder, "step.roundabout.ensures.below"):
        assert result.used == ("step.roundabout.requires.both",)


DEAR = ("step.as_in_2005.ensures.exact", "step.by_deltas.ensures.exact")
"""Those of which the check takes long on the bits: it is made at 32 bits alone."""

SMALL = (
    *DEAR,
    "step.end_apart.ensures.apart",
    "step.roundabout.ensures.below",
    "machine.levels_nest.ensures.pmd",
    "machine.levels_nest.ensures.pud",
    "machine.levels_nest.ensures.p4d",
    "machine.pmd_floor.ensures.near",
    "machine.pmd_floor.ensures.next",
    "machine.pmd_pages.ensures.aligned",
    "machine.aligned_sum.ensures.sum",
    "machine.page_apart.ensures.page",
    "machine.page_apart.ensures.apart",
    "machine.page_least.ensures.least",
    "machine.inside_page.ensures.none",
)


@pytest.mark.parametrize("id_", SMALL)
def test_what_is_used_is_enough_and_all_of_it_is_needed(folder: Path, id_: str) -> None:
    program, tasks = at_every_geometry(folder, id_)
    for task in tasks[:1] if id_ in DEAR else tasks:
        check_minimal(program, task)


def test_that_check_finds_what_is_not_needed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's own core is not always minimal."""

    def whole(names: Sequence[str], *_: object, **__: object) -> tuple[str, ...]:
        return tuple(names)

    monkeypatch.setattr(prove, "minimal", whole)

    def noticed(id_: str) -> bool:
        program, tasks = at_every_geometry(folder, id_)
        try:
            check_minimal(program, tasks[0])
        except AssertionError:
            return True
        return False

    assert any(noticed(id_) for id_ in SMALL if id_ not in DEAR)


def test_where_the_core_is_not_found_the_proof_is_looked_for_with_fewer_clauses(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tracking, "used", lambda *_: None)
    program, tasks = at_every_geometry(folder, "step.end_apart.ensures.apart")
    found = prove_at(Encodings(program, ask(program, tasks[0].obligation, tasks[0].scope)), 20.0, False)
    assert isinstance(found, Proof)
    assert found.used == discharge(program, tasks[0].obligation, tasks[0].scope, {}, 20.0).used
    check_minimal(program, tasks[0])


# --- leaving out, whatever the proof is ------------------------------------------------------------------------------

NAMES = ("m.p.ensures.a", "m.p.requires.b", "m.assume.c", "m.assume.d", "m.p.requires.e", "m.invariant.f")


def either(a: Names, b: Names, names: Names, _: bool) -> Tried:
    return Tried(names if a <= names or b <= names else None)


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_is_left_is_enough_and_minimal_and_the_first_by_weight(one_by_one: bool) -> None:
    """For every pair of sets of two or three clauses of which either would be enough."""
    sets = [frozenset(c) for size in (2, 3) for c in combinations(NAMES, size)]
    for a, b in product(sets, sets):
        left = minimal(NAMES, partial(either, a, b), one_by_one)
        assert frozenset(left) in (a, b)
        assert list(left) == sorted(left, key=NAMES.index)
        if one_by_one:
            # Of the two it is the one that has not what is tried first.
            first = next((n for n in order(NAMES) if (n in a) != (n in b)), None)
            assert first is None or a <= b or b <= a or first not in left


def test_what_the_proof_does_not_use_any_more_is_left_out_at_once() -> None:
    asked: list[Names] = []

    def attempt(names: Names, _: bool) -> Tried:
        asked.append(names)
        return Tried(frozenset({NAMES[0]}) if NAMES[0] in names else None)

    assert minimal(NAMES, attempt) == (NAMES[0],)
    assert len(asked) == 2


def test_what_could_not_be_left_out_for_want_of_effort_is_tried_again_among_fewer() -> None:
    """If it bears weight: the rest is tried once, and so may stay where it need not."""

    def hard(names: Names, _: bool) -> Tried:
        """`a` is enough. With `f` beside it, and nothing else, that is not found out."""
        return Tried(names if NAMES[0] in names and names != {NAMES[0], NAMES[5]} else None, settled=False)

    assert minimal((NAMES[0], "m.assume.c", NAMES[5]), hard) == (NAMES[0],)
    assert minimal((NAMES[0], "m.invariant.c", NAMES[5]), hard) == (NAMES[0], "m.invariant.c")
    assert minimal((NAMES[0], NAMES[5], "m.invariant.c"), hard) == (NAMES[0],)

    def harder(names: Names, _: bool) -> Tried:
        """The same, but with fewer it is not found out either: it is not asked again."""
        return Tried(names if NAMES[0] in names and names != {NAMES[0], NAMES[5]} else None)

    assert minimal((NAMES[0], "m.assume.c", NAMES[5]), harder) == (NAMES[0], "m.assume.c")


def test_what_carries_weight_is_known_by_its_name() -> None:
    assert [n for n in NAMES if carries_weight(n)] == [NAMES[1], NAMES[2], NAMES[3], NAMES[4]]
    assert order(NAMES) == (NAMES[2], NAMES[3], NAMES[1], NAMES[4], NAMES[0], NAMES[5])
    assert carries_weight("requires.p.requires.x")
    assert not carries_weight("requires.p.ensures.requires")
    assert not carries_weight("assume")
