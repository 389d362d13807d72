"""From values that break something to smaller ones that break it too, each tried by execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from verify import core
from verify.core import Symbol, SymbolKind
from verify.values import MapValue, Member, Value

TRIES = 200
"""How many values are tried."""

Values = Mapping[Symbol, Value]


def lessened(values: Values, breaks: Callable[[Values], bool]) -> Values:
    """Values that break it: fewer entries in maps, then smaller numbers, then smaller sets. At most TRIES are tried."""
    tried: set[tuple[Symbol, Value]] = set()
    while True:
        before = values
        for symbol in sorted(_inputs(values), key=lambda s: _rank(s.type)):
            values = _one(values, symbol, breaks, tried)
        if values is before or len(tried) >= TRIES:
            return values


def nearer(values: Values, order: Sequence[Symbol], breaks: Callable[[Values], bool], word_bits: int) -> Values:
    """Values that break it: each of these words, the last first, as small as it gets by itself or with an earlier one
    raised by as much, so that the sum stays."""
    for later in reversed(order):
        for earlier in (None, *order[: order.index(later)]):
            values = _moved_down(values, later, earlier, breaks, word_bits)
    return values


def _moved_down(
    values: Values, word: Symbol, raised: Symbol | None, breaks: Callable[[Values], bool], word_bits: int
) -> Values:
    """One word made smaller by powers of two, the highest first; what it loses goes to the other, if there is one."""
    for power in (1 << n for n in reversed(range(word_bits))):
        now = values[word]
        assert isinstance(now, int)
        if now < power:
            continue
        taken = {**values, word: now - power}
        if raised is not None:
            other = values[raised]
            assert isinstance(other, int)
            if other + power >= 1 << word_bits:
                continue
            taken[raised] = other + power
        if breaks(taken):
            values = taken
    return values


def _one(values: Values, symbol: Symbol, breaks: Callable[[Values], bool], tried: set[tuple[Symbol, Value]]) -> Values:
    """One input made as small as it gets by itself. `tried` grows."""
    while True:
        for smaller in _smaller(values[symbol]):
            if len(tried) >= TRIES:
                return values
            if (symbol, smaller) in tried:
                continue
            tried.add((symbol, smaller))
            if breaks({**values, symbol: smaller}):
                values = {**values, symbol: smaller}
                break
        else:
            return values


def _inputs(values: Values) -> Iterator[Symbol]:
    """What a run is given: arguments and states as on entry."""
    for symbol in values:
        if symbol.version == 0 and symbol.kind in (SymbolKind.ARGUMENT, SymbolKind.STATE):
            yield symbol


def _rank(type_: core.Type) -> int:
    if isinstance(type_, core.MapType):
        return 0
    return 2 if isinstance(type_, core.SetType) else 1


def _smaller(value: Value) -> Iterator[Value]:
    """Smaller values of the same type, the smallest first."""
    match value:
        case MapValue(default=default):
            for key, held in value.items():
                yield value.set(key, default)
                for less in _smaller(held) if isinstance(held, Member) else ():
                    yield value.set(key, less)
        case Member(type=type_, index=index):
            named = len(type_.named) if isinstance(type_, core.OpaqueType) else 0
            if index > named:
                yield Member(type_, named)
        case bool():
            if value:
                yield False
        case int() if value:
            yield 0
            power = 1 << abs(value).bit_length() - 1
            while power > 0:
                yield value - power if value > 0 else value + power
                power //= 2
