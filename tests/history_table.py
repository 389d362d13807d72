"""The table in spec/history/README.md: which form of the loop is right on which port.

    python tests/history_table.py            makes it and prints it
    python tests/history_table.py --write    puts it into the document
    python tests/history_table.py --check    makes it anew; not 0 if a mark in the document is another

The command that makes it stands in the document. Which inputs the solver finds may differ from one version of it to
another, so `--check` looks at the marks. That the inputs in the document do what is said of them, a test sees:
`tests/test_history_table.py` executes them.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path

from verify import core
from verify.cli import Options, parse
from verify.elaborate import elaborate
from verify.load import load
from verify.matrix import Entry, Matrix, decide, matrix
from verify.matrix_report import matrix_text
from verify.span import Source

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "spec/history/README.md"

COMMAND, BEGIN, END = "<!-- makes the table -->", "<!-- table -->", "<!-- end of the table -->"

GRACE = 5.0
"""Seconds beyond its time after which an entry's worker is stopped."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line below the table: an input, where it breaks something, and what."""

    routine: str
    geometries: tuple[str, ...]
    inputs: str
    broken: str


def options(text: str) -> Options:
    """What the command in the document asks for."""
    found = re.search(rf"^{COMMAND}\n```sh\npython -m verify (.*?)\n```$", text, re.MULTILINE | re.DOTALL)
    assert found, "the document has no command"
    return parse(shlex.split(found[1].replace("\\\n", " ")))


def specification(asked: Options) -> tuple[core.Program, Mapping[str, Source]]:
    """The program that the command is about, and its texts."""
    loaded = load([ROOT / path for path in asked.paths], ROOT)
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, found
    return program, loaded.sources


def made(asked: Options) -> tuple[Matrix, tuple[Entry, ...]]:
    """What the command finds."""
    program, sources = specification(asked)
    what = matrix(program, asked.only, asked.beyond, asked.geometry)
    stop, _keep = Pipe(duplex=False)
    limit = asked.timeout * 6 + GRACE
    return what, tuple(decide(what, program, sources, asked.timeout, asked.jobs, limit, stop))


def table(text: str) -> str:
    """What stands between the two marks."""
    assert text.count(BEGIN) == text.count(END) == 1
    return text.partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]


def with_table(text: str, new: str) -> str:
    """The document with another table in it."""
    return text.replace(f"{BEGIN}\n{table(text)}\n{END}", f"{BEGIN}\n{new.strip()}\n{END}")


def cells(line: str) -> list[str]:
    """What stands in a row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def marks(made_table: str) -> Mapping[tuple[str, str], str]:
    """The mark of each procedure and geometry, in the order of the table."""
    head, _, *rows = made_table.split("\n\n")[0].splitlines()
    names = [cell.strip("`") for cell in cells(head)[1:]]
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        geometry, *said = cells(row)
        assert len(said) == len(names), row
        found.update(((name, geometry.strip("`")), mark) for name, mark in zip(names, said, strict=True))
    return found


def lines(made_table: str, title: str) -> Iterator[Line]:
    """The inputs under a title."""
    parts = made_table.split("\n\n")
    if f"{title}:" not in parts:
        return
    for row in parts[parts.index(f"{title}:") + 1].splitlines()[2:]:
        routine, names, inputs, broken = cells(row)
        yield Line(routine.strip("`"), tuple(re.findall(r"`(\w+)`", names)), inputs.strip("`"), broken)


def differences(there: str, new: str) -> list[str]:
    """Where a mark in the document is not the one that is found now."""
    old, now = marks(there), marks(new)
    said = [
        f"{name} on {geometry}: the table says {old.get((name, geometry), 'nothing')}, and it is {now[name, geometry]}"
        for name, geometry in now
        if old.get((name, geometry)) != now[name, geometry]
    ]
    return said + [f"{name} on {geometry} is not asked about" for name, geometry in old if (name, geometry) not in now]


def main(arguments: Sequence[str]) -> int:
    if arguments not in ([], ["--write"], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    text = DOCUMENT.read_text(encoding="utf-8")
    new = matrix_text(*made(options(text)))
    if arguments == ["--write"]:
        DOCUMENT.write_text(with_table(text, new), encoding="utf-8")
    elif arguments == ["--check"]:
        wrong = differences(table(text), new)
        print("\n".join(wrong) or f"{len(marks(new))} marks, as in {DOCUMENT.relative_to(ROOT)}")
        return 1 if wrong else 0
    else:
        print(new, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
