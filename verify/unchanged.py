"""Mutants that change nothing: a proof that a mutant does on every input what the procedure does.

Two ways to one. Where an expression stands in place of another, the procedure asserts that both have the same value
there: what is known there, invariants and contracts of callees included, is known as in its own proof. If each time
that a run comes by nothing is different, nothing is ever different. Else both bodies are laid side by side: see
`equal`. A precondition is needless if it follows from those that remain. What the body does without, and each call
keeps, is there for whoever adds a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.contract import obligations_of
from verify.core import BinaryOp, SymbolKind
from verify.equal import Equality
from verify.killing import required_of
from verify.mutants import Dropped, Edit, Mutant, Place, applied, put
from verify.passive import Kind, Obligation
from verify.rename import conjunction, definedness, negation
from verify.scopes import Scopes
from verify.seen import module_invariants
from verify.solve import discharge, together
from verify.span import Source
from verify.syntax import RoutineKind
from verify.turns import NotAlike
from verify.verdict import Verdict

SAME = "the same"
"""The label of what is asserted. No label of a specification has a blank in it."""

_APART = (Kind.RANGE, Kind.CALL, Kind.ASSERT, Kind.INVARIANT_ENTRY, Kind.INVARIANT_KEPT)
"""The obligations that two bodies with the same end need not share: what is asked where an operation or a call stands,
and what the proof of that takes to hold on the way."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Proofs about the mutants of a program, each within about `timeout` seconds."""

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float

    def in_place(self, mutant: Mutant) -> tuple[str, ...] | None:
        """What a proof uses that the mutant does the same where it was changed, each time that a run comes by; None
        without one. Of a precondition: that whatever meets the others meets it too.
        """
        routine = self.program.routines()[mutant.routine]
        match mutant.change:
            case Dropped(clause=clause):
                body: tuple[core.Stmt, ...] | None = (_assert(clause.expr, SAME),)
                routine = replace(applied(self.program, mutant), ensures=())
            case Edit() as edit:
                body = _with_asserts(self.program, routine, edit)
        return None if body is None else self.asserted(replace(routine, body=body))

    def kept(self, callee: str, label: str) -> tuple[str, ...] | None:
        """The obligations of all calls of a procedure to keep this precondition, by id, if each of them is proved; None
        if one is not, or there is no call.

        If the body does without the precondition, none of the runs that there are is another without it. Runs of a
        `refute procedure` are not counted: these are wrong on purpose.
        """
        ids: list[str] = []
        for caller in self.program.routines().values():
            if caller.body is None or caller.kind is RoutineKind.REFUTE_PROCEDURE:
                continue
            wanted = {i for i, what in required_of(self.program, caller).items() if what == (callee, label)}
            asked = [o for o in obligations_of(self.program, caller) if o.id in wanted] if wanted else []
            if {o.id for o in asked} != wanted or self.proved(self.program, asked) is None:
                return None
            ids += (o.id for o in asked)
        return tuple(ids) or None

    def asserted(self, routine: core.Routine) -> tuple[str, ...] | None:
        """What the proofs use that what has been put into the routine holds; None if one is missing."""
        program = self.program.replacing(routine)
        asked = [o for o in obligations_of(program, routine) if o.id.endswith(f".assert.{SAME}")]
        return self.proved(program, asked)

    def at_the_end(self, mutant: Mutant) -> tuple[str, ...] | None:
        """What a proof uses that both bodies come to the same end, turn by turn; None without one.

        Such a proof says nothing of where an operation is not defined, nor of what callees and others require: that all
        of that is so, the mutant's own obligations say. These lean on invariants, assertions and lemmas on the way, so
        all of those are to hold of the mutant too. What reads as an obligation of the procedure has been proved.
        """
        if isinstance(mutant.change, Dropped):
            return None
        routine, changed = self.program.routines()[mutant.routine], applied(self.program, mutant)
        program = self.program.replacing(changed)
        before = {o.id: o for o in obligations_of(self.program, routine)}
        left = (o for o in obligations_of(program, changed) if o.kind in _APART)
        apart = self.proved(program, [o for o in left if not (o.id in before and alike(before[o.id], o))])
        if apart is None:
            return None
        held = tuple(clause for _, clause in module_invariants(self.program, routine.module))
        one = replace(routine, requires=(*held, *routine.requires))
        equality = Equality(self.program, one, changed, self.timeout)
        try:
            used = equality.equal(*equality.laid_out(None), None, quick=False)
        except NotAlike:
            return None
        return None if used is None else tuple(dict.fromkeys((*apart, *used)))

    def proved(self, program: core.Program, obligations: Sequence[Obligation]) -> tuple[str, ...] | None:
        """What the proofs of all of them use, at every scope; None if one is missing."""
        used: dict[str, None] = {}
        scopes = Scopes(program, None)
        for obligation in obligations:
            where = scopes.of(obligation)
            results = together(program, obligation, where, self.timeout)
            for scope in where if results is None else ():
                result = discharge(program, obligation, scope, self.sources, self.timeout)
                results = (*(results or ()), result)
                if result.verdict is not Verdict.PROVED:
                    return None
            if not results or any(r.defect for r in results):
                return None
            used.update(dict.fromkeys(name for r in results for name in r.used))
        return tuple(used)


