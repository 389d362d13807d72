"""Concrete values of the language's types, how they print, and how they are written as JSON.

A word and an int are Python ints (a word is at least 0 and below 2**WORD_BITS), a bool is a bool. Nothing here knows
the type of a bare int: whoever prints one says it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias, assert_never

from verify import core

Value: TypeAlias = "int | bool | Member | MapValue"
Json: TypeAlias = "int | bool | str | dict[str, Json]"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an opaque sort (below `len(type.named)`: a named constant; else one of the rest), or of an enum."""

    type: core.OpaqueType | core.EnumType
    index: int

    def __hash__(self) -> int:
        return hash((self.type.name, self.index))

    def __str__(self) -> str:
        names = self.type.members if isinstance(self.type, core.EnumType) else self.type.named
        return names[self.index] if self.index < len(names) else f"{self.type.name}#{self.index}"


class MapValue:
    """An immutable total map, or a set (values are bools): `default` everywhere but at finitely many keys.

    Two are equal iff they are equal everywhere. Build one with `map_value`, which brings it to the one form that each
    map has: no exception equals the default, and over a finite key domain the default is the value that most keys
    have (of several, the one at the smallest key).
    """

    __slots__ = ("_hash", "_keys", "_members", "default", "entries", "type", "word_bits")

    def __init__(
        self, type: core.MapType | core.SetType, default: Value, entries: Mapping[Value, Value], word_bits: int
    ) -> None:
        """Takes its arguments as they are; they must be in normal form."""
        self.type = type
        self.default = default
        self.entries = entries
        self.word_bits = word_bits
        self._hash: int | None = None
        self._keys: tuple[Value, ...] | None = None
        self._members: frozenset[Member] | None = None

    def get(self, key: Value) -> Value:
        """The value at `key`."""
        return self.entries.get(key, self.default)

    def set(self, key: Value, value: Value) -> MapValue:
        """The map that is this one but for `value` at `key`."""
        if self.get(key) == value:
            return self
        return map_value(self.type, self.default, {**self.entries, key: value}, self.word_bits)

    @property
    def keys(self) -> tuple[Value, ...]:
        """The keys of the exceptions, in increasing order."""
        if self._keys is None:
            self._keys = tuple(sorted(self.entries, key=order))
        return self._keys

    def items(self) -> Iterator[tuple[Value, Value]]:
        """The exceptions, by increasing key."""
        return ((key, self.entries[key]) for key in self.keys)

    def around(self, key: int) -> tuple[int | None, int | None]:
        """For a map keyed by word or int: the nearest exceptions below and above `key`, None where there is none."""
        keys: tuple[int, ...] = self.keys  # type: ignore[assignment]
        at = bisect_left(keys, key)
        above = at + 1 if at < len(keys) and keys[at] == key else at
        return keys[at - 1] if at > 0 else None, keys[above] if above < len(keys) else None

    @property
    def members(self) -> frozenset[Member]:
        """The members of opaque sorts and enums that occur in it as keys or values, at any depth."""
        if self._members is None:
            found = set(members_in(self.default))
            for key, value in self.entries.items():
                found |= members_in(key) | members_in(value)
            self._members = frozenset(found)
        return self._members

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, MapValue):
            return NotImplemented
        return self.default == other.default and self.entries == other.entries and self.type == other.type

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.default, frozenset(self.entries.items())))
        return self._hash

    def __repr__(self) -> str:
        return f"MapValue({self.type}, {self.default!r}, {dict(self.items())!r})"


def map_value(
    type: core.MapType | core.SetType, default: Value, entries: Mapping[Value, Value], word_bits: int
) -> MapValue:
    """The map that is `default` everywhere but at the keys of `entries`, in its normal form."""
    kept = {key: value for key, value in entries.items() if value != default}
    size = domain_size(core.key_type(type), word_bits)
    if size is not None and 2 * len(kept) >= size:
        total = {key: kept.get(key, default) for key in domain(core.key_type(type), word_bits)}
        default = Counter(total.values()).most_common(1)[0][0]  # of equals the first met, that is at the smallest key
        kept = {key: value for key, value in total.items() if value != default}
    return MapValue(type, default, kept, word_bits)


def members_in(value: Value) -> frozenset[Member]:
    """The members of opaque sorts and enums that a value is, or holds at any depth."""
    if isinstance(value, MapValue):
        return value.members
    return frozenset((value,)) if isinstance(value, Member) else frozenset()


def order(value: Value) -> tuple[object, ...]:
    """A sort key for values of one type: numbers by size, members by index, maps by default and then exceptions."""
    if isinstance(value, MapValue):
        return (order(value.default), tuple((order(k), order(v)) for k, v in value.items()))
    return (value.index,) if isinstance(value, Member) else (value,)


def domain_size(type: core.Type, word_bits: int) -> int | None:
    """How many values a type has; None if infinitely many, or more than can be counted in memory."""
    match type:
        case core.WordType():
            return int(2**word_bits)
        case core.BoolType():
            return 2
        case core.EnumType(members=members):
            return len(members)
        case core.IntType() | core.OpaqueType():
            return None
        case core.MapType() | core.SetType():
            keys = domain_size(core.key_type(type), word_bits)
            values = domain_size(core.value_type(type), word_bits)
            if values == 1:
                return 1
            return None if keys is None or values is None or keys > 4096 else int(values**keys)
        case _:
            assert_never(type)


