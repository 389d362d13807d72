"""The surface syntax: what the parser reads, names unresolved and types unchecked. Nodes are values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from verify.span import Span

# --- types ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedType:
    """`word`, `int`, `bool`, or the name of a `type` or `enum`."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class MapType:
    span: Span
    key: Type
    value: Type


@dataclass(frozen=True, slots=True)
class SetType:
    span: Span
    element: Type


Type = NamedType | MapType | SetType


@dataclass(frozen=True, slots=True)
class Binder:
    """`name: type`, of a parameter, a result or a bound variable. The span is that of the name."""

    span: Span
    name: str
    type: Type


# --- expressions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    span: Span
    value: int


@dataclass(frozen=True, slots=True)
class Boolean:
    span: Span
    value: bool


@dataclass(frozen=True, slots=True)
class Name:
    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses: kept, since the rule on `&` and `==` asks for them. Never directly nested."""

    span: Span
    inner: Expr


@dataclass(frozen=True, slots=True)
class Unary:
    """`op` is one of `!`, `~`, `-`."""

    span: Span
    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """`op` as written: `<==> ==> || && == != < <= > >= in | ^ & << >> + - * / %`."""

    span: Span
    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class IfThenElse:
    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Let:
    span: Span
    name: Name
    value: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class Quantified:
    span: Span
    universal: bool
    binders: tuple[Binder, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`; `min`, `max`, `int`, `word` and `old` are calls too."""

    span: Span
    name: Name
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Index:
    span: Span
    base: Expr
    key: Expr


@dataclass(frozen=True, slots=True)
class Update:
    span: Span
    base: Expr
    key: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class EmptySet:
    span: Span


Expr = (
    Number | Boolean | Name | Paren | Unary | Binary | IfThenElse | Let | Quantified | Call | Index | Update | EmptySet
)

# --- clauses -------------------------------------------------------------------------------------------------------


class ClauseKind(Enum):
    REQUIRES = "requires"
    ENSURES = "ensures"
    WITNESS = "witness"
    INVARIANT = "invariant"
    ASSUME = "assume"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled condition: `requires`, `ensures`, `witness`, `invariant` (of a loop or a module) or `assume`.

    `span` runs from the keyword to the end of the expression.
    """

    span: Span
    doc: tuple[str, ...]
    kind: ClauseKind
    label: Name
    expr: Expr


@dataclass(frozen=True, slots=True)
class Modifies:
    span: Span
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Decreases:
    span: Span
    expr: Expr


@dataclass(frozen=True, slots=True)
class On:
    span: Span
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Without:
    span: Span
    names: tuple[Name, ...]


Clause = Labelled | Modifies | Decreases | On | Without

# --- statements ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declare:
    """`var name: type;` (any value) or `var name: type = value;`."""

    span: Span
    binder: Binder
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Assign:
    """`targets op value`, op one of `=`, `+=`, `-=`; a target is a `Name` or an `Index` on one."""

    span: Span
    targets: tuple[Expr, ...]
    op: str
    value: Expr


@dataclass(frozen=True, slots=True)
class CallStatement:
    span: Span
    call: Call


@dataclass(frozen=True, slots=True)
class Assert:
    span: Span
    label: Name
    expr: Expr
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reveal:
    span: Span
    name: Name


@dataclass(frozen=True, slots=True)
class If:
    """An `else if` is an `If` alone in `otherwise`."""

    span: Span
    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`: no init, no step. `for (init; condition; step)`. `head` is the span of the keyword to the `)`."""

    span: Span
    head: Span
    init: tuple[Stmt, ...]
    condition: Expr
    step: tuple[Stmt, ...]
    clauses: tuple[Labelled | Decreases, ...]
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Atomic:
    """`atomic { ... }`: one step, as others see it."""

    span: Span
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """`word` is one of `break`, `continue`, `return`."""

    span: Span
    word: str


Stmt = Declare | Assign | CallStatement | Assert | Reveal | If | Loop | Jump | Atomic

# --- items ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    span: Span
    doc: tuple[str, ...]
    name: Name
    type: Type


@dataclass(frozen=True, slots=True)
class Const:
    span: Span
    doc: tuple[str, ...]
    name: Name
    type: Type
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Geometry:
    span: Span
    doc: tuple[str, ...]
    name: Name
    values: tuple[tuple[Name, Expr], ...]


@dataclass(frozen=True, slots=True)
class Extend:
    """`extend geometry name { ... }`: values of params that the geometry of that name does not have yet."""

    span: Span
    doc: tuple[str, ...]
    name: Name
    values: tuple[tuple[Name, Expr], ...]


@dataclass(frozen=True, slots=True)
class TypeDecl:
    span: Span
    doc: tuple[str, ...]
    name: Name


@dataclass(frozen=True, slots=True)
class EnumDecl:
    span: Span
    doc: tuple[str, ...]
    name: Name
    members: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class StateDecl:
    span: Span
    doc: tuple[str, ...]
    name: Name
    type: Type


@dataclass(frozen=True, slots=True)
class Define:
    """`value` is None for an uninterpreted definition."""

    span: Span
    doc: tuple[str, ...]
    opaque: bool
    name: Name
    parameters: tuple[Binder, ...]
    result: Type
    value: Expr | None


class RoutineKind(Enum):
    PROCEDURE = "procedure"
    TRUSTED = "trusted procedure"
    INTERFERENCE = "interference procedure"
    LEMMA = "lemma"
    REFUTE = "refute"
    REFUTE_PROCEDURE = "refute procedure"
    COVER = "cover"


PROCEDURES = frozenset(
    {RoutineKind.PROCEDURE, RoutineKind.TRUSTED, RoutineKind.INTERFERENCE, RoutineKind.REFUTE_PROCEDURE}
)
"""The kinds that change states and have results: between them the invariants of modules hold."""


@dataclass(frozen=True, slots=True)
class Routine:
    """A procedure, lemma, refute or cover; `body` is None where the item ends with `;`. `head` is keyword to name."""

    span: Span
    head: Span
    doc: tuple[str, ...]
    kind: RoutineKind
    name: Name
    parameters: tuple[Binder, ...]
    results: tuple[Binder, ...]
    clauses: tuple[Clause, ...]
    body: tuple[Stmt, ...] | None


Item = Param | Const | Labelled | Geometry | Extend | TypeDecl | EnumDecl | StateDecl | Define | Routine


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `items` in the order of the source; a `Labelled` item is an `assume` or an `invariant`."""

    span: Span
    doc: tuple[str, ...]
    name: Name
    imports: tuple[Name, ...]
    items: tuple[Item, ...]
