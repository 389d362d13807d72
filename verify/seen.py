"""What a module sees and may take to hold: geometries, the assumptions on them, the invariants of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from verify import core


def geometries(program: core.Program, module: str) -> Mapping[str, core.Geometry]:
    """The geometries that a module sees, by name, each with the values of all params that have one there."""
    return program.once(_geometries, module)


def _geometries(program: core.Program, module: str) -> dict[str, core.Geometry]:
    return extended(program.visible_items(module))


def extended(items: Iterable[core.Item]) -> dict[str, core.Geometry]:
    """The geometries among items, by name, with the values that extensions among them add. These stand after them."""
    found: dict[str, core.Geometry] = {}
    for item in items:
        if isinstance(item, core.Geometry):
            found[item.name] = item
        elif isinstance(item, core.Extension):
            known = found[item.name]
            found[item.name] = replace(known, values=known.values + item.values)
    return found


def whole(geometry: core.Geometry, items: Iterable[core.Item]) -> bool:
    """True iff the geometry has a value for every param among items."""
    given = {symbol for symbol, _ in geometry.values}
    return all(item.symbol in given for item in items if isinstance(item, core.Param))


def assumptions(program: core.Program, module: str, without: tuple[str, ...]) -> Iterator[tuple[str, core.Clause]]:
    """The assumptions that a module sees, each with its qualified name, but for those left out."""
    for name in program.module(module).visible:
        for item in program.module(name).items:
            if isinstance(item, core.Assume) and item.clause.label not in without:
                yield f"{name}.assume.{item.clause.label}", item.clause


def module_invariants(program: core.Program, module: str) -> tuple[tuple[str, core.Clause], ...]:
    """The invariants that a module sees, each with its qualified name, imported ones first."""
    return tuple(
        (f"{name}.invariant.{item.clause.label}", item.clause)
        for name in program.module(module).visible
        for item in program.module(name).items
        if isinstance(item, core.Invariant)
    )


def labelled_invariants(program: core.Program, module: str) -> tuple[tuple[str, str, core.Clause], ...]:
    """The same, with the label of each as ids have it between its qualified name and its clause.

    An imported invariant whose label another one that the module sees has too is `MODULE.LABEL`.
    """
    return program.once(_labelled_invariants, module)


def _labelled_invariants(program: core.Program, module: str) -> tuple[tuple[str, str, core.Clause], ...]:
    seen = module_invariants(program, module)
    labels = [clause.label for _, clause in seen]

    def label(qualified: str, clause: core.Clause) -> str:
        owner = qualified.split(".")[0]
        alone = owner == module or labels.count(clause.label) == 1
        return clause.label if alone else f"{owner}.{clause.label}"

    return tuple((qualified, label(qualified, clause), clause) for qualified, clause in seen)
