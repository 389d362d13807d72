"""Drawing the values that are no maps: one after the other, each from candidates that meet what is asked of it.

Nothing is drawn and thrown away. Where a choice leaves a later variable without candidates, the next choice is tried,
in a fixed order and without asking hypothesis again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from verify import core
from verify.core import Symbol
from verify.evaluate import Context
from verify.strategies.candidates import Landmarks, groups_of, unit_of
from verify.strategies.conditions import Condition, Values
from verify.values import Value

Draw = Callable[[int], int]
"""Given n > 0, draws one of 0 .. n - 1, the plainest first."""

WHICH = AT = 256
"""A choice among groups, and one of a candidate: drawn out of so many, then scaled to how many there are."""

Keep = Callable[[Context, Values], bool]


@dataclass(slots=True)
class Scalars:
    """Values for `symbols`, in this order, that meet `conditions` and `keep`, in one context.

    `conditions` are about `symbols` alone. `keep` may refuse what is dear; it is asked with fewer values too, and then
    refuses only what no further values can make good.
    `words` and `ints` are numbers that count as drawn before. The rest is remembered from one draw to the next.
    """

    context: Context
    marks: Landmarks
    symbols: tuple[Symbol, ...]
    conditions: tuple[Condition, ...]
    keep: Keep
    words: tuple[int, ...] = ()
    ints: tuple[int, ...] = ()
    units: dict[Symbol, int] = field(default_factory=dict)
    met: dict[tuple[tuple[Value, ...], int], tuple[Value, ...]] = field(default_factory=dict)

    def draw(self, draw: Draw) -> dict[Symbol, Value] | None:
        """One choice; None iff no candidates meet all conditions."""
        if not all(c.met(self.context, {}) for c in self.conditions if not c.symbols):
            return None
        asked: list[tuple[int, int]] = []

        def ask(level: int) -> tuple[int, int]:
            """Which group and which candidate in it, as numbers to be cut down to how many there are."""
            if level == len(asked):
                asked.append((draw(WHICH), draw(AT)))
            return asked[level]

        def choose(prefix: tuple[Value, ...]) -> tuple[Value, ...] | None:
            level = len(prefix)
            if level == len(self.symbols):
                return prefix
            which, at = ask(level)
            count = len(self.groups(prefix))
            for group in range(count):
                valid = self.valid(prefix, (which * count // WHICH + group) % count)
                for candidate in _tried(at * len(valid) // AT, len(valid)):
                    rest = choose((*prefix, valid[candidate]))
                    if rest is not None:
                        return rest
            return None

        chosen = choose(())
        return None if chosen is None else dict(zip(self.symbols, chosen, strict=True))

    def groups(self, prefix: tuple[Value, ...]) -> tuple[tuple[Value, ...], ...]:
        """The groups of candidates for the next variable that have any."""
        symbol = self.symbols[len(prefix)]
        drawn = list(zip(self.symbols, prefix, strict=False))
        words = [*self.words, *(v for s, v in drawn if s.type == core.WORD and isinstance(v, int))]
        ints = [*self.ints, *(v for s, v in drawn if s.type == core.INT and isinstance(v, int))]
        groups = groups_of(symbol.type, self.marks, self.unit(symbol), words, ints)
        return tuple(group for group in groups if group)

    def unit(self, symbol: Symbol) -> int:
        """What the variable must be a multiple of, as far as conditions on it alone say so."""
        if symbol not in self.units:
            alone = [c for c in self.conditions if c.symbols == {symbol}]
            self.units[symbol] = (
                unit_of(self.marks, lambda value: all(c.met(self.context, {symbol: value}) for c in alone))
                if symbol.type == core.WORD
                else 1
            )
        return self.units[symbol]

    def valid(self, prefix: tuple[Value, ...], group: int) -> tuple[Value, ...]:
        """The candidates of a group that meet every condition whose variables then all have values."""
        key = (prefix, group)
        if key not in self.met:
            symbol = self.symbols[len(prefix)]
            values = dict(zip(self.symbols, prefix, strict=False))
            known = {*values, symbol}
            due = [c for c in self.conditions if c.symbols <= known and symbol in c.symbols]
            self.met[key] = tuple(
                candidate
                for candidate in self.groups(prefix)[group]
                if self.keep(self.context, {**values, symbol: candidate})
                and all(c.met(self.context, {**values, symbol: candidate}) for c in due)
            )
        return self.met[key]


def _tried(first: int, count: int) -> Iterator[int]:
    """The numbers below `count`: from `first` by halves down to 0, since plain ones are likely to do, then the rest."""
    halves: dict[int, None] = {}
    while count and first not in halves:
        halves[first] = None
        first //= 2
    yield from halves
    yield from (number for number in range(count) if number not in halves)


def interesting(values: Values, type_: core.Type) -> Sequence[int]:
    """The numbers of a type among values."""
    return [value for symbol, value in values.items() if symbol.type == type_ and isinstance(value, int)]
