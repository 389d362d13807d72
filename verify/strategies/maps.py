"""Drawing maps and sets: first the entries that a condition calls for, then others that every condition lets stand.

An entry is added at a key only if that breaks nothing. For a condition `forall a :: ...` that reads the map at `a` and
nowhere else, it is enough to look at that one value of `a`; so maps are drawn in such an order that most are read so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from verify import core
from verify.core import MapType, SetType, Symbol, key_type, value_type
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.sites import subexpressions
from verify.strategies.candidates import Landmarks, places_of
from verify.strategies.conditions import Condition, Values, free
from verify.strategies.scalars import Draw, interesting
from verify.values import MapValue, Member, Value, domain, map_value, some_value
from verify.why import failing_binding

KEYS = 24
"""At how many keys a map may differ from its default, beyond those that a condition calls for."""

TRIED = 96
"""At how many keys it is looked whether an entry may stand there."""

REPAIRS = 64
"""How many entries conditions may call for."""


def maps_in_order(symbols: Sequence[Symbol], conditions: Sequence[Condition]) -> tuple[Symbol, ...]:
    """The maps, each after those that it shares a condition with and is read pointwise beside, where that can be."""
    waiting = list(symbols)
    order: list[Symbol] = []
    while waiting:
        behind = {
            symbol: sum(
                len((condition.symbols & set(waiting)) - {symbol})
                for condition in conditions
                if symbol in condition.symbols and point(condition, symbol) is not None
            )
            for symbol in waiting
        }
        first = min(waiting, key=lambda symbol: behind[symbol])  # of equals, the first declared
        order.append(first)
        waiting.remove(first)
    return tuple(order)


def point(condition: Condition, symbol: Symbol) -> Symbol | None:
    """The `a` of a condition `forall a :: ...` that reads the map at `a` alone; None if it is no such condition."""
    match condition.expr:
        case core.Quantifier(universal=True, symbols=(bound,), body=body) if bound.type == _key(symbol):
            whole = sum(isinstance(e, core.Var) and e.symbol == symbol for e in subexpressions(body))
            read = sum(
                isinstance(e, core.Index)
                and isinstance(e.base, core.Var)
                and e.base.symbol == symbol
                and isinstance(e.key, core.Var)
                and e.key.symbol == bound
                for e in subexpressions(body)
            )
            return bound if whole == read else None
        case _:
            return None


def _key(symbol: Symbol) -> core.Type | None:
    return key_type(symbol.type) if isinstance(symbol.type, MapType | SetType) else None


@dataclass(frozen=True, slots=True)
class Maps:
    """Values for `symbols`, drawn in this order, such that `conditions` hold. `keys` are where claims read each map.

    `conditions` are those that mention a map; their other variables have values before.
    """

    context: Context
    marks: Landmarks
    symbols: tuple[Symbol, ...]
    conditions: tuple[Condition, ...]
    keys: tuple[tuple[Symbol, core.Expr], ...]

    def draw(self, draw: Draw, given: Values) -> dict[Symbol, Value] | None:
        """One choice; None iff the conditions call for entries that were not found."""
        values = dict(given)
        fresh = 0
        for symbol in self.symbols:
            fresh = self._draw_one(draw, symbol, values, fresh)
            if fresh < 0:
                return None
        return values

    def _draw_one(self, draw: Draw, symbol: Symbol, values: dict[Symbol, Value], fresh: int) -> int:
        """Adds a value for the map to `values`. Returns how many fresh members are in use, or -1 if there is none."""
        type_ = symbol.type
        assert isinstance(type_, MapType | SetType)
        held = value_type(type_)
        bits = self.context.word_bits
        known = {*values, symbol}
        due = [c for c in self.conditions if symbol in c.symbols and c.symbols <= known]
        default = some_value(held, bits)
        if isinstance(type_, MapType) and held == core.BOOL and draw(8) == 7:
            values[symbol] = map_value(type_, True, {}, bits)
            if all(c.met(self.context, values) for c in due):
                default = True
        values[symbol] = map_value(type_, default, {}, bits)
        if not self._repair(due, values):
            return -1
        for key in self._free_keys(symbol, due, values):
            if not draw(2):
                continue
            before = values[symbol]
            assert isinstance(before, MapValue)
            value = self._other(draw, held, default, fresh)
            fresh += isinstance(value, Member)
            values[symbol] = before.set(key, value)
            if not all(c.met(self.context, values) for c in due if point(c, symbol) is None):
                values[symbol] = before
        return fresh

    def _free_keys(self, symbol: Symbol, due: Sequence[Condition], values: dict[Symbol, Value]) -> list[Value]:
        """The keys at which an entry would break no condition that is read pointwise, those that matter most first."""
        base = values[symbol]
        assert isinstance(base, MapValue)
        held = value_type(base.type)
        other = next(v for v in _plain(held, self.context.word_bits) if v != base.default)
        pointwise = [(bound, c) for c in due if (bound := point(c, symbol)) is not None]
        found: list[Value] = []
        for key in islice(self._candidates(symbol, values), TRIED):
            if key in base.entries:
                continue
            then = {**values, symbol: base.set(key, other)}
            if all(self._holds_at(c, {**then, bound: key}) for bound, c in pointwise):
                found.append(key)
                if len(found) == KEYS:
                    break
        return found

    def _holds_at(self, condition: Condition, values: Values) -> bool:
        assert isinstance(condition.expr, core.Quantifier)
        try:
            return bool(evaluate(condition.expr.body, self.context, values, values))
        except (Undefined, Undecided):
            return False

    # --- keys ------------------------------------------------------------------------------------------------------

    def _candidates(self, symbol: Symbol, values: Values) -> Iterator[Value]:
        type_ = key_type(symbol.type) if isinstance(symbol.type, MapType | SetType) else core.BOOL
        match type_:
            case core.WordType():
                yield from self._words(symbol, values)
            case core.IntType():
                ints = interesting(values, core.INT)
                yield from dict.fromkeys([*(i + by for i in ints for by in (0, 1, 2, 3, -1)), 0, 1])
            case core.BoolType() | core.EnumType():
                yield from domain(type_, self.context.word_bits)
            case _:
                yield from _plain(type_, self.context.word_bits)

    def _words(self, symbol: Symbol, values: Values) -> Iterator[int]:
        """By turns a place of interest, and where the map is read if a variable stands at one."""
        places = places_of(self.marks, interesting(values, core.WORD))
        read = self._read(symbol, values, places)
        yield from dict.fromkeys(key for pair in zip_longest(read, places) for key in pair if key is not None)

    def _read(self, symbol: Symbol, values: Values, places: Sequence[int]) -> list[int]:
        found: dict[int, None] = {}
        for _, key in (row for row in self.keys if row[0] == symbol):
            moving = [s for s in free(key) if s not in values]
            if len(moving) <= 1 and all(s.type == core.WORD for s in moving):
                for place in places if moving else (0,):
                    at = _value(key, self.context, {**values, **dict.fromkeys(moving, place)})
                    if isinstance(at, int):
                        found.setdefault(at)
        return list(found)

    # --- entries that conditions call for --------------------------------------------------------------------------

    def _repair(self, due: Sequence[Condition], values: dict[Symbol, Value]) -> bool:
        """Adds to the maps in `values` what makes the conditions true; False if that was not found."""
        for _ in range(REPAIRS):
            broken = next((c for c in due if not c.met(self.context, values)), None)
            if broken is None:
                return True
            if not self._repaired(broken, values):
                return False
        return False

    def _repaired(self, condition: Condition, values: dict[Symbol, Value]) -> bool:
        """One entry changed where a condition fails; False if there is none to change."""
        try:
            scope = {**values, **failing_binding(condition.expr, self.context, values, values)}
        except (Undefined, Undecided):
            return False
        expr = condition.expr
        while isinstance(expr, core.Quantifier):
            expr = expr.body
        for node in subexpressions(expr):
            if isinstance(node, core.Index) and isinstance(node.base, core.Var):
                table, key = values.get(node.base.symbol), _value(node.key, self.context, scope)
                if not isinstance(table, MapValue) or key is None:
                    continue
                for value in _plain(value_type(table.type), self.context.word_bits):
                    changed = {**scope, node.base.symbol: table.set(key, value)}
                    if value != table.get(key) and _value(expr, self.context, changed) is True:
                        values[node.base.symbol] = table.set(key, value)
                        return True
        return False

    def _other(self, draw: Draw, type_: core.Type, default: Value, fresh: int) -> Value:
        """A value that is not the default: of an opaque sort, one that no other entry has, or a named one."""
        if isinstance(type_, core.OpaqueType):
            named = [m for i in range(len(type_.named)) if (m := Member(type_, i)) != default]
            at = draw(4) if named else 0
            return named[fresh % len(named)] if at == 3 else Member(type_, len(type_.named) + 1 + fresh)
        others = [v for v in _plain(type_, self.context.word_bits) if v != default]
        return others[draw(len(others))]


def _value(expr: core.Expr, context: Context, values: Values) -> Value | None:
    """The value of an expression; None if it has none, or a variable has none."""
    try:
        return evaluate(expr, context, values, values)
    except (Undefined, Undecided, KeyError):
        return None


def _plain(type_: core.Type, word_bits: int) -> list[Value]:
    """Some values of a type, more than one if it has more than one."""
    match type_:
        case core.WordType() | core.IntType():
            return [0, 1, 2, 3]
        case core.OpaqueType(named=named):
            return [Member(type_, index) for index in range(len(named) + 2)]
        case core.BoolType() | core.EnumType():
            return list(domain(type_, word_bits))
        case _:
            inner = _plain(value_type(type_), word_bits)
            return [map_value(type_, value, {}, word_bits) for value in inner]
