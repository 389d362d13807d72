"""Proving: the same question over several representations of words, the likely one first.

Each attempt only ever gives up something: a representation that knows less, or clauses left out. So a `no` from any of
them is a proof; a `yes` is none, and is for `search` to follow up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verify import core
from verify.core import Symbol
from verify.put import assertions, narrowed_use, put
from verify.question import Question
from verify.words import AbstractIntegers, BitVectors, Integers, Words


@dataclass(frozen=True, slots=True)
class Attempt:
    """A representation, and the most seconds that it gets."""

    words: Words
    seconds: float


@dataclass(frozen=True, slots=True)
class Proof:
    """No values meet the question. `used`: clauses that suffice, not always the fewest."""

    used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoProof:
    """`sat`: the exact bits, with the defines hidden that the specification hides, have an answer to the question."""

    sat: bool
    reasons: tuple[str, ...]


def attempts(word_bits: int, quantified: bool, seconds: float) -> Iterator[Attempt]:
    """The order: above the bits where the solver has to deal with quantifiers, else on the bits."""
    if quantified:
        yield Attempt(AbstractIntegers(word_bits), min(4.0, seconds / 3))
        yield Attempt(BitVectors(word_bits), min(4.0, seconds / 4))
        yield Attempt(Integers(word_bits), min(4.0, seconds / 4))
    else:
        yield Attempt(BitVectors(word_bits), seconds * 0.6)
        yield Attempt(AbstractIntegers(word_bits), min(3.0, seconds / 6))
        yield Attempt(Integers(word_bits), seconds / 6)


def prove(
    program: core.Program, question: Question, narrow: Mapping[Symbol, int], seconds: float, quantified: bool
) -> Proof | NoProof:
    """Proof iff some attempt finds that no values meet the question."""
    reasons: list[str] = []
    for attempt in attempts(question.scope.word_bits, quantified, seconds):
        asked = assertions(program, question, attempt.words, question.obligation.revealed, narrow)
        started = time.monotonic()
        answer = put(asked, int(attempt.seconds * 1000))
        if answer.no:
            took = time.monotonic() - started
            # Worth a second call only where the first was quick.
            used = narrowed_use(asked, 200 + int(took * 2000)) if took < 0.1 else None
            return Proof(answer.used if used is None else used)
        if answer.yes and isinstance(attempt.words, BitVectors):
            return NoProof(True, tuple(reasons))
        reasons.append(answer.reason or "the solver has values that need not be real")
    return NoProof(False, tuple(reasons))
