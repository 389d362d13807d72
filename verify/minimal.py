"""Which of the clauses that suffice for a proof can be left out: assumptions first, then preconditions, then the rest.

So what stays of the first two is what the proof has to have, and not what the solver happened to come across.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Names = frozenset[str]

Attempt = Callable[[Names, bool], "Tried"]
"""A try to find the proof with some clauses alone; the second argument: to do without some that carry weight."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the proof with some clauses alone. `enough`: those that it used of them; None: there was none.

    `settled`: nor is there one with fewer. Otherwise the solver ended for want of effort, and may do with fewer.
    """

    enough: Names | None
    settled: bool = True


def order(names: Sequence[str]) -> tuple[str, ...]:
    """In which clauses are left out if they can be: assumptions, then preconditions, then what else there is."""
    return tuple(sorted(dict.fromkeys(names), key=_weight))


def carries_weight(name: str) -> bool:
    """True iff it is the name of an assumption or of a precondition: what a claim leans on, and nothing proves."""
    return _weight(name) < 2


def _weight(name: str) -> int:
    part = name.split(".")[-2] if "." in name else ""
    return {"assume": 0, "requires": 1}.get(part, 2)


def minimal(names: Sequence[str], attempt: Attempt, one_by_one: bool = True) -> tuple[str, ...]:
    """What is left of `names`, which suffice, when each has been left out that can be, as far as `attempt` tells.

    With any one of them left out there is no proof with the others. What bears no weight is tried once alone, and with
    fewer of the others could yet be left out if that try was not settled. Some smaller set of other clauses there may
    be. Not `one_by_one`: halves are tried before what is in them, for where most can be left out.
    """
    ordered = order(names)
    weighty = sum(carries_weight(n) for n in ordered)
    queue = deque([(n,) for n in ordered] if one_by_one else [ordered[:weighty], ordered[weighty:]])
    kept = frozenset(names)
    unsettled: list[tuple[str, ...]] = []
    while queue:
        group = tuple(n for n in queue.popleft() if n in kept)
        if not group:
            continue
        tried = attempt(kept.difference(group), carries_weight(group[0]))
        half = len(group) // 2
        if tried.enough is not None:
            kept = tried.enough
            queue.extend(unsettled)
            unsettled.clear()
        elif half:
            queue.extendleft((group[half:], group[:half]))
        elif not tried.settled and carries_weight(group[0]):
            unsettled.append(group)
    return tuple(n for n in dict.fromkeys(names) if n in kept)
