"""Test vectors as text, and as other programs read them (the schema is `vectors.schema.json`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undecided, Undefined
from verify.goals import Goal, Goals, goals
from verify.reached import NoVector, Vector
from verify.span import Source
from verify.values import Value, show, some_value, to_json
from verify.vectors import ANY, Case, Covered, Why

_WIDEST = 100
"""The longest value that is shown in the text; the JSON has them all."""

_SHOWN = 4
"""So many vectors are named in the text that reach a goal; the JSON has them all."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to report of a procedure: its goals, and what was found on each geometry asked for."""

    routine: core.Routine
    states: tuple[Symbol, ...]
    goals: Goals
    geometries: tuple[tuple[str, Covered | NoVector], ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """How many goals there are, each counted once for each geometry asked for, and what became of them.

    `unknown` has those of procedures that are not handled, and paths that are too many to be asked for are `omitted`.
    """

    procedures: int
    vectors: int
    goals: int
    reached: int
    impossible: int
    unknown: int
    omitted: int


def gathered(
    program: core.Program, routines: Sequence[core.Routine], outcomes: Mapping[Case, Covered | NoVector]
) -> tuple[Found, ...]:
    """What was found, by procedure, in the order of the routines, and by geometry as asked for."""
    found = []
    for routine in routines:
        name = routine.qualified
        states = program.states(routine.module)
        there = tuple((c.geometry or ANY, o) for c, o in outcomes.items() if c.routine == name)
        if there:
            found.append(Found(routine, states, goals(program, routine), there))
    return tuple(found)


def summary(found: Sequence[Found]) -> Summary:
    """The figures at the end."""
    covered = [o for f in found for _, o in f.geometries if isinstance(o, Covered)]
    missed = [m for c in covered for m in c.missed]
    every = sum(len(f.goals.goals) for f in found for _ in f.geometries)
    unhandled = sum(len(f.goals.goals) for f in found for _, o in f.geometries if isinstance(o, NoVector))
    impossible = sum(m.why is Why.IMPOSSIBLE for m in missed)
    unknown = len(missed) - impossible + unhandled
    vectors = sum(len(c.vectors) for c in covered)
    omitted = sum(f.goals.omitted * len(f.geometries) for f in found)
    return Summary(len(found), vectors, every, every - impossible - unknown, impossible, unknown, omitted)


# --- as text -------------------------------------------------------------------------------------------------------


def vectors_text(found: Sequence[Found], sources: Mapping[str, Source]) -> str:
    """Of each procedure the vectors, numbered, and a table of its goals: which vectors reach each."""
    lines: list[str] = []
    for one in found:
        lines += [*_procedure(one, sources), ""]
    total = summary(found)
    said = f"{_many(total.goals, 'goal')} of {_many(total.procedures, 'procedure')}: {total.reached} reached by "
    said += f"{_many(total.vectors, 'vector')}, {total.impossible} impossible, {total.unknown} unknown"
    if total.omitted:
        said += f"; {_many(total.omitted, 'path')} more not asked for"
    return "\n".join([*lines, said, ""])


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _procedure(found: Found, sources: Mapping[str, Source]) -> Iterator[str]:
    yield f"{found.routine.span.file}:{found.routine.span.line}: {found.routine.qualified}"
    numbers: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    count = 0
    for geometry, outcome in found.geometries:
        if isinstance(outcome, NoVector):
            yield f"  {geometry}: no vectors: {outcome.why}"
            continue
        for vector in outcome.vectors:
            count += 1
            numbers.setdefault(geometry, []).append((str(count), vector.goals))
            yield f"  {count:2d}  {_where(vector)}: {_row(vector, _telling(vector))}"
            yield f"      gives {_row(vector, {**vector.results, **vector.after}) or 'the state as it was'}"
            for name, row, value in _asked(vector):
                yield f"      where {name}({row}) is {value}"
    columns = [(g, o) for g, o in found.geometries if isinstance(o, Covered)]
    if columns:
        yield from _table(found, columns, numbers, sources)
    if found.goals.omitted:
        yield f"  {_many(found.goals.omitted, 'path')} more: too many to be asked for"


def _table(
    found: Found,
    columns: Sequence[tuple[str, Covered]],
    numbers: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]],
    sources: Mapping[str, Source],
) -> Iterator[str]:
    """A row for each goal: what became of it on each geometry, and what it is; then why what is unknown is."""
    rows = [("goal", *(geometry for geometry, _ in columns), "")]
    for goal in found.goals.goals:
        cells = [_cell(goal, covered, numbers.get(geometry, ())) for geometry, covered in columns]
        rows.append((short(goal), *cells, says(goal, sources)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(columns) + 1)]
    for row in rows:
        yield "  " + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
    for geometry, covered in columns:
        for missed in covered.missed:
            if missed.why is Why.UNKNOWN:
                name = missed.goal.removeprefix(f"{found.routine.qualified}.vector.")
                yield f"  unknown: {name} on {geometry}: {missed.detail}"


