"""Proving: the same question over several representations of words, the likely one first.

Each attempt only ever gives up something: a representation that knows less, or clauses left out. So a `no` from any of
them is a proof; a `yes` is none, and is for `search` to follow up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from verify import core
from verify.focus import focused
from verify.minimal import Names, Tried, minimal
from verify.put import Answer, Assertions, Tracking, alone, assertions, joined, more, put
from verify.question import Question
from verify.words import AbstractIntegers, AnyIntegers, BitVectors, Integers, Words

SHORT, MIDDLING, LONG = 100_000, 600_000, 5_000_000
"""Efforts in the solver's own units, some million a second: what ends by them ends so on any machine."""

TRIED = 3_000
"""The effort of a try to do without a clause; for an assumption or a precondition, beside what it took with it."""

BITS = 100_000_000
"""The most effort to find out what a proof on the bits used. There the units are smaller: some two seconds."""

PATIENCE = 2
"""How often the effort that a proof on the bits took is given to a try: without a clause that it used it may be harder,
and where there is none, values are soon found."""

LEAVING_OUT = 5.0
"""The seconds for all that where none are given: by far more than it takes."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A representation, and the most that it gets: seconds, and (if not 0) effort.

    `ground`: without what is assumed of all values. `seed`: of the solver's choices; where one misleads it for long,
    another may do at once.
    """

    words: Words
    seconds: float
    effort: int = 0
    ground: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """No values meet the question. `used`: clauses that suffice, and none of which this proof can do without.

    That is: of what the proof looked at (all of the question, or what is near its goal; all that is assumed, or its
    ground part), in the same representation, with any one clause of `used` left out and all others of it kept, the
    solver did not answer no. Without an assumption or a precondition it had the effort that it had taken with all of
    them (on the bits, `PATIENCE` times that) and `TRIED` more; without another clause, `TRIED` alone, and once. So it
    is not the smallest of all sets that suffice, and another proof may do with others. Assumptions were left out first
    where they could be, then preconditions, then what has a proof of its own. What the time for the obligation did not
    suffice to try is there too.

    `asked` is what the solver was asked, with all clauses.
    """

    used: tuple[str, ...]
    asked: Assertions


@dataclass(frozen=True, slots=True)
class NoProof:
    """`sat`: the exact bits, with the defines hidden that the specification hides, have an answer to the question."""

    sat: bool
    reasons: tuple[str, ...]


def attempts(word_bits: int, quantified: bool, seconds: float) -> Iterator[Attempt]:
    """The order: above the bits where the solver has to deal with quantifiers, else on the bits.

    What is proved at all is mostly proved at once by the right representation, and by the wrong one never.
    """
    bits, above = BitVectors(word_bits), AbstractIntegers(word_bits)
    if quantified:
        yield Attempt(above, seconds / 4, MIDDLING, ground=True)
        yield Attempt(bits, min(3.0, seconds / 4), ground=True)
        yield Attempt(above, seconds / 4)
        yield Attempt(bits, min(3.0, seconds / 4))
    else:
        yield Attempt(bits, seconds * 0.7)
    yield Attempt(Integers(word_bits), seconds / 4)


def at_once(encodings: Encodings, words: Words) -> Proof | None:
    """What little effort finds, first from what bears on the goal, without what is assumed of all values and then with
    it: most of what there is."""
    near = encodings.near()
    proof = None if near is encodings else _at_once(near, words)
    return proof or _at_once(encodings, words)


def _at_once(encodings: Encodings, words: Words) -> Proof | None:
    asked = encodings.ground(words)
    solver = Tracking(asked)
    used = solver.used(SHORT)
    if used is None and asked.weak:
        asked = encodings.whole(words)
        solver.add(encodings.rest(words))
        used = solver.used(3 * SHORT)
    return None if used is None else Proof(_minimal(solver, used), asked)


def _minimal(solver: Tracking, used: tuple[str, ...], seconds: float = LEAVING_OUT) -> tuple[str, ...]:
    """Of the clauses that the solver's last answer used, those that it cannot do without."""
    effort = (PATIENCE if solver.exact else 1) * solver.effort + TRIED
    deadline = time.monotonic() + seconds

    def attempt(names: Names, weighty: bool) -> Tried:
        left = int(1000 * (deadline - time.monotonic()))
        return solver.attempt(names, effort if weighty else TRIED, left) if left > 0 else Tried(None)

    return minimal(used, attempt)


