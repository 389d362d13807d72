"""What became of an obligation, as plain data: what the workers send, the report writes and a person is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from verify.passive import Kind
from verify.span import Span
from verify.values import Json


class Verdict(Enum):
    """UNKNOWN is never folded into another."""

    PROVED = "proved"
    REFUTED = "refuted"
    COVERED = "covered"
    UNCOVERED = "uncovered"
    VACUOUS = "vacuous"
    UNKNOWN = "unknown"


class Reason(Enum):
    """Why a verdict is UNKNOWN."""

    TIMEOUT = "timeout"
    MEMORY = "memory"
    SOLVER = "solver"
    BOUND = "bound"
    TOO_WEAK = "too weak"
    NOT_EXECUTABLE = "not executable"
    DISAGREEMENT = "disagreement"
    UNSTABLE = "unstable"


class Answer(Enum):
    """What a solver says of terms taken together."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Script:
    """A file in SMT-LIB that a verdict rests on, and what a solver is to say to it: SAT or UNSAT."""

    name: str
    expected: Answer


@dataclass(frozen=True, slots=True)
class Opinion:
    """What another solver says to the script; if UNKNOWN, with the reason, and what else it said."""

    solver: str
    answer: Answer
    reason: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of an obligation with one seed of the solver's choices; `seconds` is wall-clock time."""

    verdict: Verdict
    reason: Reason | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Shown:
    """One value in a counterexample: its name, the value as a person reads it and as JSON holds it.

    `line` and `text`: where in the source it was given the value, and by which expression; 0 and "" for an input.
    """

    name: str
    value: str
    json: Json
    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A state, or one entry of it, that is not what it was: `table[0x1000]`."""

    name: str
    before: str
    after: str

    def as_json(self) -> Mapping[str, object]:
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a run: a call that the body makes, or all of the run.

    `line` and `text`: the call, 0 and "" for the whole. `results`: what it returned. `finished`: it came to its end.
    """

    line: int
    text: str
    results: tuple[Shown, ...]
    changes: tuple[Changed, ...]
    finished: bool


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does in a run in which others act: a step of theirs, and what it changes.

    `actor` is the routine that is run, or the procedure that one of the others takes its step by. `line`: where it
    stands.
    """

    actor: str
    text: str
    line: int
    changes: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Values that have been executed and do what is said of them: a counterexample, or a witness.

    `geometry` are WORD_BITS and the params; `inputs` parameters, states and bound variables as on entry; `trace` the
    values that were computed on the way, in order. `is_run` is false for a step that need not be reachable from the
    entry. `stages`: of a run that calls procedures or changes states, each call that the body itself makes, and last
    the whole. `schedule`: of a run of `routine` in which others act, all that is done, in order.
    """

    geometry: tuple[Shown, ...]
    inputs: tuple[Shown, ...]
    trace: tuple[Shown, ...]
    is_run: bool
    stages: tuple[Stage, ...] = ()
    schedule: tuple[Act, ...] = ()
    routine: str = ""

    def as_json(self) -> Mapping[str, object]:
        """The form that the report has."""
        found: dict[str, object] = {
            "geometry": {s.name: s.json for s in self.geometry},
            "inputs": {s.name: s.json for s in self.inputs},
            "trace": [{"name": s.name, "value": s.json, "line": s.line, "text": s.text} for s in self.trace],
        }
        if self.stages:
            found["stages"] = [
                {
                    "line": stage.line,
                    "text": stage.text,
                    "finished": stage.finished,
                    "results": {r.name: r.json for r in stage.results},
                    "changes": [c.as_json() for c in stage.changes],
                }
                for stage in self.stages
            ]
        if self.schedule:
            found["schedule"] = [
                {"actor": a.actor, "text": a.text, "line": a.line, "changes": [c.as_json() for c in a.changes]}
                for a in self.schedule
            ]
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one obligation at one scope.

    `geometry` is a name or "every". `reason` is there iff the verdict is UNKNOWN. `used` names clauses that suffice for
    the proof, none of which can be left out with the proof still found: what exactly that means, `prove.Proof` says, of
    a `solver` "verbatim" `stated`. Of what calls, loops and asserts say it names the clause, which has a proof of its
    own; a named geometry has all its assumptions. `detail`: sentences for a person (what was too weak, which bound was
    searched). `defect`: the tool contradicts itself here; that is exit status 70. `seconds` is wall-clock time in the
    worker. `function`: which one it is about, and where that is, of kind `implementation`. `script`: where one was
    written. `opinions`: of each other solver that was asked for. `trials`: with each seed, if there were several.
    `enough` is false if the proof was to be found again from `used` alone, and was not.
    """

    id: str
    kind: Kind
    geometry: str
    word_bits: int
    expected: str
    verdict: Verdict
    reason: Reason | None
    location: Span
    seconds: float
    solver: str
    used: tuple[str, ...]
    claims: tuple[str, ...]
    counterexample: Counterexample | None
    detail: tuple[str, ...]
    defect: bool = False
    function: str = ""
    script: Script | None = None
    opinions: tuple[Opinion, ...] = ()
    trials: tuple[Trial, ...] = ()
    enough: bool = True

    @property
    def ok(self) -> bool:
        """True iff the verdict is the one that the specification calls for."""
        return self.verdict.value == self.expected and not self.defect
