"""Random expressions of the core language, and values for the variables in them."""

from __future__ import annotations

from core_nodes import (
    COLOUR,
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
from hypothesis import strategies as st

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Evaluation, Table, Undefined, plain
from verify.values import MapValue, Member, Value, map_value

WORDS = core.MapType(core.WORD, core.WORD)
PTES = core.MapType(core.WORD, core.OpaqueType("m", "pte", ("none", "zero")))
SET = core.SetType(core.WORD)

SIZE = param("SIZE")
X, Y, COUNT = argument("x", core.WORD), argument("y", core.WORD), argument("count", core.INT)
M, S, P = state("m", WORDS), state("s", SET), state("p", PTES)
FREE = (X, Y, COUNT, M, S, P)

F = define("f", (argument("fx", core.WORD), argument("fy", core.WORD)), None, core.WORD)
FLOOR = define(
    "floor", (argument("a", core.WORD),), op(var(argument("a", core.WORD)), "&", unary("-", var(SIZE))), core.WORD
)


BRUTE = 12
"""Quantified ints are guarded to lie from -BRUTE to BRUTE, so that all of them can be gone through."""


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

    def one(self, options: list[Symbol]) -> Symbol:
        return self.draw(st.sampled_from(options))

    def maybe(self) -> bool:
        return self.draw(st.booleans())

    def kind(self, *options: core.Type) -> core.Type:
        return self.draw(st.sampled_from(options))

    def leaf(self, type_: core.Type, scope: tuple[Symbol, ...]) -> core.Expr:
        here = [s for s in scope if s.type == type_]
        bound_here = [s for s in here if s.kind is core.SymbolKind.BOUND]
        # The bound variables are what makes a body hard.
        if bound_here and self.draw(st.integers(0, 3)) != 0:
            return var(self.one(bound_here))
        if here and self.maybe():
            return var(self.one(here))
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
                name = bound(f"l{self.bound}", self.kind(core.WORD, core.INT, core.BOOL))
                return let(name, self.expr(name.type, scope, sub), self.expr(type_, (*scope, name), sub))
        match type_:
            case core.WordType():
                return self.a_word(scope, sub)
            case core.IntType():
                return self.an_int(scope, sub)
            case core.BoolType():
                return self.a_bool(scope, sub)
            case core.OpaqueType() if self.draw(st.booleans()):
                return index(var(P), self.expr(core.WORD, scope, sub))
            case core.MapType() | core.SetType() if self.draw(st.booleans()):
                key, value = self.expr(core.WORD, scope, sub), self.expr(core.value_type(type_), scope, sub)
                return update(self.expr(type_, scope, sub), key, value)
            case _:
                return self.leaf(type_, scope)

    def a_word(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
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

    def an_int(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
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

    def a_bool(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
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
                type_ = self.kind(PTE, COLOUR, core.BOOL, WORDS, SET)
                return op(self.expr(type_, scope, sub), self.pick("==", "!="), self.expr(type_, scope, sub))
            case _:
                type_ = self.kind(core.WORD, core.WORD, core.INT)
                return op(self.expr(type_, scope, sub), self.pick(*ORDER), self.expr(type_, scope, sub))

    def quantifier(self, scope: tuple[Symbol, ...], sub: int) -> core.Expr:
        self.bound += 1
        types: tuple[core.Type, ...] = (core.WORD, core.WORD, core.WORD, core.WORD, core.INT, core.BOOL, PTE, COLOUR)
        if self.bits == 1:
            types = (*types, SET)
        name = bound(f"b{self.bound}", self.kind(*types))
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
    words: st.SearchStrategy[Value] = st.integers(0, 2**bits - 1)
    ptes: st.SearchStrategy[Value] = st.builds(Member, st.just(PTE), st.integers(0, 4))
    rows: st.SearchStrategy[dict[tuple[Value, ...], Value]] = st.dictionaries(
        st.tuples(words, words), words, max_size=3
    )

    def held(type_: core.MapType | core.SetType, of: st.SearchStrategy[Value]) -> MapValue:
        return map_value(type_, draw(of), draw(st.dictionaries(words, of, max_size=3)), bits)

    values: dict[Symbol, Value] = {
        X: draw(words),
        Y: draw(words),
        COUNT: draw(st.integers(-4, 9)),
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
