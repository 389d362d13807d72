"""What an uninterpreted define is in an example: settled as the implementation asks, and a finite table afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from verify import core
from verify.evaluate import Table
from verify.values import Member, Value, domain, some_value

FIRST_ANSWER = 1000
"""Members of opaque sorts from this number on are answers; those drawn as entries lie far below."""


class Style(Enum):
    """How a hook answers: with the argument of the type that it returns; with something new to each question; or so,
    but with the plainest value to every other question."""

    SAME = "the argument itself"
    NEW = "something new"
    PLAIN = "at times the plainest value"


@dataclass(frozen=True, slots=True)
class Hook:
    """One uninterpreted define, not yet asked anything."""

    define: core.Define
    style: Style
    word_bits: int

    def start(self) -> Answers:
        """Answers for one run."""
        return Answers(self)


@dataclass(slots=True)
class Answers:
    """What a hook has answered in one run: the same question gets the same answer, so it is a function."""

    hook: Hook
    entries: dict[tuple[Value, ...], Value] = field(default_factory=dict)

    def answer(self, row: tuple[Value, ...]) -> Value:
        """The value at these arguments: the parameters, then what the define reads."""
        if row not in self.entries:
            self.entries[row] = self._settle(row)
        return self.entries[row]

    def _settle(self, row: tuple[Value, ...]) -> Value:
        define, asked = self.hook.define, len(self.entries)
        symbols = define.parameters + define.reads
        same = [value for symbol, value in zip(symbols, row, strict=True) if symbol.type == define.result]
        if self.hook.style is Style.SAME and same:
            return same[0]
        if self.hook.style is Style.PLAIN and asked % 2 == 0:
            return some_value(define.result, self.hook.word_bits)
        return fresh(define.result, asked, self.hook.word_bits)

    def table(self) -> Table:
        """The whole function: the answers given, and elsewhere a value that no answer and no entry is, if there are
        such. So a claim that asks what the implementation did not ask does not hold by chance."""
        return Table(fresh(self.hook.define.result, -1, self.hook.word_bits), dict(self.entries))


def fresh(type_: core.Type, number: int, word_bits: int) -> Value:
    """The value number `number` of a type, counted from where no drawn value is; repeats where the type is small."""
    match type_:
        case core.OpaqueType():
            return Member(type_, FIRST_ANSWER + number)
        case core.IntType():
            return FIRST_ANSWER + number
        case core.WordType():
            return (FIRST_ANSWER + number) % (1 << word_bits)
        case core.BoolType() | core.EnumType():
            values = tuple(domain(type_, word_bits))
            return values[number % len(values)]
        case _:
            return some_value(type_, word_bits)
