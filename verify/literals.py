"""That each word literal fits every word size at which a claim that uses it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from verify import core
from verify.core import Symbol
from verify.diagnostic import Diagnostic
from verify.errors import literal_range
from verify.obligations import obligations
from verify.passive import Kind
from verify.scopes import WIDTHS, Scopes
from verify.seen import assumptions, module_invariants
from verify.sites import callees, expressions, subexpressions
from verify.span import Span
from verify.syntax import RoutineKind


def check_literals(program: core.Program, geometry: str | None = None) -> tuple[Diagnostic, ...]:
    """A mistake for each literal that is too large for a claim that depends on it, in the order of the source.

    A claim depends on the text of its item, on the contracts that it calls, on the invariants that its module sees,
    and on the defines and constants in all of these; a claim about every geometry on the assumptions too. (A named
    geometry may be one at which an assumption has no value: it does not meet it then.) `geometry` is the one that
    stands in place of every one, as `Scopes` has it. Asks the solver only where a literal needs more bits than the
    fewest that a claim could be about.
    """
    scopes = Scopes(program, geometry)
    fewest = min([*WIDTHS, *(i.word_bits for m in program.modules for i in m.items if isinstance(i, core.Geometry))])
    written = [e for m in program.modules for i in m.items for root in expressions(i) for e in subexpressions(root)]
    if not any(isinstance(e, core.Literal) and e.type == core.WORD and e.value >> fewest for e in written):
        return ()
    defines = program.defines()
    constants = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}
    named = core.Geometry | core.Extension  # an item of another kind may have the same name
    items = {(m.name, item_name(i)): i for m in program.modules for i in m.items if not isinstance(i, named)}
    found: dict[Span, Diagnostic] = {}
    large: dict[tuple[str, str], dict[Span, int]] = {}
    for obligation in obligations(program):
        if obligation.kind is Kind.GEOMETRY:
            continue
        key = (obligation.module, obligation.item)
        if key not in large:
            roots = list(reached(program, obligation.module, items[key]))
            if obligation.on is None:
                roots += [c.expr for _, c in assumptions(program, obligation.module, obligation.without)]
            literals = word_literals(roots, defines, constants)
            large[key] = {span: value for span, value in literals if value >> fewest}
        if not large[key]:
            continue
        widths = sorted({scope.word_bits for scope in scopes.of(obligation)})
        for span, value in large[key].items():
            narrow = next((bits for bits in widths if value >> bits), None)
            if narrow is not None:
                found.setdefault(span, literal_range(span, value, narrow, ".".join(key)))
    return tuple(found[span] for span in sorted(found))


def item_name(item: core.Item) -> str:
    """The item as an obligation names it: those of clauses are `assume.LABEL` and `invariant.LABEL`."""
    match item:
        case core.Assume(clause=clause):
            return f"assume.{clause.label}"
        case core.Invariant(clause=clause):
            return f"invariant.{clause.label}"
        case core.Param(symbol=symbol) | core.Const(symbol=symbol) | core.State(symbol=symbol):
            return symbol.name
        case core.Geometry(name=name) | core.Extension(name=name) | core.Define(name=name) | core.Routine(name=name):
            return name


def reached(program: core.Program, module: str, item: core.Item) -> Iterator[core.Expr]:
    """The expressions that a claim of an item depends on, defines and constants unopened."""
    yield from expressions(item)
    if not isinstance(item, core.Routine):
        return
    yield from (clause.expr for _, clause in module_invariants(program, module))
    routines = program.routines()
    for name in sorted(callees(item)):
        callee = routines[name]
        if item.kind is RoutineKind.REFUTE_PROCEDURE and callee.body is not None:  # its body is entered
            yield from reached(program, callee.module, callee)
        else:
            yield from (clause.expr for clause in (*callee.requires, *callee.ensures))


def word_literals(
    roots: list[core.Expr], defines: Mapping[str, core.Define], constants: Mapping[Symbol, core.Expr]
) -> Iterator[tuple[Span, int]]:
    """The literals of type word in the expressions, and in the defines and constants that they use."""
    seen: set[object] = set()
    stack = list(reversed(roots))
    while stack:
        for node in subexpressions(stack.pop()):
            value: core.Expr | None = None
            match node:
                case core.Literal(span=span, value=number, type=core.WordType()):
                    yield span, number
                case core.Apply(function=function) if function not in seen:
                    seen.add(function)
                    value = defines[function].value
                case core.Var(symbol=symbol) if symbol in constants and symbol not in seen:
                    seen.add(symbol)
                    value = constants[symbol]
                case _:
                    pass
            if value is not None:
                stack.append(value)
