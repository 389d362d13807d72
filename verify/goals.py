"""What inputs of a procedure are wanted for: each path through its body, each side and each boundary of its conditions,
and where its sums wrap.

A goal is something that a run can do. No solver finds goals: they are read off the body. What is ghost (asserts, calls
of lemmas, an `if` about nothing else, what loops claim) has none, and what a callee does is its own business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import assert_never

from verify import core
from verify.atoms import atoms, is_ghost, may_wrap, sides, units_of
from verify.core import BOOL, Symbol, SymbolKind
from verify.rename import conjunction, disjunction, negation
from verify.sites import statements
from verify.span import Span

MOST_PATHS = 64
"""So many paths through a body, or through one turn of a loop, are goals. There may be more: `Goals.omitted` says."""


@dataclass(frozen=True, slots=True)
class Way:
    """What happens at a place: a condition is `true`, two sides are `equal`, a loop is `not entered`."""

    span: Span
    how: str


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that a run of `routine` can do. Of a path `ways` has each branch, in order; else there is one.

    `id` is M.ITEM.vector.path[N], M.ITEM.vector.loop[L].path[N] for a path through one turn of a loop,
    M.ITEM.vector.loop[L].again for a turn after another one, M.ITEM.vector.condition[N].HOW, where HOW is true, false,
    equal, below or above: of the two sides of a comparison, the left one is so much as the right one, one less, or one
    more (below.SIZE, above.SIZE: less or more by a constant that the preconditions count in); or
    M.ITEM.vector.sum[N].HOW of a sum or a difference of words, which wraps, or is zero.
    """

    id: str
    routine: str
    span: Span
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Goals:
    """The goals of a procedure: paths through it, and then all else in the order of the source. `omitted`: how many
    paths there are beyond MOST_PATHS, through the body or one turn of a loop."""

    goals: tuple[Goal, ...]
    omitted: int


def goals(program: core.Program, routine: core.Routine) -> Goals:
    """The goals of a routine that has a body."""
    marks = _Marks(program, routine, lambda _goal, _condition: ())
    marks.whole()
    return Goals(tuple(marks.found.values()), marks.omitted)


def noting(program: core.Program, routine: core.Routine) -> core.Routine:
    """The routine with a local `note` for each of its goals, which is true at the end of a run iff the run reached it.

    What it does is the same otherwise: the locals that it has more are ghost.
    """
    noted: dict[Symbol, None] = {}

    def mark(goal: Goal, condition: core.Expr) -> tuple[core.Stmt, ...]:
        symbol = note(goal)
        noted[symbol] = None
        reached = disjunction(condition.span, (core.Var(condition.span, symbol), condition))
        return (core.Assign(condition.span, symbol, reached),)

    body = _Marks(program, routine, mark).whole()
    return replace(routine, body=(*_unset(routine.span, noted), *_assigning(body)))


def note(goal: Goal) -> Symbol:
    """The local that says whether a run has reached a goal."""
    return Symbol(SymbolKind.LOCAL, f"{goal.routine}?", goal.id, BOOL)


def asking(program: core.Program, routine: core.Routine, goal: Goal) -> tuple[core.Routine, tuple[str, ...]]:
    """The routine with asserts that no run reaches the goal, and their ids: a run that breaks one reaches it."""
    labels: list[str] = []

    def mark(other: Goal, condition: core.Expr) -> tuple[core.Stmt, ...]:
        if other != goal:
            return ()
        labels.append(f"{goal.id.removeprefix(f'{goal.routine}.')}.{len(labels) + 1}")
        clause = core.Clause(labels[-1], negation(condition), goal.span, goal.span)
        return (core.Assert(goal.span, clause),)

    body = _assigning(_Marks(program, routine, mark).whole())
    return replace(routine, body=body), tuple(f"{routine.qualified}.assert.{label}" for label in labels)


def _unset(span: Span, symbols: Iterable[Symbol]) -> tuple[core.Stmt, ...]:
    return tuple(core.Assign(span, s, core.Literal(span, False, BOOL)) for s in symbols)


def _assigning(body: Sequence[core.Stmt]) -> tuple[core.Stmt, ...]:
    """The same statements, each loop with all that it assigns among what it is said to assign."""

    def inside(stmt: core.Stmt) -> core.Stmt:
        match stmt:
            case core.If():
                return replace(stmt, then=_assigning(stmt.then), otherwise=_assigning(stmt.otherwise))
            case core.Atomic():
                return replace(stmt, body=_assigning(stmt.body))
            case core.Loop():
                whole = replace(stmt, body=_assigning(stmt.body), step=_assigning(stmt.step))
                within = statements((*whole.body, *whole.step))
                more = (s.target for s in within if isinstance(s, core.Assign) and s.target.scope.endswith("?"))
                return replace(whole, assigned=tuple(dict.fromkeys((*stmt.assigned, *more))))
            case _:
                return stmt

    return tuple(inside(stmt) for stmt in body)


