"""What `encode` owes beside the values: ranges, definedness, maps at what is no key, more than one encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
import z3
from agreement import as_term
from core_nodes import (
    COLOUR,
    PTE,
    apply,
    argument,
    bound,
    const,
    define,
    element,
    exists,
    forall,
    index,
    ite,
    let,
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
from expressions import Example, example

from verify import core, integers
from verify.core import BOOL, INT, WORD, BinaryOp, MapType, SetType, Symbol, Type
from verify.decode import Undecodable, decode
from verify.encode import Encoder
from verify.evaluate import Context, Undecided, Undefined, context_for, evaluate
from verify.put import Assertions, put
from verify.sites import subexpressions
from verify.terms import nothing_beyond
from verify.values import MapValue, Member, Value, fits, map_value, some_value
from verify.words import AbstractIntegers, BitVectors, Integers, Words

Term: TypeAlias = Any
INSTANCES: dict[str, Callable[[int], Words]] = {"bit-vectors": BitVectors, "integers": Integers}
each_instance = pytest.mark.parametrize("instance", INSTANCES)


def encoder(words: Words, *items: core.Item, revealed: frozenset[str] | None = None) -> Encoder:
    return Encoder.of(program(*items), words, {}, revealed)


def proved(made: Encoder, claim: Term) -> bool:
    """True iff the solver shows that the claim follows from the encoder's facts."""
    solver = z3.Solver()
    solver.set("timeout", 5000)
    solver.add(*made.facts, z3.Not(claim))
    result = solver.check()
    assert result != z3.unknown
    return bool(result == z3.unsat)


# --- ranges --------------------------------------------------------------------------------------------------------


@each_instance
def test_a_free_word_is_a_word_and_every_word_is_possible(instance: str) -> None:
    x = argument("x", WORD)
    for bits in (1, 2, 8, 32, 64, 128):
        made = encoder(INSTANCES[instance](bits))
        value = made.words.to_int(made.symbol(x))
        bottom, top = integers.literal(0), integers.literal(1 << bits)
        assert proved(made, z3.And(integers.le(bottom, value), integers.lt(value, top)))
        for possible in (0, (1 << bits) - 1, 1 << bits - 1):
            assert not proved(made, made.symbol(x) != made.words.literal(possible))


@each_instance
def test_what_a_free_map_holds_at_a_key_is_a_value_of_its_type(instance: str) -> None:
    m = state("m", MapType(COLOUR, MapType(WORD, WORD)))
    p = state("p", MapType(WORD, PTE))
    made = encoder(INSTANCES[instance](32))
    x = made.symbol(argument("x", WORD))
    held = z3.Select(z3.Select(made.symbol(m), made.enum(COLOUR)[1][1]), x)
    assert proved(made, made.words.in_range(held))
    assert proved(made, z3.Select(made.symbol(p), x) >= 0)


@each_instance
def test_a_member_that_a_quantifier_speaks_of_is_one(instance: str) -> None:
    x, y = bound("x", WORD), bound("y", PTE)
    made = encoder(INSTANCES[instance](32))
    highest = word((1 << 32) - 1)
    assert proved(made, made.encode(forall(x, op(var(x), "<=", highest)), {}, {}).value)
    assert proved(made, z3.Not(made.encode(exists(x, op(var(x), ">", highest)), {}, {}).value))
    assert proved(made, made.encode(exists(y, op(var(y), "!=", element("none"))), {}, {}).value)


@each_instance
def test_an_uninterpreted_define_gives_words_and_is_the_same_for_the_same_arguments(instance: str) -> None:
    f = define("f", (argument("a", WORD),), None, WORD)
    g = define("g", (), None, WORD)
    x, y = argument("x", WORD), argument("y", WORD)
    made = encoder(INSTANCES[instance](32), f, g)
    value = made.encode(apply(f, var(x)), {}, {}).value
    assert proved(made, made.words.in_range(value))
    assert proved(made, made.words.in_range(made.encode(apply(g), {}, {}).value))
    same = op(op(var(x), "==", var(y)), "==>", op(apply(f, var(x)), "==", apply(f, var(y))))
    assert proved(made, made.encode(same, {}, {}).value)
    assert not proved(made, made.encode(op(apply(f, var(x)), "==", apply(f, var(y))), {}, {}).value)


