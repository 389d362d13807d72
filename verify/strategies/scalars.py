"""Drawing the values that are no maps: one after the other, each from candidates that meet what is asked of it.

Nothing is drawn and thrown away. Where a choice leaves a later variable without candidates, the same draws are read in
another way, in a fixed order and without asking hypothesis again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import gcd

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.strategies.candidates import Groups, Landmarks, groups_of, unit_of
from verify.strategies.conditions import Condition, Values
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


@dataclass(slots=True)
class Scalars:
    """Values for `symbols`, in this order, that meet `conditions` and `keep`, in one context.

    `conditions` are about `symbols` alone. `keep` may refuse what is dear; it is asked with fewer values too, and then
    refuses only what no further values can make good.
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
    kinds: dict[tuple[Value, ...], Groups] = field(default_factory=dict)
    met: dict[tuple[Value, ...], bool] = field(default_factory=dict)
    due: tuple[tuple[tuple[Condition, ...], tuple[Condition, ...]], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Sorts the conditions by the symbol that completes them, those with a quantifier apart."""
        found = []
        for at, symbol in enumerate(self.symbols):
            known = {*self.symbols[: at + 1]}
            completed = [c for c in self.conditions if symbol in c.symbols and c.symbols <= known]
            found.append((tuple(c for c in completed if not c.quantified), tuple(c for c in completed if c.quantified)))
        self.due = tuple(found)

    def draw(self, draw: Draw) -> Iterator[dict[Symbol, Value]]:
        """One choice, and after it others, for whom the first does not do; none if none was found that meets all."""
        if not all(c.met(self.context, {}) for c in self.conditions if not c.symbols):
            return
        drawn: list[tuple[int, int]] = []
        for attempt in range(ATTEMPTS):
            prefix: tuple[Value, ...] = ()
            while len(prefix) < len(self.symbols):
                if len(prefix) == len(drawn):
                    drawn.append((draw(SCALE), draw(SCALE)))
                group, at = drawn[len(prefix)]
                # Steps that are prime to the scale, so that attempts spread over all choices.
                chosen = self.choose(prefix, (group + 97 * attempt) % SCALE, (at + 61 * attempt) % SCALE)
                if not chosen:
                    break
                prefix += chosen
            else:
                yield dict(zip(self.symbols, prefix, strict=True))

    def choose(self, prefix: tuple[Value, ...], group: int, at: int) -> tuple[Value, ...]:
        """The next value, from the group chosen or the first after it that has a candidate; empty if none is found."""
        groups, symbol = self.groups(prefix), self.symbols[len(prefix)]
        values = dict(zip(self.symbols, prefix, strict=False))
        for by in range(len(groups)):
            candidates = groups[(group * len(groups) // SCALE + by) % len(groups)]
            start, probed = at * len(candidates) // SCALE, 0
            # The plainest that will do; else whichever, not always the one that follows those that are refused.
            stride = next(s for s in (61, 67, 1) if gcd(s, len(candidates)) == 1) if start else 1
            for step in range(len(candidates)):
                values[symbol] = candidate = candidates[(start + step * stride) % len(candidates)]
                if self.valid((*prefix, candidate), values):
                    if self.meets(values, quantified=True):
                        return (candidate,)
                    probed += 1
                    if probed == PROBES:
                        break
        return ()

    def groups(self, prefix: tuple[Value, ...]) -> Groups:
        """The groups of candidates for the next variable that have any."""
        if prefix not in self.kinds:
            symbol = self.symbols[len(prefix)]
            drawn = dict(zip(self.symbols, prefix, strict=False))
            words = [*self.words, *interesting(drawn, core.WORD)]
            ints = [*self.ints, *interesting(drawn, core.INT)]
            groups = groups_of(symbol.type, self.marks, self.unit(symbol), words, ints)
            self.kinds[prefix] = tuple(group for group in (*groups, self.solved(symbol, drawn)) if group)
        return self.kinds[prefix]

    def solved(self, symbol: Symbol, drawn: dict[Symbol, Value]) -> tuple[Value, ...]:
        """The values that equations ask for that the variable completes, where it stands in them once, plain."""
        if symbol.type != core.WORD:
            return ()
        found: list[Value] = []
        for condition in self.due[len(drawn)][0]:
            match condition.expr:
                case core.Binary(op=core.BinaryOp.EQ, left=left, right=right) if left.type == core.WORD:
                    apart = core.Binary(condition.expr.span, core.BinaryOp.SUB, left, right)
                    zero, one = {**drawn, symbol: 0}, {**drawn, symbol: 1}
                    try:
                        at, next_ = (evaluate(apart, self.context, values, values) for values in (zero, one))
                    except (Undefined, Undecided):
                        continue
                    assert isinstance(at, int)
                    assert isinstance(next_, int)
                    if (next_ - at) % self.marks.top in (1, self.marks.top - 1):
                        found.append((at if next_ == (at - 1) % self.marks.top else -at) % self.marks.top)
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

    def valid(self, prefix: tuple[Value, ...], values: Values) -> bool:
        """Whether the last value of a prefix, with `values` by symbol, meets `keep` and the conditions without a
        quantifier that it completes."""
        if prefix not in self.met:
            self.met[prefix] = self.meets(values, quantified=False)
        return self.met[prefix]

    def meets(self, values: Values, *, quantified: bool) -> bool:
        """Whether the last of the first values meets the conditions that it completes: those with a quantifier, which
        are dear to evaluate, or the others and `keep`."""
        due = self.due[len(values) - 1][quantified]
        return (quantified or self.keep(self.context, values)) and all(c.met(self.context, values) for c in due)


def interesting(values: Values, type_: core.Type) -> Sequence[int]:
    """The numbers of a type among values."""
    return [value for symbol, value in values.items() if symbol.type == type_ and isinstance(value, int)]
