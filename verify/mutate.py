"""Mutants of procedures, and which of them the proofs kill.

Proofs are modular: a mutant is judged by the obligations of its own procedure. It is killed iff one of them is refuted,
by a run of the mutant that was executed. That a proof is not found any more kills nothing: it may be there all the
same. What is not killed may be the procedure once more in other words: if so, that is proved.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection

from verify import core
from verify.classes import InputClass
from verify.confirm import Confirmed
from verify.contract import obligations_of
from verify.killing import FEW, Bite, Caller, Hunt, Kill, required_of, telling_scopes
from verify.matrix import told
from verify.mutants import Dropped, Mutant, acting, mutants, procedures
from verify.passive import Kind
from verify.run import FUEL
from verify.schedule import Done, each
from verify.scopes import Scope, Scopes
from verify.situations import situations
from verify.solve import discharge, together
from verify.span import Source
from verify.unchanged import Unchanged, alike
from verify.vectors import Case, Covered, Vectors
from verify.verdict import Shown, Verdict

BRIEF = 0.03
"""The share of an obligation's time for which a run is looked for at first, on each geometry, and for each purpose."""

LONGER, LONGEST = 0.15, 0.4
"""The same later, and last."""

ROUND = 1.0
"""How many times an obligation's time the first round may take for a procedure. What is left by then is for later."""

PROVING = 3.0
"""How many times an obligation's time may be spent on a mutant's obligations."""

FAR = 10
"""How many times as far as others a run may go that begins where a dropped precondition is broken: these are few."""

WHOLE = 20.0
"""How many times an obligation's time a mutant may take in all, and a procedure in each other round."""


class Fate(Enum):
    """What becomes of a mutant. SURVIVED: everything is proved of it that is proved of the procedure, and it is not
    proved equal. UNKNOWN is none of the others."""

    KILLED = "killed"
    EQUIVALENT = "equivalent"
    SURVIVED = "survived"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """What has become of a mutant.

    A precondition that its procedure could do without is KILLED if a mutant of a caller breaks it, and nothing else:
    `by` is the caller's id then, and `detail` names that mutant. If none is found, it is EQUIVALENT if everything
    is proved without it, and that each call keeps it: then no run is another.

    `by`: the id of what a run of it broke, iff it is KILLED; `promised` is false if that is a step of the proof alone,
    an invariant of a loop or a precondition of a lemma. `geometry` and `inputs`: where and with what the run begins.
    `used`: what the proof uses that it is EQUIVALENT, or the ids of the calls. `detail`: why it is UNKNOWN.
    """

    mutant: Mutant
    fate: Fate
    by: str = ""
    promised: bool = False
    geometry: str = ""
    inputs: tuple[Shown, ...] = ()
    used: tuple[str, ...] = ()
    detail: str = ""


