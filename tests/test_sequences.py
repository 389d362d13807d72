"""Sequences of moves, faults and unmaps keep to the specification at each step; and they get to where it matters."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import pytest
from address_space import Noticed
from bridge import Misbehaved
from conftest import tell
from generated import Suite
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from inject import inject
from sequences import EVENTS, OTHER, Sequences, contexts
from test_generated import as_it_is_now, failing

from mremap_impl.mm import BadPointer
from verify.evaluate import Context

STEPS, RUNS, FEW = 20, 11, 3
"""How many runs of so many steps there are on each geometry that has no name, and on each that has one."""

ALONE = pytest.mark.xdist_group("sequences")
"""All in one process, beside the others."""


def sequences(suite: Suite, tally: Counter[str], phases: tuple[Phase, ...], number: int = 0) -> None:
    """Runs the machine on each geometry; the same number gives the same sequences. Raises what is noticed."""
    for name, context in contexts(suite.program).items():

        def machine(name: str = name, context: Context = context) -> Sequences:
            tally[f"on {name}"] += 1
            return Sequences(suite, name, context, tally)

        run_state_machine_as_test(
            seed(number)(machine),  # type: ignore[arg-type]  # documented to take what makes a machine, too
            settings=settings(
                max_examples=RUNS if name in OTHER else FEW,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=phases,
                report_multiple_bugs=False,
                suppress_health_check=(HealthCheck.too_slow,),  # a step is held against many clauses
            ),
        )


@ALONE
def test_sequences_keep_to_the_specification_and_reach_what_matters(
    specification: Suite, pytestconfig: pytest.Config
) -> None:
    tally: Counter[str] = Counter()
    number = pytestconfig.getoption("--hypothesis-seed", default=None) or 0
    sequences(specification, tally, (Phase.generate, Phase.shrink), number)
    tell(pytestconfig, "sequences", [f"    {count:5} {event}" for event, count in sorted(tally.items())])
    assert not [event for event in EVENTS if not tally[event]]


# --- they can fail -------------------------------------------------------------------------------------------------

STALE_WALK = (
    "mremap",
    '    mm.note("get_old_pmd", addr)\n',
    '    mm.note("get_old_pmd", addr)\n'
    "    pmd = Pmd(addr & mm.geometry.PMD_MASK)\n"
    "    if mm.steps and mm.steps[-1].moved and pmd == mm.steps[-1].old_addr & mm.geometry.PMD_MASK:\n"
    "        return pmd\n",
)
"""A walk is left out in the PMD of the last step, whose table is there. After that move it may have been freed."""

PTE_LOOP = "while old_addr < old_end:\n        if not mm.pte_none"

FAULTS = {
    "an entry too few": ("mremap", PTE_LOOP, PTE_LOOP.replace("old_addr", "words.add(old_addr, page_size)", 1)),
    "a wrong count": ("step", "old_addr), old_end)", "old_addr), old_end) & ~geometry.PAGE_SIZE"),
    "an entry lost beside": (
        "mremap",
        "            mm.set_pte_at(new_pte, moved)\n",
        "            mm.set_pte_at(new_pte, moved)\n            mm.pte.pop(new_pte + page_size, None)\n",
    ),
    "a page forgotten on the way back": (
        "move_vma",
        "move(mm, new_addr, old_addr, moved_len, new_vma, vma)",
        "move(mm, new_addr, old_addr, moved_len - mm.geometry.PAGE_SIZE, new_vma, vma)",
    ),
    "nr_ptes not counted down": ("unmap", "            mm.nr_ptes -= 1\n", ""),
    "a page too few unmapped": ("unmap", "addr) < len]", "addr) < len - mm.geometry.PAGE_SIZE]"),
    "a map left open": ("mremap", "    pte_unmap(mm, mm.pte_plus(old_pte, -1))\n", ""),
    "page_table_lock kept where the pmd table is refused": (
        "mremap",
        "    if pmd is not None:\n        pte = pte_alloc_map",
        "    if pmd is None:\n        return None\n    if pmd is not None:\n        pte = pte_alloc_map",
    ),
    "i_mmap_lock kept": ("locks", "        spin_unlock(mm, Lock.I_MMAP_LOCK)\n", "        pass\n"),
    "on past a refused table": (
        "repair",
        "                    break\n",
        "                    old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
        "                    continue\n",
    ),
    "the hook asked twice": (
        "by_page",
        "moved = mm.move_pte(pte, old_addr, new_addr)",
        "moved = mm.move_pte(mm.move_pte(pte, old_addr, new_addr), old_addr, new_addr)",
    ),
    "a neighbour's table freed": ("unmap", "floor <= start and", "floor < start + size and"),
    "a pud table that was refused taken for granted": (
        "levels",
        'mm.pud_table, "pud_alloc"):\n        return None',
        'mm.pud_table, "pud_alloc"):\n        mm.pud_table.add(p4d)',
    ),
    "no destination cut once many steps were made": (
        "mremap",
        "            extent = destination_cut(extent, new_addr, geometry)\n",
        "            if not mm.steps[30:]:\n                extent = destination_cut(extent, new_addr, geometry)\n",
    ),
    "a walk left out": STALE_WALK,
}


@ALONE
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_noticed(fault: tuple[str, str, str], specification: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    module, text, by = fault
    assert inject(monkeypatch, import_module(f"mremap_impl.{module}"), text, by)
    with pytest.raises((Noticed, Misbehaved, BadPointer)):
        sequences(specification, Counter(), (Phase.generate,))


WALKS = ("tables.get_old_pmd", "move_page_tables.move_page_tables", "move_vma.move_vma", "compared.trip_by_extents")
"""What walks by extents."""


@pytest.mark.parametrize(
    "procedure",
    # With the generated tests of the procedure, whose examples are drawn once.
    [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in WALKS],
)
def test_no_single_call_notices_a_walk_left_out(
    procedure: str, specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So there are faults that sequences alone find."""
    module, text, by = STALE_WALK
    inject(monkeypatch, import_module(f"mremap_impl.{module}"), text, by)
    assert not failing(as_it_is_now(specification, procedure), procedure)
