"""Where the conditions of a path hold, a moving number is what its form says: checked at every point."""

from __future__ import annotations

from itertools import product

import pytest
from core_nodes import (
    bound,
    number,
    op,
    var,
    word,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from random_expressions import FREE, INT_OPS, ORDER, WORD_OPS, Bodies, cases, context, outcome

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Evaluation, Undefined
from verify.form import Form, Variable
from verify.values import Value

A, B, J = bound("a", core.WORD), bound("b", core.WORD), bound("j", core.INT)


@st.composite
def moving(draw: st.DrawFn) -> tuple[core.Expr, Context, dict[Symbol, Value], int]:
    _, where, values = draw(cases((3, 4), 0))
    bodies = Bodies(draw, where.word_bits)
    type_ = bodies.kind(core.WORD, core.WORD, core.INT, core.BOOL)
    expr = bodies.expr(type_, (*FREE, A, B, J), draw(st.integers(1, 3)))
    values |= {A: draw(st.integers(0, 7)), B: draw(st.integers(0, 7)), J: draw(st.integers(-9, 9))}
    return expr, where, values, draw(st.sampled_from((1, -1)))


def holds_along_the_path(
    expr: core.Expr, where: Context, values: dict[Symbol, Value], moved: tuple[Symbol, ...], direction: int = 1
) -> int:
    """Evaluates with the variables of `moved` swept; at how many of the points that meet the path the form was right.

    Fails if it is wrong at one. 0 also if the expression is undefined where the variables stand.
    """
    variables = {s: Variable() for s in moved}
    run = Evaluation(where, {}, 20_000)
    run.variable, run.swept = variables[moved[-1]], len(moved)
    run.variable.direction = direction
    scope = {**values, **{s: Form(number_at(values, s), ((v, 1),)) for s, v in variables.items()}}
    try:
        found = run.value(expr, scope, scope)
    except Undefined:
        return 0
    every_word, some_ints = range(1 << where.word_bits), range(-9, 10)
    count = 0
    for point in product(*(every_word if s.type == core.WORD else some_ints for s in moved)):
        at_point = dict(zip(moved, point, strict=True))
        by = {v: at_point[s] - number_at(values, s) for s, v in variables.items()}
        if all(slack + sum(slope * by[v] for v, slope in terms) >= 0 for slack, terms in run.path):
            there = outcome(Evaluation(where, {}, 20_000), expr, {**values, **at_point})
            assert there == (after(found, by) if isinstance(found, Form) else found), at_point
            count += 1
    return count


@settings(max_examples=120, deadline=None)
@given(moving())
def test_wherever_the_path_holds_the_value_is_what_the_form_says(
    case: tuple[core.Expr, Context, dict[Symbol, Value], int],
) -> None:
    expr, where, values, direction = case
    holds_along_the_path(expr, where, values, (A, B, J), direction)


@pytest.mark.parametrize("sign", [*WORD_OPS, *ORDER])
@pytest.mark.parametrize("swapped", [False, True], ids=["variable first", "constant first"])
def test_each_operation_on_words_moves_as_its_form_says(sign: str, swapped: bool) -> None:
    where, reached = context(4), 0
    for constant, stands in product(range(16), range(0, 16, 3)):
        sides = (word(constant), var(A)) if swapped else (var(A), word(constant))
        reached += holds_along_the_path(op(sides[0], sign, sides[1]), where, {A: stands}, (A,))
    assert reached > 16


@pytest.mark.parametrize("sign", [*INT_OPS, *ORDER])
@pytest.mark.parametrize("swapped", [False, True], ids=["variable first", "constant first"])
def test_each_operation_on_ints_moves_as_its_form_says(sign: str, swapped: bool) -> None:
    where, reached = context(4), 0
    for constant, stands in product(range(-4, 5), range(-8, 9, 3)):
        sides = (number(constant), var(J)) if swapped else (var(J), number(constant))
        reached += holds_along_the_path(op(sides[0], sign, sides[1]), where, {J: stands}, (J,))
    assert reached > 16


@pytest.mark.parametrize("first", ["&", "|", "^", "/", "%", "<<", ">>"])
@pytest.mark.parametrize("second", ["+", "*", "&", "/", "%", "<<", ">>", "=="])
def test_two_operations_move_as_their_form_says(first: str, second: str) -> None:
    where, reached = context(4), 0
    for one, other, stands in product((1, 2, 3, 6, 12), (1, 2, 3, 4, 8), (0, 5, 11, 15)):
        expr = op(op(var(A), first, word(one)), second, word(other))
        reached += holds_along_the_path(expr, where, {A: stands}, (A,))
    assert reached > 16


def number_at(values: dict[Symbol, Value], symbol: Symbol) -> int:
    value = values[symbol]
    assert isinstance(value, int)
    return value


def after(form: Form, by: dict[Variable, int]) -> int:
    """The value of a form after its variables have moved by so much."""
    moved = form.value
    for atom, slope in form.terms:
        moved += slope * (by[atom] if isinstance(atom, Variable) else after(atom.base, by) // atom.divisor)
    return moved
