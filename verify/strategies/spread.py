"""Maps whose keys are the members of an enum, taken for a variable for each member: they are drawn like others.

A condition on such a map is one on a few values: that a set has just one of them, or that a map differs at one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from verify import core
from verify.core import BOOL, BinaryOp, EnumType, MapType, SetType, Symbol, key_type, value_type
from verify.rename import conjunction, rebuilt
from verify.strategies.conditions import Values
from verify.values import Member, Value, map_value


def is_spread(type_: core.Type) -> bool:
    """True iff it is a map from an enum, or a set of its members."""
    return isinstance(type_, MapType | SetType) and isinstance(key_type(type_), EnumType)


def parts(symbol: Symbol) -> tuple[Symbol, ...]:
    """The variables that stand for a map, one for each key in order; the variable itself if it is no such map."""
    if not is_spread(symbol.type):
        return (symbol,)
    return tuple(_part(symbol, member) for member in _members(symbol.type))


def gathered(symbols: Sequence[Symbol], values: Values, word_bits: int) -> dict[Symbol, Value]:
    """The values of `symbols`, given those of their parts."""
    return {s: _whole(s, values, word_bits) if is_spread(s.type) else values[s] for s in symbols}


def spread(expr: core.Expr) -> core.Expr:
    """The same said of the parts. Only what looks at such maps, or compares them, can be said so: else they stay."""
    match expr:
        case core.Index(base=base, key=key, span=span) if is_spread(base.type):
            chosen: core.Expr | None = None
            for member in reversed(_members(base.type)):
                held = spread(_at(base, member))
                here = _equal(key, core.Element(span, str(member), member.type))
                chosen = (
                    held
                    if chosen is None or here is True
                    else chosen
                    if here is False
                    else core.Ite(span, spread(here), held, chosen)
                )
            assert chosen is not None
            return chosen
        case core.Binary(op=BinaryOp.EQ, left=left, right=right, span=span) if is_spread(left.type):
            same = tuple(
                core.Binary(span, BinaryOp.EQ, spread(_at(left, m)), spread(_at(right, m))) for m in _members(left.type)
            )
            return conjunction(span, same)
        case _:
            return rebuilt(expr, tuple(spread(child) for child in core.children(expr)))


def _at(expr: core.Expr, member: Member) -> core.Expr:
    """What a map holds at a member, as far as it can be seen through."""
    match expr:
        case core.Var(symbol=symbol, span=span):
            return core.Var(span, _part(symbol, member))
        case core.Update(base=base, key=key, value=value, span=span):
            here = _equal(key, core.Element(span, str(member), member.type))
            if isinstance(here, bool):
                return value if here else _at(base, member)
            return core.Ite(span, here, value, _at(base, member))
        case core.EmptySet(span=span):
            return core.Literal(span, False, BOOL)
        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            return replace(expr, condition=condition, then=_at(then, member), otherwise=_at(otherwise, member))
        case _:
            return core.Index(expr.span, expr, core.Element(expr.span, str(member), member.type))


def _equal(key: core.Expr, element: core.Element) -> core.Expr | bool:
    if isinstance(key, core.Element):
        return key.name == element.name
    return core.Binary(key.span, BinaryOp.EQ, key, element)


def _members(type_: core.Type) -> tuple[Member, ...]:
    assert isinstance(type_, MapType | SetType)
    enum = key_type(type_)
    assert isinstance(enum, EnumType)
    return tuple(Member(enum, index) for index in range(len(enum.members)))


def _part(symbol: Symbol, member: Member) -> Symbol:
    assert isinstance(symbol.type, MapType | SetType)
    return replace(symbol, name=f"{symbol.name}[{member}]", type=value_type(symbol.type))


def _whole(symbol: Symbol, values: Mapping[Symbol, Value], word_bits: int) -> Value:
    assert isinstance(symbol.type, MapType | SetType)
    held: dict[Value, Value] = {m: values[_part(symbol, m)] for m in _members(symbol.type)}
    return map_value(symbol.type, next(iter(held.values())), held, word_bits)
