"""The runs that the tool finds for the wrong forms of history, run on the implementation: as the record has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from bridge import int_in, map_in
from history_bridge import Ran, Wrong, by_implementation, by_specification, differ, two_levels, with_module

from mremap_impl.geometry import Geometry
from mremap_impl.mm import Step
from verify import core
from verify.evaluate import Context
from verify.run import find_run
from verify.scopes import named
from verify.seen import geometries
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.values import Value

pytestmark = pytest.mark.xdist_group("history replay")
"""All in one process: the specification is read once."""

ADDR_END = ("addr_end_2020", "addr_end_cursor_2020")
WRAPPED = ("draft_2011", "get_extent_2020")

MOVE = """(old_addr: word, new_addr: word, len: word) returns (done: word)
    requires aligned: whole_pages(old_addr, new_addr, len)
    requires apart: disjoint(old_addr, new_addr, len)
    requires user:  in_user_space(old_addr, new_addr, len)
    modifies pte, table, asked
"""

MORE = (
    "module replayed;\n"
    + "".join(f"import {name};\n" for name in (*ADDR_END, *WRAPPED, "progress_guard_2023"))
    + "".join(
        f"""
/// The move comes to its end and leaves an entry behind, eight tables on.
refute procedure {name}_passes_tables{MOVE}
    ensures  behind: done != len || pte[old_addr + 8 * PMD_SIZE] == none
    witness  there:  8 * PMD_SIZE < len && pte[old_addr + 8 * PMD_SIZE] != none
{{ done = {name}(old_addr, new_addr, len); }}
"""
        for name in ADDR_END
    )
    + "".join(
        f"""
/// The entry behind the range is taken along.
refute procedure {name}_drags{MOVE}
    ensures  behind: done <= len || pte[old_addr + len] == old(pte)[old_addr + len]
    witness  there:  pte[old_addr + len] != none && next_pmd(old_addr) == 0
{{ done = {name}(old_addr, new_addr, len); }}
"""
        for name in WRAPPED
    )
    + f"""
/// The last entry has moved, and 0 is returned.
refute procedure guard_loses{MOVE}
    ensures  lost:   done != 0 || pte[new_addr + (len - PAGE_SIZE)] == none
    witness  there:  pte[old_addr + (len - PAGE_SIZE)] != none && pte[new_addr + (len - PAGE_SIZE)] == none
    witness  wraps:  int(old_addr) + 2 * int(len) > int(~0)
{{ done = progress_guard_2023(old_addr, new_addr, len); }}
"""
).replace("    requires aligned:", "    on i386, arm_4_14, parisc32, parisc32_4_14, s390x\n    requires aligned:")
"""What else is looked for than what the specification says: each time a form, with one way to go wrong."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that the tool found, and what the form comes to on its inputs in the specification and when it is run."""

    context: Context
    inputs: Mapping[str, Value]
    specified: Ran
    ran: Ran
    steps: Sequence[Step]

    @property
    def geometry(self) -> Geometry:
        return two_levels(self.context)

    def word(self, name: str) -> int:
        return int_in(self.inputs, name)

    def entries(self) -> dict[Value, Value]:
        """The entries before the move."""
        return dict(map_in(self.inputs, "pte").items())

    def left(self) -> dict[Value, Value]:
        """The entries after it."""
        return dict(map_in({"pte": self.ran.pte}, "pte").items()) if self.ran.pte is not None else {}

    def room(self, addr: int) -> int:
        """What is left of the PMD of an address."""
        return self.geometry.PMD_SIZE - (addr & self.geometry.PMD_SIZE - 1)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> core.Program:
    return with_module(tmp_path_factory.mktemp("replayed"), "replayed", MORE)


def replay(program: core.Program, item: str, geometry: str, form: str, ids: frozenset[str] | None = None) -> Replay:
    """Has the tool find a run of `item` that breaks one of `ids`, or what refutes it, and runs the form as it began."""
    forget()
    routine = program.routines()[item]
    scope = named(geometries(program, routine.module)[geometry])
    found = find_run(program, routine, scope, ids, 60.0, None).violation
    assert found is not None
    inputs = {s.name: v for s, v in found.inputs.items()}
    specified = by_specification(program, found.context, form, inputs)
    ran, steps = by_implementation(program, found.context, form, inputs)
    assert differ(specified, ran) is None
    return Replay(found.context, inputs, specified, ran, steps)


def passes_a_table(run: Replay) -> None:
    """A step is longer than what is left of a PMD, on either side, and a pointer runs past the end of its table."""
    assert run.ran.end is Wrong.PAST
    passed = sum(step.extent for step in run.steps)
    left = run.word("len") - passed
    ends = [run.room((run.word(side) + passed) % (1 << run.context.word_bits)) for side in ("old_addr", "new_addr")]
    assert left > min(ends)
    assert not any(
        step.moved and step.extent > min(map(run.room, (step.old_addr, step.new_addr))) for step in run.steps
    )


def passes_the_end(run: Replay) -> None:
    """More is passed over than was asked for: a step that begins in the range ends behind it."""
    end = run.ran.end
    assert isinstance(end, int)
    assert end > run.word("len")
    last = run.steps[-1]
    assert last.old_addr + last.extent > run.word("old_addr") + run.word("len")


