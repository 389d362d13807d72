"""Holding `encode` against `evaluate` on one example: the same value, and defined at the same places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, Literal, TypeAlias

import z3
from expressions import Example, parts

from verify import core, integers
from verify.core import INT, Symbol, Type, key_type, value_type
from verify.encode import Encoded, Encoder, unknown_constant
from verify.evaluate import Context, Table, Undecided, Undefined, context_for, evaluate
from verify.values import MapValue, Member, Value, map_value
from verify.words import Words

Term: TypeAlias = Any

PIECES = 3000
SECONDS = 1.0
"""What `evaluate` and the solver may spend on one question."""

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
    """What the two meanings give for one expression, `old` if it stands inside `old`."""

    expr: core.Expr
    old: bool
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


# --- deciding what the simplifier leaves ---------------------------------------------------------------------------


def settled(term: Term) -> Term:
    """A term without free constants, quantifiers and equations of maps within replaced by their truth where found."""
    given_up: set[int] = set()
    if z3.is_true(term) or z3.is_false(term):
        return term
    while (found := next((q for q in _questions(term) if q.get_id() not in given_up), None)) is not None:
        truth = _truth(found)
        if truth is None:
            given_up.add(found.get_id())
        else:
            term = z3.simplify(z3.substitute(term, (found, z3.BoolVal(truth))))
    return term


def _questions(term: Term) -> list[Term]:
    """The quantifiers and equations of arrays that are about nothing bound further out; inner ones first."""
    found: list[Term] = []
    reach: dict[int, int] = {}  # by how many binders a term must be enclosed

    def visit(here: Term) -> int:
        if (known := reach.get(here.get_id())) is not None:
            return known
        needs: int
        if z3.is_var(here):
            needs = int(z3.get_var_index(here)) + 1
        elif z3.is_quantifier(here):
            needs = max(0, visit(here.body()) - here.num_vars())
        else:
            needs = max((visit(child) for child in here.children()), default=0)
        reach[here.get_id()] = needs
        if needs == 0 and (_quantified(here) or (z3.is_eq(here) and z3.is_array(here.arg(0)))):
            found.append(here)
        return needs

    visit(term)
    return found


def _quantified(term: Term) -> bool:
    return z3.is_quantifier(term) and not term.is_lambda()


def _is_closed(term: Term) -> bool:
    """True iff nothing in the term is an unknown of the solver."""
    seen: set[int] = set()
    stack = [term]
    while stack:
        here = stack.pop()
        if here.get_id() in seen:
            continue
        seen.add(here.get_id())
        if z3.is_quantifier(here):
            stack.append(here.body())
        elif z3.is_app(here):
            if here.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                return False
            stack += here.children()
    return True


def _truth(closed: Term) -> bool | None:
    closed = _spread(closed)
    for claim, truth in ((z3.Not(closed), True), (closed, False)):
        solver = z3.Solver()
        solver.set("timeout", int(SECONDS * 1000))
        solver.add(claim)
        result = solver.check()
        if result != z3.unknown:
            return truth if bool(result == z3.unsat) else not truth
    return None


def _spread(term: Term) -> Term:
    """The same formula, quantifiers over the few arrays between finite sorts gone through one by one.

    The solver does not think of these values itself.
    """
    if not z3.is_quantifier(term):
        if not term.children():
            return term
        return term.decl()(*(_spread(c) for c in term.children())) if z3.is_app(term) else term
    if term.is_lambda():
        return term
    free = [z3.FreshConst(term.var_sort(n), term.var_name(n)) for n in range(term.num_vars())]
    body = _spread(z3.substitute_vars(term.body(), *reversed(free)))
    for variable in free:
        if (values := _arrays(variable.sort())) is not None:
            each = [z3.substitute(body, (variable, value)) for value in values]
            body = z3.And(each) if term.is_forall() else z3.Or(each)
    rest = [f for f in free if _arrays(f.sort()) is None]
    if not rest:
        return body
    return z3.ForAll(rest, body) if term.is_forall() else z3.Exists(rest, body)


def _arrays(sort: Any) -> list[Term] | None:
    """Every value of an array sort from bool or an enum to bool; None for another sort."""
    if not (isinstance(sort, z3.ArraySortRef) and sort.range() == z3.BoolSort()):
        return None
    domain = sort.domain()
    keys: list[Term]
    if domain == z3.BoolSort():
        keys = [z3.BoolVal(False), z3.BoolVal(True)]
    elif isinstance(domain, z3.DatatypeSortRef):
        keys = [domain.constructor(n)() for n in range(domain.num_constructors())]
    else:
        return None
    found = []
    for row in product((False, True), repeat=len(keys)):
        term = z3.K(domain, z3.BoolVal(False))
        for key, value in zip(keys, row, strict=True):
            term = z3.Store(term, key, z3.BoolVal(value)) if value else term
        found.append(term)
    return found


# --- binding -------------------------------------------------------------------------------------------------------


class Remembering(Encoder):
    """The encoder, each of certain expressions encoded once. Each must stand in one place alone."""

    def remember(self, exprs: Iterable[core.Expr]) -> None:
        self.kept: dict[int, Encoded | None] = {id(e): None for e in exprs}

    def encode(self, expr: core.Expr, values: Mapping[Symbol, Term], entry: Mapping[Symbol, Term]) -> Encoded:
        found = self.kept.get(id(expr))
        if found is None:
            found = super().encode(expr, values, entry)
            if id(expr) in self.kept:
                self.kept[id(expr)] = found
        return found


@dataclass(frozen=True, slots=True)
class Bound:
    """One example, ready to be compared: its variables have terms, and `ground` puts in the values of free ones."""

    example: Example
    encoder: Encoder
    context: Context
    values: Mapping[Symbol, Term]
    entry: Mapping[Symbol, Term]
    ground: Callable[[Term], Term]

    def evaluated(self, expr: core.Expr, old: bool) -> Value | Nowhere:
        example = self.example
        try:
            return evaluate(expr, self.context, example.entry if old else example.values, example.entry, pieces=PIECES)
        except Undefined:
            return UNDEFINED
        except Undecided:
            return UNDECIDED

    def encoded(self, places: Sequence[tuple[core.Expr, bool]]) -> Iterator[Value | Nowhere]:
        """What the terms of the expressions come to, `True` marking those inside `old`."""
        inside = {**self.values, **self.entry}
        found = [self.encoder.encode(e, inside if old else self.values, self.entry) for e, old in places]
        terms = [t for encoded in found for t in (encoded.defined, encoded.value)]
        # All under one function, so that z3 goes through what they share once.
        together = z3.Function("together", *(t.sort() for t in terms), z3.BoolSort())
        ground = self.ground(together(*terms)).children()
        for (expr, _), defined, value in zip(places, ground[::2], ground[1::2], strict=True):
            yield self.read(settled(defined), value, expr.type)

    def read(self, defined: Term, value: Term, type_: Type) -> Value | Nowhere:
        if z3.is_false(defined):
            return UNDEFINED
        if not z3.is_true(defined):
            return UNKNOWN
        with suppress(NotPlain):
            return as_value(self.encoder, value, type_)
        with suppress(NotPlain):
            return as_value(self.encoder, settled(value), type_)
        return UNKNOWN


def bind(example: Example, words: Words, binding: Binding) -> Bound:
    """The example over one representation of words. Uninterpreted defines are what their tables say."""
    plain = Encoder.of(example.program, words, example.geometry if binding == "numerals" else {}, None, {})
    encoder = Remembering(**{f.name: getattr(plain, f.name) for f in fields(Encoder)})
    encoder.remember(e for e, _ in parts(example.expr))
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

    for name, table in example.tables.items():
        define = encoder.defines[name]
        if define.parameters or define.reads:
            encoder.functions[name] = tabled(encoder, define, table, ground)
        else:
            encoder.symbols[unknown_constant(define)] = as_term(
                encoder, table.entries.get((), table.default), define.result
            )
    context = context_for(example.program, example.geometry, example.bits, example.tables)
    return Bound(example, encoder, context, values, entry, ground)


def tabled(encoder: Encoder, define: core.Define, table: Table, ground: Callable[[Term], Term]) -> Callable[..., Term]:
    """An uninterpreted define as the function that its table says."""
    parameters = (*define.parameters, *define.reads)

    def function(*arguments: Term) -> Term:
        grounded = [ground(a) for a in arguments]
        if all(_is_closed(a) for a in grounded):
            try:
                row = tuple(as_value(encoder, settled(a), p.type) for p, a in zip(parameters, grounded, strict=True))
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
    """The two meanings of the example, and of each of its parts outside binders."""
    bound = bind(example, words, binding)
    places = list(parts(example.expr))
    for (expr, old), encoded in zip(places, bound.encoded(places), strict=True):
        yield Compared(expr, old, bound.evaluated(expr, old), encoded)
