"""What can be read off an expression without evaluating it, so that less of it need be evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from verify import core
from verify.context import Context, Undecided, Undefined
from verify.core import SymbolKind
from verify.sites import subexpressions


class Traits:
    """Answers about expressions, kept with the context.

    `works` says of a partial operation with a constant right operand whether it is defined for every left one.
    """

    def __init__(self, context: Context, works: Callable[[core.Binary], bool]) -> None:
        self._context = context
        self._works = works

    def safe(self, expr: core.Expr) -> bool:
        """True only if the expression is defined for all values of its variables."""
        kept = self._context.answers.safe
        known = kept.get(id(expr))
        if known is None:
            known = kept[id(expr)] = (expr, self._is_safe(expr))
        return known[1]

    def simple(self, expr: core.Expr) -> bool:
        """True iff no quantifier is in the expression, or in a define that it applies."""
        kept = self._context.answers.simple
        known = kept.get(id(expr))
        if known is None:
            simple = not isinstance(expr, core.Quantifier) and all(self.simple(e) for e in self._parts(expr))
            known = kept[id(expr)] = (expr, simple)
        return known[1]

    def _parts(self, expr: core.Expr) -> Iterator[core.Expr]:
        yield from core.children(expr)
        if isinstance(expr, core.Apply) and (body := self._context.defines[expr.function].value) is not None:
            yield body

    def _is_safe(self, expr: core.Expr) -> bool:
        match expr:
            case core.Literal(value=value, type=type_):
                return not isinstance(type_, core.WordType) or value < 1 << self._context.word_bits
            case core.Var(symbol=symbol) if symbol.kind is SymbolKind.CONST:
                return not isinstance(self._context.constants[symbol], Undefined | Undecided)
            case core.Binary(op=op, left=left, right=right) if op in core.PARTIAL:
                return self.safe(left) and _is_constant(right) and self._works(expr)
            case core.ToWord():
                return False
            case _:
                return all(self.safe(part) for part in self._parts(expr))


def _is_constant(expr: core.Expr) -> bool:
    kinds = (SymbolKind.PARAM, SymbolKind.CONST)
    return all(
        e.symbol.kind in kinds if isinstance(e, core.Var) else not isinstance(e, core.Quantifier | core.Old)
        for e in subexpressions(expr)
    )
