"""Whether verdicts depend on choices that the solver makes at random, and how much time does: the same with many seeds.

A proof that is found with one seed and not with the next is there by luck: it may be gone after the next change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import z3

from verify.plan import Task
from verify.verdict import Reason, Result, Trial, Verdict

_SEEDS = ("smt.random_seed", "sat.random_seed")
"""What z3 calls them, for all solvers that a process makes."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a worker does: some other work, with each seed from 0 (the solver's own) to `seeds` - 1."""

    work: Callable[[tuple[Task, ...]], tuple[Result, ...]]
    seeds: int

    def __call__(self, tasks: tuple[Task, ...]) -> tuple[Result, ...]:
        runs = [self.run(tasks, seed) for seed in range(self.seeds)]
        return tuple(tried(of_one) for of_one in zip(*runs, strict=True))

    def run(self, tasks: tuple[Task, ...], seed: int) -> tuple[Result, ...]:
        with _seed(seed):
            return self.work(tasks)


@contextmanager
def _seed(seed: int) -> Iterator[None]:
    for name in _SEEDS:
        z3.set_param(name, seed)
    try:
        yield
    finally:
        for name in _SEEDS:
            z3.set_param(name, 0)


def tried(results: Sequence[Result]) -> Result:
    """The first of results of the same task, with what came of each. A verdict that they do not share is none, and what
    one proof is said to use is not enough if another one's is not."""
    trials = tuple(Trial(r.verdict, r.reason, r.seconds) for r in results)
    defect, enough = any(r.defect for r in results), all(r.enough for r in results)
    first = replace(results[0], trials=trials, defect=defect, enough=enough)
    if len({r.verdict for r in results}) == 1:
        return first
    detail = tuple(f"seed {n}: {_shown(trial)}, {trial.seconds:.2f} s" for n, trial in enumerate(trials))
    return replace(first, verdict=Verdict.UNKNOWN, reason=Reason.UNSTABLE, used=(), counterexample=None, detail=detail)


def _shown(trial: Trial) -> str:
    return trial.verdict.value + (f" ({trial.reason.value})" if trial.reason is not None else "")


@dataclass(frozen=True, slots=True)
class Spread:
    """What the seeds make of a run: how many there are, how many verdicts change with them, and two results: the one
    that takes longest with some seed, and the one whose times are furthest apart."""

    seeds: int
    changed: int
    slowest: Result
    widest: Result


def slowest(result: Result) -> float:
    """The longest that a result takes with any seed, in seconds."""
    return max(trial.seconds for trial in result.trials)


def apart(result: Result) -> float:
    """How far apart the times of a result are, in seconds."""
    return slowest(result) - min(trial.seconds for trial in result.trials)


def spread(results: Sequence[Result]) -> Spread | None:
    """The same of all results; None if there were no trials."""
    with_trials = [r for r in results if r.trials]
    if not with_trials:
        return None
    changed = sum(r.reason is Reason.UNSTABLE for r in with_trials)
    seeds = max(len(r.trials) for r in with_trials)
    return Spread(seeds, changed, max(with_trials, key=slowest), max(with_trials, key=apart))
