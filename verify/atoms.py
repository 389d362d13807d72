"""The conditions of a body, and its sums of words: where each stands, and what can be so of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp, Symbol, SymbolKind
from verify.question import applied
from verify.rename import conjunction, negation, said_of
from verify.sites import subexpressions
from verify.span import Span
from verify.syntax import PROCEDURES

_ORDERED = (WORD, INT)


def is_ghost(program: core.Program, stmt: core.Stmt) -> bool:
    """True iff nothing stands there but what no code does."""
    match stmt:
        case core.Call(callee=callee):
            return program.routines()[callee].kind not in PROCEDURES
        case core.If():
            return all(is_ghost(program, s) for s in (*stmt.then, *stmt.otherwise))
        case _:
            return isinstance(stmt, core.Assert | core.Reveal)


@dataclass(frozen=True, slots=True)
class Atom:
    """A condition without connectives, or a sum of words.

    `at`: where it stands in the body, or the define that has it is used. `when` makes of what is said there what is
    said before the whole expression: that it is evaluated at all, and that.
    """

    expr: core.Expr
    at: Span
    when: Callable[[core.Expr], core.Expr]


def _both(left: core.Expr, right: core.Expr) -> core.Expr:
    return conjunction(right.span, (left, right))


def atoms(
    program: core.Program, expr: core.Expr, when: Callable[[core.Expr], core.Expr], truth: bool, at: Span | None = None
) -> Iterator[Atom]:
    """The conditions of an expression, and its sums: all comparisons, and with `truth`, where it is a condition itself,
    the rest.

    `at`: where a define is used that the expression stands in.
    """

    def go(e: core.Expr, within: Callable[[core.Expr], core.Expr], asked: bool) -> Iterator[Atom]:
        return atoms(program, e, within, asked, at)

    match expr:
        case core.Binary(op=BinaryOp.AND | BinaryOp.IMPLIES, left=left, right=right):
            yield from go(left, when, truth)
            yield from go(right, lambda c: when(_both(left, c)), truth)
        case core.Binary(op=BinaryOp.OR, left=left, right=right):
            yield from go(left, when, truth)
            yield from go(right, lambda c: when(_both(negation(left), c)), truth)
        case core.Binary(op=BinaryOp.IFF, left=left, right=right):
            yield from go(left, when, truth)
            yield from go(right, when, truth)
        case core.Unary(op=core.UnaryOp.NOT, operand=operand):
            yield from go(operand, when, truth)
        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            yield from go(condition, when, True)
            yield from go(then, lambda c: when(_both(condition, c)), truth)
            yield from go(otherwise, lambda c: when(_both(negation(condition), c)), truth)
        case core.Let(span=span, symbol=symbol, value=value, body=body):
            yield from go(value, when, False)
            yield from go(body, lambda c: when(core.Let(span, symbol, value, c)), truth)
        case core.Apply() if truth and (inner := opened(program, expr)) is not None:
            define, value = inner
            for argument in expr.arguments:
                yield from go(argument, when, False)
            yield from atoms(program, value, lambda c: when(said_of(expr, define, c)), truth, at or expr.span)
        case core.Literal() | core.Old():
            return
        case core.Quantifier():
            if truth:
                yield Atom(expr, at or expr.span, when)
        case _:
            for child in core.children(expr):
                yield from go(child, when, False)
            if (expr.type == BOOL and (truth or _is_comparison(expr))) or may_wrap(expr):
                yield Atom(expr, at or expr.span, when)


def opened(program: core.Program, expr: core.Apply) -> tuple[core.Define, core.Expr] | None:
    """The define of a condition, and what it says, if that can be looked into."""
    define = program.defines()[expr.function]
    if define.value is None or define.opaque or expr.type != BOOL:
        return None
    if any(isinstance(e, core.Quantifier) for e in subexpressions(define.value)):
        return None
    return define, define.value


def _is_comparison(expr: core.Expr) -> bool:
    return isinstance(expr, core.Binary) and expr.op in core.COMPARISONS


def may_wrap(expr: core.Expr) -> bool:
    """True iff it is a sum or a difference of words."""
    return isinstance(expr, core.Binary) and expr.op in (BinaryOp.ADD, BinaryOp.SUB) and expr.type == WORD


def units_of(program: core.Program, routine: core.Routine) -> tuple[Symbol, ...]:
    """The constants that a routine's preconditions count in, where these speak of no state: what is aligned to one is
    next to a boundary where it is one such constant off."""
    found: dict[Symbol, None] = {}
    for clause in routine.requires:
        exprs = [clause.expr, *(v for f in applied(program, clause.expr) if (v := program.defines()[f].value))]
        nodes = [e for expr in exprs for e in subexpressions(expr)]
        if not any(
            isinstance(e, core.Quantifier) or (isinstance(e, core.Var) and e.symbol.kind is SymbolKind.STATE)
            for e in nodes
        ):
            found.update(
                (e.symbol, None) for e in nodes if isinstance(e, core.Var) and e.symbol.kind is SymbolKind.CONST
            )
    return tuple(s for s in found if s.type == WORD)


def sides(atom: core.Expr, units: Sequence[Symbol]) -> Iterator[tuple[str, core.Expr]]:
    """What can be so of a condition, or of a sum of words: by name, and as a condition."""
    if isinstance(atom, core.Binary) and may_wrap(atom):
        low, high = (atom, atom.left) if atom.op is BinaryOp.ADD else (atom.left, atom.right)
        yield "wraps", core.Binary(atom.span, BinaryOp.LT, low, high)
        yield "zero", core.Binary(atom.span, BinaryOp.EQ, atom, core.Literal(atom.span, 0, WORD))
        return
    yield "true", atom
    yield "false", negation(atom)
    if not (isinstance(atom, core.Binary) and atom.op in core.COMPARISONS and atom.left.type in _ORDERED):
        return
    span, left, right = atom.span, atom.left, atom.right

    def less(small: core.Expr, great: core.Expr, unit: core.Expr) -> core.Expr:
        below = core.Binary(span, BinaryOp.LT, small, great)  # so that the difference does not wrap
        apart = core.Binary(span, BinaryOp.SUB, great, small)
        return _both(below, core.Binary(span, BinaryOp.EQ, apart, unit))

    if atom.op not in (BinaryOp.EQ, BinaryOp.NE):
        yield "equal", core.Binary(span, BinaryOp.EQ, left, right)
    one: core.Expr = core.Literal(span, 1, left.type)
    yield "below", less(left, right, one)
    yield "above", less(right, left, one)
    for symbol in units:
        size: core.Expr = core.Var(span, symbol)
        size = size if left.type == WORD else core.ToInt(span, size)
        yield f"below by {symbol.name}", less(left, right, size)
        yield f"above by {symbol.name}", less(right, left, size)
