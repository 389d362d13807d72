"""The kernel that is running: which port it is, and what is put to it."""

from __future__ import annotations

import platform
from pathlib import Path

from generated import Broken, Generated, Suite

from linux.put import Judged, judged, parts, shown, smallest
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


def put(suite: Suite, counts: tuple[int, int], number: int) -> Judged:
    """What became of what was put to the kernel that is running. Raises NoRunner."""
    machine = here()
    asked = parts(suite, port(machine), machine, counts, number)
    return judged(suite, asked, run([one.scenario for part in asked for one in part.asked])[1])


def check(suite: Suite, test: Generated, found: Judged) -> None:
    """Raises Broken if a claim did not hold, or was asked of nothing, with the smallest of what it did not hold of."""
    failed = [f for f in found.failed if f.test.id == test.id]
    if failed:
        raise Broken(shown(suite, smallest(failed), len(failed)))
    if not found.held[test.id]:
        raise Broken(f"{test.id}: it was asked of nothing")
