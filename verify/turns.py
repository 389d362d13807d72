"""Two bodies side by side, turn by turn: when the one does what the other does, as questions without loops.

Both begin with the same arguments and the same state. If, whenever both stand at the head of their loop with the same
values, both end there or both take a turn that leaves the same values, and if both end with the same, then they are
equal on every input. What a procedure with a loop of its own does is not looked into: called with the same arguments in
the same state it does the same, as long as it reads nothing that it has not been given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.core import BOOL, BinaryOp, Symbol, SymbolKind
from verify.passive import Assume, Kind, Let, Obligation, Step
from verify.rename import conjunction, implies, rename, variables
from verify.sites import callees, statements
from verify.span import Span
from verify.syntax import PROCEDURES
from verify.validity import validity
from verify.walk import Exits, Flow, Walk, condition, equal


class NotAlike(Exception):
    """The two cannot be laid side by side; the message says why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A body with one loop at its outermost level, or with none: what stands before it, and after it."""

    before: tuple[core.Stmt, ...]
    loop: core.Loop | None
    after: tuple[core.Stmt, ...]

    @classmethod
    def of(cls, routine: core.Routine) -> Parts:
        body = routine.body or ()
        loops = [n for n, s in enumerate(body) if isinstance(s, core.Loop)]
        if sum(isinstance(s, core.Loop) for s in statements(body)) != len(loops) or len(loops) > 1:
            raise NotAlike(f"`{routine.name}` has more than one loop")
        if not loops:
            return cls(body, None, ())
        at = loops[0]
        loop = body[at]
        assert isinstance(loop, core.Loop)
        return cls(body[:at], loop, body[at + 1 :])


class _Side(Walk):
    """One of the two bodies. Both count the versions of a variable together."""

    def __init__(
        self,
        program: core.Program,
        routine: core.Routine,
        given: Mapping[Symbol, Symbol],
        versions: dict[tuple[str, str], int],
    ) -> None:
        super().__init__(program, routine)
        self.versions = versions
        self.entry = {**self.states(Flow({})), **given}
        self.start = Flow(dict(given))

    def meet_unreached(self, body: Sequence[core.Stmt], flow: Flow) -> None:
        """No run, nothing to compare."""

    def meet_loop(self, loop: core.Loop, flow: Flow) -> Exits:  # noqa: ARG002  # Walk's signature
        raise NotAlike(f"a loop at {loop.span} stands within another statement")

    def meet_assert(self, stmt: core.Assert, flow: Flow) -> None:
        """What is claimed changes nothing."""

    def meet_expr(self, expr: core.Expr, flow: Flow) -> None:
        """Where an operation is not defined, nothing is said."""

    def meet_call(self, call: core.Call, flow: Flow) -> Flow:
        callee = self.program.routines()[call.callee]
        inner = flow
        for parameter, argument in zip(callee.parameters, call.arguments, strict=True):
            inner = self.define(parameter, self.at(argument, flow), inner)
        before = {**self.states(flow), **{p: inner.values[p] for p in callee.parameters}}
        if callee.kind not in PROCEDURES:
            self.theorem(callee, before, flow, call.span)
            return flow
        if callee.body is not None and not any(isinstance(s, core.Loop) for s in statements(callee.body)):
            after = self.entered(callee, inner, before, call.span)
            states = {s: n for s, n in after.values.items() if s.kind is SymbolKind.STATE}
            results = [after.values[r] for r in callee.results]
            end = replace(after, values={**flow.values, **states})
        else:
            end, results = self.function(callee, before, flow, call.span)
        for target, result in zip(call.targets, results, strict=False):
            end = self.define(target, core.Var(call.span, result), end)
        return end

    def theorem(self, lemma: core.Routine, before: Mapping[Symbol, Symbol], flow: Flow, span: Span) -> None:
        """A lemma is true wherever it is called, on the geometries that it is about, whatever is known there."""
        where = validity(self.program, self.routine, lemma, span)
        requires = tuple(rename(c.expr, before, before) for c in lemma.requires)
        given = conjunction(lemma.span, requires if where is None else (where, *requires))
        for clause in lemma.ensures:
            self.assume(
                implies(given, rename(clause.expr, before, before)),
                flow,
                f"{lemma.qualified}.ensures.{clause.label}",
            )

    def entered(self, callee: core.Routine, inner: Flow, before: Mapping[Symbol, Symbol], span: Span) -> Flow:
        """The end of a callee's body."""
        entry, self.entry = self.entry, before
        exits = self.block(callee.body or (), inner)
        self.entry = entry
        end = self.join((*exits.returns, exits.through), span)
        if end is None:
            raise NotAlike(f"`{callee.name}` has no end")
        return end

    def function(
        self, callee: core.Routine, before: Mapping[Symbol, Symbol], flow: Flow, span: Span
    ) -> tuple[Flow, list[Symbol]]:
        """What the callee leaves, as functions of what it was given, of which no more is said."""
        if callee.body is None or chooses(self.program, callee):
            raise NotAlike(f"`{callee.name}` need not do the same with the same")
        arguments = tuple(core.Var(span, before[p]) for p in callee.parameters)
        states = tuple(core.Var(span, before[s]) for s in states_of(self.program, callee))
        end, results = flow, []
        for symbol in (*callee.modifies, *callee.results):
            value = core.Apply(span, f"{callee.qualified}!{symbol.name}", (*arguments, *states), symbol.type)
            end = self.define(symbol, value, end)
            if symbol in callee.results:
                results.append(end.values[symbol])
        values = {s: n for s, n in end.values.items() if s not in callee.results}
        return replace(end, values=values), results


