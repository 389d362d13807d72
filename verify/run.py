"""Runs of a body from its entry that break a claim: found by the solver up to a bound, executed before they count."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.basis import Met
from verify.confirm import Confirmed
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undecided, Undefined, context_for, evaluate
from verify.execute import Finished, Repeats, Stopped, StopReason, Trace, Violated, execute, holds_requires
from verify.lessen import lessened
from verify.obligations import existence
from verify.passive import Kind
from verify.question import ask, bends, quantified, through_defines
from verify.rename import negation
from verify.scopes import Scope
from verify.search import Found, Nothing, search, search_small
from verify.sites import statements
from verify.small import sizes_of
from verify.span import Span
from verify.stepwise import ANYWHERE, AT_ENTRY, FAR, LONG_RUN, NEAR, Start, entries, has_invariants, starts
from verify.syntax import RoutineKind
from verify.unroll import Check, Pick, Unroll
from verify.values import Value, some_value
from verify.verdict import Reason

TURNS = (1, 2, 3, 5, 8)
"""How many turns of each loop the search lays out, one bound after the other."""

FURTHER = (13, 20)
"""The same after these, where little effort has to do and no more than LAID_OUT steps were laid out before."""

LAID_OUT = 5_000

FUEL = 20_000
"""How many statements an execution may take of which the solver says that it breaks something."""

GUESS = 2_000
"""How many statements an execution may take from values that need not be those of an entry."""

SPENT = 100_000
"""How many steps of executions are spent on making the values of a run smaller."""

EFFORT, LESS = 30_000_000, 3_000_000
"""The most effort of a call of the solver in the first tries: some seconds, or less than one."""


@dataclass(frozen=True, slots=True)
class Try:
    """A bound on the turns of each loop, the most effort of a call of the solver, whether values are to be small."""

    turns: int
    effort: int
    small: bool


FIRST = (Try(1, LESS, False), Try(3, EFFORT, True), Try(2, LESS, False), Try(6, EFFORT, True))
"""What is tried first: most runs are found so. Among all values, runs of few turns are found at once or not soon; among
small ones, to find that a bound is too low takes about as long as a run above it."""

SHORT = 2
"""How many turns the easily found runs have."""

SHARE = 0.3
"""The share of what time is left that goes to steps."""

_CLAIMS = (Kind.ENSURES, Kind.ASSERT)

Values = Mapping[Symbol, Value]


@dataclass(frozen=True, slots=True)
class Violation:
    """A run that broke something: the id of what it broke, where, and everything needed to show it.

    `routine` is the name of the one that was run. `basis`: the question that the solver found such a run by, and its
    values, which broke the same when they were run; those shown may be smaller. None where no solver was asked.
    """

    routine: str
    id: str
    what: str
    span: Span
    context: Context
    inputs: Values
    values: Values
    binding: Values
    trace: Trace
    basis: Met | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """What the search for a run came to. `bound` says how far it went, where there is no violation."""

    violation: Violation | None
    reason: Reason
    bound: str


def watched(routine: core.Routine, id_: str) -> bool:
    """True iff breaking `id_` refutes a `refute procedure`: an ensures of its own, an assert, a callee's requires."""
    return id_.startswith(f"{routine.qualified}.ensures.") or ".assert." in id_ or ".call[" in id_ or id_.endswith("]")


def _lemma_calls(program: core.Program, *, of: core.Routine | None = None) -> frozenset[str]:
    """The places of the calls of lemmas, in all routines or in one. They are of no account to what the code does."""
    routines = program.routines()
    return frozenset(
        stmt.place(routine.qualified)
        for routine in (routines.values() if of is None else (of,))
        for stmt in statements(routine.body or ())
        if isinstance(stmt, core.Call) and routines[stmt.callee].kind is RoutineKind.LEMMA
    )


def find_run(
    program: core.Program,
    routine: core.Routine,
    scope: Scope,
    ids: frozenset[str] | None,
    seconds: float,
    start: Confirmed | None,
) -> Runs:
    """A run of the routine that breaks one of `ids` (None: whatever refutes a `refute procedure`).

    `start`: a step that breaks it; what it was on entry is tried first, by execution alone.
    """
    deadline = time.monotonic() + seconds
    given = tuple(entries(start)) if start is not None else ()
    if ids is not None:
        return _RunSearch(program, routine, scope, lambda id_: id_ in ids, seconds, deadline, given).run()
    runs = _RunSearch(program, routine, scope, _by_code(program, routine), seconds, deadline, given).run()
    own = _lemma_calls(program, of=routine)
    if runs.violation is not None or not own:
        return runs

    return _RunSearch(program, routine, scope, _by_code(program, routine, own), seconds, deadline, given).run()


