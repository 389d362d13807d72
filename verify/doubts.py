"""What is doubtful in a routine although it is proved: code that no run reaches, claims that say nothing, and bodies
that nothing is said of.

Each doubt is a claim, that something is never so. Where little effort proves that, there is something to warn of. What
is not proved is no promise: a branch that nothing is said of may be out of reach all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from verify import core
from verify.contract import Contract, obligations_of
from verify.core import BinaryOp
from verify.diagnostic import Diagnostic
from verify.passive import Kind, Obligation, Path, relevant
from verify.prove import Encodings, at_once
from verify.question import ask
from verify.rename import negation
from verify.schedule import Done, Raised, each
from verify.scopes import Scope, Scopes
from verify.sites import statements
from verify.span import Span
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.walk import Exits, Flow
from verify.words import AbstractIntegers, AnyIntegers, Words

DOUBTED = (RoutineKind.PROCEDURE, RoutineKind.INTERFERENCE, RoutineKind.LEMMA)
"""The routines that have a body, every run of which is to be right."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """`never`: the claim that it is about. `warning`: what is said if that is proved."""

    never: Obligation
    warning: Diagnostic


@dataclass(frozen=True, slots=True)
class Look:
    """What a worker does: it looks at a routine, by its qualified name."""

    program: core.Program

    def __call__(self, name: str) -> tuple[Diagnostic, ...]:
        """What there is to warn of, in the order of the source. What is within what no run reaches is left out."""
        routine, scopes, found = (
            self.program.routines()[name],
            Scopes(self.program, None),
            list[tuple[Path, Diagnostic]](),
        )
        claims = of_nothing(self.program, routine)
        if claims and all(proved(self.program, claim, scopes.of(claim)) for claim in claims):
            found.append(((), _hollow(routine.span)))
        for doubt in doubts(self.program, routine):
            path = doubt.never.path
            if any(path[: len(outer)] == outer for outer, warning in found if warning.code == UNREACHED):
                continue
            if proved(self.program, doubt.never, scopes.of(doubt.never)):
                found.append((path, doubt.warning))
        return tuple(sorted((warning for _, warning in found), key=lambda w: w.span))


def warnings(
    program: core.Program, names: Sequence[str], jobs: int, seconds: float, stop: Connection
) -> tuple[Diagnostic, ...]:
    """What there is to warn of in these routines, in their order. Raises RuntimeError where the tool fails."""
    found: dict[int, tuple[Diagnostic, ...]] = {}
    with closing(each(Look(program), names, jobs, seconds, stop)) as outcomes:
        for number, outcome in outcomes:
            match outcome:
                case Done(value=value):
                    found[number] = value
                case Raised(what=what, where=where):
                    raise RuntimeError(f"{what}, at {', '.join(where)}")
                case _:
                    pass
    missing = {n: (_not_looked_at(program.routines()[name].span),) for n, name in enumerate(names) if n not in found}
    return tuple(warning for number in range(len(names)) for warning in (found | missing)[number])


def doubts(program: core.Program, routine: core.Routine) -> tuple[Doubt, ...]:
    """All that is to be looked at in a routine, what is within a block after the block."""
    if routine.kind not in DOUBTED:
        return ()
    walk = _Doubts(program, routine)
    walk.gather()
    return tuple(walk.doubts.values())


def of_nothing(program: core.Program, routine: core.Routine) -> tuple[Obligation, ...]:
    """The postconditions of a procedure, of an empty body in place of its own; none where that does nothing, or where
    it has an assert or calls a procedure, of which something is claimed. Results have any value then."""
    if routine.kind not in (RoutineKind.PROCEDURE, RoutineKind.INTERFERENCE) or not routine.body:
        return ()
    within, routines = tuple(statements(routine.body)), program.routines()
    if any(isinstance(s, core.Assert) for s in within) or any(
        isinstance(s, core.Call) and routines[s.callee].kind is not RoutineKind.LEMMA for s in within
    ):
        return ()
    empty = replace(routine, body=(), decreases=None)
    return tuple(o for o in obligations_of(program, empty) if o.kind is Kind.ENSURES)


def proved(program: core.Program, never: Obligation, scopes: Sequence[Scope]) -> bool:
    """True iff little effort proves the claim at each scope, of which there is one at least with a geometry in it."""
    if not scopes or any(scope.empty for scope in scopes):
        return False
    if all(scope.name is None for scope in scopes):
        return _proved(program, never, scopes[0], AnyIntegers(min(scope.word_bits for scope in scopes)))
    return all(_proved(program, never, scope, AbstractIntegers(scope.word_bits)) for scope in scopes)


def _proved(program: core.Program, never: Obligation, scope: Scope, words: Words) -> bool:
    forget()
    return at_once(Encodings(program, ask(program, never, scope)), words) is not None


class _Doubts(Contract):
    """Walks a body, and doubts each block in it and each implication that is claimed."""

    def __init__(self, program: core.Program, routine: core.Routine) -> None:
        super().__init__(program, routine)
        self.doubts: dict[str, Doubt] = {}

    def block(self, body: Sequence[core.Stmt], flow: Flow) -> Exits:
        if body and flow.path and not _says_so(body[0]):
            span = body[0].span
            never = core.Literal(span, False, core.BOOL)
            self.doubt(f"block {span.line}:{span.column}", never, flow, _unreached(span))
        return super().block(body, flow)

    def oblige(
        self, id_: str, kind: Kind, goal: core.Expr | None, flow: Flow, span: Span, doc: tuple[str, ...] = ()
    ) -> None:
        super().oblige(id_, kind, goal, flow, span, doc)
        if goal is not None and kind in (Kind.ENSURES, Kind.ASSERT):
            for left, never in _lefts(goal):
                self.doubt(f"{id_} {left.line}:{left.column}", never, flow, _says_nothing(left))

    def doubt(self, id_: str, never: core.Expr, flow: Flow, warning: Diagnostic) -> None:
        routine, steps = self.routine, relevant(self.steps, flow.path)
        claim = Obligation(
            f"{routine.qualified}: {id_}",
            Kind.ASSERT,
            routine.module,
            routine.name,
            warning.span,
            (),
            steps,
            flow.path,
            never,
            flow.leans,
            flow.revealed,
            routine.on,
            routine.without,
        )
        self.doubts.setdefault(id_, Doubt(claim, warning))


def _says_so(first: core.Stmt) -> bool:
    """True iff a block begins with `assert L: false`: that no run comes there is claimed, and proved."""
    return isinstance(first, core.Assert) and first.clause.expr == core.Literal(
        first.clause.expr.span, False, core.BOOL
    )


def _lefts(goal: core.Expr) -> Iterator[tuple[Span, core.Expr]]:
    """Where the left sides of a claim's implications stand, and that they are never true, whatever it is claimed of."""
    match goal:
        case core.Quantifier(universal=True, body=body):
            yield from ((span, replace(goal, body=never)) for span, never in _lefts(body))
        case core.Binary(op=BinaryOp.AND, left=left, right=right):
            yield from _lefts(left)
            yield from _lefts(right)
        case core.Binary(op=BinaryOp.IMPLIES, left=left):
            yield left.span, negation(left)


# --- what is said --------------------------------------------------------------------------------------------------

UNREACHED = "unreached"


def _unreached(span: Span) -> Diagnostic:
    return Diagnostic(
        UNREACHED,
        span,
        "no run comes here",
        "what is assumed, what is required, and what is known on the way exclude it",
        "write `assert NAME: false;` before it if that is meant, which has it proved; else see what excludes it",
    )


def _says_nothing(span: Span) -> Diagnostic:
    return Diagnostic(
        "says-nothing",
        span,
        "this is never true, so the claim says nothing",
        "`A ==> B` holds wherever A is false, whatever B is",
        "leave the claim out, or see what excludes the left side",
    )


def _hollow(span: Span) -> Diagnostic:
    return Diagnostic(
        "hollow",
        span,
        "all that is claimed of this body is so of an empty one",
        "nothing says what it is to do",
        "say in an `ensures` what it changes, or what it returns",
    )


def _not_looked_at(span: Span) -> Diagnostic:
    return Diagnostic(
        "not-looked-at",
        span,
        "whether all of it is reached was not found out",
        "the process that looked did not end in its time, or not well, or the run was interrupted",
        "--timeout gives it longer",
    )
