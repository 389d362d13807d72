"""The kernel that is running, as an implementation: the generated tests, and the solver's vectors, put to it.

`pytest --implementation linux` runs these alone, on more moves.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tell
from generated import Broken, Generated, Suite
from linux.binding import PROCEDURES, claims, judged
from linux.here import Put, check, port, put, told
from linux.moves import drawn, moves
from linux.place import Reason
from linux.realise import Realised
from linux.scenario import Map, Remap, Scenario, Step, Tables, Touch, reports
from linux.started import RUNNER, NoRunner, here, run

pytestmark = pytest.mark.xdist_group("linux")  # so that the moves are made once

FEW, MANY = 200, 2000
"""How many moves are drawn in a plain run, and for `--implementation linux`."""


@pytest.fixture(scope="module")
def found(specification: Suite, pytestconfig: pytest.Config) -> Put:
    """All moves, put to the kernel once."""
    many = pytestconfig.getoption("--implementation") == "linux"
    try:
        made = put(specification, MANY if many else FEW, pytestconfig.getoption("--hypothesis-seed", default=None) or 0)
    except NoRunner as error:
        tell(pytestconfig, "linux", [f"    no move was put to a kernel: {error}"])
        pytest.skip(str(error))
    tell(pytestconfig, "linux", told(specification, made))
    return made


def test_a_claim_holds_of_the_kernel_that_is_running(on_linux: Generated, found: Put, specification: Suite) -> None:
    failure = ""
    try:
        check(specification, on_linux, found)
    except Broken as error:
        failure = str(error)
    if failure:  # outside, else pytest shows it twice
        pytest.fail(failure, pytrace=False)


def test_most_moves_that_a_process_can_bring_about_are_run(found: Put) -> None:
    for part in (found.drawn, found.vectors):
        able = {r: n for r, n in part.left_out.items() if r not in (Reason.REFUSED, Reason.BAD)}
        asked = len(part.realised) + sum(able.values())
        assert 0.8 * asked <= len(part.realised), able


def test_each_claim_is_put_to_a_kernel_or_is_said_not_to_be(specification: Suite) -> None:
    seen, unseen = claims(specification)
    about = {t.id for t in specification.tests if t.routine.qualified in PROCEDURES}
    assert {t.id for t in seen} | {u.test.id for u in unseen} == about
    assert {"mremap.mremap_fixed.ensures.exact", "move_page_tables.move_page_tables.ensures.cleared"} <= {
        t.id for t in seen
    }
    assert all(u.reads for u in unseen)


# --- they can fail -------------------------------------------------------------------------------------------------


def changed(move: Realised, change: Callable[[Step], Step]) -> Realised:
    return replace(move, scenario=replace(move.scenario, steps=tuple(change(s) for s in move.scenario.steps)))


def off_by_a_page(step: Step) -> Step:
    return replace(step, new_addr=step.new_addr + 4096) if isinstance(step, Remap) else step


def a_page_short(step: Step) -> Step:
    if not isinstance(step, Remap) or step.old_len == 4096:
        return step
    return replace(step, old_len=step.old_len - 4096, new_len=step.new_len - 4096)


def nothing_touched(step: Step) -> Step:
    return Tables() if isinstance(step, Touch) else step


@pytest.mark.parametrize("change", [off_by_a_page, a_page_short, nothing_touched])
def test_a_wrong_binding_fails(change: Callable[[Step], Step], specification: Suite) -> None:
    """The destination off by a page; a page left out; a hole where the state has an entry."""
    made = moves(specification, "drawn", drawn(specification, port(here()), 40, 0), here()).realised
    wrong = [changed(move, change) for move in made]
    found = judged(specification, wrong, run([m.scenario for m in wrong])[1])
    assert len({f.move.scenario.name for f in found.failed}) > len(made) // 4


def test_a_failure_is_shown_in_the_terms_of_the_specification(specification: Suite) -> None:
    machine = here()
    made = moves(specification, "drawn", drawn(specification, port(machine), 40, 0), machine)
    wrong = tuple(changed(m, a_page_short) for m in made.realised)
    seen = judged(specification, wrong, run([m.scenario for m in wrong])[1])
    test = next(t for t in claims(specification)[0] if t.id == "mremap.mremap_fixed.ensures.exact")
    with pytest.raises(Broken) as error:
        check(specification, test, Put(port(machine), replace(made, realised=wrong), made, seen))
    lines = str(error.value).splitlines()
    assert "mremap.mremap_fixed.ensures.exact, as linux.here.mremap has it: the old range is not unmapped" in lines[0]
    assert any(line.startswith("    called     old_addr = 0x") for line in lines)
    assert lines[-1] == "    e"


# --- scenarios -----------------------------------------------------------------------------------------------------

SPAN = 1 << 44
"""Where nothing of a process stands."""


def test_what_becomes_of_a_scenario_is_said_whatever_becomes_of_it() -> None:
    able = (Map(SPAN, 8192), Touch(SPAN), Remap(SPAN, 8192, 8192, 3, 2 * SPAN))
    asked = [
        Scenario("able", able),
        Scenario("faults", (Touch(SPAN),)),
        Scenario("occupied", (Map(SPAN, 8192), Map(SPAN, 4096))),
        Scenario("overlaps", (Map(SPAN, 8192), Remap(SPAN, 8192, 8192, 3, SPAN + 4096))),
        Scenario("after", able),
    ]
    said = run(asked)[1]
    assert [r.name for r in said] == [s.name for s in asked]
    assert [r.returned for r in said] == [2 * SPAN, None, None, None, 2 * SPAN]
    assert [r.error for r in said] == [None, None, None, 22, None]
    assert [r.ended for r in said] == [
        "",
        f"signal {signal.SIGSEGV.value} ended it",
        "an address was not to be had",
        "",
        "",
    ]
    assert said[2].occupied == SPAN


def test_a_report_that_is_cut_short_has_not_ended() -> None:
    (report,) = reports(["s one", "r 1000"])
    assert report.ended == "it was cut short"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
def test_the_runner_of_the_guests_says_the_same(specification: Suite, tmp_path: Path) -> None:
    program = tmp_path / "runner"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, RUNNER.with_suffix(".c")], check=True)
    made = moves(specification, "drawn", drawn(specification, port(here()), 40, 1), here()).realised
    asked = [m.scenario for m in made]
    done = subprocess.run([program], input="".join(s.text() for s in asked), capture_output=True, text=True, check=True)
    other = reports(done.stdout.partition("\n\n")[2].splitlines())
    assert [_without_sizes(r) for r in other] == [_without_sizes(r) for r in run(asked)[1]]


def _without_sizes(report: object) -> object:
    """A report without the size of all tables, of which each runner has some for itself."""
    assert hasattr(report, "tables")
    tables = report.tables
    return replace(report, tables=tuple(size - tables[0] for size in tables))  # type: ignore[type-var]


def test_a_run_that_is_killed_leaves_no_process() -> None:
    words = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from linux.started import run\nfrom linux.scenario import Scenario, Tables\n"
        "print('begun', flush=True)\nrun([Scenario('endless', (Tables(),) * 2000000)])"
    )
    path = [str(RUNNER.parent.parent), str(RUNNER.parent.parent.parent)]
    with subprocess.Popen([sys.executable, "-c", words, *path], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"begun\n"
        until = time.monotonic() + 20
        while not (below := _runners_of(started.pid)):
            assert time.monotonic() < until, "no runner was started"
            time.sleep(0.02)
        started.kill()
    while any(_alive(pid) for pid in below):
        assert time.monotonic() < until, f"still there: {below}"
        time.sleep(0.02)


def _runners_of(pid: int) -> list[int]:
    """The processes below one."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = [int(word) for word in file.read().split()]
    return [*children, *(g for c in children if _alive(c) for g in _runners_of(c))]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[:1]
    except (ProcessLookupError, FileNotFoundError):
        return False