def _by_code(
    program: core.Program, routine: core.Routine, minded: frozenset[str] = frozenset()
) -> Callable[[str], bool]:
    """What refutes a `refute procedure` when it is broken. Of the calls of lemmas, these alone count."""
    # What others rely on and do not find is not yet what goes wrong by it: that is for the run to show.
    others = tuple(f"{r.qualified}." for r in program.routines().values() if r.kind is RoutineKind.INTERFERENCE)
    lemmas = _lemma_calls(program) - minded

    def broken(id_: str) -> bool:
        if ".range[" in id_ or id_.startswith(others):
            return False
        return watched(routine, id_) and id_.rpartition(".")[0] not in lemmas

    return broken


def find_run_by_step(
    program: core.Program, routine: core.Routine, scope: Scope, seconds: float, ids: Collection[str]
) -> Violation | None:
    """A run that refutes a `refute procedure`, if a short one is easily found, or a step leads to one: see `find_run`.

    `ids`: all of its claims that a step may break.
    """
    if not has_invariants(routine):
        return None
    watch, deadline = _by_code(program, routine), time.monotonic() + seconds
    search_ = _RunSearch(program, routine, scope, watch, seconds, deadline, suspected=ids)
    return search_.by_step(context_for(program, scope.values, scope.word_bits, {}))


def find_small_run(
    program: core.Program, routine: core.Routine, scope: Scope, ids: Collection[str], seconds: float
) -> Violation | None:
    """A run of few turns, from small values, that breaks one of `ids`, if one is soon found on a named geometry."""
    context = context_for(program, scope.values, scope.word_bits, {})
    search_ = _RunSearch(program, routine, scope, lambda id_: id_ in ids, seconds, time.monotonic() + seconds)
    for turns in range(1, SHORT + 1) if sizes_of(context) else ():
        unrolled = search_.unrolled(turns, context)
        found = search_.asked(unrolled, unrolled.checks, LESS, sizes_of(context))[0] if unrolled.checks else None
        if found is not None or not unrolled.beyond:
            return found
    return None