def killed(mutant: Mutant, kill: Kill) -> Judged:
    return Judged(mutant, Fate.KILLED, kill.id, kill.promised, kill.geometry, kill.inputs)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the first round came to: the mutants that it has killed, and entries to try on the others."""

    kills: tuple[tuple[Mutant, Kill], ...]
    pool: tuple[Confirmed, ...]


@dataclass(frozen=True, slots=True)
class FirstRound:
    """What a worker does for a procedure, by name: mutant by mutant, entries that are known and a brief search.

    What is known first are the procedure's test vectors, and an entry for each situation that `classes` name.
    """

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float
    classes: tuple[InputClass, ...]

    def __call__(self, name: str) -> Looked:
        routine = self.program.routines()[name]
        every = telling_scopes(self.program, routine)
        scopes = every[:FEW]
        pool = list(self.entries(name, every))
        deadline = time.monotonic() + ROUND * self.timeout
        kills: list[tuple[Mutant, Kill]] = []
        hunts = {m: Hunt.of(self.program, m) for m in mutants(self.program, routine, self.sources)}
        for seconds in (0.0, BRIEF * self.timeout):
            for mutant, hunt in tuple(hunts.items()):
                if seconds and time.monotonic() > deadline:
                    break
                promised = hunt.claims.promised
                found = hunt.again(pool, promised) or (hunt.search(scopes, seconds, promised) if seconds else None)
                if found is not None:
                    del hunts[mutant]
                    kills.append((mutant, found))
                    pool = [found.entry, *(e for e in pool if e != found.entry)]  # what killed last is tried first
        return Looked(tuple(kills), tuple(pool))

    def entries(self, name: str, scopes: Sequence[Scope]) -> Iterator[Confirmed]:
        """Entries from which the procedure goes each way that is soon found: its vectors on the first of these
        geometries, and its situations."""
        vectors = Vectors(self.program, BRIEF * self.timeout)
        for scope in scopes[:FEW]:
            found = vectors(Case(name, scope.name))
            if isinstance(found, Covered):
                yield from (Confirmed(v.context, v.inputs) for v in found.vectors)
        routine = self.program.routines()[name]
        yield from situations(self.program, routine, self.classes, scopes, BRIEF * self.timeout)


@dataclass(frozen=True, slots=True)
class SecondRound:
    """What a worker does for a mutant that is left. `pools`: by procedure, entries that have killed others. A dropped
    precondition is met by all of these: for it there are entries in the same situations that do not."""

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float
    classes: tuple[InputClass, ...]
    pools: Mapping[str, tuple[Confirmed, ...]]

    def __call__(self, mutant: Mutant) -> Judged:
        scopes = telling_scopes(self.program, self.program.routines()[mutant.routine])
        unchanged = Unchanged(self.program, self.sources, self.timeout / 3)
        hunt = Hunt.of(self.program, mutant)
        promised, every = hunt.claims.promised, hunt.claims.every
        pool = self.pools.get(mutant.routine, ())
        found = hunt.again(pool, promised)
        if found is None and isinstance(mutant.change, Dropped):
            seconds, unmet = BRIEF * self.timeout, mutant.change.clause.expr
            broken = situations(hunt.program, hunt.routine, self.classes, scopes, seconds, unmet)
            found = hunt.again(broken, promised, FAR * FUEL)
        used = unchanged.in_place(mutant) if found is None else None
        if found is None and used is None:
            found = hunt.search(scopes[:FEW], LONGER * self.timeout, promised)
        if found is not None:
            return killed(mutant, found)
        if used is None:
            used = unchanged.at_the_end(mutant)
        if used is not None:
            return Judged(mutant, Fate.EQUIVALENT, used=used)
        found = hunt.again(pool, every)
        if found is not None:
            return killed(mutant, found)
        judged = self.proved(mutant, hunt)
        if judged.fate is not Fate.UNKNOWN:
            return judged
        longest = LONGEST * self.timeout
        found = hunt.search(scopes, longest, promised) or hunt.search(scopes[:FEW], longest, every)
        return judged if found is None else killed(mutant, found)

    def proved(self, mutant: Mutant, hunt: Hunt) -> Judged:
        """Whether all is proved of a mutant: each obligation that is not, word for word, one of the procedure's."""
        before = {o.id: o for o in obligations_of(self.program, self.program.routines()[mutant.routine])}
        deadline = time.monotonic() + PROVING * self.timeout
        scopes, unknown = Scopes(hunt.program, None), ""
        for obligation in obligations_of(hunt.program, hunt.routine):
            known = before.get(obligation.id)
            if obligation.kind is Kind.REQUIRES or (known is not None and alike(known, obligation)):
                continue
            where = scopes.of(obligation)
            if together(hunt.program, obligation, where, self.timeout) is not None:
                continue
            for scope in where:
                left = min(self.timeout, deadline - time.monotonic())
                if left <= 0:
                    return Judged(mutant, Fate.UNKNOWN, detail=unknown or f"{obligation.id} was not asked in time")
                result = discharge(hunt.program, obligation, scope, self.sources, left)
                if result.verdict is Verdict.REFUTED and result.counterexample is not None and not result.defect:
                    promised = obligation.id in hunt.claims.promised
                    inputs = result.counterexample.inputs
                    return Judged(mutant, Fate.KILLED, obligation.id, promised, result.geometry, inputs)
                if result.verdict is not Verdict.PROVED or result.defect:
                    unknown = (
                        unknown or f"{obligation.id}: {result.detail[0] if result.detail else result.verdict.value}"
                    )
        return Judged(mutant, Fate.UNKNOWN, detail=unknown) if unknown else Judged(mutant, Fate.SURVIVED)


