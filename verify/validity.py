"""Where the contract of a callee has been proved: on which geometries, as a condition on the params.

A claim `on A` says nothing of B, and one that uses an assumption says nothing where a caller leaves it out.
"""

from __future__ import annotations

from verify import core
from verify.core import BOOL, BinaryOp
from verify.rename import conjunction, definedness, disjunction
from verify.seen import assumptions, geometries
from verify.span import Span
from verify.values import MapValue, Member, Value, domain


def validity(program: core.Program, caller: core.Routine, callee: core.Routine, span: Span) -> core.Expr | None:
    """True iff the geometry is one that the callee's contract is about; None if each of the caller's is."""
    parts: list[core.Expr] = []
    if callee.on is not None and not (caller.on is not None and set(caller.on) <= set(callee.on)):
        named = geometries(program, callee.module)
        parts.append(disjunction(span, tuple(is_geometry(named[name], span) for name in callee.on)))
    given = {name for name, _ in assumptions(program, caller.module, caller.without)}
    used = assumptions(program, callee.module, callee.without)
    for name, clause in used:
        if name not in given:
            # It need not be defined where the caller leaves out what that leans on.
            parts += [*(condition for _, condition in definedness(clause.expr, program)), clause.expr]
    return conjunction(span, tuple(parts)) if parts else None


def is_geometry(geometry: core.Geometry, span: Span) -> core.Expr:
    """That every param has the value that a named geometry gives it.

    WORD_BITS comes first: where it differs, the values need not fit.
    """
    return conjunction(span, tuple(equals(symbol, value, span) for symbol, value in geometry.values))


def equals(symbol: core.Symbol, value: Value, span: Span) -> core.Expr:
    param: core.Expr = core.Var(span, symbol)
    return core.Binary(span, BinaryOp.EQ, param, _written(value, symbol.type, span))


def _written(value: Value, type_: core.Type, span: Span) -> core.Expr:
    """The value as an expression; of maps, a geometry has sets alone."""
    if isinstance(value, Member):
        return core.Element(span, str(value), value.type)
    if not isinstance(value, MapValue):
        return core.Literal(span, value, type_)
    assert isinstance(value.type, core.SetType)
    members = domain(value.type.element, value.word_bits) if value.default else value.keys
    result: core.Expr = core.EmptySet(span, value.type)
    for member in members:
        if value.get(member):
            key = _written(member, value.type.element, span)
            result = core.Update(span, result, key, core.Literal(span, True, BOOL))
    return result