@dataclass(slots=True)
class _RunSearch:
    """A search for a run, with more turns of each loop each time.

    `given`: steps to begin with that may do. `suspected`: the claims that a step may break, or None for any.
    """

    program: core.Program
    routine: core.Routine
    scope: Scope
    watch: Callable[[str], bool]
    seconds: float
    deadline: float
    given: tuple[Confirmed, ...] = ()
    suspected: Collection[str] | None = None
    why: Reason = Reason.BOUND

    def run(self) -> Runs:
        context = context_for(self.program, self.scope.values, self.scope.word_bits, {})
        reach = "the search was cut short within the first turn of each loop"
        found = self.begun(Start(one, GUESS) for one in self.given) or self.from_entry() or self.soon(context)
        if found is not None:
            return Runs(found, Reason.BOUND, "")
        for bound in TURNS:
            unrolled = self.unrolled(bound, context)
            for checks in filter(None, _stages(unrolled.checks)):
                found = self.broken(unrolled, checks)
                if found is not None:
                    return Runs(found, Reason.BOUND, "")
                if self.left() <= 0:
                    return Runs(None, Reason.TIMEOUT, reach)
            reach = _reach(unrolled, bound)
            if unrolled.bodiless is not None:
                self.why = Reason.NOT_EXECUTABLE
            if not unrolled.beyond:
                return Runs(None, self.why, reach)
        return Runs(self.further(unrolled, context), self.why, reach)

    def from_entry(self) -> Violation | None:
        """A run from values that meet the witness clauses, where there are some: they may well say it all."""
        if not self.routine.witnesses:
            return None
        module, routine = self.program.module(self.routine.module), self.routine
        question = ask(self.program, existence(self.program, module, routine), self.scope)
        found = search(self.program, question, self.left(), quantified(self.program, question), EFFORT)
        return self.begun((Start(found.confirmed, LONG_RUN),)) if isinstance(found, Found) else None

    def begun(self, given: Iterable[Start]) -> Violation | None:
        """A run from one of these, if it is one that a run may begin with, by execution alone."""
        for start in given:
            one = start.confirmed
            if may_start(self.program, one.context, self.routine, one.values):
                run = replay(self.program, self.routine, one, (), self.watch, start.fuel)
                if isinstance(run, Violation):
                    return run if self.given else self.least(run, one, ())
        return None

    def further(self, unrolled: Unroll, context: Context) -> Violation | None:
        """A longer run, if one is soon found: with more turns laid out, or else by going on where those end."""
        for bound in FURTHER:
            if len(unrolled.steps) <= LAID_OUT and unrolled.beyond:
                unrolled = self.unrolled(bound, context)
                for checks in filter(None, _stages(unrolled.checks)):
                    found, _ = self.asked(unrolled, checks, LESS)
                    if found is not None:
                        return found
        return self.asked(unrolled, unrolled.beyond, LESS)[0] if unrolled.beyond else None

    def soon(self, context: Context) -> Violation | None:
        """A run that breaks what the routine itself claims, or else the rest of its own, if one is soon found."""
        sizes = sizes_of(context)
        laid_out: dict[int, Unroll] = {}
        found = self.by_step(context) if has_invariants(self.routine) else None
        if found is not None:
            return found
        for number in range(2):
            for one in FIRST:
                if self.left() < self.seconds * 0.4 or (one.small and not sizes):
                    continue
                if one.turns not in laid_out:
                    laid_out[one.turns] = self.unrolled(one.turns, context)
                checks = _stages(laid_out[one.turns].checks)[number]
                if checks:
                    found, _ = self.asked(laid_out[one.turns], checks, one.effort, sizes if one.small else ())
                    if found is not None:
                        return found
        return None

    def by_step(self, context: Context) -> Violation | None:
        """A run from where a step breaks something, be it a long one; or a short one, where one is easily found."""
        if self.routine.kind is not RoutineKind.REFUTE_PROCEDURE:
            return None
        found = self.from_steps((AT_ENTRY,))
        if found is not None:
            return found
        unrolled, sizes = self.unrolled(SHORT, context), sizes_of(context)
        plain = tuple(c for c in _stages(unrolled.checks)[0] if self.is_plain(c.goal))
        if plain and sizes:
            found, _ = self.asked(unrolled, plain, LESS, sizes)
        return found or self.from_steps((NEAR, FAR, ANYWHERE))

    def from_steps(self, distances: Sequence[int | None]) -> Violation | None:
        """A run to a step that breaks something and is so far from where the run begins."""
        seconds = self.left() * SHARE
        return self.begun(starts(self.program, self.routine, self.scope, seconds, self.suspected, distances))

    def is_plain(self, goal: core.Expr) -> bool:
        """True iff a goal says nothing of all values, nor of some."""
        return not through_defines(self.program, goal) and not bends(negation(goal))

    def unrolled(self, bound: int, context: Context) -> Unroll:
        unrolled = Unroll(self.program, self.routine, bound, self.watch, context)
        unrolled.walk_all()
        return unrolled

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def broken(self, unrolled: Unroll, checks: Sequence[Check]) -> Violation | None:
        """A run that breaks one of the checks: all are asked about at once, and if that tells nothing, one by one."""
        found, tells = self.asked(unrolled, checks)
        if tells or len(checks) == 1:
            return found
        for check in checks:
            found, _ = self.asked(unrolled, (check,))
            if found is not None or self.left() <= 0:
                return found
        return None

    def asked(
        self, unrolled: Unroll, checks: Sequence[Check], effort: int = 0, sizes: Sequence[int] = ()
    ) -> tuple[Violation | None, bool]:
        """A run, if the solver finds one; and whether that answers the question.

        `effort`: the most of a call of the solver (0: any). With sizes, a run with small values.
        """
        question = ask(self.program, unrolled.obligation(checks), self.scope)
        left = max(0.0, self.left())
        if sizes:
            found = search_small(self.program, question, left, effort, sizes)
        else:
            found = search(self.program, question, left, quantified(self.program, question), effort)
        if isinstance(found, Found):
            picks = tuple(unrolled.picks)
            run = replay(self.program, self.routine, found.confirmed, picks, self.watch, FUEL)
            if isinstance(run, Violation):
                basis = Met(question, found.confirmed)
                return replace(self.least(run, found.confirmed, picks), basis=basis), True
        if isinstance(found, Nothing):
            return None, True
        if not effort:
            self.why = Reason.SOLVER
        return None, False

    def least(self, run: Violation, found: Confirmed, picks: tuple[Pick, ...]) -> Violation:
        """A run from smaller values that breaks the same and is no longer, if one is soon found; else the run."""
        fuel = min(FUEL, 4 * len(run.trace) + 100)  # what takes more is longer

        def replayed(values: Values, watch: Callable[[str], bool]) -> Violation | None:
            again = replay(self.program, self.routine, Confirmed(found.context, values), picks, watch, fuel)
            if not isinstance(again, Violation) or again.id != run.id or len(again.trace) > len(run.trace):
                return None
            return again

        tries = SPENT // (1 + len(run.trace))

        def breaks(values: Values) -> bool:
            nonlocal tries
            tries -= 1
            if tries < 0 or self.left() <= 0 or not may_start(self.program, found.context, self.routine, values):
                return False
            return replayed(values, lambda id_: id_ == run.id) is not None

        # With one claim watched a run is quick; whether another is broken before it is looked at once, at the end.
        return replayed(lessened(found.values, breaks), self.watch) or run