# --- maps ----------------------------------------------------------------------------------------------------------


def test_maps_are_equal_iff_they_are_at_all_words_whatever_their_arrays_hold_elsewhere() -> None:
    m, n = state("m", MapType(WORD, INT)), state("n", MapType(WORD, INT))
    plain = z3.K(z3.IntSort(), z3.IntVal(7))
    made = encoder(Integers(8))
    for key, equal in ((-1, True), (256, True), (1000, True), (0, False), (255, False)):
        changed = z3.Store(plain, key, 8)
        found = made.encode(op(var(m), "==", var(n)), {m: plain, n: changed}, {})
        assert proved(made, found.value) == equal
        assert proved(made, z3.Not(found.value)) == (not equal)


def test_maps_keyed_by_members_are_equal_iff_they_are_at_all_members() -> None:
    m, n = state("m", SetType(PTE)), state("n", SetType(PTE))
    every = z3.K(z3.IntSort(), z3.BoolVal(True))
    for words in (BitVectors(8), Integers(8)):
        made = encoder(words)
        for key, equal in ((-1, True), (0, False), (5, False)):
            terms = {m: every, n: z3.Store(every, key, False)}
            assert proved(made, made.encode(op(var(m), "==", var(n)), terms, {}).value) == equal


def test_what_stands_for_a_map_holds_nothing_where_the_map_has_no_key() -> None:
    """So that equal maps are one array, and what hidden functions make of them is the same."""
    made = encoder(AbstractIntegers(8))
    free, other = (made.symbol(state(name, SetType(WORD))) for name in "mn")
    bound = z3.Const("bound", free.sort())
    made.bound.add(bound.get_id())
    empty, full = (z3.K(z3.IntSort(), z3.BoolVal(value)) for value in (False, True))
    for array in (free, empty, z3.Store(empty, 3, True), z3.If(z3.Bool("b"), z3.Store(free, 1, False), other)):
        assert nothing_beyond(array, made.bound)
        assert z3.is_eq(made.equal(SetType(WORD), array, free))
    for array in (full, bound, z3.Store(full, 3, False), z3.If(z3.Bool("b"), free, bound)):
        assert not nothing_beyond(array, made.bound)
        assert z3.is_quantifier(made.equal(SetType(WORD), array, free))


def test_maps_within_maps_are_equal_iff_they_are_at_all_words() -> None:
    type_ = MapType(COLOUR, MapType(WORD, WORD))
    m, n = state("m", type_), state("n", type_)
    made = encoder(Integers(8))
    inner = z3.K(z3.IntSort(), z3.IntVal(7))
    for key, equal in ((256, True), (255, False)):
        outer = z3.K(made.enum(COLOUR)[0], inner)
        changed = z3.Store(outer, made.enum(COLOUR)[1][2], z3.Store(inner, key, 8))
        assert proved(made, made.encode(op(var(m), "==", var(n)), {m: outer, n: changed}, {}).value) == equal


@each_instance
@pytest.mark.parametrize("key", [BOOL, COLOUR, WORD], ids=str)
def test_over_few_keys_a_map_is_the_same_however_it_was_built(instance: str, key: Type) -> None:
    """All keys set to one value is the map that is that value everywhere: there is no other key to tell them apart."""
    type_ = MapType(key, INT)
    made = encoder(INSTANCES[instance](1))
    values: dict[Type, list[Value]] = {BOOL: [False, True], COLOUR: [Member(COLOUR, n) for n in range(3)], WORD: [0, 1]}
    everywhere = as_term(made, map_value(type_, 5, {}, 1), type_)
    built = z3.K(made.sort(key), z3.IntVal(0))
    for value in values[key]:
        assert not proved(made, made.equal(type_, built, everywhere))
        built = z3.Store(built, as_term(made, value, key), 5)
    assert proved(made, made.equal(type_, built, everywhere))


