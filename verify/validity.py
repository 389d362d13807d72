"""Where the contract of a callee has been proved: on which geometries, as a condition on the params.

A claim `on A` says nothing of B, and one that uses an assumption says nothing where a caller leaves it out.
"""

from __future__ import annotations

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp
from verify.rename import conjunction, disjunction
from verify.seen import assumptions
from verify.span import Span
from verify.values import Member, Value


def validity(program: core.Program, caller: core.Routine, callee: core.Routine, span: Span) -> core.Expr | None:
    """True iff the geometry is one that the callee's contract is about; None if each of the caller's is."""
    parts: list[core.Expr] = []
    if callee.on is not None and not (caller.on is not None and set(caller.on) <= set(callee.on)):
        named = {i.name: i for i in program.visible_items(callee.module) if isinstance(i, core.Geometry)}
        parts.append(disjunction(span, tuple(is_geometry(named[name], span) for name in callee.on)))
    given = {name for name, _ in assumptions(program, caller.module, caller.without)}
    used = assumptions(program, callee.module, callee.without)
    parts += [clause.expr for name, clause in used if name not in given]
    return conjunction(span, tuple(parts)) if parts else None


def is_geometry(geometry: core.Geometry, span: Span) -> core.Expr:
    """That every param has the value that a named geometry gives it."""
    return conjunction(span, tuple(_equals(symbol, value, span) for symbol, value in geometry.values))


def _equals(symbol: core.Symbol, value: Value, span: Span) -> core.Expr:
    param: core.Expr = core.Var(span, symbol)
    if isinstance(value, Member):
        given: core.Expr = core.Element(span, str(value), value.type)
    else:
        assert isinstance(value, int)
        given = core.Literal(span, value, BOOL if symbol.type == BOOL else INT)
    if symbol.type == WORD:  # compared as integers: the value need not fit the word size of the claim
        param = core.ToInt(span, param)
    return core.Binary(span, BinaryOp.EQ, param, given)
