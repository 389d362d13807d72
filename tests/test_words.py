"""Words and integers in the solver have, operation for operation, the values that `evaluate` gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any, TypeAlias

import pytest
import z3
from agreement import compared
from constructors import SCALARS
from core_nodes import place
from drawn import SIZES, edges
from expressions import example

from verify import evaluate, integers
from verify.core import INT, WORD, BinaryOp, UnaryOp
from verify.evaluate import Undefined
from verify.words import AbstractIntegers, AnyIntegers, BitVectors, Integers, Words

Term: TypeAlias = Any
Operation: TypeAlias = Callable[[Words, Term, Term], Term]

INSTANCES: dict[str, Callable[[int], Words]] = {"bit-vectors": BitVectors, "integers": Integers}

OPERATIONS: dict[BinaryOp, Operation] = {
    BinaryOp.ADD: lambda w, a, b: w.add(a, b),
    BinaryOp.SUB: lambda w, a, b: w.sub(a, b),
    BinaryOp.MUL: lambda w, a, b: w.mul(a, b),
    BinaryOp.DIV: lambda w, a, b: w.div(a, b),
    BinaryOp.MOD: lambda w, a, b: w.mod(a, b),
    BinaryOp.BAND: lambda w, a, b: w.band(a, b),
    BinaryOp.BOR: lambda w, a, b: w.bor(a, b),
    BinaryOp.BXOR: lambda w, a, b: w.bxor(a, b),
    BinaryOp.SHL: lambda w, a, b: w.shl(a, b),
    BinaryOp.SHR: lambda w, a, b: w.shr(a, b),
    BinaryOp.LT: lambda w, a, b: w.lt(a, b),
    BinaryOp.LE: lambda w, a, b: w.le(a, b),
}

INTEGER_OPERATIONS: dict[BinaryOp, Callable[[Term, Term], Term]] = {
    BinaryOp.ADD: integers.add,
    BinaryOp.SUB: integers.sub,
    BinaryOp.MUL: integers.mul,
    BinaryOp.DIV: integers.div,
    BinaryOp.MOD: integers.mod,
    BinaryOp.LT: integers.lt,
    BinaryOp.LE: integers.le,
    BinaryOp.EQ: integers.eq,
    BinaryOp.MIN: lambda a, b: integers.ite(integers.le(a, b), a, b),
}


def pairs(bits: int) -> Iterator[tuple[int, int]]:
    """Every pair of words up to three bits; at some sizes each two edges and shift counts; elsewhere some."""
    random = Random(bits)
    if bits <= 3:
        yield from product(range(1 << bits), repeat=2)
    elif bits in (8, 64, 127):
        some = (*edges(bits), bits - 1, random.randrange(1 << bits))
        yield from product(some, repeat=2)
    else:
        for _ in range(3):
            yield random.choice(edges(bits)), random.choice((*edges(bits), random.randrange(1, bits)))
        yield random.randrange(1 << bits), random.randrange(1, bits)


def read(term: Term) -> int | bool:
    """The number or the truth that a term without variables is."""
    term = z3.simplify(term)
    if z3.is_true(term) or z3.is_false(term):
        return bool(z3.is_true(term))
    assert z3.is_int_value(term) or z3.is_bv_value(term), term
    return int(term.as_long())


def read_integer(term: Term) -> int | bool:
    """The same for an integer, which may be held in a signed bit-vector."""
    term = z3.simplify(term)
    return int(term.as_signed_long()) if z3.is_bv_value(term) else read(term)


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name.lower())
@pytest.mark.parametrize("instance", INSTANCES)
def test_an_operation_on_words_has_the_value_that_evaluate_gives_it(instance: str, op: BinaryOp) -> None:
    checked = 0
    for bits in range(1, 129):
        words = INSTANCES[instance](bits)
        for a, b in pairs(bits):
            try:
                expected = evaluate.binary(op, a, b, WORD, bits, place())
            except Undefined:
                continue
            assert read(OPERATIONS[op](words, words.literal(a), words.literal(b))) == expected, (bits, a, b)
            checked += 1
    assert checked > 250


@pytest.mark.parametrize("op", OPERATIONS, ids=lambda op: op.name.lower())
@pytest.mark.parametrize("instance", INSTANCES)
def test_an_operation_on_unknown_words_has_it_too_once_they_are_known(instance: str, op: BinaryOp) -> None:
    """The terms are built without looking at the operands: a shift by an unknown count has a case for each."""
    for bits in SIZES:
        words = INSTANCES[instance](bits)
        x, y = z3.Consts("x y", words.sort())
        term = OPERATIONS[op](words, x, y)
        for a, b in list(pairs(bits))[:: 1 if bits <= 3 else 7]:
            try:
                expected = evaluate.binary(op, a, b, WORD, bits, place())
            except Undefined:
                continue
            assert read(z3.substitute(term, (x, words.literal(a)), (y, words.literal(b)))) == expected, (bits, a, b)


@pytest.mark.parametrize("instance", INSTANCES)
def test_a_word_is_inverted_and_turned_into_an_integer_and_back(instance: str) -> None:
    for bits in range(1, 129):
        words = INSTANCES[instance](bits)
        for a in (*edges(bits), Random(bits).randrange(1 << bits)):
            term = words.literal(a)
            assert read(words.invert(term)) == evaluate.unary(UnaryOp.INVERT, a, WORD, bits)
            assert read_integer(words.to_int(term)) == a
            assert read(words.from_int(words.to_int(term))) == a
            assert read(words.from_int(integers.literal(a))) == a
            assert read(words.in_range(term)) is True


def test_a_word_held_in_an_integer_is_at_least_0_and_below_the_top() -> None:
    for bits in SIZES:
        words = Integers(bits)
        top = 1 << bits
        inside = {n: read(words.in_range(z3.IntVal(n))) for n in (-top, -1, 0, 1, top - 1, top, top + 1)}
        assert inside == {-top: False, -1: False, 0: True, 1: True, top - 1: True, top: False, top + 1: False}


def test_every_result_of_an_operation_on_words_held_in_integers_is_a_word() -> None:
    """For all words, by the solver; the operations on bits at small sizes alone, where it can."""
    x, y = z3.Ints("x y")
    for op, operation in OPERATIONS.items():
        if op in (BinaryOp.LT, BinaryOp.LE):
            continue
        linear = op in (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.DIV, BinaryOp.MOD)
        for bits in (1, 3, 64) if linear else (1, 3):
            words = Integers(bits)
            defined = {
                BinaryOp.DIV: y != 0,
                BinaryOp.MOD: y != 0,
                BinaryOp.SHL: y < bits,
                BinaryOp.SHR: y < bits,
            }.get(op, z3.BoolVal(True))
            solver = z3.Solver()
            solver.add(words.in_range(x), words.in_range(y), defined)
            solver.add(z3.Not(words.in_range(operation(words, x, y))))
            assert solver.check() == z3.unsat, (op, bits)


# --- integers ------------------------------------------------------------------------------------------------------

KINDS = ("numeral", "unbounded", "tight", "wide")


def held(value: int, kind: str) -> Term:
    """A number as the solver may have it: z3's own, or in a bit-vector that just holds it, or in a wider one."""
    if kind == "numeral":
        return integers.literal(value)
    if kind == "unbounded":
        return z3.ToInt(z3.ToReal(z3.IntVal(value)))  # no numeral until it is simplified
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return z3.BitVecVal(value, bits if kind == "tight" else bits + 13)


