"""What functions do: each run in a process of its own, on unknown numbers and on drawn ones, which must agree."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from verify import core
from verify.actual import drawn, outcome, request, said
from verify.bindings import GIVEN
from verify.child import NoAnswer, ask
from verify.core import BOOL, SymbolKind
from verify.diagnostic import Diagnostic
from verify.function import Function, Lost
from verify.implementation import Functions, mistake
from verify.pythonic import tree
from verify.recorded import Unreadable, runs
from verify.schedule import Done, each
from verify.scopes import WIDTHS


@dataclass(frozen=True, slots=True)
class _Look:
    """What a worker does with a function."""

    program: core.Program
    seconds: float

    def __call__(self, function: Function) -> Function | Diagnostic:
        return looked_at(self.program, function, self.seconds)


def look(
    program: core.Program, functions: Functions, seconds: float, jobs: int, grace: float, stop: Connection | None
) -> tuple[Functions, tuple[Diagnostic, ...]]:
    """The functions with what they do, each looked at for so many seconds; and what is wrong with their bindings.

    After an interrupt there may be fewer.
    """
    found: dict[int, Function] = {}
    mistakes: list[Diagnostic] = []
    with closing(each(_Look(program, seconds), functions, jobs, seconds + grace, stop)) as outcomes:
        for number, what in outcomes:
            match what:
                case Done(value=Function() as seen):
                    found[number] = seen
                case Done(value=Diagnostic() as wrong):
                    mistakes.append(wrong)
                case _:
                    trouble = "the process that looked at it did not come to an end"
                    found[number] = replace(functions[number], trouble=trouble, late=True)
    return tuple(found[number] for number in sorted(found)), tuple(mistakes)


def looked_at(program: core.Program, function: Function, seconds: float) -> Function | Diagnostic:
    """The function with what it does, or the trouble in finding that out; or what is wrong with its binding."""
    binding = function.binding
    module = binding.item.rpartition(".")[0]
    samples = tuple(drawn(program, module, function))
    try:
        answer = ask(request(function, explore=True, runs=[values for _, values in samples]), seconds)
        match answer:
            case {"mistake": str(what)}:
                why = f"it is to implement `{binding.item}`: its parameters are those, or are in `tool.verify.{GIVEN}`"
                help_ = "name a function that can be imported in the folder of this file; --no-bindings leaves it out"
                return mistake(binding, what, why, help_)
            case {"unsteady": True}:
                raise NoAnswer("it does not do the same twice", False)
            case {"place": {"file": str(file), "line": int(line)}, "runs": list(ran)} if len(ran) == len(samples):
                function = replace(function, where=f"{file}:{line}")
            case _:
                raise NoAnswer("the process that ran it wrote something else than what was asked for", False)
        truths = frozenset(s for s in function.inputs if s.type == BOOL)
        noted = runs(answer, function.inputs, truths)
        types = tuple(e.type for e in function.wanted)
        span = function.wanted[0].span
        named = {s.name: s for s in function.inputs}
        function = replace(function, tree=tree(noted, named, types, span, _least_bits(program)))
        for (context, values), one in zip(samples, ran, strict=True):
            expected, real = said(function.tree, context, values, types), outcome(function, one, context.word_bits)
            if not isinstance(expected, Lost) and expected != real:
                given = ", ".join(f"{s.name} = {v:#x}" for s, v in values.items() if s.kind is SymbolKind.ARGUMENT)
                raise NoAnswer(f"run on numbers it does not do what it did on unknown ones: {given}", False)
    except NoAnswer as error:
        return replace(function, trouble=error.what, late=error.late)
    except Unreadable as error:
        return replace(function, trouble=f"what was noted of it cannot be read: {error}")
    return function


def _least_bits(program: core.Program) -> int:
    """The smallest word that anything is claimed of."""
    named = (i.word_bits for m in program.modules for i in m.items if isinstance(i, core.Geometry))
    return min((*WIDTHS, *named))
