"""Substitution in expressions, of variables and of parts, and when the operations within one are defined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp, Symbol, SymbolKind, UnaryOp
from verify.sites import is_partial, subexpressions
from verify.span import Span

Substitution = Mapping[Symbol, Symbol]


def rename(expr: core.Expr, values: Substitution, entry: Substitution) -> core.Expr:
    """The expression with each variable replaced by the one that `values` has for it, or inside `old`, `entry`.

    What has no replacement stays. No `Old` is left. `entry` has every state variable and parameter that stands inside
    an `old`: a KeyError names one that it lacks, since what it stood for then would be anyone's guess.
    """

    def go(e: core.Expr) -> core.Expr:
        return rename(e, values, entry)

    match expr:
        case core.Literal() | core.Element() | core.EmptySet():
            return expr
        case core.Var(symbol=symbol):
            return core.Var(expr.span, values.get(symbol, symbol))
        case core.Old(body=body):
            on_entry = {s: entry[s] for s in variables(body) if s.kind in (SymbolKind.STATE, SymbolKind.ARGUMENT)}
            return rename(body, {**values, **on_entry}, entry)
        case core.Unary():
            return replace(expr, operand=go(expr.operand))
        case core.Binary():
            return replace(expr, left=go(expr.left), right=go(expr.right))
        case core.Ite():
            return replace(expr, condition=go(expr.condition), then=go(expr.then), otherwise=go(expr.otherwise))
        case core.Let():
            return replace(expr, value=go(expr.value), body=go(expr.body))
        case core.Quantifier():
            return replace(expr, body=go(expr.body))
        case core.Apply():
            return replace(expr, arguments=tuple(go(a) for a in expr.arguments))
        case core.Index():
            return replace(expr, base=go(expr.base), key=go(expr.key))
        case core.Update():
            return replace(expr, base=go(expr.base), key=go(expr.key), value=go(expr.value))
        case core.ToInt() | core.ToWord():
            return replace(expr, operand=go(expr.operand))
        case _:
            assert_never(expr)


def rebuilt(expr: core.Expr, parts: tuple[core.Expr, ...]) -> core.Expr:
    """The expression with these in place of its `core.children`."""
    match expr:
        case core.Literal() | core.Element() | core.Var() | core.EmptySet():
            return expr
        case core.Old() | core.Quantifier():
            return replace(expr, body=parts[0])
        case core.Unary() | core.ToInt() | core.ToWord():
            return replace(expr, operand=parts[0])
        case core.Binary():
            return replace(expr, left=parts[0], right=parts[1])
        case core.Let():
            return replace(expr, value=parts[0], body=parts[1])
        case core.Index():
            return replace(expr, base=parts[0], key=parts[1])
        case core.Ite():
            return replace(expr, condition=parts[0], then=parts[1], otherwise=parts[2])
        case core.Update():
            return replace(expr, base=parts[0], key=parts[1], value=parts[2])
        case core.Apply():
            return replace(expr, arguments=parts)
        case _:
            assert_never(expr)


def variables(expr: core.Expr) -> Iterator[Symbol]:
    """The variables that stand in an expression, bound ones included, as often as they do."""
    return (e.symbol for e in subexpressions(expr) if isinstance(e, core.Var))


def definedness(expr: core.Expr, program: core.Program | None = None) -> Iterator[tuple[Span, core.Expr]]:
    """For each partial operation within: its span, and the condition that it is defined wherever it counts.

    The condition is closed over the variables bound within the expression, and takes the operands to be defined.
    With a program, the operations within the constants and defines that the expression uses are among them.
    """
    values: Mapping[Symbol, core.Expr] = {}
    if program is not None:
        values = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}

    def inside(e: core.Expr) -> core.Expr | None:
        match e:
            case core.Var(symbol=symbol):
                return values.get(symbol)
            case core.Apply(function=function) if program is not None:
                define = program.defines()[function]
                return None if define.value is None else said_of(e, define, define.value)
            case _:
                return None

    yield from _sites(expr, lambda condition: condition, inside)


def _sites(
    expr: core.Expr, close: Callable[[core.Expr], core.Expr], inside: Callable[[core.Expr], core.Expr | None]
) -> Iterator[tuple[Span, core.Expr]]:
    match expr:
        case core.Binary(op=BinaryOp.AND | BinaryOp.IMPLIES, left=left, right=right):
            yield from _sites(left, close, inside)
            yield from _sites(right, lambda c: close(implies(left, c)), inside)
        case core.Binary(op=BinaryOp.OR, left=left, right=right):
            yield from _sites(left, close, inside)
            yield from _sites(right, lambda c: close(implies(negation(left), c)), inside)
        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            yield from _sites(condition, close, inside)
            yield from _sites(then, lambda c: close(implies(condition, c)), inside)
            yield from _sites(otherwise, lambda c: close(implies(negation(condition), c)), inside)
        case core.Let(span=span, symbol=symbol, value=value, body=body):
            yield from _sites(value, close, inside)
            yield from _sites(body, lambda c: close(core.Let(span, symbol, value, c)), inside)
        case core.Quantifier(span=span, symbols=symbols, body=body):
            yield from _sites(body, lambda c: close(core.Quantifier(span, True, symbols, c)), inside)
        case _:
            for child in core.children(expr):
                yield from _sites(child, close, inside)
            if is_partial(expr):
                yield expr.span, close(_condition(expr))
            used = inside(expr)
            if used is not None:
                yield from _sites(used, close, inside)


def _condition(expr: core.Expr) -> core.Expr:
    """When the operation at the root is defined, its operands being so."""
    span = expr.span
    match expr:
        case core.ToWord(operand=operand):
            highest = core.ToInt(span, core.Unary(span, UnaryOp.INVERT, core.Literal(span, 0, WORD)))
            at_least = core.Binary(span, BinaryOp.LE, core.Literal(span, 0, INT), operand)
            return conjunction(span, (at_least, core.Binary(span, BinaryOp.LE, operand, highest)))
        case core.Binary(op=BinaryOp.DIV | BinaryOp.MOD, right=right):
            return core.Binary(span, BinaryOp.NE, right, core.Literal(span, 0, right.type))
        case core.Binary(right=count):
            number = core.ToInt(span, count) if count.type == WORD else count
            below = core.Binary(span, BinaryOp.LT, number, core.Var(span, core.WORD_BITS))
            at_least = core.Binary(span, BinaryOp.LE, core.Literal(span, 0, INT), number)
            return conjunction(span, (at_least, below))
        case _:
            raise ValueError(f"{span}: not a partial operation")


def bare(expr: core.Expr) -> core.Expr:
    """The same condition, without binders of variables that it does not mention."""
    match expr:
        case core.Let(symbol=symbol, body=body):
            inner = bare(body)
            return replace(expr, body=inner) if symbol in variables(inner) else inner
        case core.Quantifier(symbols=symbols, body=body):
            inner = bare(body)
            return replace(expr, body=inner) if set(symbols) & set(variables(inner)) else inner
        case core.Binary(op=BinaryOp.IMPLIES, right=right):
            return replace(expr, right=bare(right))
        case _:
            return expr


def implies(left: core.Expr, right: core.Expr) -> core.Expr:
    return core.Binary(right.span, BinaryOp.IMPLIES, left, right)


def negation(expr: core.Expr) -> core.Expr:
    return core.Unary(expr.span, UnaryOp.NOT, expr)


def conjunction(span: Span, parts: tuple[core.Expr, ...]) -> core.Expr:
    """All of them; true for none."""
    if not parts:
        return core.Literal(span, True, BOOL)
    result = parts[0]
    for part in parts[1:]:
        result = core.Binary(span, BinaryOp.AND, result, part)
    return result


def disjunction(span: Span, parts: tuple[core.Expr, ...]) -> core.Expr:
    """One of them; false for none."""
    if not parts:
        return core.Literal(span, False, BOOL)
    result = parts[0]
    for part in parts[1:]:
        result = core.Binary(span, BinaryOp.OR, result, part)
    return result


def conjuncts(expr: core.Expr) -> Iterator[core.Expr]:
    """The conditions of which `expr` is the conjunction, in order; itself if it is none."""
    if isinstance(expr, core.Binary) and expr.op is BinaryOp.AND:
        yield from conjuncts(expr.left)
        yield from conjuncts(expr.right)
    else:
        yield expr


def said_of(call: core.Apply, define: core.Define, expr: core.Expr) -> core.Expr:
    """`expr`, which is about the parameters of a define, said of the arguments of a call of it."""
    for symbol, argument in reversed(list(zip((*define.parameters, *define.reads), call.arguments, strict=True))):
        expr = core.Let(call.span, symbol, argument, expr)
    return expr
