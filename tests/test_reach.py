"""Quantifiers are decided exactly: against going through every value, on random bodies, and by hand where that fails."""

from __future__ import annotations

import time
from itertools import product

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

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Evaluation, Result, Table, Undecided, Undefined, evaluate, plain
from verify.form import Form, Variable
from verify.values import MapValue, Member, Value, domain, map_value
from verify.why import failing_binding

WORDS = core.MapType(core.WORD, core.WORD)
PTES = core.MapType(core.WORD, core.OpaqueType("m", "pte", ("none", "zero")))
SET = core.SetType(core.WORD)

SIZE = param("SIZE")
X, Y, I = argument("x", core.WORD), argument("y", core.WORD), argument("i", core.INT)
M, S, P = state("m", WORDS), state("s", SET), state("p", PTES)
FREE = (X, Y, I, M, S, P)

F = define("f", (argument("fx", core.WORD), argument("fy", core.WORD)), None, core.WORD)
FLOOR = define(
    "floor", (argument("a", core.WORD),), op(var(argument("a", core.WORD)), "&", unary("-", var(SIZE))), core.WORD
)


BRUTE = 12
"""Quantified ints are guarded to lie from -BRUTE to BRUTE, so that all of them can be gone through."""


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


def context(bits: int, size: int = 2, table: Table | None = None) -> Context:
    defines = {d.qualified: d for d in (F, FLOOR)}
    return Context(bits, {core.WORD_BITS: bits, SIZE: size}, defines, {F.qualified: table or Table(0)})


# --- random bodies -------------------------------------------------------------------------------------------------

WORD_OPS = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "min", "max")
INT_OPS = ("+", "-", "*", "/", "%", "min", "max")
ORDER = ("==", "!=", "<", "<=", ">", ">=")
CONNECTIVES = ("&&", "||", "==>", "<==>")


