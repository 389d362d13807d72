"""Holding `encode` against `evaluate` on one example: the same value, and defined at the same places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import z3
from expressions import Example

from verify import core, integers
from verify.core import INT, Symbol, SymbolKind, Type, key_type, value_type
from verify.encode import Encoder
from verify.evaluate import Context, Table, Undecided, Undefined, context_for, evaluate
from verify.values import MapValue, Member, Value, map_value
from verify.words import Words

Term: TypeAlias = Any

PIECES = 3000
SECONDS = 2.0

UNDEFINED = "undefined"
UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one comparison: `agree`, `undecided` (by evaluate), `unknown` (to the solver), or `differ`."""

    kind: str
    solved: bool = False
    evaluated: object = None
    encoded: str = ""


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
    """The term is no value yet: something in it is left to the solver."""


def as_value(encoder: Encoder, term: Term, type_: Type) -> Value:
    """The value that a simplified term is. A key of a map that stands for no value is left out. Raises NotPlain."""
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
                if encoder_has(encoder, key, keys):
                    entries.setdefault(as_value(encoder, key, keys), as_value(encoder, value, held))
                term = base
            if z3.is_K(term):
                return map_value(type_, as_value(encoder, term.arg(0), held), entries, encoder.words.bits)
    raise NotPlain


def encoder_has(encoder: Encoder, term: Term, type_: Type) -> bool:
    return not z3.is_false(z3.simplify(encoder.in_range(type_, term)))


def tabled(encoder: Encoder, define: core.Define, table: Table) -> Callable[..., Term]:
    """An uninterpreted define as the function that its table says."""
    parameters = (*define.parameters, *define.reads)

    def function(*arguments: Term) -> Term:
        found = as_term(encoder, table.default, define.result)
        for row, value in reversed(table.entries.items()):
            here = [
                encoder.equal(p.type, a, as_term(encoder, v, p.type))
                for p, a, v in zip(parameters, arguments, row, strict=True)
            ]
            found = z3.If(z3.And(*here), as_term(encoder, value, define.result), found)
        return found

    return function


# --- binding -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bound:
    """An encoder for one example, the terms of its variables, and the values that stand for those that are free."""

    example: Example
    encoder: Encoder
    context: Context
    values: Mapping[Symbol, Term]
    entry: Mapping[Symbol, Term]
    known: tuple[tuple[Term, Term], ...]

    def grounded(self, term: Term) -> Term:
        return z3.simplify(z3.substitute(term, *self.known) if self.known else term)


def bind(example: Example, words: Words, binding: str) -> Bound:
    """`binding`: every variable a numeral; or free, its value known; or free, and integers narrow bit-vectors."""
    encoder = Encoder.of(example.program, words, example.geometry if binding == "numerals" else {}, None, {})
    known: list[tuple[Term, Term]] = []
    before = {s: replace(s, version=1) for s in example.entry}
    everything = {**example.values, **example.geometry, **{before[s]: v for s, v in example.entry.items()}}
    if binding == "narrow":
        encoder.narrow = {
            s: integers._width(v) + len(s.name) % 3
            for s, v in everything.items()
            if s.type == INT and isinstance(v, int)
        }
    for name, table in example.tables.items():
        define = encoder.defines[name]
        if define.parameters or define.reads:
            encoder.functions[name] = tabled(encoder, define, table)
        else:
            symbol = Symbol(SymbolKind.LOCAL, "define", name, define.result)
            encoder.symbols[symbol] = as_term(encoder, table.entries.get((), table.default), define.result)
    values: dict[Symbol, Term] = {}
    entry: dict[Symbol, Term] = {}
    if binding == "numerals":
        values = {s: as_term(encoder, v, s.type) for s, v in example.values.items()}
        entry = {s: as_term(encoder, v, s.type) for s, v in example.entry.items()}
    else:
        for symbol, value in everything.items():
            free = encoder.symbol(symbol)
            term = as_term(encoder, value, symbol.type)
            known.append((free, integers.to_bits(term, free.size()) if symbol in encoder.narrow and z3.is_bv(free) else term))
        entry = {s: encoder.symbol(v) for s, v in before.items()}
    context = context_for(example.program, example.geometry, example.bits, example.tables)
    return Bound(example, encoder, context, values, entry, tuple(known))


