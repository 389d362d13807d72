"""Quantifiers are decided exactly: as by going through every value, and by hand where nobody could."""

from __future__ import annotations

from functools import reduce

import pytest
from core_nodes import (
    PTE,
    apply,
    argument,
    both,
    bound,
    define,
    element,
    exists,
    forall,
    index,
    let,
    number,
    old,
    op,
    param,
    state,
    to_int,
    to_word,
    truth,
    unary,
    update,
    var,
    word,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from random_expressions import BRUTE, ORDER, SET, S, X, cases, context, outcome

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Evaluation, Result, Table, Undecided, Undefined, evaluate
from verify.values import MapValue, Member, Value, domain, map_value
from verify.why import failing_binding


class Brute(Evaluation):
    """The same meaning, with quantifiers by going through every value, and to the end."""

    def find(
        self, expr: core.Quantifier, at: int, values: dict[Symbol, Result], entry: dict[Symbol, Result]
    ) -> Value | None:
        symbol = expr.symbols[at]
        found: Value | None = None
        for value in every(symbol.type, self.bits):
            values[symbol] = entry[symbol] = value
            if at + 1 < len(expr.symbols):
                holds = (self.find(expr, at + 1, values, entry) is None) == expr.universal
            else:
                holds = bool(self.value(expr.body, values, entry))
            if holds != expr.universal and found is None:
                found = value
        return found


def every(type_: core.Type, bits: int) -> list[Value]:
    match type_:
        case core.IntType():
            return list(range(-BRUTE, BRUTE + 1))
        case core.OpaqueType():
            return [Member(type_, index) for index in range(8)]
        case _:
            return list(domain(type_, bits))


def agree(expr: core.Expr, where: Context, values: dict[Symbol, Value]) -> None:
    assert outcome(Evaluation(where, {}, 20_000), expr, values) == outcome(Brute(where, {}, 0), expr, values)


@settings(max_examples=500, deadline=None)
@given(cases((1, 3, 4, 5, 6), 3))
def test_a_random_quantifier_is_decided_as_by_going_through_every_value(
    case: tuple[core.Expr, Context, dict[Symbol, Value]],
) -> None:
    agree(*case)


@settings(max_examples=200, deadline=None)
@given(cases((2, 3, 4), 4))
def test_a_deep_random_quantifier_is_decided_as_by_going_through_every_value(
    case: tuple[core.Expr, Context, dict[Symbol, Value]],
) -> None:
    agree(*case)


A, B, J = bound("a", core.WORD), bound("b", core.WORD), bound("j", core.INT)


@st.composite
def nested(draw: st.DrawFn) -> tuple[core.Expr, int]:
    """Two ints, or two or three words, one quantified within the other, in a combination of linear comparisons."""
    bits, ints = draw(st.integers(2, 3)), draw(st.booleans())
    type_: core.Type = core.INT if ints else core.WORD
    symbols = [bound(name, type_) for name in "abc"[: 2 if ints else draw(st.integers(2, 3))]]

    def linear() -> core.Expr:
        parts: list[core.Expr] = []
        for symbol in symbols:
            slope = draw(st.sampled_from((-2, -1, 0, 1, 1, 2, 3)))
            at: core.Expr = var(symbol) if ints else to_int(var(symbol))
            parts.append(op(number(slope), "*", at))
        parts.append(number(draw(st.integers(-8, 8))))
        return reduce(lambda one, other: op(one, "+", other), parts)

    def condition(depth: int) -> core.Expr:
        if depth == 0:
            return op(linear(), draw(st.sampled_from(ORDER)), number(0))
        return op(condition(depth - 1), draw(st.sampled_from(("&&", "||", "==>", "<==>"))), condition(depth - 1))

    expr = condition(draw(st.integers(0, 2)))
    for symbol in reversed(symbols):
        universal = draw(st.booleans())
        if ints:
            low, high = number(draw(st.integers(-6, 0))), number(draw(st.integers(0, 6)))
            guard = both(op(low, "<=", var(symbol)), op(var(symbol), "<=", high))
            expr = op(guard, "==>" if universal else "&&", expr)
        expr = forall(symbol, expr) if universal else exists(symbol, expr)
    return expr, bits


@settings(max_examples=400, deadline=None)
@given(nested())
def test_nested_quantifiers_over_linear_conditions_are_decided_as_by_going_through_every_value(
    case: tuple[core.Expr, int],
) -> None:
    expr, bits = case
    agree(expr, context(bits), {})


# --- by hand: words that nobody could go through ------------------------------------------------------------------

PAGE = param("PAGE_SIZE")
ADDR = argument("addr", core.WORD)
ALIGNED = define("page_aligned", (ADDR,), op(op(var(ADDR), "&", op(var(PAGE), "-", word(1))), "==", word(0)), core.BOOL)
NEW, OLD, DONE = argument("new", core.WORD), argument("old", core.WORD), argument("done", core.WORD)
PTE_MAP = core.MapType(core.WORD, PTE)
TABLE = state("pte", PTE_MAP)
NONE = element("none")
C = bound("c", core.WORD)


def wide(bits: int = 64) -> Context:
    return Context(bits, {core.WORD_BITS: bits, PAGE: 0x1000}, {ALIGNED.qualified: ALIGNED}, {})


def table(bits: int, entries: dict[int, int]) -> MapValue:
    return map_value(PTE_MAP, Member(PTE, 0), {k: Member(PTE, v) for k, v in entries.items()}, bits)


def pieces_for(expr: core.Expr, where: Context, values: dict[Symbol, Value], entry: dict[Symbol, Value]) -> int:
    """How many stretches the evaluation looked at."""
    run = Evaluation(where, {}, 20_000)
    run.value(expr, values, entry)
    return 20_000 - run.budget.left


def moved() -> core.Expr:
    """The postcondition of a move: each entry in the range has gone, unchanged, to its place."""
    source = op(op(var(A), "-", var(NEW)), "+", var(OLD))
    guard = both(
        apply(ALIGNED, var(A)),
        op(op(var(A), "-", var(NEW)), "<", var(DONE)),
        op(old(index(var(TABLE), source)), "!=", NONE),
    )
    return forall(A, op(guard, "==>", op(index(var(TABLE), var(A)), "==", old(index(var(TABLE), source)))))


@pytest.mark.parametrize("bits", [32, 64])
def test_a_postcondition_over_a_table_costs_two_stretches_an_entry(bits: int) -> None:
    entries = 200
    before = table(bits, {0x10_0000 + i * 0x1000: i + 2 for i in range(entries)})
    after_ = table(bits, {0x80_0000 + i * 0x1000: i + 2 for i in range(entries)})
    values: dict[Symbol, Value] = {NEW: 0x80_0000, OLD: 0x10_0000, DONE: 1 << (bits - 2), TABLE: after_}
    entry = {**values, TABLE: before}
    assert evaluate(moved(), wide(bits), values, entry) is True
    assert pieces_for(moved(), wide(bits), values, entry) < 2.5 * entries
    wrong = {**values, TABLE: after_.set(0x80_0000 + 77 * 0x1000, Member(PTE, 0))}
    assert evaluate(moved(), wide(bits), wrong, entry) is False
    assert failing_binding(moved(), wide(bits), wrong, entry) == {A: 0x80_0000 + 77 * 0x1000}


TOP = 2**64 - 1
L = bound("l", core.INT)


def sum_of(one: Symbol, other: Symbol) -> core.Expr:
    return op(to_int(var(one)), "+", to_int(var(other)))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param(forall(A, op(var(A), "<=", word(TOP))), True, id="no word is above the largest"),
        pytest.param(forall(A, op(op(var(A), "+", word(1)), ">", var(A))), False, id="one more wraps, once"),
        pytest.param(exists(A, op(op(var(A), "+", word(1)), "==", word(0))), True, id="and where it wraps is found"),
        pytest.param(
            forall(A, op(op(op(var(A), "-", var(X)), "<", word(7)), "==>", op(var(A), "!=", word(2)))),
            False,
            id="a modular interval that wraps reaches 2",
        ),
        pytest.param(
            forall(A, op(op(op(var(A), "-", var(X)), "<", word(6)), "==>", op(var(A), "!=", word(2)))),
            True,
            id="and one shorter does not",
        ),
        pytest.param(
            forall(A, B, op(op(var(A), "<", var(B)), "==>", op(op(var(A), "+", word(1)), "<=", var(B)))),
            True,
            id="two words, their order",
        ),
        pytest.param(
            forall(A, exists(B, op(op(var(A), "+", var(B)), "==", word(0)))), True, id="each word has its negative"
        ),
        pytest.param(
            forall(A, exists(B, both(op(sum_of(A, B), ">=", number(10)), op(sum_of(A, B), "<=", number(12))))),
            False,
            id="a stretch that moves out of the type as the outer word grows",
        ),
        pytest.param(
            forall(J, exists(L, both(op(op(var(L), "+", var(J)), "<", number(-7)), op(var(L), "!=", number(5))))),
            True,
            id="an end that moves downwards",
        ),
        pytest.param(exists(A, forall(B, op(var(A), "<=", var(B)))), True, id="there is a smallest word"),
        pytest.param(
            forall(
                A,
                op(
                    op(var(A), "==", var(X)), "||", exists(B, op(op(var(B), "!=", var(A)), "&&", index(var(S), var(B))))
                ),
            ),
            True,
            id="the set has another than any but one",
        ),
        pytest.param(
            forall(
                A, op(op(op(var(A), "&", word(TOP - 0xFFF)), "==", word(0x5000)), "==>", op(var(A), "<", word(0x6000)))
            ),
            True,
            id="a mask is a floor",
        ),
        pytest.param(
            forall(A, op(op(op(var(A), ">>", word(12)), "==", word(5)), "==>", op(var(A), "<=", word(0x5FFE)))),
            False,
            id="a shift is a floor, and its end is found",
        ),
        pytest.param(
            forall(
                J,
                op(
                    both(op(number(0), "<=", var(J)), op(var(J), "<", number(10**30))),
                    "==>",
                    op(op(var(J), "*", number(2)), "<", number(2 * 10**30 - 1)),
                ),
            ),
            True,
            id="an interval of ints",
        ),
        pytest.param(exists(J, op(op(var(J), "*", number(-3)), ">", number(10**40))), True, id="an int far below 0"),
    ],
)
def test_a_quantifier_over_64_bit_words_is_decided_in_few_stretches(expr: core.Expr, expected: bool) -> None:
    values: dict[Symbol, Value] = {X: TOP - 3, S: map_value(SET, False, {TOP - 3: True}, 64)}
    where = Context(64, {core.WORD_BITS: 64}, {}, {})
    assert evaluate(expr, where, values, values) is expected
    assert pieces_for(expr, where, values, values) <= 60


