"""The obligations of a body: each loop known by its invariants, each call by its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from verify import core
from verify.claims import claims_of
from verify.core import INT, WORD, BinaryOp, Symbol, SymbolKind
from verify.passive import Kind, Obligation, Path, relevant
from verify.rename import bare, conjunction, definedness, implies, rename
from verify.seen import labelled_invariants, module_invariants
from verify.sites import callees, range_sites, subexpressions
from verify.span import Span
from verify.statements import changed
from verify.syntax import PROCEDURES, RoutineKind
from verify.validity import validity
from verify.walk import Exits, Flow, Walk, equal


class Contract(Walk):
    """Walks a procedure or a lemma and gathers its obligations, each id once."""

    def __init__(self, program: core.Program, routine: core.Routine) -> None:
        super().__init__(program, routine)
        self.routines = program.routines()
        self.changes = {name: self.may_change(self.routines[name]) for name in sorted(callees(routine))}
        self.sites = range_sites(routine)
        self.used: dict[tuple[Span, core.Expr], list[Path]] = {}
        self.found: dict[str, Obligation] = {}

    def gather(self) -> tuple[Obligation, ...]:
        """All obligations of the routine, its entry first."""
        routine = self.routine
        flow = Flow({})
        if routine.kind in PROCEDURES:
            for name, clause in module_invariants(self.program, routine.module):
                self.assume(clause.expr, flow, name)
        for clause in routine.requires:
            self.meet_expr(clause.expr, flow)
            self.assume(clause.expr, flow, f"{routine.qualified}.requires.{clause.label}")
        self.oblige(f"{routine.qualified}.requires", Kind.REQUIRES, None, flow, routine.span)
        if routine.decreases is not None:
            self.meet_expr(routine.decreases, flow)
        if routine.kind is RoutineKind.TRUSTED:
            self.promise(flow)
        else:
            exits = self.block(routine.body or (), flow)
            end = self.join((*exits.returns, exits.through), routine.span)
            if end is not None:
                self.leave(end)
        return tuple(self.found.values())

    def promise(self, flow: Flow) -> None:
        """What stands in the `ensures` of a trusted procedure is defined, each where those before it hold."""
        at_end = self.havoc(self.routine.modifies, flow)
        for clause in self.routine.ensures:
            self.meet_expr(clause.expr, at_end)
            self.assume(self.at(clause.expr, at_end), at_end, None)

    def leave(self, flow: Flow) -> None:
        """What is claimed at the end."""
        routine = self.routine
        final = {s: now for s, now in flow.values.items() if s.kind is not SymbolKind.ARGUMENT}
        at_end = replace(flow, values=final)
        for clause in routine.ensures:
            self.meet_expr(clause.expr, at_end)
            goal = rename(clause.expr, final, self.entry)
            self.oblige(
                f"{routine.qualified}.ensures.{clause.label}", Kind.ENSURES, goal, flow, clause.span, clause.doc
            )
        if routine.kind not in (RoutineKind.PROCEDURE, RoutineKind.INTERFERENCE):
            return
        seen = self.program.states(routine.module)
        kept = [s for s in seen if s not in routine.modifies]
        if seen:
            same = tuple(equal(flow.values.get(s, s), s, routine.span) for s in kept)
            goal = conjunction(routine.span, same)
            self.oblige(f"{routine.qualified}.modifies", Kind.MODIFIES, goal, flow, routine.span)
        touched = {*routine.modifies, *changed(routine.body or (), self.changes)}
        for _, label, clause in labelled_invariants(self.program, routine.module):
            if any(isinstance(e, core.Var) and e.symbol in touched for e in subexpressions(clause.expr)):
                goal = rename(clause.expr, final, self.entry)
                self.oblige(
                    f"{routine.qualified}.invariant.{label}", Kind.INVARIANT, goal, flow, clause.span, clause.doc
                )

    # --- obligations -----------------------------------------------------------------------------------------------

    def oblige(
        self, id_: str, kind: Kind, goal: core.Expr | None, flow: Flow, span: Span, doc: tuple[str, ...] = ()
    ) -> None:
        """One claim at a place. A second one of the same id (an expression that stands twice) is the same claim."""
        self.found.setdefault(
            id_,
            Obligation(
                id_,
                kind,
                self.routine.module,
                self.routine.name,
                span,
                claims_of(doc, self.routine.claims),
                relevant(self.steps, flow.path),
                flow.path,
                goal,
                flow.leans,
                flow.revealed,
                self.routine.on,
                self.routine.without,
            ),
        )

    def meet_unreached(self, body: Sequence[core.Stmt], flow: Flow) -> None:
        """What is claimed there is claimed of no run: it has its obligations, and they hold."""
        if body:
            never, _ = self.branch(core.Literal(body[0].span, False, core.BOOL), flow)
            self.block(body, never)

    def meet_expr(self, expr: core.Expr, flow: Flow) -> None:
        for span, goal in definedness(expr):
            id_ = f"{self.routine.qualified}.range[{self.sites[span]}]"
            self.oblige(id_, Kind.RANGE, rename(goal, flow.values, self.entry), flow, span)
        if self.routine.without:
            self.meet_used(expr, flow)

    def meet_used(self, expr: core.Expr, flow: Flow) -> None:
        """Constants and defines are defined under all assumptions: where some are left out, that has to be shown again.

        The operations within them are numbered after the routine's own, each once for what has to be shown of it.
        """
        for span, condition in definedness(expr, self.program):
            goal = rename(bare(condition), flow.values, self.entry)
            paths = self.used.setdefault((span, goal), [])
            if span in self.sites or any(flow.path[: len(path)] == path for path in paths):
                continue
            paths.append(flow.path)
            number = len(self.sites) + sum(map(len, self.used.values()))
            self.oblige(f"{self.routine.qualified}.range[{number}]", Kind.RANGE, goal, flow, expr.span)

    def meet_assert(self, stmt: core.Assert, flow: Flow) -> None:
        name = f"{self.routine.qualified}.assert.{stmt.clause.label}"
        goal = self.at(stmt.clause.expr, flow)
        self.oblige(name, Kind.ASSERT, goal, flow, stmt.clause.span, stmt.clause.doc)
        self.assume(goal, flow, name)

    # --- calls -----------------------------------------------------------------------------------------------------

    def meet_call(self, call: core.Call, flow: Flow) -> Flow:
        callee = self.routines[call.callee]
        place = call.place(self.routine.qualified)
        given: dict[Symbol, Symbol] = {}
        for parameter, argument in zip(callee.parameters, call.arguments, strict=True):
            given[parameter] = self.define(parameter, self.at(argument, flow), flow).values[parameter]
        before = {**self.states(flow), **given}
        invariants = labelled_invariants(self.program, callee.module) if callee.kind in PROCEDURES else ()
        for _, label, clause in invariants:
            goal = rename(clause.expr, before, before)
            self.oblige(f"{place}.invariant.{label}", Kind.CALL, goal, flow, call.span)
            self.assume(goal, flow, None)
        valid = validity(self.program, self.routine, callee, call.span)
        for clause in callee.requires:
            goal = rename(clause.expr, before, before)
            if valid is not None:
                # Where the contract says nothing, it has not been shown that its conditions are defined.
                defined = (rename(c, before, before) for _, c in definedness(clause.expr, self.program))
                goal = conjunction(call.span, (*defined, goal))
            self.oblige(f"{place}.{clause.label}", Kind.CALL, goal, flow, call.span, clause.doc)
            self.assume(goal, flow, None)
        if callee.qualified == self.routine.qualified and callee.decreases is not None:
            goal = self.smaller(rename(callee.decreases, before, before), callee.decreases, call.span)
            self.oblige(f"{place}.decreases", Kind.DECREASES, goal, flow, call.span)
        results = {r: self.fresh(r) for r in callee.results}
        after = self.havoc(self.changes[callee.qualified], flow)
        if callee.kind is not RoutineKind.LEMMA:
            after = replace(after, leans=(*after.leans, f"the contract of `{callee.name}`, line {call.span.line}"))
        states_after = self.states(after)

        def known(expr: core.Expr, name: str | None) -> None:
            self.assume(expr if valid is None else implies(valid, expr), after, name)

        for symbol in self.changes[callee.qualified]:
            if symbol not in callee.modifies:
                known(equal(states_after[symbol], before[symbol], call.span), None)
        for name, _, clause in invariants:
            known(rename(clause.expr, states_after, states_after), name)
        for clause in callee.ensures:
            expr = rename(clause.expr, {**states_after, **given, **results}, before)
            known(expr, f"{callee.qualified}.ensures.{clause.label}")
        for target, result in zip(call.targets, callee.results, strict=False):
            after = after.at(target, results[result])
        return after

    def may_change(self, callee: core.Routine) -> tuple[Symbol, ...]:
        """The state variables that a call may change: all, where the frame is not proved on every geometry."""
        if callee.kind in PROCEDURES and validity(self.program, self.routine, callee, callee.span) is not None:
            seen = self.program.states(callee.module)
            return tuple(dict.fromkeys((*callee.modifies, *seen)))
        return callee.modifies

    # --- loops -----------------------------------------------------------------------------------------------------

    def meet_loop(self, loop: core.Loop, flow: Flow) -> Exits:
        place = f"{self.routine.qualified}.loop[{loop.number}]"
        for clause in loop.invariants:
            goal = self.at(clause.expr, flow)
            self.oblige(
                f"{place}.invariant.{clause.label}.entry", Kind.INVARIANT_ENTRY, goal, flow, clause.span, clause.doc
            )
        states = (s for s in changed((*loop.body, *loop.step), self.changes) if s.kind is SymbolKind.STATE)
        head = self.havoc(tuple(dict.fromkeys((*loop.assigned, *states))), flow)
        lean = f"the invariants of the loop, line {loop.span.line}"
        head = replace(head, leans=(*head.leans, lean))
        for clause in loop.invariants:
            self.meet_expr(clause.expr, head)
            self.assume(self.at(clause.expr, head), head, f"{place}.invariant.{clause.label}")
        if loop.decreases is not None:
            self.meet_expr(loop.decreases, head)
        self.meet_expr(loop.condition, head)
        inside, after = self.branch(self.at(loop.condition, head), head)
        measure: Symbol | None = None
        if loop.decreases is not None:
            kind = Symbol(SymbolKind.LOCAL, place, "decreases", loop.decreases.type)
            measure = self.define(kind, self.at(loop.decreases, inside), inside).values[kind]
        exits = self.block(loop.body, inside)
        turn = self.join((*exits.continues, exits.through), loop.span)
        if turn is None:
            self.meet_unreached(loop.step, inside)
        else:
            turn = self.block(loop.step, turn).through
        if turn is not None:
            for clause in loop.invariants:
                goal = self.at(clause.expr, turn)
                self.oblige(
                    f"{place}.invariant.{clause.label}.kept", Kind.INVARIANT_KEPT, goal, turn, clause.span, clause.doc
                )
            if measure is not None and loop.decreases is not None:
                before = core.Var(loop.decreases.span, measure)
                goal = self.smaller(self.at(loop.decreases, turn), before, loop.decreases.span)
                self.oblige(f"{place}.decreases", Kind.DECREASES, goal, turn, loop.decreases.span)
        elif loop.decreases is not None:
            # No way leads back to the condition: what is claimed of the next test holds of none.
            for clause in loop.invariants:
                true = core.Literal(clause.span, True, core.BOOL)
                self.oblige(
                    f"{place}.invariant.{clause.label}.kept", Kind.INVARIANT_KEPT, true, inside, clause.span, clause.doc
                )
            true = core.Literal(loop.decreases.span, True, core.BOOL)
            self.oblige(f"{place}.decreases", Kind.DECREASES, true, inside, loop.decreases.span)
        return Exits(self.join((after, *exits.breaks), loop.span), returns=exits.returns)

    def smaller(self, now: core.Expr, before: core.Expr, span: Span) -> core.Expr:
        """That a measure has become smaller, and for an int, was not negative."""
        less = core.Binary(span, BinaryOp.LT, now, before)
        if before.type == WORD:
            return less
        return conjunction(span, (core.Binary(span, BinaryOp.LE, core.Literal(span, 0, INT), before), less))


def obligations_of(program: core.Program, routine: core.Routine) -> Sequence[Obligation]:
    """The obligations of a procedure (trusted or not) or a lemma."""
    return Contract(program, routine).gather()
