"""Words in the solver: one small interface, two exact instances, and a weaker one for proofs above the bits.

`BitVectors` holds a word in a bit-vector; `Integers` in an integer below 2**bits, reduced explicitly. Both give every
operation the value that `evaluate` gives it, wherever it is defined. `AbstractIntegers` knows nothing of the operations
on bits: they are functions of which only the range is known. What is proved with it holds for the real ones; what is
refuted with it means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import z3

from verify import integers, terms

Term: TypeAlias = Any  # z3 comes without types: an ExprRef


class Words(Protocol):
    """What the encoder asks of a representation of words of `bits` bits.

    A shift count is a word. `from_int` is the integer modulo 2**bits, and need be right only where it fits.
    `width` is WORD_BITS and `top` is 2**WORD_BITS, as integers. `in_range` is true iff a term of `sort` is a word.
    """

    bits: int

    def width(self) -> Term: ...
    def top(self) -> Term: ...
    def sort(self) -> z3.SortRef: ...
    def literal(self, value: int) -> Term: ...
    def in_range(self, a: Term) -> z3.BoolRef: ...
    def add(self, a: Term, b: Term) -> Term: ...
    def sub(self, a: Term, b: Term) -> Term: ...
    def mul(self, a: Term, b: Term) -> Term: ...
    def div(self, a: Term, b: Term) -> Term: ...
    def mod(self, a: Term, b: Term) -> Term: ...
    def band(self, a: Term, b: Term) -> Term: ...
    def bor(self, a: Term, b: Term) -> Term: ...
    def bxor(self, a: Term, b: Term) -> Term: ...
    def invert(self, a: Term) -> Term: ...
    def shl(self, a: Term, count: Term) -> Term: ...
    def shr(self, a: Term, count: Term) -> Term: ...
    def lt(self, a: Term, b: Term) -> z3.BoolRef: ...
    def le(self, a: Term, b: Term) -> z3.BoolRef: ...
    def to_int(self, a: Term) -> Term: ...
    def from_int(self, a: Term) -> Term: ...


class BitVectors:
    """A word is a bit-vector; its value as an integer is a wider one (`verify.integers`)."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def width(self) -> Term:
        return integers.literal(self.bits)

    def top(self) -> Term:
        return integers.literal(1 << self.bits)

    def sort(self) -> z3.SortRef:
        return z3.BitVecSort(self.bits)

    def literal(self, value: int) -> Term:
        return z3.BitVecVal(value, self.bits)

    def in_range(self, a: Term) -> z3.BoolRef:  # noqa: ARG002  # every bit-vector is a word
        return terms.true()

    def add(self, a: Term, b: Term) -> Term:
        return terms.bits_plus(a, b)

    def sub(self, a: Term, b: Term) -> Term:
        return terms.bits_minus(a, b)

    def mul(self, a: Term, b: Term) -> Term:
        return terms.bits_times(a, b)

    def div(self, a: Term, b: Term) -> Term:
        return z3.UDiv(a, b)

    def mod(self, a: Term, b: Term) -> Term:
        return z3.URem(a, b)

    def band(self, a: Term, b: Term) -> Term:
        return a & b

    def bor(self, a: Term, b: Term) -> Term:
        return a | b

    def bxor(self, a: Term, b: Term) -> Term:
        return a ^ b

    def invert(self, a: Term) -> Term:
        return ~a

    def shl(self, a: Term, count: Term) -> Term:
        return a << count

    def shr(self, a: Term, count: Term) -> Term:
        return z3.LShR(a, count)

    def lt(self, a: Term, b: Term) -> z3.BoolRef:
        return terms.unsigned_less(a, b)

    def le(self, a: Term, b: Term) -> z3.BoolRef:
        return terms.unsigned_at_most(a, b)

    def to_int(self, a: Term) -> Term:
        return integers.unsigned(a)

    def from_int(self, a: Term) -> Term:
        return integers.to_bits(a, self.bits)


