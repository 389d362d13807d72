"""A stand-in for a word that is no int: what runs on it uses no more of words than it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class BareWord:
    """It has + - & and >, as a symbolic word has, and nothing else. Who needs more of it adds that, and no more."""

    value: int

    def __add__(self, other: BareWord | int) -> Self:
        return type(self)(self.value + plain(other))

    def __sub__(self, other: BareWord | int) -> Self:
        return type(self)(self.value - plain(other))

    def __and__(self, other: BareWord | int) -> Self:
        return type(self)(self.value & plain(other))

    def __gt__(self, other: BareWord | int) -> bool:
        return self.value > plain(other)


def plain(word: BareWord | int) -> int:
    return word if isinstance(word, int) else word.value
