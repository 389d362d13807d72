"""What each operation of the language is on concrete values, and where it has no value."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace

import pytest
from core_nodes import (
    COLOUR,
    PTE,
    apply,
    argument,
    both,
    bound,
    const,
    define,
    element,
    forall,
    index,
    ite,
    let,
    local,
    number,
    old,
    op,
    param,
    place,
    program,
    state,
    to_int,
    to_word,
    truth,
    unary,
    update,
    var,
    word,
)

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Table, Undecided, Undefined, context_for, evaluate
from verify.values import Json, MapValue, Member, Value, domain, fits, map_value, show, some_value, to_json

BITS = 8
WORDS = core.MapType(core.WORD, core.INT)
SET = core.SetType(core.WORD)
X, Y = argument("x", core.WORD), local("y", core.WORD)
S = state("s", SET)


def run(
    expr: core.Expr, values: Mapping[Symbol, Value] | None = None, entry: Mapping[Symbol, Value] | None = None
) -> Value:
    return evaluate(expr, Context(BITS, {core.WORD_BITS: BITS}, {}, {}), values or {}, entry or {})


def why_undefined(expr: core.Expr) -> str:
    with pytest.raises(Undefined) as raised:
        run(expr)
    assert raised.value.span == expr.span
    return raised.value.reason


@pytest.mark.parametrize(
    ("left", "sign", "right", "expected"),
    [
        (250, "+", 10, 4),
        (4, "-", 10, 250),
        (20, "*", 20, 144),
        (7, "/", 2, 3),
        (7, "%", 4, 3),
        (0b1100, "&", 0b1010, 0b1000),
        (0b1100, "|", 0b1010, 0b1110),
        (0b1100, "^", 0b1010, 0b0110),
        (0x81, "<<", 1, 0x02),
        (0x81, "<<", 7, 0x80),
        (0x81, ">>", 7, 1),
        (3, "min", 200, 3),
        (3, "max", 200, 200),
        (200, "<", 3, False),
        (3, "<=", 3, True),
        (200, ">", 3, True),
        (3, ">=", 200, False),
        (3, "==", 3, True),
        (3, "!=", 3, False),
    ],
)
def test_words_wrap_and_are_unsigned(left: int, sign: str, right: int, expected: Value) -> None:
    assert run(op(word(left), sign, word(right))) == expected


@pytest.mark.parametrize(
    ("left", "sign", "right", "expected"),
    [
        (250, "+", 10, 260),
        (4, "-", 10, -6),
        (-20, "*", 20, -400),
        (7, "/", 2, 3),
        (-7, "/", 2, -4),
        (7, "/", -2, -3),
        (-7, "/", -2, 4),
        (7, "%", 2, 1),
        (-7, "%", 2, 1),
        (7, "%", -2, 1),
        (-7, "%", -2, 1),
        (-6, "/", 3, -2),
        (-6, "%", 3, 0),
        (-3, "min", 2, -3),
        (-3, "max", 2, 2),
        (-3, "<", 2, True),
        (-3, ">", 2, False),
    ],
)
def test_ints_are_mathematical_and_their_division_euclidean(left: int, sign: str, right: int, expected: Value) -> None:
    assert run(op(number(left), sign, number(right))) == expected


@pytest.mark.parametrize("a", range(-9, 10))
@pytest.mark.parametrize("b", [-4, -3, -1, 1, 3, 4])
def test_euclidean_division_is_the_one_whose_remainder_is_not_negative(a: int, b: int) -> None:
    quotient, remainder = run(op(number(a), "/", number(b))), run(op(number(a), "%", number(b)))
    assert isinstance(quotient, int)
    assert isinstance(remainder, int)
    assert a == b * quotient + remainder
    assert 0 <= remainder < abs(b)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (unary("!", truth(True)), False),
        (unary("~", word(0x0F)), 0xF0),
        (unary("-", word(1)), 255),
        (unary("-", word(0)), 0),
        (unary("-", number(1)), -1),
        (to_int(word(255)), 255),
        (to_word(number(255)), 255),
        (op(word(1), "<<", number(3)), 8),
        (op(truth(True), "<==>", truth(False)), False),
        (op(truth(False), "<==>", truth(False)), True),
        (ite(truth(False), number(1), number(2)), 2),
        (let(Y, word(255), op(var(Y), "+", var(Y))), 254),
        (op(element("none"), "==", element("zero")), False),
        (op(element("green", COLOUR), "==", element("green", COLOUR)), True),
        (var(core.WORD_BITS), 8),
    ],
)
def test_the_other_expressions(expr: core.Expr, expected: Value) -> None:
    value = run(expr)
    assert value == expected
    assert isinstance(value, bool) == (expr.type == core.BOOL)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_connectives_have_their_truth_tables(left: bool, right: bool) -> None:
    def of(sign: str) -> Value:
        return run(op(truth(left), sign, truth(right)))

    expected = (left and right, left or right, not left or right, left == right)
    assert (of("&&"), of("||"), of("==>"), of("<==>")) == expected


NOWHERE = op(op(word(1), "/", word(0)), "==", word(0))


@pytest.mark.parametrize(
    "expr",
    [
        op(truth(False), "&&", NOWHERE),
        op(truth(True), "||", NOWHERE),
        op(truth(False), "==>", NOWHERE),
        ite(truth(True), truth(True), NOWHERE),
        ite(truth(False), NOWHERE, truth(True)),
    ],
    ids=["and", "or", "implies", "else", "then"],
)
def test_what_does_not_count_need_not_be_defined(expr: core.Expr) -> None:
    assert isinstance(run(expr), bool)


@pytest.mark.parametrize(
    "expr",
    [
        op(NOWHERE, "&&", truth(False)),
        op(NOWHERE, "||", truth(True)),
        op(NOWHERE, "==>", truth(True)),
        op(truth(True), "&&", NOWHERE),
        op(truth(False), "<==>", NOWHERE),
        op(NOWHERE, "<==>", truth(False)),
        ite(NOWHERE, truth(True), truth(True)),
        let(bound("b", core.BOOL), NOWHERE, truth(True)),
        index(update(core.EmptySet(place(), SET), word(1), NOWHERE), word(2)),
    ],
)
def test_what_counts_must_be_defined(expr: core.Expr) -> None:
    with pytest.raises(Undefined):
        run(expr)


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        (op(word(1), "/", word(0)), "the divisor is 0"),
        (op(number(-1), "%", number(0)), "the divisor is 0"),
        (op(word(1), "<<", word(8)), "a word of 8 bits is shifted by 8"),
        (op(word(1), ">>", number(-1)), "a word of 8 bits is shifted by -1"),
        (to_word(number(256)), "256 does not fit a word of 8 bits"),
        (to_word(number(-1)), "-1 does not fit a word of 8 bits"),
        (word(256), "256 does not fit a word of 8 bits"),
    ],
)
def test_a_partial_operation_says_why_it_has_no_value(expr: core.Expr, reason: str) -> None:
    assert why_undefined(expr) == reason


def test_old_is_state_and_parameters_on_entry_with_bound_variables_as_they_are() -> None:
    b = bound("b", core.WORD)
    body = old(op(op(var(X), "+", var(b)), "==", ite(index(var(S), var(b)), word(2), word(9))))
    entry: dict[Symbol, Value] = {X: 1, S: map_value(SET, False, {1: True}, BITS)}
    values: dict[Symbol, Value] = {X: 100, S: map_value(SET, True, {}, BITS), Y: 5}
    assert run(let(b, word(1), body), values, entry) is True
    assert run(forall(b, old(op(var(X), "==", word(1)))), values, entry) is True
    assert run(op(var(X), "-", old(var(X))), values, entry) == 99


def test_a_define_sees_its_arguments_and_what_it_reads_and_nothing_else() -> None:
    inside = define("inside", (X,), index(var(S), op(var(X), "+", word(1))), core.BOOL, reads=(S,))
    where = Context(BITS, {}, {inside.qualified: inside}, {})
    values: dict[Symbol, Value] = {S: map_value(SET, False, {}, BITS), X: 70}
    entry: dict[Symbol, Value] = {S: map_value(SET, False, {6: True}, BITS), X: 0}
    assert evaluate(apply(inside, word(5), var(S)), where, values, entry) is False
    assert evaluate(apply(inside, word(5), old(var(S))), where, values, entry) is True
    assert evaluate(old(apply(inside, word(5), var(S))), where, values, entry) is True


def test_an_uninterpreted_define_is_its_table() -> None:
    f = define("f", (X,), None, core.INT)
    tables = {f.qualified: Table(7, {(3,): -1})}
    where = Context(BITS, {}, {f.qualified: f}, tables)
    assert evaluate(apply(f, word(3)), where, {}, {}) == -1
    assert evaluate(apply(f, word(4)), where, {}, {}) == 7
    with pytest.raises(Undecided, match=r"nothing says what m\.f is here"):
        evaluate(apply(f, word(4)), Context(BITS, {}, {f.qualified: f}, {}), {}, {})


# --- consts --------------------------------------------------------------------------------------------------------

SHIFT, SIZE, MASK, BAD = param("SHIFT", core.INT), const("SIZE"), const("MASK"), const("BAD")


def test_what_is_kept_of_one_expression_is_never_taken_for_another() -> None:
    where = Context(BITS, {core.WORD_BITS: BITS}, {}, {})
    for n in range(200):  # each is gone before the next one is made, and may have stood in the same place
        assert evaluate(op(word(n), "+", number(0)), where, {}, {}) == n
        assert evaluate(op(word(n), "-", number(0)), where, {}, {}) == n


def test_what_is_kept_of_an_expression_is_made_once() -> None:
    where = Context(BITS, {core.WORD_BITS: BITS}, {}, {})
    expr = both(op(var(X), "<", word(3)), forall(Y, op(var(Y), ">=", word(0))))
    evaluate(expr, where, {X: 1}, {})
    made = dict(where.codes.made)
    evaluate(expr, where, {X: 2}, {})
    evaluate(expr, replace(where, tables={"f": Table(0)}), {X: 2}, {})
    assert where.codes.made == replace(where, tables={"f": Table(0)}).codes.made == made


def test_a_context_with_something_replaced_gives_what_a_new_one_would() -> None:
    f = define("f", (X,), None, core.WORD)
    expr = op(apply(f, word(1)), "+", var(SHIFT))
    where = Context(BITS, {SHIFT: 3}, {f.qualified: f}, {f.qualified: Table(5)})
    assert evaluate(expr, where, {}, {}) == 8
    assert evaluate(expr, replace(where, tables={f.qualified: Table(6)}), {}, {}) == 9
    assert evaluate(expr, replace(where, constants={SHIFT: 4}), {}, {}) == 9
    assert evaluate(op(word(255), "+", word(1)), where, {}, {}) == 0
    assert evaluate(op(word(255), "+", word(1)), replace(where, word_bits=9), {}, {}) == 256


def test_whether_a_body_is_defined_everywhere_is_found_out_for_each_table() -> None:
    f = define("f", (X,), None, core.WORD)
    divided = op(op(word(5), "/", apply(f, word(1))), "==", word(5))
    expr = forall(Y, both(op(var(Y), ">", word(3)), divided))  # false at 0; at 4 it may be undefined
    where = Context(BITS, {}, {f.qualified: f}, {f.qualified: Table(1)})
    assert evaluate(expr, where, {}, {}) is False
    with pytest.raises(Undefined):
        evaluate(expr, replace(where, tables={f.qualified: Table(0)}), {}, {})


def test_a_context_can_be_copied_compared_and_shown_whatever_it_was_used_for() -> None:
    fresh = Context(BITS, {SHIFT: 3}, {}, {})
    used = Context(BITS, {SHIFT: 3}, {}, {})
    expr = forall(Y, op(op(var(Y), "+", var(SHIFT)), "!=", word(2)))
    assert evaluate(expr, used, {}, {}) is False
    assert used == fresh
    assert repr(used) == repr(fresh)
    for other in (pickle.loads(pickle.dumps(used)), deepcopy(used)):
        assert other == used
        assert not other.codes.made
        assert not other.codes.safe
        assert evaluate(expr, other, {}, {}) is False


@pytest.mark.parametrize("expr", [word(256), var(SHIFT)], ids=["literal", "param"])
def test_what_an_expression_lacks_shows_where_it_is_evaluated_and_not_before(expr: core.Expr) -> None:
    assert run(op(truth(True), "||", op(expr, "==", expr))) is True


def test_consts_are_computed_from_params_defines_and_each_other_in_any_order() -> None:
    ones = define("ones", (X,), op(var(SIZE), "-", var(X)), core.WORD)
    text = program(
        core.Const(MASK, unary("~", apply(ones, word(1))), place(), ()),
        core.Const(SIZE, op(word(1), "<<", var(SHIFT)), place(), ()),
        ones,
    )
    where = context_for(text, {SHIFT: 3}, BITS, {})
    assert dict(where.constants) == {core.WORD_BITS: 8, SHIFT: 3, SIZE: 8, MASK: 0xF8}


def test_a_const_without_a_value_is_undefined_where_it_is_used_and_not_before() -> None:
    text = program(
        core.Const(BAD, op(word(1), "<<", var(SHIFT)), place(), ()),
        core.Const(SIZE, op(var(BAD), "+", word(1)), place(), ()),
        core.Const(MASK, word(7), place(), ()),
    )
    where = context_for(text, {SHIFT: 8}, BITS, {})
    assert evaluate(var(MASK), where, {}, {}) == 7
    assert evaluate(op(truth(True), "||", op(var(BAD), "==", word(0))), where, {}, {}) is True
    for symbol in (BAD, SIZE):
        with pytest.raises(Undefined, match="a word of 8 bits is shifted by 8"):
            evaluate(var(symbol), where, {}, {})


# --- maps and values -----------------------------------------------------------------------------------------------


def words(default: int, entries: dict[Value, Value]) -> MapValue:
    return map_value(WORDS, default, entries, BITS)


M = state("m", WORDS)


def test_an_update_is_a_new_map_and_leaves_the_old_one() -> None:
    values: dict[Symbol, Value] = {M: words(0, {1: 5})}
    changed = update(var(M), word(2), number(6))
    assert run(changed, values) == words(0, {1: 5, 2: 6})
    assert run(index(var(M), word(2)), values) == 0
    assert run(op(update(changed, word(2), number(0)), "==", var(M)), values) is True
    assert run(both(index(update(core.EmptySet(place(), SET), word(1), truth(True)), word(1))), values) is True


@pytest.mark.parametrize(
    "type_",
    [core.MapType(core.BOOL, core.WORD), core.MapType(COLOUR, core.BOOL), core.SetType(core.WORD)],
    ids=str,
)
def test_maps_are_equal_iff_they_are_equal_everywhere_also_over_a_finite_domain(
    type_: core.MapType | core.SetType,
) -> None:
    bits = 2
    keys, values = list(domain(core.key_type(type_), bits)), list(domain(core.value_type(type_), bits))[:3]
    maps = [
        map_value(type_, default, {k: v for k, v in zip(keys, row, strict=True) if v is not None}, bits)
        for default in values
        for row in _rows([None, *values], len(keys))
    ]
    for one in maps:
        for other in maps[:: max(1, len(maps) // 40)]:
            same = all(one.get(key) == other.get(key) for key in keys)
            assert (one == other) == same
            assert not same or hash(one) == hash(other)


def _rows(values: list[Value | None], length: int) -> list[list[Value | None]]:
    return [[]] if length == 0 else [[v, *row] for v in values for row in _rows(values, length - 1)]


def test_setting_the_last_key_of_a_finite_domain_keeps_the_form_that_equality_needs() -> None:
    flags = core.MapType(core.BOOL, core.INT)
    one = map_value(flags, 0, {}, BITS).set(True, 1).set(False, 1)
    assert one == map_value(flags, 1, {}, BITS)
    assert one.set(True, 2) == map_value(flags, 2, {False: 1}, BITS)


def test_exceptions_come_by_increasing_key() -> None:
    assert [key for key, _ in words(0, {9: 1, 2: 1, 200: 1}).items()] == [2, 9, 200]
    assert words(0, {9: 1, 2: 1, 200: 1}).around(9) == (2, 200)
    assert words(0, {9: 1, 2: 1, 200: 1}).around(100) == (9, 200)
    assert words(0, {9: 1}).around(9) == (None, None)


PTES = core.MapType(core.WORD, PTE)


@pytest.mark.parametrize(
    ("value", "type_", "shown", "json"),
    [
        (0xF0, core.WORD, "0xf0", "0xf0"),
        (-12, core.INT, "-12", -12),
        (True, core.BOOL, "true", True),
        (Member(PTE, 0), PTE, "none", "none"),
        (Member(PTE, 7), PTE, "pte#7", "pte#7"),
        (Member(COLOUR, 2), COLOUR, "blue", "blue"),
        (
            map_value(PTES, Member(PTE, 0), {0x20: Member(PTE, 3), 0x10: Member(PTE, 1)}, BITS),
            PTES,
            "{0x10: zero, 0x20: pte#3, else none}",
            {"default": "none", "entries": {"0x10": "zero", "0x20": "pte#3"}},
        ),
        (words(4, {}), WORDS, "{else 4}", {"default": 4, "entries": {}}),
        (
            map_value(SET, False, {2: True, 1: True}, BITS),
            SET,
            "{0x1, 0x2}",
            {"default": False, "entries": {"0x1": True, "0x2": True}},
        ),
        (map_value(SET, False, {}, BITS), SET, "{}", {"default": False, "entries": {}}),
        (map_value(SET, True, {2: False}, BITS), SET, "all but {0x2}", {"default": True, "entries": {"0x2": False}}),
        (map_value(SET, True, {}, BITS), SET, "all", {"default": True, "entries": {}}),
    ],
)
def test_values_are_shown_and_written(value: Value, type_: core.Type, shown: str, json: Json) -> None:
    assert show(value, type_, BITS) == shown
    assert to_json(value, type_, BITS) == json
    assert fits(value, type_, BITS)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (256, core.WORD),
        (-1, core.WORD),
        (True, core.WORD),
        (1, core.BOOL),
        (Member(PTE, 0), COLOUR),
        (Member(COLOUR, 3), COLOUR),
    ],
)
def test_a_value_of_another_type_does_not_fit(value: Value, type_: core.Type) -> None:
    assert not fits(value, type_, BITS)


@pytest.mark.parametrize("type_", [core.WORD, core.INT, core.BOOL, PTE, COLOUR, PTES, SET], ids=str)
def test_every_type_has_some_value(type_: core.Type) -> None:
    assert fits(some_value(type_, BITS), type_, BITS)
