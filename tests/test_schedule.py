"""Whatever becomes of a worker, each call has one outcome, within its time, and no process is left behind."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import pytest
from fake_discharge import EXPECTED, discharge, result
from plans import plan_of

from verify import core
from verify.elaborate import elaborate
from verify.entries import Work, grouped, in_order, results_of, units, vacuous
from verify.load import load
from verify.plan import Plan, Request, draft, plan
from verify.schedule import Died, Done, Late, Outcome, Raised, each
from verify.verdict import Reason, Result, Verdict

HERE = Path(__file__).parent


def double(argument: int) -> int:
    return 2 * argument


def note(folder: Path, argument: int) -> int:
    """Write down the process that makes the call, then do as the argument says."""
    faulthandler.disable()  # pytest has enabled it
    (folder / f"{os.getpid()}-{time.monotonic_ns()}").write_text(str(argument))
    match argument:
        case 1:
            time.sleep(600)
        case 2:
            os.kill(os.getpid(), signal.SIGKILL)
        case 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        case 4:
            os._exit(7)
        case 5:
            raise MemoryError
        case 6:
            raise ValueError("no such thing")
        case 7:
            return lambda: 7  # type: ignore[return-value]
        case 8:
            deep(0)
        case 9:
            if len(list(folder.iterdir())) < 2:
                os._exit(1)
        case 10:
            print("a library prints this", flush=True)
            os.write(1, b"and this\n")
        case 11:
            if not wait_until(lambda: len(list(folder.iterdir())) == 4, 20.0):
                raise TimeoutError("the other calls have not begun")
        case 12:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
    return argument


def deep(level: int) -> int:
    return deep(level + 1) + 1


def processes(folder: Path) -> list[int]:
    """The processes that made calls."""
    return [int(f.name.split("-")[0]) for f in folder.iterdir()]


def gone(pid: int) -> bool:
    """True iff the process has ended (a zombie has, though its parent may not have looked)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def outcomes(found: Iterator[tuple[int, Outcome[int]]]) -> dict[int, Outcome[int]]:
    known: dict[int, Outcome[int]] = {}
    for index, outcome in found:
        assert index not in known, "a second outcome"
        known[index] = outcome
    return known


# --- processes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_call_is_made_whatever_the_number_of_processes(method: str) -> None:
    for jobs in (1, 3):
        found = outcomes(each(double, range(5), jobs, 20.0, method=method))
        assert found == {i: Done(2 * i) for i in range(5)}


def test_no_arguments_need_no_process() -> None:
    assert list(each(double, (), 4, 1.0)) == []


def test_so_many_calls_are_made_at_once(tmp_path: Path) -> None:
    assert outcomes(each(partial(note, tmp_path), [11] * 4, 4, None)) == {i: Done(11) for i in range(4)}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_call_past_its_deadline_is_stopped_and_the_others_go_on(tmp_path: Path, method: str) -> None:
    started = time.monotonic()
    arguments = [0, 1, 0, 0]  # a spawned process may take its time for the first one
    found = outcomes(each(partial(note, tmp_path), arguments, 1, 0.4, method=method))
    late = found.pop(arguments.index(1))
    assert isinstance(late, Late)
    assert 0.4 <= late.seconds < 5.0
    assert [type(o) for o in found.values()] == [Done] * 3
    assert time.monotonic() - started < 20.0
    assert all(gone(pid) for pid in processes(tmp_path))


@pytest.mark.parametrize(
    ("argument", "outcome"),
    [
        (2, Died("killed by SIGKILL", True, 0.0)),
        (3, Died("killed by SIGSEGV", False, 0.0)),
        (4, Died("ended with status 7", False, 0.0)),
        (5, Died("out of memory", True, 0.0)),
        (8, Died("nested too deeply", True, 0.0)),
    ],
)
def test_a_call_that_its_process_does_not_survive_is_made_twice(tmp_path: Path, argument: int, outcome: Died) -> None:
    found = outcomes(each(partial(note, tmp_path), [0, argument, 0], 2, 20.0))
    died = found[1]
    assert isinstance(died, Died)
    assert (died.what, died.memory) == (outcome.what, outcome.memory)
    assert [found[0], found[2]] == [Done(0), Done(0)]
    assert [f.read_text() for f in tmp_path.iterdir()].count(str(argument)) == 2


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_makes_one_call_after_the_other_also_when_one_raises(tmp_path: Path, method: str) -> None:
    outcomes(each(partial(note, tmp_path), [0, 6, 0, 0], 1, 20.0, method=method))
    assert processes(tmp_path) == 4 * processes(tmp_path)[:1]


