"""What becomes of a move by one of the forms of history, though it may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mremap_impl.history import RIGHT, Form, by_page
from mremap_impl.mm import BadPointer, Mm, Pte, Step

BY_EXTENTS = [form for form in RIGHT if form is not by_page]


class Endless(Exception):
    """A loop has come back to where it was, with all else as it was."""


def named(form: Callable[..., object]) -> str:
    return form.__name__


@dataclass(slots=True)
class Watch:
    """Raises Endless at the turn that begins as an earlier one did, and TimeoutError after so many turns."""

    mm: Mm
    turns: int = 10_000
    calls: int = 0
    seen: set[object] = field(default_factory=set)

    def __call__(self) -> None:
        words = self.mm.geometry.words
        if self.calls == self.turns:
            raise TimeoutError
        self.calls += 1
        if not self.mm.steps:
            return
        last = self.mm.steps[-1]
        place = words.add(last.old_addr, last.extent), words.add(last.new_addr, last.extent)
        state = place, frozenset(self.mm.pte.items()), frozenset(self.mm.table)
        if state in self.seen:
            raise Endless(f"at {place[0]:#x} again")
        self.seen.add(state)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a move: what it returned, or what it raised; and what it left behind."""

    end: int | type[Exception]
    pte: dict[int, Pte]
    table: set[int]
    steps: list[Step] = field(compare=False)


def outcome(form: Form, mm: Mm, old_addr: int, new_addr: int, len: int, turns: int = 10_000) -> Outcome:
    mm.cond_resched = Watch(mm, turns)
    end: int | type[Exception]
    try:
        end = form(mm, old_addr, new_addr, len)
    except (BadPointer, Endless, TimeoutError) as raised:
        end = type(raised)
    return Outcome(end, mm.pte, mm.table, mm.steps)