def may_start(program: core.Program, context: Context, routine: core.Routine, values: Values) -> bool:
    """True iff a run may begin with these values: what the routine requires holds, and its witness clauses."""
    arguments, state = _given(program, context, routine, values)
    try:
        return holds_requires(program, context, routine, arguments, state) and all(
            evaluate(c.expr, context, {**arguments, **state}, {**arguments, **state}) for c in routine.witnesses
        )
    except (Undefined, Undecided):
        return False


def _given(
    program: core.Program, context: Context, routine: core.Routine, values: Values
) -> tuple[dict[Symbol, Value], dict[Symbol, Value]]:
    """The arguments and the state with which a run begins; where there is no value, the plainest."""

    def at_entry(symbol: Symbol) -> Value:
        return values.get(symbol, some_value(symbol.type, context.word_bits))

    seen = program.states(routine.module)
    return {p: at_entry(p) for p in routine.parameters}, {s: at_entry(s) for s in seen}


def _stages(checks: Sequence[Check]) -> tuple[tuple[Check, ...], tuple[Check, ...], tuple[Check, ...]]:
    """The checks, in the order in which to ask: what the routine claims, the rest of its own, what its callees do."""
    own = tuple(c for c in checks if not c.inside)
    claims = tuple(c for c in own if c.kind in _CLAIMS)
    rest = tuple(c for c in own if c.kind not in _CLAIMS)
    return claims, rest, tuple(c for c in checks if c.inside)


def _reach(unrolled: Unroll, turns: int) -> str:
    """How far the search went."""
    if unrolled.bodiless is not None:
        return f"searched up to calls of `{unrolled.bodiless}`, which has no body to run"
    if unrolled.beyond:
        return f"searched up to {turns} turn{'s' if turns > 1 else ''} of each loop, callees' bodies entered"
    return "searched to the end of every run, callees' bodies entered"


def replay(
    program: core.Program,
    routine: core.Routine,
    found: Confirmed,
    picks: tuple[Pick, ...],
    watch: Callable[[str], bool],
    fuel: int,
) -> Violation | Finished | Stopped:
    """Run the body on the entry values found, `picks` in hand for its `var x: T;`.

    A Violation iff it breaks what is watched, Finished iff it comes to its end otherwise, else Stopped.
    """
    context, values = found.context, found.values
    bits = context.word_bits
    waiting: dict[Span, deque[Value]] = defaultdict(deque)
    for pick in picks:
        if pick.symbol in values and all(values.get(g.symbol) == g.holds for g in pick.path):
            waiting[pick.stmt.span].append(values[pick.symbol])

    def choose(stmt: core.Havoc) -> Value:
        return waiting[stmt.span].popleft() if waiting[stmt.span] else some_value(stmt.target.type, bits)

    arguments, state = _given(program, context, routine, values)
    inputs = {**arguments, **state}
    hints = {s: (v,) for s, v in values.items() if s.kind is SymbolKind.BOUND}
    result = execute(program, context, routine, arguments, state, watch=watch, choose=choose, fuel=fuel, hints=hints)
    match result:
        case Violated() if watch(result.id):
            what = f"{result.id} is broken" + (f": {result.reason}" if result.reason else "")
            return Violation(
                routine.name, result.id, what, result.span, context, inputs, result.values, result.binding, result.trace
            )
        case Repeats() if watch(result.id):
            what = f"the loop at {result.span} comes back to the same state: it never ends"
            return Violation(
                routine.name, result.id, what, result.span, context, inputs, result.values, {}, result.trace
            )
        case Stopped() | Finished():
            return result
        case Violated() | Repeats():
            return Stopped(StopReason.NOT_EXECUTABLE, f"{result.id} comes first", result.trace)
