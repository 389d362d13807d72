"""Conditions as they read on one geometry: what its params alone decide is decided, once for all that decide alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from verify import core
from verify.core import BinaryOp, SymbolKind, UnaryOp
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.rename import rebuilt
from verify.sites import subexpressions
from verify.strategies.conditions import Condition, condition

Answers = tuple[bool | None, ...]
"""To each question its answer on a geometry; None where it has none."""


def questions(conditions: Iterable[Condition]) -> tuple[core.Expr, ...]:
    """What the conditions ask of the params alone: the comparisons in which nothing else occurs."""
    found: dict[tuple[object, ...], core.Expr] = {}
    for each in conditions:
        for node in subexpressions(each.expr):
            if _is_question(node):
                found.setdefault(_reading(node), node)
    return tuple(found.values())


def answers(asked: Iterable[core.Expr], context: Context) -> Answers:
    """The answers on the geometry of a context."""

    def answer(question: core.Expr) -> bool | None:
        try:
            return bool(evaluate(question, context, {}, {}))
        except (Undefined, Undecided):
            return None

    return tuple(answer(question) for question in asked)


def settled(conditions: Iterable[Condition], asked: Iterable[core.Expr], answered: Answers) -> tuple[Condition, ...]:
    """The conditions where these are the answers, without those that are then true. Each is met exactly when it was."""
    known = {_reading(q): a for q, a in zip(asked, answered, strict=True) if a is not None}
    found = []
    for each in conditions:
        expr = _settle(each.expr, known)
        if not _is(expr, True):
            found.append(condition(expr, each.name))
    return tuple(found)


def _is_question(expr: core.Expr) -> bool:
    return (
        isinstance(expr, core.Binary) and expr.op in core.COMPARISONS and all(_fixed(e) for e in subexpressions(expr))
    )


def _fixed(expr: core.Expr) -> bool:
    match expr:
        case core.Var(symbol=symbol):
            return symbol.kind in (SymbolKind.PARAM, SymbolKind.CONST)
        case core.Apply() | core.Quantifier() | core.Let() | core.Old():
            return False
        case _:
            return True


def _reading(expr: core.Expr) -> tuple[object, ...]:
    """What the expression says, wherever it stands."""
    return tuple(_sign(node) for node in subexpressions(expr))


def _sign(node: core.Expr) -> object:
    match node:
        case core.Var(symbol=symbol):
            return symbol
        case core.Literal(value=value, type=type_):
            return (value, type_)
        case core.Element(name=name, type=type_):
            return (name, type_)
        case core.Unary(op=op) | core.Binary(op=op):
            return op
        case _:
            return type(node)


def _settle(expr: core.Expr, known: Mapping[tuple[object, ...], bool]) -> core.Expr:
    if _is_question(expr):
        truth = known.get(_reading(expr))
        return expr if truth is None else core.Literal(expr.span, truth, core.BOOL)
    expr = rebuilt(expr, tuple(_settle(child, known) for child in core.children(expr)))
    match expr:
        case core.Unary(op=UnaryOp.NOT, operand=core.Literal(value=value)):
            return core.Literal(expr.span, not value, core.BOOL)
        case core.Binary(op=BinaryOp.AND, left=left, right=right):
            return _joined(expr, left, right, neutral=True)
        case core.Binary(op=BinaryOp.OR, left=left, right=right):
            return _joined(expr, left, right, neutral=False)
        case core.Binary(op=BinaryOp.IMPLIES, left=left, right=right):
            if _is(left, True):
                return right
            if _is(left, False) or (_is(right, True) and _total(left)):
                return core.Literal(expr.span, True, core.BOOL)
            return core.Unary(expr.span, UnaryOp.NOT, left) if _is(right, False) else expr
        case core.Ite(condition=core.Literal(value=value), then=then, otherwise=otherwise):
            return then if value else otherwise
        case core.Quantifier(body=core.Literal() as body):
            return body
        case _:
            return expr


def _joined(expr: core.Binary, left: core.Expr, right: core.Expr, *, neutral: bool) -> core.Expr:
    """`&&` (neutral: true) or `||`, one side of which may be known."""
    if _is(left, neutral):
        return right
    if _is(right, neutral) or _is(left, not neutral):
        return left
    return right if _is(right, not neutral) and _total(left) else expr


def _is(expr: core.Expr, value: bool) -> bool:
    return isinstance(expr, core.Literal) and expr.value is value


def _total(expr: core.Expr) -> bool:
    """True only if the expression has a value wherever its variables have."""
    return not any(
        isinstance(e, core.ToWord | core.Apply) or (isinstance(e, core.Binary) and e.op in core.PARTIAL)
        for e in subexpressions(expr)
    )
