"""Expressions over finite sorts alone: what is unbounded is held in few bits, so that the solver needs no arithmetic.

It leaves values out, and so is for finding some: a `no` says nothing of larger integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import z3

from verify import core, integers, terms
from verify.context import Context
from verify.core import EnumType, IntType, OpaqueType, Symbol, SymbolKind, Type
from verify.encode import Encoded, Encoder, Term
from verify.values import Member, Value

HELD = 8
"""The bits of a member of an opaque sort, and of an integer in a map: few, and more than a short run adds up to."""

FREE = 4
"""The bits (signed) of an integer whose value is to be found."""

TIMES = 3
"""The bits (signed) of how many times a size is taken."""


def sizes_of(context: Context) -> tuple[int, ...]:
    """The greatest and the least of the program's constants that are powers of two, 1 aside; none on no geometry."""
    words = (v for s, v in context.constants.items() if s.kind is SymbolKind.CONST and s.type == core.WORD)
    powers = sorted(v for v in words if isinstance(v, int) and v > 1 and v & (v - 1) == 0)
    return tuple(dict.fromkeys((powers[-1], powers[0]))) if powers else ()


@dataclass(slots=True)
class SmallEncoder(Encoder):
    """Over bit-vectors. `narrow` has the free integers that need more or fewer bits than others."""

    def sort(self, type_: Type) -> z3.SortRef:
        if isinstance(type_, IntType | OpaqueType):
            return z3.BitVecSort(HELD)
        return Encoder.sort(self, type_)

    def enum(self, type_: EnumType) -> tuple[z3.SortRef, list[Term]]:
        """In bits too: the solver for bits knows no other sort. Where there are more patterns than members, those left
        over are kept from free symbols, and stand for the first member in maps."""
        bits = max(1, (len(type_.members) - 1).bit_length())
        return z3.BitVecSort(bits), [z3.BitVecVal(n, bits) for n in range(len(type_.members))]

    def in_range(self, type_: Type, term: Term) -> z3.BoolRef:  # noqa: ARG002  # every term stands for a value
        return self.true

    def symbol(self, symbol: Symbol) -> Term:
        known = symbol in self.symbols or symbol in self.geometry or symbol in self.constants
        if not known and isinstance(symbol.type, IntType) and symbol != core.WORD_BITS and symbol not in self.narrow:
            self.symbols[symbol] = z3.BitVec(f"{symbol.scope}.{symbol}", FREE)
        if not known and isinstance(symbol.type, EnumType):
            term = Encoder.symbol(self, symbol)
            self.facts.append(z3.ULE(term, self.enum(symbol.type)[1][-1]))
        return Encoder.symbol(self, symbol)

    def value(self, value: Value, type_: Type) -> Term:
        if isinstance(value, Member) and isinstance(value.type, OpaqueType):
            return z3.BitVecVal(value.index, HELD)
        return Encoder.value(self, value, type_)

    def stored(self, type_: Type, term: Term) -> Term:
        return integers.to_bits(term, HELD) if isinstance(type_, IntType) else term

    def encode(self, expr: core.Expr, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        if isinstance(expr, core.Element) and isinstance(expr.type, OpaqueType):
            return Encoded(z3.BitVecVal(expr.type.named.index(expr.name), HELD), terms.true())
        encoded = Encoder.encode(self, expr, values, entry)
        if isinstance(expr, core.Index) and isinstance(expr.type, EnumType):
            members = self.enum(expr.type)[1]
            return Encoded(z3.If(z3.ULE(encoded.value, members[-1]), encoded.value, members[0]), encoded.defined)
        return encoded

    def near(self, symbols: Iterable[Symbol], sizes: Sequence[int]) -> Iterator[z3.BoolRef]:
        """That each of these words is a sum of a few times each size, up or down; nothing if there are no sizes."""
        for symbol in symbols if sizes else ():
            total = self.words.literal(0)
            for size in sizes:
                times = z3.BitVec(f"{symbol.scope}.{symbol}*{size}", TIMES if size > 1 else 1)
                total = total + integers.to_bits(times, self.words.bits) * self.words.literal(size)
            yield self.symbol(symbol) == total
