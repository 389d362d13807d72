"""What an expression means to the solver. The same cases, in the same order, as in `evaluate`.

`encode` gives a term and the condition under which it is defined. The term is the value that `evaluate` gives wherever
the condition holds; where it does not, `evaluate` raises `Undefined`, and the term is any value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, assert_never

import z3

from verify import core, integers, terms
from verify.core import (
    BinaryOp,
    BoolType,
    EnumType,
    IntType,
    MapType,
    OpaqueType,
    SetType,
    Symbol,
    SymbolKind,
    Type,
    UnaryOp,
    WordType,
    key_type,
    value_type,
)
from verify.terms import Plain, choose, conjoin, under
from verify.values import MapValue, Member, Value
from verify.words import AbstractIntegers, Words

Term: TypeAlias = Any  # z3 comes without types: an ExprRef


@dataclass(frozen=True, slots=True)
class Encoded:
    """A term, and the condition under which it is defined."""

    value: Term
    defined: z3.BoolRef


@dataclass(slots=True)
class Encoder:
    """One representation of words, one geometry (or none), one set of opaque defines laid open.

    `geometry` gives the params that are fixed; the others are constants of the solver, as is every other symbol without
    an entry in the mapping handed to `encode`. `constants` are the derived constants by symbol. `facts` gathers what
    the representation itself needs to be asserted beside the terms (ranges of words, of functions, and that the
    derived constants used are defined). `lax`: they need not be, and `conditions` has for each used when it is.
    """

    words: Words
    program: core.Program
    geometry: Mapping[Symbol, Value]
    revealed: frozenset[str] | None
    narrow: Mapping[Symbol, int] = field(default_factory=dict)
    facts: list[z3.BoolRef] = field(default_factory=list)
    defines: Mapping[str, core.Define] = field(default_factory=dict)
    constants: Mapping[Symbol, core.Expr] = field(default_factory=dict)
    lax: bool = False
    conditions: dict[Symbol, z3.BoolRef] = field(default_factory=dict)
    symbols: dict[Symbol, Term] = field(default_factory=dict)
    applied: dict[tuple[object, ...], tuple[Encoded, tuple[Term, ...]]] = field(default_factory=dict)
    functions: dict[str, z3.FuncDeclRef] = field(default_factory=dict)
    enums: dict[str, tuple[z3.SortRef, list[Term]]] = field(default_factory=dict)
    bound: set[int] = field(default_factory=set)
    kinds: dict[Type, Any] = field(default_factory=dict)
    true: Plain = field(default_factory=terms.true)

    @classmethod
    def of(
        cls,
        program: core.Program,
        words: Words,
        geometry: Mapping[Symbol, Value],
        revealed: frozenset[str] | None,
        narrow: Mapping[Symbol, int] | None = None,
        lax: bool = False,
    ) -> Self:
        """An encoder over a program. `revealed`: the opaque defines laid open, or None for all of them. `narrow`: which
        free integers may be held in so many bits (signed) without loss."""
        constants = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}
        encoder = cls(words, program, geometry, revealed, narrow or {}, [], program.defines(), constants, lax)
        if isinstance(words, AbstractIntegers):
            encoder.facts += words.facts()
        return encoder

    # --- sorts and symbols -----------------------------------------------------------------------------------------

    def sort(self, type_: Type) -> z3.SortRef:
        match type_:
            case WordType():
                return self.words.sort()
            case IntType() | OpaqueType():
                # A member of an opaque sort is its number: infinitely many, named ones first.
                return z3.IntSort()
            case BoolType():
                return z3.BoolSort()
            case EnumType():
                return self.enum(type_)[0]
            case MapType() | SetType():
                return z3.ArraySort(self.sort(key_type(type_)), self.sort(value_type(type_)))
            case _:
                assert_never(type_)

    def kind(self, type_: Type) -> Any:
        """The class of the terms of a type."""
        if type_ not in self.kinds:
            self.kinds[type_] = terms.class_of(self.sort(type_))
        return self.kinds[type_]

    def enum(self, type_: EnumType) -> tuple[z3.SortRef, list[Term]]:
        """The sort of an enum and its members, in order."""
        key = f"{type_.module}.{type_.name}"
        if key not in self.enums:
            # z3 keeps one sort of a name: what it is must follow from its name, for there are other encoders.
            declared = z3.Datatype(f"{key}{{{', '.join(type_.members)}}}")
            for member in type_.members:
                declared.declare(f"{type_.module}.{member}")
            sort = declared.create()
            self.enums[key] = (sort, [sort.constructor(n)() for n in range(len(type_.members))])
        return self.enums[key]

    def in_range(self, type_: Type, term: Term) -> z3.BoolRef:
        """True iff the term, of the sort of `type_`, stands for a value of it."""
        match type_:
            case WordType():
                return self.words.in_range(term)
            case OpaqueType():
                return term >= 0
            case IntType() | BoolType() | EnumType():
                return self.true
            case MapType() | SetType():
                key = z3.FreshConst(self.sort(key_type(type_)), "key")
                held = value_type(type_)
                inner = self.in_range(held, terms.select(term, key, self.kind(held)))
                if isinstance(inner, Plain):
                    return self.true
                return z3.ForAll([key], z3.Implies(self.in_range(key_type(type_), key), inner))
            case _:
                assert_never(type_)

    def symbol(self, symbol: Symbol) -> Term:
        """The term of a symbol that nothing else gives a value to: its fixed value, its definition, or a constant."""
        found = self.symbols.get(symbol)
        if found is not None:
            return found
        if symbol == core.WORD_BITS:
            made: Term = self.words.width()
        elif symbol in self.geometry:
            made = self.value(self.geometry[symbol], symbol.type)
        elif symbol in self.constants:
            encoded = self.encode(self.constants[symbol], {}, {})
            if self.lax:
                self.conditions[symbol] = encoded.defined
            else:
                self.facts.append(encoded.defined)
            made = encoded.value
        else:
            name = f"{symbol.scope}.{symbol}"
            bits = self.narrow.get(symbol)
            made = (
                z3.BitVec(name, bits)
                if bits and z3.is_bv_sort(self.words.sort())
                else z3.Const(name, self.sort(symbol.type))
            )
            self.facts.append(self.in_range(symbol.type, made))
        self.symbols[symbol] = made
        return made

    def literal(self, value: int | bool, type_: Type) -> Term:
        if isinstance(type_, WordType):
            return self.words.literal(value)
        if isinstance(type_, BoolType):
            return z3.BoolVal(value)
        return integers.literal(value)

    def value(self, value: Value, type_: Type) -> Term:
        """The term of a value."""
        match value:
            case Member(type=EnumType() as enum, index=index):
                return self.enum(enum)[1][index]
            case Member(index=index):
                return z3.IntVal(index)
            case MapValue(type=map_type, default=default):
                key, held = key_type(map_type), value_type(map_type)
                term = z3.K(self.sort(key), self.stored(held, self.value(default, held)))
                for at, entry in value.items():
                    place, there = self.stored(key, self.value(at, key)), self.stored(held, self.value(entry, held))
                    term = z3.Store(term, place, there)
                return term
            case _:
                return self.literal(value, type_)

    def stored(self, type_: Type, term: Term) -> Term:
        """The term as a map, a function or a quantifier holds it: there integers are z3's own."""
        return integers.unbounded(term) if isinstance(type_, IntType) else term

    # --- expressions -----------------------------------------------------------------------------------------------

    def encode(self, expr: core.Expr, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        """The meaning of `expr`.

        `values` are the terms of the variables, `entry` those of states and parameters inside `old`.
        """
        match expr:
            case core.Literal(value=value, type=type_):
                fits = not isinstance(type_, WordType) or 0 <= value < 1 << self.words.bits
                return Encoded(self.literal(value, type_), self.true if fits else z3.BoolVal(False))
            case core.Element(name=name, type=type_):
                if isinstance(type_, EnumType):
                    return Encoded(self.enum(type_)[1][type_.members.index(name)], self.true)
                return Encoded(z3.IntVal(type_.named.index(name)), self.true)
            case core.Var(symbol=symbol):
                term = values[symbol] if symbol in values else self.symbol(symbol)
                return Encoded(term, self.conditions.get(symbol, self.true))
            case core.Old(body=body):
                return self.encode(body, {**values, **entry}, entry)
            case core.Unary():
                return self.unary(expr, values, entry)
            case core.Binary():
                return self.binary(expr, values, entry)
            case core.Ite():
                c = self.encode(expr.condition, values, entry)
                a, b = self.encode(expr.then, values, entry), self.encode(expr.otherwise, values, entry)
                value = (
                    integers.ite(c.value, a.value, b.value)
                    if expr.type == core.INT
                    else terms.choice(c.value, a.value, b.value)
                )
                return Encoded(value, conjoin(c.defined, choose(c.value, a.defined, b.defined)))
            case core.Let():
                bound = self.encode(expr.value, values, entry)
                inner = self.encode(expr.body, {**values, expr.symbol: bound.value}, entry)
                return Encoded(inner.value, conjoin(bound.defined, inner.defined))
            case core.Quantifier():
                return self.quantifier(expr, values, entry)
            case core.Apply():
                return self.apply(expr, values, entry)
            case core.Index():
                m, k = self.encode(expr.base, values, entry), self.encode(expr.key, values, entry)
                found = terms.select(m.value, self.stored(expr.key.type, k.value), self.kind(expr.type))
                return Encoded(found, conjoin(m.defined, k.defined))
            case core.Update():
                m, k = self.encode(expr.base, values, entry), self.encode(expr.key, values, entry)
                v = self.encode(expr.value, values, entry)
                key, value = self.stored(expr.key.type, k.value), self.stored(expr.value.type, v.value)
                return Encoded(terms.store(m.value, key, value), conjoin(m.defined, k.defined, v.defined))
            case core.EmptySet():
                return Encoded(z3.K(self.sort(expr.type.element), z3.BoolVal(False)), self.true)
            case core.ToInt():
                a = self.encode(expr.operand, values, entry)
                return Encoded(self.words.to_int(a.value), a.defined)
            case core.ToWord():
                a = self.encode(expr.operand, values, entry)
                top = self.words.top()
                fits = terms.conjunction(integers.le(integers.literal(0), a.value), integers.lt(a.value, top))
                return Encoded(self.words.from_int(a.value), conjoin(a.defined, fits))
            case _:
                assert_never(expr)

    def unary(self, expr: core.Unary, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        a = self.encode(expr.operand, values, entry)
        match expr.op:
            case UnaryOp.NOT:
                return Encoded(terms.negation(a.value), a.defined)
            case UnaryOp.INVERT:
                return Encoded(self.words.invert(a.value), a.defined)
            case UnaryOp.NEGATE:
                if expr.type == core.WORD:
                    return Encoded(self.words.sub(self.words.literal(0), a.value), a.defined)
                return Encoded(integers.neg(a.value), a.defined)
            case _:
                assert_never(expr.op)

    def binary(self, expr: core.Binary, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        left, right = self.encode(expr.left, values, entry), self.encode(expr.right, values, entry)
        a, b, both = left.value, right.value, conjoin(left.defined, right.defined)
        word = expr.left.type == core.WORD
        match expr.op:
            case BinaryOp.ADD:
                return Encoded(self.words.add(a, b) if word else integers.add(a, b), both)
            case BinaryOp.SUB:
                return Encoded(self.words.sub(a, b) if word else integers.sub(a, b), both)
            case BinaryOp.MUL:
                return Encoded(self.words.mul(a, b) if word else integers.mul(a, b), both)
            case BinaryOp.DIV:
                return Encoded(
                    self.words.div(a, b) if word else integers.div(a, b), conjoin(both, self.nonzero(b, word))
                )
            case BinaryOp.MOD:
                return Encoded(
                    self.words.mod(a, b) if word else integers.mod(a, b), conjoin(both, self.nonzero(b, word))
                )
            case BinaryOp.BAND:
                return Encoded(self.words.band(a, b), both)
            case BinaryOp.BOR:
                return Encoded(self.words.bor(a, b), both)
            case BinaryOp.BXOR:
                return Encoded(self.words.bxor(a, b), both)
            case BinaryOp.SHL:
                return Encoded(self.words.shl(a, self.count(expr.right, b)), conjoin(both, self.shifts(expr.right, b)))
            case BinaryOp.SHR:
                return Encoded(self.words.shr(a, self.count(expr.right, b)), conjoin(both, self.shifts(expr.right, b)))
            case BinaryOp.EQ:
                return Encoded(self.equal(expr.left.type, a, b), both)
            case BinaryOp.NE:
                return Encoded(terms.negation(self.equal(expr.left.type, a, b)), both)
            case BinaryOp.LT:
                return Encoded(self.words.lt(a, b) if word else integers.lt(a, b), both)
            case BinaryOp.LE:
                return Encoded(self.words.le(a, b) if word else integers.le(a, b), both)
            case BinaryOp.GT:
                return Encoded(self.words.lt(b, a) if word else integers.lt(b, a), both)
            case BinaryOp.GE:
                return Encoded(self.words.le(b, a) if word else integers.le(b, a), both)
            case BinaryOp.AND:
                return Encoded(terms.conjunction(a, b), conjoin(left.defined, under(a, right.defined)))
            case BinaryOp.OR:
                return Encoded(terms.disjunction(a, b), conjoin(left.defined, under(terms.negation(a), right.defined)))
            case BinaryOp.IMPLIES:
                return Encoded(terms.implies(a, b), conjoin(left.defined, under(a, right.defined)))
            case BinaryOp.IFF:
                return Encoded(terms.equal(a, b), both)
            case BinaryOp.MIN:
                if word:
                    return Encoded(terms.choice(self.words.le(a, b), a, b), both)
                return Encoded(integers.ite(integers.le(a, b), a, b), both)
            case BinaryOp.MAX:
                if word:
                    return Encoded(terms.choice(self.words.le(a, b), b, a), both)
                return Encoded(integers.ite(integers.le(a, b), b, a), both)
            case _:
                assert_never(expr.op)

    def nonzero(self, divisor: Term, word: bool) -> z3.BoolRef:
        if word:
            return terms.distinct(divisor, self.words.literal(0))
        return terms.negation(integers.eq(divisor, integers.literal(0)))

    def count(self, count: core.Expr, term: Term) -> Term:
        """A shift count as a word: the same number wherever the shift is defined."""
        return term if count.type == core.WORD else self.words.from_int(term)

    def shifts(self, count: core.Expr, term: Term) -> z3.BoolRef:
        """True iff the count is at least 0 and below WORD_BITS."""
        number = self.words.to_int(term) if count.type == core.WORD else term
        below = integers.lt(number, self.words.width())
        if count.type == core.WORD:
            return below
        return terms.conjunction(integers.le(integers.literal(0), number), below)

    def equal(self, type_: Type, a: Term, b: Term) -> z3.BoolRef:
        """Extensional equality: maps are compared at the values of their key type alone.

        Where words are integers, an array has more places than its map has keys. A map can be taken to be an array
        that holds nothing there (see `terms.nothing_beyond`), and then equal maps are equal arrays.
        """
        match type_:
            case IntType():
                return integers.eq(a, b)
            case WordType() | BoolType() | OpaqueType() | EnumType():
                return terms.equal(a, b)
            case MapType() | SetType():
                key = z3.FreshConst(self.sort(key_type(type_)), "key")
                guard = self.in_range(key_type(type_), key)
                held = value_type(type_)
                one, other = (terms.select(array, key, self.kind(held)) for array in (a, b))
                inner = self.equal(held, one, other)
                beyond = isinstance(self.words, AbstractIntegers)  # no values are read off these
                alike = isinstance(guard, Plain) or (
                    beyond and all(terms.nothing_beyond(array, self.bound) for array in (a, b))
                )
                if alike and z3.is_eq(inner):
                    return terms.equal(a, b)
                return z3.ForAll([key], z3.Implies(guard, inner))
            case _:
                assert_never(type_)

    def quantifier(self, expr: core.Quantifier, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        bound = {s: z3.FreshConst(self.sort(s.type), s.name) for s in expr.symbols}
        self.bound.update(term.get_id() for term in bound.values())
        guards = [self.in_range(s.type, term) for s, term in bound.items()]
        guard = conjoin(*guards)
        body = self.encode(expr.body, {**values, **bound}, entry)
        over = list(bound.values())
        defined = body.defined if isinstance(body.defined, Plain) else z3.ForAll(over, under(guard, body.defined))
        if expr.universal:
            return Encoded(z3.ForAll(over, under(guard, body.value)), defined)
        return Encoded(z3.Exists(over, conjoin(guard, body.value)), defined)

    def apply(self, expr: core.Apply, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        define = self.defines[expr.function]
        arguments = [self.encode(a, values, entry) for a in expr.arguments]
        defined = conjoin(*(a.defined for a in arguments))
        parameters = (*define.parameters, *define.reads)
        if self.laid_open(define) and define.value is not None:
            given = tuple(a.value for a in arguments)
            key = (expr.function, *(t.get_id() for t in given))
            if key not in self.applied:
                body = self.encode(define.value, dict(zip(parameters, given, strict=True)), {})
                self.applied[key] = (body, given)
            body = self.applied[key][0]
            return Encoded(body.value, conjoin(defined, body.defined))
        stored = [self.stored(p.type, a.value) for p, a in zip(parameters, arguments, strict=True)]
        if not stored:
            return Encoded(self.function_constant(define), defined)
        return Encoded(self.function(define)(*stored), defined)

    def laid_open(self, define: core.Define) -> bool:
        """True iff the body of the define may be used here."""
        return not define.opaque or self.revealed is None or define.qualified in self.revealed

    def function(self, define: core.Define) -> z3.FuncDeclRef:
        """The unknown function that stands for an uninterpreted or hidden define."""
        found = self.functions.get(define.qualified)
        if found is None:
            parameters = (*define.parameters, *define.reads)
            found = z3.Function(define.qualified, *(self.sort(p.type) for p in parameters), self.sort(define.result))
            self.functions[define.qualified] = found
            bound = [z3.FreshConst(self.sort(p.type), p.name) for p in parameters]
            ranged = self.in_range(define.result, found(*bound))
            if not isinstance(ranged, Plain):
                self.facts.append(z3.ForAll(bound, ranged, patterns=[found(*bound)]))
        return found

    def function_constant(self, define: core.Define) -> Term:
        """The unknown value that stands for an uninterpreted or hidden define without parameters."""
        return self.symbol(unknown_constant(define))


def unknown_constant(define: core.Define) -> Symbol:
    """The symbol of the value that an uninterpreted or hidden define without parameters has."""
    return Symbol(SymbolKind.LOCAL, "define", define.qualified, define.result)
