"""Truths of the solver's formulas without free constants: what its simplifier leaves, its solver decides."""

from __future__ import annotations

from itertools import product
from typing import Any, TypeAlias

import z3

Term: TypeAlias = Any

SECONDS = 1.0
"""What the solver may spend on one formula."""


class Settler:
    """Remembers what it has decided."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Term, bool | None]] = {}  # with the formula, which so keeps its number

    def settled(self, term: Term) -> Term:
        """A closed term, quantifiers and equations of maps within replaced by their truth where it is found."""
        while (found := next((q for q in _questions(term) if self._truth(q) is not None), None)) is not None:
            term = z3.simplify(z3.substitute(term, (found, z3.BoolVal(self._truth(found)))))
        return term

    def _truth(self, closed: Term) -> bool | None:
        if closed.get_id() not in self._known:
            self._known[closed.get_id()] = (closed, _decided(_spread(closed)))
        return self._known[closed.get_id()][1]


def _decided(closed: Term) -> bool | None:
    for claim, truth in ((z3.Not(closed), True), (closed, False)):
        solver = z3.Solver()
        solver.set("timeout", int(SECONDS * 1000))
        solver.add(claim)
        result = solver.check()
        if result != z3.unknown:
            return truth if bool(result == z3.unsat) else not truth
    return None


def is_closed(term: Term) -> bool:
    """True iff nothing in the term is an unknown of the solver."""
    seen: set[int] = set()
    stack = [term]
    while stack:
        here = stack.pop()
        if here.get_id() in seen:
            continue
        seen.add(here.get_id())
        if z3.is_quantifier(here):
            stack.append(here.body())
        elif z3.is_app(here):
            if here.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                return False
            stack += here.children()
    return True


def _questions(term: Term) -> list[Term]:
    """The quantifiers and equations of arrays that are about nothing bound further out; inner ones first."""
    found: list[Term] = []
    reach: dict[int, int] = {}  # by how many binders a term must be enclosed

    def visit(here: Term) -> int:
        if (known := reach.get(here.get_id())) is not None:
            return known
        needs: int
        if z3.is_var(here):
            needs = int(z3.get_var_index(here)) + 1
        elif z3.is_quantifier(here):
            needs = max(0, visit(here.body()) - here.num_vars())
        else:
            needs = max((visit(child) for child in here.children()), default=0)
        reach[here.get_id()] = needs
        if needs == 0 and (_quantified(here) or (z3.is_eq(here) and z3.is_array(here.arg(0)))):
            found.append(here)
        return needs

    visit(term)
    return found


def _quantified(term: Term) -> bool:
    return z3.is_quantifier(term) and not term.is_lambda()


def _spread(term: Term) -> Term:
    """The same formula, quantifiers over the few arrays between finite sorts gone through one by one.

    The solver does not think of these values itself.
    """
    if not z3.is_quantifier(term):
        if not term.children():
            return term
        return term.decl()(*(_spread(c) for c in term.children())) if z3.is_app(term) else term
    if term.is_lambda():
        return term
    free = [z3.FreshConst(term.var_sort(n), term.var_name(n)) for n in range(term.num_vars())]
    body = _spread(z3.substitute_vars(term.body(), *reversed(free)))
    for variable in free:
        if (values := _arrays(variable.sort())) is not None:
            each = [z3.substitute(body, (variable, value)) for value in values]
            body = z3.And(each) if term.is_forall() else z3.Or(each)
    rest = [f for f in free if _arrays(f.sort()) is None]
    if not rest:
        return body
    return z3.ForAll(rest, body) if term.is_forall() else z3.Exists(rest, body)


def _arrays(sort: Any) -> list[Term] | None:
    """Every value of an array sort from bool or an enum to bool; None for another sort."""
    if not (isinstance(sort, z3.ArraySortRef) and sort.range() == z3.BoolSort()):
        return None
    domain = sort.domain()
    keys: list[Term]
    if domain == z3.BoolSort():
        keys = [z3.BoolVal(False), z3.BoolVal(True)]
    elif isinstance(domain, z3.DatatypeSortRef):
        keys = [domain.constructor(n)() for n in range(domain.num_constructors())]
    else:
        return None
    found = []
    for row in product((False, True), repeat=len(keys)):
        term = z3.K(domain, z3.BoolVal(False))
        for key, value in zip(keys, row, strict=True):
            term = z3.Store(term, key, z3.BoolVal(value)) if value else term
        found.append(term)
    return found
