"""A body from its entry on, loops laid out turn by turn, callees in place: what a run can do, up to a bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.claims import claims_of
from verify.contract import Contract
from verify.core import SymbolKind
from verify.passive import Assume, Kind, Obligation, Path, Step, relevant
from verify.rename import conjunction, negation, rename
from verify.seen import labelled_invariants
from verify.sites import range_sites
from verify.span import Span
from verify.syntax import RoutineKind
from verify.walk import Exits, Flow, equal


@dataclass(frozen=True, slots=True)
class Pick:
    """A `var x: T;` on the way: the symbol that stands for its value, and the path on which it is reached."""

    stmt: core.Havoc
    symbol: core.Symbol
    path: Path


class Unroll(Contract):
    """Gathers, in `instances`, each check at each place where a run of at most `turns` turns a loop can meet it.

    An instance is an obligation with no `leans`: values that break it are a run.
    """

    def __init__(self, program: core.Program, routine: core.Routine, turns: int, watch: Callable[[str], bool]) -> None:
        super().__init__(program, routine)
        self.turns = turns
        self.watch = watch
        self.instances: list[Obligation] = []
        self.picks: list[Pick] = []
        self.cut = False
        """True iff some loop could have gone on."""
        self.bodiless: str | None = None
        """A callee without a body, if there is one: runs that call it end there."""

    def walk_all(self) -> None:
        """Fill `instances`."""
        if self.routine.kind is RoutineKind.REFUTE_PROCEDURE:
            steps: list[Step] = [
                Assume((), c.expr, f"{self.routine.qualified}.witness.{c.label}") for c in self.routine.witnesses
            ]
            self.steps += steps
        self.gather()

    def oblige(
        self, id_: str, kind: Kind, goal: core.Expr | None, flow: Flow, span: Span, doc: tuple[str, ...] = ()
    ) -> None:
        if goal is None or not self.watch(id_):
            return
        self.instances.append(
            Obligation(
                id_,
                kind,
                self.routine.module,
                self.routine.name,
                span,
                claims_of(doc, ()),
                relevant(self.steps, flow.path),
                flow.path,
                goal,
                (),
                frozenset(),
                self.routine.on,
                self.routine.without,
            )
        )

    def statement(self, stmt: core.Stmt, flow: Flow) -> Exits:
        exits = super().statement(stmt, flow)
        if isinstance(stmt, core.Havoc) and exits.through is not None:
            self.picks.append(Pick(stmt, exits.through.values[stmt.target], flow.path))
        return exits

    def meet_assert(self, stmt: core.Assert, flow: Flow) -> None:
        goal = self.at(stmt.clause.expr, flow)
        self.oblige(f"{self.routine.qualified}.assert.{stmt.clause.label}", Kind.ASSERT, goal, flow, stmt.clause.span)

    def meet_unreached(self, body: Sequence[core.Stmt], flow: Flow) -> None:
        """No run, no instance."""

    def meet_call(self, call: core.Call, flow: Flow) -> Flow:
        callee = self.routines[call.callee]
        place = f"{self.routine.qualified}.call[{call.number}].{callee.name}"
        inner = flow
        for parameter, argument in zip(callee.parameters, call.arguments, strict=True):
            now = self.define(parameter, self.at(argument, flow), flow).values[parameter]
            inner = inner.at(parameter, now)
        before = {**self.states(flow), **{p: inner.values[p] for p in callee.parameters}}
        seen = () if callee.kind is RoutineKind.LEMMA else labelled_invariants(self.program, callee.module)
        conditions = [(f"invariant.{label}", clause) for _, label, clause in seen]
        conditions += [(clause.label, clause) for clause in callee.requires]
        for label, clause in conditions:
            self.oblige(f"{place}.{label}", Kind.CALL, rename(clause.expr, before, before), flow, call.span)
        if callee.kind is RoutineKind.LEMMA:
            # A lemma changes nothing; in a run there is nothing more to do for it.
            return flow
        if callee.body is None:
            self.bodiless = callee.name
            return replace(flow, path=(*flow.path, *self.dead(flow, call.span)))
        caller, sites, entry = self.routine, self.sites, self.entry
        self.routine, self.sites, self.entry = callee, range_sites(callee), before
        exits = self.block(callee.body, inner)
        self.routine, self.sites, self.entry = caller, sites, entry
        end = self.join((*exits.returns, exits.through), call.span)
        if end is None:
            # Every run of the callee goes on for longer than the bound.
            return replace(flow, path=(*flow.path, *self.dead(flow, call.span)))
        # The caller's own variables stand where they stood, joins within the callee aside.
        values = {**flow.values, **{s: n for s, n in end.values.items() if s.kind is SymbolKind.STATE}}
        for target, result in zip(call.targets, callee.results, strict=False):
            values[target] = end.values[result]
        return replace(end, values=values)

    def dead(self, flow: Flow, span: Span) -> Path:
        """A branch that is never taken."""
        yes, _ = self.branch(core.Literal(span, False, core.BOOL), flow)
        return yes.path[len(flow.path) :]

    def meet_loop(self, loop: core.Loop, flow: Flow) -> Exits:
        place = f"{self.routine.qualified}.loop[{loop.number}]"
        heads: list[Flow] = []
        leaving: list[Flow] = []
        returns: tuple[Flow, ...] = ()
        head: Flow | None = flow
        for turn in range(self.turns + 1):
            if head is None:
                break
            moment = "entry" if turn == 0 else "kept"
            kind = Kind.INVARIANT_ENTRY if turn == 0 else Kind.INVARIANT_KEPT
            for clause in loop.invariants:
                self.meet_expr(clause.expr, head)
                goal = self.at(clause.expr, head)
                self.oblige(f"{place}.invariant.{clause.label}.{moment}", kind, goal, head, clause.span)
            if loop.decreases is not None:
                self.meet_expr(loop.decreases, head)
            if turn and loop.decreases is not None:
                now, before = self.at(loop.decreases, head), self.at(loop.decreases, heads[-1])
                goal = self.smaller(now, before, loop.decreases.span)
                self.oblige(f"{place}.decreases", Kind.DECREASES, goal, head, loop.decreases.span)
            self.meet_expr(loop.condition, head)
            inside, after = self.branch(self.at(loop.condition, head), head)
            leaving.append(after)
            for earlier in heads:
                same = [
                    equal(head.values.get(s, s), earlier.values.get(s, s), loop.span)
                    for s in loop.assigned
                    if s in head.values or s in earlier.values
                ]
                goal = negation(conjunction(loop.span, tuple(same)))
                self.oblige(place, Kind.DECREASES, goal, inside, loop.span)
            heads.append(head)
            if turn == self.turns:
                self.cut = True
                break
            exits = self.block(loop.body, inside)
            leaving += exits.breaks
            returns += exits.returns
            back = self.join((*exits.continues, exits.through), loop.span)
            head = None if back is None else self.block(loop.step, back).through
        return Exits(self.join(leaving, loop.span), returns=returns)
