"""Runs of a body from its entry that break a claim: found by the solver up to a bound, executed before they count."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verify import core
from verify.confirm import Confirmed
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context
from verify.execute import Finished, Repeats, Stopped, StopReason, Trace, Violated, execute
from verify.question import ask, quantified
from verify.scopes import Scope
from verify.search import Found, Nothing, search
from verify.span import Span
from verify.unroll import Pick, Unroll
from verify.values import Value, some_value
from verify.verdict import Reason

TURNS = (1, 2, 3, 5, 8)
"""How many turns of each loop the search lays out, one bound after the other."""

FUEL = 20_000
"""How many statements an execution may take of which the solver says that it breaks something."""

GUESS = 2_000
"""How many statements an execution may take from values that need not be those of an entry."""

Values = Mapping[Symbol, Value]


@dataclass(frozen=True, slots=True)
class Violation:
    """A run that broke something: the id of what it broke, where, and everything needed to show it."""

    id: str
    what: str
    span: Span
    context: Context
    inputs: Values
    values: Values
    binding: Values
    trace: Trace


@dataclass(frozen=True, slots=True)
class Runs:
    """What the search for a run came to. `bound` says how far it went, where there is no violation."""

    violation: Violation | None
    reason: Reason
    bound: str


def watched(routine: core.Routine, id_: str) -> bool:
    """True iff breaking `id_` refutes a `refute procedure`: an ensures of its own, an assert, a callee's requires."""
    return id_.startswith(f"{routine.qualified}.ensures.") or ".assert." in id_ or ".call[" in id_ or id_.endswith("]")


def find_run(
    program: core.Program,
    routine: core.Routine,
    scope: Scope,
    ids: frozenset[str] | None,
    seconds: float,
    start: Confirmed | None,
) -> Runs:
    """A run of the routine that breaks one of `ids` (None: whatever refutes a `refute procedure`).

    `start`: values at which to try first, by execution alone.
    """

    def watch(id_: str) -> bool:
        if ids is not None:
            return id_ in ids
        return watched(routine, id_) and ".range[" not in id_

    if start is not None:
        first = replay(program, routine, start, (), watch, GUESS)
        if isinstance(first, Violation):
            return Runs(first, Reason.BOUND, "")
    deadline = time.monotonic() + seconds
    reach = "the search was cut short within the first turn of each loop"
    why = Reason.BOUND
    for bound in TURNS:
        unrolled = Unroll(program, routine, bound, watch)
        unrolled.walk_all()
        for instance in unrolled.instances:
            left = deadline - time.monotonic()
            if left <= 0:
                return Runs(None, Reason.TIMEOUT, reach)
            question = ask(program, instance, scope)
            found = search(program, question, left, quantified(program, question))
            if isinstance(found, Found):
                run = replay(program, routine, found.confirmed, tuple(unrolled.picks), watch, FUEL)
                if isinstance(run, Violation):
                    return Runs(run, Reason.BOUND, "")
            if not isinstance(found, Nothing):
                why = Reason.SOLVER
        reach = _reach(unrolled, bound)
        if unrolled.bodiless is not None:
            why = Reason.NOT_EXECUTABLE
        if not unrolled.cut:
            break
    return Runs(None, why, reach)


def _reach(unrolled: Unroll, turns: int) -> str:
    """How far the search went."""
    if unrolled.bodiless is not None:
        return f"searched up to calls of `{unrolled.bodiless}`, which has no body to run"
    if unrolled.cut:
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
        if all(values.get(g.symbol) == g.holds for g in pick.path) and pick.symbol in values:
            waiting[pick.stmt.span].append(values[pick.symbol])

    def choose(stmt: core.Havoc) -> Value:
        return waiting[stmt.span].popleft() if waiting[stmt.span] else some_value(stmt.target.type, bits)

    def at_entry(symbol: Symbol) -> Value:
        return values.get(symbol, some_value(symbol.type, bits))

    arguments = {p: at_entry(p) for p in routine.parameters}
    seen = [i.symbol for i in program.visible_items(routine.module) if isinstance(i, core.State)]
    state = {s: at_entry(s) for s in seen}
    inputs = {**arguments, **state}
    hints = {s: (v,) for s, v in values.items() if s.kind is SymbolKind.BOUND}
    result = execute(program, context, routine, arguments, state, watch=watch, choose=choose, fuel=fuel, hints=hints)
    match result:
        case Violated() if watch(result.id):
            what = f"{result.id} is broken" + (f": {result.reason}" if result.reason else "")
            return Violation(result.id, what, result.span, context, inputs, result.values, result.binding, result.trace)
        case Repeats() if watch(result.id):
            what = f"the loop at {result.span} comes back to the same state: it never ends"
            return Violation(result.id, what, result.span, context, inputs, result.values, {}, result.trace)
        case Stopped() | Finished():
            return result
        case Violated() | Repeats():
            return Stopped(StopReason.NOT_EXECUTABLE, f"{result.id} comes first", result.trace)
