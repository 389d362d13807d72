"""Worker processes: one call for each argument, each within a deadline that is kept from outside.

Each worker is a process with a pipe of its own, and with a limit on its memory. The calling process takes part in no
work: it never asks the solver anything, so that forking it is safe (the solver starts threads once it is asked
something with a time limit, and a fork does not take threads along). Whatever needs the solver, the list of word sizes
included, is asked of a worker.

A worker makes many calls, one after the other; which one makes which differs from run to run. So a call must not
depend on those before it: what asks the solver begins anew with each (`terms.forget`).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, TypeVar

if sys.platform != "win32":
    import resource

A = TypeVar("A")
R = TypeVar("R")

RECURSION_LIMIT = 20_000
"""Python's limit on nested calls, for the walks over deeply nested expressions: set in `main` and in each worker."""

MEMORY = 4 << 30
"""How many bytes a worker may have beside what it starts with, if the caller does not say. Kept by the system, where it
can."""

_SPAWN_SECONDS = 60.0
"""What a spawned process may take to start, beside the deadline of its first call. A forked one starts at once."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's numbers for two of its limits, from malloc.h."""

_KEPT, _WITHIN = 1 << 28, 1 << 25
"""Bytes: what may lie free at the end of the heap, and blocks that are part of it (glibc takes no more)."""

_CALLS = 2
"""How often a call is made whose process dies of it."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The call returned `value`."""

    value: R


@dataclass(frozen=True, slots=True)
class Late:
    """The call was still running at its deadline, `seconds` after it began; its process was killed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended during the call, at each try. `memory`: for lack of memory, as far as can be told."""

    what: str
    memory: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised an exception. `what` is one line; `where` the places in the code, the innermost last."""

    what: str
    where: tuple[str, ...]
    seconds: float


Outcome = Done[R] | Late | Died | Raised


@dataclass(slots=True)
class _Worker(Generic[R]):
    process: BaseProcess
    connection: Connection
    index: int = -1
    started: float = 0.0
    deadline: float = 0.0
    fresh: bool = True


def start_method() -> str:
    """`fork` on Linux, `spawn` elsewhere: other systems' own libraries do not all survive a fork."""
    return "fork" if sys.platform == "linux" else "spawn"


def each(
    call: Callable[[A], R],
    arguments: Sequence[A],
    jobs: int,
    seconds: float | None,
    stop: Connection | None = None,
    method: str | None = None,
    memory: int = MEMORY,
) -> Generator[tuple[int, Outcome[R]], None, None]:
    """Make `call` for every argument in at most `jobs` processes; what became of each, by its index, as they finish.

    Calls begin in the order of the arguments. One that runs longer than `seconds` is stopped (None: none is). One
    whose process dies is made once more, in a new process; so is one that has not enough with `memory` bytes, unless it
    answers that itself. `call`, the arguments and what is returned must be plain
    data, picklable. As soon as there is something to read from `stop`, the iteration ends. However it ends, by an
    exception or by `close` too, no process is left behind.
    """
    pool = _Pool(call, tuple(arguments), seconds, stop, method or start_method(), memory)
    return pool.run(min(jobs, len(arguments)))


