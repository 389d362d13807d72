"""Which claims a kernel is asked about, what of them a process sees, and what today's kernels do otherwise.

A move is carried out by mremap(2) with MREMAP_MAYMOVE and MREMAP_FIXED, old and new length alike. So a kernel is an
implementation of `process.mremap_fixed`; and, into a range in which nothing stands, of `move_page_tables`.

A process sees `pte`, as far as a page is present and where it was written, and `done`: all of it where mremap returned
the new address. It does not see what else the states say, and no claim that reads one of these is put to it.
The hook is the kernel's own: it leaves each page what it is.

What today's kernels do otherwise than the code of 2005, by design:

- Where both ranges have a whole PMD its table is moved, and none is made; on some ports whole PUDs as well (since
5.11).
- There is no LATENCY_LIMIT (since 5.14).

A process sees that in the size of its page tables alone, and after the move nothing is said about that size. Before it,
the tables must be those that the state says. Nothing else is excused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from errno import errorcode

from bridge import Misbehaved, Outcome
from generated import Generated, Ran, Suite, generated_of

from linux.realise import Realised
from linux.scenario import Report
from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import Table
from verify.sites import subexpressions
from verify.strategies.examples import Example
from verify.values import MapValue, Member, Value, map_value

MREMAP, MOVE = "process.mremap_fixed", "move_page_tables.move_page_tables"
PROCEDURES = (MREMAP, MOVE)
"""The procedures that a kernel is an implementation of. The second where nothing stands in the new range."""

SEEN = ("pte",)
"""The states that a process sees."""

KIB = 1024
"""The unit of VmPTE, which is rounded down."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A claim that no process can see to hold; `reads`: the states that it speaks of."""

    test: Generated
    reads: tuple[str, ...]


def claims(suite: Suite) -> tuple[list[Generated], list[Unseen]]:
    """The claims about PROCEDURES that a process sees, and the others."""
    seen: list[Generated] = []
    unseen: list[Unseen] = []
    routines = suite.program.routines()
    for test in (test for name in PROCEDURES for test in generated_of(suite.program, routines[name])):
        reads = _reads(test) - set(SEEN)
        if reads:
            unseen.append(Unseen(test, tuple(sorted(reads))))
        else:
            seen.append(test)
    return seen, unseen


def _reads(test: Generated) -> set[str]:
    """The states that a claim reads as they are after the call."""
    if test.clause is None:  # that what `modifies` does not name stays
        return {"all that `modifies` does not name"}
    parts = _now(test.clause.expr)
    return {e.symbol.name for e in parts if isinstance(e, core.Var) and e.symbol.kind is SymbolKind.STATE}


def _now(expr: core.Expr) -> Iterable[core.Expr]:
    """What of an expression is not about the state on entry."""
    before = {id(part) for e in subexpressions(expr) if isinstance(e, core.Old) for part in subexpressions(e)}
    return (e for e in subexpressions(expr) if id(e) not in before)


# --- one move ------------------------------------------------------------------------------------------------------


def ran(of: Realised, report: Report, routine: core.Routine) -> Ran | None:
    """What a kernel made of an example, for the claims about a procedure; None where it is no example of that."""
    example = for_routine(of.example, routine)
    if routine.qualified == MOVE and any(0 <= a - of.new_addr < of.length for a in of.origin):
        return None
    context = replace(example.context, tables=_hook(of))
    try:
        return Ran(replace(example, context=context), context, _outcome(of, report, routine))
    except Misbehaved as error:
        return Ran(replace(example, context=context), context, str(error))


def for_routine(example: Example, routine: core.Routine) -> Example:
    """The same input, of another procedure whose parameters have the same names."""
    named = {s.name: v for s, v in example.arguments.items()}
    return replace(example, arguments={p: named[p.name] for p in routine.parameters})


def _hook(of: Realised) -> dict[str, Table]:
    """What the hook is, as far as a process sees: it leaves each page what it is."""
    context = of.example.context
    size = 1 << context.word_bits
    rows: dict[tuple[Value, ...], Value] = {
        (entry, a, (a - of.old_addr + of.new_addr) % size): entry for a, entry in of.origin.items()
    }
    return {
        name: Table(Member(define.result, 10_000), rows)
        for name, define in context.defines.items()
        if define.value is None and isinstance(define.result, core.OpaqueType)
    }


def _outcome(of: Realised, report: Report, routine: core.Routine) -> Outcome:
    """Raises Misbehaved where what the process saw is no state of the specification."""
    if report.error is not None:
        raise Misbehaved(f"mremap failed: {errorcode.get(report.error, report.error)}")
    if report.ended:
        raise Misbehaved(report.ended)
    if report.returned != of.new_addr:
        raise Misbehaved(f"mremap returned {report.returned!r}, and was asked for {of.new_addr:#x}")
    made, (least, most) = (report.tables[1] - report.tables[0]) * KIB, of.tables
    if not least - KIB < made < most + KIB:
        raise Misbehaved(f"before the move {made} bytes of tables were made, and not {least} to {most}")
    if (of.old_addr, of.length) not in _within(report.unmapped, of.old_addr, of.length):
        raise Misbehaved("the old range is not unmapped")
    if _within(report.unmapped, of.new_addr, of.length):
        raise Misbehaved("the new range is not mapped")
    bits = of.example.context.word_bits
    state: dict[Symbol, Value] = dict(of.example.state)
    for symbol, value in of.example.state.items():
        if symbol.name in SEEN and isinstance(value, MapValue):
            state[symbol] = map_value(value.type, value.default, _entries(of, report), bits)
    return Outcome(state, dict.fromkeys(routine.results, of.length))


def _within(ranges: Iterable[tuple[int, int]], addr: int, length: int) -> list[tuple[int, int]]:
    """What of ranges, address and length, lies in another one."""
    cut = [(max(start, addr), min(start + size, addr + length)) for start, size in ranges]
    return [(start, end - start) for start, end in cut if start < end]


def _entries(of: Realised, report: Report) -> dict[Value, Value]:
    """What stands where: each page by where it was written."""
    found: dict[Value, Value] = {}
    for addr, mark in report.pages.items():
        if mark is None or mark not in of.origin:
            raise Misbehaved(f"the page at {addr:#x} is present, and holds nothing that was written")
        found[addr] = of.origin[mark]
    return found
