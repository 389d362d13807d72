"""Terms without arrays whose entries are known: what is read from one is a choice between its entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

Memo = dict[tuple[int, ...], tuple[Any, tuple[Any, ...]]]
"""What was made, by the ids of what it was made of; these are kept, so that no other term gets their ids."""


def read_out(terms: Sequence[Any]) -> tuple[Any, ...]:
    """The same, term by term: with the same values. Where two such arrays are equal, that is said of every place."""
    reads = _Reads({})
    return tuple(reads.of(term) for term in terms)


class _Reads:
    def __init__(self, memo: Memo) -> None:
        self.memo = memo

    def of(self, term: Any) -> Any:
        key = (term.get_id(),)
        if key not in self.memo:
            self.memo[key] = self.made(term), (term,)
        return self.memo[key][0]

    def made(self, term: Any) -> Any:
        if z3.is_quantifier(term):
            bound = [z3.FreshConst(term.var_sort(n), term.var_name(n)) for n in range(term.num_vars())]
            body = self.of(z3.substitute_vars(term.body(), *reversed(bound)))
            return z3.ForAll(bound, body) if term.is_forall() else z3.Exists(bound, body)
        parts = [self.of(child) for child in term.children()]
        if z3.is_select(term):
            return self.read(*parts)
        if z3.is_eq(term) and z3.is_array(parts[0]):
            return self.equal(*parts)
        return term.decl()(*parts) if parts else term

    def read(self, array: Any, place: Any) -> Any:
        """What an array holds at a place."""
        key = (array.get_id(), place.get_id())
        if key not in self.memo:
            self.memo[key] = self.held(array, place), (array, place)
        return self.memo[key][0]

    def held(self, array: Any, place: Any) -> Any:
        if z3.is_store(array):
            before, at, value = array.children()
            return z3.If(place == at, value, self.read(before, place))
        if z3.is_app_of(array, z3.Z3_OP_ITE):
            condition, then, otherwise = array.children()
            return z3.If(condition, self.read(then, place), self.read(otherwise, place))
        return array.arg(0) if z3.is_K(array) else z3.Select(array, place)

    def equal(self, one: Any, other: Any) -> Any:
        place = z3.FreshConst(one.sort().domain(), "place")
        a, b = self.read(one, place), self.read(other, place)
        return z3.ForAll([place], self.equal(a, b) if z3.is_array(a) else a == b)
