"""Random well-typed expressions of the core, over random programs and states: an `Example` is a seed's alone.

Every constructor is drawn at every type at which it applies. What is drawn is mostly defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TypeAlias

import core_nodes as nodes
from constructors import (
    APPLIED,
    ARITHMETIC,
    BITWISE,
    CONNECTIVES,
    EQUALITIES,
    IN_OLD,
    KEYED,
    ORDERS,
    PARAMS,
    SCALARS,
    SHIFTS,
    TYPES,
)
from drawn import SIZES, Values
from places import Place, places
from quantified import Quantifiers

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp, MapType, SetType, Symbol, SymbolKind, Type
from verify.evaluate import Context, Table, Undecided, Undefined, evaluate
from verify.values import Value


@dataclass(frozen=True, slots=True)
class Example:
    """An expression, the program that it stands in, and the values that all it mentions has."""

    seed: int
    bits: int
    expr: core.Expr
    program: core.Program
    geometry: Mapping[Symbol, int | bool]
    values: Mapping[Symbol, Value]
    entry: Mapping[Symbol, Value]
    tables: Mapping[str, Table]
    words: tuple[int, ...]
    """Every word drawn for it: literals, and values of variables, keys and values of maps among them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be mentioned at a place. `parameters` are those of a define whose body it is."""

    kinds: tuple[SymbolKind, ...]
    bound: tuple[Symbol, ...] = ()
    parameters: tuple[Symbol, ...] | None = None
    old: bool = False


OUTERMOST = Scope(tuple(k for k in SymbolKind if k is not SymbolKind.BOUND))
CONSTANT = Scope((SymbolKind.PARAM,))
Make: TypeAlias = Callable[[], core.Expr]


def example(seed: int, size: int = 90, types: Sequence[Type] = TYPES) -> Example:
    """The example of that seed, some `size` nodes large, of one of the types."""
    random = Random(seed)
    bits = random.choice(SIZES) if random.random() < 0.5 else random.randint(1, 128)
    maker = Maker(random, Values(random, bits))
    expr = maker.make(random.choice(types), size, OUTERMOST)
    maker.meet_tables(expr)
    items = [*maker.items(), *maker.defines.values()]
    return Example(
        seed,
        bits,
        expr,
        nodes.program(*items),
        maker.geometry,
        maker.state,
        maker.before,
        maker.tables,
        tuple(maker.values.drawn),
    )


class Maker:
    """Makes expressions, and with them the variables, constants and defines that they mention."""

    def __init__(self, random: Random, values: Values) -> None:
        self.random = random
        self.values = values
        self.quantifiers = Quantifiers(self)
        self.geometry: dict[Symbol, int | bool] = {}
        self.state: dict[Symbol, Value] = {}
        self.before: dict[Symbol, Value] = {}
        self.constants: dict[Symbol, core.Expr] = {}
        self.defines: dict[str, core.Define] = {}
        self.tables: dict[str, Table] = {}
        self.numbered = 0

    def items(self) -> Iterator[core.Item]:
        for symbol in self.geometry:
            yield core.Param(symbol, nodes.place(), ())
        for symbol, value in self.constants.items():
            yield core.Const(symbol, value, nodes.place(), ())

    def fresh(self, kind: SymbolKind, type_: Type) -> Symbol:
        self.numbered += 1
        return Symbol(kind, "m.item", f"x{self.numbered}", type_)

    def likely(self, chance: float) -> bool:
        return self.random.random() < chance

    def split(self, size: int, parts: int) -> list[int]:
        """`size` less the node itself, shared out."""
        cuts = sorted(self.random.randint(0, max(0, size - 1)) for _ in range(parts - 1))
        return [max(1, b - a) for a, b in zip([0, *cuts], [*cuts, size - 1], strict=True)]

    # --- leaves ----------------------------------------------------------------------------------------------------

    def literal(self, type_: Type) -> core.Expr:
        if type_ == WORD and self.likely(0.01):
            return nodes.word(1 << self.values.bits)  # does not fit
        value = self.values.of(type_)
        assert isinstance(value, int)
        return nodes.number(value, type_)

    def variable(self, kind: SymbolKind, type_: Type, scope: Scope) -> core.Expr:
        """One of two variables of that kind and type, or WORD_BITS, or one that is bound or a parameter here."""
        if kind is SymbolKind.BOUND:
            return nodes.var(self.random.choice([s for s in scope.bound if s.type == type_]))
        if scope.parameters is not None and kind in (SymbolKind.ARGUMENT, SymbolKind.STATE):
            return nodes.var(self.random.choice([s for s in scope.parameters if s.type == type_ and s.kind is kind]))
        if kind is SymbolKind.PARAM and type_ == INT and self.likely(0.3):
            return nodes.var(core.WORD_BITS)
        symbol = Symbol(kind, "m", f"{kind.name}_{type_}_{self.random.randrange(2)}", type_)
        if kind is SymbolKind.PARAM:
            if symbol not in self.geometry:
                value = self.values.of(type_)
                assert isinstance(value, int)
                self.geometry[symbol] = value
        elif kind is SymbolKind.CONST:
            if symbol not in self.constants:
                self.constants[symbol] = self.constant(type_)
        else:
            if symbol not in self.state:
                self.state[symbol] = self.values.of(type_)
            if kind in IN_OLD and symbol not in self.before:
                self.before[symbol] = self.state[symbol] if self.likely(0.3) else self.values.of(type_)
        return nodes.var(symbol)

    def constant(self, type_: Type) -> core.Expr:
        """What a derived constant is: something defined. (That it is, is an obligation, and no part of its uses.)"""
        while True:
            made = self.make(type_, 4, CONSTANT)
            try:
                evaluate(made, Context(self.values.bits, self.fixed(), self.defines, self.tables), {}, {})
            except Undefined:
                continue
            return made

    def fixed(self) -> dict[Symbol, Value | Undefined]:
        """The values of params and constants."""
        bits = self.values.bits
        values: dict[Symbol, Value | Undefined] = {**self.geometry, core.WORD_BITS: bits}
        for symbol, made in self.constants.items():
            values[symbol] = evaluate(made, Context(bits, values, self.defines, self.tables), {}, {})
        return values

    def leaves(self, type_: Type, scope: Scope) -> list[tuple[float, Make]]:
        found: list[tuple[float, Make]] = []
        if type_ in (WORD, INT, BOOL):
            found.append((2, lambda: self.literal(type_)))
        if isinstance(type_, core.OpaqueType | core.EnumType):
            names = type_.named if isinstance(type_, core.OpaqueType) else type_.members
            found.append((1, lambda: nodes.element(self.random.choice(names), type_)))
        if isinstance(type_, SetType):
            found.append((1, lambda: core.EmptySet(nodes.place(), type_)))
        for kind in scope.kinds:
            if kind is SymbolKind.PARAM and type_ not in PARAMS:
                continue
            if scope.parameters is not None and kind in (SymbolKind.ARGUMENT, SymbolKind.STATE):
                if not any(s.type == type_ and s.kind is kind for s in scope.parameters):
                    continue
                found.append((8, partial(self.variable, kind, type_, scope)))
                continue
            found.append((1, partial(self.variable, kind, type_, scope)))
        if any(s.type == type_ for s in scope.bound):
            found.append((10, lambda: self.variable(SymbolKind.BOUND, type_, scope)))
        return found

    # --- expressions -----------------------------------------------------------------------------------------------

    def make(self, type_: Type, size: int, scope: Scope) -> core.Expr:
        """An expression of that type and, roughly, that many nodes."""
        found = self.leaves(type_, scope) if size <= 1 else []
        if size > 1:
            found = list(self.inner(type_, size, scope))
        if not found:
            return self.unknown(type_)
        weights, makes = zip(*found, strict=True)
        make: Make = self.random.choices(makes, weights)[0]
        return make()

    def may_be_old(self, scope: Scope) -> bool:
        return scope.parameters is None and not scope.old and SymbolKind.STATE in scope.kinds

    def several(self, size: int, scope: Scope, *types: Type) -> list[core.Expr]:
        return [self.make(t, n, scope) for t, n in zip(types, self.split(size, len(types)), strict=True)]

    def inner(self, type_: Type, size: int, scope: Scope) -> Iterator[tuple[float, Make]]:
        # There is more to choose from at bool, word and int.
        weight = 3 if type_ == BOOL else 1.5 if type_ in (WORD, INT) else 1
        yield 2 * weight, lambda: self.choice(type_, size, scope)
        yield 3 * weight, lambda: self.let(self.random.choice(TYPES), type_, size, scope)
        if self.may_be_old(scope):
            yield 2.5 * weight, lambda: nodes.old(self.make(type_, size - 1, replace(scope, kinds=IN_OLD, old=True)))
        if scope.parameters is None and SymbolKind.CONST in scope.kinds:
            for how in APPLIED:
                yield weight, partial(self.apply, how, type_, size, scope)
        for base in KEYED:
            if core.value_type(base) == type_:
                yield 0.7, partial(self.looked_up, base, size, scope)
        if isinstance(type_, MapType | SetType):
            parts = (type_, core.key_type(type_), core.value_type(type_))
            yield 3, lambda: nodes.update(*self.several(size, scope, *parts))
        if type_ in (WORD, INT):
            yield from self.numeric(type_, size, scope)
        if type_ == BOOL:
            yield from self.truths(size, scope)

    def numeric(self, type_: Type, size: int, scope: Scope) -> Iterator[tuple[float, Make]]:
        ops = [*ARITHMETIC, *BITWISE] if type_ == WORD else [*ARITHMETIC]
        for op in ops:
            yield 1, partial(self.binary, op, type_, type_, size, scope)
        yield 1, lambda: nodes.unary("-", self.operand(type_, size - 1, scope))
        if type_ == INT:
            yield 4, lambda: nodes.to_int(self.make(WORD, size - 1, scope))
            return
        yield 1, lambda: nodes.unary("~", self.make(WORD, size - 1, scope))
        yield 3, lambda: self.to_word(size, scope)
        for op in SHIFTS:
            for count in (WORD, INT):
                yield 1, partial(self.binary, op, WORD, count, size, scope)

    def truths(self, size: int, scope: Scope) -> Iterator[tuple[float, Make]]:
        for op in CONNECTIVES:
            yield 8, partial(self.connective, op, size, scope)
        for op in ORDERS:
            for type_ in (WORD, INT):
                yield 2, partial(self.binary, op, type_, type_, size, scope)
        for op in EQUALITIES:
            for at in TYPES:
                yield 1.5 if at in SCALARS else 2.2, partial(self.alike, op, at, size, scope)
        yield 2, lambda: nodes.unary("!", self.make(BOOL, size - 1, scope))
        for universal in (True, False):
            yield 15, partial(self.quantifiers.make, universal, size, scope)

    def looked_up(self, base: Type, size: int, scope: Scope) -> core.Expr:
        assert isinstance(base, MapType | SetType)
        return nodes.index(*self.several(size, scope, base, core.key_type(base)))

    def choice(self, type_: Type, size: int, scope: Scope) -> core.Expr:
        first, second, third = self.split(size, 3)
        then, otherwise = (self.doubtful(type_, n, scope, 0.06) for n in (second, third))
        return nodes.ite(self.make(BOOL, first, scope), then, otherwise)

    def connective(self, op: BinaryOp, size: int, scope: Scope) -> core.Expr:
        first, second = self.split(size, 2)
        return core.Binary(nodes.place(), op, self.make(BOOL, first, scope), self.doubtful(BOOL, second, scope, 0.12))

    def doubtful(self, type_: Type, size: int, scope: Scope, undefined: float) -> core.Expr:
        """What may not count, so that it may be undefined: with that chance it is."""
        if not self.likely(undefined):
            return self.make(type_, size, scope)
        bits = self.values.bits
        x = self.make(WORD, 1, scope)
        nowhere = self.random.choice(
            (
                nodes.to_word(nodes.number(self.random.choice((-1, 1 << bits)))),
                nodes.op(x, self.random.choice("/%"), nodes.word(0)),
                nodes.op(x, self.random.choice(("<<", ">>")), nodes.number(self.random.choice((-1, bits)))),
            )
        )
        if type_ == WORD:
            return nowhere
        if type_ == INT and self.likely(0.5):
            return nodes.op(nodes.to_int(x), self.random.choice("/%"), nodes.number(0))
        return nodes.let(self.fresh(SymbolKind.BOUND, WORD), nowhere, self.make(type_, size - 3, scope))

    def alike(self, op: BinaryOp, type_: Type, size: int, scope: Scope) -> core.Expr:
        """An equation. Two values are rarely equal by chance, so some are made by one define, or by an update."""
        if self.likely(0.15) and scope.parameters is None and SymbolKind.CONST in scope.kinds:
            define, (first, second) = self.define(self.random.choice(APPLIED), type_), self.split(size, 2)
            return core.Binary(
                nodes.place(), op, self.applied(define, first, scope), self.applied(define, second, scope)
            )
        if isinstance(type_, MapType | SetType) and self.likely(0.4):
            one, other = self.several(size, scope, type_, core.key_type(type_))
            held = core.value_type(type_)
            kept = self.fresh(SymbolKind.BOUND, type_)
            key = self.fresh(SymbolKind.BOUND, other.type)
            same = nodes.index(nodes.var(kept), nodes.var(key)) if self.likely(0.6) else self.make(held, 1, scope)
            changed = nodes.update(nodes.var(kept), nodes.var(key), same)
            equation = core.Binary(nodes.place(), op, nodes.var(kept), changed)
            return nodes.let(kept, one, nodes.let(key, other, equation))
        return self.binary(op, type_, type_, size, scope)

    def binary(self, op: BinaryOp, left: Type, right: Type, size: int, scope: Scope) -> core.Expr:
        if op in core.PARTIAL and self.likely(0.75):
            made = self.operand(left, size - 2, scope)
            return core.Binary(nodes.place(), op, made, self.sensible(op, right, size, scope))
        if left == right and left in (WORD, INT) and self.likely(0.2):
            return self.close(op, left, size, scope)
        first, second = self.split(size, 2)
        return core.Binary(nodes.place(), op, self.operand(left, first, scope), self.operand(right, second, scope))

    def sensible(self, op: BinaryOp, type_: Type, size: int, scope: Scope) -> core.Expr:
        """A divisor that is not 0, or a shift count that is mostly in range: else nothing large would be defined."""
        bits = self.values.bits
        if op in SHIFTS:
            if self.likely(0.4):
                bound, sign = self.random.choice(((bits, "%"), (bits - 1, "min")))
                return nodes.op(self.make(type_, size // 2, scope), sign, nodes.number(bound, type_))
            return nodes.number(
                self.random.choice((0, 1, bits - 1, bits // 2, self.random.randrange(bits))) % bits, type_
            )
        if type_ == INT and self.likely(0.4):
            return nodes.number(self.random.choice((-7, -3, 3, 5, 10, -(1 << bits) - 1, (1 << bits) // 3 + 1)))
        drawn = self.values.of(type_)
        assert isinstance(drawn, int)
        return nodes.number(drawn or 1, type_)

    def operand(self, type_: Type, size: int, scope: Scope) -> core.Expr:
        """An expression of that type; an int often one that words bound, negative ones included."""
        if type_ != INT or self.likely(0.6):
            return self.make(type_, size, scope)
        number = nodes.to_int(self.make(WORD, size - 2, scope))
        match self.random.randrange(3):
            case 0:
                return number
            case 1:
                return nodes.unary("-", number)
            case _:
                return nodes.op(number, "-", nodes.to_int(self.make(WORD, 1, scope)))

    def close(self, op: BinaryOp, type_: Type, size: int, scope: Scope) -> core.Expr:
        """Two numbers that are the same, or next to each other, or add up to 0."""
        symbol = self.fresh(SymbolKind.BOUND, type_)
        near: list[core.Expr] = [
            nodes.op(nodes.var(symbol), self.random.choice("+-"), nodes.number(self.random.choice((0, 1)), type_)),
            nodes.unary("-", nodes.var(symbol)),
        ]
        pair: list[core.Expr] = [nodes.var(symbol), self.random.choices(near, (3, 1))[0]]
        self.random.shuffle(pair)
        return nodes.let(symbol, self.operand(type_, size - 4, scope), core.Binary(nodes.place(), op, pair[0], pair[1]))

    def to_word(self, size: int, scope: Scope) -> core.Expr:
        roll = self.random.random()
        if roll < 0.15:
            return nodes.to_word(self.make(INT, size - 1, scope))
        number = nodes.to_int(self.make(WORD, size - 2, scope))
        if roll < 0.6:
            return nodes.to_word(number)
        other = nodes.to_int(self.make(WORD, 1, scope))
        return nodes.to_word(nodes.op(number, self.random.choice(("min", "max", "-", "+", "/", "%")), other))

    def let(self, held: Type, type_: Type, size: int, scope: Scope) -> core.Expr:
        symbol = self.fresh(SymbolKind.BOUND, held)
        first, second = self.split(size, 2)
        value = self.make(held, min(first, second), scope)
        return nodes.let(symbol, value, self.make(type_, max(first, second), inside(scope, symbol)))

    def unknown(self, type_: Type) -> core.Expr:
        """What stands where nothing else of the type can be mentioned: there are no literals of maps."""
        define = nodes.define(f"unknown_{len(self.defines)}", (), None, type_)
        self.defines[define.qualified] = define
        self.tables[define.qualified] = Table(self.values.of(type_))
        return nodes.apply(define)

    def apply(self, how: str, type_: Type, size: int, scope: Scope) -> core.Expr:
        return self.applied(self.define(how, type_), size, scope)

    def applied(self, define: core.Define, size: int, scope: Scope) -> core.Expr:
        parts = self.several(size, scope, *(p.type for p in define.parameters)) if define.parameters else []
        read: list[core.Expr] = [nodes.var(s) for s in define.reads]
        for symbol in define.reads:
            if symbol not in self.state:
                self.state[symbol], self.before[symbol] = self.values.of(symbol.type), self.values.of(symbol.type)
        return nodes.apply(define, *parts, *read)

    def define(self, how: str, type_: Type) -> core.Define:
        """A define of that kind and result: one made before, or a new one."""
        known = [d for name, d in self.defines.items() if name.startswith(f"m.{how}_") and d.result == type_]
        if known and self.likely(0.5):
            return self.random.choice(known)
        parameters = tuple(
            self.fresh(SymbolKind.ARGUMENT, self.random.choice((*TYPES, *SCALARS, *SCALARS, *[type_] * 12)))
            for _ in range(self.random.choice((0, 1, 1, 2)))
        )
        reads: tuple[Symbol, ...] = ()
        if how == "reads" or (how != "plain" and self.likely(0.3)):
            read = self.random.choice((type_, *KEYED))
            reads = (Symbol(SymbolKind.STATE, "m", f"STATE_{read}_{self.random.randrange(2)}", read),)
        name = f"{how}_{len(self.defines)}"
        define = nodes.define(name, parameters, None, type_, reads)
        if how == "uninterpreted":
            rows = [tuple(self.values.of(p.type) for p in (*parameters, *reads)) for _ in range(4)]
            self.tables[define.qualified] = Table(self.values.of(type_), {r: self.values.of(type_) for r in rows})
        else:
            scope = Scope((SymbolKind.ARGUMENT, SymbolKind.STATE, SymbolKind.PARAM), (), (*parameters, *reads))
            define = replace(define, opaque=how == "opaque", value=self.make(type_, self.random.randint(1, 8), scope))
        self.defines[define.qualified] = define
        return define

    def meet_tables(self, expr: core.Expr) -> None:
        """Gives each uninterpreted define, beside the rows that nothing asks for, some that the expression does."""
        context = Context(self.values.bits, self.fixed(), self.defines, self.tables)
        for place in list(places(Place(expr, self.state, self.before), context)):
            part = place.expr
            if isinstance(part, core.Apply) and part.function in self.tables and part.arguments and self.likely(0.5):
                table = self.tables[part.function]
                try:
                    row = tuple(evaluate(a, context, place.values, place.entry, pieces=100) for a in part.arguments)
                except (Undefined, Undecided):
                    continue
                self.tables[part.function] = Table(table.default, {**table.entries, row: self.values.of(part.type)})


def inside(scope: Scope, symbol: Symbol) -> Scope:
    return replace(scope, bound=(*scope.bound, symbol))
