"""Running a procedure on an input: what comes of it, and which goals it reaches; and smaller inputs that do as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Table
from verify.execute import Finished, Run, Stopped, execute
from verify.goals import Goals, goals, note, noting
from verify.lessen import Values, lessened, lowered
from verify.run import may_start
from verify.syntax import RoutineKind
from verify.turns import chooses
from verify.values import MapValue, Member, Value, map_value, members_in, some_value

FUEL = 20_000
"""How many statements a run may take."""

SPENT = 30_000
"""How many statements are spent on making an input smaller."""

ROUNDS = 20
"""How often a body is run to find out what it asks of a define without a body."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An input of a procedure, executed.

    `geometry` is None for one without a name; `context` has its params, and of each define without a body what the run
    asked of it. `state` has every state that the procedure's module sees, `after` those among them that have changed.
    `goals`: the ids of those that the run reaches, in the order of the source. `tells`: those among them about a
    condition that make a difference: where it comes out the other way, so does the run. `length`: how many steps the
    run takes.
    """

    routine: str
    geometry: str | None
    context: Context
    arguments: Values
    state: Values
    results: Values
    after: Values
    goals: tuple[str, ...]
    length: int
    tells: tuple[str, ...] = ()

    @property
    def inputs(self) -> Values:
        """Arguments and state."""
        return {**self.arguments, **self.state}


@dataclass(frozen=True, slots=True)
class NoVector:
    """An input that makes no vector: why."""

    why: str


@dataclass(frozen=True, slots=True)
class Runner:
    """A procedure, ready to be run on inputs. Make one with `runner`."""

    program: core.Program
    routine: core.Routine
    goals: Goals
    noting: core.Routine
    states: tuple[Symbol, ...]

    def vector(self, geometry: str | None, context: Context, inputs: Values) -> Vector | NoVector:
        """What the procedure comes to on an input, what it asks of defines without a body answered tellingly."""
        if not may_start(self.program, context, self.routine, inputs):
            return NoVector("the input does not meet what the procedure requires")
        return self._run(geometry, context, inputs, FUEL)

    def telling(self, geometry: str | None, context: Context, inputs: Values) -> Vector | NoVector:
        """The same, with something new as the answer to each question about a define without a body."""
        fresh = replace(context, tables=self._fresh(inputs, context.tables))
        for _ in range(ROUNDS):
            found = self.vector(geometry, fresh, inputs)
            if isinstance(found, NoVector):
                return found
            tables = {name: _answered(t, found.context.tables[name]) for name, t in fresh.tables.items()}
            if tables == fresh.tables:
                return found
            fresh = replace(context, tables=tables)
        return NoVector("what it asks of a define without a body does not come to an end")

    def differs(self, found: Vector, other: core.Routine) -> bool:
        """True iff another body does not come to the same on the vector's input: see `turning`."""
        run = self._executed(other, found.context, found.inputs, 4 * found.length + 100)
        if not isinstance(run, Finished):
            return True
        return run.results != found.results or any(
            run.state[s] != found.after.get(s, v) for s, v in found.state.items()
        )

    def least(self, found: Vector, wanted: Callable[[Vector], bool]) -> Vector:
        """A vector of smaller values that is as wanted, and takes no more steps; it itself if none is found."""
        telling = self.telling(found.geometry, found.context, found.inputs)
        begun = telling if isinstance(telling, Vector) and wanted(telling) else found
        tables = self._fresh(begun.inputs, begun.context.tables) if begun is telling else begun.context.tables
        context = replace(begun.context, tables=tables)
        left = SPENT // (20 + begun.length)

        def reaches(values: Values) -> bool:
            nonlocal left
            left -= 1
            if left < 0 or not may_start(self.program, context, self.routine, values):
                return False
            again = self._run(begun.geometry, context, values, 2 * begun.length + 100)
            return isinstance(again, Vector) and again.length <= begun.length and wanted(again)

        words = [p for p in self.routine.parameters if p.type == core.WORD]
        values: Values = begun.inputs
        for plainer in self._plainer(values, context.word_bits):
            values = {**values, **plainer} if reaches({**values, **plainer}) else values
        values = lowered(values, words, reaches)
        values = lessened(values, reaches)
        finish = self.telling if begun is telling else self.vector
        least = finish(begun.geometry, context, values)
        return least if isinstance(least, Vector) and wanted(least) else begun

    def _plainer(self, values: Values, word_bits: int) -> Iterator[Values]:
        """Each map as plain as can be, and where it is not so everywhere, plain but for its entries."""
        for symbol, value in values.items():
            if isinstance(value, MapValue):
                plain = some_value(symbol.type, word_bits)
                assert isinstance(plain, MapValue)
                if value != plain:
                    yield {symbol: plain}
                if value.default != plain.default:
                    yield {symbol: map_value(value.type, plain.default, value.entries, word_bits)}

    def _run(self, geometry: str | None, context: Context, inputs: Values, fuel: int) -> Vector | NoVector:
        asked = {name: _Asked(table.entries) for name, table in context.tables.items()}
        tables = {name: Table(table.default, asked[name]) for name, table in context.tables.items()}
        run = self._executed(self.noting, replace(context, tables=tables), inputs, fuel)
        if isinstance(run, Stopped):
            return NoVector(f"the run stops before its end: {run.reason.value}, {run.detail}")
        if not isinstance(run, Finished):
            return NoVector("the run does not come to its end")
        rows = {name: Table(t.default, asked[name].rows(t.default)) for name, t in context.tables.items()}
        arguments, state = self._given(context, inputs)
        return Vector(
            self.routine.qualified,
            geometry,
            replace(context, tables=rows),
            arguments,
            state,
            run.results,
            {s: v for s, v in run.state.items() if v != state[s]},
            tuple(g.id for g in self.goals.goals if run.locals[note(g)]),
            len(run.trace),
        )

    def _given(self, context: Context, inputs: Values) -> tuple[Values, Values]:
        """The arguments and the state; where there is no value, the plainest."""
        bits = context.word_bits
        return (
            {p: inputs.get(p, some_value(p.type, bits)) for p in self.routine.parameters},
            {s: inputs.get(s, some_value(s.type, bits)) for s in self.states},
        )

    def _executed(self, body: core.Routine, context: Context, inputs: Values, fuel: int) -> Run:
        """A run of a body in the place of the procedure's."""
        arguments, state = self._given(context, inputs)
        return execute(
            self.program,
            context,
            body,
            arguments,
            state,
            watch=lambda _id: False,
            choose=lambda stmt: some_value(stmt.target.type, context.word_bits),
            fuel=fuel,
        )

    def _fresh(self, inputs: Values, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        """The defines without a body, of those that are in use: each the same new member everywhere, where there are
        new ones."""
        used = [m.index for v in inputs.values() for m in members_in(v)]
        found: dict[str, Table] = {}
        for name, table in tables.items():
            type_ = self.program.defines()[name].result
            if isinstance(type_, core.OpaqueType):
                found[name] = Table(Member(type_, max([len(type_.named), *(n + 1 for n in used)])))
            else:
                found[name] = table
        return found


def _answered(given: Table, asked: Table) -> Table:
    """The table with a new member as the answer to what was asked and is not in it yet."""
    entries = {row: value for row, value in given.entries.items() if row in asked.entries}
    for row in asked.entries:
        if row not in entries and isinstance(given.default, Member):
            entries[row] = Member(given.default.type, given.default.index + 1 + len(entries))
    return Table(given.default, entries or asked.entries)


class _Asked(dict[tuple[Value, ...], Value]):
    """The entries of a table, which notes what is looked up, in order."""

    def __init__(self, entries: Mapping[tuple[Value, ...], Value]) -> None:
        super().__init__(entries)
        self.looked_up: dict[tuple[Value, ...], None] = {}

    def get(self, row: tuple[Value, ...], default: Value) -> Value:  # type: ignore[override]
        self.looked_up[row] = None
        return super().get(row, default)

    def rows(self, default: Value) -> Mapping[tuple[Value, ...], Value]:
        """What was looked up, with the answers."""
        return {row: super(_Asked, self).get(row, default) for row in self.looked_up}


def runner(program: core.Program, routine: core.Routine) -> Runner | NoVector:
    """What runs a procedure that has a body; why not, where its runs are not determined by their inputs."""
    if routine.kind not in (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE) or routine.body is None:
        return NoVector(f"it is a {routine.kind.value} without a body to run")
    if chooses(program, routine):
        return NoVector("it may read a variable that nobody has set, so its result is not determined")
    states = program.states(routine.module)
    return Runner(program, routine, goals(program, routine), noting(program, routine), states)
