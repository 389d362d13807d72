"""Two procedures compared: equal on every input that meets their preconditions, or an input on which they differ.

Equal is proved turn by turn: see `turns`. A difference is a run of both, one after the other from the same state, that
was executed. Each precondition is left out in turn, so that one sees which of them the two being equal leans on.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection

from verify import core
from verify.again import breaks, smaller
from verify.confirm import Confirmed
from verify.core import BinaryOp, Symbol
from verify.equal import Equality, Known
from verify.evaluate import context_for
from verify.matrix import by_values, executed, told
from verify.pairs import BOTH, ID, MODULE, Pair, without
from verify.passive import Assume, Step
from verify.present import present_run, telling_inputs
from verify.question import ask, params_in
from verify.rename import conjuncts
from verify.run import Violation, find_run, may_start, replay
from verify.schedule import Done, each
from verify.scopes import Scope, named
from verify.seen import geometries, whole
from verify.span import Source
from verify.stepwise import ANYWHERE, AT_ENTRY, FAR, NEAR, starts_of
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.turns import Comparison, NotAlike
from verify.values import show
from verify.verdict import Counterexample, Shown

TRIES = 5
"""How often a smaller difference is looked for."""


class Outcome(Enum):
    EQUAL = "equal"
    DIFFER = "differ"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Case:
    """A pair without one of its preconditions (None: with all), on geometries on which it runs alike; on every geometry
    if there are none."""

    without: str | None
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a case on the geometries `names` (none: every geometry, of 32 and of 64 bits).

    `used`: preconditions and other clauses that the proof leans on. `detail`: why it is UNKNOWN. `differs`: what the
    two leave that is not the same, by name, each with both values. `inputs`: the arguments, and the states that are not
    as plain as can be.
    """

    without: str | None
    names: tuple[str, ...]
    outcome: Outcome
    used: tuple[str, ...] = ()
    detail: str = ""
    counterexample: Counterexample | None = None
    differs: tuple[tuple[str, str, str], ...] = ()
    inputs: tuple[Shown, ...] = ()


def _differing(both: core.Routine, run: Violation) -> Iterator[tuple[str, str, str]]:
    """What is not the same after a run of both, with both values."""
    claim = next(s for s in both.body or () if isinstance(s, core.Assert)).clause.expr
    for part in conjuncts(claim):
        if isinstance(part, core.Binary) and isinstance(part.left, core.Var) and isinstance(part.right, core.Var):
            one, other = run.values[part.left.symbol], run.values[part.right.symbol]
            if one != other:
                name, bits = part.right.symbol.name.split(" ")[0], run.context.word_bits
                yield name, show(one, part.left.type, bits), show(other, part.left.type, bits)


