"""One pass over a body, from the entry on, that leaves passive steps. A subclass says how loops and calls are met.

Control flow joins by name: where two ways meet, each variable that differs gets a new symbol, chosen by the way taken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from verify import core
from verify.core import BOOL, BinaryOp, Symbol, SymbolKind
from verify.passive import Assume, Guard, Let, Path, Step
from verify.rename import conjunction, disjunction, negation, rename
from verify.span import Span


@dataclass(frozen=True, slots=True)
class Flow:
    """Where control can be: the symbol that each variable stands at, the branches taken, what has been revealed."""

    values: Mapping[Symbol, Symbol]
    path: Path = ()
    revealed: frozenset[str] = frozenset()
    leans: tuple[str, ...] = ()

    def at(self, symbol: Symbol, now: Symbol) -> Flow:
        return replace(self, values={**self.values, symbol: now})


@dataclass(frozen=True, slots=True)
class Exits:
    """Where control goes from a stretch of code: on, and by `break`, `continue` and `return`."""

    through: Flow | None
    breaks: tuple[Flow, ...] = ()
    continues: tuple[Flow, ...] = ()
    returns: tuple[Flow, ...] = ()


class Walk(ABC):
    """Walks one routine. `steps` grows as it goes."""

    def __init__(self, program: core.Program, routine: core.Routine) -> None:
        self.program = program
        self.routine = routine
        self.steps: list[Step] = []
        self.versions: dict[tuple[str, str], int] = defaultdict(int)
        # On entry each parameter and each state variable has the value that its own symbol stands for.
        self.entry: Mapping[Symbol, Symbol] = {**self.states(Flow({})), **{p: p for p in routine.parameters}}

    # --- what a subclass decides -------------------------------------------------------------------------------------

    @abstractmethod
    def meet_unreached(self, body: Sequence[core.Stmt], flow: Flow) -> None:
        """No run gets to these statements, if there are any; `flow` is a place before them."""

    @abstractmethod
    def meet_loop(self, loop: core.Loop, flow: Flow) -> Exits: ...

    @abstractmethod
    def meet_call(self, call: core.Call, flow: Flow) -> Flow: ...

    @abstractmethod
    def meet_assert(self, stmt: core.Assert, flow: Flow) -> None: ...

    @abstractmethod
    def meet_expr(self, expr: core.Expr, flow: Flow) -> None:
        """`expr`, as it stands in the text, is about to be evaluated at `flow`."""

    # --- symbols ---------------------------------------------------------------------------------------------------

    def fresh(self, symbol: Symbol) -> Symbol:
        """The next symbol for the variable."""
        key = (symbol.scope, symbol.name)
        self.versions[key] += 1
        return replace(symbol, version=self.versions[key])

    def at(self, expr: core.Expr, flow: Flow) -> core.Expr:
        """The expression as it stands at a place in the walked body."""
        return rename(expr, flow.values, self.entry)

    def define(self, symbol: Symbol, value: core.Expr, flow: Flow) -> Flow:
        """The flow after the variable takes the value, which is in passive form."""
        now = self.fresh(symbol)
        self.steps.append(Let(flow.path, now, value))
        return flow.at(symbol, now)

    def states(self, flow: Flow) -> dict[Symbol, Symbol]:
        """Where every state variable of the program stands."""
        return {s: flow.values.get(s, s) for s in self.program.every_state}

    def havoc(self, symbols: Sequence[Symbol], flow: Flow) -> Flow:
        """The flow after the variables take any values."""
        return replace(flow, values={**flow.values, **{s: self.fresh(s) for s in symbols}})

    def assume(self, expr: core.Expr, flow: Flow, name: str | None) -> None:
        self.steps.append(Assume(flow.path, expr, name))

    def branch(self, condition: core.Expr, flow: Flow) -> tuple[Flow, Flow]:
        """The flows on which a condition, in passive form, holds and does not."""
        guard = self.fresh(Symbol(SymbolKind.LOCAL, f"{self.routine.qualified}?", "branch", BOOL))
        self.steps.append(Let(flow.path, guard, condition))
        yes = replace(flow, path=(*flow.path, Guard(guard, True)))
        return yes, replace(flow, path=(*flow.path, Guard(guard, False)))

    # --- joins -----------------------------------------------------------------------------------------------------

    def join(self, flows: Sequence[Flow | None], span: Span) -> Flow | None:
        """The place where several ways meet; None where none does."""
        live = [f for f in flows if f is not None]
        while len(live) > 1:
            right, left = live.pop(), live.pop()
            live.append(self.meet(left, right, span))
        return live[0] if live else None

    def meet(self, a: Flow, b: Flow, span: Span) -> Flow:
        common = 0
        while common < min(len(a.path), len(b.path)) and a.path[common] == b.path[common]:
            common += 1
        path, rest_a, rest_b = a.path[:common], a.path[common:], b.path[common:]
        way_a = condition(rest_a, span)
        opposite = len(rest_a) == len(rest_b) == 1 and rest_a[0].symbol == rest_b[0].symbol
        if rest_a and rest_b and not opposite:
            guard = self.fresh(Symbol(SymbolKind.LOCAL, f"{self.routine.qualified}?", "join", BOOL))
            self.steps.append(Let(path, guard, disjunction(span, (way_a, condition(rest_b, span)))))
            path = (*path, Guard(guard, True))
        values = dict(a.values)
        for symbol in dict.fromkeys((*a.values, *b.values)):
            if symbol.kind is SymbolKind.LOCAL and not (symbol in a.values and symbol in b.values):
                continue  # declared on one way only: out of scope from here on
            one, other = a.values.get(symbol, symbol), b.values.get(symbol, symbol)
            if one != other:
                now = self.fresh(symbol)
                chosen = core.Ite(span, way_a, core.Var(span, one), core.Var(span, other))
                self.steps.append(Let(path, now, chosen))
                values[symbol] = now
        return Flow(values, path, a.revealed | b.revealed, tuple(dict.fromkeys((*a.leans, *b.leans))))

    # --- statements ------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[core.Stmt], flow: Flow) -> Exits:
        breaks: tuple[Flow, ...] = ()
        continues: tuple[Flow, ...] = ()
        returns: tuple[Flow, ...] = ()
        for number, stmt in enumerate(body, start=1):
            exits = self.statement(stmt, flow)
            breaks += exits.breaks
            continues += exits.continues
            returns += exits.returns
            if exits.through is None:
                self.meet_unreached(body[number:], flow)
                return Exits(None, breaks, continues, returns)
            flow = exits.through
        return Exits(flow, breaks, continues, returns)

    def statement(self, stmt: core.Stmt, flow: Flow) -> Exits:
        match stmt:
            case core.Assign():
                self.meet_expr(stmt.value, flow)
                return Exits(self.define(stmt.target, self.at(stmt.value, flow), flow))
            case core.Havoc():
                return Exits(self.havoc((stmt.target,), flow))
            case core.Call():
                for argument in stmt.arguments:
                    self.meet_expr(argument, flow)
                return Exits(self.meet_call(stmt, flow))
            case core.Assert():
                self.meet_expr(stmt.clause.expr, flow)
                self.meet_assert(stmt, flow)
                return Exits(flow)
            case core.Reveal():
                return Exits(replace(flow, revealed=flow.revealed | {stmt.function}))
            case core.If():
                self.meet_expr(stmt.condition, flow)
                yes, no = self.branch(self.at(stmt.condition, flow), flow)
                a, b = self.block(stmt.then, yes), self.block(stmt.otherwise, no)
                return Exits(
                    self.join((a.through, b.through), stmt.span),
                    a.breaks + b.breaks,
                    a.continues + b.continues,
                    a.returns + b.returns,
                )
            case core.Loop():
                return self.meet_loop(stmt, flow)
            case core.Break():
                return Exits(None, breaks=(flow,))
            case core.Continue():
                return Exits(None, continues=(flow,))
            case core.Return():
                return Exits(None, returns=(flow,))
            case core.Atomic():
                return self.block(stmt.body, flow)
            case _:
                assert_never(stmt)


def condition(path: Path, span: Span) -> core.Expr:
    """That every branch of a path is taken."""
    parts = [core.Var(span, g.symbol) if g.holds else negation(core.Var(span, g.symbol)) for g in path]
    return conjunction(span, tuple(parts))


def equal(a: Symbol, b: Symbol, span: Span) -> core.Expr:
    """That two symbols of one type have one value."""
    return core.Binary(span, BinaryOp.EQ, core.Var(span, a), core.Var(span, b))
