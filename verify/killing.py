"""Runs that kill mutants: of a mutant, from an entry that it allows, to something of its contract or proof that breaks.

What has killed one mutant is tried on the next before anything is searched for. Each run has been executed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.confirm import Confirmed
from verify.contract import obligations_of
from verify.core import Symbol
from verify.execute import Finished
from verify.ghost import own_steps
from verify.matrix import executed
from verify.mutants import Dropped, Edit, Mutant, applied
from verify.passive import Kind, Obligation
from verify.present import telling_inputs
from verify.question import params_in
from verify.rename import negation
from verify.run import FUEL, Violation, find_run, may_start, replay
from verify.scopes import WIDTHS, Scope, Scopes
from verify.sites import statements
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.unroll import Pick
from verify.values import other_value
from verify.vectors import scopes
from verify.verdict import Shown

FEW, MOST = 2, 8
"""On so many geometries a run is looked for first, and later."""


@dataclass(frozen=True, slots=True)
class Kill:
    """What a run of a mutant broke. `promised`: the contract, or what the body asserts, and not only a step of the
    proof. `geometry` is the name of one, or "every" for one that has none. `entry`: where the run begins."""

    id: str
    promised: bool
    geometry: str
    inputs: tuple[Shown, ...]
    entry: Confirmed


@dataclass(frozen=True, slots=True)
class Claims:
    """The ids of what a mutant must keep: all of them, and those that are promised."""

    every: frozenset[str]
    promised: frozenset[str]

    @classmethod
    def of(cls, program: core.Program, routine: core.Routine, obligations: Sequence[Obligation]) -> Claims:
        every = {o.id for o in obligations if o.kind is not Kind.REQUIRES}
        # A run that comes back to where it was breaks no claim of one place, but never ends.
        loops = [s for s in statements(routine.body or ()) if isinstance(s, core.Loop)]
        every |= {f"{routine.qualified}.loop[{loop.number}]" for loop in loops}
        steps = own_steps(program, routine)
        return cls(frozenset(every), frozenset(i for i in every if not i.startswith(steps)))


def _given(statement: core.Stmt) -> tuple[Symbol, ...]:
    """The variables that a statement gives a value."""
    match statement:
        case core.Assign(target=target):
            return (target,)
        case core.Call(targets=targets):
            return targets
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Hunt:
    """A search for runs of one mutant. `program` has the mutant in the procedure's place.

    `sought`: the mutant as far as its runs are another's. Where a precondition was dropped, it is not met.
    `picks`: where any value stands in a statement's place, or is left where a statement that gave one was dropped.
    """

    program: core.Program
    routine: core.Routine
    claims: Claims
    sought: core.Routine
    picks: tuple[Pick, ...]

    @classmethod
    def of(cls, program: core.Program, mutant: Mutant) -> Hunt:
        routine = applied(program, mutant)
        changed = program.replacing(routine)
        claims = Claims.of(changed, routine, obligations_of(changed, routine))
        match mutant.change:
            case Dropped(clause=clause):
                broken = replace(clause, expr=negation(clause.expr))
                return cls(changed, routine, claims, replace(routine, requires=(*routine.requires, broken)), ())
            case Edit(before=before, after=after):
                unset = () if after else _given(before)  # what it has from its declaration stays
                everywhere = statements(routine.body or ())
                left = (s for s in everywhere if isinstance(s, core.Havoc) and (s in after or s.target in unset))
                picks = (Pick(s, replace(s.target, name=f"any value of {s.target}"), ()) for s in left)
                return cls(changed, routine, claims, routine, tuple(picks))

    def again(self, pool: Iterable[Confirmed], ids: Collection[str], fuel: int = FUEL) -> Kill | None:
        """A run from one of these entries, of so many statements at most, that breaks one of the claims.

        Where any value may stand, two are tried.
        """
        for entry in pool:
            if may_start(self.program, entry.context, self.routine, entry.values):
                for picked in self.picked(entry):
                    run = replay(self.program, self.routine, picked, self.picks, lambda id_: id_ in ids, fuel)
                    if isinstance(run, Violation):
                        return self.kill(run)
        return None

    def picked(self, entry: Confirmed) -> Iterator[Confirmed]:
        """The entry, and once more with a value that is not the plainest for each place where any may stand."""
        yield entry
        if self.picks:
            others = {p.symbol: other_value(p.symbol.type, entry.context.word_bits) for p in self.picks}
            yield Confirmed(entry.context, {**entry.values, **others})

    def search(self, scopes: Sequence[Scope], seconds: float, ids: frozenset[str]) -> Kill | None:
        """A run that breaks one of the claims, looked for on each of these geometries for so long."""
        program = self.program.replacing(self.sought)
        for scope in scopes:
            forget()
            found = find_run(program, self.sought, scope, ids, seconds, None).violation
            if found is not None:
                return self.kill(found)
        return None

    def kill(self, run: Violation) -> Kill:
        constants = run.context.constants
        here = next((s.shown for s in self.named() if all(constants.get(p) == v for p, v in s.values.items())), "every")
        entry = Confirmed(run.context, {**run.inputs, **run.binding})
        return Kill(run.id, run.id in self.claims.promised, here, telling_inputs(run), entry)

    def named(self) -> tuple[Scope, ...]:
        return scopes(self.program, self.routine)


def telling_scopes(program: core.Program, routine: core.Routine) -> tuple[Scope, ...]:
    """Of the named geometries one for each way in which runs of the procedure go, and then every one, at each size."""
    params = params_in(program, executed(program, routine))
    found: dict[object, Scope] = {}
    for scope in scopes(program, routine):
        key = (scope.word_bits, tuple((s, v) for s, v in scope.values.items() if s in params))
        found.setdefault(key, scope)
    some = tuple(found.values())[:MOST]
    if routine.on is not None:
        return some
    every = Scopes(program, None)
    entry = obligations_of(program, routine)[0]
    return (*some, *(every.general(entry, width) for width in WIDTHS))


@dataclass(frozen=True, slots=True)
class Bite:
    """A run of a caller's mutant that breaks what the callee requires, and nothing else that the caller promises."""

    callee: str
    label: str
    mutant: Mutant
    kill: Kill