class _Pool(Generic[A, R]):
    def __init__(
        self,
        call: Callable[[A], R],
        arguments: tuple[A, ...],
        seconds: float | None,
        stop: Connection | None,
        method: str,
        memory: int,
    ) -> None:
        self.call = call
        self.arguments = arguments
        self.seconds = seconds
        self.stop = stop
        self.method = method
        self.memory = memory
        self.context: ForkContext | SpawnContext = (
            multiprocessing.get_context("fork") if method == "fork" else multiprocessing.get_context("spawn")
        )
        self.waiting = deque(range(len(arguments)))
        self.tries = [0] * len(arguments)
        self.workers: list[_Worker[R]] = []

    def run(self, jobs: int) -> Generator[tuple[int, Outcome[R]], None, None]:
        if self.method == "fork":
            # What the workers share with us is not for their garbage collector to touch, and so to copy.
            gc.freeze()
        try:
            while self.waiting or any(w.index >= 0 for w in self.workers):
                self.hand_out(jobs)
                busy = [w for w in self.workers if w.index >= 0]
                nearest = min(w.deadline for w in busy)
                left = None if nearest == float("inf") else max(0.0, nearest - time.monotonic())
                ready = wait([*(w.connection for w in busy), *([self.stop] if self.stop else [])], left)
                if self.stop in ready:
                    return
                finished = [(w.index, self.after(w, w.connection in ready)) for w in busy]
                self.hand_out(jobs)  # before anyone looks at what has finished
                for index, outcome in finished:
                    if outcome is not None:
                        yield index, outcome
        finally:
            gc.unfreeze()
            for worker in list(self.workers):
                self.end(worker)

    def hand_out(self, jobs: int) -> None:
        """Give work to every worker that has none, and start workers while there is work for more."""
        for worker in list(self.workers):
            if worker.index < 0 and self.waiting:
                self.give(worker)
        while self.waiting and len(self.workers) < jobs:
            self.workers.append(self.start())
            self.give(self.workers[-1])

    def start(self) -> _Worker[R]:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(
            target=_serve, args=(self.call, self.arguments, theirs, os.getpid(), self.memory), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(self, worker: _Worker[R]) -> None:
        worker.index = self.waiting.popleft()
        worker.started = time.monotonic()
        extra = _SPAWN_SECONDS if worker.fresh and self.method == "spawn" else 0.0
        worker.deadline = float("inf") if self.seconds is None else worker.started + self.seconds + extra
        worker.fresh = False
        self.tries[worker.index] += 1
        with contextlib.suppress(OSError):  # it has died: its pipe's end says so
            worker.connection.send(worker.index)

    def after(self, worker: _Worker[R], ready: bool) -> Outcome[R] | None:
        """What became of a worker's call, or None: it goes on, or is to be made again."""
        if ready:
            return self.receive(worker)
        if time.monotonic() < worker.deadline:
            return None
        self.end(worker)
        return Late(time.monotonic() - worker.started)

    def receive(self, worker: _Worker[R]) -> Outcome[R] | None:
        """What a worker has sent; None if its call is to be made again."""
        try:
            outcome: Outcome[R] = worker.connection.recv()
        except Exception:  # the pipe ended, perhaps within a message
            self.end(worker, kill=False)
            outcome = self.died(worker)
        if isinstance(outcome, Died):
            self.end(worker)
            if self.tries[worker.index] < _CALLS:
                self.waiting.appendleft(worker.index)
                return None
        worker.index = -1
        return outcome

    def died(self, worker: _Worker[R]) -> Died:
        code = worker.process.exitcode or 0
        seconds = time.monotonic() - worker.started
        if code < 0:
            name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else str(-code)
            # What kills without a word is the system, when memory runs out.
            return Died(f"killed by {name}", name == "SIGKILL", seconds)
        return Died(f"ended with status {code}", False, seconds)

    def end(self, worker: _Worker[R], kill: bool = True) -> None:
        """End a worker's process and forget it."""
        if worker not in self.workers:
            return
        self.workers.remove(worker)
        worker.connection.close()
        if not kill:
            worker.process.join(1.0)
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()


def _serve(
    call: Callable[[A], R],
    arguments: tuple[A, ...],
    connection: Connection,
    parent: int,
    memory: int,
) -> None:
    """The life of a worker: receive an index, make the call, send what became of it, until it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group, and the parent answers it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.stdout = sys.stderr  # nothing that a library prints may get into the report, from Python or from below it
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    sys.setrecursionlimit(RECURSION_LIMIT)
    _keep_memory()
    if sys.platform == "linux":
        _limit_memory(memory)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    while True:
        try:
            index = connection.recv()
        except (EOFError, OSError):
            return
        started = time.monotonic()
        outcome: Outcome[R]
        try:
            outcome = Done(call(arguments[index]))
        except MemoryError:
            outcome = Died("out of memory", True, time.monotonic() - started)
        except RecursionError:
            outcome = Died("nested too deeply", True, time.monotonic() - started)
        except Exception as error:
            outcome = Raised(*described(error), time.monotonic() - started)
        try:
            connection.send(outcome)
        except OSError:
            return
        except Exception as error:  # the value is not plain data
            connection.send(Raised(*described(error), time.monotonic() - started))


def _keep_memory() -> None:
    """Have what is freed stay with the process. The solver frees all it has after each call, and asks for it again;
    to hand it to the system and back takes longer than many a call. Without effect where the C library is not glibc."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_M_MMAP_THRESHOLD, _WITHIN)


def _limit_memory(size: int) -> None:
    """Have the system refuse more than so much beside what there is: what asks for it, be it the solver, is told that
    there is none. For Linux, which says what there is."""
    with contextlib.suppress(OSError, ValueError, OverflowError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = size + pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _watch(parent: int) -> None:
    """End this process when its parent is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def described(error: BaseException) -> tuple[str, tuple[str, ...]]:
    """An exception in one line, and the last places in the code that it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    what = " ".join("".join(traceback.format_exception_only(error)).split())
    shown = (f"{'/'.join(f.filename.replace(os.sep, '/').split('/')[-2:])}:{f.lineno} in {f.name}" for f in frames)
    return what[:500], tuple(shown)
