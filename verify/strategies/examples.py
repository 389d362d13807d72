"""Inputs of a procedure, built from its contract: a geometry, arguments and a state that meet what it requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hypothesis import reject
from hypothesis import strategies as st

from verify import core
from verify.core import MapType, SetType, Symbol
from verify.evaluate import Context
from verify.seen import module_invariants
from verify.sites import subexpressions
from verify.strategies.candidates import landmarks
from verify.strategies.conditions import Condition, conditions, unfold
from verify.strategies.geometries import Geometries
from verify.strategies.hooks import Hook, Style
from verify.strategies.maps import Maps, Plan, plans
from verify.strategies.scalars import Draw, Keep, Scalars
from verify.values import Value

CHOICES = 128
"""How many choices make an example; what would be chosen after these is the plainest."""


@dataclass(frozen=True, slots=True, repr=False)
class Example:
    """One input. `geometry` is None for one without a name; `context` has no tables: what the uninterpreted defines
    are is settled by `hooks`, by qualified name, while the implementation runs."""

    geometry: str | None
    context: Context
    arguments: Mapping[Symbol, Value]
    state: Mapping[Symbol, Value]
    hooks: Mapping[str, Hook]

    def __repr__(self) -> str:
        """Short: whoever shows an example has better ways."""
        return f"Example({', '.join(f'{s}={v}' for s, v in self.arguments.items())})"

    @property
    def entry(self) -> Mapping[Symbol, Value]:
        """The state and the arguments."""
        return {**self.state, **self.arguments}


def examples(
    program: core.Program, routine: core.Routine, *, keep: Keep = lambda _context, _values: True
) -> st.SearchStrategy[Example]:
    """Inputs that meet a routine's `requires` and the invariants that its module sees, on any geometry.

    They are built so, not sorted out; an example is rejected only where the conditions on the maps, together, call for
    entries that were not found. `keep` may refuse values of parameters and of states that are no maps, to bound what a
    run costs: it is asked with more and more of them, and must not say no to what may still turn out well.
    Raises Impossible where the contract depends on a define without a body, or no geometry meets the assumptions.
    """
    maker = _Maker(program, routine, keep)
    # All choices are one draw: where hypothesis sees many of a kind, it spends most examples on copying some of them
    # over others.
    return st.binary(min_size=CHOICES, max_size=CHOICES).map(lambda data: maker.make(_Choices(data).draw))


@dataclass(slots=True)
class _Choices:
    """Bytes read as choices, one after the other."""

    data: bytes
    read: int = 0

    def draw(self, count: int) -> int:
        """One of 0 .. count - 1, for a count of at most 256; smaller for a smaller byte, 0 past the last one."""
        byte = self.data[self.read] if self.read < len(self.data) else 0
        self.read += 1
        return byte * count >> 8


@dataclass(slots=True)
class _Maker:
    """Makes examples; remembers the candidates of each context."""

    program: core.Program
    routine: core.Routine
    keep: Keep
    geometries: Geometries = field(init=False)
    conditions: tuple[Condition, ...] = field(init=False)
    states: tuple[Symbol, ...] = field(init=False)
    scalars: tuple[Symbol, ...] = field(init=False)
    plans: tuple[Plan, ...] = field(init=False)
    uninterpreted: tuple[core.Define, ...] = field(init=False)
    choosers: dict[int, tuple[Context, Scalars, Maps]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program, routine = self.program, self.routine
        items = program.visible_items(routine.module)
        self.geometries = Geometries(program, routine.module)
        clauses = [(f"{routine.qualified}.requires.{c.label}", c.expr) for c in routine.requires]
        clauses += [(name, clause.expr) for name, clause in module_invariants(program, routine.module)]
        self.conditions = conditions(program, clauses)
        self.states = tuple(i.symbol for i in items if isinstance(i, core.State))
        everything = routine.parameters + self.states
        tables = tuple(s for s in everything if isinstance(s.type, MapType | SetType))
        self.scalars = tuple(s for s in everything if s not in tables)
        claims = [*(e for _, e in clauses), *(c.expr for c in routine.ensures)]
        self.plans = plans(tables, self.conditions, tuple(_keys(program, claims)))
        self.uninterpreted = tuple(i for i in items if isinstance(i, core.Define) and i.value is None)

    def make(self, draw: Draw) -> Example:
        name, context = self.geometries.draw(draw)
        scalars, maps = self.chooser(context)
        values = scalars.draw(draw)
        if values is None:
            reject()
        whole = maps.draw(draw, values)
        if whole is None:
            reject()
        arguments = {s: whole[s] for s in self.routine.parameters}
        state = {s: whole[s] for s in self.states}
        hooks = {d.qualified: self.hook(draw, d, context.word_bits) for d in self.uninterpreted}
        return Example(name, context, arguments, state, hooks)

    def chooser(self, context: Context) -> tuple[Scalars, Maps]:
        if id(context) not in self.choosers:
            tables = {plan.symbol for plan in self.plans}
            marks = landmarks(context)
            about_scalars = tuple(c for c in self.conditions if not c.symbols & tables)
            self.choosers[id(context)] = (
                context,  # kept, so that no other context gets its id
                Scalars(context, marks, self.scalars, about_scalars, self.keep),
                Maps(context, marks, self.plans),
            )
        return self.choosers[id(context)][1:]

    def hook(self, draw: Draw, define: core.Define, word_bits: int) -> Hook:
        styles = [*Style] if any(s.type == define.result for s in define.parameters) else [Style.NEW, Style.PLAIN]
        return Hook(define, styles[draw(len(styles))], word_bits)


def _keys(program: core.Program, claims: Iterable[core.Expr]) -> Iterable[tuple[Symbol, core.Expr]]:
    """Where claims read each map, other than at a variable as it is: the map and the key."""
    seen: dict[tuple[Symbol, core.Expr], None] = {}
    for claim in claims:
        for node in subexpressions(unfold(claim, program.defines())):
            if isinstance(node, core.Index) and isinstance(node.base, core.Var) and not isinstance(node.key, core.Var):
                seen.setdefault((node.base.symbol, node.key))
    return seen
