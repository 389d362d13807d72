"""Mutants: a procedure changed in one place, as a slip of the pen might change it.

What is changed is code: what a run depends on. Calls of lemmas, claims within the body, and variables that only these
look at are for the prover alone, and left as they are; so are the acts of others, which are not the procedure's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from verify import core
from verify.core import Symbol, SymbolKind
from verify.ghost import is_code, telling
from verify.plan import matches
from verify.slips import Operator, swapped, variants
from verify.span import Source, Span
from verify.statements import changed
from verify.syntax import RoutineKind


class Branch(Enum):
    """Which statements within a statement."""

    THEN = "then"
    OTHERWISE = "otherwise"
    BODY = "body"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands: the `index`-th of the body, or of what stands `within` another one."""

    index: int
    within: tuple[tuple[int, Branch], ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """The statement at a place, and the ones that stand there now."""

    place: Place
    before: core.Stmt
    after: tuple[core.Stmt, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A precondition that is no more required."""

    clause: core.Clause


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to a procedure, `M.ITEM`, whose `number`-th mutant it is, in the order of the source.

    `was` and `now` are the texts of what stood there and what stands there, for a person to read.
    """

    routine: str
    number: int
    operator: Operator
    span: Span
    was: str
    now: str
    change: Edit | Dropped

    @property
    def id(self) -> str:
        return f"{self.routine}.mutant[{self.number}]"


def mutants(program: core.Program, routine: core.Routine, sources: Mapping[str, Source]) -> tuple[Mutant, ...]:
    """All mutants of a procedure with a body: those of its preconditions first, then in the order of the body."""
    found: list[tuple[Operator, Span, str, str, Edit | Dropped]] = [
        (Operator.PRECONDITION, c.line, f"requires {c.label}", "nothing required", Dropped(c)) for c in routine.requires
    ]
    body = routine.body or ()
    source = sources[routine.span.file]
    walk = _Walk(program, source, telling(program, body))
    given = frozenset(routine.parameters)
    found += [(o, span, was, now, edit) for o, span, was, now, edit in walk.block(body, (), given)]
    return tuple(Mutant(routine.qualified, n, *one) for n, one in enumerate(found, start=1))


def procedures(program: core.Program, only: Sequence[str]) -> tuple[core.Routine, ...]:
    """The procedures of the modules asked for that have a body and claim to be right, whose name, or qualified name,
    matches one of the patterns (none: all). What others do is not among them: it is to be free, not right."""
    return tuple(
        i
        for i in _with_bodies(program, RoutineKind.PROCEDURE)
        if not only or any(matches(name, only) for name in (i.name, i.qualified))
    )


def acting(program: core.Program) -> tuple[core.Routine, ...]:
    """The interference procedures of the modules asked for. They are callers: what they call requires something."""
    return tuple(_with_bodies(program, RoutineKind.INTERFERENCE))


def _with_bodies(program: core.Program, kind: RoutineKind) -> Iterator[core.Routine]:
    items = (item for module in program.modules if module.root for item in module.items)
    return (i for i in items if isinstance(i, core.Routine) and i.kind is kind and i.body is not None)


def applied(program: core.Program, mutant: Mutant) -> core.Routine:
    """The procedure with the change made."""
    routine = program.routines()[mutant.routine]
    match mutant.change:
        case Dropped(clause=clause):
            return replace(routine, requires=tuple(c for c in routine.requires if c is not clause))
        case Edit(place=place, after=after):
            return replace(routine, body=put(program, routine.body or (), place, after))


def put(
    program: core.Program, body: tuple[core.Stmt, ...], place: Place, after: tuple[core.Stmt, ...]
) -> tuple[core.Stmt, ...]:
    """The body with these statements in place of the one at a place."""
    if not place.within:
        return (*body[: place.index], *after, *body[place.index + 1 :])
    (index, branch), rest = place.within[0], Place(place.index, place.within[1:])
    outer = body[index]
    inside: core.Stmt
    match outer, branch:
        case core.If(), Branch.THEN:
            inside = replace(outer, then=put(program, outer.then, rest, after))
        case core.If(), Branch.OTHERWISE:
            inside = replace(outer, otherwise=put(program, outer.otherwise, rest, after))
        case core.Loop(), Branch.BODY:
            inside = _assigning(program, replace(outer, body=put(program, outer.body, rest, after)))
        case core.Loop(), Branch.STEP:
            inside = _assigning(program, replace(outer, step=put(program, outer.step, rest, after)))
        case core.Atomic(), Branch.BODY:
            inside = replace(outer, body=put(program, outer.body, rest, after))
        case _:
            raise ValueError(f"nothing stands within {type(outer).__name__} as {branch.value}")
    return (*body[:index], inside, *body[index + 1 :])


def _assigning(program: core.Program, loop: core.Loop) -> core.Loop:
    """The loop, knowing what it still assigns."""
    modifies = {name: r.modifies for name, r in program.routines().items()}
    left = set(changed((*loop.body, *loop.step), modifies))
    return replace(loop, assigned=tuple(s for s in loop.assigned if s in left))


Found = tuple[Operator, Span, str, str, Edit]


@dataclass(frozen=True, slots=True)
class _Walk:
    program: core.Program
    source: Source
    known: frozenset[Symbol]

    def block(
        self, body: Sequence[core.Stmt], within: tuple[tuple[int, Branch], ...], given: frozenset[Symbol]
    ) -> Iterator[Found]:
        """The changes to statements in a row, `given` being the variables that surely have a value before them."""
        for index, stmt in enumerate(body):
            place = Place(index, within)
            if is_code(self.program, stmt, self.known):
                yield from self.statement(stmt, place, given)
            given |= _given(stmt)

    def statement(self, stmt: core.Stmt, place: Place, given: frozenset[Symbol]) -> Iterator[Found]:
        if self.stays(stmt):
            return
        match stmt:
            case core.Assign(value=value):
                for operator, span, was, now, new in variants(value, self.source):
                    yield operator, span, was, now, Edit(place, stmt, (replace(stmt, value=new),))
            case core.Call():
                yield from self.call(stmt, place)
            case core.If(condition=condition):
                for operator, span, was, now, new in variants(condition, self.source):
                    yield operator, span, was, now, Edit(place, stmt, (replace(stmt, condition=new),))
            case core.Loop(condition=condition):
                for operator, span, was, now, new in variants(condition, self.source):
                    yield operator, span, was, now, Edit(place, stmt, (replace(stmt, condition=new),))
            case _:
                pass
        if not isinstance(stmt, core.Atomic):
            unset = sorted((s for s in _given(stmt) - given if s.kind is not SymbolKind.STATE), key=str)
            now = "nothing" if not unset else f"any value of {', '.join(s.name for s in unset)}"
            left = tuple(core.Havoc(stmt.span, s) for s in unset)
            yield Operator.STATEMENT, stmt.span, self.head(stmt), now, Edit(place, stmt, left)
        for branch, inner in _inner(stmt):
            yield from self.block(inner, (*place.within, (place.index, branch)), given)

    def stays(self, stmt: core.Stmt) -> bool:
        """True iff it is no statement of the procedure's own that does anything."""
        return isinstance(stmt, core.Havoc) or (isinstance(stmt, core.Call) and not stmt.written)

    def call(self, stmt: core.Call, place: Place) -> Iterator[Found]:
        for index, argument in enumerate(stmt.arguments):
            for operator, span, was, now, new in variants(argument, self.source):
                arguments = (*stmt.arguments[:index], new, *stmt.arguments[index + 1 :])
                yield operator, span, was, now, Edit(place, stmt, (replace(stmt, arguments=arguments),))
        name = stmt.callee.rpartition(".")[2]
        for arguments in swapped(stmt.arguments):
            was, now = (self.said(name, a) for a in (stmt.arguments, arguments))
            yield Operator.ARGUMENTS, stmt.span, was, now, Edit(place, stmt, (replace(stmt, arguments=arguments),))

    def said(self, name: str, arguments: Sequence[core.Expr]) -> str:
        return f"{name}({', '.join(self.source.cut(a.span) for a in arguments)})"

    def head(self, stmt: core.Stmt) -> str:
        """The text of a statement, or of what stands above its block."""
        text = self.source.cut(stmt.span)
        return text if isinstance(stmt, core.Loop) else text.partition("{")[0].strip()


def _inner(stmt: core.Stmt) -> Iterator[tuple[Branch, tuple[core.Stmt, ...]]]:
    match stmt:
        case core.If(then=then, otherwise=otherwise):
            yield Branch.THEN, then
            yield Branch.OTHERWISE, otherwise
        case core.Loop(body=body, step=step):
            yield Branch.STEP, step
            yield Branch.BODY, body
        case core.Atomic(body=body):
            yield Branch.BODY, body
        case _:
            pass


def _given(stmt: core.Stmt) -> frozenset[Symbol]:
    """The variables that surely have a value after a statement, of those that it assigns itself."""
    match stmt:
        case core.Assign(target=target) | core.Havoc(target=target):
            return frozenset({target})
        case core.Call(targets=targets):
            return frozenset(targets)
        case core.If(then=then, otherwise=otherwise):
            return _all(then) & _all(otherwise)
        case core.Atomic(body=body):
            return _all(body)
        case _:
            return frozenset()


def _all(body: Sequence[core.Stmt]) -> frozenset[Symbol]:
    return frozenset(s for stmt in body for s in _given(stmt))
