"""Terms without arrays that the standard does not have, or whose entries are known: they say the same."""

from __future__ import annotations

import re

import z3

from verify.reads import read_out
from verify.smtlib import without_constant_arrays


def test_arrays_that_are_the_same_everywhere_are_said_in_other_words() -> None:
    word, place = z3.BitVecSort(8), z3.BitVec("place", 8)
    zeros = z3.K(word, z3.BitVecVal(0, 8))
    rows = z3.K(word, z3.Store(zeros, place, z3.BitVecVal(3, 8)))
    a = z3.Const("a", z3.ArraySort(word, word))
    for terms, answer in (
        ((a == zeros, a[place] == 0), z3.sat),
        ((a == zeros, a[place] == 1), z3.unsat),
        ((z3.Select(z3.Select(rows, place), place) == 3,), z3.sat),
        ((z3.Select(z3.Select(rows, place), place + 1) == 3,), z3.unsat),
        ((z3.ForAll([place], z3.Store(zeros, place, 0)[place] == 0), a == zeros), z3.sat),
    ):
        for said in (terms, without_constant_arrays(terms)):
            solver = z3.Solver()
            solver.add(*said)
            assert solver.check() == answer
        assert "as const" not in " ".join(t.sexpr() for t in without_constant_arrays(terms))


def test_what_is_read_from_known_arrays_has_the_same_value_without_them() -> None:
    word = z3.BitVecSort(4)
    x, y, c = z3.BitVec("x", 4), z3.BitVec("y", 4), z3.Bool("c")
    free = z3.Const("free", z3.ArraySort(word, word))
    ones = z3.K(word, z3.BitVecVal(1, 4))
    one = z3.Store(z3.Store(ones, x, 2), y, 3)
    other = z3.If(c, one, z3.Store(ones, y, x))
    rows = z3.Store(z3.K(word, ones), x, one)
    terms = [
        one[x] == 2,
        other[y] == x,
        one == other,
        rows[y][x] == 3,
        rows == z3.Store(z3.K(word, ones), y, other),
        z3.Store(free, x, 2)[y] == free[y],
        z3.ForAll([x], one[x] != y),
        z3.ForAll([x, c], other[x] != y),
        z3.Exists([x], z3.And(z3.ForAll([y], other[y] != 5), one[x] == x)),
    ]
    for term, without in zip(terms, read_out(terms), strict=True):
        for wrong in (z3.And(term, z3.Not(without)), z3.And(without, z3.Not(term))):
            solver = z3.Solver()
            solver.add(wrong)
            assert solver.check() == z3.unsat, term
        assert not re.search(r"store|as const", without.sexpr())
        solver = z3.Solver()
        solver.add(z3.Not(term))
        assert solver.check() == z3.sat, "such a term tells nothing"


def test_an_array_that_holds_a_bound_variable_stays() -> None:
    place = z3.BitVec("place", 8)
    term = z3.ForAll([place], z3.K(z3.BitVecSort(8), place)[place] == place)
    assert without_constant_arrays((term,)) == (term,)
