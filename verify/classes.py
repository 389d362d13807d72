"""Classes of inputs: covers that say which procedure's examples must reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.rename import rename
from verify.syntax import RoutineKind
from verify.values import Value


class BadClass(Exception):
    """A `reached by:` line that means nothing; the message says where and why."""


@dataclass(frozen=True, slots=True)
class InputClass:
    """A cover seen as a class of inputs of `procedure` (a qualified name).

    `clauses`: what it requires and witnesses, said of the procedure's parameters, each with its name.
    """

    cover: core.Routine
    procedure: str
    clauses: tuple[tuple[str, core.Expr], ...]

    @property
    def id(self) -> str:
        """The cover's qualified name."""
        return self.cover.qualified

    def on(self, geometry: str | None) -> bool:
        """Whether the class has inputs on a geometry, by its name."""
        return self.cover.on is None or geometry in self.cover.on

    def reached(self, geometry: str | None, context: Context, entry: Mapping[Symbol, Value]) -> bool:
        """True iff an input of the procedure is in the class: on a geometry that the cover is about, all that the
        cover requires and witnesses is true of it. Undefined and undecided count as not."""
        if not self.on(geometry):
            return False
        try:
            return all(evaluate(expr, context, entry, entry) for _, expr in self.clauses)
        except (Undefined, Undecided):
            return False


def input_classes(program: core.Program) -> tuple[InputClass, ...]:
    """The classes of a program, in the order of the source: one for each procedure that a cover's documentation names
    on a line `reached by: PROCEDURE, ...`. Raises BadClass."""
    return tuple(
        _input_class(program, module, item, name)
        for module in program.modules
        for item in module.items
        if isinstance(item, core.Routine)
        for name in reached_by(item)
    )


def reached_by(routine: core.Routine) -> tuple[str, ...]:
    """The procedures on the `reached by:` lines of an item's documentation, as they are written there."""
    found: list[str] = []
    for line in routine.doc:
        head, colon, rest = line.strip().partition(":")
        if colon and head.strip() == "reached by":
            found += [name.strip(" .`") for name in rest.split(",") if name.strip(" .`")]
    return tuple(found)


def _input_class(program: core.Program, module: core.Module, cover: core.Routine, name: str) -> InputClass:
    place = f"{cover.span}: `{cover.name}` is reached by `{name}`"
    if cover.kind is not RoutineKind.COVER:
        raise BadClass(f"{place}, but it is no cover: only a cover is a class of inputs")
    routines = program.routines()
    full = name if "." in name else f"{module.name}.{name}"
    procedure = routines.get(full)
    if procedure is None or procedure.kind not in (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE):
        raise BadClass(f"{place}, but there is no procedure `{full}`")
    theirs = {(p.name, p.type): p for p in procedure.parameters}
    parameters: dict[Symbol, Symbol] = {}
    for own in cover.parameters:
        if (own.name, own.type) not in theirs:
            raise BadClass(f"{place}, but that has no parameter `{own.name}: {own.type}`")
        parameters[own] = theirs[own.name, own.type]
    clauses = tuple(
        (f"{cover.qualified}.{kind}.{clause.label}", rename(clause.expr, parameters, parameters))
        for kind, found in (("requires", cover.requires), ("witness", cover.witnesses))
        for clause in found
    )
    return InputClass(cover, full, clauses)