@dataclass(frozen=True, slots=True)
class ThirdRound:
    """What a worker does for a caller, by name: preconditions of callees that these could do without themselves.

    Such a precondition is there for the callers to keep. It is not idle if a mutant of a caller breaks it and nothing
    else: without it, that one would pass. `spared`: procedures, by name, and labels of their preconditions.
    """

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float
    pools: Mapping[str, tuple[Confirmed, ...]]
    spared: frozenset[tuple[str, str]]

    def wanted(self, caller: core.Routine) -> dict[str, tuple[str, str]]:
        return {i: what for i, what in required_of(self.program, caller).items() if what in self.spared}

    def __call__(self, name: str) -> tuple[Bite, ...]:
        routine, deadline = self.program.routines()[name], time.monotonic() + ROUND * self.timeout
        pool, seconds = self.pools.get(name, ()), BRIEF * self.timeout
        caller = Caller(self.program, routine, self.wanted(routine), pool, seconds, deadline)
        return tuple(caller.bites(mutants(self.program, routine, self.sources)))


@dataclass(frozen=True, slots=True)
class FourthRound:
    """What a worker does for a precondition that nothing needs so far, by procedure and label: is it kept wherever the
    procedure is called? Then, without it, no run is another."""

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float

    def __call__(self, what: tuple[str, str]) -> tuple[str, ...] | None:
        return Unchanged(self.program, self.sources, self.timeout).kept(*what)


def judge(
    program: core.Program,
    names: Sequence[str],
    sources: Mapping[str, Source],
    classes: tuple[InputClass, ...],
    timeout: float,
    jobs: int,
    stop: Connection,
) -> Generator[Judged, None, None]:
    """What becomes of each mutant of these procedures, by qualified name, as it is found out.

    `classes` are situations of theirs to begin in. `timeout` is for one obligation, in seconds; the rest follows from
    it.
    """
    pools: dict[str, tuple[Confirmed, ...]] = {}
    left = {m.id: m for n in names for m in mutants(program, program.routines()[n], sources)}
    first = FirstRound(program, sources, timeout, classes)
    for index, looked in each(first, names, jobs, WHOLE * timeout, stop):
        if isinstance(looked, Done):
            pools[names[index]] = looked.value.pool
            for mutant, kill in looked.value.kills:
                del left[mutant.id]
                yield killed(mutant, kill)
    waiting = tuple(left.values())
    work = SecondRound(program, sources, timeout, classes, pools)
    spared: dict[tuple[str, str], Judged] = {}
    for index, outcome in each(work, waiting, jobs, WHOLE * timeout, stop):
        match outcome:
            case Done(value=judged):
                what = judged.mutant.change
                if isinstance(what, Dropped) and judged.fate in (Fate.SURVIVED, Fate.UNKNOWN):
                    spared[judged.mutant.routine, what.clause.label] = judged
                else:
                    yield judged
            case _:
                yield Judged(waiting[index], Fate.UNKNOWN, detail=told(outcome))
    third = ThirdRound(program, sources, timeout, pools, frozenset(spared))
    callers = tuple(r.qualified for r in (*procedures(program, ()), *acting(program)) if third.wanted(r))
    for _, looked_at in each(third, callers, jobs, WHOLE * timeout, stop):
        for bite in looked_at.value if isinstance(looked_at, Done) else ():
            if (bite.callee, bite.label) in spared:
                mutant = spared.pop((bite.callee, bite.label)).mutant
                yield replace(killed(mutant, bite.kill), detail=f"{bite.mutant.id} breaks it, and nothing else")
    idle = tuple(what for what, judged in spared.items() if judged.fate is Fate.SURVIVED)
    for index, kept in each(FourthRound(program, sources, timeout), idle, jobs, WHOLE * timeout, stop):
        if isinstance(kept, Done) and kept.value is not None:
            mutant = spared.pop(idle[index]).mutant
            yield Judged(
                mutant, Fate.EQUIVALENT, used=kept.value, detail="its body does without, and each call keeps it"
            )
    yield from spared.values()
