"""Between a state of the specification and a state of the implementation: a module that knows both sides.

| specification | implementation |
|---|---|
| `pte: map[word, pte_t]`, `none` | `Mm.pte`, no key; other members stand for themselves |
| `table`, `pmd_table`, `bad_pmd` and so on: `set[word]` | `Mm.table`, `Mm.pmd_table`, `Mm.bad_pmd` and so on |
| `reported`, `nr_ptes`: `int` | `Mm.reported`, `Mm.nr_ptes` |
| `made: map[int, word]` | `Mm.made`, laid over what was there before |
| `mapped: map[int, word]`, `open_maps: int` | `Mm.mapped`, of which the last `DEEP` are known before |
| `refuses: map[int, bool]`, `asked: int` | `Mm.allocator` |
| `steps: int` | the length of `Mm.steps`, counted on |
| `move_pte(entry, old_addr, new_addr)` | `Mm.move_pte` |
| a result `present: bool` | the entry of the address asked for at the level that the function returns, or None |
| a result `error: bool` | an int that is not 0 |
| more than one result | a tuple of them |

A parameter of an implementing function is `mm`, `geometry`, `vma` or `new_vma` (areas), the `X_pmd` of a parameter
`X_addr` (a `pgd`, `p4d`, `pud` or `pmd` that of `addr`), or has the name of the procedure's own. A function has no
other way to reach a state.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, TypeGuard

from mremap_impl.geometry import Geometry
from mremap_impl.levels import p4d_offset, pgd_offset, pmd_offset, pud_offset
from mremap_impl.mm import Allocator, Map, Mm, Pmd, Vma
from verify import core
from verify.core import MapType, SetType, Symbol, SymbolKind
from verify.evaluate import Context
from verify.sites import subexpressions
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers
from verify.values import MapValue, Member, Value, fits, map_value

SETS = ("p4d_table", "pud_table", "pmd_table", "table", "bad_pgd", "bad_p4d", "bad_pud", "bad_pmd")
STATES = (*SETS, "pte", "refuses", "asked", "reported", "nr_ptes", "made", "mapped", "open_maps", "steps")
LEVELS = ("pgd", "p4d", "pud", "pmd")
AREAS = ("vma", "new_vma")
"""The areas: where a procedure has no such parameters, they map no file."""
DEEP = 2
"""How many of the maps that are open before a call an implementation sees."""
PAGES = 4096
"""How many pages a range has at most: what one example may cost."""
LEGS = 2
"""How often a procedure moves a range at most."""
SLACK = 100
"""A move may take so many steps, and two for each page: far more than it needs, so one that takes more never ends."""
EVENTS = 16
"""In a turn it may do so many things that others could notice, on the average: a page takes four or ten of them."""
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


def check(routine: core.Routine, function: Function, followed: bool = False) -> None:
    """Raises NoBridge unless the function can be called for the procedure, and the states that its contract names are
    known here; where the specification `followed` it step by step, it knows them itself."""
    own = {p.name for p in routine.parameters}
    names = set(inspect.signature(function).parameters)
    for name in names - own - {"mm", "geometry", *AREAS}:
        if _level(name) is None or _addr_of(name) not in own:
            raise NoBridge(f"{routine.qualified}: nothing stands for the parameter `{name}` of {function.__name__}")
    for name in own - names - {_addr_of(name) for name in names if _level(name)}:
        raise NoBridge(f"{routine.qualified}: {function.__name__} has no parameter `{name}`")
    if followed:
        return
    named = {e.symbol for c in (*routine.requires, *routine.ensures) for e in subexpressions(c.expr) if _is_state(e)}
    for state in sorted({*named, *routine.modifies}, key=str):
        if state.name not in STATES:
            raise NoBridge(f"{routine.qualified}: nothing in the implementation stands for the state `{state.name}`")


PAGE_SHIFT = Symbol(SymbolKind.PARAM, "machine", "PAGE_SHIFT", core.INT)
PMD_FOLDED = Symbol(SymbolKind.PARAM, "ports", "PMD_FOLDED", core.BOOL)


def affordable(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """Whether the range among a move's arguments is short enough to go through. True while nothing is known of it."""
    return pages_in(context, values) <= PAGES


