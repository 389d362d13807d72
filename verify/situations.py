"""Entries of a procedure in the situations that covers name: from these its runs do something.

The solver's plainest entry has nothing to move, or no time to move it in, and on such a run many a mistake does not
show. A cover with a line `reached by:` says what is worth reaching.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from verify import core
from verify.classes import InputClass
from verify.confirm import Confirmed
from verify.contract import obligations_of
from verify.evaluate import Table, context_for
from verify.passive import Kind
from verify.question import Question, ask, quantified
from verify.scopes import Scope
from verify.search import Found, search, search_small
from verify.small import sizes_of
from verify.terms import forget
from verify.values import MapValue, Value

FEW = 2
"""On so many geometries each situation is looked at: some situations there are only where there are more levels."""


def situations(
    program: core.Program,
    routine: core.Routine,
    classes: Iterable[InputClass],
    scopes: Sequence[Scope],
    seconds: float,
    unmet: core.Expr | None = None,
) -> Iterator[Confirmed]:
    """Entries of a procedure in each of its classes, on the first of these geometries that have any, FEW of them, each
    looked for for so long; with `unmet`, those at which it is false.

    One has small values, if there is such a one, and so few turns of loops; another any. Each comes once more for each
    value that is in its maps, with uninterpreted defines that are this value everywhere: what was stored comes back.
    """
    for one in classes:
        if one.procedure != routine.qualified:
            continue
        narrowed = _narrowed(routine, one)
        inside = program.replacing(narrowed)
        (asked,) = (o for o in obligations_of(inside, narrowed) if o.kind is Kind.REQUIRES)
        left = FEW
        for scope in (s for s in scopes if s.name is not None and one.on(s.name)):
            question = replace(ask(inside, asked, scope), goal=unmet)
            found = tuple(_entries(inside, question, scope, seconds))
            for entry in found:
                yield entry
                yield from _with_plain_defines(program, entry)
            left -= bool(found)
            if left == 0:
                break


def _narrowed(routine: core.Routine, within: InputClass) -> core.Routine:
    """The procedure, which requires that its input is in a class."""
    clauses = tuple(core.Clause(name, expr, expr.span, expr.span) for name, expr in within.clauses)
    return replace(routine, requires=(*routine.requires, *clauses))


def _entries(program: core.Program, question: Question, scope: Scope, seconds: float) -> Iterator[Confirmed]:
    forget()
    sizes = sizes_of(context_for(program, scope.values, scope.word_bits, {}))
    small = search_small(program, question, seconds, near=sizes) if sizes else None
    if isinstance(small, Found):
        yield small.confirmed
    forget()
    found = search(program, question, seconds, quantified(program, question))
    if isinstance(found, Found):
        yield found.confirmed


def _with_plain_defines(program: core.Program, entry: Confirmed) -> Iterator[Confirmed]:
    stored: dict[core.Type, dict[Value, None]] = {}
    for value in entry.values.values():
        if isinstance(value, MapValue):
            stored.setdefault(core.value_type(value.type), {}).update((held, None) for _, held in value.items())
    for define in program.defines().values():
        for value in stored.get(define.result, {}) if define.value is None else ():
            tables = {**entry.context.tables, define.qualified: Table(value)}
            yield Confirmed(replace(entry.context, tables=tables), entry.values)
