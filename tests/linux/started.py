"""The runner on this machine, started and listened to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from linux.scenario import BadReport, Report, Scenario, reports

RUNNER = Path(__file__).parent / "runner.py"
LIMIT = 120
"""Seconds that one call may take."""


class NoRunner(Exception):
    """Scenarios cannot be done on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where scenarios are done. `occupied`: the areas of the processes that do them, first address and end, in order.

    `page_size`: in bytes.
    """

    page_size: int
    occupied: tuple[tuple[int, int], ...]


def listen(said: str) -> tuple[Machine, list[Report]]:
    """What a runner has said. Raises BadReport."""
    head, blank, rest = said.partition("\n\n")
    if not blank:
        raise BadReport(f"it did not say where it stands: {said[:200]!r}")
    areas: list[tuple[int, int]] = []
    page_size = 0
    for line in head.splitlines():
        match line.split():
            case ["a", start, end]:
                areas.append((int(start, 16), int(end, 16)))
            case ["z", size]:
                page_size = int(size, 16)
            case _:
                raise BadReport(f"it said: {line}")
    return Machine(page_size, tuple(sorted(areas))), reports(rest.splitlines())


def run(scenarios: Sequence[Scenario]) -> tuple[Machine, list[Report]]:
    """Does the scenarios, each in a process of its own; a report for each, in their order.

    Nothing is left: the processes end with this one, and what they say goes to a file that has no name.
    Raises NoRunner where the system has no such calls, and BadReport.
    """
    if sys.platform != "linux":
        raise NoRunner(f"this is {sys.platform}, not Linux")
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", str(RUNNER)],
                input="".join(s.text() for s in scenarios).encode(),
                stdout=said,
                stderr=subprocess.PIPE,
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BadReport(f"it had not ended after {LIMIT} s") from error
        said.seek(0)
        text = said.read().decode()
    if done.returncode:
        raise BadReport(f"it ended with status {done.returncode}: {done.stderr.decode()[-500:]}")
    machine, found = listen(text)
    if [r.name for r in found] != [s.name for s in scenarios]:
        raise BadReport(f"of {len(scenarios)} scenarios it reported on {len(found)}")
    return machine, found


@cache
def here() -> Machine:
    """This machine. Where areas stand differs from runner to runner, but by far less than the top table's span.
    Raises NoRunner."""
    return run([])[0]