def states_of(program: core.Program, routine: core.Routine) -> tuple[Symbol, ...]:
    """The states that a routine can read."""
    return program.states(routine.module)


def chooses(program: core.Program, routine: core.Routine) -> bool:
    """True iff a run may read a variable that nobody has given a value; so may one of a callee."""
    routines = program.routines()
    called = (routines[name] for name in callees(routine))
    return _unset_after(routine.body or (), frozenset(), []) is None or any(
        chooses(program, c) for c in called if c.kind in PROCEDURES
    )


def _unset_after(
    body: Sequence[core.Stmt], unset: frozenset[Symbol], continues: list[frozenset[Symbol]]
) -> frozenset[Symbol] | None:
    """The variables without a value after these statements, given those before; None if one is read.

    `continues` gets those at each `continue`.
    """

    def reads(*exprs: core.Expr) -> bool:
        return any(v in unset for e in exprs for v in variables(e))

    for stmt in body:
        match stmt:
            case core.Havoc(target=target):
                unset |= {target}
            case core.Assign(target=target, value=value):
                if reads(value):
                    return None
                unset -= {target}
            case core.Call(arguments=arguments, targets=targets):
                if reads(*arguments):
                    return None
                unset -= set(targets)
            case core.If(condition=test, then=then, otherwise=otherwise):
                one, other = _unset_after(then, unset, continues), _unset_after(otherwise, unset, continues)
                if reads(test) or one is None or other is None:
                    return None
                unset = one | other
            case core.Loop(condition=test, body=inner, step=step):
                inside: list[frozenset[Symbol]] = []
                turned = _unset_after(inner, unset, inside)
                if reads(test) or turned is None or _unset_after(step, turned.union(*inside), []) is None:
                    return None
            case core.Atomic(body=inner):
                after = _unset_after(inner, unset, continues)
                if after is None:
                    return None
                unset = after
            case core.Continue():
                continues.append(unset)
            case _:
                pass
    return unset


def with_functions(program: core.Program) -> core.Program:
    """The program with a define, of which no more is said, for all that each procedure returns and leaves."""
    modules = []
    for module in program.modules:
        items: list[core.Item] = [*module.items]
        for routine in (i for i in module.items if isinstance(i, core.Routine) and i.kind in PROCEDURES):
            reads = states_of(program, routine)
            for symbol in (*routine.modifies, *routine.results):
                name = f"{routine.name}!{symbol.name}"
                items.append(
                    core.Define(
                        module.name, name, False, routine.parameters, reads, symbol.type, None, routine.span, ()
                    )
                )
        modules.append(replace(module, items=tuple(items)))
    return core.Program(tuple(modules))


