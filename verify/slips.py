"""Slips in an expression: each operator, constant and comparison taken for another, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp, SymbolKind, UnaryOp
from verify.rename import rebuilt
from verify.span import Source, Span
from verify.stated import same_text


class Operator(Enum):
    """What is broken, as the report names it."""

    ARITHMETIC = "operator"
    CONSTANT = "constant"
    COMPARISON = "comparison"
    CONNECTIVE = "connective"
    STATEMENT = "statement"
    ARGUMENTS = "arguments"
    PRECONDITION = "requires"


_OTHERS = {
    BinaryOp.ADD: (BinaryOp.SUB,),
    BinaryOp.SUB: (BinaryOp.ADD,),
    BinaryOp.MUL: (BinaryOp.ADD, BinaryOp.DIV),
    BinaryOp.DIV: (BinaryOp.MUL, BinaryOp.MOD),
    BinaryOp.MOD: (BinaryOp.DIV,),
    BinaryOp.BAND: (BinaryOp.BOR, BinaryOp.BXOR),
    BinaryOp.BOR: (BinaryOp.BAND, BinaryOp.BXOR),
    BinaryOp.BXOR: (BinaryOp.BAND, BinaryOp.BOR),
    BinaryOp.SHL: (BinaryOp.SHR,),
    BinaryOp.SHR: (BinaryOp.SHL,),
    BinaryOp.MIN: (BinaryOp.MAX,),
    BinaryOp.MAX: (BinaryOp.MIN,),
    BinaryOp.AND: (BinaryOp.OR,),
    BinaryOp.OR: (BinaryOp.AND,),
    BinaryOp.IMPLIES: (BinaryOp.AND, BinaryOp.OR),
    BinaryOp.IFF: (),
}

_NEIGHBOURS = {
    BinaryOp.LT: (False, BinaryOp.LE, BinaryOp.NE),
    BinaryOp.LE: (True, BinaryOp.LT, BinaryOp.EQ),
    BinaryOp.GT: (False, BinaryOp.GE, BinaryOp.NE),
    BinaryOp.GE: (True, BinaryOp.GT, BinaryOp.EQ),
    BinaryOp.EQ: (False, BinaryOp.LE, BinaryOp.GE),
    BinaryOp.NE: (True, BinaryOp.LT, BinaryOp.GT),
}
"""Of each comparison those that differ from it least: one where the left operand is less, one where they are equal, one
where it is greater. Who tells a comparison from these tells it from all others."""

_CONSTANTS = (SymbolKind.PARAM, SymbolKind.CONST)

Variant = tuple[Operator, Span, str, str, core.Expr]
"""A slip: what kind, where, what stood there and what stands there, and the whole expression with it."""


def variants(expr: core.Expr, source: Source, *, under_not: bool = False) -> Iterator[Variant]:
    """Every slip in an expression, in the order of the source. `under_not`: it is what an operator negates."""
    yield from _here(expr, source)
    if not under_not and expr.type == BOOL and _negatable(expr):
        text = source.cut(expr.span)
        yield Operator.CONNECTIVE, expr.span, text, f"!({text})", core.Unary(expr.span, UnaryOp.NOT, expr)
    children = core.children(expr)
    for index, child in enumerate(children):
        for operator, span, was, now, new in variants(child, source, under_not=isinstance(expr, core.Unary)):
            yield operator, span, was, now, rebuilt(expr, (*children[:index], new, *children[index + 1 :]))


def _negatable(expr: core.Expr) -> bool:
    """True iff a condition's negation is no slip of another kind, nor told by those."""
    comparison = isinstance(expr, core.Binary) and (
        expr.op in core.COMPARISONS or expr.op in (BinaryOp.AND, BinaryOp.OR)
    )
    return not comparison and not isinstance(expr, core.Unary | core.Literal)


