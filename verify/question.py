"""An obligation at one scope, ready to be put to the solver or to the evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from verify import core
from verify.core import BinaryOp, Symbol, SymbolKind
from verify.passive import Assume, Kind, Let, Obligation, Path, Step
from verify.rename import negation
from verify.scopes import Scope
from verify.seen import assumptions
from verify.sites import subexpressions


@dataclass(frozen=True, slots=True)
class Question:
    """Are there values of the free symbols that meet all `steps` and `path` and, if there is a goal, make it false?

    `goal` has lost its outer universal quantifiers: their variables are free symbols here. `wanted` is true iff the
    specification wants such values (kinds requires, cover, refute).
    """

    obligation: Obligation
    scope: Scope
    steps: tuple[Step, ...]
    path: Path
    goal: core.Expr | None

    @property
    def wanted(self) -> bool:
        return self.obligation.kind in (Kind.REQUIRES, Kind.COVER, Kind.REFUTE)

    def defined_symbols(self) -> frozenset[Symbol]:
        """The symbols that a step gives their value."""
        return frozenset(s.symbol for s in self.steps if isinstance(s, Let))

    def free_symbols(self) -> tuple[Symbol, ...]:
        """The symbols whose values are to be found, params and constants aside, in the order in which they occur."""
        given = self.defined_symbols()
        found: dict[Symbol, None] = {}
        for expr in self.expressions():
            nodes = tuple(subexpressions(expr))
            bound = {symbol for node in nodes for symbol in _binds(node)}
            # Where a define is laid open, its own symbols are bound: a state that it reads may be free beside that.
            bound -= set(_free(expr)) if any(s.kind is not SymbolKind.BOUND for s in bound) else set()
            for node in nodes:
                if isinstance(node, core.Var) and node.symbol not in bound and node.symbol not in given:
                    found.setdefault(node.symbol)
        return tuple(s for s in found if s.kind not in (SymbolKind.PARAM, SymbolKind.CONST))

    def clauses(self) -> tuple[str, ...]:
        """The names of the clauses among the steps."""
        return tuple(dict.fromkeys(s.name for s in self.steps if isinstance(s, Assume) and s.name is not None))

    def expressions(self) -> Iterator[core.Expr]:
        for step in self.steps:
            yield step.expr if isinstance(step, Assume) else step.value
        if self.goal is not None:
            yield self.goal


def bound_in(expr: core.Expr) -> Iterator[Symbol]:
    """The variables that an expression binds, at any depth."""
    for node in subexpressions(expr):
        yield from _binds(node)


def _free(expr: core.Expr) -> frozenset[Symbol]:
    """The variables that stand in an expression where it does not bind them."""
    match expr:
        case core.Var(symbol=symbol):
            return frozenset({symbol})
        case core.Let(symbol=symbol, value=value, body=body):
            return _free(value) | (_free(body) - {symbol})
        case core.Quantifier(symbols=symbols, body=body):
            return _free(body) - set(symbols)
        case _:
            return frozenset().union(*(_free(child) for child in core.children(expr)))


def _binds(expr: core.Expr) -> tuple[Symbol, ...]:
    match expr:
        case core.Let(symbol=symbol):
            return (symbol,)
        case core.Quantifier(symbols=symbols):
            return symbols
        case _:
            return ()


def ask(program: core.Program, obligation: Obligation, scope: Scope) -> Question:
    """The question of an obligation at a scope, the assumptions on the geometry among its steps."""
    allowed = _assumable(program, obligation)
    steps: list[Step] = [Assume((), clause.expr, name) for name, clause in allowed]
    steps += obligation.steps
    goal = obligation.goal
    while goal is not None and obligation.kind is not Kind.REFUTE:
        match goal:
            case core.Quantifier(universal=True, body=body):
                goal = body
            case core.Binary(op=BinaryOp.IMPLIES, left=left, right=right):
                steps.append(Assume(obligation.path, left, None))
                goal = right
            case _:
                break
    return Question(obligation, scope, tuple(steps), obligation.path, goal)


def _assumable(program: core.Program, obligation: Obligation) -> Iterator[tuple[str, core.Clause]]:
    """The assumptions that an obligation may use.

    The range of a constant may use only those that mention no constant but earlier ones, and that of an assumption
    only those before it: else each would be proved from itself.
    """
    every = list(assumptions(program, obligation.module, obligation.without))
    if obligation.kind is not Kind.RANGE:
        yield from every
        return
    order = [i.symbol for i in program.visible_items(obligation.module) if isinstance(i, core.Const)]
    own = [s for s in order if s.name == obligation.item and s.scope == obligation.module]
    label = obligation.item.removeprefix("assume.") if obligation.item.startswith("assume.") else None
    for name, clause in every:
        if label is not None and name == f"{obligation.module}.assume.{label}":
            return
        if own:
            later = set(order[order.index(own[0]) :])
            if later & set(mentioned_constants(program, clause.expr)):
                continue
        yield name, clause


def mentioned_constants(program: core.Program, expr: core.Expr) -> Iterator[Symbol]:
    """The derived constants that an expression depends on, through defines and other constants too."""
    defines = program.defines()
    constants = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}
    seen: set[object] = set()
    stack = [expr]
    while stack:
        for node in subexpressions(stack.pop()):
            if isinstance(node, core.Var) and node.symbol in constants and node.symbol not in seen:
                seen.add(node.symbol)
                yield node.symbol
                stack.append(constants[node.symbol])
            elif isinstance(node, core.Apply) and node.function not in seen:
                seen.add(node.function)
                value = defines[node.function].value
                if value is not None:
                    stack.append(value)


def params_in(program: core.Program, exprs: Iterable[core.Expr]) -> frozenset[Symbol]:
    """The params that expressions depend on, through defines and constants too."""
    constants = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}
    found: set[Symbol] = set()
    for expr in exprs:
        values = [constants[s] for s in mentioned_constants(program, expr)]
        functions = (program.defines()[f].value for e in (expr, *values) for f in applied(program, e))
        for part in (expr, *values, *(f for f in functions if f is not None)):
            found.update(
                e.symbol for e in subexpressions(part) if isinstance(e, core.Var) and e.symbol.kind is SymbolKind.PARAM
            )
    return frozenset(found)


def bends(expr: core.Expr, positive: bool = True) -> bool:
    """True iff a quantifier stays one for the solver when `expr` is assumed (or, not positive, denied).

    A quantifier that only asks for a value to exist becomes a constant.
    """
    match expr:
        case core.Quantifier(universal=universal, body=body):
            return universal == positive or bends(body, positive)
        case core.Binary(op=BinaryOp.AND | BinaryOp.OR, left=left, right=right):
            return bends(left, positive) or bends(right, positive)
        case core.Binary(op=BinaryOp.IMPLIES, left=left, right=right):
            return bends(left, not positive) or bends(right, positive)
        case core.Unary(operand=operand):
            return bends(operand, not positive)
        case _:
            return any(isinstance(e, core.Quantifier) for e in subexpressions(expr))


def quantified(program: core.Program, question: Question) -> bool:
    """True iff the solver has to deal with quantifiers, those within the defines that it uses included."""
    for step in question.steps:
        expr = step.expr if isinstance(step, Assume) else step.value
        if bends(expr) or through_defines(program, expr):
            return True
    if question.goal is None:
        return False
    return bends(negation(question.goal)) or through_defines(program, question.goal)


def through_defines(program: core.Program, expr: core.Expr) -> bool:
    """True iff a define that the expression uses has a quantifier in it."""
    defines = program.defines()
    values = (defines[name].value for name in applied(program, expr))
    return any(isinstance(e, core.Quantifier) for v in values if v is not None for e in subexpressions(v))


def applied(program: core.Program, expr: core.Expr) -> frozenset[str]:
    """The defines that an expression uses, directly or through others, by qualified name."""
    defines = program.defines()
    seen: set[str] = set()
    stack = [expr]
    while stack:
        for node in subexpressions(stack.pop()):
            if isinstance(node, core.Apply) and node.function not in seen:
                seen.add(node.function)
                value = defines[node.function].value
                if value is not None:
                    stack.append(value)
    return frozenset(seen)
