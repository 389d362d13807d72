"""The commands that decide something else than the obligations: each makes its text, and the exit status with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TextIO

from verify import core
from verify.absent import nothing_like
from verify.classes import BadClass, input_classes
from verify.cli import FAILED, OK, UNKNOWN, Command, Options, UsageError
from verify.compare import Compared, Outcome, compare
from verify.compare_report import compare_json, compare_text
from verify.load import Loaded
from verify.matrix import Mark, decide, matrix, rows
from verify.matrix_report import matrix_json, matrix_text
from verify.mutants import mutants, procedures
from verify.mutate import Fate, Judged, judge
from verify.mutate_report import mutate_json, mutate_text
from verify.pairs import CannotCompare, pair
from verify.reached import NoVector
from verify.syntax import RoutineKind
from verify.terminal import Bar
from verify.vectors import Case, Covered, cases, find_all, routines
from verify.vectors_report import gathered, summary, vectors_json, vectors_text


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command has to do with: the options, the specification, and what its run needs.

    `grace`: seconds beyond its time after which a worker is killed. `stop` has something to read once the run is to
    stop. `progress`: where a bar is drawn.
    """

    options: Options
    loaded: Loaded
    program: core.Program
    grace: float
    stop: Connection
    versions: Mapping[str, str]
    progress: TextIO


@dataclass(frozen=True, slots=True)
class Said:
    """What a command says, and the exit status."""

    text: str
    status: int


def compare_command(asked: Asked) -> Said:
    """Two procedures. Raises UsageError."""
    options, program = asked.options, asked.program
    try:
        both, pairs = pair(program, *(_procedure(program, name) for name in options.names))
    except CannotCompare as error:
        raise UsageError(str(error)) from None
    limit = options.timeout * 60 + asked.grace
    sources, geometry = asked.loaded.sources, options.geometry
    outcomes: list[Compared] = []
    with closing(compare(both, pairs, sources, geometry, options.timeout, options.jobs, limit, asked.stop)) as work:
        outcomes += work
    text = compare_json(pairs, outcomes, asked.versions) if options.json else compare_text(pairs, outcomes)
    first = [o.outcome for o in outcomes if o.without is None]
    if Outcome.DIFFER in first:
        return Said(text, FAILED)
    return Said(text, OK if first and Outcome.UNKNOWN not in first else UNKNOWN)


def matrix_command(asked: Asked) -> Said:
    """Procedures by geometry. Raises UsageError."""
    options, program = asked.options, asked.program
    table = matrix(program, options.only, options.beyond, options.geometry)
    if not table.routines:
        listed, none = tuple(r.name for r in rows(program)), "there is no procedure with a body and an `ensures`"
        raise UsageError(nothing_like(f"{none} like", options.only, listed) if listed else none)
    if options.beyond and not any(c.label == options.beyond for r in rows(program) for c in r.requires):
        raise UsageError(f"no procedure has a precondition `{options.beyond}`")
    if not table.geometries:
        raise UsageError("no geometry that the procedures see has values for all params")
    limit, entries = options.timeout * 6 + asked.grace, []
    cells = len(table.routines) * len(table.geometries)
    bar = Bar(asked.progress, cells, os.environ)
    work = decide(table, program, asked.loaded.sources, options.timeout, options.jobs, limit, asked.stop)
    with closing(work):
        for entry in work:
            entries.append(entry)
            bar.show(sum(len(e.names) for e in entries))
    bar.hide()
    text = matrix_json(table, entries, asked.versions) if options.json else matrix_text(table, entries)
    known = sum(len(e.names) for e in entries if e.mark is not Mark.UNKNOWN)
    return Said(text, OK if known == cells else UNKNOWN)


def vectors_command(asked: Asked) -> Said:
    """Test vectors. Raises UsageError."""
    options, program = asked.options, asked.program
    chosen = routines(program, options.only)
    if not chosen:
        listed, none = tuple(r.name for r in routines(program, ())), "there is no procedure with a body"
        raise UsageError(nothing_like(f"{none} like", options.only, listed) if listed else none)
    wanted = cases(program, chosen, options.geometries)
    if not wanted:
        raise UsageError(f"no procedure that was asked for is about the geometry `{'`, `'.join(options.geometries)}`")
    outcomes: dict[Case, Covered | NoVector] = {}
    bar = Bar(asked.progress, len(wanted), os.environ)
    with closing(find_all(program, wanted, options.timeout, options.jobs, asked.grace, asked.stop)) as work:
        for case, outcome in work:
            outcomes[case] = outcome
            bar.show(len(outcomes))
    bar.hide()
    found = gathered(program, chosen, {c: outcomes[c] for c in wanted if c in outcomes})
    sources, figures = asked.loaded.sources, summary(found)
    text = vectors_json(found, sources, asked.versions) if options.json else vectors_text(found, sources)
    complete = len(outcomes) == len(wanted) and not figures.unknown and not figures.omitted
    return Said(text, OK if complete else UNKNOWN)


def mutate_command(asked: Asked) -> Said:
    """Mutants of procedures. Raises UsageError."""
    options, program, sources = asked.options, asked.program, asked.loaded.sources
    chosen = procedures(program, options.only)
    if not chosen:
        listed, none = tuple(r.name for r in procedures(program, ())), "there is no procedure with a body"
        raise UsageError(nothing_like(f"{none} like", options.only, listed) if listed else none)
    every = tuple(m for r in chosen for m in mutants(program, r, sources))
    if not every:
        raise UsageError("there is nothing to break in the procedures that were asked for")
    try:
        classes = input_classes(program)
    except BadClass as error:
        raise UsageError(str(error)) from None
    judged: list[Judged] = []
    bar = Bar(asked.progress, len(every), os.environ)
    names = tuple(r.qualified for r in chosen)
    with closing(judge(program, names, sources, classes, options.timeout, options.jobs, asked.stop)) as work:
        for one in work:
            judged.append(one)
            bar.show(len(judged))
    bar.hide()
    text = mutate_json(every, judged, asked.versions) if options.json else mutate_text(every, judged)
    fates = {j.fate for j in judged}
    if Fate.SURVIVED in fates:
        return Said(text, FAILED)
    return Said(text, OK if Fate.UNKNOWN not in fates and len(judged) == len(every) else UNKNOWN)


COMMANDS: Mapping[Command, Callable[[Asked], Said]] = {
    Command.COMPARE: compare_command,
    Command.MATRIX: matrix_command,
    Command.VECTORS: vectors_command,
    Command.MUTATE: mutate_command,
}


def _procedure(program: core.Program, name: str) -> str:
    """The qualified name of a procedure that is given by that, or by its name alone."""
    routines = program.routines().values()
    known = [r for r in routines if r.kind in (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE)]
    found = [r.qualified for r in known if r.qualified == name] or [r.qualified for r in known if r.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"`{name}` is the name of {' and of '.join(found)}; say which")
    raise UsageError(nothing_like("there is no procedure", (name,), tuple(dict.fromkeys(r.name for r in known))))
