"""Random values: at least half of the words are at the edges, where wrapping, signs and bounds show."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from verify import core
from verify.core import Type
from verify.values import Member, Value, map_value

SIZES = (1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128)
"""The word sizes drawn half of the time; else it is any from 1 to 128."""


def edges(bits: int) -> tuple[int, ...]:
    """The words next to 0, to 2**bits and to the half of it."""
    half, top = 1 << bits - 1, 1 << bits
    near = {0, 1, 2, half - 1, half, half + 1, top - 2, top - 1}
    return tuple(sorted(n for n in near if 0 <= n < top))


@dataclass(slots=True)
class Values:
    """A source of values at one word size. `drawn` has every word drawn."""

    random: Random
    bits: int
    drawn: list[int] = field(default_factory=list)

    def word(self) -> int:
        roll = self.random.random()
        if roll < 0.65:
            value = self.random.choice(edges(self.bits))
        elif roll < 0.85:
            value = self.random.choice((self.bits - 1, self.bits, self.bits + 1, 1 << self.random.randrange(self.bits)))
            value %= 1 << self.bits
        else:
            value = self.random.randrange(1 << self.bits)
        self.drawn.append(value)
        return value

    def int(self) -> int:
        roll = self.random.random()
        if roll < 0.4:
            return self.random.choice((0, 1, 2, self.bits - 1, self.bits, -1, -2))
        if roll < 0.7:
            return self.random.choice((-1, 1)) * (self.random.choice(edges(self.bits)) + self.random.choice((0, 1)))
        if roll < 0.85:
            return self.random.randrange(-20, 20)
        return self.random.randrange(-(4 << self.bits), 4 << self.bits)

    def of(self, type_: Type) -> Value:
        match type_:
            case core.WordType():
                return self.word()
            case core.IntType():
                return self.int()
            case core.BoolType():
                return self.random.random() < 0.5
            case core.OpaqueType():
                return Member(type_, self.random.choice((0, 1, 2, 3, 3, 1000)))
            case core.EnumType(members=members):
                return Member(type_, self.random.randrange(len(members)))
            case core.MapType() | core.SetType():
                keys, held = core.key_type(type_), core.value_type(type_)
                chosen: list[Value] = [self.of(keys) for _ in range(self.random.randrange(4))]
                if isinstance(keys, core.OpaqueType) and self.random.random() < 0.3:
                    chosen = [Member(keys, n) for n in range(4)]  # so that a member must be thought of for the default
                entries = {key: self.of(held) for key in chosen}
                return map_value(type_, self.of(held), entries, self.bits)