def prove_generally(encodings: Encodings, least: int, seconds: float) -> Proof | None:
    """A proof for every word size from `least` bits on, if middling effort finds one, above the bits.

    The question is that of any one of these sizes: nothing of its scope but the size is fixed. `at_once` comes before.
    """
    deadline = time.monotonic() + seconds
    words = AnyIntegers(least)
    for encoded in dict.fromkeys((encodings.near(), encodings)):
        for seed in range(3):
            answer, proof = _attempt(encoded, Attempt(words, 5.0, MIDDLING, ground=True, seed=seed), deadline)
            if proof is not None:
                return proof
            if answer.yes:
                break
    return _attempt(encodings, Attempt(words, 10.0, LONG), deadline)[1]


def prove(encodings: Encodings, seconds: float, quantified: bool) -> Proof | NoProof:
    """Proof iff some attempt finds within so many seconds that no values meet the question. `at_once` comes before."""
    deadline = time.monotonic() + seconds
    reasons: list[str] = []
    for attempt in attempts(encodings.question.scope.word_bits, quantified, seconds):
        answer, proof = _attempt(encodings, attempt, deadline)
        if proof is not None:
            return proof
        if answer.yes and not attempt.ground and isinstance(attempt.words, BitVectors):
            return NoProof(True, tuple(reasons))
        reasons.append(answer.reason or "the solver has values that need not be real")
    return NoProof(False, tuple(reasons))


@dataclass(slots=True, eq=False)
class Encodings:
    """A question over several representations: each is made once, the ground part first, the rest where it is asked."""

    program: core.Program
    question: Question
    grounds: dict[type[Words], Assertions] = field(default_factory=dict)
    rests: dict[type[Words], Assertions] = field(default_factory=dict)
    focus: Encodings | None = None

    def near(self) -> Encodings:
        """Those of what bears on the goal; these themselves if all of it does."""
        if self.focus is None:
            question = focused(self.program, self.question)
            if question is self.question:
                return self
            self.focus = Encodings(self.program, question)
        return self.focus

    def ground(self, words: Words) -> Assertions:
        """Without what is assumed of all values."""
        kind = type(words)
        if kind not in self.grounds:
            revealed, narrow = self.question.obligation.revealed, self.question.scope.narrow
            self.grounds[kind] = assertions(self.program, self.question, words, revealed, narrow, ())
        return self.grounds[kind]

    def rest(self, words: Words) -> Assertions:
        """What is assumed of all values."""
        kind = type(words)
        if kind not in self.rests:
            self.rests[kind] = more(self.ground(words))
        return self.rests[kind]

    def asked(self, attempt: Attempt) -> Assertions:
        return self.ground(attempt.words) if attempt.ground else self.whole(attempt.words)

    def whole(self, words: Words) -> Assertions:
        """All of it."""
        ground = self.ground(words)
        return joined(ground, self.rest(words)) if ground.weak else ground


def _attempt(encodings: Encodings, attempt: Attempt, deadline: float) -> tuple[Answer, Proof | None]:
    """What the solver answers to one attempt, and the proof if that is one. Nothing is asked past the deadline."""
    asked = encodings.asked(attempt)
    seconds = min(attempt.seconds, deadline - time.monotonic())
    if seconds <= 0:
        return Answer(False, False, None, (), "timeout"), None
    answer = put(asked, int(seconds * 1000), effort=attempt.effort, seed=attempt.seed)
    if not answer.no:
        return answer, None
    return answer, Proof(_needed(asked, answer, max(1.0, deadline - time.monotonic())), asked)


def _needed(asked: Assertions, answer: Answer, seconds: float) -> tuple[str, ...]:
    """The clauses that a proof cannot do without, where the answer does not tell which it used."""
    deadline = time.monotonic() + seconds
    solver = Tracking(asked)
    used = solver.used(BITS if solver.exact else LONG, int(1000 * seconds))
    if used is not None:
        return _minimal(solver, used, deadline - time.monotonic())
    effort = answer.effort + TRIED

    def attempt(names: Names, weighty: bool) -> Tried:
        left = int(1000 * (deadline - time.monotonic()))
        return alone(asked, names, left, effort if weighty else TRIED) if left > 0 else Tried(None)

    return minimal(answer.used, attempt, one_by_one=False)
