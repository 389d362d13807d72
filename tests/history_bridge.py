"""Between a form of the step arithmetic in the specification and the same form in the implementation.

The page tables of spec/history are pte tables alone, and so are those of an `Mm` on a geometry of two levels: below the
pgd there is nothing to ask the oracle for but pte tables. States are translated as in `bridge`; in a geometry,
`pmd_addr_end_elided` is PMD_FOLDED.

| in the specification | in the implementation |
|---|---|
| `move_ptes` is called where a step leaves a table: its `old_pmd` or `new_pmd` is broken | BadPointer |
| it is called where a step ends at 0: its `order` is broken, and it moves nothing | the same, or BadPointer |
| the loop comes back to the same state | `forms.Watch` says so |

A step that ends at 0 moves nothing, but leaves the pointers where they were. If one of them stands at the first slot of
its table, the slot before it, by which the table is unmapped, is in no table.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bridge import constant, geometry_of, int_in, map_in, state_after
from forms import Endless, outcome

from mremap_impl.geometry import Geometry
from mremap_impl.history import RIGHT, WRONG
from mremap_impl.mm import Allocator, BadPointer, Event, Mm, Step
from verify import core
from verify.core import Symbol, SymbolKind
from verify.elaborate import elaborate
from verify.evaluate import Context
from verify.execute import Finished, Repeats, Stopped, StopReason, Trace, Violated, execute
from verify.execute import StepKind as Kind
from verify.load import load
from verify.values import Value, some_value

SPEC = Path(__file__).parent.parent / "spec"

FORMS = {form.__name__: form for form in RIGHT + WRONG}
FUEL = 400_000
"""How many statements a run of the specification may take."""

PAST = ("aligned", "old_pmd", "new_pmd", "tables")
"""What `move_ptes` requires so that its pointers stay in their tables."""


class Wrong(Enum):
    """How a move goes wrong without coming to its end."""

    PAST = "a pointer runs past the end of a table"
    ENDLESS = "the loop never ends"
    UNENDED = "the loop has not ended within the turns it was given"


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a move. `places`: where old_addr stood after each step; none of `by_page`.

    `pte` is None where a pointer has run past its table: what it met on the way there is not compared.
    """

    end: int | Wrong
    pte: Value | None
    table: Value
    asked: Value
    places: tuple[int, ...]


def routine_of(program: core.Program, name: str) -> core.Routine:
    """The form of that name in the specification."""
    module = "until_2005" if name == "by_page" else name
    return program.routines()[f"{module}.{name}"]


def with_module(folder: Path, name: str, text: str) -> core.Program:
    """The specification of the forms, copied to an empty folder, with one more module of that name."""
    copied = shutil.copytree(SPEC / "history", folder / "spec" / "history")
    for imported in ("machine", "extent", "ports"):
        shutil.copy(SPEC / f"{imported}.spec", copied.parent)
    (copied / f"{name}.spec").write_text(text, encoding="utf-8")
    loaded = load([copied.parent], folder)
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, (*loaded.diagnostics, *mistakes)
    return program


# --- the specification ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Watch:
    """What is watched of a run. The first `passed` calls of `move_ptes` may have any order."""

    passed: int
    calls: int = 0

    def __call__(self, id_: str) -> bool:
        if not id_.rpartition(".")[0].endswith(".move_ptes"):
            return False
        label = id_.rpartition(".")[2]
        if label == "order":
            self.calls += 1
            return self.calls > self.passed
        return label in PAST


def by_specification(
    program: core.Program, context: Context, name: str, inputs: Mapping[str, Value], fuel: int = FUEL
) -> Ran:
    """Runs the body of a form, as the specification has it. `inputs`: arguments and states by name."""
    routine = routine_of(program, name)
    arguments = {p: inputs[p.name] for p in routine.parameters}
    states = program.states(routine.module)
    state = {s: inputs[s.name] for s in states}

    def choose(stmt: core.Havoc) -> Value:
        return some_value(stmt.target.type, context.word_bits)

    watch = _Watch(0)
    while True:
        run = execute(
            program, context, routine, arguments, state, watch=watch, choose=choose, fuel=fuel, recorded=2 * fuel
        )
        if not isinstance(run, Violated) or not run.id.endswith(".order") or _at_first_slot(context, run.values):
            break
        watch = _Watch(watch.calls)
    places = () if name == "by_page" else tuple(_places(run.trace))
    match run:
        case Finished(state=after, results=results):
            (done,) = results.values()
            assert isinstance(done, int)
            at = {s.name: v for s, v in after.items()}
            return Ran(done, at["pte"], at["table"], at["asked"], places)
        case Violated(id=id_, values=values):
            assert watch(id_), f"{name}: {id_}"
            at = {s.name: v for s, v in values.items()}
            return Ran(Wrong.PAST, None, at["table"], at["asked"], places)
        case Repeats(values=values):
            at = {s.name: v for s, v in values.items()}
            return Ran(Wrong.ENDLESS, at["pte"], at["table"], at["asked"], places)
        case Stopped(reason=reason, detail=detail):
            assert reason is StopReason.FUEL, f"{name}: {reason.value}: {detail}"
            return Ran(Wrong.UNENDED, inputs["pte"], inputs["table"], inputs["asked"], places)


