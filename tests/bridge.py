"""Between a state of the specification and a state of the implementation: the one module that knows both sides.

| specification | implementation |
|---|---|
| `pte: map[word, pte_t]`, `none` | `Mm.pte`, no key; other members stand for themselves |
| `table: set[word]` | `Mm.table` |
| `refuses: map[int, bool]`, `asked: int` | `Mm.allocator` |
| `steps: int` | the length of `Mm.steps`, counted on |
| `move_pte(entry, old_addr, new_addr)` | `Mm.move_pte` |
| a result `present: bool` | a `Pmd`, that of the address asked for, or None |

A parameter of an implementing function is `mm`, `geometry`, the `X_pmd` of a parameter `X_addr`, or has the name of the
procedure's own. A function has no other way to reach a state.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mremap_impl.geometry import Geometry
from mremap_impl.mm import Allocator, Mm
from verify import core
from verify.core import MapType, SetType, Symbol, SymbolKind
from verify.evaluate import Context
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers
from verify.values import MapValue, Member, Value, fits, map_value

STATES = ("pte", "table", "refuses", "asked", "steps")
PAGES = 4096
"""How many pages a range has at most: what one example may cost."""
SLACK = 100
"""A move may take so many steps, and two for each page: far more than it needs, so one that takes more never ends."""
Function = Callable[..., Any]


class NoBridge(Exception):
    """A procedure and a function that cannot be brought together; the message says why."""


class Misbehaved(Exception):
    """The implementation did what no state or result of the specification stands for; the message says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call left behind."""

    state: Mapping[Symbol, Value]
    results: Mapping[Symbol, Value]


def function_at(place: str) -> Function:
    """The function that `python.module:name` is. Raises NoBridge."""
    module, colon, name = place.partition(":")
    if not colon:
        raise NoBridge(f"`{place}` is not of the form `python.module:function`")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise NoBridge(f"`{place}` does not exist: {error}") from error
    if not callable(found):
        raise NoBridge(f"`{place}` is no function")
    function: Function = found
    return function


def check(program: core.Program, routine: core.Routine, function: Function) -> None:
    """Raises NoBridge unless the function can be called for the procedure, and all that it may change is known here."""
    own = {p.name for p in routine.parameters}
    names = set(inspect.signature(function).parameters)
    for name in names - own - {"mm", "geometry"}:
        if not name.endswith("pmd") or _addr_of(name) not in own:
            raise NoBridge(f"{routine.qualified}: nothing stands for the parameter `{name}` of {function.__name__}")
    for name in own - names:
        raise NoBridge(f"{routine.qualified}: {function.__name__} has no parameter `{name}`")
    for state in _states(program, routine):
        if state.name not in STATES:
            raise NoBridge(f"{routine.qualified}: nothing in the implementation stands for the state `{state.name}`")
    if len(routine.results) > 1:
        raise NoBridge(f"{routine.qualified}: a function returns one result, not {len(routine.results)}")


def affordable(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """Whether the range among a move's arguments is short enough to go through. True while nothing is known of it."""
    return _pages(geometry_of(context), {s.name: v for s, v in values.items()}) <= PAGES


def call(routine: core.Routine, function: Function, example: Example, answers: Mapping[str, Answers]) -> Outcome:
    """Runs a function on an example's arguments and state. `answers`: the uninterpreted defines, by qualified name.

    Raises Misbehaved, also for whatever the function raises.
    """
    geometry = geometry_of(example.context)
    arguments = {s.name: v for s, v in example.arguments.items()}
    state = {s.name: v for s, v in example.state.items()}
    mm = mm_of(geometry, state, answers, 2 * _pages(geometry, arguments) + SLACK)
    given = {name: _argument(name, mm, geometry, arguments) for name in inspect.signature(function).parameters}
    try:
        returned = function(**given)
    except Misbehaved:
        raise
    except Exception as error:
        raise Misbehaved(f"{function.__name__} raised {type(error).__name__}: {error}") from error
    after = {s: _state_after(s, v, mm, example.context.word_bits) for s, v in example.state.items()}
    results = {r: _result(r, returned, mm, arguments, example.context.word_bits) for r in routine.results}
    return Outcome(after, results)


# --- from the specification ----------------------------------------------------------------------------------------


def geometry_of(context: Context) -> Geometry:
    """The geometry of a context."""
    return Geometry(
        "drawn",
        context.word_bits,
        _constant(context, "PAGE_SHIFT"),
        _constant(context, "PMD_SHIFT"),
        _constant(context, "TASK_SIZE", core.WORD),
    )


