"""Inputs of a procedure, built from its contract: a geometry, arguments and a state that meet what it requires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from verify import core
from verify.classes import InputClass
from verify.core import MapType, SetType, Symbol
from verify.evaluate import Context
from verify.rename import conjuncts
from verify.seen import module_invariants
from verify.sites import expressions, subexpressions
from verify.strategies.candidates import landmarks
from verify.strategies.conditions import Condition, Impossible, condition, conditions, unfold
from verify.strategies.geometries import Geometries
from verify.strategies.hooks import Hook, Style
from verify.strategies.maps import Maps, Plan, plans
from verify.strategies.scalars import Draw, Keep, Scalars
from verify.strategies.settled import Answers, answers, questions, settled
from verify.strategies.spread import gathered, parts, spread
from verify.syntax import RoutineKind
from verify.values import Value

PART = 48
"""How many choices make a part of an example; what would be chosen after these is the plainest."""

CHOSEN = 12
"""For how many choices of what is no map it is tried to find maps."""


@dataclass(frozen=True, slots=True, repr=False)
class Example:
    """One input, made of `choices`.

    `geometry` is None for one without a name. `context` has no tables: what the uninterpreted defines are is settled by
    `hooks`, by qualified name, while the implementation runs.
    """

    choices: bytes
    geometry: str | None
    context: Context
    arguments: Mapping[Symbol, Value]
    state: Mapping[Symbol, Value]
    hooks: Mapping[str, Hook]

    def __repr__(self) -> str:
        """Short: whoever shows an example has better ways."""
        return f"Example({', '.join(f'{s}={v}' for s, v in self.arguments.items())})"

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        """What hypothesis asks for, else it would print every field."""
        printer.text(repr(self))

    @property
    def entry(self) -> Mapping[Symbol, Value]:
        """The state and the arguments."""
        return {**self.state, **self.arguments}


def from_contract(
    program: core.Program,
    routine: core.Routine,
    *,
    aims: Sequence[InputClass] = (),
    keep: Keep = lambda _context, _values: True,
) -> st.SearchStrategy[Example]:
    """Inputs that meet a routine's `requires` and the invariants that its module sees, on any geometry, or on those
    that the routine is `on`.

    They are built so, not sorted out; one is rejected only where no arguments, or no maps, were found that meet the
    conditions together. Of three examples two are built to lie in one of the `aims`, classes of inputs of the same
    procedure, if such ones are found.
    `keep` may refuse values of parameters, to bound what a run costs: it is asked with more and more of them, and must
    not say no to what may still turn out well.
    Raises Impossible where the contract depends on a define without a body, or no geometry meets the assumptions.
    """
    return Maker(program, routine, tuple(aims), keep).strategy()


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
class Maker:
    """Makes the examples of a routine, each from the choices that it consists of. Raises what `from_contract` does.

    It remembers the candidates of each context and aim.
    """

    program: core.Program
    routine: core.Routine
    aims: tuple[InputClass, ...] = ()
    keep: Keep = lambda _context, _values: True
    geometries: Geometries = field(init=False)
    states: tuple[Symbol, ...] = field(init=False)
    contracts: tuple[_Contract, ...] = field(init=False)
    uninterpreted: tuple[core.Define, ...] = field(init=False)
    asked: tuple[core.Expr, ...] = field(init=False)
    counters: tuple[tuple[Symbol, Symbol], ...] = field(init=False)
    readings: dict[tuple[int, Answers], _Reading] = field(default_factory=dict)
    choosers: dict[tuple[int, int], tuple[Context, Scalars, Maps]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program, routine = self.program, self.routine
        items = program.visible_items(routine.module)
        self.geometries = Geometries(program, routine.module, routine.on)
        self.states = program.states(routine.module)
        self.uninterpreted = tuple(i for i in items if isinstance(i, core.Define) and i.value is None)
        clauses = [(f"{routine.qualified}.requires.{c.label}", c.expr) for c in routine.requires]
        clauses += [(name, clause.expr) for name, clause in module_invariants(program, routine.module)]
        keys = tuple(_keys(program, [*(e for _, e in clauses), *(c.expr for c in routine.ensures)]))
        symbols = tuple(part for s in routine.parameters + self.states for part in parts(s))
        contracts = [_Contract(None, symbols, _said(program, clauses), keys)]
        for aim in self.aims:
            with suppress(Impossible):  # then examples reach it by chance or not at all, and that is counted
                contracts.append(_Contract(aim, symbols, _said(program, [*clauses, *aim.clauses]), keys))
        self.contracts = tuple(contracts)
        self.counters = tuple(_counters(i for i in items if isinstance(i, core.Routine)))
        self.asked = questions(c for contract in contracts for c in contract.conditions)

    def strategy(self) -> st.SearchStrategy[Example]:
        """All examples. Where hypothesis sees many draws, it spends most examples on copying some of them over others;
        so there is one draw."""
        size = PART * self.parts
        return st.binary(min_size=size, max_size=size).map(lambda choices: self.make(choices) or reject())

    @property
    def parts(self) -> int:
        """How many parts an example has: what is no map, the hooks, and each map. What changes in one does not move
        what is read of the others, so that each shrinks by itself."""
        return 2 + len(self.contracts[0].maps)

    def make(self, choices: bytes) -> Example | None:
        """The example that consists of these choices, the same each time; None if they make none. Smaller bytes are
        plainer choices, all 0 the plainest of all."""
        parts = [_Choices(choices[PART * part : PART * (part + 1)]).draw for part in range(self.parts)]
        draw, hooks_draw, *maps_draw = parts
        aimed = draw(3)
        name, context = self.geometries.draw(draw)
        able = [n for n, c in enumerate(self.contracts) if c.aim is not None and c.aim.on(name)]
        which = draw(max(1, len(able)))  # even where it is not asked, so that the next choices stay where they are
        number = able[which] if aimed and able else 0
        values = self.values(draw, maps_draw, number, context)
        if values is None and number:
            values = self.values(draw, maps_draw, 0, context)
        if values is None:
            return None
        arguments = gathered(self.routine.parameters, values, context.word_bits)
        state = gathered(self.states, values, context.word_bits)
        hooks = {d.qualified: self.hook(hooks_draw, d, context.word_bits) for d in self.uninterpreted}
        return Example(choices, name, context, arguments, state, hooks)

    def forget(self) -> None:
        """Lets go of what is remembered, which can be made again: it takes much more room than the examples do."""
        self.readings.clear()
        self.choosers.clear()

    def values(
        self, draw: Draw, maps_draw: Sequence[Draw], number: int, context: Context
    ) -> dict[Symbol, Value] | None:
        """Arguments and state that meet contract number `number`; None if none were found."""
        key = (id(context), number)
        if key not in self.choosers:
            reading, marks = self.reading(number, context), landmarks(context)
            scalars = Scalars(context, marks, reading.scalars, reading.about_scalars, self.keep)
            # The context is kept, so that no other one gets its id.
            self.choosers[key] = (context, scalars, Maps(context, marks, reading.plans))
        _, scalars, maps = self.choosers[key]
        found = (maps.draw(maps_draw, chosen) for chosen in islice(scalars.draw(draw), CHOSEN))
        return next((values for values in found if values is not None), None)

    def reading(self, number: int, context: Context) -> _Reading:
        """What contract number `number` comes to on a geometry."""
        key = (number, answers(self.asked, context))
        if key not in self.readings:
            contract = self.contracts[number]
            found = settled(contract.conditions, self.asked, key[1])
            tables = contract.maps
            about_scalars = tuple(c for c in found if not c.symbols & set(tables))
            scalars = tuple(s for s in contract.symbols if s not in tables)
            self.readings[key] = _Reading(scalars, about_scalars, plans(tables, found, contract.keys, self.counters))
        return self.readings[key]

    def hook(self, draw: Draw, define: core.Define, word_bits: int) -> Hook:
        styles = [*Style] if any(s.type == define.result for s in define.parameters) else [Style.NEW, Style.PLAIN]
        return Hook(define, styles[draw(len(styles))], word_bits)


@dataclass(frozen=True, slots=True)
class _Contract:
    """What is asked of an example: its variables, the conditions on them, and where claims read its maps."""

    aim: InputClass | None
    symbols: tuple[Symbol, ...]
    conditions: tuple[Condition, ...]
    keys: tuple[tuple[Symbol, core.Expr], ...]

    @property
    def maps(self) -> tuple[Symbol, ...]:
        return tuple(s for s in self.symbols if isinstance(s.type, MapType | SetType))


@dataclass(frozen=True, slots=True)
class _Reading:
    """A contract on a geometry: the variables that are no maps, what is asked of them alone, a plan for each map."""

    scalars: tuple[Symbol, ...]
    about_scalars: tuple[Condition, ...]
    plans: tuple[Plan, ...]


def _said(program: core.Program, clauses: Iterable[tuple[str, core.Expr]]) -> tuple[Condition, ...]:
    """What the clauses say, of maps from enums member by member."""
    said = ((c.name, spread(c.expr)) for c in conditions(program, clauses))
    return tuple(condition(part, name) for name, expr in said for part in conjuncts(expr))


def _keys(program: core.Program, claims: Iterable[core.Expr]) -> Iterable[tuple[Symbol, core.Expr]]:
    """Where claims read each map, other than at a variable as it is: the map and the key."""
    seen: dict[tuple[Symbol, core.Expr], None] = {}
    for claim in claims:
        for node in subexpressions(unfold(claim, program.defines())):
            if isinstance(node, core.Index) and isinstance(node.base, core.Var) and not isinstance(node.key, core.Var):
                seen.setdefault((node.base.symbol, node.key))
    return seen


def _counters(routines: Iterable[core.Routine]) -> Iterable[tuple[Symbol, Symbol]]:
    """The oracles that say what others do: each map that an interference procedure reads at a state that counts."""
    seen: dict[tuple[Symbol, Symbol], None] = {}
    for routine in routines:
        for expr in expressions(routine) if routine.kind is RoutineKind.INTERFERENCE else ():
            for node in subexpressions(expr):
                match node:
                    case core.Index(base=core.Var(symbol=base), key=core.Var(symbol=key)) if key.type == core.INT:
                        seen.setdefault((base, key))
                    case _:
                        pass
    return seen
