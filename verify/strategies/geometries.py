"""Drawing geometries: those that have a name, and others that meet the assumptions, small and odd ones first."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, context_for
from verify.rename import rename
from verify.seen import assumptions, geometries, whole
from verify.sites import subexpressions
from verify.strategies.candidates import Landmarks
from verify.strategies.conditions import Impossible, condition, conditions, substitute, unfold
from verify.strategies.scalars import Draw, Scalars
from verify.values import Value

WIDTHS = (16, 8, 12, 32, 64, 9, 24, 48)
"""Word sizes of geometries without a name, in bits."""

OTHERS = 2 * len(WIDTHS)
"""How many geometries without a name there are."""


@dataclass(slots=True)
class Geometries:
    """The geometries of a module, or those with the names `on`. `named`: those with a value for each param. `contexts`
    and `others` remember what was built. Raises Impossible if nothing is named so."""

    program: core.Program
    module: str
    on: tuple[str, ...] | None = None
    named: Mapping[str, core.Geometry] = field(init=False)
    params: tuple[Symbol, ...] = field(init=False)
    choosers: dict[int, Scalars] = field(default_factory=dict)
    contexts: dict[tuple[int, tuple[Value, ...]], Context] = field(default_factory=dict)
    others: dict[int, Context] = field(default_factory=dict)

    def __post_init__(self) -> None:
        items = self.program.visible_items(self.module)
        seen = {n: g for n, g in geometries(self.program, self.module).items() if whole(g, items)}
        self.named = {n: g for n, g in seen.items() if self.on is None or n in self.on}
        if self.on is not None and not self.named:
            raise Impossible(f"{self.module} sees no geometry {', '.join(self.on)}")
        self.params = tuple(i.symbol for i in items if isinstance(i, core.Param))

    def draw(self, draw: Draw) -> tuple[str | None, Context]:
        """A geometry by its name, if it has one, and its context."""
        named = tuple(self.named.values())
        if self.on is not None or (draw(2) == 0 and named):
            geometry = named[draw(len(named))]
            held = dict(geometry.values)
            return geometry.name, self.context(geometry.word_bits, {s: held[s] for s in self.params})
        return None, self.other(draw(OTHERS))

    def other(self, number: int) -> Context:
        """The geometry without a name that has this number, 0 the plainest of all. Each module has its own.

        There are few, since to get to know one takes as long as to draw dozens of examples on it.
        """
        if number not in self.others:
            choices = random.Random(f"{self.module} {number}")
            self.others[number] = self.found(number, choices.randrange if number else lambda _count: 0)
        return self.others[number]

    def found(self, number: int, draw: Draw) -> Context:
        for by in range(len(WIDTHS)):
            bits = WIDTHS[(number + by) % len(WIDTHS)]
            values = next(self.chooser(bits).draw(draw), None)
            if values is not None:
                return self.context(bits, dict(zip(self.params, values.values(), strict=True)))
        raise Impossible(f"no geometry of {', '.join(map(str, WIDTHS))} bits was found that meets the assumptions")

    def context(self, word_bits: int, values: Mapping[Symbol, Value]) -> Context:
        key = (word_bits, tuple(values.values()))
        if key not in self.contexts:
            self.contexts[key] = context_for(self.program, values, word_bits, {})
        return self.contexts[key]

    def chooser(self, word_bits: int) -> Scalars:
        """Chooses the params at a word size. They stand there as parameters, since they have no values yet."""
        if word_bits not in self.choosers:
            free = {p: replace(p, kind=SymbolKind.ARGUMENT) for p in self.params}
            consts = self.consts()
            asked = []
            for name, clause in assumptions(self.program, self.module, ()):
                for part in conditions(self.program, ((name, clause.expr),)):
                    asked.append(condition(rename(substitute(part.expr, consts), free, free), name))
            bare = Context(word_bits, {core.WORD_BITS: word_bits}, self.program.defines(), {})
            marks = Landmarks(word_bits, (), (), (word_bits,))
            self.choosers[word_bits] = Scalars(
                bare, marks, tuple(free.values()), tuple(asked), lambda _context, _values: True, ints=(word_bits,)
            )
        return self.choosers[word_bits]

    def consts(self) -> Mapping[Symbol, core.Expr]:
        """Each const as an expression over the params."""
        found: dict[Symbol, core.Expr] = {}
        waiting = [i for i in self.program.visible_items(self.module) if isinstance(i, core.Const)]
        while waiting:
            for item in tuple(waiting):
                expr = unfold(item.value, self.program.defines())
                if not any(other.symbol in _symbols(expr) for other in waiting):
                    found[item.symbol] = substitute(expr, found)
                    waiting.remove(item)
        return found


def _symbols(expr: core.Expr) -> frozenset[Symbol]:
    return frozenset(e.symbol for e in subexpressions(expr) if isinstance(e, core.Var))
