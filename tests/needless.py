"""What could be left out of the specification: each precondition, invariant and statement, removed one at a time.

    PYTHONPATH=. python tests/needless.py [--spec FOLDER] [MODULE.ITEM ...]

What is removed is needless if all that it bears on is still proved, in about the time that it took before. So what only
spares the solver a long search counts as needed. Nothing is said of refutes and covers, nor of those obligations that
are not proved soon enough to begin with: they are named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import ceil
from pathlib import Path

from verify import core, syntax
from verify.claims import claims
from verify.contract import obligations_of
from verify.elaborate import elaborate
from verify.load import Loaded, load
from verify.passive import Assume, Kind, Obligation
from verify.plan import matches
from verify.question import applied
from verify.schedule import RECURSION_LIMIT, Done, each
from verify.scopes import Scope, Scopes
from verify.seen import module_invariants
from verify.solve import discharge, together
from verify.span import Source, Span
from verify.statements import called
from verify.syntax import ClauseKind, RoutineKind
from verify.verdict import Verdict

FIRST = 40.0
"""Seconds for an obligation with nothing removed."""

PATIENCE = 1.5
"""Seconds for an obligation with something removed, beside twice what it took before."""

SURVEYED = (RoutineKind.PROCEDURE, RoutineKind.LEMMA)

# --- what can be removed ---------------------------------------------------------------------------------------------

Part = syntax.Labelled | syntax.Stmt


@dataclass(frozen=True, slots=True)
class Removal:
    """What is left of a routine without one part. Of a `var` with a value it is the value that goes."""

    part: Part
    left: syntax.Routine


def removals(routine: syntax.Routine) -> Iterator[Removal]:
    """Every part of a routine, in the order of the source, what encloses others before them."""
    for number, clause in enumerate(routine.clauses):
        if isinstance(clause, syntax.Labelled) and clause.kind is ClauseKind.REQUIRES:
            rest = routine.clauses[:number] + routine.clauses[number + 1 :]
            yield Removal(clause, replace(routine, clauses=rest))
    for part, body in _shorter(routine.body or ()):
        yield Removal(part, replace(routine, body=body))


def _shorter(body: tuple[syntax.Stmt, ...]) -> Iterator[tuple[Part, tuple[syntax.Stmt, ...]]]:
    for number, stmt in enumerate(body):
        before, after = body[:number], body[number + 1 :]
        if isinstance(stmt, syntax.Declare) and stmt.value is not None:
            yield stmt, (*before, replace(stmt, value=None), *after)
        else:
            yield stmt, before + after
        for part, left in _within(stmt):
            yield part, (*before, left, *after)


def _within(stmt: syntax.Stmt) -> Iterator[tuple[Part, syntax.Stmt]]:
    match stmt:
        case syntax.If():
            yield from ((part, replace(stmt, then=left)) for part, left in _shorter(stmt.then))
            yield from ((part, replace(stmt, otherwise=left)) for part, left in _shorter(stmt.otherwise))
        case syntax.Loop():
            yield from ((part, replace(stmt, init=left)) for part, left in _shorter(stmt.init))
            yield from ((part, replace(stmt, step=left)) for part, left in _shorter(stmt.step))
            for number, clause in enumerate(stmt.clauses):
                if isinstance(clause, syntax.Labelled):
                    yield clause, replace(stmt, clauses=stmt.clauses[:number] + stmt.clauses[number + 1 :])
            yield from ((part, replace(stmt, body=left)) for part, left in _shorter(stmt.body))
        case _:
            pass


# --- what is proved --------------------------------------------------------------------------------------------------

Key = tuple[Kind, str, Span]
"""An obligation whatever is removed beside it: ids count calls and loops, and their last word does not."""


@dataclass(frozen=True, slots=True)
class Proved:
    """`used`: names of clauses that suffice. `general`: by one proof for every word size."""

    used: frozenset[str]
    seconds: float
    general: bool


@dataclass(frozen=True, slots=True)
class Task:
    """`general`: None if it is not known whether one proof for every word size is to be looked for."""

    program: core.Program
    obligation: Obligation
    scopes: tuple[Scope, ...]
    sources: dict[str, Source]
    general: bool | None
    limit: float


def proved(task: Task) -> Proved | None:
    """The proof of an obligation at all its scopes, if there is one. To be called in a worker."""
    if task.general is not False:
        found = together(task.program, task.obligation, task.scopes)
        if found is not None:
            return Proved(frozenset(found[0].used), sum(r.seconds for r in found), True)
        if task.general:
            return None
    used: set[str] = set()
    seconds = 0.0
    for scope in task.scopes:
        result = discharge(task.program, task.obligation, scope, task.sources, task.limit)
        if result.verdict is not Verdict.PROVED:
            return None
        used.update(result.used)
        seconds += result.seconds
    return Proved(frozenset(used), seconds, False)


def scopes_of(asked: tuple[core.Program, tuple[Obligation, ...]]) -> list[tuple[Scope, ...]]:
    """The scopes of each obligation. To be called in a worker."""
    scopes = Scopes(asked[0], None)
    return [scopes.of(obligation) for obligation in asked[1]]


def first_failure(tasks: Iterable[Task]) -> str | None:
    """The id of the first that is not proved within its limit; None if all are."""
    for limit, group in groupby(tasks, key=lambda task: task.limit):
        batch = tuple(group)
        with closing(each(proved, batch, 1, limit)) as outcomes:
            for index, outcome in outcomes:
                if not isinstance(outcome, Done) or outcome.value is None:
                    return batch[index].obligation.id
    return None


def key(obligation: Obligation) -> Key:
    return obligation.kind, obligation.id.rsplit("]", 1)[-1], obligation.location


def alike(one: Obligation, other: Obligation) -> bool:
    """True iff they are the same question."""
    return (one.steps, one.path, one.goal, one.revealed) == (other.steps, other.path, other.goal, other.revealed)


def limit(seconds: float) -> float:
    return PATIENCE if seconds < 0.25 else min(FIRST, float(ceil(PATIENCE + 2 * seconds)))


# --- the survey ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    module: str
    node: syntax.Routine

    @property
    def name(self) -> str:
        return f"{self.module}.{self.node.name.name}"


@dataclass(slots=True)
class Known:
    """An item with nothing removed. `proofs`: None for what is not proved within `FIRST` seconds."""

    obligations: dict[Key, Obligation]
    proofs: dict[Key, Proved | None]
    scopes: tuple[Scope, ...]

    @property
    def unasked(self) -> list[str]:
        return [o.id for k, o in self.obligations.items() if self.proofs[k] is None]


@dataclass(slots=True)
class Survey:
    loaded: Loaded
    program: core.Program
    known: dict[str, Known] = field(default_factory=dict)

    @property
    def sources(self) -> dict[str, Source]:
        return dict(self.loaded.sources)

    def items(self) -> list[Item]:
        """Procedures and lemmas, those with less to do first."""
        found = [
            Item(module.name.name, item)
            for module in self.loaded.modules
            for item in module.items
            if isinstance(item, syntax.Routine) and item.kind in SURVEYED
        ]
        return sorted(found, key=lambda item: len(list(removals(item.node))) * len(self.claimed(self.program, item)))

    def claimed(self, program: core.Program, item: Item) -> dict[Key, Obligation]:
        """The obligations of an item, but that its preconditions can be met: with less of them they still can."""
        found = obligations_of(program, program.routines()[item.name])
        return {key(o): o for o in found if o.kind is not Kind.REQUIRES}

    def as_it_is(self, item: Item) -> Known:
        """What is proved of an item with nothing removed."""
        if item.name not in self.known:
            obligations = self.claimed(self.program, item)
            asked = (self.program, tuple(obligations.values())[:1])
            ((_, outcome),) = each(scopes_of, [asked], 1, None)
            assert isinstance(outcome, Done), outcome
            scopes: tuple[Scope, ...] = outcome.value[0]
            tasks = [Task(self.program, o, scopes, self.sources, None, FIRST) for o in obligations.values()]
            proofs: dict[Key, Proved | None] = dict.fromkeys(obligations)
            keys = list(obligations)
            for index, result in each(proved, tasks, 1, FIRST):
                proofs[keys[index]] = result.value if isinstance(result, Done) else None
            self.known[item.name] = Known(obligations, proofs, scopes)
        return self.known[item.name]

    def without(self, node: syntax.Item, left: syntax.Item | None) -> core.Program | None:
        """The program with an item changed, or removed; None if that makes it wrong."""
        modules = tuple(
            replace(m, items=tuple(i for i in (left if i is node else i for i in m.items) if i is not None))
            for m in self.loaded.modules
        )
        return elaborate(modules, self.loaded.roots, self.loaded.sources)[0]

    def noticed(self, item: Item, removal: Removal) -> str | None:
        """What fails without a part: an obligation, or the file itself; None if nothing does."""
        program = self.without(item.node, removal.left)
        if program is None:
            return "the file is wrong"
        return first_failure(self.tasks(program, item, removal.part))

    def tasks(self, program: core.Program, item: Item, part: Part) -> list[Task]:
        """What is to be proved anew: what most likely fails first, and what takes long last."""
        known = self.as_it_is(item)
        ordered: list[tuple[bool, float, Task]] = []
        for k, obligation in self.claimed(program, item).items():
            proof = known.proofs.get(k, Proved(frozenset(), 0.0, True))
            before = known.obligations.get(k)
            if proof is None or (before is not None and alike(before, obligation)):
                continue
            needs = uses(program, item, part, obligation, proof)
            if needs or not decides(part):
                general = proof.general if before is not None else None
                seconds = limit(proof.seconds)
                task = Task(program, obligation, known.scopes, self.sources, general, seconds)
                ordered.append((not needs, seconds, task))
        return [task for _, _, task in sorted(ordered, key=lambda entry: entry[:2])]

    # --- invariants of modules ---------------------------------------------------------------------------------------

    def invariants(self) -> list[tuple[str, syntax.Labelled]]:
        """The invariants of modules, by qualified name."""
        return [
            (f"{module.name.name}.invariant.{item.label.name}", item)
            for module in self.loaded.modules
            for item in module.items
            if isinstance(item, syntax.Labelled) and item.kind is ClauseKind.INVARIANT
        ]

    def invariant_noticed(self, name: str, node: syntax.Labelled) -> str | None:
        """The same for an invariant of a module: of the procedures that see it, the first where something fails."""
        program = self.without(node, None)
        if program is None:
            return "the file is wrong"
        for item in self.items():
            seen = [invariant for invariant, _ in module_invariants(self.program, item.module)]
            if item.node.kind is RoutineKind.PROCEDURE and name in seen:
                failure = first_failure(self.invariant_tasks(program, item, name))
                if failure is not None:
                    return failure
        return None

    def invariant_tasks(self, program: core.Program, item: Item, name: str) -> list[Task]:
        known = self.as_it_is(item)
        found = []
        for k, obligation in self.claimed(program, item).items():
            proof = known.proofs.get(k)
            if proof is not None and name in proof.used:
                seconds = limit(proof.seconds)
                found.append(Task(program, obligation, known.scopes, self.sources, proof.general, seconds))
        return sorted(found, key=lambda task: task.limit)


def decides(part: Part) -> bool:
    """True iff `uses` says for certain which proofs a part bears on.

    A clause stands among the assumptions by its name, and a proof that does without it is one without it. A definition
    that is not mentioned need not be revealed. But a call also leaves behind what it asked for, and anything may
    follow from an assignment.
    """
    return isinstance(part, syntax.Labelled | syntax.Assert | syntax.Reveal)


def uses(program: core.Program, item: Item, part: Part, obligation: Obligation, proof: Proved) -> bool:
    """True iff the proof of an obligation uses what a part says."""
    match part:
        case syntax.Labelled():
            end = f".{part.kind.value}.{part.label.name}"
            return any(name.startswith(f"{item.name}.") and name.endswith(end) for name in proof.used)
        case syntax.Assert():
            return f"{item.name}.assert.{part.label.name}" in proof.used
        case syntax.Reveal():
            exprs = [step.expr if isinstance(step, Assume) else step.value for step in obligation.steps]
            exprs += [] if obligation.goal is None else [obligation.goal]
            return any(name.endswith(f".{part.name.name}") for expr in exprs for name in applied(program, expr))
        case _:
            call = called(part)
            return call is not None and any(f".{call.name.name}.ensures." in name for name in proof.used)


# --- what is said ----------------------------------------------------------------------------------------------------


def described(name: str, part: Part, source: Source) -> str:
    """One line for what is needless: its place, text and claims, and the comment that may say why it stays."""
    notes: list[str] = []
    if isinstance(part, syntax.Labelled | syntax.Assert):
        notes += (f"claim: {claim}" for claim in claims(part.doc))
    if isinstance(part, syntax.Declare):
        notes.append("the variable" if part.value is None else "the value")
    notes += comments(part.span, source)
    cut = shorten(source.cut(part.span), 100)
    return f"{part.span.file}:{part.span.line}: {name}: {cut}" + "".join(f" [{note}]" for note in notes)


def comments(span: Span, source: Source) -> Iterator[str]:
    """The comments above and beside what stands there, but for its claims."""
    first = span.line
    while source.line(first - 1).strip().startswith("//"):
        first -= 1
    for number in range(first, span.end_line + 1):
        comment = source.line(number).partition("//")[2].lstrip("/").strip()
        if comment and not comment.startswith("claim:"):
            yield comment


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def survey_item(survey: Survey, item: Item) -> Iterator[str]:
    """What is to be said of an item, line by line."""
    started = time.monotonic()
    known = survey.as_it_is(item)
    if known.unasked:
        yield f"{item.name}: not proved in {FIRST:.0f} s as it is, and left out: {', '.join(known.unasked)}"
    needless: list[Span] = []
    count = 0
    for removal in removals(item.node):
        part = removal.part
        if any(span.contains(part.span) for span in needless):
            continue  # it goes with what encloses it
        count += 1
        if survey.noticed(item, removal) is None:
            needless.append(part.span)
            yield f"NEEDLESS {described(item.name, part, survey.loaded.sources[part.span.file])}"
    yield f"{item.name}: {len(needless)} of {count} needless, {time.monotonic() - started:.0f} s"


def survey_all(survey: Survey, only: Sequence[str]) -> Iterator[str]:
    """What is to be said of the items whose names match, or of all, and of the invariants of modules."""
    for item in survey.items():
        if matches(item.name, only):
            yield from survey_item(survey, item)
    for name, node in survey.invariants():
        if matches(name, only):
            failure = survey.invariant_noticed(name, node)
            if failure is None:
                yield f"NEEDLESS {described(name, node, survey.loaded.sources[node.span.file])}"
            yield f"{name}: {failure or 'nothing'} fails without it"


def main(arguments: Sequence[str]) -> int:
    sys.setrecursionlimit(RECURSION_LIMIT)
    parser = argparse.ArgumentParser(description="What could be left out of the specification.")
    parser.add_argument("--spec", type=Path, default=Path(__file__).parent.parent / "spec", metavar="FOLDER")
    parser.add_argument("only", nargs="*", metavar="MODULE.ITEM", help="patterns; all items if there is none")
    options = parser.parse_args(arguments)
    loaded = load([options.spec])
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    if program is None:
        print(*(f"{m.span}: {m.what}" for m in (*loaded.diagnostics, *mistakes)), sep="\n", file=sys.stderr)
        return 2
    found = 0
    for line in survey_all(Survey(loaded, program), options.only):
        found += line.startswith("NEEDLESS")
        print(line, flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
