"""From the solver's model to values of the language. What comes out is believed only once it has been executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import z3

from verify import core
from verify.core import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    OpaqueType,
    SetType,
    Symbol,
    Type,
    WordType,
    key_type,
    value_type,
)
from verify.encode import Encoder, unknown_constant
from verify.evaluate import Table
from verify.looks import Looks
from verify.put import Assertions
from verify.values import MapValue, Member, Value, map_value, some_value


class Undecodable(Exception):
    """The model holds something that is no value of the language, such as a member numbered below 0."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The params, the free symbols of the question, and the uninterpreted defines, as the model has them."""

    params: Mapping[Symbol, Value]
    values: Mapping[Symbol, Value]
    tables: Mapping[str, Table]


def decode(
    asked: Assertions, model: Any, symbols: Iterable[Symbol], params: Iterable[Symbol], plain: Looks | None = None
) -> Decoded:
    """The values of `symbols` and `params` in a model of the assertions. Raises Undecodable.

    `plain`: where the question looks into maps. Elsewhere each has the plainest value, whatever the model has there.
    """
    reader = _Reader(asked, model, plain)
    tables = {
        name: reader.table(asked.encoder.defines[name], function)
        for name, function in asked.encoder.functions.items()
        if asked.encoder.defines[name].value is None
    }
    for name, define in asked.encoder.defines.items():
        if define.value is None and name not in tables:
            constant = asked.encoder.symbols.get(unknown_constant(define))
            found = (
                some_value(define.result, reader.bits) if constant is None else reader.value(define.result, constant)
            )
            tables[name] = Table(found)
    return Decoded(
        {s: reader.value(s.type, asked.encoder.symbol(s)) for s in params},
        {s: reader.value(s.type, asked.encoder.symbol(s)) for s in symbols},
        tables,
    )


