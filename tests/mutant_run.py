"""What the tests make of a mutant of the implementation.

One process draws the inputs of all generated tests and runs the implementation on them. For each mutant it then forks:
the child imports the package and the tests anew, with the mutant's text in the place of the module's, and so runs what
stood in the file if the mutant stood there. First come the generated tests of the procedures that reach the function
that is broken, on the inputs that are there, as many as they have by default; then the tests that were written by hand.
The first failure ends it.

Nothing that takes long is a kill. What ends it is the clock, and it says no more than that somebody lost patience: see
`TimedOut`. A loop that never ends is killed where a test counts what it does and says that it is too much, as the
generated tests do (`bridge.SLACK`).
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import chain
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, TypeAlias, TypeVar, assert_never

import pytest
from generated import EXAMPLES, Generated, Ran, Suite, inputs, ran_on
from in_place import forget, put_in_place
from mutants import Mutant

from verify import core

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"

BY_HAND = (
    "test_mremap_events",
    "test_mremap_rooms",
    "test_mremap_geometry",
    "test_mremap_mm",
    "test_mremap_impl",
    "test_mremap_tables",
)
"""The files of tests of the implementation that are not generated. (Others run it with faults of their own.)"""

BY_HAND_OF_HISTORY = (
    "test_mremap_history_small",
    "test_mremap_history",
    "test_history_agreement",
    "test_history_replay",
)
"""More of them, which take from seconds to a minute: only mutants of `history` are put to these."""

EXAMPLE_SECONDS = 1.5
"""How much of the processor's time one example may take. Unbroken, none takes a fifth of it."""

AGAIN_SECONDS = 0.5
"""After how much more it is said once more that time is up."""

PATIENCE = 4
"""At how many examples of a procedure time may be up before the others are not tried."""

TEST_SECONDS = 100.0
"""The same for a test that was written by hand; those who use a solver take seconds."""

MEMORY = 4 << 30
"""How many bytes a child may have."""

HARD_SECONDS = 900
"""After how much of the processor's time a child is killed that does not even notice that its time is up."""


@dataclass(frozen=True, slots=True)
class Killed:
    """A test failed: the generated one of that id, or one that was written by hand."""

    by: str
    generated: bool


@dataclass(frozen=True, slots=True)
class Survived:
    """All tests passed."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No test failed, and in some, or before the first, time was up, or memory was full. It is not a kill."""

    where: str


Verdict: TypeAlias = Killed | Survived | TimedOut


class OutOfTime(BaseException):
    """So that no `except Exception` takes it for something that the implementation does."""


