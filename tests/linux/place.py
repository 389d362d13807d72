"""Where what an example is about can stand in a process: where it is, or shifted.

Addresses that a process cannot have are shifted by multiples of what one entry of the topmost table maps, so that every
mask on the way sees what it saw before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from linux.started import Machine
from mremap_impl.geometry import Geometry


class Reason(Enum):
    """Why an example is not put to a kernel. There are no others."""

    REFUSED = "a table is refused on the way, which no process can bring about"
    BAD = "an upper entry is bad, which no process can bring about"
    NOTHING = "there is nothing to move: the length is 0, or the old range passes the top of the word"
    OVERLAP = "the ranges overlap, which mremap refuses"
    TOO_WIDE = "what it takes does not fit user space, however it is shifted"
    TOO_LONG = "the area has more pages than are looked at"
    OCCUPIED = "the process has something of its own there"


@dataclass(frozen=True, slots=True)
class Place:
    """Where addresses are shifted to: by the number of the span that they lie in, that of another one."""

    span_shift: int
    spans: Mapping[int, int]

    @property
    def shifted(self) -> bool:
        return any(span != there for span, there in self.spans.items())

    def at(self, addr: int) -> int:
        """Where an address is shifted to."""
        return addr + (self.spans[addr >> self.span_shift] - (addr >> self.span_shift) << self.span_shift)


def placed(needed: Sequence[tuple[int, int]], geometry: Geometry, machine: Machine) -> Place | None:
    """Where ranges, address and length, can be: where they are, or shifted; None if nowhere.

    Spans that lie side by side stay so, the last one of the word and the first among them: a range that passes the top
    of the word does not where it is shifted to. Between two that do not lie side by side there is one left empty.
    """
    shift, count = geometry.pgdir_shift, 1 << geometry.word_bits - geometry.pgdir_shift
    touched = sorted({n % count for a, length in needed for n in range(a >> shift, (a + length - 1 >> shift) + 1)})
    if all(free(a, a + length, machine) and a + length <= geometry.task_size for a, length in needed):
        return Place(shift, {n: n for n in touched})
    left = free_spans(shift, geometry.task_size, machine)
    found: dict[int, int] = {}
    for run in _runs(touched, count):
        start = next((n for n in left if all(n + i in left for i in range(-1, len(run) + 1))), None)
        if start is None:
            return None
        found.update({span: start + i for i, span in enumerate(run)})
        left = {n: None for n in left if n > start + len(run)}
    return Place(shift, found)


LOWEST = 1 << 20
"""Below this a process may have nothing of its own: the system keeps it, against null pointers."""


def free(start: int, end: int, machine: Machine) -> bool:
    """Whether nothing stands in a range, nor just beside it: what lies there may grow."""
    margin = 1 << 20
    return start >= LOWEST and all(end + margin <= a or e + margin <= start for a, e in machine.occupied)


def free_spans(shift: int, task_size: int, machine: Machine) -> dict[int, None]:
    """The numbers of the spans of user space in which nothing stands, in order."""
    taken = {n for start, end in machine.occupied for n in range(start >> shift, (end - 1 >> shift) + 1)}
    return {n: None for n in range(1, task_size >> shift) if n not in taken}


def _runs(numbers: Sequence[int], count: int) -> list[list[int]]:
    """Numbers in order, below `count`, those that follow each other put together; after the last one comes 0."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    if len(runs) > 1 and runs[0][0] == 0 and runs[-1][-1] == count - 1:
        runs = [runs[-1] + runs[0], *runs[1:-1]]
    return runs


def areas(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges, address and length, put together where they touch: first address and end of each, in order."""
    found: list[tuple[int, int]] = []
    for start, length in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], start + length))
        else:
            found.append((start, start + length))
    return found