def required_of(program: core.Program, caller: core.Routine) -> dict[str, tuple[str, str]]:
    """What calls of procedures in a body require: the id of each, and the callee with the label of its precondition."""
    routines = program.routines()
    return {
        f"{stmt.place(caller.qualified)}.{clause.label}": (stmt.callee, clause.label)
        for stmt in statements(caller.body or ())
        if isinstance(stmt, core.Call) and routines[stmt.callee].kind is RoutineKind.PROCEDURE
        for clause in routines[stmt.callee].requires
    }


@dataclass(frozen=True, slots=True)
class Caller:
    """A procedure whose mutants are looked at for what callees require of it.

    `wanted`: preconditions of callees, by the ids of the calls that are to keep them. `pool`: entries that are known.
    `seconds`: for how long another one may be looked for, for each mutant, and until which time (monotonic).
    """

    program: core.Program
    routine: core.Routine
    wanted: Mapping[str, tuple[str, str]]
    pool: tuple[Confirmed, ...]
    seconds: float
    deadline: float

    def bites(self, every: Sequence[Mutant]) -> Iterator[Bite]:
        """For each precondition that is wanted, a mutant of the caller that nothing else tells, if one is found.

        A run that breaks such a precondition goes on without it, to the end, and there all that its procedure promises
        must hold: who dropped the precondition would let it pass.
        """
        left = set(self.wanted.values())
        hunts = [(mutant, Hunt.of(self.program, mutant)) for mutant in every]
        for known in (True, False):
            for mutant, hunt in hunts if left else ():
                for entry in self.pool if known else self.found(hunt, left):
                    for one, kill in self.broken(hunt, entry, left):
                        left.discard(one)
                        yield Bite(*one, mutant, kill)

    def found(self, hunt: Hunt, left: Collection[tuple[str, str]]) -> tuple[Confirmed, ...]:
        """An entry from which a mutant breaks a precondition that is left, if one is soon found."""
        seconds = min(self.seconds, self.deadline - time.monotonic())
        ids = frozenset(i for i, required in self.wanted.items() if required in left)
        kill = hunt.search(telling_scopes(self.program, self.routine)[:1], seconds, ids) if seconds > 0 else None
        return () if kill is None else (kill.entry,)

    def broken(
        self, hunt: Hunt, entry: Confirmed, left: Collection[tuple[str, str]]
    ) -> Iterator[tuple[tuple[str, str], Kill]]:
        """The preconditions of those left that a run of a mutant from an entry breaks, and nothing else that counts."""
        if not may_start(hunt.program, entry.context, hunt.routine, entry.values):
            return
        for one in sorted(left):
            ids = frozenset(i for i, required in self.wanted.items() if required == one)
            run = replay(hunt.program, hunt.routine, entry, (), ids.__contains__, FUEL)
            others = hunt.claims.promised - ids
            if isinstance(run, Violation) and isinstance(
                replay(hunt.program, hunt.routine, entry, (), others.__contains__, FUEL), Finished
            ):
                yield one, hunt.kill(run)
