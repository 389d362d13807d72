"""Where a question, in the solver's terms, looks into maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import z3

from verify.put import Assertions
from verify.terms import made_from


@dataclass(slots=True)
class Looks:
    """The terms at which maps are looked into or changed, those under a quantifier left out. It grows with a question.

    `every` has all of them. `by_map` has, for each free map by its term's id, those at which it is looked into, changes
    to it seen through; None if it is looked at as a whole.
    """

    by_map: dict[int, list[Any] | None] = field(default_factory=dict)
    at: dict[int, Any] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    bases: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Assertions) -> Looks:
        looks = cls()
        looks.add(asked)
        return looks

    @property
    def every(self) -> Iterable[Any]:
        return self.at.values()

    def add(self, asked: Assertions) -> None:
        """Take in what a question has that has not been seen."""
        for term in self.unseen((*asked.plain, *(term for _, term in asked.named), *asked.goal)):
            if z3.is_select(term):
                self.at.setdefault(term.arg(1).get_id(), term.arg(1))
                for map_ in self.free(term.arg(0)):
                    found = self.by_map.setdefault(map_.get_id(), [])
                    if found is not None:
                        found.append(term.arg(1))
            elif z3.is_store(term):
                self.at.setdefault(term.arg(1).get_id(), term.arg(1))
            elif z3.is_eq(term) and z3.is_array(term.arg(0)):
                self.by_map.update((map_.get_id(), None) for side in term.children() for map_ in self.free(side))

    def free(self, array: Any) -> Iterator[Any]:
        """The free maps from which changes and choices make an array."""
        return (term for term in self.origins(array) if z3.is_const(term))

    def origins(self, array: Any) -> tuple[Any, ...]:
        """The same as `terms.origins`, each array seen through once."""
        stack = [array]
        while stack:
            term = stack[-1]
            if term.get_id() in self.bases:
                stack.pop()
                continue
            below = made_from(term)
            waiting = [b for b in below if b.get_id() not in self.bases]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            found = {base.get_id(): base for b in below for base in self.bases[b.get_id()]}
            self.bases[term.get_id()] = tuple(found.values()) or (term,)
        return self.bases[array.get_id()]

    def unseen(self, roots: Iterable[Any]) -> Iterator[Any]:
        """Every term in the roots that has not been met before, those under a quantifier left out."""
        stack = list(roots)
        while stack:
            term = stack.pop()
            if term.get_id() in self.seen or z3.is_quantifier(term):
                continue
            self.seen.add(term.get_id())
            yield term
            stack.extend(term.children())