def _at_first_slot(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """True iff a call of `move_ptes` begins at the first slot of a table."""
    given = {s.name: v for s, v in values.items() if s.kind is SymbolKind.ARGUMENT}
    inside = (1 << constant(context, "PMD_SHIFT")) - 1
    return any(not int_in(given, side) & inside for side in ("old_addr", "new_addr"))


def _places(trace: Trace) -> Sequence[int]:
    """What the form itself, whose depth is 0, has made of old_addr."""
    assigned = (s.value for s in trace if s.depth == 0 and s.kind is Kind.ASSIGN and _is_old_addr(s.symbol))
    return [value for value in assigned if isinstance(value, int)]


def _is_old_addr(symbol: Symbol | None) -> bool:
    return symbol is not None and symbol.name == "old_addr"


# --- the implementation --------------------------------------------------------------------------------------------


def two_levels(context: Context) -> Geometry:
    """The geometry of a context with all upper levels folded away, and with the helpers for that where it has them."""
    full = geometry_of(context)
    (elided,) = (v for s, v in context.constants.items() if s.name == "PMD_FOLDED")
    return Geometry.two_levels(
        full.name,
        full.word_bits,
        page_shift=full.page_shift,
        pmd_shift=full.pmd_shift,
        task_size=full.task_size,
        pmd_addr_end_elided=bool(elided),
    )


def mm_of(geometry: Geometry, inputs: Mapping[str, Value]) -> Mm:
    """The address space that a state, by the names of its variables, stands for."""
    refuses = map_in(inputs, "refuses")
    entries = {key: value for key, value in map_in(inputs, "pte").entries.items() if isinstance(key, int)}
    mm = Mm(geometry, dict(entries), set())
    mm.allocator = Allocator(lambda question: bool(refuses.get(question)), int_in(inputs, "asked"))
    mm.table.update(key for key in map_in(inputs, "table").entries if isinstance(key, int))
    return mm


def by_implementation(
    program: core.Program,
    context: Context,
    name: str,
    inputs: Mapping[str, Value],
    turns: int = 10_000,
    acts: int = 10_000_000,
) -> tuple[Ran, Sequence[Step]]:
    """Runs a form, as the implementation has it; and the steps that it made. It is stopped after so many turns, or so
    many things that others could notice."""
    mm = mm_of(two_levels(context), inputs)

    def watch(_event: Event) -> None:
        if len(mm.events) >= acts:
            raise TimeoutError

    mm.watch = watch
    old_addr, new_addr, length = (int_in(inputs, n) for n in ("old_addr", "new_addr", "len"))
    found = outcome(FORMS[name], mm, old_addr, new_addr, length, turns)
    ends = {BadPointer: Wrong.PAST, Endless: Wrong.ENDLESS, TimeoutError: Wrong.UNENDED}
    end = found.end if isinstance(found.end, int) else ends[found.end]
    states = program.states("forms")
    after = {s.name: state_after(s, inputs[s.name], mm, inputs, context.word_bits) for s in states}
    words = mm.geometry.words
    places = () if name == "by_page" else tuple(words.add(step.old_addr, step.extent) for step in found.steps)
    pte = None if end is Wrong.PAST else after["pte"]
    return Ran(end, pte, after["table"], after["asked"], places), found.steps


# --- the two together ----------------------------------------------------------------------------------------------


def differ(specified: Ran, ran: Ran) -> str | None:
    """In which way two runs of a form on the same inputs differ; None if they do not.

    A loop that never ends is stopped at a place of its own in each. So there it is the way that is compared; where the
    specification's run was cut short, the way as far as it got.
    """
    endless = (Wrong.ENDLESS, Wrong.UNENDED)
    if specified.end in endless:
        if specified.end is Wrong.ENDLESS and ran.end not in endless:
            return f"one never ends, the other does: {ran.end}"
        short = min(len(specified.places), len(ran.places))
        same = specified.places[:short] == ran.places[:short]
        enough = specified.end is Wrong.ENDLESS or len(specified.places) == short
        return None if same and enough else f"they go other ways: {specified.places} and {ran.places}"
    for what in ("end", "places", "table", "asked", "pte"):
        one, other = getattr(specified, what), getattr(ran, what)
        if one != other:
            return f"{what} differs: {one} and {other}"
    return None