@dataclass(slots=True)
class Met:
    """The functions of the implementation that were called, each as `module.name`, and the names that stand in what was
    run of it and of the tests. What a module of it runs on import is left to `mutants`."""

    calls: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Runs:
    """A procedure: its tests, what the unbroken implementation makes of its examples, and what is met on the way."""

    routine: core.Routine
    tests: tuple[Generated, ...]
    ran: tuple[Ran, ...]
    met: Met
    seconds: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that mutants are tried on. What is met `at_import` has its effect on everything that is imported."""

    suite: Suite
    table: Mapping[str, str]
    runs: tuple[Runs, ...]
    at_import: Met


# --- before the first ----------------------------------------------------------------------------------------------


def prepared(suite: Suite, table: Mapping[str, str]) -> Prepared:
    """Runs the unbroken implementation. `table`: the implementing functions, by procedure."""
    runs = sorted((_runs(suite, name) for name in suite.functions), key=lambda r: r.seconds)
    return Prepared(suite, table, tuple(runs), in_child(_at_import))


def _runs(suite: Suite, name: str) -> Runs:
    routine = suite.program.routines()[name]
    examples = inputs(suite, routine, EXAMPLES, 0).examples
    begun = time.process_time()
    with _noted() as met:
        ran = tuple(ran_on(suite, routine, example) for example in examples)
    assert met.calls, f"{name} is implemented elsewhere than in {ROOT}: is another copy of this project installed?"
    tests = tuple(t for t in suite.tests if t.routine.qualified == name)
    return Runs(routine, tests, ran, met, time.process_time() - begun)


def _at_import() -> Met:
    forget(__name__)
    with _noted() as met:
        for path in (ROOT / "mremap_impl").glob("[!_]*.py"):
            import_module(f"mremap_impl.{path.stem}")
        _tests()
    return met


def _tests() -> tuple[ModuleType, ModuleType]:
    """What runs generated tests, imported."""
    return import_module("generated"), import_module("bridge")


@contextmanager
def _noted() -> Iterator[Met]:
    """Notes what is met of the implementation."""
    package, tests = (str(folder) + os.sep for folder in (ROOT / "mremap_impl", TESTS))
    known: set[object] = set()
    met = Met()

    def note(frame: FrameType, _event: str, _argument: object) -> None:  # None: nothing is to be noted of its lines
        code = frame.f_code
        if code in known or not code.co_filename.startswith((package, tests)):
            return
        known.add(code)
        if code.co_filename.startswith(tests) or code.co_name != "<module>":
            met.names.update(code.co_names)
        if code.co_filename.startswith(package):
            met.calls.add(f"{Path(code.co_filename).stem}.{code.co_qualname.replace('.<locals>', '')}")

    sys.settrace(note)
    try:
        yield met
    finally:
        sys.settrace(None)


# --- one mutant ----------------------------------------------------------------------------------------------------


def judged(what: Prepared, mutant: Mutant, files: Sequence[str], last: Killed | None = None) -> Verdict:
    """What the generated tests make of a mutant, and those in these files. What killed the `last` one like it has its
    turn first: the procedure, or the test written by hand.

    It leaves the process with the mutant in it, which so is to be a child.
    """
    warnings.simplefilter("ignore", SyntaxWarning)
    gc.freeze()  # what the parent has made is not garbage, and pytest goes through all there is, again and again
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + HARD_SECONDS, spent + HARD_SECONDS))
    put_in_place(mutant, __name__)
    with _memory():
        return _verdict(what, mutant, files, last)


@contextmanager
def _memory() -> Iterator[None]:
    """Within it there is so much memory and no more. After it there is more, to say what has become of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _verdict(what: Prepared, mutant: Mutant, files: Sequence[str], last: Killed | None) -> Verdict:
    try:
        with _within(EXAMPLE_SECONDS):
            import_module(f"mremap_impl.{mutant.key.module}")
    except OutOfTime:
        return TimedOut("import")
    except Exception:  # whatever it is, no test can begin
        return Killed("import", generated=True)
    late: list[str] = []
    try:
        for verdict in chain(_generated(what, mutant, last), _by_hand(mutant, files, last)):
            match verdict:
                case Killed():
                    return verdict
                case TimedOut(where=where):
                    late.append(where)
                case Survived():
                    pass
                case _:
                    assert_never(verdict)
    except MemoryError:  # in what stands around a test, too
        late.append("the whole")
    return TimedOut(late[0]) if late else Survived()


def _reaches(what: Prepared, mutant: Mutant, runs: Runs) -> bool:
    """Whether the examples of a procedure may notice. Of what stands in no function anyone may who may feel it."""
    met = (runs.met, what.at_import)
    if mutant.in_function:
        return any(f"{mutant.key.module}.{mutant.key.function}" in m.calls for m in met)
    return mutant.felt is None or any(mutant.felt & m.names for m in met)


def _generated(what: Prepared, mutant: Mutant, last: Killed | None) -> Iterator[Verdict]:
    """What the generated tests say, procedure by procedure, as far as somebody asks."""
    generated, bridge = _tests()
    functions = {name: bridge.function_at(what.table[name]) for name in what.suite.functions}
    old = what.suite
    suite = generated.Suite(old.program, old.sources, functions, old.classes, old.tests, old.without)
    first = last.by if last is not None and last.generated else ""
    for runs in sorted(what.runs, key=lambda runs: not first.startswith(f"{runs.routine.qualified}.")):
        if _reaches(what, mutant, runs):
            yield _procedure(generated, suite, runs)


def _procedure(generated: ModuleType, suite: Any, runs: Runs) -> Verdict:
    late = 0
    for was in runs.ran:
        try:
            with _within(EXAMPLE_SECONDS):
                now = generated.ran_on(suite, runs.routine, was.example)
                if isinstance(now.outcome, str) and "MemoryError" in now.outcome:
                    raise OutOfTime
                if _seen(now) != _seen(was):
                    for test in runs.tests:
                        if generated.broken(test, now) is not None:
                            return Killed(test.id, generated=True)
        except OutOfTime:
            late += 1
            if late == PATIENCE:
                break
        except Exception as error:  # as which the tests of the procedure end, too
            return Killed(f"{runs.routine.qualified}: {type(error).__name__}: {error}", generated=True)
    return TimedOut(runs.routine.qualified) if late else Survived()