def _cell(goal: Goal, covered: Covered, numbered: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """The vectors that reach a goal, or why there is none."""
    reached = [number for number, goals in numbered if goal.id in goals]
    if reached:
        return " ".join([*reached[:_SHOWN], *(["..."] if len(reached) > _SHOWN else [])])
    return next(m.why.value for m in covered.missed if m.goal == goal.id)


def short(goal: Goal) -> str:
    """The goal without the name of its procedure."""
    return goal.id.removeprefix(f"{goal.routine}.vector.")


def says(goal: Goal, sources: Mapping[str, Source]) -> str:
    """What a goal is, in words."""
    parts = []
    for way in goal.ways:
        source = sources.get(way.span.file)
        text = " ".join(source.cut(way.span).split()) if source else ""
        place = "" if way.span.file == goal.span.file else f"{way.span.file} "
        said = way.how if way.how == text.rstrip(";") else f"{text}: {way.how}"
        parts.append(f"{place}line {way.span.line}: {said}")
    return "; ".join(parts) or "from the beginning to the end"


def _where(vector: Vector) -> str:
    if vector.geometry is not None:
        return vector.geometry
    return ", ".join(f"{s.name} = {show(v, s.type, vector.context.word_bits)}" for s, v in params(vector.context))


def _telling(vector: Vector) -> Mapping[Symbol, Value]:
    """The arguments, and the states that are not as plain as can be."""
    bits = vector.context.word_bits
    return {**vector.arguments, **{s: v for s, v in vector.state.items() if v != some_value(s.type, bits)}}


def _row(vector: Vector, values: Mapping[Symbol, Value]) -> str:
    return ", ".join(f"{s.name} = {_cut(show(v, s.type, vector.context.word_bits))}" for s, v in values.items())


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 3]}..."


def params(context: Context) -> Iterator[tuple[Symbol, Value]]:
    """WORD_BITS and the params, with their values."""
    yield core.WORD_BITS, context.word_bits
    for symbol, value in context.constants.items():
        if (
            symbol.kind is SymbolKind.PARAM
            and symbol != core.WORD_BITS
            and not isinstance(value, Undefined | Undecided)
        ):
            yield symbol, value


def _asked(vector: Vector) -> Iterator[tuple[str, str, str]]:
    """What the run asked of defines without a body."""
    bits = vector.context.word_bits
    for name, table in vector.context.tables.items():
        define = vector.context.defines[name]
        types = [s.type for s in (*define.parameters, *define.reads)]
        for row, value in table.entries.items():
            given = ", ".join(show(v, t, bits) for v, t in zip(row, types, strict=True))
            yield define.name, given, show(value, define.result, bits)


# --- as JSON -------------------------------------------------------------------------------------------------------


def vectors_json(found: Sequence[Found], sources: Mapping[str, Source], versions: Mapping[str, str]) -> str:
    """One line for each goal, vector and goal that has none: so that what changes can be seen."""
    total = summary(found)
    figures = {name: getattr(total, name) for name in Summary.__slots__}
    head = {"schema": "verify-vectors/1", "versions": dict(versions), "summary": figures}
    lines = [f"{_line(key)}: {_line(value)}," for key, value in head.items()]
    procedures = ",\n".join(_one(one, sources) for one in found)
    return "{" + "\n".join([*lines, '"procedures": [']) + f"\n{procedures}\n]}}\n"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one(found: Found, sources: Mapping[str, Source]) -> str:
    """A procedure."""
    routine, span = found.routine, found.routine.span
    head: dict[str, object] = {
        "procedure": routine.qualified,
        "location": {"file": span.file, "line": span.line, "column": span.column},
        "parameters": {p.name: str(p.type) for p in routine.parameters},
        "results": {r.name: str(r.type) for r in routine.results},
        "states": {s.name: str(s.type) for s in found.states},
        "omitted": found.goals.omitted,
    }
    said: list[dict[str, object]] = [
        {
            "goal": short(goal),
            "location": {"file": goal.span.file, "line": goal.span.line, "column": goal.span.column},
            "says": says(goal, sources),
        }
        for goal in found.goals.goals
    ]
    covered = [(g, o) for g, o in found.geometries if isinstance(o, Covered)]
    without: list[dict[str, object]] = [
        {
            "goal": m.goal.removeprefix(f"{routine.qualified}.vector."),
            "geometry": geometry,
            "why": m.why.value,
            "detail": m.detail,
        }
        for geometry, c in covered
        for m in c.missed
    ]
    unhandled: list[dict[str, object]] = [
        {"geometry": g, "why": o.why} for g, o in found.geometries if isinstance(o, NoVector)
    ]
    parts = [f"{_line(key)}: {_line(value)}" for key, value in head.items()]
    vectors = [_vector(v) for _, c in covered for v in c.vectors]
    listed = {"goals": said, "vectors": vectors, "without": without, "unhandled": unhandled}
    for key, values in listed.items():
        inner = ",\n  ".join(_line(v) for v in values)
        parts.append(f"{_line(key)}: [\n  {inner}\n ]" if values else f"{_line(key)}: []")
    return " {" + ",\n ".join(parts) + "}"


def _vector(vector: Vector) -> dict[str, object]:
    bits = vector.context.word_bits

    def values(given: Mapping[Symbol, Value]) -> dict[str, object]:
        return {s.name: to_json(v, s.type, bits) for s, v in given.items()}

    plain = {s: v for s, v in vector.state.items() if v != some_value(s.type, bits)}
    found: dict[str, object] = {
        "geometry": vector.geometry,
        "params": values(dict(params(vector.context))),
        "arguments": values(vector.arguments),
        "state": values(plain),
        "tables": {name: _asked_json(vector, name) for name, t in vector.context.tables.items() if t.entries},
        "results": values(vector.results),
        "after": values(vector.after),
        "goals": [g.removeprefix(f"{vector.routine}.vector.") for g in vector.goals],
        "tells": [g.removeprefix(f"{vector.routine}.vector.") for g in vector.tells],
    }
    return found


def _asked_json(vector: Vector, name: str) -> list[object]:
    bits, define = vector.context.word_bits, vector.context.defines[name]
    types = [s.type for s in (*define.parameters, *define.reads)]
    return [
        {
            "arguments": [to_json(v, t, bits) for v, t in zip(row, types, strict=True)],
            "value": to_json(value, define.result, bits),
        }
        for row, value in vector.context.tables[name].entries.items()
    ]