# --- definedness ---------------------------------------------------------------------------------------------------


@each_instance
def test_a_quantifier_is_defined_iff_its_body_is_for_every_value_whatever_its_truth(instance: str) -> None:
    x = bound("x", WORD)
    successor = to_word(op(to_int(var(x)), "+", number(1)))
    guarded = op(op(var(x), "!=", word(255)), "==>", op(successor, ">", var(x)))
    table: list[tuple[core.Expr, bool]] = [
        (forall(x, op(successor, ">", var(x))), False),
        (forall(x, op(successor, "<", var(x))), False),  # false already at 0, undefined at 255
        (exists(x, op(successor, ">", var(x))), False),  # true already at 0, undefined at 255
        (forall(x, guarded), True),
        (exists(x, op(op(var(x), "<", word(7)), "&&", op(successor, ">", var(x)))), True),
        (forall(x, op(op(word(1), "/", word(0)), "==", word(0))), False),
    ]
    for expr, defined in table:
        made = encoder(INSTANCES[instance](8))
        found = made.encode(expr, {}, {})
        assert proved(made, found.defined) == defined
        assert proved(made, z3.Not(found.defined)) == (not defined)


@each_instance
def test_what_does_not_count_need_not_be_defined_and_all_else_must(instance: str) -> None:
    """Every connective and `if` over true, false and undefined operands, as `evaluate` has it."""
    context = Context(8, {core.WORD_BITS: 8}, {}, {})

    def operands() -> tuple[core.Expr, ...]:
        return truth(True), truth(False), op(op(word(1), "/", word(0)), "==", word(0))

    exprs: list[core.Expr] = [
        op(a, sign, b) for sign in ("&&", "||", "==>", "<==>") for a in operands() for b in operands()
    ]
    exprs += [ite(a, b, c) for a in operands() for b in operands() for c in operands()]
    for expr in exprs:
        made = encoder(INSTANCES[instance](8))
        found = made.encode(expr, {}, {})
        try:
            value = evaluate(expr, context, {}, {})
        except Undefined:
            assert proved(made, z3.Not(found.defined)), expr
        else:
            assert proved(made, z3.And(found.defined, found.value == z3.BoolVal(bool(value)))), expr


@each_instance
def test_all_but_connectives_if_and_quantifiers_is_undefined_where_an_operand_is(instance: str) -> None:
    m, s, x = state("m", MapType(WORD, WORD)), state("s", SetType(WORD)), bound("x", WORD)
    f = define("f", (argument("a", WORD),), word(0), WORD)
    g = define("g", (argument("a", WORD),), None, WORD)

    def nothing() -> core.Expr:
        return op(word(1), "%", word(0))

    strict: list[core.Expr] = [
        *(op(nothing(), sign.value, word(1)) for sign in BinaryOp if sign not in core.CONNECTIVES),
        *(op(word(1), sign.value, nothing()) for sign in BinaryOp if sign not in core.CONNECTIVES),
        *(unary(sign, nothing()) for sign in ("~", "-")),
        to_int(nothing()),
        to_word(to_int(nothing())),
        let(x, nothing(), word(0)),
        apply(f, nothing()),
        apply(g, nothing()),
        old(nothing()),
        index(var(m), nothing()),
        index(var(s), nothing()),
        update(var(m), nothing(), word(0)),
        update(var(m), word(0), nothing()),
        index(update(var(m), word(0), nothing()), word(1)),
    ]
    for expr in strict:
        made = encoder(INSTANCES[instance](8), f, g)
        assert proved(made, z3.Not(made.encode(expr, {}, {}).defined)), expr


@each_instance
def test_a_word_literal_that_does_not_fit_is_undefined_where_it_counts(instance: str) -> None:
    made = encoder(INSTANCES[instance](8))
    for value, fitting in ((255, True), (256, False), (1 << 64, False)):
        assert proved(made, made.encode(word(value), {}, {}).defined) == fitting
    large = op(word(256), "==", word(0))
    assert proved(made, made.encode(op(truth(False), "&&", large), {}, {}).defined)
    assert not proved(made, made.encode(op(truth(True), "&&", large), {}, {}).defined)


