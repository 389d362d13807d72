"""Procedures by geometry, as text (a table in Markdown) and as programs read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from verify.matrix import Entry, Mark, Matrix
from verify.verdict import Counterexample

_WIDEST = 40
"""The longest value of an input that is shown in the text; the JSON has them all."""


def marks(beyond: str | None) -> Mapping[Mark, str]:
    """What stands in the table."""
    return {
        Mark.HOLDS: "right",
        Mark.FAILS: "**wrong**",
        Mark.BEYOND: f"not without `{beyond}`",
        Mark.UNKNOWN: "unknown",
    }


def matrix_text(asked: Matrix, entries: Sequence[Entry]) -> str:
    """A table of geometry by procedure, and under it the input that shows each procedure wrong."""
    said = marks(asked.beyond)
    by_cell = {(e.routine, name): e for e in entries for name in e.names}
    lines = [f"| | {' | '.join(f'`{short(r)}`' for r in asked.routines)} |"]
    lines.append(f"|---|{'---|' * len(asked.routines)}")
    for name in asked.geometries:
        cells = [by_cell.get((r, name)) for r in asked.routines]
        lines.append(f"| {name} | {' | '.join('' if c is None else said[c.mark] for c in cells)} |")
    for mark, title in (
        (Mark.FAILS, "Wrong"),
        (Mark.BEYOND, f"Wrong without `{asked.beyond}`"),
        (Mark.UNKNOWN, "Unknown"),
    ):
        rows = [row for routine in asked.routines for row in _shown(asked, entries, routine, mark)]
        if rows:
            lines += ["", f"{title}:", "", "| | on | input | what breaks |", "|---|---|---|---|", *rows]
    return "\n".join([*lines, ""])


def _shown(asked: Matrix, entries: Sequence[Entry], routine: str, mark: Mark) -> Iterator[str]:
    """A line for each input, with all the geometries that it was found on."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.routine == routine and entry.mark is mark:
            found.setdefault((_inputs(entry.counterexample), _what(entry)), []).extend(entry.names)
    order = {name: number for number, name in enumerate(asked.geometries)}
    for (inputs, what), names in sorted(found.items(), key=lambda item: min(order[n] for n in item[1])):
        listed = ", ".join(sorted(names, key=order.__getitem__))
        yield f"| `{short(routine)}` | {listed} | {inputs} | {what} |"


def _inputs(found: Counterexample | None) -> str:
    if found is None:
        return ""
    return ", ".join(f"{s.name} = {_cut(s.value)}" for s in found.inputs)


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 3]}..."


def _what(entry: Entry) -> str:
    """What a run breaks, without the name of the procedure that is in the line already."""
    return entry.detail.replace(f"{entry.routine}.", "")


def short(routine: str) -> str:
    """The name without that of the module."""
    return routine.rpartition(".")[2]


def matrix_json(asked: Matrix, entries: Sequence[Entry], versions: Mapping[str, str]) -> str:
    """One entry for each procedure and geometry; geometries that are alike share their counterexample."""
    found = [
        {
            "routine": entry.routine,
            "geometry": name,
            "mark": entry.mark.value,
            "beyond": asked.beyond if entry.mark is Mark.BEYOND else None,
            "detail": entry.detail,
            "counterexample": None if entry.counterexample is None else dict(entry.counterexample.as_json()),
        }
        for entry in entries
        for name in entry.names
    ]
    return json.dumps({"schema": "verify-matrix/1", "versions": dict(versions), "matrix": found}, indent=1) + "\n"
