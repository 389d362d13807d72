"""Test vectors: of each procedure an input for each of its goals, found by the solver and executed; see `goals`.

A goal is asked for as an assert that no run reaches it. What breaks the assert is an input; a proof of it says that the
preconditions do not allow the goal; and if neither is found it is unknown.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from multiprocessing.connection import Connection

from verify import core
from verify.contract import obligations_of
from verify.goals import Goal, asking
from verify.matrix import as_claim, not_a_geometry, told, unprovable
from verify.pairs import BOTH, ID, MODULE, pair
from verify.passive import Obligation
from verify.plan import matches
from verify.prove import Encodings, Proof, at_once, prove
from verify.question import ask, quantified
from verify.reached import NoVector, Runner, Vector, runner
from verify.run import find_run, find_small_run
from verify.schedule import Done, each
from verify.scopes import Scope, Scopes, named
from verify.search import FAMILIAR, different
from verify.seen import geometries, whole
from verify.sites import statements
from verify.stated import stated
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.turning import turning
from verify.words import AbstractIntegers, BitVectors

ANY = "any"
"""What stands for a geometry where none was asked for: each vector has its own."""

GOALS = 10
"""So many goals of a procedure may take all of their time; what is left then is unknown."""

TURNED = "turned"
"""What stands after the name of a body that decides a condition the other way. No procedure can be called so."""

QUICK, PROOF = 0.1, 0.4
"""The shares of a goal's time that a first search gets on each geometry, and a proof."""


