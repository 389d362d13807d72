"""Where the partial operations of an item stand: the numbering behind the ids `M.ITEM.range[N]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from verify import core
from verify.span import Span


def range_sites(item: core.Item) -> Mapping[Span, int]:
    """The number, from 1, of each partial operation (/, %, <<, >>, `word(...)`) of an item, by the operation's span.

    The order is that of the source: by where the operator stands, or the `word` of `word(...)`. Every expression of
    the item counts, clauses and loop clauses included; a define's own operations count at the define, not where it is
    applied. A WORD literal is no partial operation: that it fits is checked before anything is proved.
    """
    places = {e.span: _place(e) for root in expressions(item) for e in subexpressions(root) if is_partial(e)}
    ordered = sorted(places, key=lambda span: places[span])
    return {span: number for number, span in enumerate(ordered, start=1)}


def _place(expr: core.Expr) -> tuple[str, int, int, bool]:
    """Where a partial operation stands among others: an operator is just before its right operand."""
    span = expr.right.span if isinstance(expr, core.Binary) else expr.span
    return span.file, span.line, span.column, not isinstance(expr, core.Binary)


def is_partial(expr: core.Expr) -> bool:
    """True iff the operation itself, not its operands, can be undefined."""
    return isinstance(expr, core.ToWord) or (isinstance(expr, core.Binary) and expr.op in core.PARTIAL)


def partial_spans(program: core.Program, expr: core.Expr) -> tuple[Span, ...]:
    """The spans of the partial operations in an expression; found once."""
    return program.once(_partial_spans, expr)


def _partial_spans(_program: core.Program, expr: core.Expr) -> tuple[Span, ...]:
    return tuple(e.span for e in subexpressions(expr) if is_partial(e))


def variables(program: core.Program, expr: core.Expr) -> frozenset[core.Symbol]:
    """The variables in an expression, bound ones too; found once."""
    return program.once(_variables, expr)


def _variables(_program: core.Program, expr: core.Expr) -> frozenset[core.Symbol]:
    return frozenset(e.symbol for e in subexpressions(expr) if isinstance(e, core.Var))


def subexpressions(expr: core.Expr) -> Iterator[core.Expr]:
    """The expression and all within it, each after its own sub-expressions."""
    found, stack = [], [expr]
    while stack:
        found.append(stack.pop())
        stack += core.children(found[-1])
    return reversed(found)


def expressions(item: core.Item) -> Iterator[core.Expr]:
    """The expressions that stand in an item, outermost only; none for a param, a state or a geometry."""
    match item:
        case core.Const(value=value):
            yield value
        case core.Assume(clause=clause) | core.Invariant(clause=clause):
            yield clause.expr
        case core.Define(value=body):
            if body is not None:
                yield body
        case core.Routine():
            for clause in (*item.requires, *item.ensures, *item.witnesses):
                yield clause.expr
            if item.decreases is not None:
                yield item.decreases
            yield from statement_expressions(item.body or ())
        case core.Param() | core.Geometry() | core.Extension() | core.State():
            return


def statement_expressions(body: tuple[core.Stmt, ...]) -> Iterator[core.Expr]:
    """The expressions that stand in statements, loop clauses included, outermost only."""
    for statement in statements(body):
        yield from direct_expressions(statement)


def statements(body: tuple[core.Stmt, ...]) -> Iterator[core.Stmt]:
    """Every statement of a body, at any depth."""
    for statement in body:
        yield statement
        if isinstance(statement, core.If):
            yield from statements((*statement.then, *statement.otherwise))
        elif isinstance(statement, core.Loop):
            yield from statements((*statement.body, *statement.step))
        elif isinstance(statement, core.Atomic):
            yield from statements(statement.body)


def callees(routine: core.Routine) -> frozenset[str]:
    """The routines that a body calls, by qualified name."""
    return frozenset(s.callee for s in statements(routine.body or ()) if isinstance(s, core.Call))


def direct_expressions(statement: core.Stmt) -> Iterator[core.Expr]:
    """The expressions of a statement, loop clauses included, but for those in statements within it."""
    match statement:
        case core.Assign(value=value):
            yield value
        case core.Call(arguments=arguments):
            yield from arguments
        case core.Assert(clause=clause):
            yield clause.expr
        case core.If(condition=condition):
            yield condition
        case core.Loop():
            yield statement.condition
            yield from (clause.expr for clause in statement.invariants)
            if statement.decreases is not None:
                yield statement.decreases
        case core.Havoc() | core.Reveal() | core.Break() | core.Continue() | core.Return() | core.Atomic():
            pass
        case _:
            assert_never(statement)