def pages_in(context: Context, values: Mapping[Symbol, Value]) -> int:
    """How many pages the range among a move's arguments has; 0 while nothing is known of it."""
    page_shift = context.constants[PAGE_SHIFT]
    assert isinstance(page_shift, int)
    return pages_of(page_shift, {s.name: v for s, v in values.items()})


def call(routine: core.Routine, function: Function, example: Example, answers: Mapping[str, Answers]) -> Outcome:
    """Runs a function on an example's arguments and state. `answers`: the uninterpreted defines, by qualified name.

    Raises Misbehaved, also for whatever the function raises.
    """
    arguments = {s.name: v for s, v in example.arguments.items()}
    state = {s.name: v for s, v in example.state.items()}
    geometry = seen_by(state, geometry_of(example.context))
    mm = mm_of(geometry, state, answers, 2 * LEGS * pages_of(geometry.page_shift, arguments) + SLACK)
    given = {name: argument(name, mm, arguments) for name in inspect.signature(function).parameters}
    try:
        returned = function(**given)
    except Misbehaved:
        raise
    except Exception as error:
        raise Misbehaved(f"{function.__name__} raised {type(error).__name__}: {error}") from error
    bits = example.context.word_bits
    after = {s: state_after(s, v, mm, state, bits) for s, v in example.state.items()}
    many = returned if isinstance(returned, tuple) else (returned,) * len(routine.results)
    if len(many) != len(routine.results):
        raise Misbehaved(f"{returned!r} was returned for {len(routine.results)} results")
    results = {
        r: result_of(r, one, mm, function, arguments, bits) for r, one in zip(routine.results, many, strict=True)
    }
    return Outcome(after, results)


# --- from the specification ----------------------------------------------------------------------------------------


def geometry_of(context: Context) -> Geometry:
    """The geometry of a context. Where it says of a port that its pmd is folded, the port has the helpers for that."""
    return Geometry(
        "drawn",
        context.word_bits,
        page_shift=constant(context, "PAGE_SHIFT"),
        pmd_shift=constant(context, "PMD_SHIFT"),
        pud_shift=constant(context, "PUD_SHIFT"),
        p4d_shift=constant(context, "P4D_SHIFT"),
        pgdir_shift=constant(context, "PGDIR_SHIFT"),
        task_size=constant(context, "TASK_SIZE", core.WORD),
        pmd_addr_end_elided=bool(context.constants.get(PMD_FOLDED)),
    )


def seen_by(state: Mapping[str, Value], geometry: Geometry) -> Geometry:
    """The geometry as a state sees it: where that has pte tables alone, all upper levels are folded away."""
    shift = geometry.pmd_shift
    return (
        replace(geometry, pud_shift=shift, p4d_shift=shift, pgdir_shift=shift) if pte_tables_alone(state) else geometry
    )


def pte_tables_alone(state: Mapping[str, Value]) -> bool:
    """True iff a state knows of no tables but pte tables, as in spec/history. There an entry moves as it is."""
    return "table" in state and "pmd_table" not in state


