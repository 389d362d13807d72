"""What a function really does, on values, beside what was noted of it: run in a process of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify import core
from verify.child import NoAnswer, ask
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undefined, context_for, evaluate
from verify.function import Fails, Forks, Function, Gives, Lost, Tree
from verify.seen import geometries, whole
from verify.values import Value, fits

Values = Mapping[Symbol, Value]

GEOMETRIES, DRAWN = 4, 12
"""On how many geometries with a name a function is run before anything is believed of it, and how often on each."""


@dataclass(frozen=True, slots=True)
class Did:
    """It returned these values, one for each result."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """It raised an exception, or returned what is no value of the results' types."""

    what: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failed)  # the words may have numbers in them that only a run knows

    __hash__ = None  # type: ignore[assignment]


def request(function: Function, *, explore: bool, runs: Sequence[Values]) -> dict[str, Any]:
    """What the process is asked."""
    binding = function.binding
    return {
        "place": binding.place,
        "root": binding.root,
        "own": [s.name for s in function.inputs if s.kind is SymbolKind.ARGUMENT],
        "seen": [s.name for s in function.inputs if s.kind is SymbolKind.PARAM],
        "given": {g.parameter: {"make": g.make, "called": dict(g.called)} for g in binding.given},
        "inputs": {s.name: "bool" if s.type == core.BOOL else "int" for s in function.inputs},
        "explore": explore,
        "runs": [{s.name: values[s] for s in function.inputs} for values in runs],
    }


def done(function: Function, values: Values, word_bits: int, seconds: float) -> Did | Failed:
    """What the function does with values of its inputs. Raises NoAnswer."""
    answer = ask(request(function, explore=False, runs=(values,)), seconds)
    match answer:
        case {"runs": [run]}:
            return outcome(function, run, word_bits)
        case _:
            raise NoAnswer("the process that ran it wrote something else than what was asked for", False)


def outcome(function: Function, run: Any, word_bits: int) -> Did | Failed:
    """A run, as it was written. Raises NoAnswer."""
    match run:
        case {"returned": returned}:
            many = isinstance(returned, list)
            values = tuple(returned) if many else (returned,)
            types = [e.type for e in function.wanted]
            as_many = many == (len(types) != 1) and len(values) == len(types)
            if as_many and all(fits(v, t, word_bits) for v, t in zip(values, types, strict=True)):
                return Did(values)
            return Failed(f"returns {tuple(values)}" if many else f"returns {values[0]!r}")
        case {"odd": str(what)}:
            return Failed(f"returns {what}")
        case {"raised": str(what)}:
            return Failed(f"raises {what}")
        case _:
            raise NoAnswer("the process that ran it wrote something else than a run", False)


def said(tree: Tree, context: Context, values: Values, types: Sequence[core.Type]) -> Did | Failed | Lost:
    """What was noted of the function, on values of its inputs."""
    try:
        match tree:
            case Forks(condition=condition, defined=defined, yes=yes, no=no):
                if not all(evaluate(d, context, values, {}) for d in defined):
                    return Lost("a number on the way is more than a word holds", False)
                return said(yes if evaluate(condition, context, values, {}) else no, context, values, types)
            case Gives(values=given, defined=defined):
                if not all(evaluate(d, context, values, {}) for d in defined):
                    return Lost("a number on the way is more than a word holds", False)
                found = tuple(evaluate(v, context, values, {}) for v in given)
                if all(fits(v, t, context.word_bits) for v, t in zip(found, types, strict=True)):
                    return Did(found)
                return Failed(f"returns {found}")
            case Fails(what=what):
                return Failed(what)
            case Lost():
                return tree
    except Undefined as undefined:
        return Lost(f"what was noted is not defined: {undefined.reason}", False)


def inputs_of(function: Function, context: Context, arguments: Values) -> dict[Symbol, Value]:
    """The values of a function's inputs: arguments, and the params of a context. KeyError if one has none."""
    found: dict[Symbol, Value] = {}
    for symbol in function.inputs:
        value = arguments[symbol] if symbol.kind is SymbolKind.ARGUMENT else context.constants[symbol]
        assert isinstance(value, int)
        found[symbol] = value
    return found


def drawn(program: core.Program, module: str, function: Function) -> Iterator[tuple[Context, dict[Symbol, Value]]]:
    """Values for a function's inputs, on geometries that have a name, the same each time."""
    items = program.visible_items(module)
    known = [g for g in geometries(program, module).values() if whole(g, items)][:GEOMETRIES]
    settings = [(g.word_bits, dict(g.values)) for g in known]
    if not any(isinstance(item, core.Param) for item in items):
        settings = [(32, {}), (64, {})]
    choose = random.Random(function.binding.item)
    for bits, geometry in settings:
        context = context_for(program, geometry, bits, {})
        near = [v for s, v in context.constants.items() if isinstance(v, int) and s.type == core.WORD]
        for _ in range(DRAWN):
            arguments = {
                s: _value(s.type, bits, near, choose) for s in function.inputs if s.kind is SymbolKind.ARGUMENT
            }
            yield context, inputs_of(function, context, arguments)


def _value(type_: core.Type, bits: int, near: Sequence[int], choose: random.Random) -> Value:
    """A word near a multiple of one of the constants, near an end, or anywhere; an int likewise; or a bool."""
    if type_ == core.BOOL:
        return choose.random() < 0.5
    size = choose.choice([*near, 1])
    value = choose.choice([0, 1, -1, choose.getrandbits(4), -choose.getrandbits(4), choose.getrandbits(bits)]) * size
    value += choose.choice([0, 0, 0, 1, -1, choose.getrandbits(8)])
    return value % (1 << bits) if type_ == core.WORD else value
