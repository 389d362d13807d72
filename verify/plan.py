"""What is to be proved: each obligation at each of its scopes, in the order of the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache

from verify import core
from verify.diagnostic import Diagnostic
from verify.implementation import Functions
from verify.literals import check_literals
from verify.obligations import obligations
from verify.passive import Kind, Obligation
from verify.scopes import WIDTHS, Scope, Scopes


@dataclass(frozen=True, slots=True)
class Task:
    """One entry of the report: an obligation at a scope. `listed` is false for one that is run for others' sake."""

    obligation: Obligation
    scope: Scope
    listed: bool

    @property
    def item(self) -> tuple[str, str, str, int]:
        """What it has in common with the other obligations of its item at its scope."""
        return self.obligation.module, self.obligation.item, self.scope.shown, self.scope.word_bits


@dataclass(frozen=True, slots=True)
class Plan:
    """`tasks` in the order of the source, those of one obligation together.

    `excluded`: modules whose assumptions leave no geometry at some word sizes, with those sizes. `mistakes`: literals
    that do not fit the word sizes that are left; with one, the tasks have no meaning.
    """

    tasks: tuple[Task, ...]
    excluded: tuple[tuple[str, tuple[int, ...]], ...]
    mistakes: tuple[Diagnostic, ...] = ()

    @property
    def listed(self) -> tuple[Task, ...]:
        """The entries of the report."""
        return tuple(t for t in self.tasks if t.listed)


@dataclass(frozen=True, slots=True)
class Request:
    """`every`: the obligations there are. `only`: patterns, one of which an id must match, or none for every id.
    `geometry`: in place of every one."""

    program: core.Program
    every: tuple[Obligation, ...]
    only: tuple[str, ...]
    geometry: str | None

    @classmethod
    def of(
        cls, program: core.Program, only: tuple[str, ...], geometry: str | None, functions: Functions = ()
    ) -> Request:
        """Of a program's obligations. `functions`: those that implement items."""
        return cls(program, obligations(program, functions), only, geometry)


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan but for the obligations: it is small. `entries` has those that are to be proved by their numbers, with
    their scopes, and whether they are listed."""

    entries: tuple[tuple[int, tuple[Scope, ...], bool], ...]
    excluded: tuple[tuple[str, tuple[int, ...]], ...]
    mistakes: tuple[Diagnostic, ...]


def draft(request: Request) -> Draft:
    """What a request comes to. Asks the solver for the word sizes: to be called in a worker.

    An item's `requires` is among the tasks, unlisted, also when `only` leaves it out: it may make the others vacuous.
    """
    program = request.program
    scopes = Scopes(program, request.geometry)
    chosen = frozenset(o.id for o in request.every if matches(o.id, request.only))
    items = frozenset((o.module, o.item) for o in request.every if o.id in chosen)
    entries: list[tuple[int, tuple[Scope, ...], bool]] = []
    general: dict[str, None] = {}
    for number, obligation in enumerate(request.every):
        listed = obligation.id in chosen
        if listed or (obligation.kind is Kind.REQUIRES and (obligation.module, obligation.item) in items):
            entries.append((number, scopes.of(obligation), listed))
            if obligation.on is None and obligation.kind is not Kind.GEOMETRY and request.geometry is None:
                general.setdefault(obligation.module)
    left_out = ((m, tuple(w for w in WIDTHS if w not in scopes.remaining(m, ()))) for m in general)
    excluded = tuple((m, widths) for m, widths in left_out if widths)
    return Draft(tuple(entries), excluded, check_literals(program, request.geometry))


def plan(request: Request, drafted: Draft) -> Plan:
    """The tasks that a request stands for, by what it comes to."""
    entries = ((request.every[number], scopes, listed) for number, scopes, listed in drafted.entries)
    tasks = (Task(obligation, scope, listed) for obligation, scopes, listed in entries for scope in scopes)
    return Plan(tuple(tasks), drafted.excluded, drafted.mistakes)


def matches(id_: str, only: Sequence[str]) -> bool:
    """True iff some pattern matches the id, or there is none. `[3]`, as ids have it, stands for itself."""
    return not only or any(_compiled(pattern).match(id_) for pattern in only)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(re.sub(r"\[(\d+)\]", r"[[]\1]", pattern)))