# --- other types, hints, what is not decided ----------------------------------------------------------------------

Q, R = bound("q", PTE), bound("r", PTE)
K = bound("k", SET)
WHO = state("who", core.MapType(PTE, core.BOOL))


def all_but(*indices: int) -> MapValue:
    return map_value(WHO.type, True, {Member(PTE, i): False for i in indices}, 8)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (forall(Q, op(op(var(Q), "==", NONE), "||", op(var(Q), "==", element("zero")))), False),
        (exists(Q, both(op(var(Q), "!=", NONE), op(var(Q), "!=", element("zero")))), True),
        (forall(Q, op(unary("!", index(var(WHO), var(Q))), "==>", op(var(Q), "==", NONE))), False),
        (
            forall(Q, op(op(var(Q), "!=", NONE), "==>", index(update(var(WHO), element("zero"), truth(True)), var(Q)))),
            False,
        ),
        (
            exists(Q, R, both(op(var(Q), "!=", var(R)), op(index(var(WHO), var(Q)), "==", index(var(WHO), var(R))))),
            True,
        ),
        (forall(Q, exists(R, both(op(var(Q), "!=", var(R)), index(var(WHO), var(R))))), True),
        (
            forall(
                Q,
                R,
                op(
                    unary("!", op(index(var(WHO), var(Q)), "||", index(var(WHO), var(R)))),
                    "==>",
                    op(var(Q), "==", var(R)),
                ),
            ),
            False,
        ),
    ],
    ids=[
        "an opaque sort has more than its names",
        "and so another exists",
        "a member that a map mentions is tried",
        "and one that is neither named nor updated",
        "two of those not mentioned are two",
        "each has another",
        "two that are mentioned differ",
    ],
)
def test_members_of_an_opaque_sort_are_told_apart_only_by_what_mentions_them(expr: core.Expr, expected: bool) -> None:
    values: dict[Symbol, Value] = {WHO: all_but(0, 7)}
    assert evaluate(expr, context(8), values, values) is expected


