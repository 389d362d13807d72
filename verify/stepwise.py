"""Where a run that breaks something may begin: from a step that does, the values as they were on entry.

A run may need more turns of a loop than a search can lay out. Where the loops have invariants, a step is enough to look
for: a state that meets them, and a turn from there. What it was on entry need not lead there: a run says
whether it does.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.confirm import Confirmed
from verify.contract import obligations_of
from verify.core import BinaryOp, Symbol, SymbolKind
from verify.evaluate import context_for
from verify.execute import StepKind, execute
from verify.passive import Assume, Kind
from verify.prove import Encodings, at_once
from verify.question import Question, ask, quantified
from verify.rename import conjunction, disjunction
from verify.scopes import Scope
from verify.search import Found, search
from verify.sites import statements
from verify.small import sizes_of
from verify.stated import stated
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.validity import equals
from verify.values import Value, some_value
from verify.words import AbstractIntegers

BRIEF = 3_000_000
"""The most effort of the solver for a step, in its own units: less than a second."""

ROUNDS = 2
"""How often a step is looked for that breaks one claim."""

AT_ENTRY, NEAR, FAR, ANYWHERE = 0, 8, 4096, None
"""Distances, in times the greatest size of a geometry: what is near, and how far a long run gets."""

MOST = 200
"""At how many turns of a run one is looked for."""

SHORT_RUN, LONG_RUN = 10_000, 200_000
"""How many statements a run may take that should soon come to a step, and any other."""

_BREAKING = (Kind.ENSURES, Kind.ASSERT, Kind.CALL, Kind.INVARIANT_KEPT, Kind.DECREASES)
"""The claims of which a step is looked for, in this order."""


@dataclass(frozen=True, slots=True)
class Start:
    """Values to begin with, and how many statements the run may take."""

    confirmed: Confirmed
    fuel: int


def as_claim(program: core.Program, routine: core.Routine) -> tuple[core.Program, core.Routine]:
    """The program in which a `refute procedure` claims what its contract says, and that claim."""
    claim = replace(routine, kind=RoutineKind.PROCEDURE, witnesses=())
    return program.replacing(claim), claim


def has_invariants(routine: core.Routine) -> bool:
    """True iff the routine has a loop, and each has invariants and a `decreases`: so that its steps say something."""
    loops = [s for s in statements(routine.body or ()) if isinstance(s, core.Loop)]
    return bool(loops) and all(loop.invariants and loop.decreases is not None for loop in loops)


def starts(
    program: core.Program,
    routine: core.Routine,
    scope: Scope,
    seconds: float,
    ids: Collection[str] | None,
    distances: Sequence[int | None],
) -> Iterator[Start]:
    """Where a run of a `refute procedure` may begin, most likely ones first; the values need not be allowed.

    `ids`: the claims that a step may break, or None for any. `distances`: how far from the entry it is looked for, one
    after the other.

    A step that a claim breaks at need not be one that a run comes to. So a second one is looked for where the run from
    the first has come by.
    """
    deadline = time.monotonic() + seconds
    claims, claim = as_claim(program, routine)
    obligations = [
        o for o in obligations_of(claims, claim) if o.kind in _BREAKING and o.leans and (ids is None or o.id in ids)
    ]
    questions = [ask(claims, o, scope) for o in sorted(obligations, key=lambda o: _BREAKING.index(o.kind))]
    if ids is None:
        questions = [q for q in questions if not self_evident(claims, q)]
    yield from starts_of(claims, claim, questions, scope, deadline, distances)


def starts_of(
    program: core.Program,
    routine: core.Routine,
    questions: Sequence[Question],
    scope: Scope,
    deadline: float,
    distances: Sequence[int | None],
) -> Iterator[Start]:
    """The same for questions about a turn of the routine's first loop, at the head of which symbols have version 1."""
    sizes = sizes_of(context_for(program, scope.values, scope.word_bits, {}))
    for distance in distances:
        fuel = SHORT_RUN if distance in (AT_ENTRY, NEAR) else LONG_RUN
        where = () if distance is ANYWHERE else _near_entry(routine, scope, sizes, distance)
        for question in questions:
            asked = replace(question, steps=(*question.steps, *where))
            for _ in range(ROUNDS):
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                forget()
                found = search(program, asked, left, quantified(program, asked), BRIEF)
                forget()
                if not isinstance(found, Found):
                    break
                yield from (Start(one, fuel) for one in entries(found.confirmed))
                heads = reached(program, routine, found.confirmed, fuel)
                if not heads:
                    break
                asked = replace(question, steps=(*question.steps, _at_one_of(routine, heads)))