def mm_of(geometry: Geometry, state: Mapping[str, Value], answers: Mapping[str, Answers], turns: int) -> Mm:
    """The address space that a state, by the names of its variables, stands for; without states, an empty one.

    It raises Misbehaved at the step after so many `turns`.
    """
    if not state:
        return Mm(geometry, {}, set())
    pte, table, refuses, asked = state["pte"], state["table"], state["refuses"], state["asked"]
    assert isinstance(pte, MapValue)
    assert isinstance(table, MapValue)
    assert isinstance(refuses, MapValue)
    assert isinstance(asked, int)
    none = pte.default
    assert none == _none(none)
    hook = next((a for name, a in answers.items() if name.endswith(".move_pte")), None)
    if hook is None:
        raise NoBridge("nothing in the specification stands for `move_pte`")
    left = turns

    def move_pte(entry: object, old_addr: int, new_addr: int) -> object:
        if not isinstance(entry, Member):
            raise Misbehaved(f"move_pte was asked about {entry!r}, which is no entry")
        moved = hook.answer((entry, old_addr, new_addr))
        return None if moved == none else moved

    def cond_resched() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Misbehaved(f"it has not ended after {turns} steps")

    entries = dict(pte.items())
    return Mm(
        geometry,
        {key: value for key, value in entries.items() if isinstance(key, int)},
        {key for key in table.entries if isinstance(key, int)},
        Allocator(lambda question: bool(refuses.get(question)), asked),
        move_pte,
        cond_resched,
    )


def _argument(name: str, mm: Mm, geometry: Geometry, arguments: Mapping[str, Value]) -> object:
    if name in arguments:
        return arguments[name]
    if name == "mm":
        return mm
    if name == "geometry":
        return geometry
    addr = arguments[_addr_of(name)]
    assert isinstance(addr, int)
    return mm.pmd_offset(addr)


def _pages(geometry: Geometry, arguments: Mapping[str, Value]) -> int:
    """How many pages the range among a move's arguments has; 0 while nothing is known of it."""
    length = arguments.get("len", 0)
    assert isinstance(length, int)
    start, end = arguments.get("old_addr"), arguments.get("old_end")
    if isinstance(start, int) and isinstance(end, int):
        length = end - start
    return length // geometry.PAGE_SIZE


def _addr_of(pmd: str) -> str:
    """The parameter whose pmd a parameter is: `old_addr` for `old_pmd`."""
    return pmd.removesuffix("pmd") + "addr"


def _constant(context: Context, name: str, type_: core.Type = core.INT) -> int:
    value = context.constants[Symbol(SymbolKind.PARAM, "machine", name, type_)]
    assert isinstance(value, int)
    return value


def _none(value: Value) -> Member:
    assert isinstance(value, Member)
    assert isinstance(value.type, core.OpaqueType)
    return Member(value.type, value.type.named.index("none"))


# --- and back ------------------------------------------------------------------------------------------------------


def _state_after(symbol: Symbol, before: Value, mm: Mm, word_bits: int) -> Value:
    value = before
    match symbol.name:
        case "pte":
            assert isinstance(before, MapValue)
            for pte in mm.pte.values():
                if not isinstance(pte, Member):
                    raise Misbehaved(f"{pte!r} stands in a page table")
            value = _map(symbol, before.default, dict(mm.pte), word_bits)
        case "table":
            value = _map(symbol, False, dict.fromkeys(mm.table, True), word_bits)
        case "asked":
            value = mm.allocator.asked
        case "steps":
            assert isinstance(before, int)
            value = before + len(mm.steps)
        case "refuses":
            pass  # what answers is not in the implementation's hands
        case _:
            raise NoBridge(symbol.name)
    return _fitting(symbol, value, word_bits)


def _map(symbol: Symbol, default: Value, entries: Mapping[Any, Any], word_bits: int) -> Value:
    assert isinstance(symbol.type, MapType | SetType)
    for key in entries:
        if not fits(key, core.WORD, word_bits):
            raise Misbehaved(f"{symbol.name} is changed at {key!r}, which is no word")
    return map_value(symbol.type, default, entries, word_bits)


def _result(symbol: Symbol, returned: object, mm: Mm, arguments: Mapping[str, Value], word_bits: int) -> Value:
    value: Any = returned
    if symbol.type == core.BOOL and not isinstance(returned, bool):
        addr = arguments["addr"]
        assert isinstance(addr, int)
        if returned is not None and returned != mm.pmd_offset(addr):
            raise Misbehaved(f"{returned!r} was returned, and is not the pmd of {addr:#x}")
        value = returned is not None
    return _fitting(symbol, value, word_bits)


def _fitting(symbol: Symbol, value: Any, word_bits: int) -> Value:
    if not fits(value, symbol.type, word_bits):
        raise Misbehaved(f"{symbol.name} is {value!r}, which is no {symbol.type}")
    result: Value = value
    return result


def _states(program: core.Program, routine: core.Routine) -> tuple[Symbol, ...]:
    return tuple(i.symbol for i in program.visible_items(routine.module) if isinstance(i, core.State))