def mm_of(geometry: Geometry, state: Mapping[str, Value], answers: Mapping[str, Answers], turns: int) -> Mm:
    """The address space that a state, by the names of its variables, stands for; without states, an empty one. What it
    does not name is not there.

    It raises Misbehaved at the step after so many `turns`, or when it does more than as many call for.
    """
    if not state:
        return Mm(geometry, {}, set())
    pte, refuses = map_in(state, "pte"), map_in(state, "refuses")
    none = pte.default
    assert none == _none(none)
    hook = next((a for name, a in answers.items() if name.endswith(".move_pte")), None)
    left = turns
    alone = pte_tables_alone(state)

    def move_pte(entry: object, old_addr: int, new_addr: int) -> object:
        if alone:
            return entry
        if hook is None:
            raise Misbehaved("move_pte was asked, of which the procedure's module knows nothing")
        if not isinstance(entry, Member):
            raise Misbehaved(f"move_pte was asked about {entry!r}, which is no entry")
        moved = hook.answer((entry, old_addr, new_addr))
        return None if moved == none else moved

    def cond_resched() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Misbehaved(f"it has not ended after {turns} steps")

    mm = Mm(
        geometry,
        {key: value for key, value in pte.entries.items() if isinstance(key, int)},
        set(),
        Allocator(lambda question: bool(refuses.get(question)), int_in(state, "asked")),
        move_pte,
        cond_resched,
        reported=int_in(state, "reported") if "reported" in state else 0,
        nr_ptes=int_in(state, "nr_ptes") if "nr_ptes" in state else 0,
        mapped=_maps_before(state) if "mapped" in state else [],
    )
    for name in ("table",) if alone else SETS:
        getattr(mm, name).update(map_in(state, name).entries)
    mm.watch = lambda _event: ends(mm, turns)
    return mm


def ends(mm: Mm, turns: int) -> None:
    """Raises Misbehaved if more has been done than so many turns call for, as in a loop within one that never ends."""
    if len(mm.events) > EVENTS * turns:
        raise Misbehaved(f"it has not ended after {EVENTS * turns} things that others could notice")


def map_in(state: Mapping[str, Value], name: str) -> MapValue:
    value = state[name]
    assert isinstance(value, MapValue)
    return value


def int_in(state: Mapping[str, Value], name: str) -> int:
    value = state[name]
    assert isinstance(value, int)
    return value


def _maps_before(state: Mapping[str, Value]) -> list[Map]:
    """The last maps that are open, as far as an implementation sees them."""
    mapped, open_maps = map_in(state, "mapped"), int_in(state, "open_maps")
    found = (mapped.get(number) for number in range(open_maps - DEEP, open_maps))
    return [Map(Pmd(addr), nested=False) for addr in found if isinstance(addr, int)]


def argument(name: str, mm: Mm, arguments: Mapping[str, Value]) -> object:
    """What stands for a parameter of a function."""
    if name in arguments:
        return arguments[name]
    if name == "mm":
        return mm
    if name == "geometry":
        return mm.geometry
    if name in AREAS:
        return Vma()
    addr, level = arguments[_addr_of(name)], _level(name)
    assert isinstance(addr, int)
    assert level is not None
    return _entry_of(mm, level, addr)


def _entry_of(mm: Mm, level: str, addr: int) -> int:
    """The entry of a level for an address."""
    pgd = pgd_offset(mm, addr)
    p4d = p4d_offset(mm, pgd, addr)
    pud = pud_offset(mm, p4d, addr)
    return {"pgd": pgd, "p4d": p4d, "pud": pud, "pmd": pmd_offset(mm, pud, addr)}[level]


def pages_of(page_shift: int, arguments: Mapping[str, Value]) -> int:
    """How many pages the range among a move's arguments has; 0 while nothing is known of it."""
    length = arguments.get("len", 0)
    assert isinstance(length, int)
    start, end = arguments.get("old_addr"), arguments.get("old_end")
    if isinstance(start, int) and isinstance(end, int):
        length = end - start
    return length >> page_shift


def _level(name: str) -> str | None:
    """The level of a parameter that is an entry of an upper level: that of `old_pmd` is `pmd`."""
    level = name.rsplit("_", 1)[-1]
    return level if level in LEVELS else None


def _addr_of(name: str) -> str:
    """The parameter whose entry a parameter is: `old_addr` for `old_pmd`."""
    return name[:-3] + "addr"


