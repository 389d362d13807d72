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
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import tell
from generated import Broken, Generated, Suite, generated_of
from linux import binding
from linux.calls import CALL, Call, called
from linux.here import check, port, put
from linux.put import Asked, Judged, Part, claims, judged, parts, told, vectors
from linux.realise import Realised
from linux.scenario import Map, Remap, Report, Scenario, Step, Tables, Touch, reports
from linux.started import RUNNER, NoRunner, here, run

from verify import core
from verify.sites import subexpressions
from verify.strategies.examples import Example

pytestmark = pytest.mark.xdist_group("linux")  # so that the moves are made once

FEW, MANY = (100, 25), (2000, 300)
"""How many moves, and other calls, are drawn in a plain run, and for `--implementation linux`."""


@pytest.fixture(scope="module")
def found(specification: Suite, pytestconfig: pytest.Config) -> Judged:
    """All that is put to the kernel, put to it once."""
    many = pytestconfig.getoption("--implementation") == "linux"
    try:
        made = put(specification, MANY if many else FEW, pytestconfig.getoption("--hypothesis-seed", default=None) or 0)
    except NoRunner as error:
        tell(pytestconfig, "linux", [f"    nothing was put to a kernel: {error}"])
        pytest.skip(str(error))
    unseen = len(binding.claims(specification)[1])
    tell(
        pytestconfig,
        "linux",
        [*told(made), f"    {unseen} claims are not put to a kernel: no process sees what they say"],
    )
    return made


def test_a_claim_holds_of_the_kernel_that_is_running(on_linux: Generated, found: Judged, specification: Suite) -> None:
    failure = ""
    try:
        check(specification, on_linux, found)
    except Broken as error:
        failure = str(error)
    if failure:  # outside, else pytest shows it twice
        pytest.fail(failure, pytrace=False)


def test_most_of_what_a_process_can_bring_about_is_run(found: Judged) -> None:
    asked, able = sum(len(p.asked) for p in found.parts), sum(p.able for p in found.parts)
    assert 0.8 * able <= asked


def test_calls_are_refused_for_each_reason_and_carried_out(found: Judged) -> None:
    assert set(found.errors) == {"carried out", "EINVAL", "EFAULT", "ENOMEM"}


def test_each_claim_is_put_to_a_kernel_or_is_said_not_to_be(specification: Suite) -> None:
    seen, unseen = binding.claims(specification)
    routines = specification.program.routines()
    about = {t.id for name in binding.PROCEDURES for t in generated_of(specification.program, routines[name])}
    assert {t.id for t in seen} | {u.test.id for u in unseen} == about
    assert {"process.mremap_fixed.ensures.exact", "move_page_tables.move_page_tables.ensures.cleared"} <= {
        t.id for t in seen
    }
    assert all(u.reads for u in unseen)
    states = {s.name for s in specification.program.states("mremap")}
    for clause in specification.program.routines()[CALL].ensures:
        assert not {e.name for e in free(clause.expr)} & states, "all of it is about what the call returns"


def free(expr: core.Expr) -> set[core.Symbol]:
    return {e.symbol for e in subexpressions(expr) if isinstance(e, core.Var)}


# --- they can fail -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(specification: Suite) -> tuple[Part, ...]:
    """A few moves and calls, drawn."""
    return parts(specification, port(here()), here(), (30, 30), 0)


def changed(one: Asked, change: Callable[[Step], Step]) -> Asked:
    return replace(one, scenario=replace(one.scenario, steps=tuple(change(s) for s in one.scenario.steps)))


def off_by_a_page(step: Step) -> Step:
    return replace(step, new_addr=step.new_addr + 4096) if isinstance(step, Remap) else step


def a_page_short(step: Step) -> Step:
    if not isinstance(step, Remap) or step.old_len == 4096:
        return step
    return replace(step, old_len=step.old_len - 4096, new_len=step.new_len - 4096)


def nothing_touched(step: Step) -> Step:
    return Tables() if isinstance(step, Touch) else step


def wrong(specification: Suite, few: Sequence[Part], change: Callable[[Step], Step]) -> Judged:
    """What becomes of it where the scenarios are other ones than they should be."""
    made = [replace(p, asked=tuple(changed(one, change) for one in p.asked)) for p in few]
    return judged(specification, made, run([one.scenario for part in made for one in part.asked])[1])


