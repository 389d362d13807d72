"""Holding `encode` against `evaluate` on one example: the same value, and defined at the same places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import z3
from expressions import Example
from places import Place, places
from settle import Settler, is_closed

from verify import core, integers
from verify.core import INT, Symbol, Type, key_type, value_type
from verify.encode import Encoded, Encoder, unknown_constant
from verify.evaluate import Context, Table, Undecided, Undefined, context_for, evaluate
from verify.values import MapValue, Member, Value, map_value
from verify.words import Words

Term: TypeAlias = Any

PIECES = 3000
"""What `evaluate` may spend on one expression."""

Binding = Literal["numerals", "free", "narrow"]
"""Every variable a numeral; or free, its value put in afterwards; or free, and integers narrow bit-vectors."""

BINDINGS: tuple[Binding, ...] = ("numerals", "free", "narrow")


@dataclass(frozen=True, slots=True)
class Nowhere:
    """In the place of a value: `undefined` (to either side), `undecided` (to `evaluate`), `unknown` (to the solver)."""

    reason: str


UNDEFINED, UNDECIDED, UNKNOWN = Nowhere("undefined"), Nowhere("undecided"), Nowhere("unknown")


@dataclass(frozen=True, slots=True)
class Compared:
    """What the two meanings give for one expression where it stands."""

    place: Place
    evaluated: Value | Nowhere
    encoded: Value | Nowhere

    @property
    def open(self) -> bool:
        """True iff one of the two did not say: never an agreement."""
        return self.evaluated == UNDECIDED or self.encoded == UNKNOWN

    @property
    def differ(self) -> bool:
        """True iff both say, and not the same. Equal numbers of different Python types are not the same."""
        same = self.evaluated == self.encoded and type(self.evaluated) is type(self.encoded)
        return not self.open and not same


# --- values as terms, and back -------------------------------------------------------------------------------------


def as_term(encoder: Encoder, value: Value, type_: Type) -> Term:
    """The term that is the value: for a map, stores into a constant array."""
    if not isinstance(value, MapValue):
        return encoder.value(value, type_)
    keys, held = key_type(value.type), value_type(value.type)
    term = z3.K(encoder.sort(keys), as_term(encoder, value.default, held))
    for key, found in value.items():
        term = z3.Store(term, as_term(encoder, key, keys), as_term(encoder, found, held))
    return term


class NotPlain(Exception):
    """The term is no value: something in it is left to the solver."""


def as_value(encoder: Encoder, term: Term, type_: Type) -> Value:
    """The value that a simplified term is. What a map holds at a key that is no value is left out. Raises NotPlain."""
    match type_:
        case core.BoolType() if z3.is_true(term) or z3.is_false(term):
            return bool(z3.is_true(term))
        case core.IntType() if z3.is_bv_value(term):
            return int(term.as_signed_long())
        case core.WordType() | core.IntType() if z3.is_int_value(term) or z3.is_bv_value(term):
            return int(term.as_long())
        case core.OpaqueType() if z3.is_int_value(term):
            return Member(type_, term.as_long())
        case core.EnumType():
            for index, member in enumerate(encoder.enum(type_)[1]):
                if member.eq(term):
                    return Member(type_, index)
        case core.MapType() | core.SetType():
            keys, held = key_type(type_), value_type(type_)
            entries: dict[Value, Value] = {}
            while z3.is_store(term):
                base, key, value = term.children()
                if not z3.is_false(z3.simplify(encoder.in_range(keys, key))):
                    entries.setdefault(as_value(encoder, key, keys), as_value(encoder, value, held))
                term = base
            if z3.is_K(term):
                return map_value(type_, as_value(encoder, term.arg(0), held), entries, encoder.words.bits)
    raise NotPlain


def is_value(encoder: Encoder, term: Term, value: Value, type_: Type) -> Term:
    """That a term is a value: said without the encoder's own equality."""
    if not isinstance(value, MapValue):
        return integers.unbounded(term) == value if type_ == INT else term == encoder.value(value, type_)
    keys, held = key_type(value.type), value_type(value.type)
    key = z3.FreshConst(encoder.sort(keys), "at")
    there = is_value(encoder, z3.Select(term, key), value.default, held)
    for at, found in value.items():
        here = is_value(encoder, key, at, keys)
        there = z3.If(here, is_value(encoder, z3.Select(term, key), found, held), there)
    return z3.ForAll([key], z3.Implies(encoder.in_range(keys, key), there))


# --- binding -------------------------------------------------------------------------------------------------------


