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
        kept = self._context.codes.safe
        known = kept.get(id(expr))
        if known is None:
            known = kept[id(expr)] = (expr, self._is_safe(expr))
        return known[1]

    def simple(self, expr: core.Expr) -> bool:
        """True iff no quantifier is in the expression, or in a define that it applies."""
        kept = self._context.codes.simple
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
                return self.safe(left) and self._is_constant(right) and self._works(expr)
            case core.ToWord():
                return False
            case _:
                return all(self.safe(part) for part in self._parts(expr))

    def _is_constant(self, expr: core.Expr) -> bool:
        """True iff the value depends on params and consts alone: not on what an uninterpreted define is, either."""
        kinds = (SymbolKind.PARAM, SymbolKind.CONST)
        for part in subexpressions(expr):
            match part:
                case core.Var(symbol=symbol) if symbol.kind not in kinds:
                    return False
                case core.Quantifier() | core.Old():
                    return False
                case core.Apply(function=function) if self._asks(function):
                    return False
        return True

    def _asks(self, function: str) -> bool:
        """True iff a define has no body, or applies one that has none."""
        body = self._context.defines[function].value
        return body is None or any(self._asks(e.function) for e in subexpressions(body) if isinstance(e, core.Apply))
