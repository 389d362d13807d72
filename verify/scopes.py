"""Which geometries and word sizes an obligation is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import z3

from verify import core
from verify.core import INT, Symbol, SymbolKind
from verify.encode import Encoder
from verify.passive import Kind, Obligation
from verify.seen import assumptions, geometries
from verify.sites import subexpressions
from verify.values import Value
from verify.words import BitVectors

WIDTHS = (32, 64)
"""The word sizes of a claim about every geometry."""

NARROW = 16
"""Free integer params that the assumptions keep within so many bits (signed) are held in as many."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One geometry by name with its values, or every geometry of a word size (`name` None, no values).

    `narrow`: the params that the assumptions keep within so many bits (signed). `empty`: no geometry of it meets the
    assumptions, and there is no scope with one that does.
    """

    name: str | None
    word_bits: int
    values: Mapping[Symbol, Value]
    narrow: Mapping[Symbol, int]
    empty: bool = False

    @property
    def shown(self) -> str:
        """As the report names it."""
        return self.name or "every"


@dataclass(slots=True)
class Scopes:
    """Answers which scopes an obligation has; remembers what it asked the solver.

    Most modules see the same assumptions: what follows from these is asked once.
    """

    program: core.Program
    only: str | None
    widths: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = field(default_factory=dict)
    narrow: dict[tuple[str, tuple[str, ...]], Mapping[Symbol, int]] = field(default_factory=dict)
    answers: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def of(self, obligation: Obligation) -> tuple[Scope, ...]:
        """The scopes of an obligation, in order.

        `only` names one geometry that stands in place of every one; a claim about others alone then has no scope.
        """
        known = geometries(self.program, obligation.module)
        if obligation.kind is Kind.GEOMETRY:
            return (named(known[obligation.item]),) if self.only in (None, obligation.item) else ()
        if obligation.on is not None:
            return tuple(named(known[n]) for n in obligation.on if self.only in (None, n))
        if self.only is not None:
            return (named(known[self.only]),) if self.only in known else ()
        widths = self.remaining(obligation.module, obligation.without)
        if widths:
            return tuple(self.general(obligation, width) for width in widths)
        every = (named(g) for g in known.values())
        fitting = tuple(s for s in every if self.can_meet(obligation.module, obligation.without, s))
        # No geometry of either word size meets the assumptions: the named ones that do are all there is. Without one,
        # the claim is kept at both sizes, where it is vacuous.
        return fitting or tuple(replace(self.general(obligation, width), empty=True) for width in WIDTHS)

    def general(self, obligation: Obligation, word_bits: int) -> Scope:
        """Every geometry of a word size."""
        return Scope(None, word_bits, {}, self.narrowed(obligation.module, obligation.without))

    def remaining(self, module: str, without: tuple[str, ...]) -> tuple[int, ...]:
        """The word sizes, of 32 and 64, at which some geometry meets the assumptions (or none is known not to)."""
        key = (module, without)
        if key not in self.widths:
            narrow = self.narrowed(module, without)
            asked = {width: (width, bool(without), *self.assumed(module, without)) for width in WIDTHS}
            for width, question in asked.items():
                if question not in self.answers:
                    self.answers[question] = self.can_meet(module, without, Scope(None, width, {}, narrow))
            self.widths[key] = tuple(width for width, question in asked.items() if self.answers[question])
        return self.widths[key]

    def can_meet(self, module: str, without: tuple[str, ...], scope: Scope) -> bool:
        """False iff the assumptions are known to contradict each other at a scope."""
        solver = z3.SolverFor("ALL")
        solver.set("timeout", 5000)
        encoder = Encoder.of(self.program, BitVectors(scope.word_bits), scope.values, None, scope.narrow, bool(without))
        for _, clause in assumptions(self.program, module, without):
            encoded = encoder.encode(clause.expr, {}, {})
            solver.add(encoded.value, encoded.defined)
        solver.add(*encoder.facts)
        return bool(solver.check() != z3.unsat)

    def narrowed(self, module: str, without: tuple[str, ...]) -> Mapping[Symbol, int]:
        """The int params that the assumptions bound, at 32 and at 64 bits, with the bits that hold them."""
        key = (module, without)
        if key not in self.narrow:
            asked = {s: (s, *self.assumed(module, without)) for s in self.int_params(module)}
            for symbol, question in asked.items():
                if question not in self.answers:
                    self.answers[question] = self.bounded(symbol, module, without)
            self.narrow[key] = {symbol: NARROW for symbol, question in asked.items() if self.answers[question]}
        return self.narrow[key]

    def assumed(self, module: str, without: tuple[str, ...]) -> tuple[str, ...]:
        """The names of the assumptions."""
        return tuple(name for name, _ in assumptions(self.program, module, without))

    def int_params(self, module: str) -> tuple[Symbol, ...]:
        items = self.program.visible_items(module)
        return tuple(i.symbol for i in items if isinstance(i, core.Param) and i.symbol.type == INT)

    def bounded(self, symbol: Symbol, module: str, without: tuple[str, ...]) -> bool:
        """True iff those assumptions that speak of integers alone keep the param within NARROW bits."""
        for bits in WIDTHS:
            solver = z3.Solver()
            solver.set("timeout", 1000)
            encoder = Encoder.of(self.program, BitVectors(bits), {}, None)
            for _, clause in assumptions(self.program, module, without):
                if all(_is_of_integers(e) for e in subexpressions(clause.expr)):
                    solver.add(encoder.encode(clause.expr, {}, {}).value)
            term = encoder.symbol(symbol)
            solver.add(z3.Or(term < -(1 << NARROW - 1), term >= 1 << NARROW - 1))
            if solver.check() != z3.unsat:
                return False
        return True


def _is_of_integers(expr: core.Expr) -> bool:
    if isinstance(expr, core.Apply | core.Quantifier):
        return False
    if isinstance(expr, core.Var) and expr.symbol.kind is not SymbolKind.PARAM:
        return False
    return isinstance(expr.type, core.IntType | core.BoolType)


def named(geometry: core.Geometry) -> Scope:
    """The scope that a named geometry is."""
    return Scope(geometry.name, geometry.word_bits, dict(geometry.values), {})