def test_a_second_try_that_goes_well_counts(tmp_path: Path) -> None:
    assert outcomes(each(partial(note, tmp_path), [9], 1, 20.0)) == {0: Done(9)}
    assert len(processes(tmp_path)) == 2


def test_an_exception_is_an_outcome_and_is_not_tried_again(tmp_path: Path) -> None:
    raised = outcomes(each(partial(note, tmp_path), [6], 1, 20.0))[0]
    assert isinstance(raised, Raised)
    assert raised.what == "ValueError: no such thing"
    assert raised.where[-1].startswith("tests/test_schedule.py:")
    assert raised.where[-1].endswith(" in note")
    assert len(processes(tmp_path)) == 1


def test_a_value_that_cannot_be_sent_is_an_exception(tmp_path: Path) -> None:
    raised = outcomes(each(partial(note, tmp_path), [7, 0], 1, 20.0))
    assert isinstance(raised[0], Raised)
    assert raised[1] == Done(0)


def test_closing_the_iteration_ends_the_workers(tmp_path: Path) -> None:
    found = each(partial(note, tmp_path), [0, 1, 1], 2, None)
    assert next(found) == (0, Done(0))
    assert wait_until(lambda: len(processes(tmp_path)) == 3)
    found.close()
    assert all(gone(pid) for pid in processes(tmp_path))


def test_something_to_read_from_stop_ends_the_iteration(tmp_path: Path) -> None:
    reader, writer = Pipe(duplex=False)
    found = each(partial(note, tmp_path), [0, 1], 1, None, reader)
    assert next(found) == (0, Done(0))
    writer.send_bytes(b"stop")
    assert list(found) == []
    assert all(gone(pid) for pid in processes(tmp_path))


def test_an_interrupt_from_the_terminal_is_for_the_process_that_started_the_workers(tmp_path: Path) -> None:
    assert outcomes(each(partial(note, tmp_path), [12], 1, 20.0)) == {0: Done(12)}
    assert len(processes(tmp_path)) == 1


