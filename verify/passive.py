"""Obligations in passive form: what holds on the way to a place in the code, and what is claimed there.

No loops, no calls, no assignments are left: each value that a variable takes is a symbol of its own. The solver and
the evaluator read the same obligation, in the core language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from verify import core
from verify.core import Symbol
from verify.function import Function
from verify.span import Span


class Kind(Enum):
    """The kinds of obligations, as the report names them."""

    REQUIRES = "requires"
    ENSURES = "ensures"
    ASSERT = "assert"
    INVARIANT_ENTRY = "invariant.entry"
    INVARIANT_KEPT = "invariant.kept"
    DECREASES = "decreases"
    CALL = "call"
    MODIFIES = "modifies"
    INVARIANT = "invariant"
    RANGE = "range"
    COVER = "cover"
    REFUTE = "refute"
    GEOMETRY = "geometry"
    IMPLEMENTATION = "implementation"


@dataclass(frozen=True, slots=True)
class Guard:
    """A branch taken: the bool symbol of the condition, and which way."""

    symbol: Symbol
    holds: bool


Path = tuple[Guard, ...]
"""The branches taken to a place; all of them hold there."""


@dataclass(frozen=True, slots=True)
class Assume:
    """`expr` is defined and true if the path is taken. `name`: the clause, as `used` names it; None: not a clause."""

    path: Path
    expr: core.Expr
    name: str | None


@dataclass(frozen=True, slots=True)
class Let:
    """`symbol` is `value`; if the path is taken, `value` is defined."""

    path: Path
    symbol: Symbol
    value: core.Expr


Step = Assume | Let


@dataclass(frozen=True, slots=True)
class Obligation:
    """One claim at one place.

    The claim is proved iff no values of the free symbols meet all `steps` and `path`, make `goal` defined, and make it
    false. A `goal` of None asks for the opposite: that some values do meet all steps (kinds `requires`, `cover`); so
    does kind `refute`, whose `goal` some values must make false.
    `leans` names what stands in for code on the way here: loops and calls, known by their invariants and contracts
    alone. Empty iff every value that meets the steps is a run from the entry. `revealed`: opaque defines laid open.
    `function`: what is claimed to do as the item says (kind `implementation`).
    """

    id: str
    kind: Kind
    module: str
    item: str
    location: Span
    claims: tuple[str, ...]
    steps: tuple[Step, ...]
    path: Path
    goal: core.Expr | None
    leans: tuple[str, ...]
    revealed: frozenset[str]
    on: tuple[str, ...] | None
    without: tuple[str, ...]
    function: Function | None = None

    @property
    def implemented(self) -> str:
        """The function that is claimed to do as the item says, as a person reads it; empty if none is."""
        return self.function.shown if self.function else ""

    @property
    def expected(self) -> str:
        """The verdict that the specification calls for."""
        return {Kind.REFUTE: "refuted", Kind.COVER: "covered"}.get(self.kind, "proved")


def relevant(steps: tuple[Step, ...] | list[Step], path: Path) -> tuple[Step, ...]:
    """The steps that can bear on a place: those on branches that exclude the path are left out."""
    taken = {guard.symbol: guard.holds for guard in path}
    paths = {id(step.path): step.path for step in steps}  # by identity: most steps share their path with others
    excluded = {at for at, other in paths.items() if any(taken.get(g.symbol, g.holds) != g.holds for g in other)}
    return tuple([step for step in steps if id(step.path) not in excluded])
