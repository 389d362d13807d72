"""The kernel that is running: which port it is, and moves put to it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from generated import Broken, Generated, Suite, message
from vector_files import FOLDER, Vector, read, vectors_of

from linux.binding import Failed, Judged, claims, judged
from linux.moves import Moves, drawn, moves, of_vectors
from linux.place import Reason
from linux.started import Machine, NoRunner, here, run

LARGER = "la57"
"""What /proc/cpuinfo says of an x86-64 processor whose tables have five levels, if the kernel takes all of them."""


def port(machine: Machine) -> str:
    """The geometry of the kernel that is running. Raises NoRunner if none is known that it could be."""
    key = platform.machine(), machine.page_size
    found = {("x86_64", 4096): "x86_64", ("s390x", 4096): "s390x", ("aarch64", 4096): "arm64_4k_48"}.get(key)
    if found is None:
        raise NoRunner(f"no geometry is known of {key[0]} with pages of {key[1]} bytes")
    if found == "x86_64" and LARGER in Path("/proc/cpuinfo").read_text(encoding="utf-8").split():
        return "x86_64_5level"
    return found


@dataclass(frozen=True, slots=True)
class Put:
    """Moves put to the kernel that is running: those drawn, those of vectors, and what became of both together."""

    geometry: str
    drawn: Moves
    vectors: Moves
    judged: Judged


def put(suite: Suite, count: int, number: int) -> Put:
    """`count` moves drawn with seed `number`, and the vectors of the geometry. Raises NoRunner."""
    machine = here()
    geometry = port(machine)
    asked = moves(suite, "drawn", drawn(suite, geometry, count, number), machine)
    known = moves(suite, "vector", of_vectors(suite, vectors(suite, geometry)), machine)
    every = (*asked.realised, *known.realised)
    return Put(geometry, asked, known, judged(suite, every, run([m.scenario for m in every])[1]))


def vectors(suite: Suite, geometry: str) -> list[Vector]:
    """The solver's vectors of a geometry, of all procedures; none where there is no file of them."""
    path = FOLDER / f"{geometry}.json"
    return [v for p in read(path)["procedures"] for v in vectors_of(suite.program, p)] if path.exists() else []


def told(suite: Suite, found: Put) -> list[str]:
    """What was run, and what was not, and why."""
    seen, unseen = claims(suite)
    every = len(found.drawn.realised) + len(found.vectors.realised)
    shifted = sum(m.shifted for m in (*found.drawn.realised, *found.vectors.realised))
    return [
        f"  {found.geometry}, {platform.system()} {platform.release()}",
        f"    {len(found.drawn.realised)} moves drawn and {len(found.vectors.realised)} vectors run, "
        f"{shifted} of these {every} at shifted addresses",
        *(f"    not run, {title}: {reason.value}: {number}" for title, reason, number in _left_out(found)),
        f"    {len(seen)} claims; {len(unseen)} not put to a kernel, since no process sees what they speak of",
    ]


def _left_out(found: Put) -> list[tuple[str, Reason, int]]:
    parts = (("drawn", found.drawn), ("vectors", found.vectors))
    return [(title, reason, number) for title, part in parts for reason, number in part.left_out.items()]


def check(suite: Suite, test: Generated, found: Put) -> None:
    """Raises Broken if a claim did not hold of a move, or was asked of none, with the smallest of the moves."""
    failed = [f for f in found.judged.failed if f.test is test]
    if failed:
        raise Broken(shown(suite, min(failed, key=lambda f: (len(f.move.scenario.steps), f.move.length)), len(failed)))
    if not found.judged.held[test.id]:
        raise Broken(f"{test.id}: it was asked of no move")


def shown(suite: Suite, failed: Failed, number: int) -> str:
    """A claim that does not hold of a kernel, as a person reads it: in the terms of the specification, and what was
    done for it. `number`: of how many moves it does not hold."""
    text = message(suite.running({failed.test.routine.qualified: mremap}), failed.test, failed.ran)
    steps = "\n".join(f"    {line}" for line in failed.move.scenario.text().splitlines())
    return f"{text}\n  it does not hold of {number} moves; what was done for this one:\n{steps}"


def mremap() -> None:
    """What implements a move here: its name is shown."""