def constant(context: Context, name: str, type_: core.Type = core.INT) -> int:
    value = context.constants[Symbol(SymbolKind.PARAM, "machine", name, type_)]
    assert isinstance(value, int)
    return value


def _none(value: Value) -> Member:
    assert isinstance(value, Member)
    assert isinstance(value.type, core.OpaqueType)
    return Member(value.type, value.type.named.index("none"))


# --- and back ------------------------------------------------------------------------------------------------------


def state_after(symbol: Symbol, before: Value, mm: Mm, state: Mapping[str, Value], word_bits: int) -> Value:
    """What a state is after a call; `state` has all of them before it, by name."""
    value = before
    match symbol.name:
        case "pte":
            assert isinstance(before, MapValue)
            for pte in mm.pte.values():
                if not isinstance(pte, Member):
                    raise Misbehaved(f"{pte!r} stands in a page table")
            value = _map(symbol, before.default, dict(mm.pte), word_bits)
        case name if name in SETS:
            value = _map(symbol, False, dict.fromkeys(getattr(mm, name), True), word_bits)
        case "asked":
            value = mm.allocator.asked
        case "reported" | "nr_ptes" as name:
            value = getattr(mm, name)
        case "made":
            value = _laid_over(symbol, before, mm.made, word_bits)
        case "mapped":
            first = int_in(state, "open_maps") - DEEP
            value = _laid_over(symbol, before, {first + n: m.pmd for n, m in enumerate(mm.mapped)}, word_bits)
        case "open_maps":
            value = int_in(state, "open_maps") - DEEP + len(mm.mapped)
        case "steps":
            assert isinstance(before, int)
            value = before + len(mm.steps)
        case _:
            pass  # as `refuses`: what answers is not in the implementation's hands
    return _fitting(symbol, value, word_bits)


def _laid_over(symbol: Symbol, before: Value, entries: Mapping[Any, int], word_bits: int) -> Value:
    """A map from numbers to addresses, changed at the numbers that `entries` has."""
    assert isinstance(before, MapValue)
    for addr in entries.values():
        if not fits(addr, core.WORD, word_bits):
            raise Misbehaved(f"{symbol.name} has {addr!r}, which is no word")
    return map_value(before.type, before.default, {**before.entries, **entries}, word_bits)


def _map(symbol: Symbol, default: Value, entries: Mapping[Any, Any], word_bits: int) -> Value:
    assert isinstance(symbol.type, MapType | SetType)
    for key in entries:
        if not fits(key, core.WORD, word_bits):
            raise Misbehaved(f"{symbol.name} is changed at {key!r}, which is no word")
    return map_value(symbol.type, default, entries, word_bits)


def result_of(
    symbol: Symbol, returned: object, mm: Mm, function: Function, arguments: Mapping[str, Value], word_bits: int
) -> Value:
    value: Any = returned
    if symbol.name == "error":
        if not isinstance(returned, int):
            raise Misbehaved(f"{returned!r} was returned, which is no error number")
        value = returned != 0
    elif symbol.type == core.BOOL and not isinstance(returned, bool):
        addr = arguments["addr"]
        assert isinstance(addr, int)
        level = str(inspect.signature(function).return_annotation).split(" ")[0].lower()
        if returned is not None and returned != _entry_of(mm, level, addr):
            raise Misbehaved(f"{returned!r} was returned, and is not the {level} of {addr:#x}")
        value = returned is not None
    return _fitting(symbol, value, word_bits)


def _fitting(symbol: Symbol, value: Any, word_bits: int) -> Value:
    if not fits(value, symbol.type, word_bits):
        raise Misbehaved(f"{symbol.name} is {value!r}, which is no {symbol.type}")
    result: Value = value
    return result


def _is_state(expr: core.Expr) -> TypeGuard[core.Var]:
    return isinstance(expr, core.Var) and expr.symbol.kind is SymbolKind.STATE
