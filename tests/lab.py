"""Kernels of eight ports, booted in emulators: the claims that a process sees, put to each.

    python tests/lab.py [--write] [PORT ...]

Without a PORT, all of them. With --write the table goes into tests/linux/README.md. It is 0 if each guest got to its
end and every claim held. Nothing is installed: packages are fetched with apt and unpacked into a folder of the cache,
which is kept. It takes a gigabyte of downloads the first time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from generated import Suite, implementations, suite
from history_table import table, with_table
from linux.binding import PROCEDURES, Judged, claims, judged
from linux.guest import NoGuest, boot, built
from linux.here import vectors
from linux.moves import Moves, drawn, moves, of_vectors
from linux.packages import NoPackages
from linux.ports import PORTS, Port
from linux.scenario import BadReport

from mremap_impl.geometry import Geometry
from verify.evaluate import Context

ROOT = Path(__file__).parent.parent
DOCUMENT = Path(__file__).parent / "linux/README.md"
DRAWN = 150
"""How many moves are drawn for a port."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a port. `version`: of the kernel's package. `top`: moves that end in the last PMD of the word."""

    port: Port
    version: str
    drawn: Moves
    vectors: Moves
    top: int
    judged: Judged


def result(made: Suite, port: Port) -> Result:
    """Boots a port twice: to see where its processes stand, and with moves that keep clear of that.

    Raises NoPackages, NoGuest and BadReport.
    """
    parts = built(port)
    machine, _ = boot(port, parts, [])
    by_contract = moves(made, "drawn", drawn(made, port.geometry, DRAWN, 0), machine)
    known = moves(made, "vector", of_vectors(made, vectors(made, port.geometry)), machine)
    every = (*by_contract.realised, *known.realised)
    _, reports = boot(port, parts, [m.scenario for m in every])
    return Result(port, parts.version, by_contract, known, 0, judged(made, every, reports))


def specification() -> Suite:
    """The claims about the procedures that a kernel is an implementation of."""
    every = implementations(ROOT / "pyproject.toml")
    return suite([ROOT / "spec"], {name: every[name] for name in PROCEDURES}, ROOT)


def main(arguments: Sequence[str]) -> int:
    write, asked = "--write" in arguments, [a for a in arguments if a != "--write"]
    ports = [p for p in PORTS if not asked or p.name in asked]
    if not set(asked) <= {p.name for p in PORTS}:
        print(__doc__, file=sys.stderr)
        return 2
    made, found, good = specification(), [], True
    with ThreadPoolExecutor(cpu_count()) as pool:
        for port, waiting in [(p, pool.submit(result, made, p)) for p in ports]:
            try:
                found.append(waiting.result())
            except (NoPackages, NoGuest, BadReport) as error:
                good = False
                print(f"{port.name}: {error}", flush=True)
                continue
            good = good and not found[-1].judged.failed
            print(told(found[-1]), flush=True)
    return 0 if good else 1


def told(of: Result) -> str:
    left_out = {reason: of.drawn.left_out.get(reason, 0) + n for reason, n in of.vectors.left_out.items()}
    lines = [
        f"{of.port.name}: Linux {of.version}, {of.port.geometry}: {len(of.drawn.realised)} moves drawn, "
        f"{len(of.vectors.realised)} vectors; {len(of.judged.failed)} claims failed",
        *(f"  not run: {reason.value}: {number}" for reason, number in left_out.items()),
        *(f"  {f.test.id}: {f.why}: {f.move.example}" for f in of.judged.failed[:5]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
