"""From values that break something to smaller ones that break it too, each tried by execution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from verify import core
from verify.core import Symbol, SymbolKind
from verify.values import MapValue, Member, Value, map_value

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


def lowered(values: Values, order: Sequence[Symbol], breaks: Callable[[Values], bool]) -> Values:
    """Values that break it: each of these words lower, together with all words near it, be they other inputs, keys of
    maps or what those hold. What is near is what has the same bits from some bit of the word on."""
    known = [v for s in order if isinstance(v := values[s], int) and v]
    unit = min((v & -v for v in known), default=1)
    for symbol in order:
        for bit in reversed(range(max(v.bit_length() for v in known) if known else 0)):
            at = values[symbol]
            assert isinstance(at, int)
            if not at >> bit & 1:
                continue
            for to in (0, *(1 << n for n in range(unit.bit_length() - 1, bit))):
                taken = {s: _shifted(v, s.type, bit, at >> bit, to - (1 << bit)) for s, v in values.items()}
                if breaks(taken):
                    values = taken
                    break
    return values


def _shifted(value: Value, type_: core.Type, bit: int, block: int, by: int) -> Value:
    """The value with each word of a block moved."""
    match type_, value:
        case core.WordType(), int():
            return value + by if value >> bit == block else value
        case ((core.MapType() | core.SetType()), MapValue()):
            key, held = core.key_type(type_), core.value_type(type_)
            entries = {_shifted(k, key, bit, block, by): _shifted(v, held, bit, block, by) for k, v in value.items()}
            return map_value(type_, _shifted(value.default, held, bit, block, by), entries, value.word_bits)
        case _:
            return value


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
