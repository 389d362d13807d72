"""What other solvers say to the scripts that verdicts rest on, and what becomes of the verdicts by that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from verify.schedule import Died, Done, Late, Outcome, Raised, each
from verify.verdict import Answer, Opinion, Reason, Result, Script, Verdict

GRACE = 2.0
"""Seconds beyond its time after which a solver's process is killed."""

Solver = Callable[[Path, float], Opinion]
"""What a solver says to the script in a file, within so many seconds."""


@dataclass(frozen=True, slots=True)
class Call:
    """That a solver is to be asked about a script, by the name of its file."""

    solver: str
    script: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker does: it asks about a script below `folder`."""

    solvers: Mapping[str, Solver]
    folder: Path
    seconds: float

    def __call__(self, call: Call) -> Opinion:
        return self.solvers[call.solver](self.folder / call.script, self.seconds)


def calls(results: Sequence[Result], solvers: Sequence[str]) -> tuple[Call, ...]:
    """Each solver about each script once, though verdicts share some."""
    scripts = dict.fromkeys(r.script.name for r in results if r.script is not None)
    return tuple(Call(solver, script) for script in scripts for solver in solvers)


def heard(asked: Sequence[Call], ask: Ask, jobs: int, stop: Connection) -> Iterator[tuple[Call, Opinion]]:
    """What each call came to, as they finish. It ends early after an interrupt."""
    with closing(each(ask, asked, jobs, ask.seconds + GRACE, stop)) as outcomes:
        for number, outcome in outcomes:
            yield asked[number], _opinion(asked[number].solver, outcome)


def weighed(
    results: Sequence[Result], solvers: Sequence[str], said: Mapping[Call, Opinion], z3_counts: bool
) -> tuple[Result, ...]:
    """The results with what the solvers said of them. A verdict that one of them contradicts is none any more. If z3's
    word does not count, so is one that rests on a solver's no which not all of them say."""
    found = []
    for result in results:
        with_all = replace(result, opinions=tuple(_of(result.script, solver, said) for solver in solvers))
        checked = _agreed(with_all)
        found.append(checked if z3_counts or checked is not with_all else _without_z3(with_all))
    return tuple(found)


def _agreed(result: Result) -> Result:
    """The same result, unless a solver contradicts it."""
    script = result.script
    against = [o for o in result.opinions if script is not None and o.answer not in (script.expected, Answer.UNKNOWN)]
    if script is None or not against:
        return result
    expected = script.expected.value
    what = tuple(f"{o.solver} says {o.answer.value} to {script.name}, where it is {expected}" for o in against)
    verdict = f"without that the verdict is {result.verdict.value}; --export writes the script"
    return replace(result, verdict=Verdict.UNKNOWN, reason=Reason.DISAGREEMENT, detail=(*what, verdict), used=())


def _without_z3(result: Result) -> Result:
    """A verdict that rests on values stays: they were executed, no solver's word is needed for it."""
    if result.verdict is Verdict.UNKNOWN or result.counterexample is not None:
        return result
    if result.script is not None and result.script.expected is Answer.SAT:
        return result
    silent = tuple(f"{o.solver}: {o.reason}" for o in result.opinions if o.answer is Answer.UNKNOWN)
    if not silent:
        return replace(result, solver=", ".join(o.solver for o in result.opinions))
    return replace(result, verdict=Verdict.UNKNOWN, reason=Reason.SOLVER, used=(), detail=silent)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a solver said to all verdicts: with how many it agrees, how many it contradicts, and to how many it gives no
    answer, by reason, the most frequent first."""

    solver: str
    agree: int
    contradict: int
    silent: Mapping[str, int]


def tallies(results: Sequence[Result]) -> tuple[Tally, ...]:
    """One for each other solver that was asked for."""
    found = []
    for solver in dict.fromkeys(o.solver for r in results for o in r.opinions):
        said = [(r.script, o) for r in results for o in r.opinions if o.solver == solver]
        silent = Counter(o.reason for _, o in said if o.answer is Answer.UNKNOWN)
        agree = sum(script is not None and o.answer is script.expected for script, o in said)
        found.append(Tally(solver, agree, len(said) - agree - silent.total(), dict(silent.most_common())))
    return tuple(found)


def _of(script: Script | None, solver: str, said: Mapping[Call, Opinion]) -> Opinion:
    if script is None:
        return _unknown(solver, "no script: the verdict rests on a run that was executed, or there is none")
    return said.get(Call(solver, script.name)) or _unknown(solver, "it was not asked: the run was interrupted")


def _opinion(solver: str, outcome: Outcome[Opinion]) -> Opinion:
    match outcome:
        case Done(value=opinion):
            return opinion
        case Late(seconds=spent):
            return _unknown(solver, "it does not keep to its time", f"ended after {spent:.1f} s")
        case Died(what=what):
            return _unknown(solver, "its process did not survive, twice", what)
        case Raised(what=what):
            return _unknown(solver, "it cannot be asked", what)


def _unknown(solver: str, why: str, said: str = "") -> Opinion:
    return Opinion(solver, Answer.UNKNOWN, why, said)