def begins_again(run: Replay) -> None:
    """A step in the last PMD goes to address 0, and the loop goes on from there."""
    assert 0 in run.ran.places
    assert run.ran.end in (Wrong.ENDLESS, Wrong.UNENDED) or run.ran.end != run.word("len")


def says_that_nothing_moved(run: Replay) -> None:
    """0 is returned, and all entries are at their new addresses."""
    old_addr, new_addr, length = (run.word(name) for name in ("old_addr", "new_addr", "len"))
    assert (run.ran.end, run.ran.places[-1]) == (0, old_addr + length)
    assert all(isinstance(addr, int) and old_addr <= addr < old_addr + length for addr in run.entries())
    assert run.left() == {addr - old_addr + new_addr: e for addr, e in run.entries().items() if isinstance(addr, int)}


FOUND = [
    ("addr_end_2020.addr_end_2020", "arm_4_14", passes_a_table),
    ("addr_end_2020.addr_end_2020", "i386", passes_a_table),
    ("addr_end_cursor_2020.addr_end_cursor_2020", "arm_4_14", passes_a_table),
    ("addr_end_cursor_2020.addr_end_cursor_2020", "i386_pae", passes_a_table),
    ("addr_end_cursor_2020.moving_end_wraps", "i386_pae", passes_a_table),
    ("draft_2011.draft_2011", "parisc32", begins_again),
    ("draft_2011.draft_2011", "parisc32_4_14", begins_again),
    ("draft_2011.draft_2011", "s390x", begins_again),
    ("get_extent_2020.get_extent_2020", "parisc32", passes_the_end),
    ("get_extent_2020.get_extent_2020", "parisc32_4_14", passes_the_end),
    ("get_extent_2020.get_extent_2020", "s390x", passes_the_end),
    ("get_extent_2020.parisc_does_not_boot", "parisc32", passes_the_end),
    ("get_extent_2020.parisc_does_not_boot", "parisc32_4_14", passes_the_end),
    ("progress_guard_2023.progress_guard_2023", "i386", says_that_nothing_moved),
    ("progress_guard_2023.progress_guard_2023", "s390x", says_that_nothing_moved),
    ("progress_guard_2023.memory_is_lost", "i386", says_that_nothing_moved),
]


def test_each_wrong_form_is_replayed_on_each_geometry_that_it_names(program: core.Program) -> None:
    forms = [r for r in program.routines().values() if r.module in (*ADDR_END, *WRAPPED, "progress_guard_2023")]
    refuted = {(r.qualified, g) for r in forms if r.kind is RoutineKind.REFUTE_PROCEDURE for g in r.on or ()}
    assert {(item, geometry) for item, geometry, _ in FOUND} == refuted


@pytest.mark.parametrize(("item", "geometry", "misbehaves"), FOUND)
def test_a_run_that_is_found_goes_wrong_as_the_record_says(
    program: core.Program, item: str, geometry: str, misbehaves: object
) -> None:
    run = replay(program, item, geometry, item.split(".")[0])
    assert callable(misbehaves)
    misbehaves(run)
    if item.endswith("parisc_does_not_boot"):
        behind = run.word("old_addr") + run.word("len")
        assert run.ran.end == 0x5_7000
        assert behind in run.entries()
        assert run.left()[run.word("new_addr") + run.word("len")] == run.entries()[behind]


@pytest.mark.parametrize("form", ADDR_END)
def test_where_the_pmd_is_folded_away_a_step_passes_many_tables_and_leaves_their_entries_behind(
    program: core.Program, form: str
) -> None:
    run = replay(program, f"replayed.{form}_passes_tables", "arm_4_14", form)
    old_addr, length = run.word("old_addr"), run.word("len")
    assert run.ran.end == length
    assert max(step.extent for step in run.steps) >= 8 * run.geometry.PMD_SIZE
    behind = old_addr + 8 * run.geometry.PMD_SIZE
    assert behind < old_addr + length
    assert run.left()[behind] == run.entries()[behind]


@pytest.mark.parametrize("form", WRAPPED)
@pytest.mark.parametrize("geometry", ["parisc32", "parisc32_4_14"])
def test_a_step_that_is_not_cut_takes_along_what_lies_behind_the_range(
    program: core.Program, form: str, geometry: str
) -> None:
    item = f"replayed.{form}_drags"
    run = replay(program, item, geometry, form, frozenset({f"{item}.ensures.behind"}))
    passes_the_end(run)
    behind = run.word("old_addr") + run.word("len")
    assert behind in run.entries()
    assert behind not in run.left()
    assert run.left()[run.word("new_addr") + run.word("len")] == run.entries()[behind]


@pytest.mark.parametrize("form", WRAPPED)
def test_a_loop_that_begins_again_at_0_comes_back_and_never_ends(program: core.Program, form: str) -> None:
    run = replay(program, f"{form}.{form}", "parisc32_4_14", form, frozenset({f"{form}.{form}.loop[1].decreases"}))
    assert (run.specified.end, run.ran.end) == (Wrong.ENDLESS, Wrong.ENDLESS)
    assert run.ran.places[0] == 0
    assert run.ran.places[-1] in run.ran.places[:-1]


def test_on_64_bits_too_a_guard_that_wraps_loses_what_has_moved(program: core.Program) -> None:
    run = replay(program, "replayed.guard_loses", "s390x", "progress_guard_2023")
    says_that_nothing_moved(run)
    assert run.left()
