"""A claim as a script in SMT-LIB 2.6, for any solver that reads it.

z3 writes the terms; here it is seen to that no more than the standard has stands in them. An array that is the same
everywhere is not in the standard: a new array stands for each, and what it holds is asserted of all its places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import z3

from verify.basis import Claim


def script(claim: Claim, heading: Sequence[str]) -> str:
    """The text: `heading` as comments, what is expected, the declarations and assertions, and the question."""
    solver = z3.Solver()
    solver.add(*(term for term in without_constant_arrays(claim.terms) if not z3.is_true(term)))
    lines = [*heading, f"expected: {claim.answer.value}"]
    comments = "".join(f"; {line}\n" for text in lines for line in text.splitlines())
    expected = f"(set-info :smt-lib-version 2.6)\n(set-info :status {claim.answer.value})\n(set-logic ALL)\n"
    return f"{comments}{expected}{_body(solver.to_smt2())}"


def _body(text: str) -> str:
    """z3's text without its own comment and its own `set-info`."""
    kept = [line for line in text.splitlines() if not line.startswith((";", "(set-info"))]
    return "\n".join(kept) + "\n"


def without_constant_arrays(terms: Sequence[Any]) -> tuple[Any, ...]:
    """The same without arrays that are the same everywhere: satisfiable iff `terms` together are.

    Those that hold a bound variable stay: no one array stands for them.
    """
    pairs: list[tuple[Any, Any]] = []
    said: list[Any] = []
    for number, array in enumerate(term for term in _from_inside(terms) if z3.is_K(term) and not _open(term)):
        name = z3.Const(f"everywhere!{number}", array.sort())
        place = z3.Const("place", array.sort().domain())
        said.append(z3.ForAll([place], z3.Select(name, place) == _replaced(array.arg(0), pairs)))
        pairs.append((_replaced(array, pairs), name))
    return (*said, *(_replaced(term, pairs) for term in terms))


def _replaced(term: Any, pairs: Iterable[tuple[Any, Any]]) -> Any:
    for array, name in pairs:
        term = z3.substitute(term, (array, name))
    return term


def _open(term: Any) -> bool:
    """True iff a variable in it is bound by a quantifier, be it one around it."""
    return any(z3.is_var(part) for part in _from_inside((term,)))


def _from_inside(terms: Sequence[Any]) -> Iterator[Any]:
    """Each term within `terms` once, those under quantifiers too, each after those within it."""
    stack, seen = [(term, False) for term in reversed(terms)], set[int]()
    while stack:
        term, entered = stack.pop()
        if entered:
            yield term
        elif term.get_id() not in seen:
            seen.add(term.get_id())
            stack.append((term, True))
            within = (term.body(),) if z3.is_quantifier(term) else term.children()
            stack += ((part, False) for part in within)