# --- paths ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Branch:
    """One way at an `if` or at a loop: the local that notes it, and what it says there."""

    symbol: Symbol
    holds: bool
    way: Way


@dataclass(frozen=True, slots=True)
class _Path:
    """Branches, in order, and the statement that the path ends with; None at the end of the statements."""

    branches: tuple[_Branch, ...]
    end: core.Stmt | None


_Leaving = core.Break | core.Continue | core.Return


def _ghostless(program: core.Program, body: Sequence[core.Stmt]) -> tuple[core.Stmt, ...]:
    """The statements that code has."""

    def inside(stmt: core.Stmt) -> core.Stmt:
        match stmt:
            case core.If():
                then, otherwise = _ghostless(program, stmt.then), _ghostless(program, stmt.otherwise)
                return replace(stmt, then=then, otherwise=otherwise)
            case core.Loop() | core.Atomic():
                return replace(stmt, body=_ghostless(program, stmt.body))
            case _:
                return stmt

    return tuple(inside(stmt) for stmt in body if not is_ghost(program, stmt))


def _paths(body: Sequence[core.Stmt], symbols: Callable[[core.Stmt], Symbol]) -> Iterator[_Path]:
    """The paths through statements, a loop's own turns aside."""
    if not body:
        yield _Path((), None)
        return
    for first in _ways(body[0], symbols):
        if first.end is not None:
            yield first
        else:
            yield from (_Path((*first.branches, *p.branches), p.end) for p in _paths(body[1:], symbols))


def _ways(stmt: core.Stmt, symbols: Callable[[core.Stmt], Symbol]) -> Iterator[_Path]:
    match stmt:
        case core.If():
            for holds, body in ((True, stmt.then), (False, stmt.otherwise)):
                branch = _Branch(symbols(stmt), holds, Way(stmt.condition.span, "true" if holds else "false"))
                yield from (_Path((branch, *p.branches), p.end) for p in _paths(body, symbols))
        case core.Loop():
            yield _Path((_Branch(symbols(stmt), False, Way(stmt.condition.span, "not entered")),), None)
            entered = _Branch(symbols(stmt), True, Way(stmt.condition.span, "entered"))
            yield _Path((entered,), None)
            yield from (_Path((entered,), s) for s in statements(stmt.body) if isinstance(s, core.Return))
        case core.Break() | core.Continue() | core.Return():
            yield _Path((), stmt)
        case core.Atomic(body=body):
            yield from _paths(body, symbols)
        case core.Assign() | core.Havoc() | core.Call() | core.Assert() | core.Reveal():
            yield _Path((), None)
        case _:
            assert_never(stmt)


def _count(body: Sequence[core.Stmt]) -> tuple[int, int]:
    """How many paths there are through statements: those that go on after them, and those that leave."""
    on, out = 1, 0
    for stmt in body:
        through, leave = 1, 0
        match stmt:
            case core.If():
                counts = (_count(stmt.then), _count(stmt.otherwise))
                through, leave = sum(c[0] for c in counts), sum(c[1] for c in counts)
            case core.Loop():
                through, leave = 2, sum(isinstance(s, core.Return) for s in statements(stmt.body))
            case core.Break() | core.Continue() | core.Return():
                through, leave = 0, 1
            case core.Atomic():
                through, leave = _count(stmt.body)
            case core.Assign() | core.Havoc() | core.Call() | core.Assert() | core.Reveal():
                pass
            case _:
                assert_never(stmt)
        on, out = on * through, out + on * leave
    return on, out