def domain(type: core.Type, word_bits: int) -> Iterator[Value]:
    """Every value of a type whose `domain_size` is not None, in increasing order of scalars."""
    match type:
        case core.WordType():
            yield from range(2**word_bits)
        case core.BoolType():
            yield from (False, True)
        case core.EnumType(members=members):
            yield from (Member(type, index) for index in range(len(members)))
        case core.MapType() | core.SetType():
            values = tuple(domain(core.value_type(type), word_bits))
            if len(values) == 1:
                yield map_value(type, values[0], {}, word_bits)
                return
            keys = tuple(domain(core.key_type(type), word_bits))
            for row in product(values, repeat=len(keys)):
                yield map_value(type, row[0], dict(zip(keys, row, strict=True)), word_bits)
        case core.IntType() | core.OpaqueType():
            raise ValueError(f"{type} has infinitely many values")
        case _:
            assert_never(type)


def some_value(type: core.Type, word_bits: int) -> Value:
    """The plainest value of a type: 0, false, the first member, the map that is that everywhere."""
    match type:
        case core.WordType() | core.IntType():
            return 0
        case core.BoolType():
            return False
        case core.OpaqueType() | core.EnumType():
            return Member(type, 0)
        case core.MapType() | core.SetType():
            return map_value(type, some_value(core.value_type(type), word_bits), {}, word_bits)
        case _:
            assert_never(type)


def other_value(type: core.Type, word_bits: int) -> Value:
    """A value that is not the plainest, of a type that has one: 1, true, the second member, such a one everywhere."""
    match type:
        case core.WordType() | core.IntType():
            return 1
        case core.BoolType():
            return True
        case core.OpaqueType() | core.EnumType():
            return Member(type, min(1, len(type.members) - 1) if isinstance(type, core.EnumType) else 1)
        case core.MapType() | core.SetType():
            held = core.value_type(type)
            default = some_value(held, word_bits) if isinstance(type, core.SetType) else other_value(held, word_bits)
            return map_value(type, default, {}, word_bits)
        case _:
            assert_never(type)


def fits(value: object, type: core.Type, word_bits: int) -> bool:
    """True iff `value` is a value of that type at that word size, in all its parts."""
    match type:
        case core.WordType():
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**word_bits
        case core.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case core.BoolType():
            return isinstance(value, bool)
        case core.OpaqueType():
            return isinstance(value, Member) and value.type == type and value.index >= 0
        case core.EnumType(members=members):
            return isinstance(value, Member) and value.type == type and 0 <= value.index < len(members)
        case core.MapType() | core.SetType():
            keys, held = core.key_type(type), core.value_type(type)
            return (
                isinstance(value, MapValue)
                and value.type == type
                and fits(value.default, held, word_bits)
                and all(fits(k, keys, word_bits) and fits(v, held, word_bits) for k, v in value.entries.items())
            )
        case _:
            assert_never(type)


def show(value: Value, type: core.Type, word_bits: int) -> str:
    """For people: words as `0xfff00000`, ints in decimal, `pte#3`, `{0x1000: pte#3, else none}`, `{0x1000}`.

    Where keys are members of an enum each of them is named.
    """
    match type:
        case core.WordType():
            assert isinstance(value, int)
            return hex(value)
        case core.IntType() | core.OpaqueType() | core.EnumType():
            return str(value)
        case core.BoolType():
            return "true" if value else "false"
        case core.MapType(key=key, value=held):
            assert isinstance(value, MapValue)
            named = isinstance(key, core.EnumType)
            items = [(k, value.get(k)) for k in domain(key, word_bits)] if named else value.items()
            entries = [f"{show(k, key, word_bits)}: {show(v, held, word_bits)}" for k, v in items]
            otherwise = [] if named else [f"else {show(value.default, held, word_bits)}"]
            return "{" + ", ".join([*entries, *otherwise]) + "}"
        case core.SetType(element=element):
            assert isinstance(value, MapValue)
            if isinstance(element, core.EnumType):
                return "{" + ", ".join(str(m) for m in domain(element, word_bits) if value.get(m)) + "}"
            keys = "{" + ", ".join(show(k, element, word_bits) for k in value.keys) + "}"
            return ("all but " + keys if value.entries else "all") if value.default else keys
        case _:
            assert_never(type)


def to_json(value: Value, type: core.Type, word_bits: int) -> Json:
    """Words as hex strings, ints and bools as they are, members by name, maps and sets as default and entries.

    The key of an entry is what `show` prints for it.
    """
    match type:
        case core.WordType() | core.OpaqueType() | core.EnumType():
            return show(value, type, word_bits)
        case core.IntType() | core.BoolType():
            assert isinstance(value, int)
            return value
        case core.MapType() | core.SetType():
            assert isinstance(value, MapValue)
            key, held = core.key_type(type), core.value_type(type)
            return {
                "default": to_json(value.default, held, word_bits),
                "entries": {show(k, key, word_bits): to_json(v, held, word_bits) for k, v in value.items()},
            }
        case _:
            assert_never(type)
