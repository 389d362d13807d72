"""Drawing the values that are no maps: one after the other, each from candidates that meet what is asked of it.

Nothing is drawn and thrown away. Where a choice leaves a later variable without candidates, the same draws are read in
another way, in a fixed order and without asking hypothesis again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import gcd, inf
from typing import TypeGuard

from verify import core
from verify.core import BinaryOp, Symbol, SymbolKind
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.strategies.candidates import Groups, Landmarks, groups_of, unit_of
from verify.strategies.conditions import Condition, Values, free
from verify.values import Value

Draw = Callable[[int], int]
"""Given n > 0, draws one of 0 .. n - 1, the plainest first."""

SCALE = 256
"""A choice among groups, and one of a candidate, is drawn out of so many, then scaled to how many there are."""

PROBES = 6
"""How many candidates of a group are asked about conditions that are dear to evaluate."""

ATTEMPTS = 144
"""In how many ways the same draws are read, if need be."""

Keep = Callable[[Context, Values], bool]


@dataclass(frozen=True, slots=True)
class _Due:
    """Conditions that a variable completes; `kept`: `keep` is one of them. `read`: which of the variables, by number,
    they are about."""

    conditions: tuple[Condition, ...]
    kept: bool
    read: tuple[int, ...]
    met: dict[tuple[Value, ...], bool] = field(default_factory=dict)


@dataclass(slots=True)
class Scalars:
    """Values for `symbols`, in this order, that meet `conditions` and `keep`, in one context.

    `conditions` are about `symbols` alone. `keep` may refuse arguments that are dear; it is asked with fewer of them
    too, and then refuses only what no further ones can make good.
    `words` and `ints` are numbers that count as drawn before. The rest is remembered from one draw to the next.
    """

    context: Context
    marks: Landmarks
    symbols: tuple[Symbol, ...]
    conditions: tuple[Condition, ...]
    keep: Keep
    words: tuple[int, ...] = ()
    ints: tuple[int, ...] = ()
    units: dict[Symbol, int] = field(default_factory=dict)
    kinds: dict[tuple[int, ...], Groups] = field(default_factory=dict)
    plain: tuple[_Due, ...] = field(init=False)
    quantified: tuple[_Due, ...] = field(init=False)
    equations: tuple[tuple[_Equation, ...], ...] = field(init=False)
    limits: tuple[tuple[_Limit, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Sorts the conditions by the symbol that completes them, those with a quantifier apart."""
        plain, quantified, equations, limits = [], [], [], []
        for at, symbol in enumerate(self.symbols):
            known = {*self.symbols[: at + 1]}
            completed = [c for c in self.conditions if symbol in c.symbols and c.symbols <= known]
            kept = [n for n in range(at + 1) if symbol.kind is self.symbols[n].kind is SymbolKind.ARGUMENT]
            plain.append(self._due([c for c in completed if not c.quantified], kept))
            quantified.append(self._due([c for c in completed if c.quantified], []))
            found = (c.expr for c in plain[-1].conditions)
            equations.append(tuple(_equation(e, symbol) for e in found if _is_equation(e, symbol.type)))
            limits.append(tuple(_limits(symbol, plain[-1].conditions)))
        self.plain, self.quantified = tuple(plain), tuple(quantified)
        self.equations, self.limits = tuple(equations), tuple(limits)

    def _due(self, conditions: Sequence[Condition], kept: Sequence[int]) -> _Due:
        about = {s for c in conditions for s in c.symbols}
        read = {*kept, *(n for n, s in enumerate(self.symbols) if s in about)}
        return _Due(tuple(conditions), bool(kept), tuple(sorted(read)))

    def draw(self, draw: Draw) -> Iterator[dict[Symbol, Value]]:
        """One choice, and after it others, for whom the first does not do; none if none was found that meets all."""
        if not all(c.met(self.context, {}) for c in self.conditions if not c.symbols):
            return
        drawn: list[tuple[int, int]] = []
        for attempt in range(ATTEMPTS):
            values: dict[Symbol, Value] = {}
            chosen: list[Value] = []
            while len(chosen) < len(self.symbols):
                if len(chosen) == len(drawn):
                    drawn.append((draw(SCALE), draw(SCALE)))
                group, at = drawn[len(chosen)]
                # Steps that are prime to the scale, so that attempts spread over all choices.
                if not self.choose(chosen, values, (group + 97 * attempt) % SCALE, (at + 61 * attempt) % SCALE):
                    break
            else:
                yield values

    def choose(self, chosen: list[Value], values: dict[Symbol, Value], group: int, at: int) -> bool:
        """Adds the next value to those chosen, which `values` has by symbol: from the group with that number or the
        first after it that has a candidate. False if none is found."""
        number = len(chosen)
        symbol, plain, quantified = self.symbols[number], self.plain[number], self.quantified[number]
        least, most = self.between(number, values)
        if least > most:
            return False
        groups = self.groups(number, values)
        chosen.append(False)
        for by in range(len(groups)):
            candidates = groups[(group * len(groups) // SCALE + by) % len(groups)]
            start, probed = at * len(candidates) // SCALE, 0
            # The plainest that will do; else whichever, not always the one that follows those that are refused.
            stride = next(s for s in (61, 67, 1) if gcd(s, len(candidates)) == 1) if start else 1
            for step in range(len(candidates)):
                candidate = candidates[(start + step * stride) % len(candidates)]
                if isinstance(candidate, int) and not least <= candidate <= most:
                    continue
                values[symbol] = chosen[number] = candidate
                if self.meets(plain, chosen, values):
                    if self.meets(quantified, chosen, values):
                        return True
                    probed += 1
                    if probed == PROBES:
                        break
        return False

    def groups(self, number: int, values: Values) -> Groups:
        """The groups of candidates for variable number `number` that have any, given values of those before it."""
        symbol = self.symbols[number]
        solved = self.solved(symbol, self.equations[number], values)
        alone = tuple(value for value, one in solved if one)
        if alone:
            return (alone,)
        near = interesting(values, symbol.type) if symbol.type in (core.WORD, core.INT) else ()
        key = (number, *near)
        if key not in self.kinds:
            words = [*self.words, *(near if symbol.type == core.WORD else ())]
            ints = [*self.ints, *(near if symbol.type == core.INT else ())]
            found = groups_of(symbol.type, self.marks, self.unit(symbol), words, ints)
            self.kinds[key] = tuple(group for group in found if group)
        return (*self.kinds[key], tuple(value for value, _ in solved)) if solved else self.kinds[key]

    def between(self, number: int, drawn: Values) -> tuple[float, float]:
        """The least and the most that conditions let variable number `number` be that say so outright."""
        least, most = -inf, inf
        for limit in self.limits[number]:
            try:
                at = evaluate(limit.at, self.context, drawn, drawn)
            except (Undefined, Undecided):
                continue
            assert isinstance(at, int)
            if limit.upper:
                most = min(most, at - limit.beside)
            else:
                least = max(least, at + limit.beside)
        return least, most

    def solved(self, symbol: Symbol, equations: Iterable[_Equation], drawn: Values) -> tuple[tuple[Value, bool], ...]:
        """The values that equations ask for that the variable completes, where it stands in them once, plain; each with
        whether no other meets its equation."""
        found: list[tuple[Value, bool]] = []
        for equation in equations:
            zero, one = {**drawn, symbol: 0}, {**drawn, symbol: 1}
            try:
                at, next_ = (evaluate(equation.apart, self.context, values, values) for values in (zero, one))
            except (Undefined, Undecided):
                continue
            assert isinstance(at, int)
            assert isinstance(next_, int)
            by = next_ - at
            if symbol.type == core.WORD and by % self.marks.top in (1, self.marks.top - 1):
                found.append((-at * by % self.marks.top, equation.one))
            elif symbol.type == core.INT and abs(by) == 1:
                found.append((-at * by, equation.one))
        return tuple(found)

    def unit(self, symbol: Symbol) -> int:
        """What the variable must be a multiple of, as far as conditions on it alone say so."""
        if symbol not in self.units:
            alone = [c for c in self.conditions if c.symbols == {symbol}]
            self.units[symbol] = (
                unit_of(self.marks, lambda value: all(c.met(self.context, {symbol: value}) for c in alone))
                if symbol.type == core.WORD
                else 1
            )
        return self.units[symbol]

    def meets(self, due: _Due, chosen: Sequence[Value], values: Values) -> bool:
        """Whether the values chosen, which `values` has by symbol, meet the conditions that the last of them completes;
        where these are without a quantifier, `keep` too."""
        if not due.read:
            return True
        key = tuple([chosen[at] for at in due.read])
        if key not in due.met:
            kept = not due.kept or self.keep(self.context, values)
            due.met[key] = kept and all(c.met(self.context, values) for c in due.conditions)
        return due.met[key]


@dataclass(frozen=True, slots=True)
class _Limit:
    """The number that a variable is at most, or at least; with 1 `beside`, it is less, or more."""

    at: core.Expr
    upper: bool
    beside: int


_LIMITS = {BinaryOp.LT: (True, 1), BinaryOp.LE: (True, 0), BinaryOp.GT: (False, 1), BinaryOp.GE: (False, 0)}


def _limits(symbol: Symbol, conditions: Iterable[Condition]) -> Iterator[_Limit]:
    """Those that conditions set a variable that they compare with what it does not occur in."""
    for condition in conditions:
        match condition.expr:
            case core.Binary(op=op, left=core.Var(symbol=one), right=at) if one == symbol and op in _LIMITS:
                upper, beside = _LIMITS[op]
            case core.Binary(op=op, left=at, right=core.Var(symbol=one)) if one == symbol and op in _LIMITS:
                upper, beside = not _LIMITS[op][0], _LIMITS[op][1]
            case _:
                continue
        if symbol not in free(at):
            yield _Limit(at, upper, beside)


def _is_equation(expr: core.Expr, type_: core.Type) -> TypeGuard[core.Binary]:
    number = type_ in (core.WORD, core.INT)
    return number and isinstance(expr, core.Binary) and expr.op is BinaryOp.EQ and expr.left.type == type_


def _only_added(expr: core.Expr, symbol: Symbol) -> bool:
    """True iff the variable, wherever it counts, is added or taken away. Given all others, the value moves with it in
    steps of one size then; where that is 1, no two values of the variable give the same."""
    match expr:
        case core.Var():
            return True
        case core.Binary(op=BinaryOp.ADD | BinaryOp.SUB, left=left, right=right):
            return _only_added(left, symbol) and _only_added(right, symbol)
        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            return symbol not in free(condition) and _only_added(then, symbol) and _only_added(otherwise, symbol)
        case _:
            return symbol not in free(expr)


@dataclass(frozen=True, slots=True)
class _Equation:
    """The difference of two sides that must be equal. `one` value of the variable alone makes it 0."""

    apart: core.Expr
    one: bool


def _equation(equation: core.Binary, symbol: Symbol) -> _Equation:
    apart = core.Binary(equation.span, BinaryOp.SUB, equation.left, equation.right)
    return _Equation(apart, _only_added(apart, symbol))


def interesting(values: Values, type_: core.Type) -> Sequence[int]:
    """The numbers of a type among values."""
    return [value for symbol, value in values.items() if isinstance(value, int) and symbol.type == type_]
