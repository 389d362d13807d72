"""What a process is to do to its memory, and what it saw: as data, and as the text that runners read and write.

A runner does each scenario in a process of its own. Its lines, numbers in hexadecimal without a prefix:

    s NAME                  a scenario begins
    m ADDR LEN KIND         map memory of a kind, at this address and no other; no huge pages
    t ADDR                  touch: write into the first and the last word of a page where it stands
    f ADDR LEN              forget the pages of a range (MADV_DONTNEED): what is left of them is their table
    p                       say how much memory the page tables take
    r OLD LEN NEWLEN FLAGS NEW    mremap
    l ADDR LEN              look at a range
    h OFFSET                say what a page holds, so far from what mremap returned; nothing if it failed
    j                       go into a memory group of its own; nobody in it is killed for want of memory (guests alone)
    q PAGES                 from now on there are so many pages more to be had
    w                       there is no limit any more
    e                       the scenario ends

What it says:

    s NAME                  a scenario begins
    o ADDR                  at this address something else stands, or the system lets nobody map it: the scenario ends
    p KIB                   the page tables take so many KiB
    r ADDR                  what mremap returned
    x ERRNO                 it failed, with this number
    c ADDR MARK             a page is present, and was written at MARK
    d ADDR                  a page is present, and what it holds was never written
    u ADDR LEN              nothing is mapped here
    h OFFSET MARK           the page so far from what mremap returned was written at MARK
    g OFFSET                it was never written
    e                       the scenario has ended as it should
    k SIGNAL                it was ended by a signal
    b TEXT                  it could not be done; why
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4
"""Flags of mremap(2), as <linux/mman.h> numbers them."""


class Kind(Enum):
    """What memory is mapped: anonymous, or of a file; private, or shared."""

    PRIVATE = 0
    SHARED = 1
    PRIVATE_FILE = 2
    SHARED_FILE = 3


@dataclass(frozen=True, slots=True)
class Map:
    """Memory is to be mapped at an address: `length` bytes."""

    addr: int
    length: int
    kind: Kind = Kind.PRIVATE

    def line(self) -> str:
        return f"m {self.addr:x} {self.length:x} {self.kind.value:x}"


@dataclass(frozen=True, slots=True)
class Touch:
    """A page is to be written to: from then on it is present, and says where it was written."""

    addr: int

    def line(self) -> str:
        return f"t {self.addr:x}"


@dataclass(frozen=True, slots=True)
class Forget:
    """The pages of a range are to be given up; the tables that they stood in stay."""

    addr: int
    length: int

    def line(self) -> str:
        return f"f {self.addr:x} {self.length:x}"


@dataclass(frozen=True, slots=True)
class Tables:
    """How much memory the page tables take is to be said."""

    def line(self) -> str:
        return "p"


@dataclass(frozen=True, slots=True)
class Remap:
    """mremap(2) is to be called."""

    old_addr: int
    old_len: int
    new_len: int
    flags: int
    new_addr: int

    def line(self) -> str:
        return f"r {self.old_addr:x} {self.old_len:x} {self.new_len:x} {self.flags:x} {self.new_addr:x}"


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in a range is to be said, page by page: `length` bytes."""

    addr: int
    length: int

    def line(self) -> str:
        return f"l {self.addr:x} {self.length:x}"


@dataclass(frozen=True, slots=True)
class Held:
    """What a page holds is to be said: of the one `offset` bytes from what mremap returned, if it did not fail."""

    offset: int

    def line(self) -> str:
        return f"h {self.offset:x}"


@dataclass(frozen=True, slots=True)
class Confine:
    """The process goes into a memory group of its own, to which its page tables are charged. In a guest alone."""

    def line(self) -> str:
        return "j"


@dataclass(frozen=True, slots=True)
class Room:
    """From now on there are so many pages more to be had in the group; any number, where it is None."""

    pages: int | None

    def line(self) -> str:
        return "w" if self.pages is None else f"q {self.pages:x}"


Step = Map | Touch | Forget | Tables | Remap | Look | Held | Confine | Room


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps, in their order."""

    name: str
    steps: tuple[Step, ...]

    def text(self) -> str:
        """What a runner reads."""
        return "\n".join([f"s {self.name}", *(s.line() for s in self.steps), "e", ""])


@dataclass(frozen=True, slots=True)
class Report:
    """What a runner saw.

    `returned` is what mremap returned, `error` its errno where it failed; both are None where it was not reached.
    `pages`: by the address of each page that was looked at and is present, where it was written; None if it never was.
    `unmapped`: the ranges, of those looked at, where nothing is mapped: address and length in bytes.
    `held`: where the pages were written that are so far from what mremap returned; None if they never were.
    `tables`: the KiB that the page tables took, each time that it was asked.
    `ended`: empty where it got to its end; else in words why not. `occupied`: an address that was not to be had.
    """

    name: str
    returned: int | None
    error: int | None
    pages: Mapping[int, int | None]
    unmapped: tuple[tuple[int, int], ...]
    held: Mapping[int, int | None]
    tables: tuple[int, ...]
    ended: str
    occupied: int | None

    def mapped(self, addr: int) -> bool:
        """Whether anything is mapped at an address, of those looked at."""
        return not any(start <= addr < start + length for start, length in self.unmapped)


class BadReport(Exception):
    """What a runner said is none of its lines."""


def reports(lines: Iterable[str]) -> list[Report]:
    """What a runner said, scenario by scenario. The last may be cut short: then it has not ended. Raises BadReport."""
    found: list[Report] = []
    part: list[Sequence[str]] | None = None
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "s":
            if part is not None:
                found.append(_report(part))
            part = [words]
        elif part is None:
            raise BadReport(f"before any scenario it said: {line}")
        else:
            part.append(words)
    return [*found, *([] if part is None else [_report(part)])]


def _report(said: Sequence[Sequence[str]]) -> Report:
    returned = error = occupied = None
    pages: dict[int, int | None] = {}
    held: dict[int, int | None] = {}
    unmapped: list[tuple[int, int]] = []
    tables: list[int] = []
    ended = "it was cut short"
    try:
        for words in said[1:]:
            match words:
                case ["o", addr]:
                    occupied, ended = int(addr, 16), "an address was not to be had"
                case ["p", kib]:
                    tables.append(int(kib, 16))
                case ["r", addr]:
                    returned = int(addr, 16)
                case ["x", number]:
                    error = int(number, 16)
                case ["c", addr, mark]:
                    pages[int(addr, 16)] = int(mark, 16)
                case ["d", addr]:
                    pages[int(addr, 16)] = None
                case ["h", offset, mark]:
                    held[int(offset, 16)] = int(mark, 16)
                case ["g", offset]:
                    held[int(offset, 16)] = None
                case ["u", addr, length]:
                    unmapped.append((int(addr, 16), int(length, 16)))
                case ["e"]:
                    ended = ""
                case ["k", signal]:
                    ended = f"signal {int(signal, 16)} ended it"
                case ["b", *why]:
                    ended = " ".join(why)
                case _:
                    raise BadReport(f"it said: {' '.join(words)}")
    except ValueError as error_:
        raise BadReport(f"it said: {' '.join(words)}") from error_
    (_, *name) = said[0]
    return Report(" ".join(name), returned, error, pages, tuple(unmapped), held, tuple(tables), ended, occupied)
