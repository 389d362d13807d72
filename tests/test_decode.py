"""From models to values, each shape that a model may have: whatever the solver takes into it today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import z3
from core_nodes import program, state
from z3 import z3core

from verify.core import INT, WORD, EnumType, MapType, Symbol
from verify.decode import Decoded, decode
from verify.encode import Encoder
from verify.looks import Looks
from verify.put import Assertions
from verify.values import MapValue, Member, Value
from verify.words import BitVectors

COLOUR = EnumType("m", "colour", ("red", "green", "blue"))
WORDS = MapType(WORD, WORD)


class Model:
    """A model in which some terms are what is said, and all else is as in one that the solver has made."""

    def __init__(self, made: Any, said: Mapping[Any, Any]) -> None:
        self.made, self.said = made, {term.get_id(): value for term, value in said.items()}

    def eval(self, term: Any, model_completion: bool) -> Any:
        return self.said.get(term.get_id(), self.made.eval(term, model_completion=model_completion))

    def __getitem__(self, function: Any) -> Any:
        return self.made[function]

    def decls(self) -> Any:
        return self.made.decls()


def word(value: int) -> Any:
    return z3.BitVecVal(value, 8)


def encoder(narrow: Mapping[Symbol, int] | None = None) -> Encoder:
    return Encoder.of(program(), BitVectors(8), {}, None, narrow or {})


def decoded(made: Encoder, symbol: Symbol, model: Any, plain: Looks | None = None, *claims: Any) -> Value:
    asked = Assertions(made, {}, claims, (), ())
    found: Decoded = decode(asked, model, (symbol,), (), plain)
    return found.values[symbol]


def model_of(*claims: Any) -> Any:
    solver = z3.Solver()
    solver.add(*claims)
    assert solver.check() == z3.sat
    return solver.model()


def entries(value: Value) -> dict[Value, Value]:
    assert isinstance(value, MapValue)
    return dict(value.items())


@pytest.mark.parametrize("number", [-5, 0, 100])
def test_an_integer_held_in_few_bits_has_its_sign(number: int) -> None:
    i = state("i", INT)
    made = encoder({i: 16})
    assert decoded(made, i, model_of(made.symbol(i) == number)) == number


@pytest.mark.parametrize(("index", "member"), [(0, 0), (2, 2), (3, 0)])
def test_a_member_may_be_held_in_bits_and_what_is_none_is_the_first(index: int, member: int) -> None:
    colour = state("c", COLOUR)
    made = encoder()
    model = Model(model_of(), {made.symbol(colour): z3.BitVecVal(index, 2)})
    assert decoded(made, colour, model) == Member(COLOUR, member)


def test_of_two_changes_at_one_key_the_outer_one_counts() -> None:
    m = state("m", WORDS)
    made = encoder()
    array = z3.Store(z3.Store(z3.K(z3.BitVecSort(8), word(1)), word(3), word(5)), word(3), word(7))
    value = decoded(made, m, Model(model_of(), {made.symbol(m): array}))
    assert entries(value) == {3: 7}
    assert isinstance(value, MapValue)
    assert value.default == 1


def test_a_map_may_be_a_function_with_entries_and_a_value_elsewhere() -> None:
    m = state("m", WORDS)
    made = encoder()
    f = z3.Function("f", z3.BitVecSort(8), z3.BitVecSort(8))
    x = z3.BitVec("x", 8)
    model = model_of(f(3) == 5, f(4) == 6, z3.ForAll([x], z3.Or(x == 3, x == 4, f(x) == 9)))
    array = z3.ArrayRef(z3core.Z3_mk_as_array(f.ctx.ref(), f.ast), f.ctx)
    value = decoded(made, m, Model(model, {made.symbol(m): array}))
    assert entries(value) == {3: 5, 4: 6}
    assert isinstance(value, MapValue)
    assert value.default == 9


def test_where_only_what_is_looked_at_counts_it_has_the_value_that_it_has_there() -> None:
    m = state("m", WORDS)
    made = encoder()
    claim = z3.Select(made.symbol(m), word(3)) == 7
    asked = Assertions(made, {}, (claim,), (), ())
    value = decoded(made, m, model_of(claim), Looks.of(asked), claim)
    assert entries(value) == {3: 7}
