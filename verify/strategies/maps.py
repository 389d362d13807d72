"""Drawing maps and sets: first the entries that a condition calls for, then others that every condition lets stand.

An entry is added at a key only if that breaks nothing. For a condition `forall a :: ...` that reads the map at `a` and
nowhere else, it is enough to look at that one value of `a`; so maps are drawn in such an order that most are read so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from verify import core
from verify.core import MapType, SetType, Symbol, key_type, value_type
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.sites import subexpressions
from verify.strategies.candidates import Landmarks, places_of
from verify.strategies.conditions import Condition, Values, free
from verify.strategies.scalars import Draw, interesting
from verify.values import MapValue, Member, Value, domain, map_value, members_in, some_value
from verify.why import failing_binding

KEYS = 16
"""At how many keys a map may differ from its default, beyond those that a condition calls for."""

FEW = 6
"""The same, for a map of which nobody says anything."""

FORESEEN = 40
"""How many words an oracle chooses from."""

AHEAD = 24
"""How far an oracle is filled in."""

TRIED = 64
"""At how many keys it is looked whether an entry may stand there."""

DENSE = 4
"""Of so many keys at which a map may differ from its default, all but one are taken, where others stand upon it."""

REPAIRS = 64
"""How many entries conditions may call for."""


def maps_in_order(symbols: Sequence[Symbol], conditions: Sequence[Condition]) -> tuple[Symbol, ...]:
    """The maps, each after those that it shares a condition with and is read pointwise beside, where that can be."""
    read = {s: [c for c in conditions if s in c.symbols and point(c, s) is not None] for s in symbols}
    waiting = list(symbols)
    order: list[Symbol] = []
    while waiting:
        behind = {s: sum(len(c.symbols.intersection(waiting)) - 1 for c in read[s]) for s in waiting}
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
class Plan:
    """What to mind when drawing a map: the conditions that are settled with it, those that read it at their bound
    variable alone apart, and other keys at which claims read it.

    `bears`: entries of maps that are drawn later may stand only where this one has something. `counters`: an oracle's,
    which is read at what they are, and then at what comes next.
    """

    symbol: Symbol
    pointwise: tuple[tuple[Symbol, Condition], ...]
    others: tuple[Condition, ...]
    keys: tuple[core.Expr, ...]
    bears: bool
    counters: tuple[Symbol, ...] = ()

    @property
    def type(self) -> MapType | SetType:
        assert isinstance(self.symbol.type, MapType | SetType)
        return self.symbol.type

    @property
    def empty(self) -> bool:
        """The conditions say outright that it is a set without members."""
        return isinstance(self.type, SetType) and any(_denies(_body(c), self.symbol, at) for at, c in self.pointwise)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return (*self.others, *(condition for _, condition in self.pointwise))


def plans(
    symbols: Sequence[Symbol],
    conditions: Sequence[Condition],
    keys: Sequence[tuple[Symbol, core.Expr]],
    counters: Sequence[tuple[Symbol, Symbol]] = (),
) -> tuple[Plan, ...]:
    """A plan for each map, in the order of drawing. Variables that are no maps have values before."""
    found: list[Plan] = []
    order = maps_in_order(symbols, conditions)
    for at, symbol in enumerate(order):
        due = [c for c in conditions if symbol in c.symbols and not c.symbols & set(order[at + 1 :])]
        pointwise = tuple((bound, c) for c in due if (bound := point(c, symbol)) is not None)
        others = tuple(c for c in due if point(c, symbol) is None)
        bears = any(
            symbol in c.symbols
            and point(c, symbol) is None
            and any(point(c, later) is not None for later in order[at + 1 :])
            for c in conditions
        )
        read_at = tuple(key for of, key in keys if of == symbol)
        found.append(Plan(symbol, pointwise, others, read_at, bears, tuple(c for of, c in counters if of == symbol)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Maps:
    """Values for the maps of `plans`, drawn in this order, in one context."""

    context: Context
    marks: Landmarks
    plans: tuple[Plan, ...]

    def draw(self, draws: Sequence[Draw], given: Values) -> dict[Symbol, Value] | None:
        """One choice, with `given`; None iff the conditions call for entries that were not found. One of `draws` for
        each map, in the order of the plans.
        """
        values = dict(given)
        settled: tuple[Condition, ...] = ()
        for plan, draw in zip(self.plans, draws, strict=True):
            settled += plan.conditions
            self._start(draw, plan, values)
            if not self._repair(plan.conditions, settled, values):
                return None
            if not plan.empty:
                self._fill(draw, plan, values)
        return values

    def _start(self, draw: Draw, plan: Plan, values: dict[Symbol, Value]) -> None:
        """Gives the map its default: the plainest value; at times, for a map to bool, true, if the conditions let it.
        A set is finite."""
        held, bits = value_type(plan.type), self.context.word_bits
        values[plan.symbol] = map_value(plan.type, some_value(held, bits), {}, bits)
        if isinstance(plan.type, MapType) and held == core.BOOL and draw(8) == 7:
            then = {**values, plan.symbol: map_value(plan.type, True, {}, bits)}
            if all(c.met(self.context, then) for c in plan.conditions):
                values[plan.symbol] = then[plan.symbol]

    def _fill(self, draw: Draw, plan: Plan, values: dict[Symbol, Value]) -> None:
        """Adds entries that the conditions let stand.

        Whether one may stand is asked first with some value, which tells nothing of other named ones.
        """
        base = values[plan.symbol]
        assert isinstance(base, MapValue)
        others = [v for v in self._usual(plan, values) if v != base.default]
        some = others[-1]
        scope = dict(values)
        found = 0
        most = AHEAD if plan.counters else KEYS if plan.conditions or plan.keys or plan.bears else FEW
        for key in islice(self._candidates(plan, values), TRIED):
            before = values[plan.symbol]
            assert isinstance(before, MapValue)
            if key in base.entries or not self._stands(plan, scope, base, key, some):
                continue
            there, which = (
                draw(DENSE if plan.bears else 2),
                draw(max(4, len(others) if plan.counters else 0)) if len(others) > 1 else 0,
            )  # both, so that the next key has its own draws
            if there:
                value = others[-1 - which % len(others)]
                values[plan.symbol] = before.set(key, value)
                told = isinstance(value, Member) and value.index >= len(_names(value))
                if not (told or value == some or self._stands(plan, scope, base, key, value)) or not all(
                    c.met(self.context, values) for c in plan.others
                ):
                    values[plan.symbol] = before
                else:
                    others = [v for v in self._usual(plan, values) if v != base.default]
            found += 1
            if found == most:
                break

    def _stands(self, plan: Plan, scope: dict[Symbol, Value], base: MapValue, key: Value, value: Value) -> bool:
        """Whether an entry breaks no condition that is read at its key alone. Changes what the scope has for the map,
        whose other entries do not matter, and for the bound variables of the conditions."""
        if not plan.pointwise:
            return True
        scope[plan.symbol] = map_value(plan.type, base.default, {key: value}, self.context.word_bits)
        for bound, _ in plan.pointwise:
            scope[bound] = key
        return all(_value(_body(c), self.context, scope) is True for _, c in plan.pointwise)

    # --- keys ------------------------------------------------------------------------------------------------------

    def _candidates(self, plan: Plan, values: Values) -> Iterator[Value]:
        type_ = key_type(plan.type)
        match type_:
            case core.WordType():
                places = places_of(self.marks, interesting(values, core.WORD))
                yield from _by_turns(places, self._read(plan, values, places))
            case core.IntType():
                for counter in plan.counters:
                    at = values[counter]
                    assert isinstance(at, int)
                    yield from range(at, at + AHEAD)
                ints = interesting(values, core.INT)
                yield from dict.fromkeys([*(i + by for i in ints for by in (0, 1, 2, 3, 4, 5, -1)), 0, 1])
            case core.BoolType() | core.EnumType():
                yield from domain(type_, self.context.word_bits)
            case _:
                yield from _plain(type_, self.context.word_bits)

    def _read(self, plan: Plan, values: Values, places: Sequence[int]) -> Iterator[int]:
        """Where the map is read if a variable stands at one of the places."""
        given = dict(values)
        signatures: set[tuple[Value | None, ...]] = set()
        for key in plan.keys:
            moving = [s for s in free(key) if s not in given]
            if len(moving) > 1 or any(s.type != core.WORD for s in moving):
                continue
            stands = places if moving else places[:1]
            read = (_value(key, self.context, {**given, **dict.fromkeys(moving, place)}) for place in stands)
            first = tuple(islice(read, 3))
            if (len(moving), *first) not in signatures:  # else it says what another one says
                signatures.add((len(moving), *first))
                yield from (at for at in chain(first, read) if isinstance(at, int))

    # --- entries that conditions call for --------------------------------------------------------------------------

    def _repair(self, due: Sequence[Condition], conditions: Sequence[Condition], values: dict[Symbol, Value]) -> bool:
        """Changes entries of the maps in `values` until the conditions are true, of which only those that are `due` can
        be broken at first; False if that was not achieved.

        One entry at a time, where it mends a broken condition and breaks fewest others; never back to what was before.
        """
        broken = [c for c in due if not c.met(self.context, values)]
        seen = [dict(values)]
        for _ in range(REPAIRS):
            if not broken:
                return True
            ways = [way for way in self._repairs(broken[0], values) if {**values, **way} not in seen]
            if not ways:
                return False
            left = [self._broken(broken, conditions, {**values, **way}, way) for way in ways]
            best = min(range(len(ways)), key=lambda at: len(left[at]))
            values.update(ways[best])
            broken = left[best]
            seen.append(dict(values))
        return False

    def _broken(
        self, before: Sequence[Condition], conditions: Sequence[Condition], values: Values, changed: Values
    ) -> list[Condition]:
        """The conditions that are broken now that some values are `changed`, given those that were before."""
        return [
            c for c in conditions if (not c.met(self.context, values) if c.symbols & changed.keys() else c in before)
        ]

    def _repairs(self, condition: Condition, values: Values) -> Iterator[Values]:
        """The maps with one entry changed, such that the condition no longer fails where it fails."""
        try:
            scope = {**values, **failing_binding(condition.expr, self.context, values, values)}
        except (Undefined, Undecided):
            return
        expr = _body(condition)
        for node in subexpressions(expr):
            if isinstance(node, core.Index) and isinstance(node.base, core.Var):
                table, key = values.get(node.base.symbol), _value(node.key, self.context, scope)
                if not isinstance(table, MapValue) or key is None:
                    continue
                for value in self._plain(value_type(table.type), values):
                    changed: Values = {node.base.symbol: table.set(key, value)}
                    if value != table.get(key) and _value(expr, self.context, {**scope, **changed}) is True:
                        yield changed

    def _usual(self, plan: Plan, values: Values) -> list[Value]:
        """Some values that an entry may have; what an oracle may say: of words those that something stands at, and
        those that are drawn already."""
        held = value_type(plan.type)
        if held != core.WORD or not plan.counters:
            return self._plain(held, values)
        at = [k for s, v in values.items() if isinstance(v, MapValue) and key_type(v.type) == held for k in v.entries]
        return list(dict.fromkeys([*self._plain(held, values)[:2], *interesting(values, core.WORD), *at]))[:FORESEEN]

    def _plain(self, type_: core.Type, values: Values) -> list[Value]:
        """Some values of a type: of an opaque sort those that have a name, and one that is not in use."""
        if not isinstance(type_, core.OpaqueType):
            return _plain(type_, self.context.word_bits)
        used = [m.index for value in values.values() for m in members_in(value) if m.type == type_]
        return [
            Member(type_, index) for index in (*range(len(type_.named)), max(used, default=len(type_.named) - 1) + 1)
        ]


def _body(condition: Condition) -> core.Expr:
    """The condition without its outer quantifiers."""
    expr = condition.expr
    while isinstance(expr, core.Quantifier):
        expr = expr.body
    return expr


def _denies(expr: core.Expr, symbol: Symbol, at: Symbol) -> bool:
    """Whether the expression is `!(at in symbol)`."""
    match expr:
        case core.Unary(op=core.UnaryOp.NOT, operand=core.Index(base=core.Var(symbol=base), key=core.Var(symbol=key))):
            return base == symbol and key == at
        case _:
            return False


def _names(member: Member) -> tuple[str, ...]:
    return member.type.members if isinstance(member.type, core.EnumType) else member.type.named


def _by_turns(first: Iterable[int], second: Iterable[int]) -> Iterator[int]:
    """The numbers of both, one from each in turn, each once."""
    seen: set[int] = set()
    for pair in zip_longest(first, second):
        for number in pair:
            if number is not None and number not in seen:
                seen.add(number)
                yield number


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
