"""The unsigned machine word. The only place where an address wraps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Arithmetic on words of `bits` bits. A word is an int, 0 <= word < 2**bits; so is every result here.

    `&` and the comparisons cannot leave the word, and are written as in C.
    """

    bits: int

    def wrap(self, number: int) -> int:
        """`number` modulo 2**bits."""
        return number & ((1 << self.bits) - 1)

    def add(self, left: int, right: int) -> int:
        return self.wrap(left + right)

    def sub(self, left: int, right: int) -> int:
        return self.wrap(left - right)

    def mul(self, left: int, right: int) -> int:
        return self.wrap(left * right)

    def invert(self, word: int) -> int:
        """C's `~word`."""
        return self.wrap(~word)