def test_nothing_that_a_worker_prints_gets_into_the_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcomes(each(partial(note, tmp_path), [10], 1, 20.0)) == {0: Done(10)}
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "a library prints this" in captured.err


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    spec = tmp_path / "m.spec"
    spec.write_text("module m;\nlemma hang(a: word) ensures k: a == a;\nlemma hang_on(a: word) ensures k: a == a;\n")
    started = tmp_path / "started"
    started.mkdir()
    environment = {**os.environ, "STARTED": str(started), "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, str(HERE / "fake_discharge.py"), "--jobs", "2", str(spec)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        assert wait_until(lambda: len(list(started.iterdir())) == 2, 20.0)
        process.kill()
    workers = [int(f.name) for f in started.iterdir()]
    assert wait_until(lambda: all(gone(pid) for pid in workers))


# --- from tasks to entries -----------------------------------------------------------------------------------------

SPEC = """\
module m;
procedure first(a: word) returns (r: word)
    requires small: 8 / a > 2
    ensures  same: r == a
{ r = a; }
lemma second(a: word) ensures k: a == a;
refute third(a: word) ensures k: a == 0;
"""


def program(tmp_path: Path) -> core.Program:
    (tmp_path / "m.spec").write_text(SPEC)
    loaded = load([tmp_path / "m.spec"])
    found, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert found is not None, mistakes
    return found


def planned(tmp_path: Path, *only: str) -> Plan:
    return plan_of(program(tmp_path), only)


def results(tasks: Plan, verdicts: dict[tuple[str, int], Verdict]) -> list[tuple[int, Result]]:
    """As specified, but where `verdicts` says otherwise."""
    return [
        (
            i,
            result(
                t.obligation,
                t.scope,
                verdicts.get((t.obligation.id, t.scope.word_bits)) or EXPECTED[t.obligation.expected],
            ),
        )
        for i, t in enumerate(tasks.tasks)
    ]


def shown(entries: Iterator[tuple[object, Result]]) -> list[tuple[str, int, str]]:
    return [(r.id, r.word_bits, r.verdict.value) for _, r in entries]


IN_ORDER = [
    ("m.first.range[1]", 32, "proved"),
    ("m.first.range[1]", 64, "proved"),
    ("m.first.requires", 32, "proved"),
    ("m.first.requires", 64, "proved"),
    ("m.first.ensures.same", 32, "proved"),
    ("m.first.ensures.same", 64, "proved"),
    ("m.second.requires", 32, "proved"),
    ("m.second.requires", 64, "proved"),
    ("m.second.ensures.k", 32, "proved"),
    ("m.second.ensures.k", 64, "proved"),
    ("m.third.refute", 32, "refuted"),
    ("m.third.refute", 64, "refuted"),
]


def test_entries_come_in_the_order_of_the_source_whatever_finishes_first(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    found = results(tasks, {})
    for seed in range(20):
        random.Random(seed).shuffle(found)
        assert shown(in_order(tasks.tasks, found)) == IN_ORDER


def test_an_entry_waits_for_those_before_it_and_for_its_requires_and_for_no_more(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    found = results(tasks, {})
    sent: list[str] = []

    def incoming() -> Iterator[tuple[int, Result]]:
        for index, one in found:
            sent.append(f"{one.id} {one.word_bits}")
            yield index, one

    entries = in_order(tasks.tasks, incoming())
    assert next(entries)[1].id == "m.first.range[1]"
    assert sent[-1] == "m.first.requires 32"
    assert next(entries)[1].word_bits == 64
    assert sent[-1] == "m.first.requires 64"
    assert [next(entries)[1].id for _ in range(3)][-1] == "m.first.ensures.same"
    assert sent[-1] == "m.first.ensures.same 32"


def test_preconditions_that_cannot_be_met_make_the_item_vacuous_at_that_word_size(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    found = results(tasks, {("m.first.requires", 64): Verdict.VACUOUS})
    for seed in range(5):
        random.Random(seed).shuffle(found)
        expected = [(i, b, "vacuous" if i.startswith("m.first") and b == 64 else v) for i, b, v in IN_ORDER]
        assert shown(in_order(tasks.tasks, found)) == expected


def test_a_vacuous_result_keeps_nothing_of_what_was_found(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    requires, ensures = (tasks.tasks[i] for i in (2, 4))
    above = result(requires.obligation, requires.scope, Verdict.VACUOUS)
    below = vacuous(result(ensures.obligation, ensures.scope, Verdict.UNKNOWN, reason=Reason.BOUND, used=("x",)), above)
    assert (below.verdict, below.reason, below.used, below.counterexample, below.ok) == (
        Verdict.VACUOUS,
        None,
        (),
        None,
        False,
    )
    assert below.detail == ("nothing meets the preconditions: see m.first.requires",)


def test_requires_is_run_and_not_listed_where_only_leaves_it_out(tmp_path: Path) -> None:
    tasks = planned(tmp_path, "m.first.ensures.*")
    assert [(t.obligation.id, t.listed) for t in tasks.tasks] == [
        ("m.first.requires", False),
        ("m.first.requires", False),
        ("m.first.ensures.same", True),
        ("m.first.ensures.same", True),
    ]
    found = results(tasks, {("m.first.requires", 32): Verdict.VACUOUS})
    assert shown(in_order(tasks.tasks, found)) == [
        ("m.first.ensures.same", 32, "vacuous"),
        ("m.first.ensures.same", 64, "proved"),
    ]


def test_what_is_known_when_the_results_end_early_is_given(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    found = results(tasks, {})
    kept = [found[i] for i in (11, 2, 5, 0)]
    entries = shown(in_order(tasks.tasks, kept))
    assert entries == [IN_ORDER[0], IN_ORDER[2], IN_ORDER[5], IN_ORDER[11]]


def test_the_results_of_one_obligation_come_together(tmp_path: Path) -> None:
    tasks = planned(tmp_path)
    found = results(tasks, {})
    groups = list(grouped(in_order(tasks.tasks, found), tasks.listed))
    assert [(g[0].id, len(g)) for g in groups] == [(i, 2) for i, bits, _ in IN_ORDER if bits == 32]
    del found[3], found[0]
    sizes = [len(g) for g in grouped(in_order(tasks.tasks, found), tasks.listed)]
    assert sizes == [1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_plan_and_results_are_the_same_from_another_process(tmp_path: Path, method: str) -> None:
    request = Request.of(program(tmp_path), (), None)
    here = plan(request, draft(request))
    ((_, outcome),) = each(draft, (request,), 1, 20.0, method=method)
    assert isinstance(outcome, Done)
    assert plan(request, outcome.value) == here
    work = Work(discharge, None, request.program, {}, 1.0)
    parts = units(here.tasks)
    given = [tuple(here.tasks[i] for i in part) for part in parts]
    found = dict(each(work, given, 2, 20.0, method=method))
    expected = dict(results(here, {}))
    assert found == {n: Done(tuple(expected[i] for i in part)) for n, part in enumerate(parts)}


def test_word_sizes_of_every_geometry_are_one_unit_and_named_geometries_their_own(tmp_path: Path) -> None:
    tasks = planned(tmp_path).tasks
    for part in units(tasks):
        assert len({tasks[i].obligation.id for i in part}) == 1
        assert len(part) == 1 or all(tasks[i].scope.name is None for i in part)
    assert [i for part in units(tasks) for i in part] == list(range(len(tasks)))
    assert max(len(part) for part in units(tasks)) == 2


def test_what_proves_several_at_once_is_asked_first_and_the_rest_one_by_one(tmp_path: Path) -> None:
    tasks = planned(tmp_path).tasks
    pair = next(tuple(tasks[i] for i in part) for part in units(tasks) if len(part) == 2)
    shared = tuple(result(t.obligation, t.scope, Verdict.PROVED) for t in pair)
    program_ = core.Program(())
    assert Work(discharge, lambda *_: shared, program_, {}, 1.0)(pair) == shared
    single = tuple(discharge(program_, t.obligation, t.scope, {}, 1.0) for t in pair)
    assert Work(discharge, lambda *_: None, program_, {}, 1.0)(pair) == single


@pytest.mark.parametrize(
    ("outcome", "reason", "defect", "detail"),
    [
        (Late(36.0), Reason.TIMEOUT, False, ("stopped after 36.0 s: it did not keep to its 30 s",)),
        (
            Died("killed by SIGKILL", True, 1.0),
            Reason.MEMORY,
            False,
            ("the process that worked on it did not survive, twice: killed by SIGKILL",),
        ),
        (
            Died("killed by SIGSEGV", False, 1.0),
            Reason.SOLVER,
            False,
            ("the process that worked on it did not survive, twice: killed by SIGSEGV",),
        ),
        (Raised("KeyError: 1", ("a.py:1 in f",), 1.0), Reason.SOLVER, True, ("KeyError: 1", "at a.py:1 in f")),
    ],
)
def test_what_befalls_a_process_is_unknown_and_says_why(
    tmp_path: Path, outcome: Outcome[tuple[Result, ...]], reason: Reason, defect: bool, detail: tuple[str, ...]
) -> None:
    task = planned(tmp_path).tasks[0]
    (found,) = results_of((task,), outcome, 30.0)
    assert (found.verdict, found.reason, found.defect, found.detail) == (Verdict.UNKNOWN, reason, defect, detail)
    assert not found.ok
    assert (found.id, found.geometry, found.word_bits) == ("m.first.range[1]", "every", 32)