@dataclass(frozen=True, slots=True)
class Compare:
    """What a worker does for a case: an outcome for each set of its geometries that has the same."""

    program: core.Program
    pair: Pair
    sources: Mapping[str, Source]
    timeout: float

    def __call__(self, case: Case) -> tuple[Compared, ...]:
        program = without(self.program, self.pair, case.without)
        if not case.scopes:
            return (self.everywhere(program, case),)
        found: list[tuple[Compared, Violation | None]] = []
        for scopes in by_values(self.params(program), case.scopes):
            names = tuple(s.shown for s in scopes)
            both = program.routines()[f"{MODULE}.{BOTH}"]
            again = next((n for n, (_, run) in enumerate(found) if run and breaks(program, both, scopes[0], run)), None)
            if again is not None:
                compared, run = found[again]
                found[again] = (replace(compared, names=compared.names + names), run)
            else:
                found.append(self.on(program, case, scopes[0], names))
        return tuple(compared for compared, _ in found)

    def params(self, program: core.Program) -> frozenset[Symbol]:
        """The params that anything here depends on."""
        routines = [program.routines()[n] for n in (self.pair.one, self.pair.other, f"{MODULE}.{BOTH}")]
        exprs = [e for r in routines for e in executed(program, r)]
        lemmas = [r for r in program.routines().values() if r.kind is RoutineKind.LEMMA]
        exprs += [c.expr for r in (*routines, *lemmas) for c in (*r.requires, *r.ensures)]
        return params_in(program, exprs)

    def equality(self, program: core.Program) -> Equality:
        routines = program.routines()
        return Equality(program, routines[self.pair.one], routines[self.pair.other], self.timeout)

    def everywhere(self, program: core.Program, case: Case) -> Compared:
        """A proof for every geometry, or UNKNOWN."""
        try:
            equality = self.equality(program)
            used = equality.equal(*equality.laid_out(None), None, quick=False)
        except NotAlike as error:
            return Compared(case.without, (), Outcome.UNKNOWN, detail=str(error))
        if used is None:
            return Compared(case.without, (), Outcome.UNKNOWN, detail="no proof for every geometry was found")
        return Compared(case.without, (), Outcome.EQUAL, used)

    def on(
        self, program: core.Program, case: Case, scope: Scope, names: tuple[str, ...]
    ) -> tuple[Compared, Violation | None]:
        """The outcome on one geometry, and the run, if they differ."""
        both = replace(program.routines()[f"{MODULE}.{BOTH}"], on=(scope.shown,))
        comparison: Comparison | None = None
        known: Known = {}
        run, why = None, "there is no proof turn by turn"
        equality = self.equality(program)
        try:
            comparison, known = equality.laid_out(scope)
            used = equality.equal(comparison, known, scope, quick=True)
            run = self.by_turn(program, both, comparison, known, scope) if used is None else None
            if run is None and used is None:
                used = equality.equal(comparison, known, scope, quick=False)
            if used is not None:
                return Compared(case.without, names, Outcome.EQUAL, used), None
        except NotAlike as error:
            why = str(error)
        if run is None:
            forget()
            runs = find_run(program, both, scope, frozenset({ID}), self.timeout / 2, None)
            if runs.violation is None:
                detail = f"{why}, and no difference was found: {runs.bound}"
                return Compared(case.without, names, Outcome.UNKNOWN, detail=detail), None
            run = runs.violation
        run = smaller(program, both, scope, run)
        if comparison is not None:
            run = self.smallest(program, both, comparison, known, scope, run)
        shown, differs = present_run(program, run, self.sources), tuple(_differing(both, run))
        return Compared(case.without, names, Outcome.DIFFER, (), "", shown, differs, telling_inputs(run)), run

    def by_turn(
        self,
        program: core.Program,
        both: core.Routine,
        comparison: Comparison,
        known: Known,
        scope: Scope,
        distances: Sequence[int | None] = (AT_ENTRY, NEAR, FAR, ANYWHERE),
        also: tuple[Step, ...] = (),
    ) -> Violation | None:
        """A run of both that comes to a turn in which they differ, so far from the entry; of its values that `also`."""
        if comparison.loop is None:
            return None
        functions, deadline = comparison.program, time.monotonic() + self.timeout / 2
        asked = [ask(functions, o, scope) for o in comparison.questions(tuple(known))]
        asked = [replace(q, steps=(*also, *q.steps)) for q in asked]
        context = context_for(program, scope.values, scope.word_bits, {})
        for start in starts_of(functions, comparison.one, asked, scope, deadline, distances):
            values = start.confirmed.values
            if may_start(program, context, both, values):
                run = replay(program, both, Confirmed(context, values), (), lambda id_: id_ == ID, 2 * start.fuel)
                if isinstance(run, Violation):
                    return run
        return None

    def smallest(
        self,
        program: core.Program,
        both: core.Routine,
        comparison: Comparison,
        known: Known,
        scope: Scope,
        run: Violation,
    ) -> Violation:
        """A run in which the last argument is as small as a few tries get it."""
        words = [p for p in both.parameters if p.type == core.WORD]
        for _ in range(TRIES if words else 0):
            last, span = words[-1], both.span
            now = run.inputs[last]
            assert isinstance(now, int)
            less = core.Binary(span, BinaryOp.LT, core.Var(span, last), core.Literal(span, now, core.WORD))
            also = (Assume((), less, None),)
            found = self.by_turn(program, both, comparison, known, scope, (AT_ENTRY, NEAR), also)
            if found is None:
                break
            run = smaller(program, both, scope, found)
        return run


def compare(
    program: core.Program,
    pair: Pair,
    sources: Mapping[str, Source],
    geometry: str | None,
    timeout: float,
    jobs: int,
    limit: float,
    stop: Connection,
) -> Generator[Compared, None, None]:
    """The outcomes, with all preconditions first and then without each. Where there is a proof for every geometry there
    is one outcome; else one for each set of named geometries that has the same.

    A proof that does without a precondition is one without it. Where the two differ with all of them, they differ
    without one, and nothing more is looked for.
    """
    work = Compare(program, pair, sources, timeout)
    there = geometries(program, MODULE)
    items = program.visible_items(MODULE)
    scopes = tuple(named(g) for g in there.values() if whole(g, items) and geometry in (None, g.name))
    running = params_in(program, [e for n in (pair.one, pair.other) for e in _run(program, n)])

    def decided(without: str | None, left: Sequence[Scope]) -> Iterator[Compared]:
        cases = [Case(without, group) for group in by_values(running, left)]
        if geometry is None and len(left) == len(scopes):
            for first in _outcomes(work, [Case(without, ())], jobs, limit, stop):  # none after an interrupt
                if first.outcome is Outcome.EQUAL:
                    yield first
                    return
        yield from _outcomes(work, cases, jobs, limit, stop)

    first = list(decided(None, scopes))
    yield from first
    for label in pair.labels:
        required = tuple(f"{name}.requires.{label}" for name in (pair.one, pair.other))
        again = [o for o in first if o.outcome is Outcome.EQUAL and not set(required) & set(o.used)]
        yield from (replace(o, without=label) for o in again)
        if not any(not o.names for o in again):
            over = {n for o in (*again, *(o for o in first if o.outcome is Outcome.DIFFER)) for n in o.names}
            yield from decided(label, [s for s in scopes if s.shown not in over])


def _run(program: core.Program, name: str) -> Iterator[core.Expr]:
    """What a run of a routine evaluates, whatever is required of it."""
    return executed(program, replace(program.routines()[name], requires=(), ensures=()))


def _outcomes(work: Compare, cases: Sequence[Case], jobs: int, limit: float, stop: Connection) -> Iterator[Compared]:
    for index, outcome in each(work, cases, jobs, limit, stop):
        case = cases[index]
        match outcome:
            case Done(value=found):
                yield from found
            case _:
                yield Compared(case.without, tuple(s.shown for s in case.scopes), Outcome.UNKNOWN, detail=told(outcome))