@each_instance
def test_that_a_derived_constant_in_use_is_defined_is_a_fact(instance: str) -> None:
    p = param("P", INT)
    c = const("C", WORD)
    made = encoder(INSTANCES[instance](8), core.Const(c, to_word(var(p)), place(), ()))
    made.encode(op(var(c), "==", word(0)), {}, {})
    value = made.symbol(p)
    assert proved(made, z3.And(value >= 0, value < 256))


@each_instance
def test_where_assumptions_are_left_out_a_derived_constant_has_to_be_defined_where_it_is_used(instance: str) -> None:
    p = param("P", INT)
    c = const("C", WORD)
    made = replace(encoder(INSTANCES[instance](8), core.Const(c, to_word(var(p)), place(), ())), lax=True)
    used = made.encode(op(var(c), "==", word(0)), {}, {}).defined
    value = made.symbol(p)
    assert proved(made, used == z3.And(value >= 0, value < 256))


# --- defines -------------------------------------------------------------------------------------------------------


@each_instance
def test_an_opaque_define_is_a_function_unless_it_is_laid_open(instance: str) -> None:
    a, x = argument("a", WORD), argument("x", WORD)
    f = replace(define("f", (a,), op(var(a), "&", word(1)), WORD), opaque=True)
    claim = op(apply(f, word(3)), "==", word(1))
    for revealed, holds in ((None, True), (frozenset({"m.f"}), True), (frozenset[str](), False)):
        made = encoder(INSTANCES[instance](8), f, revealed=revealed)
        assert proved(made, made.encode(claim, {}, {}).value) == holds
        assert proved(made, made.encode(op(apply(f, var(x)), "==", apply(f, var(x))), {}, {}).value)
        open_to_all = encoder(INSTANCES[instance](8), replace(f, opaque=False), revealed=revealed)
        assert proved(open_to_all, open_to_all.encode(claim, {}, {}).value)


@each_instance
def test_a_define_applied_twice_has_the_value_of_each_argument(instance: str) -> None:
    a, x = argument("a", WORD), argument("x", WORD)
    f = define("f", (a,), op(var(a), "+", word(1)), WORD)
    made = encoder(INSTANCES[instance](8), f)
    claim = op(apply(f, apply(f, var(x))), "==", op(var(x), "+", word(2)))
    assert proved(made, made.encode(claim, {}, {}).value)


@each_instance
def test_old_reads_the_entry_and_sees_what_is_bound_around_it(instance: str) -> None:
    s, x = state("s", WORD), bound("x", WORD)
    made = encoder(INSTANCES[instance](8))
    now, then = made.words.literal(1), made.words.literal(2)
    claims = (
        op(old(var(s)), "==", word(2)),
        op(var(s), "==", word(1)),
        let(x, var(s), op(old(op(var(x), "+", var(s))), "==", word(3))),
        exists(x, old(op(op(var(x), "==", word(9)), "&&", op(var(s), "==", word(2))))),
    )
    for claim in claims:
        assert proved(made, made.encode(claim, {s: now}, {s: then}).value)


# --- more than one encoder -----------------------------------------------------------------------------------------


def test_encoders_of_one_process_share_an_enum_and_keep_apart_two_of_the_same_name() -> None:
    other = core.EnumType(COLOUR.module, COLOUR.name, (*COLOUR.members, "black"))
    x, y = argument("x", COLOUR), argument("y", other)
    for _ in range(3):
        made = encoder(BitVectors(8))
        three = [op(var(x), "!=", element(name, COLOUR)) for name in COLOUR.members]
        four = [op(var(y), "!=", element(name, other)) for name in COLOUR.members]
        assert proved(made, z3.Not(z3.And(*(made.encode(e, {}, {}).value for e in three))))
        wider = encoder(Integers(8))
        assert not proved(wider, z3.Not(z3.And(*(wider.encode(e, {}, {}).value for e in four))))
    assert encoder(BitVectors(8)).sort(COLOUR) == encoder(Integers(8)).sort(COLOUR)


