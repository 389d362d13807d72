"""Numbers at which something may happen: computed from a geometry's constants and from what is drawn already.

No names: a constant that is a power of two is taken for the size of something, and any other for a place. The groups
and the candidates in them stand from the plainest to the oddest, which is the direction of shrinking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias, assert_never

from verify import core
from verify.core import SymbolKind
from verify.evaluate import Context
from verify.values import Member, Value, domain, some_value

Groups: TypeAlias = tuple[tuple[Value, ...], ...]

MULTIPLES = (1, 2, 3)
"""How many times a size is stepped from where something is."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What a geometry fixes. `sizes`: powers of two above 1, in order; `places`: other words; `ints`: integers."""

    word_bits: int
    sizes: tuple[int, ...]
    places: tuple[int, ...]
    ints: tuple[int, ...]

    @property
    def top(self) -> int:
        """One past the last word."""
        return 1 << self.word_bits


def landmarks(context: Context) -> Landmarks:
    """The landmarks among the constants of a context."""
    words, ints = set(), set()
    for symbol, value in context.constants.items():
        if isinstance(value, int) and symbol.kind in (SymbolKind.PARAM, SymbolKind.CONST):
            if isinstance(symbol.type, core.WordType):
                words.add(value)
            elif isinstance(symbol.type, core.IntType):
                ints.add(value)
    sizes = {w for w in words if w > 1 and w & (w - 1) == 0}
    return Landmarks(context.word_bits, tuple(sorted(sizes)), tuple(sorted(words - sizes)), tuple(sorted(ints)))


def unit_of(marks: Landmarks, accepted: Callable[[int], bool]) -> int:
    """The smallest size of which multiples are accepted, 1 if they need not be multiples of anything."""
    for size in (1, *marks.sizes):
        if any(accepted(size * times % marks.top) for times in MULTIPLES):
            return size
    return 1


def groups_of(type_: core.Type, marks: Landmarks, unit: int, words: Sequence[int], ints: Sequence[int]) -> Groups:
    """Candidates for a value that is no map. `words` and `ints` are those drawn before."""
    match type_:
        case core.WordType():
            return _apart(
                (
                    _small(marks, unit),
                    _near(marks, unit, words),
                    _distinct(_gaps(marks, words), unit, marks.top),
                    _to_edges(marks, unit, words),
                    _middle(marks, unit),
                    _high(marks, unit),
                )
            )
        case core.IntType():
            near = [d + by for d in ints for by in (0, 1, 2, 7, -1)]
            edge = [d + by for d in marks.ints for by in (0, 1, -1, -2, -7, 7)]
            return _apart(((0, 1, 2, 3, 7, -1), dict.fromkeys(near), dict.fromkeys(edge)))
        case core.OpaqueType(named=named):
            return (tuple(Member(type_, index) for index in range(len(named) + 2)),)
        case core.BoolType() | core.EnumType():
            return (tuple(domain(type_, marks.word_bits)),)
        case core.MapType() | core.SetType():
            return ((some_value(type_, marks.word_bits),),)
        case _:
            assert_never(type_)


def places_of(marks: Landmarks, words: Sequence[int]) -> Sequence[int]:
    """Where something may be, given words that may be addresses or lengths: the places themselves, the ends of the
    ranges that they make, the edges of what is as large as a size, and the neighbours of all these.
    """
    step = marks.sizes[0] if marks.sizes else 1
    ends = [*words, *(a + b for a, b in permutations(words, 2))]
    exact = [*ends]
    for size in marks.sizes:
        exact += [end & -size for end in ends]
    for size in marks.sizes[1:]:
        exact += [(end & -size) + size for end in ends]
        exact += [word + size * times for word in words for times in MULTIPLES]
    return tuple(dict.fromkeys([*_around(exact, step, 1, marks.top), *_around(_ends(marks, step), step, 1, marks.top)]))


def _apart(groups: Iterable[Collection[int]]) -> Groups:
    """The groups, each without doubles, without what stands before, so that no candidate has more than its share."""
    seen: set[int] = set()
    result: list[tuple[Value, ...]] = []
    for group in groups:
        kept = tuple([number for number in group if number not in seen])
        seen.update(kept)
        result.append(kept)
    return tuple(result)


def _small(marks: Landmarks, unit: int) -> Sequence[int]:
    sizes = [size for size in marks.sizes if size > unit]
    few = _distinct([unit, 0, *(unit * times for times in (2, 3, 4))], unit, marks.top)
    found = _around([size * times for size in sizes for times in MULTIPLES], unit, unit, marks.top)
    return tuple(dict.fromkeys([*few, *found]))


def _near(marks: Landmarks, unit: int, words: Sequence[int]) -> Sequence[int]:
    exact = [a + b for a, b in permutations(words, 2)]
    exact += words
    for size in (unit, *(size for size in marks.sizes if size > unit)):
        exact += [word + size * times for word in words for times in (*MULTIPLES, -1)]
        exact += [(word & -size) + by for word in words for by in (0, size)]
    return _around(exact, unit, unit, marks.top)


def _gaps(marks: Landmarks, words: Sequence[int]) -> list[int]:
    return [*(marks.top - word for word in words), *(a - b for a, b in permutations(words, 2))]


def _to_edges(marks: Landmarks, unit: int, words: Sequence[int]) -> Sequence[int]:
    exact = [(w & -size) + size * times - w for size in marks.sizes for w in words for times in MULTIPLES]
    exact += [place - w for place in marks.places for w in words]
    return _around([*exact, *_gaps(marks, words)], unit, unit, marks.top)


def _middle(marks: Landmarks, unit: int) -> Sequence[int]:
    half = marks.top // 2
    exact = [
        half,
        *marks.places,
        *(place // 2 for place in marks.places),
        *(half - size for size in marks.sizes),
        *(half + size for size in marks.sizes),
    ]
    return _around(exact, unit, unit, marks.top)


def _high(marks: Landmarks, unit: int) -> Sequence[int]:
    return _around(_ends(marks, unit), unit, unit, marks.top)


def _ends(marks: Landmarks, unit: int) -> list[int]:
    return [marks.top - size * times for size in marks.sizes if size >= unit for times in MULTIPLES]


def _around(exact: Iterable[int], step: int, unit: int, top: int) -> Sequence[int]:
    """The words, and then their neighbours a step away: each once, cut down to a multiple of the unit, of which the
    step is one."""
    kept = _distinct(exact, unit, top)
    return _distinct([*kept, *[word + by for word in kept for by in (-step, step)]], unit, top)


def _distinct(words: Iterable[int], unit: int, top: int) -> Sequence[int]:
    """Each once, as a word, cut down to a multiple of the unit."""
    mask = top - 1 & -unit  # as a word, and a multiple of the unit, at once: both are powers of two
    return tuple(dict.fromkeys([word & mask for word in words]))
