"""From outcomes as they come in to the entries of the report, in the order of the source.

Here an item whose preconditions cannot be met makes its other obligations vacuous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.passive import Kind, Obligation
from verify.plan import Task
from verify.schedule import Died, Done, Late, Outcome, Raised
from verify.scopes import Scope
from verify.span import Source
from verify.verdict import Reason, Result, Verdict

Discharge = Callable[[core.Program, Obligation, Scope, Mapping[str, Source], float], Result]
"""What finds the verdict on an obligation at a scope, within about so many seconds."""


Together = Callable[[core.Program, Obligation, tuple[Scope, ...], float], "tuple[Result, ...] | None"]
"""What proves an obligation at several scopes by one proof, if that is quickly found: a result for each, or None.

It keeps to a half of so many seconds."""

Unit = tuple[int, ...]
"""Tasks that one worker does in one go, by index."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does with the tasks of a unit, which share their obligation."""

    discharge: Discharge
    together: Together | None
    program: core.Program
    sources: Mapping[str, Source]
    timeout: float

    def __call__(self, tasks: tuple[Task, ...]) -> tuple[Result, ...]:
        if self.together is not None and len(tasks) > 1:
            found = self.together(self.program, tasks[0].obligation, tuple(t.scope for t in tasks), self.timeout)
            if found is not None:
                return found
        return tuple(self.discharge(self.program, t.obligation, t.scope, self.sources, self.timeout) for t in tasks)


def units(tasks: Sequence[Task]) -> tuple[Unit, ...]:
    """The tasks in order, those about every geometry at several word sizes as one."""
    found: list[Unit] = []
    for index, task in enumerate(tasks):
        last = tasks[found[-1][0]] if found else None
        same = last is not None and last.obligation.id == task.obligation.id
        if same and last is not None and last.scope.name is None and task.scope.name is None:
            found[-1] = (*found[-1], index)
        else:
            found.append((index,))
    return tuple(found)


def results_of(tasks: tuple[Task, ...], outcome: Outcome[tuple[Result, ...]], timeout: float) -> tuple[Result, ...]:
    """The results of the tasks of a unit, whatever became of the process that worked on it."""
    if isinstance(outcome, Done):
        return outcome.value
    return tuple(_result_of(task, outcome, timeout) for task in tasks)


def _result_of(task: Task, outcome: Late | Died | Raised, timeout: float) -> Result:
    match outcome:
        case Late(seconds=seconds):
            what = f"stopped after {seconds:.1f} s: it did not keep to its {timeout:g} s"
            return _unknown(task, Reason.TIMEOUT, (what,), seconds)
        case Died(what=what, memory=memory, seconds=seconds):
            detail = (f"the process that worked on it did not survive, twice: {what}",)
            return _unknown(task, Reason.MEMORY if memory else Reason.SOLVER, detail, seconds)
        case Raised(what=what, where=where, seconds=seconds):
            return replace(_unknown(task, Reason.SOLVER, (what, *(f"at {w}" for w in where)), seconds), defect=True)


def _unknown(task: Task, reason: Reason, detail: tuple[str, ...], seconds: float) -> Result:
    obligation = task.obligation
    return Result(
        obligation.id,
        obligation.kind,
        task.scope.shown,
        task.scope.word_bits,
        obligation.expected,
        Verdict.UNKNOWN,
        reason,
        obligation.location,
        seconds,
        "z3",
        (),
        obligation.claims,
        None,
        detail,
        function=obligation.implemented,
    )


def in_order(tasks: Sequence[Task], results: Iterable[tuple[int, Result]]) -> Iterator[tuple[Task, Result]]:
    """The listed entries in the order of `tasks`, each as soon as those before it and its `requires` are known.

    `results` are by index into `tasks`, in any order; where they end early, what is known by then is given, with gaps.
    """
    requires = {t.item: i for i, t in enumerate(tasks) if t.obligation.kind is Kind.REQUIRES}
    known: dict[int, Result] = {}
    at = 0

    def ready(index: int) -> bool:
        return index in known and requires.get(tasks[index].item, index) in known

    def entry(index: int) -> Result:
        above = known.get(requires.get(tasks[index].item, index))
        result = known[index]
        if above is None or above is result or above.verdict is not Verdict.VACUOUS:
            return result
        return vacuous(result, above)

    for index, result in results:
        known[index] = result
        while at < len(tasks) and ready(at):
            if tasks[at].listed:
                yield tasks[at], entry(at)
            at += 1
    for index in range(at, len(tasks)):
        if index in known and tasks[index].listed:
            yield tasks[index], entry(index)


def vacuous(result: Result, requires: Result) -> Result:
    """A result of an item whose preconditions cannot be met: it says nothing of any run."""
    detail = (f"nothing meets the preconditions: see {requires.id}",)
    return replace(result, verdict=Verdict.VACUOUS, reason=None, used=(), counterexample=None, detail=detail)


def grouped(entries: Iterable[tuple[Task, Result]], tasks: Sequence[Task]) -> Iterator[tuple[Result, ...]]:
    """The results of one obligation together, as soon as all of them are there. `tasks`: the listed ones."""
    expected: dict[str, int] = {}
    for task in tasks:
        expected[task.obligation.id] = expected.get(task.obligation.id, 0) + 1
    group: list[Result] = []
    for task, result in entries:
        if group and group[0].id != task.obligation.id:
            yield tuple(group)
            group = []
        group.append(result)
        if len(group) == expected[task.obligation.id]:
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)
