"""A procedure that decides one condition the other way, just where a goal is reached: whether that makes a difference
says whether an input tells on which side of the condition the goal lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from verify import core
from verify.atoms import Atom, atoms, is_ghost, may_wrap, opened, sides, units_of
from verify.core import BOOL
from verify.goals import Goal
from verify.rename import negation, said_of
from verify.span import Span


def turning(program: core.Program, routine: core.Routine, goal: Goal) -> core.Routine | None:
    """The routine with a condition that comes out the other way whenever the goal is reached, and else as it does; None
    for a goal that is not about a condition. Where that makes a difference it matters on which side the goal lies."""
    units = units_of(program, routine)

    def turned(expr: core.Expr, truth: bool) -> core.Expr:
        found = expr
        for atom in atoms(program, expr, lambda c: c, truth):
            if atom.at == goal.span and atom.expr.span == goal.ways[0].span and not may_wrap(atom.expr):
                condition = dict(sides(atom.expr, units))[goal.ways[0].how]
                other = core.Ite(atom.expr.span, condition, negation(atom.expr), atom.expr)
                found = _with(program, expr, atom, other)
        return found

    if ".condition[" not in goal.id:
        return None
    return replace(routine, body=_mapped(program, routine.body or (), turned))


def _with(program: core.Program, expr: core.Expr, atom: Atom, other: core.Expr) -> core.Expr:
    """The expression with something else in place of a condition in it; the define that has it laid open."""

    def go(e: core.Expr, at: Span | None) -> core.Expr:
        if e == atom.expr and (at or e.span) == atom.at:
            return other
        match e:
            case core.Unary(operand=operand):
                return replace(e, operand=go(operand, at))
            case core.Binary(left=left, right=right):
                return replace(e, left=go(left, at), right=go(right, at))
            case core.Ite(condition=condition, then=then, otherwise=otherwise):
                return replace(e, condition=go(condition, at), then=go(then, at), otherwise=go(otherwise, at))
            case core.Let(value=value, body=body):
                return replace(e, value=go(value, at), body=go(body, at))
            case core.Apply() if (at or e.span) == atom.at and (inner := opened(program, e)) is not None:
                return said_of(e, inner[0], go(inner[1], at or e.span))
            case core.Apply(arguments=arguments):
                return replace(e, arguments=tuple(go(a, at) for a in arguments))
            case core.Index(base=base, key=key):
                return replace(e, base=go(base, at), key=go(key, at))
            case core.Update(base=base, key=key, value=value):
                return replace(e, base=go(base, at), key=go(key, at), value=go(value, at))
            case core.ToInt(operand=operand) | core.ToWord(operand=operand):
                return replace(e, operand=go(operand, at))
            case _:
                return e

    return go(expr, None)


def _mapped(
    program: core.Program, body: Sequence[core.Stmt], change: Callable[[core.Expr, bool], core.Expr]
) -> tuple[core.Stmt, ...]:
    """The statements with the expressions of those that are not ghost changed: each is given with whether it is a
    condition."""

    def inside(stmt: core.Stmt) -> core.Stmt:
        match stmt:
            case _ if is_ghost(program, stmt):
                return stmt
            case core.Assign(value=value):
                return replace(stmt, value=change(value, value.type == BOOL))
            case core.Call(arguments=arguments):
                return replace(stmt, arguments=tuple(change(a, a.type == BOOL) for a in arguments))
            case core.If(condition=condition, then=then, otherwise=otherwise):
                then, otherwise = _mapped(program, then, change), _mapped(program, otherwise, change)
                return replace(stmt, condition=change(condition, True), then=then, otherwise=otherwise)
            case core.Loop(condition=condition, body=inner, step=step):
                inner, step = _mapped(program, inner, change), _mapped(program, step, change)
                return replace(stmt, condition=change(condition, True), body=inner, step=step)
            case core.Atomic(body=inner):
                return replace(stmt, body=_mapped(program, inner, change))
            case _:
                return stmt

    return tuple(inside(stmt) for stmt in body)