def _here(expr: core.Expr, source: Source) -> Iterator[Variant]:
    """The slips at the root of an expression."""
    span, text = expr.span, source.cut(expr.span)
    match expr:
        case core.Literal(value=bool() as value):
            yield Operator.CONSTANT, span, text, str(not value).lower(), replace(expr, value=not value)
        case core.Literal(value=value, type=type_):
            for other in dict.fromkeys((0, 1, value - 1, value + 1)):
                if other != value and (other >= 0 or type_ == INT):
                    yield Operator.CONSTANT, span, text, str(other), replace(expr, value=other)
        case core.Element(type=core.EnumType(members=members), name=name):
            member = members[(members.index(name) + 1) % len(members)]
            if member != name:
                yield Operator.CONSTANT, span, text, member, replace(expr, name=member)
        case core.Var(symbol=symbol) if symbol.kind in _CONSTANTS and symbol.type in (WORD, INT):
            for value in (0, 1):
                yield Operator.CONSTANT, span, text, str(value), core.Literal(span, value, symbol.type)
            one = core.Literal(span, 1, symbol.type)
            for op in (BinaryOp.SUB, BinaryOp.ADD):
                yield Operator.CONSTANT, span, text, f"({text} {op.value} 1)", core.Binary(span, op, expr, one)
        case core.Unary(op=op, operand=operand):
            operator = Operator.CONNECTIVE if op is UnaryOp.NOT else Operator.ARITHMETIC
            yield operator, span, text, source.cut(operand.span), operand
        case core.Binary(op=op) if op in core.COMPARISONS:
            ordered = expr.left.type in (WORD, INT)
            for neighbour in _NEIGHBOURS[op] if ordered else (True, False):
                if isinstance(neighbour, bool):
                    yield Operator.COMPARISON, span, text, str(neighbour).lower(), core.Literal(span, neighbour, BOOL)
                else:
                    yield Operator.COMPARISON, span, text, _text(expr, neighbour, source), replace(expr, op=neighbour)
        case core.Binary(op=op):
            operator = Operator.CONNECTIVE if op in core.CONNECTIVES else Operator.ARITHMETIC
            for other_op in _OTHERS[op]:
                yield operator, span, text, _text(expr, other_op, source), replace(expr, op=other_op)
        case core.Apply(function=function, arguments=arguments):
            name = text.partition("(")[0].strip() or function.rpartition(".")[2]
            written = sum(argument.span != span for argument in arguments)  # the states that it reads come after these
            for given in swapped(arguments[:written]):
                now = f"{name}({', '.join(source.cut(a.span) for a in given)})"
                yield Operator.ARGUMENTS, span, text, now, replace(expr, arguments=(*given, *arguments[written:]))
        case _:
            pass


def _text(expr: core.Binary, op: BinaryOp, source: Source) -> str:
    """The text of an operation with another operator."""
    left, right, span = expr.left.span, expr.right.span, expr.span
    if expr.op in (BinaryOp.MIN, BinaryOp.MAX):
        return source.cut(span).replace(expr.op.value, op.value, 1)
    between = source.cut(Span(span.file, left.end_line, left.end_column, right.line, right.column))
    if expr.op.value not in between:
        return f"{source.cut(left)} {op.value} {source.cut(right)}"
    before = source.cut(Span(span.file, span.line, span.column, left.end_line, left.end_column))
    after = source.cut(Span(span.file, right.line, right.column, span.end_line, span.end_column))
    return " ".join((before, between.replace(expr.op.value, op.value, 1), after))


def swapped(arguments: Sequence[core.Expr]) -> Iterator[tuple[core.Expr, ...]]:
    """The arguments with two of one type swapped that are not the same."""
    for i, one in enumerate(arguments):
        for j in range(i + 1, len(arguments)):
            if one.type == arguments[j].type and not same_text(one, arguments[j]):
                found = list(arguments)
                found[i], found[j] = arguments[j], one
                yield tuple(found)
