"""Calls of mremap that are refused, or change the length of an area: `mremap.mremap`, put to a kernel.

A process sees `error`, by the number that the call leaves; `in_place`, by the address that it returns; and what is
unmapped of the area. That what moves takes its contents along is looked at beside the contract, which says nothing of
contents: at the first and at the last page of what is left of the old range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from errno import errorcode

from bridge import Misbehaved, Outcome, constant, geometry_of
from generated import Generated, Ran, Suite

from linux.place import Reason, placed
from linux.scenario import DONTUNMAP, FIXED, MAYMOVE, Held, Kind, Look, Map, Remap, Report, Scenario, Step, Touch
from linux.started import Machine
from mremap_impl.geometry import Geometry
from verify import core
from verify.core import Symbol
from verify.evaluate import Context
from verify.strategies.examples import Example
from verify.values import Member, Value

CALL = "mremap.mremap"
MOST = 2048
"""How many pages a range may have that is looked at, or moved."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the procedure is called with; addresses and lengths in bytes."""

    old_addr: int
    old_len: int
    new_len: int
    may_move: bool
    fixed: bool
    dont_unmap: bool
    new_addr: int
    vm_start: int
    vm_end: int
    shared: bool
    above: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it can be. `asked`: where the process stands. `written`: the pages that were written to before it."""

    example: Example
    scenario: Scenario
    asked: Arguments
    written: tuple[int, ...]
    kind: Kind
    shifted: bool


def claims(suite: Suite) -> list[Generated]:
    """All that the contract claims: each clause is about what a process sees."""
    routine = suite.program.routines()[CALL]
    return [Generated(f"{CALL}.ensures.{c.label}", routine, c) for c in routine.ensures]


def called(name: str, example: Example, machine: Machine, of_file: bool) -> Call | Reason:
    """An example of a call as a scenario; or why it cannot be one. `of_file`: whether the area is that of a file."""
    geometry = geometry_of(example.context)
    asked = Arguments(**{s.name: v for s, v in example.arguments.items()})  # type: ignore[arg-type]
    page = geometry.PAGE_SIZE
    ranges = affected(asked, geometry)
    if any(length > MOST * page for _, length in ranges):
        return Reason.TOO_LONG
    place = placed(ranges, geometry, machine)
    if place is None:
        return Reason.TOO_WIDE

    def at(addr: int) -> int:
        return place.at(addr) if addr >> place.span_shift in place.spans else addr

    there = replace(
        asked,
        old_addr=at(asked.old_addr),
        new_addr=at(asked.new_addr),
        vm_start=at(asked.vm_start),
        vm_end=at(asked.vm_end - 1) + 1,
        above=at(asked.above)
        if asked.above < geometry.task_size
        else _next(at(asked.vm_end - 1) + 1, geometry, machine),
    )
    kind = Kind(there.shared + 2 * of_file)
    written = _written(there, geometry)
    kept = [a - there.old_addr for a in written if a - there.old_addr < _aligned(there.new_len, geometry)]
    steps: list[Step] = [Map(there.vm_start, there.vm_end - there.vm_start, kind)]
    if asked.above < geometry.task_size:
        steps.append(Map(there.above, page, Kind.SHARED))  # of its own: it is not taken for part of the area
    flags = MAYMOVE * there.may_move + FIXED * there.fixed + DONTUNMAP * there.dont_unmap
    steps += [
        *(Touch(a) for a in written),
        Remap(there.old_addr, there.old_len, there.new_len, flags, there.new_addr),
        Look(there.vm_start, there.vm_end - there.vm_start),
        *(Held(offset) for offset in kept),
    ]
    given = {s: getattr(there, s.name) for s in example.arguments}
    moved = replace(example, arguments=given)
    return Call(moved, Scenario(name, tuple(steps)), there, written, kind, place.shifted)


def short(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """Whether the area has no more pages than are looked at. True while nothing is known of it."""
    named = {s.name: v for s, v in values.items()}
    start, end = named.get("vm_start"), named.get("vm_end")
    if not isinstance(start, int) or not isinstance(end, int):
        return True
    return end - start <= MOST << constant(context, "PAGE_SHIFT")


def affected(asked: Arguments, geometry: Geometry) -> list[tuple[int, int]]:
    """All that a call may map or unmap, address and length."""
    page, user = geometry.PAGE_SIZE, geometry.task_size
    old_len, new_len = _aligned(asked.old_len, geometry), _aligned(asked.new_len, geometry)
    old = asked.old_addr & -page
    found = [(asked.vm_start, asked.vm_end - asked.vm_start), (old, page)]
    if asked.above < user:
        found.append((asked.above, page))
    cut = (old + new_len) % (1 << geometry.word_bits)  # below the range, where it wraps
    if old_len > new_len and cut + old_len - new_len <= user:
        found.append((cut, old_len - new_len))
    if old_len <= new_len and old + new_len <= user:
        found.append((old, new_len or page))
    if (asked.fixed or asked.dont_unmap) and asked.new_addr + new_len <= user:
        found.append((asked.new_addr & -page, new_len + page * (asked.new_addr % page > 0) or page))
    return found


def _next(end: int, geometry: Geometry, machine: Machine) -> int:
    """Where the next area of the process itself begins, above an address."""
    return min((start for start, _ in machine.occupied if start >= end), default=geometry.task_size)


def _aligned(length: int, geometry: Geometry) -> int:
    page = geometry.PAGE_SIZE
    return (length + page - 1) % (1 << geometry.word_bits) & -page


def _written(asked: Arguments, geometry: Geometry) -> tuple[int, ...]:
    """The first and the last page of the old range, as far as the area goes, and of what is left of it."""
    page = geometry.PAGE_SIZE
    if asked.old_addr % page or not asked.vm_start <= asked.old_addr < asked.vm_end:
        return ()
    old_len, new_len = _aligned(asked.old_len, geometry), _aligned(asked.new_len, geometry)
    end = min(asked.old_addr + (old_len or new_len), asked.vm_end)
    if end <= asked.old_addr:
        return ()
    left = min(end, asked.old_addr + new_len)
    return tuple(sorted({asked.old_addr, end - page, max(asked.old_addr, left - page)}))


# --- what became of it ---------------------------------------------------------------------------------------------


def ran(of: Call, report: Report, routine: core.Routine) -> Ran:
    """What a kernel made of a call."""
    try:
        outcome: Outcome | str = _outcome(of, report, routine)
    except Misbehaved as error:
        outcome = str(error)
    return Ran(of.example, of.example.context, outcome)


def _outcome(of: Call, report: Report, routine: core.Routine) -> Outcome:
    """Raises Misbehaved where what the process saw is no result of the specification."""
    if report.ended:
        raise Misbehaved(report.ended)
    name = "no_error" if report.error is None else errorcode.get(report.error, str(report.error))
    gone = report.unmapped[0] if report.unmapped else (of.asked.old_addr, 0)
    if len(report.unmapped) > 1:
        raise Misbehaved(f"the area is in pieces: {report.unmapped}")
    if report.error is None:
        _contents(of, report)
    said: dict[str, Value] = {
        "in_place": report.returned == of.asked.old_addr,
        "gone_addr": gone[0],
        "gone_len": gone[1],
    }
    results: dict[Symbol, Value] = {}
    for symbol in routine.results:
        if isinstance(symbol.type, core.EnumType):
            if name not in symbol.type.members:
                raise Misbehaved(f"mremap failed: {name}")
            results[symbol] = Member(symbol.type, symbol.type.members.index(name))
        else:
            results[symbol] = said[symbol.name]
    return Outcome(of.example.state, results)


def _contents(of: Call, report: Report) -> None:
    """Raises Misbehaved where a page was left behind, or stands at two places."""
    for offset, mark in report.held.items():
        if mark != of.asked.old_addr + offset:
            raise Misbehaved(f"the page {offset:#x} bytes from where the range is now holds {mark!r}")
    if of.asked.dont_unmap and of.kind is Kind.PRIVATE:
        for page in of.written:
            if page in report.pages:
                raise Misbehaved(f"the page at {page:#x} has been moved, and is there still")