class Bodies:
    """Draws expressions of a type over the variables in scope."""

    def __init__(self, draw: st.DrawFn, bits: int) -> None:
        self.draw = draw
        self.bits = bits
        self.bound = 0

    def pick(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def leaf(self, type_: core.Type, scope: tuple[Symbol, ...]) -> core.Expr:
        here = [s for s in scope if s.type == type_]
        bound_here = [s for s in here if s.kind is core.SymbolKind.BOUND]
        # The bound variables are what makes a body hard.
        if bound_here and self.draw(st.integers(0, 3)):
            return var(self.draw(st.sampled_from(bound_here)))
        if here and self.draw(st.booleans()):
            return var(self.draw(st.sampled_from(here)))
        match type_:
            case core.WordType():
                return word(self.draw(st.integers(0, 2**self.bits - 1)))
            case core.IntType():
                return number(self.draw(st.integers(-3, 9)))
            case core.BoolType():
                return truth(self.draw(st.booleans()))
            case core.OpaqueType():
                return element(self.pick("none", "zero"))
            case core.EnumType():
                return element(self.pick(*COLOUR.members), COLOUR)
            case core.SetType():
                return core.EmptySet(place(), type_)
            case core.MapType():
                return var(M)

    def expr(self, type_: core.Type, scope: tuple[Symbol, ...], depth: int) -> core.Expr:
        if depth == 0:
            return self.leaf(type_, scope)
        sub = depth - 1
        match self.draw(st.integers(0, 15)):
            case 0:
                branches = (self.expr(type_, scope, sub), self.expr(type_, scope, sub))
                return ite(self.expr(core.BOOL, scope, sub), *branches)
            case 1:
                self.bound += 1
                name = bound(f"l{self.bound}", self.draw(st.sampled_from((core.WORD, core.INT, core.BOOL))))
                return let(name, self.expr(name.type, scope, sub), self.expr(type_, (*scope, name), sub))
        match type_:
            case core.WordType():
                return self.word(scope, sub)
            case core.IntType():
                return self.int(scope, sub)
            case core.BoolType():
                return self.bool(scope, sub)
            case core.OpaqueType() if self.draw(st.booleans()):
                return index(var(P), self.expr(core.WORD, scope, sub))
            case core.MapType() | core.SetType() if self.draw(st.booleans()):
                key, value = self.expr(core.WORD, scope, sub), self.expr(core.value_type(type_), scope, sub)
                return update(self.expr(type_, scope, sub), key, value)
            case _:
                return self.leaf(type_, scope)

    def word(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
        match self.draw(st.integers(0, 19)):
            case 0:
                return unary(self.pick("~", "-"), self.expr(core.WORD, scope, sub))
            case 1 | 2:
                return index(self.expr(WORDS, scope, sub), self.expr(core.WORD, scope, sub))
            case 3:
                return apply(F, self.expr(core.WORD, scope, sub), self.expr(core.WORD, scope, sub))
            case 4 | 5:
                return apply(FLOOR, self.expr(core.WORD, scope, sub))
            case 6:
                return to_word(self.expr(core.INT, scope, sub))
            case _:
                sign = self.pick("+", "-", *WORD_OPS)
                if sign in ("/", "%", "<<", ">>"):
                    right: core.Expr = word(self.draw(st.integers(1, self.bits - 1 or 1)))
                elif sign in ("&", "|", "^"):
                    right = word(self.draw(st.integers(0, 2**self.bits - 1)))
                else:
                    right = self.expr(core.WORD, scope, sub)
                if self.draw(st.integers(0, 7)) == 0:
                    right = self.expr(core.WORD, scope, sub)
                return op(self.expr(core.WORD, scope, sub), sign, right)

    def int(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
        match self.draw(st.integers(0, 9)):
            case 0:
                return unary("-", self.expr(core.INT, scope, sub))
            case 1 | 2 | 3:
                return to_int(self.expr(core.WORD, scope, sub))
            case _:
                sign = self.pick("+", "-", *INT_OPS)
                if sign in ("/", "%"):
                    right: core.Expr = number(self.draw(st.sampled_from((-3, -2, -1, 1, 2, 3, 4))))
                else:
                    right = self.expr(core.INT, scope, sub)
                return op(self.expr(core.INT, scope, sub), sign, right)

    def bool(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
        match self.draw(st.integers(0, 19)):
            case 0:
                return unary("!", self.expr(core.BOOL, scope, sub))
            case 1 | 2:
                return index(self.expr(SET, scope, sub), self.expr(core.WORD, scope, sub))
            case 3 | 4:
                return self.quantifier(scope, sub)
            case 5 | 6 | 7 | 8:
                return op(self.expr(core.BOOL, scope, sub), self.pick(*CONNECTIVES), self.expr(core.BOOL, scope, sub))
            case 9 | 10:
                type_ = self.draw(st.sampled_from((PTE, COLOUR, core.BOOL, WORDS, SET)))
                return op(self.expr(type_, scope, sub), self.pick("==", "!="), self.expr(type_, scope, sub))
            case _:
                type_ = self.draw(st.sampled_from((core.WORD, core.WORD, core.INT)))
                return op(self.expr(type_, scope, sub), self.pick(*ORDER), self.expr(type_, scope, sub))

    def quantifier(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
        self.bound += 1
        types = (core.WORD, core.WORD, core.WORD, core.WORD, core.INT, core.BOOL, PTE, COLOUR)
        if self.bits == 1:
            types = (*types, SET)
        name = bound(f"b{self.bound}", self.draw(st.sampled_from(types)))
        body = self.expr(core.BOOL, (*scope, name), sub)
        if self.draw(st.integers(0, 3)) == 0:
            body = old(body) if not any(s.name.startswith("l") for s in scope) else body
        universal = self.draw(st.booleans())
        if name.type == core.INT:
            low, high = number(-self.draw(st.integers(0, BRUTE))), number(self.draw(st.integers(0, BRUTE)))
            guard = both(op(low, "<=", var(name)), op(var(name), "<=", high))
            body = op(guard, "==>" if universal else "&&", body)
        return forall(name, body) if universal else exists(name, body)


@st.composite
def cases(draw: st.DrawFn, widths: tuple[int, ...], depth: int) -> tuple[core.Expr, Context, dict[Symbol, Value]]:
    bits = draw(st.sampled_from(widths))
    words = st.integers(0, 2**bits - 1)
    ptes = st.builds(Member, st.just(PTE), st.integers(0, 4))
    rows = st.dictionaries(st.tuples(words, words), words, max_size=3)

    def held(type_: core.MapType | core.SetType, of: st.SearchStrategy[Value]) -> MapValue:
        return map_value(type_, draw(of), draw(st.dictionaries(words, of, max_size=3)), bits)

    values: dict[Symbol, Value] = {
        X: draw(words),
        Y: draw(words),
        I: draw(st.integers(-4, 9)),
        M: held(WORDS, words),
        S: held(SET, st.booleans()),
        P: held(PTES, ptes),
    }
    size = 1 << draw(st.integers(0, bits - 1))
    bodies = Bodies(draw, bits)
    return bodies.quantifier(FREE, depth), context(bits, size, Table(draw(words), draw(rows))), values


def outcome(run: Evaluation, expr: core.Expr, values: dict[Symbol, Value]) -> object:
    try:
        return plain(run.value(expr, values, dict(values)))
    except Undefined:
        return "undefined"


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
def moving(draw: st.DrawFn) -> tuple[core.Expr, Context, dict[Symbol, Value], int]:
    _, where, values = draw(cases((3, 4), 0))
    bodies = Bodies(draw, where.word_bits)
    type_ = draw(st.sampled_from((core.WORD, core.WORD, core.INT, core.BOOL)))
    expr = bodies.expr(type_, (*FREE, A, B, J), draw(st.integers(1, 3)))
    values |= {A: draw(st.integers(0, 7)), B: draw(st.integers(0, 7)), J: draw(st.integers(-9, 9))}
    return expr, where, values, draw(st.integers(0, 1))


@settings(max_examples=500, deadline=None)
@given(moving())
def test_wherever_the_path_holds_the_value_is_what_the_form_says(
    case: tuple[core.Expr, Context, dict[Symbol, Value], int],
) -> None:
    expr, where, values, downwards = case
    variables = {A: Variable(), B: Variable(), J: Variable()}
    run = Evaluation(where, {}, 20_000)
    run.variable = variables[J]
    run.variable.direction = -1 if downwards else 1
    scope = {**values, **{s: Form(number_at(values, s), ((v, 1),)) for s, v in variables.items()}}
    try:
        found = run.value(expr, scope, scope)
    except Undefined:
        return
    every_word = range(1 << where.word_bits)
    for point in product(every_word, every_word, range(-9, 10)):
        moved = dict(zip((A, B, J), point, strict=True))
        by = {v: moved[s] - number_at(values, s) for s, v in variables.items()}
        if all(slack + sum(slope * by[v] for v, slope in terms) >= 0 for slack, terms in run.path):
            there = outcome(Evaluation(where, {}, 20_000), expr, {**values, **moved})
            assert there == (at(found, by) if isinstance(found, Form) else found)


def number_at(values: dict[Symbol, Value], symbol: Symbol) -> int:
    value = values[symbol]
    assert isinstance(value, int)
    return value


def at(form: Form, by: dict[Variable, int]) -> int:
    """The value of a form after its variables have moved by so much."""
    moved = form.value
    for atom, slope in form.terms:
        moved += slope * (by[atom] if isinstance(atom, Variable) else at(atom.base, by) // atom.divisor)
    return moved