@pytest.mark.parametrize("change", [off_by_a_page, a_page_short, nothing_touched])
def test_a_wrong_binding_fails(change: Callable[[Step], Step], few: tuple[Part, ...], specification: Suite) -> None:
    """The destination off by a page; a page left out; a hole where the state has an entry."""
    found = wrong(specification, few, change)
    failed = {f.asked.scenario.name for f in found.failed}
    assert sum(isinstance(one, Realised) and one.scenario.name in failed for one in few[0].asked) > 10


def unaligned(step: Step) -> Step:
    return replace(step, old_addr=step.old_addr + 8) if isinstance(step, Remap) else step


def longer(step: Step) -> Step:
    return replace(step, new_len=step.new_len + 4096) if isinstance(step, Remap) else step


@pytest.mark.parametrize("change", [unaligned, longer, nothing_touched])
def test_a_wrong_call_fails(change: Callable[[Step], Step], few: tuple[Part, ...], specification: Suite) -> None:
    found = wrong(specification, few, change)
    assert any(isinstance(f.asked, Call) for f in found.failed)


def test_a_failure_is_shown_in_the_terms_of_the_specification(few: tuple[Part, ...], specification: Suite) -> None:
    test = next(t for t in claims(specification) if t.id == "process.mremap_fixed.ensures.exact")
    with pytest.raises(Broken) as error:
        check(specification, test, wrong(specification, few, a_page_short))
    lines = str(error.value).splitlines()
    assert "process.mremap_fixed.ensures.exact, as linux.put.mremap has it: the old range is not unmapped" in lines[0]
    assert any(line.startswith("    called     old_addr = 0x") for line in lines)
    assert lines[-1] == "    e"


def test_a_claim_that_is_asked_of_nothing_fails(specification: Suite) -> None:
    found = judged(specification, [], [])
    with pytest.raises(Broken, match="it was asked of nothing"):
        check(specification, claims(specification)[0], found)


def test_what_is_cut_off_below_is_refused_or_unmapped(specification: Suite) -> None:
    """The run that refutes `cuts_below`, small: later kernels refuse such a length, earlier ones do what it says."""
    routine = specification.program.routines()[CALL]
    pages, page = 1 << 64, 0x1000
    given = {"old_addr": SPAN + 2 * page, "old_len": pages - page, "new_len": pages - 2 * page, "new_addr": 0}
    given |= {"vm_start": SPAN, "vm_end": SPAN + 4 * page, "above": SPAN + 4 * page}
    (example,) = (v for v in vectors(specification, "x86_64")[:1])
    arguments = {p: given.get(p.name, False) for p in routine.parameters}
    asked = called("below", Example(b"", "x86_64", example.context, arguments, {}, {}), here(), False)
    assert isinstance(asked, Call)
    (report,) = run([asked.scenario])[1]
    found = judged(specification, [Part("below", (asked,), {})], [report])
    assert not found.failed
    if report.error is None:
        assert report.unmapped == ((asked.asked.vm_start, page),), "two pages below the range"
    else:
        assert found.errors == {"EINVAL": 1}


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
def test_the_runner_of_the_guests_says_the_same(few: tuple[Part, ...], tmp_path: Path) -> None:
    program = tmp_path / "runner"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, RUNNER.with_suffix(".c")], check=True)
    # Where nothing of the process's own stands near: else the tables that it has differ from runner to runner.
    asked = [one.scenario for part in few for one in part.asked if one.shifted]
    done = subprocess.run([program], input="".join(s.text() for s in asked), capture_output=True, text=True, check=True)
    other = reports(done.stdout.partition("\n\n")[2].splitlines())
    assert [_its_own(r) for r in other] == [_its_own(r) for r in run(asked)[1]]


def _its_own(report: Report) -> Report:
    """A report without what differs from runner to runner: the tables that it has for itself, and what the kernel
    chose where it was left to choose."""
    chosen = report.returned if report.returned is None or report.returned < 1 << 46 else None
    return replace(report, tables=tuple(size - report.tables[0] for size in report.tables), returned=chosen)


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