class Why(Enum):
    """Why there is no vector for a goal."""

    IMPOSSIBLE = "impossible"  # proved: the preconditions do not allow it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Missed:
    """A goal without a vector. `detail`: of one that is unknown, why."""

    goal: str
    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Covered:
    """A procedure on a geometry, by name, or ANY. Each of its goals is one of a vector, or among `missed`."""

    routine: str
    geometry: str
    vectors: tuple[Vector, ...]
    missed: tuple[Missed, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A procedure, by qualified name, and a geometry that it sees (None: any)."""

    routine: str
    geometry: str | None


def routines(program: core.Program, only: Sequence[str]) -> tuple[core.Routine, ...]:
    """The procedures with a body of the modules asked for whose name matches a pattern (none: all), by module."""
    items = (item for module in program.modules if module.root for item in module.items)
    kinds = (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE)
    found = tuple(i for i in items if isinstance(i, core.Routine) and i.kind in kinds and i.body is not None)
    if not only:
        return found
    return tuple(r for r in found if any(matches(n, only) for n in (r.name, r.qualified)))


def cases(program: core.Program, chosen: Sequence[core.Routine], names: Sequence[str]) -> tuple[Case, ...]:
    """The procedures on the geometries of these names that each is about, and that have values for all its params; with
    no name, on any."""
    if not names:
        return tuple(Case(r.qualified, None) for r in chosen)
    return tuple(Case(r.qualified, s.shown) for r in chosen for n in names for s in scopes(program, r) if s.shown == n)


def scopes(program: core.Program, routine: core.Routine) -> tuple[Scope, ...]:
    """The named geometries that a procedure is about. What one goes wrong on is no bound to where it can be run."""
    items = program.visible_items(routine.module)
    known = [g for g in geometries(program, routine.module).values() if whole(g, items)]
    on = routine.on if routine.kind is RoutineKind.PROCEDURE else None
    return tuple(named(g) for g in known if on is None or g.name in on)


def find_all(
    program: core.Program, asked: Sequence[Case], timeout: float, jobs: int, grace: float, stop: Connection
) -> Generator[tuple[Case, Covered | NoVector], None, None]:
    """Each case with what was found, as they are decided, in `jobs` processes. `timeout`: seconds for a goal, about."""
    limit = timeout * (GOALS + 2) + grace
    for index, outcome in each(Vectors(program, timeout), asked, jobs, limit, stop):
        match outcome:
            case Done(value=found):
                yield asked[index], found
            case _:
                yield asked[index], NoVector(told(outcome))


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a worker does for a case."""

    program: core.Program
    timeout: float

    def __call__(self, case: Case) -> Covered | NoVector:
        routine = self.program.routines()[case.routine]
        program, claim = as_claim(self.program, case.routine)
        made = runner(program, claim)
        if isinstance(made, NoVector):
            return made
        asked = [s for s in scopes(self.program, routine) if case.geometry in (None, s.shown)]
        broken = {s.shown: not_a_geometry(program, claim.module, s) for s in asked}
        known = [s for s in asked if broken[s.shown] is None]
        general = case.geometry is None and (routine.on is None or routine.kind is not RoutineKind.PROCEDURE)
        if not known and not general:
            return NoVector(next(iter(broken.values()), None) or "it is about no geometry with values for all params")
        chosen = different(known, FAMILIAR) if case.geometry is None else tuple(known)
        # What is claimed of a `refute procedure` is false, so a proof that leans on it says nothing of its runs.
        sure = routine.kind is RoutineKind.PROCEDURE and unprovable(program, claim) is None
        return _Search(made, chosen, general, sure, self.timeout).covered(case.geometry or ANY)


def find(made: Runner, goal: Goal, scope: Scope, seconds: float) -> Vector | NoVector:
    """An input that reaches a goal on a geometry, or on every one of a word size, as small as it gets."""
    forget()
    routine, ids = asking(made.program, made.routine, goal)
    program = made.program.replacing(routine)
    run = find_small_run(program, routine, scope, ids, seconds / 2) if scope.name is not None else None
    if run is None:
        forget()
        runs = find_run(program, routine, scope, frozenset(ids), seconds, None)
        if runs.violation is None:
            return NoVector(runs.bound)
        run = runs.violation
    found = made.vector(scope.name, run.context, run.inputs)
    if isinstance(found, NoVector):
        return found
    if goal.id not in found.goals:
        return NoVector("a defect: the run does not reach it")
    return made.least(found, lambda v: goal.id in v.goals)


def find_telling(made: Runner, goal: Goal, other: core.Routine, scope: Scope, seconds: float) -> Vector | None:
    """A vector that reaches a goal about a condition on a geometry, and on which `other`, which decides it the other
    way there, comes to something else; if one is soon found."""
    forget()
    twin, module = replace(other, name=f"{other.name} {TURNED}"), made.program.module(other.module)
    wider = replace(module, items=(*module.items, twin))
    modules = tuple(wider if m.name == module.name else m for m in made.program.modules)
    program, _ = pair(core.Program(modules), other.qualified, twin.qualified)
    both = program.routines()[f"{MODULE}.{BOTH}"]
    run = find_small_run(program, both, scope, (ID,), seconds)
    found = None if run is None else made.vector(scope.name, run.context, run.inputs)

    def wanted(vector: Vector) -> bool:
        return goal.id in vector.goals and made.differs(vector, other)

    return made.least(found, wanted) if isinstance(found, Vector) and wanted(found) else None


@dataclass(slots=True)
class _Search:
    """The search for the goals of one procedure. `general`: on every geometry, those of `scopes` only the first to be
    tried. `sure`: proofs of its obligations speak of its runs."""

    made: Runner
    scopes: tuple[Scope, ...]
    general: bool
    sure: bool
    timeout: float
    others: dict[str, core.Routine | None] = field(default_factory=dict)

    def covered(self, geometry: str) -> Covered:
        deadline = time.monotonic() + GOALS * self.timeout
        vectors: list[Vector] = []
        missed: list[Missed] = []
        reached: set[str] = set()
        for goal in self.made.goals.goals:
            if goal.id in reached:
                continue
            if time.monotonic() > deadline:
                missed.append(Missed(goal.id, Why.UNKNOWN, "the time for the procedure was over"))
                continue
            found = self.one(goal)
            if isinstance(found, Missed):
                missed.append(found)
            else:
                vectors.append(found)
                reached.update(found.goals)
        vectors += self.telling(vectors)
        left = tuple(m for m in missed if m.goal not in reached)  # a later vector may do by chance
        told = tuple(replace(v, tells=tuple(g for g in v.goals if self.tells(v, g))) for v in vectors)
        return Covered(self.made.routine.qualified, geometry, told, left)

    def telling(self, vectors: Sequence[Vector]) -> list[Vector]:
        """More vectors, for the goals about conditions that are reached and make no difference to any vector yet.

        Where others act nothing is looked for: what they do meanwhile would take long.
        """
        found: list[Vector] = []
        if any(not s.written for s in statements(self.made.routine.body or ()) if isinstance(s, core.Call)):
            return found
        for goal in self.made.goals.goals:
            other = self.other(goal.id)
            there = [v for v in (*vectors, *found) if goal.id in v.goals]
            if other is None or not there or any(self.tells(v, goal.id) for v in there):
                continue
            for scope in (s for s in self.scopes if s.name == there[0].geometry):
                more = find_telling(self.made, goal, other, scope, self.timeout * QUICK)
                found += [more] if more is not None else []
        return found

    def tells(self, vector: Vector, goal: str) -> bool:
        """True iff it makes a difference on which side the goal lies."""
        other = self.other(goal)
        return other is not None and self.made.differs(vector, other)

    def other(self, goal: str) -> core.Routine | None:
        """The body that decides the other way where the goal is reached."""
        if goal not in self.others:
            found = next(g for g in self.made.goals.goals if g.id == goal)
            self.others[goal] = turning(self.made.program, self.made.routine, found)
        return self.others[goal]

    def one(self, goal: Goal) -> Vector | Missed:
        """A vector for a goal, or why there is none."""
        routine, ids = asking(self.made.program, self.made.routine, goal)
        program = self.made.program.replacing(routine)
        obligations = tuple(o for o in obligations_of(program, routine) if o.id in ids)
        sure = self.sure and {o.id for o in obligations} == set(ids)
        general = Scopes(program, None)
        asked = tuple((o, s) for o in obligations for s in (general.of(o) if self.general else self.scopes))
        if sure and all(self.soon(program, o, s) for o, s in asked):
            return Missed(goal.id, Why.IMPOSSIBLE)
        why = ""
        everywhere = general.of(obligations[0]) if self.general else ()
        for scope in (*self.scopes, *everywhere):
            found = find(self.made, goal, scope, self.timeout * QUICK)
            if isinstance(found, Vector):
                return found
            why = found.why
        if sure and all(self.proved(program, o, s) for o, s in asked):
            return Missed(goal.id, Why.IMPOSSIBLE)
        for scope in (*self.scopes, *everywhere)[:1]:
            found = find(self.made, goal, scope, self.timeout * (1 - PROOF))
            if isinstance(found, Vector):
                return found
            why = found.why
        return Missed(goal.id, Why.UNKNOWN, why)

    def soon(self, program: core.Program, obligation: Obligation, scope: Scope) -> bool:
        """True iff it is proved with little effort."""
        forget()
        question = ask(program, obligation, scope)
        if stated(question) is not None:
            return True
        encodings, bits = Encodings(program, question), scope.word_bits
        return any(at_once(encodings, words) is not None for words in (AbstractIntegers(bits), BitVectors(bits)))

    def proved(self, program: core.Program, obligation: Obligation, scope: Scope) -> bool:
        """True iff it is proved."""
        forget()
        question = ask(program, obligation, scope)
        found = prove(Encodings(program, question), self.timeout * PROOF, quantified(program, question))
        return isinstance(found, Proof)