def test_members_that_only_the_table_of_a_define_mentions_are_tried() -> None:
    odd = define("odd", (argument("o", PTE),), None, core.BOOL)
    where = Context(8, {}, {odd.qualified: odd}, {odd.qualified: Table(False, {(Member(PTE, 9),): True})})
    assert evaluate(exists(Q, apply(odd, var(Q))), where, {}, {}) is True


def test_sets_over_a_tiny_domain_are_gone_through() -> None:
    small = exists(K, both(index(var(K), word(1)), unary("!", index(var(K), word(0)))))
    assert evaluate(small, context(1), {}, {}) is True
    assert evaluate(forall(K, index(var(K), word(1))), context(3), {}, {}) is False


def undecided(expr: core.Expr, where: Context, values: dict[Symbol, Value], **options: int) -> str:
    with pytest.raises(Undecided) as raised:
        evaluate(expr, where, values, values, **options)  # type: ignore[arg-type]
    return raised.value.reason


def test_sets_over_a_larger_domain_are_not_decided() -> None:
    reason = undecided(forall(K, index(var(K), word(1))), context(4), {})
    assert reason == "it is about every set[word], and there are more than 256"


def test_too_many_stretches_are_not_decided() -> None:
    periodic = forall(A, op(op(var(A), "%", word(4)), "!=", word(4)))
    assert (
        undecided(periodic, wide(), {}, pieces=50) == "it falls into more than 50 stretches of values that may differ"
    )
    assert evaluate(periodic, context(6), {}, {}, pieces=50) is True


