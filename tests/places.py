"""The places within an expression, and the values that the variables have there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.values import Value


@dataclass(frozen=True, slots=True)
class Place:
    """An expression within another one, and the values of the variables there: `entry` those inside `old`."""

    expr: core.Expr
    values: Mapping[Symbol, Value]
    entry: Mapping[Symbol, Value]
    around: tuple[core.Let | core.Old, ...] = ()

    def whole(self) -> core.Expr:
        """The expression with what gives its variables these values around it."""
        made = self.expr
        for outer in reversed(self.around):
            made = replace(outer, body=made)
        return made


def places(place: Place, context: Context) -> Iterator[Place]:
    """The place and those within it, outermost first, but for what a quantifier, or a value that is none, binds."""
    yield place
    match place.expr:
        case core.Quantifier():
            return
        case core.Old(body=body) as outer:
            yield from places(Place(body, place.entry, place.entry, (*place.around, outer)), context)
        case core.Let(symbol=symbol, value=value, body=body) as outer:
            yield from places(replace(place, expr=value), context)
            try:
                held = {symbol: evaluate(value, context, place.values, place.entry, pieces=1000)}
            except (Undefined, Undecided):
                return
            inner = Place(body, {**place.values, **held}, {**place.entry, **held}, (*place.around, outer))
            yield from places(inner, context)
        case _:
            for child in core.children(place.expr):
                yield from places(replace(place, expr=child), context)