class Integers:
    """A word is one of z3's integers, 0 <= word < 2**bits; every result is brought back into that range.

    Operations on bits go through a bit-vector and back: exact, and slow.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def width(self) -> Term:
        return z3.IntVal(self.bits)

    def top(self) -> Term:
        return z3.IntVal(1 << self.bits)

    def sort(self) -> z3.SortRef:
        return z3.IntSort()

    def literal(self, value: int) -> Term:
        return z3.IntVal(value)

    def in_range(self, a: Term) -> z3.BoolRef:
        return terms.conjunction(terms.at_least(a, z3.IntVal(0)), terms.less(a, self.top()))

    def add(self, a: Term, b: Term) -> Term:
        whole, top = terms.plus(a, b), self.top()
        return terms.choice(terms.at_least(whole, top), terms.minus(whole, top), whole)

    def sub(self, a: Term, b: Term) -> Term:
        difference = terms.minus(a, b)
        return terms.choice(terms.at_least(a, b), difference, terms.plus(difference, self.top()))

    def mul(self, a: Term, b: Term) -> Term:
        return (a * b) % self.top()

    def div(self, a: Term, b: Term) -> Term:
        return a / b

    def mod(self, a: Term, b: Term) -> Term:
        return a % b

    def band(self, a: Term, b: Term) -> Term:
        return self._through_bits(z3.Int2BV(a, self.bits) & z3.Int2BV(b, self.bits))

    def bor(self, a: Term, b: Term) -> Term:
        return self._through_bits(z3.Int2BV(a, self.bits) | z3.Int2BV(b, self.bits))

    def bxor(self, a: Term, b: Term) -> Term:
        return self._through_bits(z3.Int2BV(a, self.bits) ^ z3.Int2BV(b, self.bits))

    def _through_bits(self, a: Term) -> Term:
        return z3.BV2Int(a, is_signed=False)

    def invert(self, a: Term) -> Term:
        return self.top() - 1 - a

    def shl(self, a: Term, count: Term) -> Term:
        return self._by_count(count, lambda n: (a * (1 << n)) % self.top())

    def shr(self, a: Term, count: Term) -> Term:
        return self._by_count(count, lambda n: a / (1 << n))

    def _by_count(self, count: Term, shifted: Callable[[int], Term]) -> Term:
        """One case for each count, so that no power of two is left to the solver."""
        if z3.is_int_value(count) and 0 <= count.as_long() < self.bits:
            return shifted(count.as_long())
        result = shifted(0)
        for n in range(1, self.bits):
            result = z3.If(count == n, shifted(n), result)
        return result

    def lt(self, a: Term, b: Term) -> z3.BoolRef:
        return terms.less(a, b)

    def le(self, a: Term, b: Term) -> z3.BoolRef:
        return terms.at_most(a, b)

    def to_int(self, a: Term) -> Term:
        return a

    def from_int(self, a: Term) -> Term:
        return a


class AbstractIntegers(Integers):
    """`Integers`, with unknown functions for products of two unknowns, division and all operations on bits."""

    def _unknown(self, name: str, a: Term, b: Term) -> Term:
        integer = z3.IntSort()
        return terms.integer(z3.Function(f"{name}.{self.bits}", integer, integer, integer), a, b)

    def facts(self) -> list[z3.BoolRef]:
        """That the unknown functions give words. To be asserted beside whatever is encoded."""
        a, b = z3.Int("a"), z3.Int("b")
        found = []
        for name in ("mul", "div", "mod", "band", "bor", "bxor", "shl", "shr"):
            result = self._unknown(name, a, b)
            found.append(z3.ForAll([a, b], self.in_range(result), patterns=[result]))
        return found

    def mul(self, a: Term, b: Term) -> Term:
        if z3.is_int_value(a) or z3.is_int_value(b):
            return super().mul(a, b)
        return self._unknown("mul", a, b)

    def div(self, a: Term, b: Term) -> Term:
        return self._unknown("div", a, b)

    def mod(self, a: Term, b: Term) -> Term:
        return self._unknown("mod", a, b)

    def band(self, a: Term, b: Term) -> Term:
        return self._unknown("band", a, b)

    def bor(self, a: Term, b: Term) -> Term:
        return self._unknown("bor", a, b)

    def bxor(self, a: Term, b: Term) -> Term:
        return self._unknown("bxor", a, b)

    def shl(self, a: Term, count: Term) -> Term:
        if z3.is_int_value(a) and z3.is_int_value(count) and 0 <= count.as_long() < self.bits:
            return z3.IntVal(
                (a.as_long() << count.as_long()) % (1 << self.bits)
            )  # as the sizes of a named geometry are
        return self._unknown("shl", a, count)

    def shr(self, a: Term, count: Term) -> Term:
        return self._unknown("shr", a, count)


class AnyIntegers(AbstractIntegers):
    """`AbstractIntegers` of no particular size: of `least` bits at least, which is all that is known of it.

    What is proved with it holds at every word size from `least` on.
    """

    def __init__(self, least: int) -> None:
        super().__init__(least)

    def width(self) -> Term:
        return z3.Int("WORD_BITS")

    def top(self) -> Term:
        return z3.Int("2^WORD_BITS")

    def facts(self) -> list[z3.BoolRef]:
        return [*super().facts(), self.width() >= self.bits, self.top() >= 1 << self.bits]

    def mul(self, a: Term, b: Term) -> Term:
        return self._unknown("mul", a, b)

    def shl(self, a: Term, count: Term) -> Term:
        return self._unknown("shl", a, count)