def _seen(ran: Ran) -> object:
    """All that a generated test looks at."""
    outcome = ran.outcome if isinstance(ran.outcome, str) else (ran.outcome.state, ran.outcome.results)
    return outcome, ran.context.tables, ran.violated


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises OutOfTime after so much of the processor's time."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    signal.signal(signal.SIGPROF, stop)
    # Again and again: what is raised in a callback of the garbage collector is lost.
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN_SECONDS)
    try:
        yield
    except MemoryError as error:
        raise OutOfTime from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


# --- the tests that were written by hand ---------------------------------------------------------------------------


class _First:
    """A plugin of pytest: ends the run at the first test that fails, and notes where time was up."""

    def __init__(self) -> None:
        self.verdict: Verdict = Survived()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        del item
        with _within(TEST_SECONDS):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report: Any = yield
        if call.excinfo is not None and call.excinfo.errisinstance((OutOfTime, MemoryError)):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, "time was up")
            self.verdict = TimedOut(item.nodeid)
        elif report.failed:
            self.verdict = Killed(item.nodeid, generated=False)
            item.session.shouldstop = "a test has failed"
        return report  # type: ignore[no-any-return]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.verdict = Killed(report.nodeid, generated=False)


def _by_hand(mutant: Mutant, files: Sequence[str], last: Killed | None) -> Iterator[Verdict]:
    of_history = BY_HAND_OF_HISTORY if files and mutant.key.module == "history" else ()
    names = [f"tests/{name}.py" for name in (*of_history, *files)]  # what most likely kills it comes first
    if last is not None and last.by.startswith(tuple(names)):
        yield _pytest(last.by)
    for name in names:
        yield _pytest(name)


def _pytest(what: str) -> Verdict:
    """What a file of tests comes to in this process, or one test."""
    first = _First()
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        status = pytest.main([*options, str(ROOT / what)], plugins=[first])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        raise AssertionError(f"{what}: pytest ended with {status!r}")
    return first.verdict


# --- many ----------------------------------------------------------------------------------------------------------


def _send(act: Callable[[], object], to: Connection) -> None:
    to.send(act())
    to.close()
    sys.stdout.flush()
    os._exit(0)  # what the parent has to do at its end is not for a child to do


def in_child(act: Callable[[], T]) -> T:
    """What a function returns in a child of its own. Raises if it does not return."""
    receive, send = get_context("fork").Pipe(duplex=False)
    child = get_context("fork").Process(target=_send, args=(act, send))
    child.start()
    send.close()
    found: T = receive.recv()
    child.join()
    return found


def judge(
    what: Prepared, mutants: Iterable[Mutant], jobs: int, files: Sequence[str] = BY_HAND
) -> Iterator[tuple[Mutant, Verdict]]:
    """Each mutant with what the tests make of it, in the order in which they are done; `jobs` at once."""
    waiting = list(mutants)[::-1]
    running: dict[Any, tuple[Mutant, Any]] = {}  # by the end of a pipe that the verdict comes out of
    fork = get_context("fork")
    killers: dict[tuple[str, str], Killed] = {}  # by function, what killed the last mutant of it
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            receive, send = fork.Pipe(duplex=False)
            last = killers.get((mutant.key.module, mutant.key.function))
            child = fork.Process(target=_send, args=(partial(judged, what, mutant, files, last), send))
            child.start()
            send.close()
            running[receive] = (mutant, child)
        for done in wait(list(running)):
            mutant, child = running.pop(done)
            assert isinstance(done, Connection)
            try:
                verdict: Verdict = done.recv()
            except EOFError:
                child.join()
                if child.exitcode not in (-signal.SIGXCPU, -signal.SIGKILL):
                    raise AssertionError(f"{mutant}: the child ended with {child.exitcode}") from None
                verdict = TimedOut("the whole")
            child.join()
            if isinstance(verdict, Killed):
                killers[mutant.key.module, mutant.key.function] = verdict
            yield mutant, verdict