class _Reader:
    def __init__(self, asked: Assertions, model: Any, plain: Looks | None) -> None:
        self.asked = asked
        self.plain = plain
        self.encoder: Encoder = asked.encoder
        self.bits = asked.encoder.words.bits
        self.model = model
        self.keys: dict[Any, list[Any]] | None = None

    def value(self, type_: Type, term: Any) -> Value:
        if self.plain is not None and isinstance(type_, MapType | SetType) and z3.is_const(term):
            looked = self.plain.by_map.get(term.get_id(), [])
            if looked is not None:
                return self.plain_map(type_, term, looked)
        return self.read(type_, self.model.eval(term, model_completion=True))

    def plain_map(self, type_: MapType | SetType, term: Any, looked: Sequence[Any]) -> MapValue:
        """A free map as it is where the question looks into it; elsewhere it has the plainest value."""
        held = value_type(type_)
        entries: dict[Value, Value] = {}
        for at in looked:
            key = self.key(key_type(type_), at)
            if key is not _NOWHERE and key not in entries:
                entries[key] = self.value(held, z3.Select(term, at))
        return map_value(type_, some_value(held, self.bits), entries, self.bits)

    def read(self, type_: Type, term: Any) -> Value:
        """The value of a term that holds no variable."""
        match type_:
            case WordType():
                number = self.number(term)
                if not 0 <= number < 1 << self.bits:
                    raise Undecodable(f"{number} is no word")
                return number
            case IntType():
                if z3.is_bv_value(term):
                    return int(term.as_signed_long())
                return self.number(term)
            case BoolType():
                if not (z3.is_true(term) or z3.is_false(term)):
                    raise Undecodable(f"{term} is no truth value")
                return bool(z3.is_true(term))
            case OpaqueType():
                index = self.number(term)
                if index < 0:
                    raise Undecodable(f"member {index}")
                return Member(type_, index)
            case EnumType() if z3.is_bv_value(term):
                index = self.number(term)
                return Member(type_, index if index < len(type_.members) else 0)
            case EnumType():
                return Member(type_, [str(m) for m in self.encoder.enum(type_)[1]].index(str(term)))
            case MapType() | SetType():
                return self.map(type_, term)
            case _:
                assert_never(type_)

    def number(self, term: Any) -> int:
        simple = z3.simplify(term)
        if not (z3.is_int_value(simple) or z3.is_bv_value(simple)):
            raise Undecodable(f"{term} is no number")
        return int(simple.as_long())

    def map(self, type_: MapType | SetType, term: Any) -> MapValue:
        entries: list[tuple[Value, Value]] = []
        inner = value_type(type_)

        def enter(at: Any, held: Any) -> None:
            key = self.key(key_type(type_), at)
            if key is not _NOWHERE:  # what a map of the solver holds elsewhere need be no value at all
                entries.append((key, self.value(inner, held)))

        def done(default: Value) -> MapValue:
            return map_value(type_, default, dict(reversed(entries)), self.bits)

        enum = key_type(type_)
        if isinstance(enum, EnumType):
            for index, member in enumerate(self.encoder.enum(enum)[1]):
                entries.append((Member(enum, index), self.value(inner, z3.Select(term, member))))
            return done(entries[0][1])
        if self.plain is not None:
            for found in self.looked_at(term.sort().domain()):
                enter(found, z3.Select(term, found))
            return done(some_value(inner, self.bits))
        while True:
            if z3.is_store(term):
                enter(term.arg(1), term.arg(2))
                term = term.arg(0)
            elif z3.is_K(term):
                return done(self.value(inner, term.arg(0)))
            else:
                break
        if z3.is_as_array(term):
            interpretation = self.model[z3.get_as_array_func(term)]
            if interpretation is not None and isinstance(interpretation, z3.FuncInterp):
                for n in range(interpretation.num_entries()):
                    entry = interpretation.entry(n)
                    enter(entry.arg_value(0), entry.value())
                otherwise = interpretation.else_value()
                if otherwise is not None and z3.is_app(otherwise) and not _has_variables(otherwise):
                    return done(self.value(inner, otherwise))
        # A function given by a formula: what matters of it are its values at the keys that the question looks at.
        sort = term.sort().domain()
        for found in self.looked_at(sort):
            enter(found, z3.Select(term, found))
        other = self.elsewhere(sort)
        return done(self.read(inner, self.model.eval(z3.Select(term, other), model_completion=True)))

    def key(self, type_: Type, term: Any) -> Value:
        """A key of a map; one outside its type (which the integers of a solver have) is nowhere."""
        try:
            return self.value(type_, term)
        except Undecodable:
            return _NOWHERE

    def elsewhere(self, sort: Any) -> Any:
        """A key that the question does not look at, if the sort has one."""
        seen = {str(k) for k in self.looked_at(sort)}
        candidates: list[Any] = []
        if isinstance(sort, z3.BitVecSortRef):
            candidates = [z3.BitVecVal(n, sort) for n in range(3, 3 + 2 * len(seen) + 2, 2)]
        elif sort == z3.IntSort():
            candidates = [z3.IntVal(n) for n in range(3, 3 + 2 * len(seen) + 2, 2)]
        for candidate in candidates:
            if str(candidate) not in seen:
                return candidate
        return self.model.eval(z3.FreshConst(sort), model_completion=True)

    def looked_at(self, sort: Any) -> list[Any]:
        """The values of the terms of a sort at which the question looks into maps."""
        if self.keys is None:
            self.keys = {}
            for term in (self.plain or Looks.of(self.asked)).every:
                at = self.model.eval(term, model_completion=True)
                known = self.keys.setdefault(at.sort(), [])
                if not any(at.eq(k) for k in known):
                    known.append(at)
        return self.keys.get(sort, [])

    def table(self, define: core.Define, function: Any) -> Table:
        if not any(function.eq(known) for known in self.model.decls()):  # z3 fails on a function it left out
            return Table(some_value(define.result, self.bits))
        interpretation = self.model[function]
        parameters = (*define.parameters, *define.reads)
        entries: dict[tuple[Value, ...], Value] = {}
        for n in range(interpretation.num_entries()):
            entry = interpretation.entry(n)
            at = tuple(self.value(p.type, entry.arg_value(i)) for i, p in enumerate(parameters))
            entries[at] = self.value(define.result, entry.value())
        otherwise = interpretation.else_value()
        if otherwise is None or _has_variables(otherwise):
            return Table(some_value(define.result, self.bits), entries)
        return Table(self.value(define.result, otherwise), entries)


_NOWHERE = Member(OpaqueType("", "nowhere"), 0)


def _has_variables(term: Any) -> bool:
    if z3.is_var(term):
        return True
    return any(_has_variables(child) for child in term.children())
