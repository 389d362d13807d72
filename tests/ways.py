"""The ways through a body that examples take: each side of each `if`, and how often each loop is gone through.

They are read off the body, so nobody has to think of them. Which of them an example takes is told by the
specification's own body, run on it; what the implementation does is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from body import settled

from verify import core
from verify.atoms import is_ghost
from verify.execute import Step, StepKind
from verify.goals import Way
from verify.sites import statements
from verify.span import Source
from verify.strategies.examples import Example
from verify.syntax import RoutineKind

FUEL = 800
"""How many statements of a body are run for an example. What a longer run would do further on does not count: that
costs much, and tells little, since the turns of a loop are alike."""

NOT_EMPTY = "impossible: the precondition says that the range is not empty"
OTHERS = "the body gives others their turns at other places than an implementation has them"

LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "by_page.move_one_page": {
        "by_page.move_one_page.if[3].false": "impossible: nobody acts meanwhile, a second look finds the same"
    },
    "move_page_tables.move_ptes": {"move_page_tables.move_ptes.loop[1].not entered": NOT_EMPTY},
    "move_page_tables.shift_down": {"move_page_tables.move_page_tables.loop[1].not entered": NOT_EMPTY},
    "unmap.free_tables": {"unmap.free_tables.loop[1].not entered": NOT_EMPTY},
    "unmap.unmap": {
        "unmap.zap_range.loop[1].not entered": NOT_EMPTY,
        "unmap.free_tables.loop[1].not entered": NOT_EMPTY,
    },
    "shared.move_ptes_shared": {"shared.move_ptes_shared.loop[1].not entered": NOT_EMPTY},
    "repair.move_page_tables_repaired": {"repair.holds_entry.loop[1].not entered": "impossible: no step is empty"},
    "shared_by_page.move_one_page_shared": {"shared_by_page.move_one_page_shared.if[8].true": OTHERS},
}
"""Ways that examples of a procedure need not take, by the procedure, and why. Of those that are impossible in its own
body, the test vectors say so too: the solver has proved it."""


def ways(program: core.Program, routine: core.Routine, implemented: Sequence[str]) -> dict[Way, str]:
    """The ways of a routine's body that are not LEFT_OUT, each with its id: M.ITEM.if[N].true, .false, N in the order
    of the source, or M.ITEM.loop[N].not entered, .entered, .again (a turn after another one).

    A procedure that is called and not `implemented` has no examples of its own: its ways count for the first of those
    that call it. Where a body has none, those of each procedure that it calls count: what it does is decided there.
    """
    called = tuple(_called(program, routine, implemented))
    before = implemented[: implemented.index(routine.qualified)] if routine.qualified in implemented else ()
    elsewhere = {r for name in before for r in _called(program, program.routines()[name], implemented)}
    mine = [r for r in called if r.qualified not in implemented and r not in elsewhere]
    found = dict(chain.from_iterable(_own(program, r) for r in (routine, *mine)))
    found = found or dict(chain.from_iterable(_own(program, r) for r in called))
    left_out = LEFT_OUT.get(routine.qualified, {})
    return {way: id_ for way, id_ in found.items() if id_ not in left_out}


def _called(program: core.Program, routine: core.Routine, implemented: Collection[str]) -> dict[core.Routine, None]:
    """The procedures that a body calls, directly or through such as are not implemented."""
    found: dict[core.Routine, None] = {}
    waiting = [routine]
    while waiting:
        for stmt in statements(waiting.pop().body or ()):
            callee = program.routines()[stmt.callee] if isinstance(stmt, core.Call) else routine
            if callee.kind is RoutineKind.PROCEDURE and callee not in found and callee is not routine:
                found[callee] = None
                waiting += [] if callee.qualified in implemented else [callee]
    return found


def _own(program: core.Program, routine: core.Routine) -> list[tuple[Way, str]]:
    found: list[tuple[Way, str]] = []
    number = 0
    for stmt in statements(routine.body or ()):
        if isinstance(stmt, core.If) and not is_ghost(program, stmt):
            number += 1
            names = [(f"if[{number}]", how) for how in ("true", "false")]
        elif isinstance(stmt, core.Loop):
            names = [(f"loop[{stmt.number}]", how) for how in ("not entered", "entered", "again")]
        else:
            continue
        found += [(Way(stmt.condition.span, how), f"{routine.qualified}.{name}.{how}") for name, how in names]
    return found


def taken(program: core.Program, routine: core.Routine, example: Example) -> frozenset[Way]:
    """The ways that a run of the body on an example takes, and those of what it calls."""
    _, run = settled(program, routine, example, FUEL, lambda _id: False)
    return frozenset(_told(run.trace))


def _told(trace: Sequence[Step]) -> list[Way]:
    found = [Way(s.span, "true" if s.value else "false") for s in trace if s.kind is StepKind.BRANCH]
    turns: Counter[tuple[int, object]] = Counter()
    for step in trace:
        if step.kind is StepKind.TEST:
            at = (step.depth, step.span)
            if step.value:
                turns[at] += 1
                found.append(Way(step.span, "entered" if turns[at] == 1 else "again"))
            elif not turns[at]:
                found.append(Way(step.span, "not entered"))
        elif step.kind is StepKind.CALL:  # what is called begins anew
            turns = Counter({at: n for at, n in turns.items() if at[0] <= step.depth})
    return found


def shown(way: Way, id_: str, sources: Mapping[str, Source]) -> str:
    """The way as it is printed: its id, and what stands there."""
    return f"{id_}: {sources[way.span.file].cut(way.span)}"
