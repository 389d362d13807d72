"""What a contract asks of values, taken apart: its conjuncts, with every define unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.rename import conjuncts, rebuilt
from verify.sites import subexpressions
from verify.values import Value

Values = Mapping[Symbol, Value]


class Impossible(Exception):
    """No strategy can be built for this request; the message says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One conjunct. `symbols` are its free variables, but for params and consts; `name` is the clause it is from.

    `quantified`: it has a quantifier in it.
    """

    expr: core.Expr
    name: str
    symbols: frozenset[Symbol]
    quantified: bool

    def met(self, context: Context, values: Values) -> bool:
        """True iff it is defined and true. What is undecided counts as not met: nothing is built on it."""
        try:
            return bool(evaluate(self.expr, context, values, values))
        except (Undefined, Undecided):
            return False


def conditions(program: core.Program, clauses: Iterable[tuple[str, core.Expr]]) -> tuple[Condition, ...]:
    """The conjuncts of what holds on entry, by clause name. Raises Impossible if one depends on an uninterpreted
    define: what that is becomes known only as the implementation asks for it.
    """
    defines = program.defines()
    found: list[Condition] = []
    for name, clause in clauses:
        for part in conjuncts(unfold(clause, defines)):
            for node in subexpressions(part):
                if isinstance(node, core.Apply):
                    raise Impossible(f"{name} depends on {node.function}, which has no body: no input can be built")
            found.append(condition(part, name))
    return tuple(found)


def condition(expr: core.Expr, name: str) -> Condition:
    """The condition that an expression is."""
    quantified = any(isinstance(e, core.Quantifier) for e in subexpressions(expr))
    return Condition(expr, name, free(expr), quantified)


def free(expr: core.Expr) -> frozenset[Symbol]:
    """The variables that must have a value before the expression has one, but for params and consts."""
    symbols = {e.symbol for e in subexpressions(expr) if isinstance(e, core.Var)}
    bound = {s for e in subexpressions(expr) for s in binds(e)}
    return frozenset(s for s in symbols - bound if s.kind not in (SymbolKind.PARAM, SymbolKind.CONST))


def binds(expr: core.Expr) -> tuple[Symbol, ...]:
    """The variables that the expression itself binds."""
    match expr:
        case core.Let(symbol=symbol):
            return (symbol,)
        case core.Quantifier(symbols=symbols):
            return symbols
        case _:
            return ()


def unfold(expr: core.Expr, defines: Mapping[str, core.Define]) -> core.Expr:
    """The expression with every define replaced by its body. `Old` is dropped, so this is for conditions on entry."""

    def go(e: core.Expr) -> core.Expr:
        return unfold(e, defines)

    match expr:
        case core.Old(body=body):
            return go(body)
        case core.Apply(function=function, arguments=arguments):
            define = defines[function]
            given = tuple(go(a) for a in arguments)
            if define.value is None:
                return replace(expr, arguments=given)
            return substitute(go(define.value), dict(zip(define.parameters + define.reads, given, strict=True)))
        case _:
            return rebuilt(expr, tuple(go(child) for child in core.children(expr)))


def substitute(expr: core.Expr, values: Mapping[Symbol, core.Expr]) -> core.Expr:
    """The expression with each free variable replaced by what `values` has for it.

    Nothing is captured: each define has bound variables of its own, and does not occur in its own arguments' scope.
    """
    if isinstance(expr, core.Var):
        return values.get(expr.symbol, expr)
    return rebuilt(expr, tuple(substitute(child, values) for child in core.children(expr)))
