"""That a function of Python does what an item says: which items can be so compared, and the obligation.

An item is compared if it is arithmetic: a procedure with a body, or a define, of words, ints and bools alone, that
neither changes nor reads a state. The function is run on unknown numbers, each branch (`symbolic`); what it was seen to
do becomes the claim, and that is put to the solver like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from verify import core
from verify.bindings import CODE, DEFINES, PROCEDURES, Bindings
from verify.contract import Contract
from verify.core import BOOL, INT, WORD, WORD_BITS, BinaryOp, SymbolKind
from verify.diagnostic import Diagnostic
from verify.function import Binding, Fails, Forks, Function, Gives, Lost, Tree
from verify.passive import Kind, Obligation
from verify.rename import conjunction, variables
from verify.sites import callees, expressions
from verify.span import Span
from verify.syntax import RoutineKind
from verify.walk import Flow

LABEL = "implementation"

_SCALARS = (WORD, INT, BOOL)

Functions = tuple[Function, ...]
"""The functions that implement items, one for an item at most."""


def id_of(item: str) -> str:
    """The obligation about the function of an item, by its qualified name."""
    return f"{item}.{LABEL}"


# --- which there are -----------------------------------------------------------------------------------------------


def functions(program: core.Program, bindings: Bindings) -> tuple[Functions, tuple[Diagnostic, ...]]:
    """The functions of the arithmetic items of the modules that were asked for, nothing known of them yet.

    What is bound in modules that were not asked for is of no account; nor is what is bound for tests alone.
    """
    asked = {m.name for m in program.modules if m.root}
    found: list[Function] = []
    mistakes: list[Diagnostic] = []
    for binding in bindings.bound:
        module, _, name = binding.item.rpartition(".")
        if module not in asked:
            continue
        item = _item(program, binding)
        if item is None:
            what = f"the module `{module}` has no {'define' if binding.define else 'procedure'} `{name}`"
            why = f"the table `{PROCEDURES}` is of procedures, and the table `{DEFINES}` of defines"
            mistakes.append(mistake(binding, what, why, "write the name as the specification has it: MODULE.NAME"))
        elif is_arithmetic(program, item):
            found.append(_function(program, binding, item))
        elif isinstance(item, core.Define):
            what = f"no function can be compared with the define `{binding.item}`"
            why = "it has no body, or is not of words, ints and bools alone, or depends on a state"
            mistakes.append(mistake(binding, what, why, "leave it out"))
    return tuple(found), tuple(mistakes)


def _item(program: core.Program, binding: Binding) -> core.Routine | core.Define | None:
    if binding.define:
        return program.defines().get(binding.item)
    routine = program.routines().get(binding.item)
    return routine if routine and routine.kind in (RoutineKind.PROCEDURE, RoutineKind.TRUSTED) else None


def mistake(binding: Binding, what: str, why: str, help_: str) -> Diagnostic:
    """What is wrong with a binding."""
    return Diagnostic(CODE, binding.span, what, why, help_)


def is_arithmetic(program: core.Program, item: core.Routine | core.Define) -> bool:
    """True iff a function of numbers can do what the item says, and the item says what that is."""
    if isinstance(item, core.Define):
        of_numbers = all(t in _SCALARS for t in (*(p.type for p in item.parameters), item.result))
        return item.value is not None and not item.reads and of_numbers
    if item.kind is not RoutineKind.PROCEDURE or item.body is None or item.modifies or not item.results:
        return False
    if any(s.type not in _SCALARS for s in (*item.parameters, *item.results)):
        return False
    return not _meets_state(program, item)


def _meets_state(program: core.Program, routine: core.Routine) -> bool:
    """True iff a run of the routine may change or read a state, or its contract speaks of one."""
    if routine.modifies or any(s.kind is SymbolKind.STATE for e in expressions(routine) for s in variables(e)):
        return True
    called = (program.routines()[name] for name in callees(routine))
    return any(c.kind is not RoutineKind.LEMMA and _meets_state(program, c) for c in called)


def _function(program: core.Program, binding: Binding, item: core.Routine | core.Define) -> Function:
    """With nothing known of it."""
    params = [i.symbol for i in program.visible_items(item.module) if isinstance(i, core.Param)]
    inputs = (*item.parameters, WORD_BITS, *(p for p in params if p.type in _SCALARS))
    wanted: tuple[core.Expr, ...]
    if isinstance(item, core.Define):
        arguments = tuple(core.Var(item.span, p) for p in item.parameters)
        wanted = (core.Apply(item.span, item.qualified, arguments, item.result),)
    else:
        wanted = tuple(core.Var(item.span, r) for r in item.results)
    return Function(binding, inputs, wanted, "", Lost("it has not been looked at", True))


# --- the claim -----------------------------------------------------------------------------------------------------


def implementation_of(
    program: core.Program, item: core.Routine | core.Define, functions: Functions
) -> Iterator[Obligation]:
    """That the item's function, if it has one, does what the item says."""
    function = next((f for f in functions if f.binding.item == item.qualified), None)
    if function is None:
        return
    id_ = id_of(item.qualified)
    goal = claim(function.tree, function.wanted, item.span)
    if isinstance(item, core.Define):
        yield Obligation(
            id_, Kind.IMPLEMENTATION, item.module, item.name, item.span, (), (), (), goal, (), frozenset(), None, (),
            function,
        )  # fmt: skip
        return
    clause = core.Clause(LABEL, goal, item.span, item.span)
    every = _AtTheEnd(program, replace(item, ensures=(clause,))).gather()
    (found,) = (o for o in every if o.id == f"{item.qualified}.ensures.{LABEL}")
    yield replace(found, id=id_, kind=Kind.IMPLEMENTATION, function=function)


class _AtTheEnd(Contract):
    """What is claimed at the end of a body, alone: that its expressions are defined has its own obligations."""

    def meet_expr(self, expr: core.Expr, flow: Flow) -> None:
        pass


def claim(tree: Tree, wanted: Sequence[core.Expr], span: Span) -> core.Expr:
    """True iff the function is known to return what is wanted. Defined everywhere, as far as that is."""
    match tree:
        case Forks(condition=condition, defined=defined, yes=yes, no=no):
            either = core.Ite(span, condition, claim(yes, wanted, span), claim(no, wanted, span))
            return conjunction(span, (*defined, either))
        case Gives(values=values, defined=defined):
            return conjunction(span, (*defined, *_same(wanted, values, span)))
        case Fails() | Lost():
            return core.Literal(span, False, BOOL)


def _same(wanted: Iterable[core.Expr], values: Iterable[core.Expr], span: Span) -> Iterator[core.Expr]:
    for one, other in zip(wanted, values, strict=True):
        # A word is the number that it stands for: a sum that was not reduced is not the word that it would wrap to.
        exact = core.ToInt(span, one) if one.type == WORD and other.type == INT else one
        yield core.Binary(span, BinaryOp.EQ, exact, other)