def test_the_facts_of_the_abstract_instance_are_there_from_the_start() -> None:
    assert len(encoder(AbstractIntegers(8)).facts) == 8
    assert encoder(Integers(8)).facts == []


# --- there and back ------------------------------------------------------------------------------------------------

ROUND_TRIPS = 90


def meets(made: Encoder, term: Term, value: Value, type_: Type) -> Term:
    """That a term is the value; of a map, at its exceptions and at one other key, if it has one."""
    if not isinstance(value, MapValue):
        return integers.unbounded(term) == value if type_ == INT else term == made.value(value, type_)
    keys, held = core.key_type(value.type), core.value_type(value.type)
    return z3.And(*(meets(made, z3.Select(term, as_term(made, k, keys)), value.get(k), held) for k in looked(value)))


def looked(value: MapValue) -> tuple[Value, ...]:
    return (*value.keys, some_value(core.key_type(value.type), value.word_bits))


def alike(found: Value, value: Value) -> bool:
    if not isinstance(value, MapValue):
        return found == value
    assert isinstance(found, MapValue)
    return all(alike(found.get(key), value.get(key)) for key in looked(value))


@each_instance
def test_a_state_found_by_the_solver_is_one_and_gives_the_value_that_was_asked_for(instance: str) -> None:
    tried = unknown = 0
    for seed in range(ROUND_TRIPS):
        given = example(seed, 10)
        if instance == "integers" and given.bits < 4:
            continue  # what an array holds outside a range of so few keys is not told from its default
        value = value_of(given)
        if value is None:
            continue
        tried += 1
        found = solved(given, INSTANCES[instance](given.bits), value)
        if found is None:
            unknown += 1
            continue
        every = {**found.values, **found.entry, **found.geometry}
        assert all(fits(v, s.type, given.bits) for s, v in every.items()), seed
        again = value_of(found)
        assert again is not None, seed
        assert alike(again, value), seed
    assert tried > ROUND_TRIPS / 2
    assert unknown < tried / 8


def value_of(given: Example) -> Value | None:
    context = context_for(given.program, given.geometry, given.bits, given.tables)
    try:
        return evaluate(given.expr, context, given.values, given.entry)
    except (Undefined, Undecided):
        return None


def solved(given: Example, words: Words, value: Value) -> Example | None:
    """The example over a state at which the solver says that it has the value; None if the solver cannot tell."""
    made = Encoder.of(given.program, words, {}, None, {s: 300 for s in given.values if s.name.endswith("int_0")})
    before: dict[Symbol, Symbol] = {s: replace(s, version=1) for s in given.entry}
    entry = {s: made.symbol(then) for s, then in before.items()}
    encoded = made.encode(given.expr, {}, entry)
    symbols = (*given.values, *before.values())
    for symbol in (*symbols, *given.geometry):
        made.symbol(symbol)
    claim = z3.And(encoded.defined, meets(made, encoded.value, value, given.expr.type))
    asked = Assertions(made, {}, (claim, *made.facts), (), ())
    answer = put(asked, 500)
    assert not answer.no, f"seed {given.seed}: there is such a state, and the solver says that there is none"
    if not answer.yes:
        return None
    try:
        found = decode(asked, answer.model, symbols, given.geometry)
    except Undecodable as undecodable:
        raise AssertionError(f"seed {given.seed}") from undecodable
    numbers = {s: v for s, v in found.params.items() if isinstance(v, int)}
    return replace(
        given,
        geometry=numbers,
        values={s: found.values[s] for s in given.values},
        entry={s: found.values[then] for s, then in before.items()},
        tables=found.tables,
    )


def test_a_round_trip_goes_through_every_kind_of_thing() -> None:
    """Else it would show little: among the examples are maps, `old`, quantifiers and unknown defines."""
    seen = {type(e).__name__ for seed in range(ROUND_TRIPS) for e in subexpressions(example(seed, 10).expr)}
    assert {"Old", "Quantifier", "Update", "Index", "ToWord", "ToInt", "Let", "Ite", "Binary"} <= seen
