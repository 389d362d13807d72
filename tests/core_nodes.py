"""Nodes of the core language, built by hand: what the tests of its meaning are written with."""

from __future__ import annotations

from itertools import count

from verify import core
from verify.core import BinaryOp, Symbol, SymbolKind, UnaryOp
from verify.span import Span

PTE = core.OpaqueType("m", "pte", ("none", "zero"))
COLOUR = core.EnumType("m", "colour", ("red", "green", "blue"))

_lines = count(1)


def place() -> Span:
    """A span that no other node has."""
    line = next(_lines)
    return Span("test.spec", line, 1, line, 2)


def number(value: int, type_: core.Type = core.INT) -> core.Literal:
    return core.Literal(place(), value, type_)


def word(value: int) -> core.Literal:
    return number(value, core.WORD)


def truth(value: bool) -> core.Literal:
    return core.Literal(place(), value, core.BOOL)


def element(name: str, type_: core.OpaqueType | core.EnumType = PTE) -> core.Element:
    return core.Element(place(), name, type_)


def var(symbol: Symbol) -> core.Var:
    return core.Var(place(), symbol)


def old(body: core.Expr) -> core.Old:
    return core.Old(place(), body)


def op(left: core.Expr, sign: str, right: core.Expr) -> core.Binary:
    return core.Binary(place(), BinaryOp(sign), left, right)


def both(*parts: core.Expr) -> core.Expr:
    result = parts[0]
    for part in parts[1:]:
        result = op(result, "&&", part)
    return result


def unary(sign: str, operand: core.Expr) -> core.Unary:
    return core.Unary(place(), UnaryOp(sign), operand)


def ite(condition: core.Expr, then: core.Expr, otherwise: core.Expr) -> core.Ite:
    return core.Ite(place(), condition, then, otherwise)


def let(symbol: Symbol, value: core.Expr, body: core.Expr) -> core.Let:
    return core.Let(place(), symbol, value, body)


def forall(*rest: Symbol | core.Expr) -> core.Quantifier:
    return _quantifier(True, *rest)


def exists(*rest: Symbol | core.Expr) -> core.Quantifier:
    return _quantifier(False, *rest)


def _quantifier(universal: bool, *rest: Symbol | core.Expr) -> core.Quantifier:
    symbols = tuple(s for s in rest if isinstance(s, Symbol))
    (body,) = (e for e in rest if not isinstance(e, Symbol))
    return core.Quantifier(place(), universal, symbols, body)


def apply(define: core.Define, *arguments: core.Expr) -> core.Apply:
    return core.Apply(place(), define.qualified, arguments, define.result)


def index(base: core.Expr, key: core.Expr) -> core.Index:
    return core.Index(place(), base, key)


def update(base: core.Expr, key: core.Expr, value: core.Expr) -> core.Update:
    return core.Update(place(), base, key, value)


def to_int(operand: core.Expr) -> core.ToInt:
    return core.ToInt(place(), operand)


def to_word(operand: core.Expr) -> core.ToWord:
    return core.ToWord(place(), operand)


def symbol(kind: SymbolKind, name: str, type_: core.Type, scope: str = "m") -> Symbol:
    return Symbol(kind, scope, name, type_)


def bound(name: str, type_: core.Type) -> Symbol:
    return symbol(SymbolKind.BOUND, name, type_, "m.item")


def argument(name: str, type_: core.Type) -> Symbol:
    return symbol(SymbolKind.ARGUMENT, name, type_, "m.item")


def local(name: str, type_: core.Type) -> Symbol:
    return symbol(SymbolKind.LOCAL, name, type_, "m.item")


def result(name: str, type_: core.Type) -> Symbol:
    return symbol(SymbolKind.RESULT, name, type_, "m.item")


def state(name: str, type_: core.Type) -> Symbol:
    return symbol(SymbolKind.STATE, name, type_)


def param(name: str, type_: core.Type = core.WORD) -> Symbol:
    return symbol(SymbolKind.PARAM, name, type_)


def const(name: str, type_: core.Type = core.WORD) -> Symbol:
    return symbol(SymbolKind.CONST, name, type_)


def define(
    name: str,
    parameters: tuple[Symbol, ...],
    value: core.Expr | None,
    result_: core.Type,
    reads: tuple[Symbol, ...] = (),
) -> core.Define:
    return core.Define("m", name, False, parameters, reads, result_, value, place(), ())


def clause(label: str, expr: core.Expr) -> core.Clause:
    return core.Clause(label, expr, expr.span, expr.span)


def program(*items: core.Item) -> core.Program:
    return core.Program((core.Module("m", "m.spec", (), ("m",), items, True),))