class Comparison:
    """Two procedures with parameters and results of the same types, and what is to be proved so that they are equal on
    every input that meets the preconditions of the first.

    `program` is from `with_functions`. Raises NotAlike.
    """

    def __init__(self, program: core.Program, one: core.Routine, other: core.Routine) -> None:
        versions: dict[tuple[str, str], int] = defaultdict(int)
        self.program, self.one, self.other = program, one, other
        self.a = _Side(program, one, {p: p for p in one.parameters}, versions)
        self.b = _Side(program, other, dict(zip(other.parameters, one.parameters, strict=True)), versions)
        parts_a, parts_b = Parts.of(one), Parts.of(other)
        self.loop = parts_a.loop
        before_a = self.a.block(parts_a.before, self.a.start)
        before_b = self.b.block(parts_b.before, self.b.start)
        self.before = (before_a.through, before_b.through)
        if parts_a.loop is None or parts_b.loop is None:
            if parts_a.loop is not parts_b.loop:
                raise NotAlike("one of them has a loop and the other has none")
            self.ends = (self.a.join((*before_a.returns, before_a.through), one.span), self.b_end(before_b))
            return
        self.early = (self.a.join(before_a.returns, one.span), self.b.join(before_b.returns, other.span))
        pairs = self.pairs(parts_a.loop, parts_b.loop)
        heads_a = {a: self.a.fresh(a) for a in pairs}
        heads_b = {b: heads_a[a] for a, b in pairs.items()}
        self.heads = {**heads_a, **{s: self.a.fresh(s) for s in parts_a.loop.assigned if s not in heads_a}}
        heads_b.update({s: self.b.fresh(s) for s in parts_b.loop.assigned if s not in heads_b})
        self.upto = len(self.a.steps), len(self.b.steps)
        turn_a = self.turn(self.a, parts_a, before_a.through, self.heads)
        turn_b = self.turn(self.b, parts_b, before_b.through, heads_b)
        live = self.live(pairs, heads_a, turn_a, turn_b)
        self.live_pairs = {a: pairs[a] for a in live}
        self.again, self.ends = (turn_a[0], turn_b[0]), (turn_a[1], turn_b[1])

    def b_end(self, exits: Exits) -> Flow | None:
        return self.b.join((*exits.returns, exits.through), self.other.span)

    def questions(self, known: Sequence[core.Clause]) -> Iterator[Obligation]:
        """What is to be proved. `known`: invariants of the first one's loop that hold."""
        if self.loop is None:
            yield self.obligation("end", self.same_end(*self.ends))
            return
        reached = self.both(*self.before, self.live_pairs)
        yield self.obligation("entry", (*reached, *self.same_end(*self.early)), upto=self.upto)
        at_head = tuple(self.at_head(clause) for clause in known)
        yield self.obligation("turn", self.both(*self.again, self.live_pairs), more=at_head)
        yield self.obligation("end", self.same_end(*self.ends), more=at_head)

    def kept(self, clause: core.Clause, known: Sequence[core.Clause]) -> Iterator[Obligation]:
        """What is to be proved so that an invariant of the first one's loop holds, if those known do."""
        before, again = self.before[0], self.again[0]
        if before is not None:
            goal = rename(clause.expr, before.values, self.a.entry)
            goals = (implies(condition(before.path, clause.span), goal),)
            yield self.obligation(f"{clause.label}.entry", goals, upto=(self.upto[0], 0))
        if again is not None:
            goal = rename(clause.expr, again.values, self.a.entry)
            goals = (implies(condition(again.path, clause.span), goal),)
            more = tuple(self.at_head(c) for c in known)
            yield self.obligation(f"{clause.label}.kept", goals, more=more, upto=(len(self.a.steps), 0))

    def at_head(self, clause: core.Clause) -> Assume:
        """An invariant of the first one's loop, where both stand at the head."""
        values = {**(self.before[0] or self.a.start).values, **self.heads}
        return Assume((), rename(clause.expr, values, self.a.entry), f"{self.one.qualified}.invariant.{clause.label}")

    def pairs(self, loop_a: core.Loop, loop_b: core.Loop) -> dict[Symbol, Symbol]:
        """The variables that one of the loops changes and that have the same name and type in both."""
        states = {s for s in (*loop_a.assigned, *loop_b.assigned) if s.kind is SymbolKind.STATE}
        found = {s: s for s in sorted(states, key=str)}
        parameters = dict(zip(self.one.parameters, self.other.parameters, strict=True))
        results = dict(zip(self.one.results, self.other.results, strict=True))
        by_name = {(s.name, s.type): s for s in loop_b.assigned if s.kind is SymbolKind.LOCAL}
        for symbol, partner in (*parameters.items(), *results.items()):
            if symbol in loop_a.assigned or partner in loop_b.assigned:
                found[symbol] = partner
        for symbol in loop_a.assigned:
            if symbol.kind is SymbolKind.LOCAL and (symbol.name, symbol.type) in by_name:
                found[symbol] = by_name[symbol.name, symbol.type]
        return found

    def turn(
        self, side: _Side, parts: Parts, before: Flow | None, heads: Mapping[Symbol, Symbol]
    ) -> tuple[Flow | None, Flow | None]:
        """A turn from the head of a loop: where the head is met again, and where the routine ends."""
        loop = parts.loop
        assert loop is not None
        head = Flow({**(before or side.start).values, **heads})
        inside, out = side.branch(side.at(loop.condition, head), head)
        exits = side.block(loop.body, inside)
        back = side.join((*exits.continues, exits.through), loop.span)
        again = None if back is None else side.block(loop.step, back).through
        leaving = side.join((out, *exits.breaks), loop.span)
        after = side.block(parts.after, leaving) if leaving is not None else Exits(None)
        return again, side.join((*exits.returns, *after.returns, after.through), loop.span)

    def live(
        self,
        pairs: Mapping[Symbol, Symbol],
        heads: Mapping[Symbol, Symbol],
        turn_a: tuple[Flow | None, Flow | None],
        turn_b: tuple[Flow | None, Flow | None],
    ) -> tuple[Symbol, ...]:
        """The paired variables whose values at the head make a difference, states and parameters always among them."""
        live = {s for s in pairs if s.kind is not SymbolKind.LOCAL}
        while True:
            needed: set[Symbol] = set()
            for flow, partner in ((turn_a, lambda s: s), (turn_b, lambda s: pairs[s])):
                for end in flow:
                    if end is not None:
                        needed.update(g.symbol for g in end.path)
                if flow[0] is not None:
                    needed.update(flow[0].values.get(partner(s), partner(s)) for s in live)
                if flow[1] is not None:
                    results = self.one.results if flow is turn_a else self.other.results
                    needed.update(flow[1].values[r] for r in results if r in flow[1].values)
            needed = self.behind(needed)
            more = {s for s, head in heads.items() if head in needed} - live
            if not more:
                return tuple(s for s in pairs if s in live)
            live |= more

    def behind(self, needed: set[Symbol]) -> set[Symbol]:
        """All symbols that these were made of."""
        made = {s.symbol: s for side in (self.a, self.b) for s in side.steps if isinstance(s, Let)}
        stack = list(needed)
        while stack:
            step = made.get(stack.pop())
            if step is not None:
                new = {*variables(step.value), *(g.symbol for g in step.path)} - needed
                needed |= new
                stack += new
        return needed

    # --- what is claimed ---------------------------------------------------------------------------------------------

    def both(
        self, a: Flow | None, b: Flow | None, pairs: Mapping[Symbol, Symbol], results: bool = False
    ) -> tuple[core.Expr, ...]:
        """That both get to a place or neither does, and that there these variables are the same."""
        span = self.one.span
        if a is None and b is None:
            return ()
        if a is None or b is None:
            there = a or b
            assert there is not None
            return (core.Unary(span, core.UnaryOp.NOT, condition(there.path, span)),)
        way_a, way_b = condition(a.path, span), condition(b.path, span)
        same: list[core.Expr] = [core.Binary(span, BinaryOp.IFF, way_a, way_b)]
        found = dict(pairs)
        found.update((s, s) for s in dict.fromkeys((*a.values, *b.values)) if s.kind is SymbolKind.STATE)
        if results:
            found.update(zip(self.one.results, self.other.results, strict=True))
        for one, other in found.items():
            left, right = a.values.get(one, one), b.values.get(other, self.b.start.values.get(other, other))
            if left != right:
                same.append(implies(way_a, equal(left, right, span)))
        return tuple(same)

    def same_end(self, a: Flow | None, b: Flow | None) -> tuple[core.Expr, ...]:
        return self.both(a, b, {}, results=True)

    def obligation(
        self,
        place: str,
        goals: Sequence[core.Expr],
        more: Sequence[Step] = (),
        upto: tuple[int, int] | None = None,
    ) -> Obligation:
        span, one = self.one.span, self.one
        steps: list[Step] = [Assume((), c.expr, f"{one.qualified}.requires.{c.label}") for c in one.requires]
        to_a, to_b = upto or (len(self.a.steps), len(self.b.steps))
        at_a, at_b = (min(self.upto[0], to_a), min(self.upto[1], to_b)) if self.loop is not None else (to_a, to_b)
        steps += [*self.a.steps[:at_a], *self.b.steps[:at_b]]  # what is known at the head is about these
        steps += [*more, *self.a.steps[at_a:to_a], *self.b.steps[at_b:to_b]]
        goal = conjunction(span, tuple(goals)) if goals else core.Literal(span, True, BOOL)
        revealed = frozenset(
            s.function for r in (one, self.other) for s in statements(r.body or ()) if isinstance(s, core.Reveal)
        )
        return Obligation(
            f"{one.qualified}.compare.{place}",
            Kind.ENSURES,
            one.module,
            one.name,
            span,
            (),
            tuple(steps),
            (),
            goal,
            (),
            revealed,
            None,
            one.without,
        )