NUMBERS = (0, 1, -1, 2, -3, -8, 255, -(1 << 64), 10**40)


@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("left", KINDS)
def test_an_operation_on_integers_has_the_value_that_evaluate_gives_it_however_they_are_held(
    left: str, right: str
) -> None:
    for op, operation in INTEGER_OPERATIONS.items():
        for a, b in product(NUMBERS, repeat=2):
            try:
                expected = evaluate.binary(op, a, b, INT, 64, place())
            except Undefined:
                continue
            assert read_integer(operation(held(a, left), held(b, right))) == expected, (op, a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_an_integer_is_negated_and_made_unbounded_and_cut_to_a_word_however_it_is_held(kind: str) -> None:
    for a in NUMBERS:
        assert read_integer(integers.neg(held(a, kind))) == -a
        assert read(integers.unbounded(held(a, kind))) == a
        for bits in (1, 8, 64, 200):
            assert read(integers.to_bits(held(a, kind), bits)) == a % (1 << bits)


def test_products_beyond_the_widest_bit_vector_stay_exact() -> None:
    a = z3.BitVecVal(-(1 << 900), 901)
    for other in (a, z3.BitVecVal(3, 200), integers.literal(-(1 << 300))):
        product_ = integers.mul(a, other)
        assert z3.is_int(product_)
        expected = -(1 << 900) * int(read_integer(other))
        assert read_integer(product_) == expected
        assert read_integer(integers.add(product_, a)) == expected - (1 << 900)


# --- abstract integers ---------------------------------------------------------------------------------------------


class Real(AbstractIntegers):
    """Abstract integers whose unknown functions are the operations that they stand for."""

    def _unknown(self, name: str, a: Term, b: Term) -> Term:
        real: Term = getattr(Integers, name)(self, a, b)
        return real

    def facts(self) -> list[z3.BoolRef]:
        return []  # of the real operations they hold for words alone


def test_with_the_real_operations_for_its_functions_the_abstract_instance_is_exact() -> None:
    """So what is proved of all such functions holds of the real ones."""
    for bits in range(1, 129):
        words = Real(bits)
        for op, operation in OPERATIONS.items():
            for a, b in list(pairs(bits))[:: 9 if bits > 2 else 1]:
                try:
                    expected = evaluate.binary(op, a, b, WORD, bits, place())
                except Undefined:
                    continue
                assert read(operation(words, words.literal(a), words.literal(b))) == expected, (op, bits, a, b)
    compares = [
        c for seed in range(10) for e in [example(seed, 30, SCALARS)] for c in compared(e, Real(e.bits), "free")
    ]
    assert [c for c in compares if c.differ] == []
    assert sum(not c.open for c in compares) > 50


class RealAtAnySize(AnyIntegers):
    """Words of `bits` bits as integers of no particular size, the unknown functions the operations that they are."""

    def __init__(self, least: int, bits: int) -> None:
        super().__init__(least)
        self.real = Integers(bits)

    def _unknown(self, name: str, a: Term, b: Term) -> Term:
        real: Term = getattr(self.real, name)(a, b)
        return real

    def known(self, term: Term) -> Term:
        """The term, the size put in."""
        return z3.substitute(term, (self.width(), self.real.width()), (self.top(), self.real.top()))


def test_at_no_particular_size_the_abstract_instance_is_exact_at_every_size_from_the_least_on() -> None:
    for bits in SIZES:
        for least in {1, bits}:
            words = RealAtAnySize(least, bits)
            for op, operation in OPERATIONS.items():
                for a, b in list(pairs(bits))[:: 9 if bits > 2 else 1]:
                    try:
                        expected = evaluate.binary(op, a, b, WORD, bits, place())
                    except Undefined:
                        continue
                    found = words.known(operation(words, words.literal(a), words.literal(b)))
                    assert read(found) == expected, (op, least, bits, a, b)
            for a in edges(bits):
                term = words.literal(a)
                assert read(words.known(words.invert(term))) == evaluate.unary(UnaryOp.INVERT, a, WORD, bits)
                assert read(words.known(words.in_range(term))) is True
            assert read(words.known(words.in_range(z3.IntVal(1 << bits)))) is False
            assert all(
                read(words.known(fact)) is True for fact in AnyIntegers(least).facts() if not z3.is_quantifier(fact)
            )


def test_the_facts_of_the_abstract_instance_say_that_results_are_words_and_are_true_of_the_real_operations() -> None:
    x, y = z3.Ints("x y")
    for bits in (1, 2, 3, 32, 64):
        words = AbstractIntegers(bits)
        solver = z3.Solver()
        solver.set("timeout", 5000)
        solver.add(*words.facts())
        for op in (BinaryOp.MUL, BinaryOp.DIV, BinaryOp.MOD, BinaryOp.BAND, BinaryOp.SHL, BinaryOp.SHR):
            term = OPERATIONS[op](words, x, y)
            assert solver.check(z3.Not(words.in_range(term))) == z3.unsat
        # With the facts go the values of all operations at some words at once: they contradict nothing.
        for op, operation in OPERATIONS.items():
            for a, b in list(pairs(bits))[:6]:
                try:
                    value = evaluate.binary(op, a, b, WORD, bits, place())
                except Undefined:
                    continue
                solver.add(operation(words, z3.IntVal(a), z3.IntVal(b)) == value)
        assert solver.check() != z3.unsat


def test_nothing_but_the_range_is_known_of_an_abstract_operation() -> None:
    """Else it would be no abstraction, but an axiom of the tool."""
    x, y = z3.Ints("x y")
    words = AbstractIntegers(32)
    for operation in (words.band, words.bor, words.bxor, words.div, words.mod, words.mul, words.shl, words.shr):
        solver = z3.Solver()
        solver.set("timeout", 5000)
        solver.add(*words.facts(), words.in_range(x), words.in_range(y), y != 0, y < 32)
        solver.add(operation(x, y) == 5, operation(y, x) == 6, x == y + 1)
        assert solver.check() != z3.unsat


def test_the_size_the_sort_and_the_literals_of_words() -> None:
    assert BitVectors(7).sort() == z3.BitVecSort(7)
    assert Integers(7).sort() == z3.IntSort()
    assert read(BitVectors(7).literal(127)) == read(Integers(7).literal(127)) == 127
    for bits in (1, 7, 128):
        for words in (BitVectors(bits), Integers(bits)):
            assert read_integer(words.width()) == bits
            assert read_integer(words.top()) == 1 << bits
