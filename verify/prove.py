"""Proving: the same question over several representations of words, the likely one first.

Each attempt only ever gives up something: a representation that knows less, or clauses left out. So a `no` from any of
them is a proof; a `yes` is none, and is for `search` to follow up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from verify import core
from verify.put import Answer, assertions, narrowed_use, put
from verify.question import Question
from verify.words import AbstractIntegers, AnyIntegers, BitVectors, Integers, Words


@dataclass(frozen=True, slots=True)
class Attempt:
    """A representation, and the most seconds that it gets. `ground`: without what is assumed of all values."""

    words: Words
    seconds: float
    ground: bool = False


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
    """The order: short tries first, above the bits where the solver has to deal with quantifiers, else on the bits.

    What is proved at all is mostly proved at once by the right representation, and by the wrong one never.
    """
    bits, above = BitVectors(word_bits), AbstractIntegers(word_bits)
    if quantified:
        yield Attempt(above, 1.5, ground=True)
        yield Attempt(above, 1.5)
        yield Attempt(bits, min(3.0, seconds / 4), ground=True)
        yield Attempt(above, seconds / 4)
        yield Attempt(bits, min(3.0, seconds / 4))
        yield Attempt(Integers(word_bits), min(3.0, seconds / 4))
    else:
        yield Attempt(above, 0.5)
        yield Attempt(bits, seconds * 0.7)
        yield Attempt(Integers(word_bits), seconds / 4)


def prove_generally(program: core.Program, question: Question, least: int, quantified: bool) -> Proof | None:
    """A proof for every word size from `least` bits on, if the short attempts above the bits find one.

    The question is that of any one of these sizes: nothing of its scope but the size is fixed.
    """
    words = AnyIntegers(least)
    tries = [Attempt(words, 1.5, ground=True)]
    if quantified:
        tries.append(Attempt(words, 3.0))
    for attempt in tries:
        proof = _attempt(program, question, attempt)[1]
        if proof is not None:
            return proof
    return None


def prove(program: core.Program, question: Question, seconds: float, quantified: bool) -> Proof | NoProof:
    """Proof iff some attempt finds that no values meet the question."""
    reasons: list[str] = []
    for attempt in attempts(question.scope.word_bits, quantified, seconds):
        answer, proof = _attempt(program, question, attempt)
        if proof is not None:
            return proof
        if answer.yes and not attempt.ground and isinstance(attempt.words, BitVectors):
            return NoProof(True, tuple(reasons))
        reasons.append(answer.reason or "the solver has values that need not be real")
    return NoProof(False, tuple(reasons))


def _attempt(program: core.Program, question: Question, attempt: Attempt) -> tuple[Answer, Proof | None]:
    """What the solver answers to one attempt, and the proof if that is one."""
    instances = () if attempt.ground else None
    revealed, narrow = question.obligation.revealed, question.scope.narrow
    asked = assertions(program, question, attempt.words, revealed, narrow, instances)
    started = time.monotonic()
    answer = put(asked, int(attempt.seconds * 1000))
    if not answer.no:
        return answer, None
    took = time.monotonic() - started
    # Worth a second call only where the first was quick.
    used = narrowed_use(asked, 200 + int(took * 2000)) if took < 0.1 else None
    return answer, Proof(answer.used if used is None else used)