# --- comparing -----------------------------------------------------------------------------------------------------


def outcome(bound: Bound, expr: core.Expr, old: bool = False) -> Value | str:
    """What `evaluate` gives, or UNDEFINED or UNDECIDED. `old`: the expression stands inside `old`."""
    example = bound.example
    try:
        values = example.entry if old else example.values
        return evaluate(expr, bound.context, values, example.entry, pieces=PIECES)
    except Undefined:
        return UNDEFINED
    except Undecided:
        return UNDECIDED


def compare(bound: Bound, expr: core.Expr, old: bool = False) -> Verdict:
    """Whether the two meanings agree on an expression without free bound variables."""
    expected = outcome(bound, expr, old)
    if expected == UNDECIDED:
        return Verdict("undecided")
    values = {**bound.values, **bound.entry} if old else bound.values
    encoded = bound.encoder.encode(expr, values, bound.entry)
    defined = bound.grounded(encoded.defined)
    if expected == UNDEFINED:
        return settle(z3.Not(defined), expected, lambda: f"defined: {defined}")
    assert not isinstance(expected, str)
    value = bound.grounded(encoded.value)
    if z3.is_true(defined):
        try:
            found = as_value(bound.encoder, value, expr.type)
        except NotPlain:
            pass
        else:
            return Verdict("agree" if same(found, expected) else "differ", False, expected, f"{found}")
    literal = as_term(bound.encoder, expected, expr.type)
    equal = is_value(bound.encoder, value, expected, expr.type)
    del literal
    return settle(z3.And(defined, equal), expected, lambda: f"{value}, defined: {defined}")


def same(found: Value, expected: Value) -> bool:
    """Equal, and of one Python type: 1 is not True here."""
    return found == expected and type(found) is type(expected)


def is_value(encoder: Encoder, term: Term, value: Value, type_: Type) -> Term:
    """That a term is a value: said without the encoder's own equality."""
    if not isinstance(value, MapValue):
        if type_ == INT:
            return integers.unbounded(term) == value
        return term == encoder.value(value, type_)
    keys, held = key_type(value.type), value_type(value.type)
    key = z3.FreshConst(encoder.sort(keys), "at")
    expected = is_value(encoder, z3.Select(term, key), value.default, held)
    for at, found in value.items():
        here = is_value(encoder, key, at, keys)
        expected = z3.If(here, is_value(encoder, z3.Select(term, key), found, held), expected)
    return z3.ForAll([key], z3.Implies(encoder.in_range(keys, key), expected))


def settle(claim: Any, expected: object, shown: Callable[[], str]) -> Verdict:
    """Whether a claim without free variables is true."""
    claim = z3.simplify(claim)
    if z3.is_true(claim):
        return Verdict("agree", False, expected)
    if z3.is_false(claim):
        return Verdict("differ", False, expected, shown())
    solver = z3.Solver()
    solver.set("timeout", int(SECONDS * 1000))
    solver.add(z3.Not(claim))
    result = solver.check()
    if result == z3.unknown:
        return Verdict("unknown", True, expected, shown())
    return Verdict("agree" if result == z3.unsat else "differ", True, expected, shown())


def parts(expr: core.Expr, old: bool = False) -> Iterator[tuple[core.Expr, bool]]:
    """The expression and what stands within it under no binder, outermost first; and whether it is inside `old`."""
    yield expr, old
    inner: tuple[core.Expr, ...]
    match expr:
        case core.Let(value=value):
            inner = (value,)
        case core.Quantifier():
            inner = ()
        case _:
            inner = core.children(expr)
    for child in inner:
        yield from parts(child, old or isinstance(expr, core.Old))
