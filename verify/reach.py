"""Deciding quantifiers exactly, by going through the stretches of values that cannot differ.

A variable of type word or int is swept over: the body is evaluated where it stands, the path of that evaluation
(see `form`) says how far the outcome holds, and the sweep goes on just past it. The ends of a stretch may depend on the
variables further out (`a < b`), so an end is a number over those, and what must hold of them for the sweep to go the
same way is added to their path. What is exact: for all outer values that meet the path handed back, the stretches
cover the whole type and the body is defined, with the same value, all along each.

A variable of an opaque sort goes through the members that are mentioned by what the body can see, and one that is
not: the body cannot tell two of those apart, since only equality is defined on a sort. Other types are gone through
value by value, if they are small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias, assert_never

from verify import core
from verify.context import Undecided
from verify.form import Form, Number, Path, Variable, require, standing, total
from verify.span import Span
from verify.values import Member, Value, domain, domain_size

SMALL = 256
"""The largest map or set type that is gone through value by value."""


class Budget:
    """How many more stretches may be looked at."""

    __slots__ = ("left", "pieces")

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.left = pieces

    def take(self, span: Span) -> None:
        """One stretch less; raises Undecided if there is none left."""
        if self.left <= 0:
            raise Undecided(span, f"it falls into more than {self.pieces} stretches of values that may differ")
        self.left -= 1


Body: TypeAlias = Callable[["Value | Form", "Variable | None"], tuple[bool, Path]]
"""The body with the bound variable at a value (a `Form` of the given variable, if swept): its truth and the path."""


class Range(NamedTuple):
    """What to decide: does `body` have the truth `sought` for some value of the type.

    `sought` is False for a universal, True for an existential. `safe` says that the body is defined for all values:
    then the first value found decides, else the rest is looked at too, since it may be undefined.
    """

    span: Span
    type: core.Type
    word_bits: int
    sought: bool
    safe: bool
    body: Body
    hints: tuple[Value, ...]
    mentioned: Callable[[], frozenset[Member]]


def find(range_: Range, path: Path, budget: Budget) -> Value | None:
    """A value at which the body has the truth that is sought; None iff there is none.

    Adds to the path what must hold of the variables further out for the answer, found or not, to stay the same (the
    value found need not stay). Raises Undecided, and whatever the body raises.
    """
    match range_.type:
        case core.WordType():
            top = (1 << range_.word_bits) - 1
            return _sweep(range_, (_Run(1, 0, 0, top),), path, budget)
        case core.IntType():
            return _sweep(range_, (_Run(1, 0, 0, None), _Run(-1, -1, None, -1)), path, budget)
        case core.OpaqueType():
            return _each(range_, _representatives(range_.type, range_.mentioned()), path, budget)
        case core.BoolType() | core.EnumType():
            return _each(range_, domain(range_.type, range_.word_bits), path, budget)
        case core.MapType() | core.SetType():
            size = domain_size(range_.type, range_.word_bits)
            if size is None or size > SMALL:
                raise Undecided(range_.span, f"it is about every {range_.type}, and there are more than {SMALL}")
            return _each(range_, domain(range_.type, range_.word_bits), path, budget)
        case _:
            assert_never(range_.type)


def room(path: Path, variable: Variable) -> float:
    """How many steps the variable can go on, in the direction of its sweep, before the path may fail; can be inf."""
    steps = float("inf")
    for slack, terms in path:
        for atom, slope in terms:
            if atom is variable and slope * variable.direction < 0:
                steps = min(steps, slack // abs(slope))
    return steps


def _representatives(type_: core.OpaqueType, mentioned: frozenset[Member]) -> list[Member]:
    indices = {m.index for m in mentioned if m.type == type_} | set(range(len(type_.named)))
    fresh = next(i for i in range(len(indices) + 1) if i not in indices)
    return [Member(type_, i) for i in (*sorted(indices), fresh)]


def _each(range_: Range, values: Iterable[Value], path: Path, budget: Budget) -> Value | None:
    found: Value | None = None
    kept: Path = []
    for value in dict.fromkeys((*range_.hints, *values)):
        budget.take(range_.span)
        truth, conditions = range_.body(value, None)
        if truth == range_.sought and range_.safe:
            path += conditions
            return value
        if truth == range_.sought and found is None:
            found = value
        kept += conditions
    path += kept
    return found


class _Run(NamedTuple):
    """From `start` in a direction, over the values from `low` to `high`; None is no end."""

    direction: int
    start: int
    low: int | None
    high: int | None

    def bounds(self, now: int, variable: Variable) -> Path:
        """That the variable, which is at `now`, is one of the values of the run."""
        below: Path = [] if self.low is None else [(now - self.low, ((variable, 1),))]
        return below if self.high is None else [*below, (self.high - now, ((variable, -1),))]


def _sweep(range_: Range, runs: tuple[_Run, ...], path: Path, budget: Budget) -> Value | None:
    variable = Variable()
    found: Value | None = None
    kept: Path = []
    for hint in range_.hints:
        assert isinstance(hint, int)
        budget.take(range_.span)
        truth, conditions = range_.body(Form(hint, ((variable, 1),)), variable)
        if truth == range_.sought:
            if range_.safe:
                _project(conditions, variable, hint, hint, path)
                return hint
            found = hint
            _project(conditions, variable, hint, hint, kept)
            break
    for run in runs:
        variable.direction = run.direction
        start: Number | None = run.start
        while start is not None:
            budget.take(range_.span)
            now = standing(start)
            truth, conditions = range_.body(Form(now, ((variable, 1),)), variable)
            conditions = run.bounds(now, variable) + conditions
            here: Path = []
            end = _end(conditions, variable, now)
            _project(conditions, variable, start, end, here)
            if truth == range_.sought and found is None:
                # For other outer values, too, there must be something in this stretch.
                if end is not None:
                    length = run.direction * (standing(end) - now)
                    require(total(length, *((end, start) if run.direction > 0 else (start, end)), -1), here)
                found = now
                if range_.safe:
                    path += here
                    return found
            kept += here
            finished = end is None or end == (run.high if run.direction > 0 else run.low)
            start = None if end is None or finished else total(standing(end) + run.direction, end, 0, 1)
    path += kept
    return found


def _end(conditions: Path, variable: Variable, now: int) -> Number | None:
    """Up to where the variable, which is at `now`, can go before one of the conditions fails; None is for ever.

    Of several that fail at once the first counts: the bounds of the type stand first, so that they end the sweep. The
    end moves with the variables further out if it can do so in whole steps.
    """
    steps: int | None = None
    nearest: tuple[int, tuple[tuple[Variable, int], ...]] = (0, ())
    for slack, terms in conditions:
        for atom, slope in terms:
            if atom is variable and slope * variable.direction < 0:
                here = slack // abs(slope)
                if steps is None or here < steps:
                    steps, nearest = here, (abs(slope), terms)
    if steps is None:
        return None
    slope, terms = nearest
    end = now + variable.direction * steps
    outer = tuple((atom, variable.direction * scale) for atom, scale in terms if atom is not variable)
    return Form(end, outer) if outer and slope == 1 else end


def _project(conditions: Path, variable: Variable, start: Number, end: Number | None, path: Path) -> None:
    """Adds to the path that the conditions hold for all values of the variable from `start` to `end`.

    Each is linear, so it is enough that it holds at the one of the two towards which it falls.
    """
    now = standing(start)
    for slack, terms in conditions:
        if len(terms) == 1 and terms[0][0] is variable and isinstance(start, int) and not isinstance(end, Form):
            continue
        slope = next((scale for atom, scale in terms if atom is variable), 0)
        outer: Number = slack
        if kept := tuple(term for term in terms if term[0] is not variable):
            outer = Form(slack, kept)
        if slope:
            at = start if slope * variable.direction > 0 else end
            assert at is not None, "what bounds a stretch gives it an end"
            outer = total(slack + slope * (standing(at) - now), outer, at, slope)
        require(outer, path)
