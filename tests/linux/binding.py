"""Which procedures a kernel is an implementation of, what of them a process sees, and what today's kernels do otherwise.

| procedure | what a process does |
|---|---|
| `mremap.mremap_fixed` | mremap(2) with MREMAP_MAYMOVE and MREMAP_FIXED, old and new length alike |
| `move_page_tables.move_page_tables` | the same, into a range in which nothing stands |

A process sees `pte`, as far as a page is present and where it was written, and `done`: all of it where mremap returned
the new address. It does not see what else the states say, and no claim that reads one of these is put to it.

What today's kernels do otherwise than the code of 2005, by design:

- Where both ranges have a whole PMD the table is moved, and none is made (since 5.11 PUDs as well, on some ports).
- There is no LATENCY_LIMIT (since 5.14).
- The new range is unmapped before, with its tables.

A process does not see any of that but for the size of its page tables, which is looked at before the move alone.
Nothing else is excused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from errno import errorcode

from bridge import Misbehaved, Outcome, geometry_of
from generated import Generated, Ran, Suite
from linux.realise import Realised, Reason, identity, realised
from linux.scenario import Report
from linux.started import Machine

from verify import core
from verify.core import Symbol, SymbolKind
from verify.sites import subexpressions
from verify.strategies.examples import Example
from verify.values import MapValue, Value, map_value

PROCEDURES: Mapping[str, bool] = {"mremap.mremap_fixed": True, "move_page_tables.move_page_tables": False}
"""The procedures, and whether each unmaps the new range first, as mremap does."""

SEEN = ("pte",)
"""The states that a process sees."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A claim that no process can see to hold; `reads`: the states that it speaks of."""

    test: Generated
    reads: tuple[str, ...]


def put(suite: Suite, procedure: str) -> tuple[list[Generated], list[Unseen]]:
    """The claims about a procedure that a process sees, and the others."""
    seen: list[Generated] = []
    unseen: list[Unseen] = []
    for test in suite.tests:
        if test.routine.qualified != procedure:
            continue
        reads = _reads(test)
        if reads <= set(SEEN):
            seen.append(test)
        else:
            unseen.append(Unseen(test, tuple(sorted(reads - set(SEEN)))))
    return seen, unseen


def _reads(test: Generated) -> set[str]:
    """The states that a claim reads as they are after the call."""
    if test.clause is None:  # that what `modifies` does not name stays: it speaks of all the others
        return {"every state"}
    return {e.symbol.name for e in _now(test.clause.expr) if isinstance(e, core.Var) and e.symbol.kind is SymbolKind.STATE}


def _now(expr: core.Expr) -> Iterable[core.Expr]:
    """What of an expression is not about the state on entry."""
    before = {id(part) for e in subexpressions(expr) if isinstance(e, core.Old) for part in subexpressions(e)}
    return (e for e in subexpressions(expr) if id(e) not in before)


def ran(of: Realised, report: Report, routine: core.Routine) -> Ran:
    """What a kernel made of an example, for the claims to be evaluated on."""
    example, arguments = of.example, {s.name: v for s, v in of.example.arguments.items()}
    old, new = arguments["old_addr"], arguments["new_addr"]
    assert isinstance(old, int)
    assert isinstance(new, int)
    context = replace(example.context, tables=identity(example.context, of, old, new))
    try:
        outcome: Outcome | str = _outcome(of, report, routine, new)
    except Misbehaved as error:
        outcome = str(error)
    return Ran(example, context, outcome)


def _outcome(of: Realised, report: Report, routine: core.Routine, new: int) -> Outcome:
    """Raises Misbehaved where what the process saw is no state of the specification."""
    if report.error is not None:
        raise Misbehaved(f"mremap failed: {errorcode.get(report.error, report.error)}")
    if report.ended:
        raise Misbehaved(report.ended)
    if report.returned != new:
        raise Misbehaved(f"mremap returned {report.returned!r}")
    before, after = report.tables[0], report.tables[1]
    page_size = geometry_of(of.example.context).PAGE_SIZE
    least, most = of.tables
    if not least * page_size <= (after - before) * 1024 <= most * page_size:
        raise Misbehaved(f"before the move {after - before} KiB of tables were made, and not {least} to {most} tables")
    state: dict[Symbol, Value] = dict(of.example.state)
    for symbol, value in of.example.state.items():
        if symbol.name == "pte" and isinstance(value, MapValue):
            state[symbol] = map_value(value.type, value.default, _entries(of, report), of.example.context.word_bits)
    length = next(v for s, v in of.example.arguments.items() if s.name == "len")
    return Outcome(state, dict.fromkeys(routine.results, length))


def _entries(of: Realised, report: Report) -> dict[Value, Value]:
    """What stands where: each page by where it was written."""
    found: dict[Value, Value] = {}
    for addr, mark in report.pages.items():
        if mark is None or mark not in of.origin:
            raise Misbehaved(f"the page at {addr:#x} is present, and holds nothing that was written")
        found[addr] = of.origin[mark]
    return found


@dataclass(frozen=True, slots=True)
class Realising:
    """Examples, as scenarios, and for each that is none the reason."""

    realised: tuple[Realised, ...]
    left_out: tuple[Reason, ...]


def realising(procedure: str, examples: Sequence[Example], machine: Machine) -> Realising:
    """Examples of a procedure as scenarios for a machine."""
    found = [realised(f"{procedure}.{n}", e, machine, PROCEDURES[procedure]) for n, e in enumerate(examples)]
    return Realising(
        tuple(f for f in found if isinstance(f, Realised)), tuple(f for f in found if isinstance(f, Reason))
    )
