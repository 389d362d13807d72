"""A body from its entry on, loops laid out turn by turn, callees in place: what a run can do, up to a bound.

What the geometry or a constant settles is not laid out: a branch that is never taken costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.claims import claims_of
from verify.contract import Contract
from verify.core import BinaryOp, Symbol, SymbolKind, UnaryOp
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.passive import Assume, Kind, Let, Obligation, Path, Step
from verify.rename import conjunction, definedness, implies, negation, rename, variables
from verify.seen import labelled_invariants
from verify.sites import is_partial, range_sites, subexpressions
from verify.span import Span
from verify.syntax import RoutineKind
from verify.values import MapValue, Value
from verify.walk import Exits, Flow, condition, equal


@dataclass(frozen=True, slots=True)
class Pick:
    """A `var x: T;` on the way: the symbol that stands for its value, and the path on which it is reached."""

    stmt: core.Havoc
    symbol: Symbol
    path: Path


@dataclass(frozen=True, slots=True)
class Check:
    """A claim at a place where a run meets it: `goal` holds there, whenever `path` is taken.

    `inside` is false for a claim of the routine's own, true for one of a callee's. `steps`: how many come before it.
    """

    id: str
    kind: Kind
    span: Span
    goal: core.Expr
    path: Path
    inside: bool
    steps: int


class Unroll(Contract):
    """Gathers, in `checks`, each claim that is watched, at each place where a run of so many turns a loop can meet it.

    `context` has the constants, those that the geometry leaves open left out.
    """

    def __init__(
        self,
        program: core.Program,
        routine: core.Routine,
        turns: int,
        watch: Callable[[str], bool],
        context: Context,
    ) -> None:
        super().__init__(program, routine)
        self.whole = routine
        self.turns = turns
        self.nesting = 0
        self.watch = watch
        self.context = context
        self.known: dict[Symbol, Value] = {}
        self.checks: list[Check] = []
        self.picks: list[Pick] = []
        self.beyond: list[Check] = []
        """That no loop goes on where it is cut short: what breaks one of these is the beginning of a longer run."""
        self.bodiless: str | None = None
        """A callee without a body, if there is one: runs that call it end there."""
        self.ranges = self.watched_ranges()

    def walk_all(self) -> None:
        """Fill `checks`."""
        if self.routine.kind is RoutineKind.REFUTE_PROCEDURE:
            steps: list[Step] = [
                Assume((), c.expr, f"{self.routine.qualified}.witness.{c.label}") for c in self.routine.witnesses
            ]
            self.steps += steps
        self.gather()

    def obligation(self, checks: Sequence[Check]) -> Obligation:
        """That all of these hold, at least one. It has no `leans`: values that break it are a run."""
        first, routine = checks[0], self.whole
        parts = tuple(implies(condition(c.path, c.span), c.goal) if c.path else c.goal for c in checks)
        goal = parts[0] if len(parts) == 1 else conjunction(first.span, parts)
        return Obligation(
            first.id,
            first.kind,
            routine.module,
            routine.name,
            first.span,
            claims_of((), ()),
            self.bearing(goal, max(c.steps for c in checks)),
            (),
            goal,
            (),
            frozenset(),
            routine.on,
            routine.without,
        )

    def bearing(self, goal: core.Expr, count: int) -> tuple[Step, ...]:
        """Of the first steps those that bear on the goal, and on which of its values is picked at a `var x: T;`."""
        needed = set(variables(goal))
        while True:
            size = len(needed)
            for step in reversed(self.steps[:count]):
                if isinstance(step, Assume):
                    needed.update(variables(step.expr))
                elif step.symbol in needed:
                    needed.update(variables(step.value))
                else:
                    continue
                needed.update(g.symbol for g in step.path)
            places = {p.stmt.span for p in self.picks if p.symbol in needed}
            needed.update(g.symbol for p in self.picks if p.stmt.span in places for g in p.path)
            if len(needed) == size:
                break
        return tuple(s for s in self.steps[:count] if isinstance(s, Assume) or s.symbol in needed)

    # --- what is settled -------------------------------------------------------------------------------------------

    def settled(self, expr: core.Expr) -> Value | None:
        """The value of an expression in passive form, if it is the same on every run."""
        match expr:
            case core.Binary(op=BinaryOp.AND | BinaryOp.OR | BinaryOp.IMPLIES as op, left=left, right=right):
                first = self.settled(left)
                if first is None:
                    return None
                if bool(first) == (op is BinaryOp.OR):
                    return op is not BinaryOp.AND
                return self.settled(right)
            case core.Unary(op=UnaryOp.NOT, operand=operand):
                inner = self.settled(operand)
                return None if inner is None else not inner
            case core.Ite(condition=test, then=then, otherwise=otherwise):
                chosen = self.settled(test)
                if chosen is None:
                    a, b = self.settled(then), self.settled(otherwise)
                    return a if a == b else None
                return self.settled(then if chosen else otherwise)
            case core.Quantifier():
                return None
        if any(s not in self.known and s not in self.context.constants for s in variables(expr)):
            return None
        try:
            value = evaluate(expr, self.context, self.known, {})
        except (Undefined, Undecided, KeyError):
            return None
        return None if isinstance(value, MapValue) else value

    def define(self, symbol: Symbol, value: core.Expr, flow: Flow) -> Flow:
        after = super().define(symbol, value, self.going_on(value, flow))
        found = self.settled(value)
        if found is not None:
            self.known[after.values[symbol]] = found
        return after

    def meet(self, a: Flow, b: Flow, span: Span) -> Flow:
        start = len(self.steps)
        met = super().meet(a, b, span)
        for step in self.steps[start:]:
            if isinstance(step, Let):
                found = self.settled(step.value)
                if found is not None:
                    self.known[step.symbol] = found
        return met

    def branch(self, condition: core.Expr, flow: Flow) -> tuple[Flow, Flow]:
        return super().branch(condition, self.going_on(condition, flow))

    def going_on(self, expr: core.Expr, flow: Flow) -> Flow:
        """The flow after an expression, in passive form, has been evaluated: where it is not defined, a run ends.

        What is claimed before is claimed of the runs that end there too.
        """
        conditions = tuple(c for _, c in definedness(expr) if self.settled(c) is not True)
        return super().branch(conjunction(expr.span, conditions), flow)[0] if conditions else flow

    def ways(self, condition: core.Expr, flow: Flow) -> tuple[Flow | None, Flow | None]:
        """The flows on which a condition holds and does not; None for one that no run takes."""
        truth = self.settled(condition)
        if truth is None:
            return self.branch(condition, flow)
        return (flow, None) if truth else (None, flow)

    # --- claims ----------------------------------------------------------------------------------------------------

    def oblige(
        self,
        id_: str,
        kind: Kind,
        goal: core.Expr | None,
        flow: Flow,
        span: Span,
        doc: tuple[str, ...] = (),  # noqa: ARG002  # Contract's signature; a check has no claims
    ) -> None:
        if goal is not None and self.watch(id_) and self.settled(goal) is not True:
            self.checks.append(self.check(id_, kind, span, goal, flow))

    def check(self, id_: str, kind: Kind, span: Span, goal: core.Expr, flow: Flow) -> Check:
        inside = self.routine.qualified != self.whole.qualified
        return Check(id_, kind, span, goal, flow.path, inside, len(self.steps))

    def watched_ranges(self) -> frozenset[int]:
        """The operations of the routine, by number, whose range is watched."""
        prefix = f"{self.routine.qualified}.range"
        return frozenset(n for n in self.sites.values() if self.watch(f"{prefix}[{n}]"))

    def meet_expr(self, expr: core.Expr, flow: Flow) -> None:
        if self.ranges and any(is_partial(e) and self.sites.get(e.span) in self.ranges for e in subexpressions(expr)):
            super().meet_expr(expr, flow)

    def meet_clause(self, id_: str, kind: Kind, clause: core.Clause, flow: Flow) -> None:
        """A clause of the body that is watched."""
        if self.watch(id_):
            self.oblige(id_, kind, self.at(clause.expr, flow), flow, clause.span)

    def meet_assert(self, stmt: core.Assert, flow: Flow) -> None:
        self.meet_clause(f"{self.routine.qualified}.assert.{stmt.clause.label}", Kind.ASSERT, stmt.clause, flow)

    def meet_unreached(self, body: Sequence[core.Stmt], flow: Flow) -> None:
        """No run, no claim."""

    # --- statements ------------------------------------------------------------------------------------------------

    def statement(self, stmt: core.Stmt, flow: Flow) -> Exits:
        if isinstance(stmt, core.If):
            self.meet_expr(stmt.condition, flow)
            taken = self.settled(self.at(stmt.condition, flow))
            if taken is not None:
                return self.block(stmt.then if taken else stmt.otherwise, flow)
        exits = super().statement(stmt, flow)
        if isinstance(stmt, core.Havoc) and exits.through is not None:
            self.picks.append(Pick(stmt, exits.through.values[stmt.target], flow.path))
        return exits

    def meet_call(self, call: core.Call, flow: Flow) -> Flow:
        callee = self.routines[call.callee]
        place = call.place(self.routine.qualified)
        ghost = callee.kind is RoutineKind.LEMMA
        seen = () if ghost else labelled_invariants(self.program, callee.module)
        conditions = [(f"invariant.{label}", clause) for _, label, clause in seen]
        conditions += [(clause.label, clause) for clause in callee.requires]
        watched = [(label, clause) for label, clause in conditions if self.watch(f"{place}.{label}")]
        if ghost and not watched:
            # A lemma changes nothing; in a run there is nothing to do for it.
            return flow
        inner = flow
        for parameter, argument in zip(callee.parameters, call.arguments, strict=True):
            inner = self.define(parameter, self.at(argument, flow), inner)
        before = {**self.states(flow), **{p: inner.values[p] for p in callee.parameters}}
        for label, clause in watched:
            self.oblige(f"{place}.{label}", Kind.CALL, rename(clause.expr, before, before), inner, call.span)
        if ghost:
            return flow
        if callee.body is None:
            self.bodiless = callee.name
            return replace(flow, path=(*flow.path, *self.dead(flow, call.span)))
        self.nesting += not call.written
        end = self.entered(callee, inner, before, call.span)
        self.nesting -= not call.written
        if end is None:
            # Every run of the callee goes on for longer than the bound.
            return replace(flow, path=(*flow.path, *self.dead(flow, call.span)))
        # The caller's own variables stand where they stood, joins within the callee aside.
        values = {**flow.values, **{s: n for s, n in end.values.items() if s.kind is SymbolKind.STATE}}
        for target, result in zip(call.targets, callee.results, strict=False):
            values[target] = end.values[result]
        return replace(end, values=values)

    def entered(self, callee: core.Routine, inner: Flow, before: Mapping[Symbol, Symbol], span: Span) -> Flow | None:
        """The end of a callee's body."""
        caller, sites, entry, ranges = self.routine, self.sites, self.entry, self.ranges
        self.routine, self.sites, self.entry = callee, range_sites(callee), before
        self.ranges = self.watched_ranges()
        exits = self.block(callee.body or (), inner)
        self.routine, self.sites, self.entry, self.ranges = caller, sites, entry, ranges
        return self.join((*exits.returns, exits.through), span)

    def dead(self, flow: Flow, span: Span) -> Path:
        """A branch that is never taken."""
        yes, _ = self.branch(core.Literal(span, False, core.BOOL), flow)
        return yes.path[len(flow.path) :]

    def meet_loop(self, loop: core.Loop, flow: Flow) -> Exits:
        place = f"{self.routine.qualified}.loop[{loop.number}]"
        heads: list[Flow] = []
        leaving: list[Flow | None] = []
        returns: tuple[Flow, ...] = ()
        head: Flow | None = flow
        turns = inner_turns(self.turns) if self.nesting else self.turns
        for turn in range(turns + 1):
            if head is None:
                break
            moment = "entry" if turn == 0 else "kept"
            kind = Kind.INVARIANT_ENTRY if turn == 0 else Kind.INVARIANT_KEPT
            for clause in loop.invariants:
                self.meet_expr(clause.expr, head)
                self.meet_clause(f"{place}.invariant.{clause.label}.{moment}", kind, clause, head)
            if loop.decreases is not None:
                self.meet_expr(loop.decreases, head)
            if turn and loop.decreases is not None and self.watch(f"{place}.decreases"):
                now, before = self.at(loop.decreases, head), self.at(loop.decreases, heads[-1])
                goal = self.smaller(now, before, loop.decreases.span)
                self.oblige(f"{place}.decreases", Kind.DECREASES, goal, head, loop.decreases.span)
            self.meet_expr(loop.condition, head)
            inside, after = self.ways(self.at(loop.condition, head), head)
            leaving.append(after)
            if inside is None:
                break
            for earlier in heads if self.watch(place) else ():
                same = [
                    equal(head.values.get(s, s), earlier.values.get(s, s), loop.span)
                    for s in loop.assigned
                    if s in head.values or s in earlier.values
                ]
                goal = negation(conjunction(loop.span, tuple(same)))
                self.oblige(place, Kind.DECREASES, goal, inside, loop.span)
            heads.append(head)
            if turn == turns:
                false = core.Literal(loop.span, False, core.BOOL)
                self.beyond.append(self.check(place, Kind.DECREASES, loop.span, false, inside))
                break
            self.nesting += 1
            exits = self.block(loop.body, inside)
            self.nesting -= 1
            leaving += exits.breaks
            returns += exits.returns
            back = self.join((*exits.continues, exits.through), loop.span)
            head = None if back is None else self.block(loop.step, back).through
        return Exits(self.join(leaving, loop.span), returns=returns)


def inner_turns(turns: int) -> int:
    """How many turns a loop has that is run within another, callees' loops included, or wherever others act: fewer, for
    they multiply."""
    return max(1, turns // 2)