def self_evident(program: core.Program, question: Question) -> bool:
    """True iff it is proved at once."""
    if stated(question) is not None:
        return True
    forget()
    return at_once(Encodings(program, question), AbstractIntegers(question.scope.word_bits)) is not None


def entries(step: Confirmed) -> Iterator[Confirmed]:
    """A step's values as they were on entry: with the states as the step found them, and then as they were, too."""
    first = {s: replace(s, version=1) for s in step.values if s.version == 0 and s.kind is SymbolKind.STATE}
    met = {s: step.values[one] for s, one in first.items() if one in step.values}
    if met:
        yield Confirmed(step.context, {**step.values, **met})
    yield step


def reached(
    program: core.Program, routine: core.Routine, start: Confirmed, fuel: int
) -> tuple[Mapping[Symbol, Value], ...]:
    """The parameters that the first loop changes, each time that a run from these values tests its condition."""
    loop = next(s for s in statements(routine.body or ()) if isinstance(s, core.Loop))
    bits = start.context.word_bits
    arguments = {p: start.values.get(p, some_value(p.type, bits)) for p in routine.parameters}
    states = program.states(routine.module)
    run = execute(
        program,
        start.context,
        routine,
        arguments,
        {s: start.values.get(s, some_value(s.type, bits)) for s in states},
        watch=lambda _: False,
        choose=lambda stmt: some_value(stmt.target.type, bits),
        fuel=fuel,
        recorded=10 * fuel,
    )
    now = {p: arguments[p] for p in _moving(routine)}
    found: list[Mapping[Symbol, Value]] = []
    for step in run.trace:
        if step.depth == 0 and step.symbol in now and step.value is not None:
            now[step.symbol] = step.value
        elif step.depth == 0 and step.kind is StepKind.TEST and step.span == loop.condition.span:
            found.append(dict(now))
    return tuple(found)


def _near_entry(routine: core.Routine, scope: Scope, sizes: Sequence[int], times: int) -> tuple[Assume, ...]:
    """That the first loop stands no further from where it is first met than so many times the greatest size."""
    span = routine.span
    most = core.Literal(span, min(times * max(sizes, default=1), (1 << scope.word_bits) - 1), core.WORD)

    def near(p: Symbol) -> core.Expr:
        now, then = core.Var(span, replace(p, version=1)), core.Var(span, p)
        return core.Binary(span, BinaryOp.LE, core.Binary(span, BinaryOp.SUB, now, then), most)

    return tuple(Assume((), near(p), None) for p in _moving(routine) if p.type == core.WORD)


def _moving(routine: core.Routine) -> tuple[Symbol, ...]:
    """The parameters that the first loop changes."""
    loop = next(s for s in statements(routine.body or ()) if isinstance(s, core.Loop))
    return tuple(p for p in routine.parameters if p in loop.assigned)


def _at_one_of(routine: core.Routine, heads: Sequence[Mapping[Symbol, Value]]) -> Assume:
    """That the loop stands where one of these does: of many, those at even distances."""
    some = heads[:: max(1, len(heads) // MOST)]
    span = routine.span
    same = (conjunction(span, tuple(equals(replace(s, version=1), v, span) for s, v in head.items())) for head in some)
    return Assume((), disjunction(span, tuple(same)), None)
