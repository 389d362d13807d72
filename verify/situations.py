"""Entries of a procedure in the situations that covers name: from these its runs do something.

The solver's plainest entry has nothing to move, or no time to move it in, and on such a run many a mistake does not
show. A cover with a line `reached by:` says what is worth reaching.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from verify import core
from verify.classes import InputClass
from verify.confirm import Confirmed
from verify.contract import obligations_of
from verify.evaluate import Table, context_for
from verify.passive import Kind
from verify.question import Question, ask, quantified
from verify.run import FUEL, replay
from verify.scopes import Scope
from verify.search import Found, search, search_small
from verify.small import sizes_of
from verify.terms import forget
from verify.values import MapValue, Value, some_value

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

    One has small values, if there is such a one, and so few turns of loops; another any. Each comes twice more for each
    value that is in its maps, with uninterpreted defines that are this value everywhere (what was stored comes back),
    and with such as are this value only where the procedure asks, and the plainest value elsewhere.
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
                yield from _with_plain_defines(program, routine, entry)
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


class _Asked(dict[tuple[Value, ...], Value]):
    """No entries of a table, and which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[Value, ...], None] = {}

    def get(self, row: tuple[Value, ...], default: Any = None) -> Any:
        self.rows[row] = None
        return default


def _with_plain_defines(program: core.Program, routine: core.Routine, entry: Confirmed) -> Iterator[Confirmed]:
    stored: dict[core.Type, dict[Value, None]] = {}
    for value in entry.values.values():
        if isinstance(value, MapValue):
            stored.setdefault(core.value_type(value.type), {}).update((held, None) for _, held in value.items())

    def with_table(name: str, table: Table) -> Confirmed:
        return Confirmed(replace(entry.context, tables={**entry.context.tables, name: table}), entry.values)

    for define in program.defines().values():
        every = tuple(stored.get(define.result, {})) if define.value is None else ()
        for value in every:
            yield with_table(define.qualified, Table(value))
            asked = _Asked()
            replay(program, routine, with_table(define.qualified, Table(value, asked)), (), lambda _: False, FUEL)
            other = some_value(define.result, entry.context.word_bits)
            if other != value and asked.rows:
                yield with_table(define.qualified, Table(other, dict.fromkeys(asked.rows, value)))
