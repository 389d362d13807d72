"""Procedures by geometry, as text (tables in Markdown) and as programs read it (its schema is `matrix.schema.json`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from verify.matrix import Entry, Mark, Matrix
from verify.table import row, table

_WIDEST = 60
"""The longest value of an input that is shown in the text; the JSON has them all."""


def marks(beyond: str | None) -> Mapping[Mark, str]:
    """What stands in the table."""
    return {
        Mark.HOLDS: "right",
        Mark.FAILS: "**wrong**",
        Mark.BEYOND: f"needs `{beyond}`",
        Mark.UNKNOWN: "unknown",
    }


def matrix_text(asked: Matrix, entries: Sequence[Entry]) -> str:
    """A table of geometry by procedure, what its marks mean, and under it the inputs that show procedures wrong."""
    said = marks(asked.beyond)
    by_cell = {(e.routine, name): e.mark for e in entries for name in e.names}
    lines = [*table(["", *(f"`{short(r)}`" for r in asked.routines)])]
    for name in asked.geometries:
        found = [by_cell.get((r, name)) for r in asked.routines]
        lines += [row([f"`{name}`", *("" if mark is None else said[mark] for mark in found)])]
    seen = frozenset(by_cell.values())
    lines += ["", *(f"- {said[mark]}: {text}" for mark, text in _meanings(asked.beyond).items() if mark in seen)]
    for mark, title, last in (
        (Mark.FAILS, "Wrong", "what breaks"),
        (Mark.BEYOND, f"Wrong without `{asked.beyond}`", "what breaks"),
        (Mark.UNKNOWN, "Unknown", "why"),
    ):
        rows = [row for routine in asked.routines for row in _shown(asked, entries, routine, mark)]
        if rows:
            lines += ["", f"{title}:", "", *table(["", "on", "input", last]), *rows]
    return "\n".join([*lines, ""])


def _meanings(beyond: str | None) -> Mapping[Mark, str]:
    return {
        Mark.HOLDS: "the contract holds, with every input that the preconditions allow.",
        Mark.FAILS: "it does not. An input that breaks it stands below.",
        Mark.BEYOND: f"it holds thanks to the precondition `{beyond}`. An input that breaks it otherwise stands below.",
        Mark.UNKNOWN: "neither was found.",
    }


def _shown(asked: Matrix, entries: Sequence[Entry], routine: str, mark: Mark) -> Iterator[str]:
    """A line for each input, with all the geometries that it was found on."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.routine == routine and entry.mark is mark:
            found.setdefault((_inputs(entry), _what(entry)), []).extend(entry.names)
    order = {name: number for number, name in enumerate(asked.geometries)}
    for (inputs, what), names in sorted(found.items(), key=lambda item: min(order[n] for n in item[1])):
        listed = ", ".join(f"`{name}`" for name in sorted(names, key=order.__getitem__))
        yield row([f"`{short(routine)}`", listed, inputs, what])


def _inputs(entry: Entry) -> str:
    return f"`{', '.join(f'{s.name} = {_cut(s.value)}' for s in entry.inputs)}`" if entry.inputs else ""


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 3]}..."


def _what(entry: Entry) -> str:
    """What a run breaks, without the name of the procedure that is in the line already; or why nothing is known."""
    if not entry.broken:
        return entry.detail
    label = entry.broken.removeprefix(f"{entry.routine}.")
    return f"`{label}` never ends" if re.search(r"\bloop\[\d+\]$", entry.broken) else f"`{label}`"


def short(routine: str) -> str:
    """The name without that of the module."""
    return routine.rpartition(".")[2]


def matrix_json(asked: Matrix, entries: Sequence[Entry], versions: Mapping[str, str]) -> str:
    """One entry for each procedure and geometry, by procedure; geometries that are alike share their counterexample."""
    by_cell = {(e.routine, name): e for e in entries for name in e.names}
    found = [
        {
            "routine": routine,
            "geometry": name,
            "mark": entry.mark.value,
            "beyond": asked.beyond if entry.mark is Mark.BEYOND else None,
            "detail": entry.detail,
            "broken": entry.broken or None,
            "counterexample": None if entry.counterexample is None else dict(entry.counterexample.as_json()),
        }
        for routine in asked.routines
        for name in asked.geometries
        if (entry := by_cell.get((routine, name))) is not None
    ]
    return json.dumps({"schema": "verify-matrix/1", "versions": dict(versions), "matrix": found}, indent=1) + "\n"