class Remembering(Encoder):
    """The encoder, which keeps what it makes of certain expressions. Each must stand in one place alone."""

    def remember(self, exprs: Iterable[core.Expr]) -> None:
        self.kept: dict[int, Encoded | None] = {id(e): None for e in exprs}

    def remembered(self, expr: core.Expr) -> Encoded:
        found = self.kept[id(expr)]
        assert found is not None
        return found

    def encode(self, expr: core.Expr, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        found = super().encode(expr, values, entry)
        if id(expr) in self.kept:
            self.kept[id(expr)] = found
        return found


@dataclass(frozen=True, slots=True)
class Bound:
    """One example, ready to be compared: its variables have terms, and `ground` puts in the values of free ones."""

    example: Example
    encoder: Remembering
    context: Context
    values: Mapping[Symbol, Term]
    entry: Mapping[Symbol, Term]
    ground: Callable[[Term], Term]
    settle: Callable[[Term], Term]

    def places(self) -> list[Place]:
        return list(places(Place(self.example.expr, self.example.values, self.example.entry), self.context))

    def evaluated(self, place: Place) -> Value | Nowhere:
        try:
            return evaluate(place.expr, self.context, place.values, place.entry, pieces=PIECES)
        except Undefined:
            return UNDEFINED
        except Undecided:
            return UNDECIDED

    def encoded(self, exprs: Sequence[core.Expr]) -> Iterator[Value | Nowhere]:
        """What the terms of the example's expression come to, which is the first, and of those within it."""
        self.encoder.remember(exprs)
        self.encoder.encode(self.example.expr, self.values, self.entry)
        found = [self.encoder.remembered(e) for e in exprs]
        terms = [t for encoded in found for t in (encoded.defined, encoded.value)]
        # All under one function, so that z3 goes through what they share once.
        together = z3.Function("together", *(t.sort() for t in terms), z3.BoolSort())
        ground = self.ground(together(*terms)).children()
        for expr, defined, value in zip(exprs, ground[::2], ground[1::2], strict=True):
            yield self.read(self.settle(defined), value, expr.type)

    def read(self, defined: Term, value: Term, type_: Type) -> Value | Nowhere:
        if z3.is_false(defined):
            return UNDEFINED
        if not z3.is_true(defined):
            return UNKNOWN
        with suppress(NotPlain):
            return as_value(self.encoder, value, type_)
        with suppress(NotPlain):
            return as_value(self.encoder, self.settle(value), type_)
        return UNKNOWN


def bind(example: Example, words: Words, binding: Binding) -> Bound:
    """The example over one representation of words. Uninterpreted defines are what their tables say."""
    plain = Encoder.of(example.program, words, example.geometry if binding == "numerals" else {}, None, {})
    encoder = Remembering(**{f.name: getattr(plain, f.name) for f in fields(Encoder)})
    encoder.remember(())
    before = {s: replace(s, version=1) for s in example.entry}
    every: dict[Symbol, Value] = {**example.values, **example.geometry}
    every |= {before[s]: value for s, value in example.entry.items()}
    if binding == "narrow":
        # As few bits as hold the value, or some more.
        numbers = ((s, v) for s, v in every.items() if s.type == INT and isinstance(v, int))
        encoder.narrow = {s: (v if v >= 0 else ~v).bit_length() + 1 + len(s.name) % 3 for s, v in numbers}
    values: dict[Symbol, Term] = {}
    entry: dict[Symbol, Term] = {}
    known: list[tuple[Term, Term]] = []
    if binding == "numerals":
        values = {s: as_term(encoder, v, s.type) for s, v in example.values.items()}
        entry = {s: as_term(encoder, v, s.type) for s, v in example.entry.items()}
    else:
        for symbol, value in every.items():
            free = encoder.symbol(symbol)
            known.append((free, as_term(encoder, value, symbol.type)))
            if symbol.type == INT and z3.is_bv(free):
                known[-1] = (free, z3.BitVecVal(value, free.size()))
        entry = {s: encoder.symbol(then) for s, then in before.items()}

    def ground(term: Term) -> Term:
        return z3.simplify(z3.substitute(term, *known) if known else term)

    settle = Settler().settled
    for name, table in example.tables.items():
        define = encoder.defines[name]
        if define.parameters or define.reads:
            encoder.functions[name] = tabled(encoder, define, table, ground, settle)
        else:
            encoder.symbols[unknown_constant(define)] = as_term(
                encoder, table.entries.get((), table.default), define.result
            )
    context = context_for(example.program, example.geometry, example.bits, example.tables)
    return Bound(example, encoder, context, values, entry, ground, settle)


def tabled(
    encoder: Encoder,
    define: core.Define,
    table: Table,
    ground: Callable[[Term], Term],
    settle: Callable[[Term], Term],
) -> Callable[..., Term]:
    """An uninterpreted define as the function that its table says."""
    parameters = (*define.parameters, *define.reads)

    def function(*arguments: Term) -> Term:
        grounded = [ground(a) for a in arguments]
        if all(is_closed(a) for a in grounded):
            try:
                row = tuple(as_value(encoder, settle(a), p.type) for p, a in zip(parameters, grounded, strict=True))
                return as_term(encoder, table.entries.get(row, table.default), define.result)
            except NotPlain:
                pass
        found = as_term(encoder, table.default, define.result)
        for row, value in table.entries.items():
            here = [is_value(encoder, a, v, p.type) for p, a, v in zip(parameters, arguments, row, strict=True)]
            found = z3.If(z3.And(*here), as_term(encoder, value, define.result), found)
        return found

    return function


def compared(example: Example, words: Words, binding: Binding) -> Iterator[Compared]:
    """The two meanings of the example, and of all within it that no quantifier binds."""
    bound = bind(example, words, binding)
    found = bound.places()
    for place, encoded in zip(found, bound.encoded([p.expr for p in found]), strict=True):
        yield Compared(place, bound.evaluated(place), encoded)