def alike(one: Obligation, other: Obligation) -> bool:
    """True iff they are the same question."""
    return (one.steps, one.path, one.goal, one.revealed) == (other.steps, other.path, other.goal, other.revealed)


def _with_asserts(program: core.Program, routine: core.Routine, edit: Edit) -> tuple[core.Stmt, ...] | None:
    """The procedure's own body, and in it the claim that what the mutant computes is the same; None if it is not for
    one place to say."""
    body, before = routine.body or (), edit.before
    if isinstance(before, core.Loop):
        return _around(program, body, edit.place, before, edit.after)
    same = _same(before, edit.after)
    return None if same is None else put(program, body, edit.place, (_assert(same, SAME), before))


def _same(before: core.Stmt, after: tuple[core.Stmt, ...]) -> core.Expr | None:
    """That what stands there now does what stood there."""
    match before, after:
        case core.Assign(value=one), (core.Assign(value=other),):
            return _equal([(one, other)])
        case core.Assign(target=target, value=one), () if target.kind is not SymbolKind.RESULT:
            return _equal([(core.Var(one.span, target), one)])
        case core.Call(arguments=one), (core.Call(arguments=other),):
            return _equal([(a, b) for a, b in zip(one, other, strict=True) if a != b])
        case core.If(condition=one), (core.If(condition=other, then=then, otherwise=otherwise),) if (
            before.then,
            before.otherwise,
        ) == (then, otherwise):
            return _equal([(one, other)])
        case core.If(condition=one, otherwise=()), ():
            return negation(one)
        case _:
            return None


def _around(
    program: core.Program, body: tuple[core.Stmt, ...], place: Place, loop: core.Loop, after: tuple[core.Stmt, ...]
) -> tuple[core.Stmt, ...] | None:
    """The same for a loop's condition, whenever it is tested: it is tested within the loop here."""
    match after:
        case (core.Loop() as changed,) if (changed.body, changed.step) == (loop.body, loop.step):
            test = changed.condition
        case _:
            return None
    span = loop.condition.span
    same = _assert(_equal([(loop.condition, test)]), SAME)
    leaves = core.If(span, negation(loop.condition), (core.Break(span),), ())
    endless = replace(loop, condition=core.Literal(span, True, core.BOOL), body=(same, leaves, *loop.body))
    return put(program, body, place, (endless,))


def _equal(pairs: Sequence[tuple[core.Expr, core.Expr]]) -> core.Expr:
    return conjunction(
        pairs[0][0].span,
        tuple(_defined(other, core.Binary(one.span, BinaryOp.EQ, one, other)) for one, other in pairs),
    )


def _defined(expr: core.Expr, claim: core.Expr) -> core.Expr:
    """The claim, and before it that each operation of an expression within is defined.

    It is said in the claim itself: an operation of the mutant may stand where one of the procedure's does, and have its
    id.
    """
    return conjunction(claim.span, (*_conditions(expr), claim))


def _conditions(expr: core.Expr) -> Iterator[core.Expr]:
    return (condition for _, condition in definedness(expr))


def _assert(expr: core.Expr, label: str) -> core.Assert:
    return core.Assert(expr.span, core.Clause(label, expr, expr.span, expr.span))
