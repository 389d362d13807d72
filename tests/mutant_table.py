"""The table of mutants in README.md: how many there are of each module's procedures, and what becomes of them.

    python tests/mutant_table.py            makes it and prints it
    python tests/mutant_table.py --write    puts it into the document
    python tests/mutant_table.py --check    makes it anew; not 0 if it is not what stands there

The command that makes it stands in the document. A test judges the mutants of one procedure anew, and sees that each
row counts all mutants that there are: `tests/test_mutant_table.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from pathlib import Path

from history_table import cells, options, specification, table, with_table

from verify.classes import input_classes
from verify.cli import Options
from verify.mutants import Mutant, mutants, procedures
from verify.mutate import Judged, judge
from verify.mutate_report import mutate_text

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "README.md"

Row = tuple[int, ...]
"""Mutants, and how many of them are killed, equivalent, survived, unknown."""


def made(asked: Options, only: Sequence[str] = ()) -> tuple[tuple[Mutant, ...], tuple[Judged, ...]]:
    """What the command finds; with patterns, of those procedures instead."""
    program, sources = specification(asked)
    chosen = procedures(program, only or asked.only)
    every = tuple(m for r in chosen for m in mutants(program, r, sources))
    reader, writer = Pipe(duplex=False)
    with reader, writer:
        found = judge(
            program, [r.qualified for r in chosen], sources, input_classes(program), asked.timeout, asked.jobs, reader
        )
        return every, tuple(found)


def rows(made_table: str) -> Mapping[str, Row]:
    """The rows of a table, by module."""
    _, _, *lines = made_table.split("\n\n")[0].splitlines()
    found = (cells(line) for line in lines)
    return {name.strip("`"): tuple(int(number) for number in numbers) for name, *numbers in found}


def differences(there: str, new: str) -> list[str]:
    """Where a row in the document is not the one that is found now."""
    old, now = rows(there), rows(new)
    said = [
        f"{name}: the table says {old.get(name, 'nothing')}, and it is {row}"
        for name, row in now.items()
        if old.get(name) != row
    ]
    return said + [f"{name} is not asked about" for name in old if name not in now]


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--write"], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text = DOCUMENT.read_text(encoding="utf-8")
    new = mutate_text(*made(options(text)))
    if arguments == ["--write"]:
        DOCUMENT.write_text(with_table(text, new), encoding="utf-8")
    elif arguments == ["--check"]:
        wrong = differences(table(text), new)
        print("\n".join(wrong) or f"{len(rows(new))} rows, as in {DOCUMENT.relative_to(ROOT)}")
        return 1 if wrong else 0
    else:
        print(new, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