def test_a_hint_that_falsifies_decides_what_is_defined_everywhere() -> None:
    rare = forall(A, op(op(op(var(A), "*", var(A)), "%", word(0x10001)), "!=", word(0x10000)))
    with pytest.raises(Undecided):
        evaluate(rare, wide(), {}, {}, pieces=100)
    assert evaluate(rare, wide(), {}, {}, hints={A: (7, 0x100)}) is False
    assert failing_binding(rare, wide(), {}, {}, hints={A: (7, 0x100)}) == {A: 0x100}


def test_a_hint_does_not_excuse_what_is_undefined_elsewhere() -> None:
    partial = forall(A, op(op(word(6), "/", var(A)), "!=", word(3)))
    with pytest.raises(Undefined):
        evaluate(partial, context(4), {}, {}, hints={A: (2,)})


def test_a_hint_that_proves_nothing_leaves_the_answer_as_it_is() -> None:
    assert evaluate(forall(A, op(var(A), "<=", word(15))), context(4), {}, {}, hints={A: (3, 5)}) is True
    assert evaluate(exists(A, op(var(A), "==", word(9))), context(4), {}, {}, hints={A: (3, 5)}) is True


@pytest.mark.parametrize(
    ("expr", "defined"),
    [
        (forall(A, op(op(word(6), "/", var(A)), ">", word(6))), False),
        (exists(A, op(op(word(6), "/", var(A)), "<=", word(6))), False),
        (forall(A, op(op(var(A), "!=", word(0)), "==>", op(op(word(6), "/", var(A)), "<=", word(6)))), True),
        (forall(A, op(op(op(word(6), "/", var(A)), "<=", word(6)), "||", op(var(A), "==", word(0)))), False),
        (exists(A, both(op(var(A), "<", var(X)), op(op(word(1), "<<", var(A)), "==", word(2)))), True),
        (forall(A, op(op(var(A), "!=", to_word(op(to_int(var(A)), "+", number(1)))), "||", truth(True))), False),
        (forall(A, op(op(var(A), "==", to_word(op(to_int(var(A)), "+", number(1)))), "||", truth(True))), False),
        (
            exists(A, both(op(var(A), "<", word(15)), op(to_word(op(to_int(var(A)), "+", number(1))), "==", word(15)))),
            True,
        ),
    ],
    ids=[
        "a false universal is undefined if its body is somewhere",
        "so is a true existential",
        "a guard on the left makes it defined",
        "on the right it comes too late",
        "a shift within its guard",
        "a word that does not fit, for one value of all",
        "also where the right side settles it",
        "and guarded",
    ],
)
def test_a_quantifier_is_defined_iff_its_body_is_for_every_value(expr: core.Expr, defined: bool) -> None:
    values: dict[Symbol, Value] = {X: 3}
    if defined:
        assert evaluate(expr, context(4), values, values) is True
    else:
        with pytest.raises(Undefined):
            evaluate(expr, context(4), values, values)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (forall(A, op(var(A), "<", var(X))), {A: 3}),
        (exists(A, op(var(A), ">", var(X))), {A: 4}),
        (forall(A, op(var(A), "<=", word(15))), {}),
        (op(truth(True), "==>", forall(A, B, op(op(var(A), "+", var(B)), "!=", word(9)))), {A: 0, B: 9}),
        (both(forall(A, truth(True)), unary("!", exists(B, op(var(B), "==", word(7))))), {B: 7}),
        (forall(A, exists(B, op(op(var(B), "-", var(A)), ">", word(14)))), {}),
        (forall(A, forall(B, op(op(var(A), "^", var(B)), "<", word(8)))), {A: 0, B: 8}),
        (let(C, op(var(X), "+", word(1)), forall(A, op(var(A), "!=", var(C)))), {A: 4}),
    ],
)
def test_the_binding_that_decides_is_told(expr: core.Expr, expected: dict[Symbol, Value]) -> None:
    values: dict[Symbol, Value] = {X: 3}
    assert failing_binding(expr, context(4), values, values) == expected