# --- where they stand ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Marks:
    """Finds the goals of a routine, and puts what `mark` makes of each, and of the condition that it is reached, at
    each place where it may be. A goal with several such places is found once."""

    program: core.Program
    routine: core.Routine
    mark: Callable[[Goal, core.Expr], tuple[core.Stmt, ...]]
    units: tuple[Symbol, ...] = field(init=False)
    found: dict[str, Goal] = field(default_factory=dict)
    omitted: int = 0
    numbers: dict[str, dict[tuple[Span, Span], int]] = field(default_factory=dict)
    branches: dict[Span, Symbol] = field(default_factory=dict)
    ends: dict[Span, list[tuple[Goal, core.Expr]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.units = units_of(self.program, self.routine)

    def whole(self) -> tuple[core.Stmt, ...]:
        """The body with all marks."""
        body, routine = self.routine.body or (), self.routine
        end = self.region("vector.path", body, routine.span)
        marked = self.block(body)
        return (*_unset(routine.span, dict.fromkeys(self.branches.values())), *marked, *self.marks(end))

    def symbol(self, stmt: core.Stmt) -> Symbol:
        """The local that notes which way a run has gone at a branch."""
        known = f"went {len(self.branches) + 1}"
        return self.branches.setdefault(stmt.span, Symbol(SymbolKind.LOCAL, f"{self.routine.qualified}?", known, BOOL))

    def goal(self, name: str, span: Span, ways: tuple[Way, ...]) -> Goal:
        id_ = f"{self.routine.qualified}.{name}"
        return self.found.setdefault(id_, Goal(id_, self.routine.qualified, span, ways))

    def region(self, name: str, body: Sequence[core.Stmt], span: Span) -> list[tuple[Goal, core.Expr]]:
        """Makes goals of the paths through a body; those that end with it are returned."""
        body = _ghostless(self.program, body)
        self.omitted += max(0, sum(_count(body)) - MOST_PATHS)
        at_end: list[tuple[Goal, core.Expr]] = []
        for number, path in enumerate(islice(_paths(body, self.symbol), MOST_PATHS), start=1):
            goal = self.goal(f"{name}[{number}]", span, (*(b.way for b in path.branches), *_leaving(path.end)))
            parts = tuple(
                core.Var(span, b.symbol) if b.holds else negation(core.Var(span, b.symbol)) for b in path.branches
            )
            (at_end if path.end is None else self.ends[path.end.span]).append((goal, conjunction(span, parts)))
        return at_end

    def marks(self, reached: Sequence[tuple[Goal, core.Expr]]) -> tuple[core.Stmt, ...]:
        return tuple(stmt for goal, condition in reached for stmt in self.mark(goal, condition))

    def block(self, body: Sequence[core.Stmt]) -> tuple[core.Stmt, ...]:
        return tuple(marked for stmt in body for marked in (*self.before(stmt), self.inside(stmt)))

    def before(self, stmt: core.Stmt) -> tuple[core.Stmt, ...]:
        """What can be told before a statement."""
        if is_ghost(self.program, stmt):
            return ()
        match stmt:
            case core.Assign(value=value):
                return self.conditions(value, value.type == BOOL)
            case core.Call(arguments=arguments):
                return tuple(m for a in arguments for m in self.conditions(a, a.type == BOOL))
            case core.If(condition=condition) | core.Loop(condition=condition):
                # Whether a loop is entered is noted before it, where the loop does not forget it.
                entered = core.Assign(stmt.span, self.symbol(stmt), condition)
                return (*self.conditions(condition, True), *((entered,) if isinstance(stmt, core.Loop) else ()))
            case core.Break() | core.Continue() | core.Return():
                return self.marks(self.ends[stmt.span])
            case core.Havoc() | core.Assert() | core.Reveal() | core.Atomic():
                return ()
            case _:
                assert_never(stmt)

    def inside(self, stmt: core.Stmt) -> core.Stmt:
        if is_ghost(self.program, stmt):
            return stmt
        match stmt:
            case core.If():
                went = core.Assign(stmt.span, self.symbol(stmt), core.Literal(stmt.span, True, BOOL))
                not_ = replace(went, value=core.Literal(stmt.span, False, BOOL))
                return replace(stmt, then=(went, *self.block(stmt.then)), otherwise=(not_, *self.block(stmt.otherwise)))
            case core.Loop():
                end = self.region(f"vector.loop[{stmt.number}].path", stmt.body, stmt.span)
                body = (*self.block(stmt.body), *self.marks(end))
                again = self.goal(
                    f"vector.loop[{stmt.number}].again", stmt.condition.span, (Way(stmt.condition.span, "again"),)
                )
                once_more = self.mark(again, stmt.condition)
                step = (*self.block(stmt.step), *self.conditions(stmt.condition, True), *once_more)
                return replace(stmt, body=body, step=step)
            case core.Atomic():
                return replace(stmt, body=self.block(stmt.body))
            case _:
                return stmt

    def conditions(self, expr: core.Expr, truth: bool) -> tuple[core.Stmt, ...]:
        """Marks for each condition of an expression that is about to be evaluated."""
        found: list[core.Stmt] = []
        for atom in atoms(self.program, expr, lambda c: c, truth):
            span = atom.expr.span
            what = "sum" if may_wrap(atom.expr) else "condition"
            known = self.numbers.setdefault(what, {})
            number = known.setdefault((atom.at, span), len(known) + 1)
            for how, condition in sides(atom.expr, self.units):
                goal = self.goal(f"vector.{what}[{number}].{how.replace(' by ', '.')}", atom.at, (Way(span, how),))
                found += self.mark(goal, atom.when(condition))
        return tuple(found)


def _leaving(end: core.Stmt | None) -> tuple[Way, ...]:
    """How a path ends that does not run to the end of its statements."""
    match end:
        case None:
            return ()
        case core.Break():
            return (Way(end.span, "break"),)
        case core.Continue():
            return (Way(end.span, "continue"),)
        case core.Return():
            return (Way(end.span, "return"),)
        case _:
            raise ValueError(f"{end.span}: no path ends there")
