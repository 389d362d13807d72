"""The core language: every name resolved, every node typed. What `evaluate` and `encode` give a meaning to.

An expression is a value; its `type` is always known. A `set[T]` is read by the same `Index` and `Update` as a map to
bool. A define that reads the state takes it as further arguments (`Define.reads`), so that defines are functions and
`old(f(x))` needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from verify.span import Span
from verify.syntax import RoutineKind

if TYPE_CHECKING:
    from verify.values import Value

K = TypeVar("K")
T = TypeVar("T")

# --- types ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WordType:
    def __str__(self) -> str:
        return "word"


@dataclass(frozen=True, slots=True)
class IntType:
    def __str__(self) -> str:
        return "int"


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class OpaqueType:
    """An opaque sort with infinitely many members; `named` are the constants of it, in the order of the source."""

    module: str
    name: str
    named: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class EnumType:
    module: str
    name: str
    members: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class MapType:
    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map[{self.key}, {self.value}]"


@dataclass(frozen=True, slots=True)
class SetType:
    element: Type

    def __str__(self) -> str:
        return f"set[{self.element}]"


Type = WordType | IntType | BoolType | OpaqueType | EnumType | MapType | SetType

WORD, INT, BOOL = WordType(), IntType(), BoolType()


def key_type(type_: MapType | SetType) -> Type:
    """The type of the keys of a map, or of the members of a set."""
    return type_.key if isinstance(type_, MapType) else type_.element


def value_type(type_: MapType | SetType) -> Type:
    """The type of the values of a map; bool for a set."""
    return type_.value if isinstance(type_, MapType) else BOOL


# --- symbols -------------------------------------------------------------------------------------------------------


class SymbolKind(Enum):
    PARAM = "param"  # of a geometry; WORD_BITS is one, with scope ""
    CONST = "const"  # derived from the params
    STATE = "state"
    ARGUMENT = "parameter"
    RESULT = "result"
    LOCAL = "local"
    BOUND = "bound variable"


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Symbol:
    """A variable. `scope` makes it unique: the module, or module.item with a count for locals and bound variables.

    `version` tells the values that a variable takes in one obligation apart; 0 is the one on entry, and the only one
    in elaborated text. There is one object for the same five: to be equal is to be the same, which is what makes it
    cheap to look up what belongs to a symbol.
    """

    kind: SymbolKind
    scope: str
    name: str
    type: Type
    version: int = 0

    def __new__(cls, kind: SymbolKind, scope: str, name: str, type: Type, version: int = 0) -> Symbol:
        given = (kind, scope, name, type, version)
        known = _SYMBOLS.get(given)
        if known is not None:
            return known
        made = object.__new__(cls)
        for field, value in zip(cls.__dataclass_fields__, given, strict=True):
            object.__setattr__(made, field, value)
        return _SYMBOLS.setdefault(given, made)

    def __reduce__(self) -> tuple[Callable[..., Symbol], tuple[object, ...]]:
        return Symbol, (self.kind, self.scope, self.name, self.type, self.version)

    def __str__(self) -> str:
        return f"{self.name}#{self.version}" if self.version else self.name


_SYMBOLS: dict[tuple[object, ...], Symbol] = {}
"""Every symbol of this process. It only grows, by one for each name in a text and for each version of it."""

WORD_BITS = Symbol(SymbolKind.PARAM, "", "WORD_BITS", INT)

# --- expressions ---------------------------------------------------------------------------------------------------


class UnaryOp(Enum):
    NOT = "!"
    INVERT = "~"
    NEGATE = "-"


class BinaryOp(Enum):
    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    BAND = "&"
    BOR = "|"
    BXOR = "^"
    SHL = "<<"
    SHR = ">>"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    AND = "&&"
    OR = "||"
    IMPLIES = "==>"
    IFF = "<==>"
    MIN = "min"
    MAX = "max"


COMPARISONS = frozenset({BinaryOp.EQ, BinaryOp.NE, BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE})
CONNECTIVES = frozenset({BinaryOp.AND, BinaryOp.OR, BinaryOp.IMPLIES, BinaryOp.IFF})


@dataclass(frozen=True, slots=True)
class Literal:
    """A number at type word or int, or true or false. A word literal is not negative; that it fits is checked."""

    span: Span
    value: int | bool
    type: Type


@dataclass(frozen=True, slots=True)
class Element:
    """A named constant of an opaque sort, or a member of an enum."""

    span: Span
    name: str
    type: OpaqueType | EnumType


@dataclass(frozen=True, slots=True)
class Var:
    span: Span
    symbol: Symbol

    @property
    def type(self) -> Type:
        return self.symbol.type


@dataclass(frozen=True, slots=True)
class Old:
    """`body` with every state variable and parameter as on entry of the procedure. Not nested."""

    span: Span
    body: Expr

    @property
    def type(self) -> Type:
        return self.body.type


@dataclass(frozen=True, slots=True)
class Unary:
    """NOT on bool, INVERT on word, NEGATE on word (wraps) and int."""

    span: Span
    op: UnaryOp
    operand: Expr

    @property
    def type(self) -> Type:
        return self.operand.type


@dataclass(frozen=True, slots=True)
class Binary:
    """Both operands have one type, but for shifts, whose right operand (the count) is a word or an int.

    EQ and NE are for every type; LT, LE, GT, GE, MIN, MAX for word (unsigned) and int; ADD, SUB, MUL, DIV, MOD for word
    (wrapping, unsigned) and int (Euclidean); BAND, BOR, BXOR, SHL, SHR for word; the connectives for bool.
    """

    span: Span
    op: BinaryOp
    left: Expr
    right: Expr

    @property
    def type(self) -> Type:
        return BOOL if self.op in COMPARISONS else self.left.type


@dataclass(frozen=True, slots=True)
class Ite:
    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr

    @property
    def type(self) -> Type:
        return self.then.type


@dataclass(frozen=True, slots=True)
class Let:
    span: Span
    symbol: Symbol
    value: Expr
    body: Expr

    @property
    def type(self) -> Type:
        return self.body.type


@dataclass(frozen=True, slots=True)
class Quantifier:
    span: Span
    universal: bool
    symbols: tuple[Symbol, ...]
    body: Expr

    @property
    def type(self) -> Type:
        return BOOL


@dataclass(frozen=True, slots=True)
class Apply:
    """A define, by its qualified name, applied to its parameters and then to the state variables it reads."""

    span: Span
    function: str
    arguments: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Index:
    """`base[key]`, or `key in base` for a set."""

    span: Span
    base: Expr
    key: Expr

    @property
    def type(self) -> Type:
        base = self.base.type
        assert isinstance(base, MapType | SetType)
        return value_type(base)


@dataclass(frozen=True, slots=True)
class Update:
    span: Span
    base: Expr
    key: Expr
    value: Expr

    @property
    def type(self) -> Type:
        return self.base.type


@dataclass(frozen=True, slots=True)
class EmptySet:
    span: Span
    type: SetType


@dataclass(frozen=True, slots=True)
class ToInt:
    span: Span
    operand: Expr

    @property
    def type(self) -> Type:
        return INT


@dataclass(frozen=True, slots=True)
class ToWord:
    """Defined iff 0 <= operand < 2**WORD_BITS."""

    span: Span
    operand: Expr

    @property
    def type(self) -> Type:
        return WORD


Expr = (
    Literal
    | Element
    | Var
    | Old
    | Unary
    | Binary
    | Ite
    | Let
    | Quantifier
    | Apply
    | Index
    | Update
    | EmptySet
    | ToInt
    | ToWord
)

PARTIAL = frozenset({BinaryOp.DIV, BinaryOp.MOD, BinaryOp.SHL, BinaryOp.SHR})
"""The operators that are not defined everywhere; `ToWord` is the other such expression."""


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, in the order in which they are evaluated."""
    match expr:
        case Literal() | Element() | Var() | EmptySet():
            return ()
        case Old(body=e) | Unary(operand=e) | Quantifier(body=e) | ToInt(operand=e) | ToWord(operand=e):
            return (e,)
        case Binary(left=a, right=b) | Let(value=a, body=b) | Index(base=a, key=b):
            return (a, b)
        case Ite(condition=a, then=b, otherwise=c) | Update(base=a, key=b, value=c):
            return (a, b, c)
        case Apply(arguments=arguments):
            return arguments


# --- clauses and statements ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clause:
    """A labelled condition. `span` is that of the expression, `line` that of the whole clause, keyword included."""

    label: str
    expr: Expr
    span: Span
    line: Span
    doc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assign:
    span: Span
    target: Symbol
    value: Expr


@dataclass(frozen=True, slots=True)
class Havoc:
    """`var x: T;`: the variable takes any value."""

    span: Span
    target: Symbol


@dataclass(frozen=True, slots=True)
class Call:
    """The `number`-th call of the item, of a procedure or a lemma. Without targets the results are dropped.

    Not `written`: the `number`-th place where others act, from `interfere`. The callee is the interference procedure.
    """

    span: Span
    callee: str
    arguments: tuple[Expr, ...]
    targets: tuple[Symbol, ...]
    number: int
    written: bool = True

    def place(self, routine: str) -> str:
        """How ids of `routine`, a qualified name, begin that are about this call."""
        what = "call" if self.written else "point"
        return f"{routine}.{what}[{self.number}].{self.callee.rpartition('.')[2]}"


@dataclass(frozen=True, slots=True)
class Assert:
    span: Span
    clause: Clause


@dataclass(frozen=True, slots=True)
class Reveal:
    span: Span
    function: str


@dataclass(frozen=True, slots=True)
class If:
    span: Span
    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """The `number`-th loop of the item. `continue` runs `step`. The initialisation stands before it, as statements.

    `assigned` are the variables that body or step assign, directly or through a callee. `decreases` is None only in a
    `refute procedure`.
    """

    span: Span
    condition: Expr
    invariants: tuple[Clause, ...]
    decreases: Expr | None
    body: tuple[Stmt, ...]
    step: tuple[Stmt, ...]
    number: int
    assigned: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Break:
    span: Span


@dataclass(frozen=True, slots=True)
class Continue:
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    span: Span


@dataclass(frozen=True, slots=True)
class Atomic:
    """The statements, one after the other. That nobody acts between them is seen to in `interfere`."""

    span: Span
    body: tuple[Stmt, ...]


Stmt = Assign | Havoc | Call | Assert | Reveal | If | Loop | Break | Continue | Return | Atomic

# --- items ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    symbol: Symbol
    span: Span
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Const:
    """A derived constant. (A named constant of an opaque sort is an `Element`, and no item of the core.)"""

    symbol: Symbol
    value: Expr
    span: Span
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assume:
    clause: Clause


@dataclass(frozen=True, slots=True)
class Geometry:
    """A named instance: a value for WORD_BITS, which comes first, and for each param visible where it stands.

    A module may see more params, and extensions that give them values: `seen.geometries` has it as a module sees it.
    """

    name: str
    word_bits: int
    values: tuple[tuple[Symbol, Value], ...]
    span: Span
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extension:
    """Values of more params for the geometry of that name, wherever this item is visible."""

    name: str
    values: tuple[tuple[Symbol, Value], ...]
    span: Span
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    symbol: Symbol
    span: Span
    doc: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invariant:
    clause: Clause


@dataclass(frozen=True, slots=True)
class Define:
    """`value` is None iff uninterpreted. `reads`: the state variables it depends on, directly or through others."""

    module: str
    name: str
    opaque: bool
    parameters: tuple[Symbol, ...]
    reads: tuple[Symbol, ...]
    result: Type
    value: Expr | None
    span: Span
    doc: tuple[str, ...]

    @property
    def qualified(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Routine:
    """A procedure, lemma, refute or cover, by `kind`. `on`: the geometries named, or None for every geometry."""

    kind: RoutineKind
    module: str
    name: str
    parameters: tuple[Symbol, ...]
    results: tuple[Symbol, ...]
    on: tuple[str, ...] | None
    without: tuple[str, ...]
    requires: tuple[Clause, ...]
    modifies: tuple[Symbol, ...]
    ensures: tuple[Clause, ...]
    witnesses: tuple[Clause, ...]
    decreases: Expr | None
    body: tuple[Stmt, ...] | None
    span: Span
    doc: tuple[str, ...]
    claims: tuple[str, ...]

    @property
    def qualified(self) -> str:
        return f"{self.module}.{self.name}"


Item = Param | Const | Assume | Geometry | Extension | State | Invariant | Define | Routine


@dataclass(frozen=True, slots=True)
class Module:
    """`visible`: this module and all that it imports, directly or not, imported ones first. `root`: asked for."""

    name: str
    file: str
    doc: tuple[str, ...]
    visible: tuple[str, ...]
    items: tuple[Item, ...]
    root: bool


@dataclass(frozen=True)
class Program:
    """All modules, each after those that it imports."""

    modules: tuple[Module, ...]

    def __getstate__(self) -> dict[str, object]:
        """What is remembered is so by identity, and a copy's parts have others."""
        return {"modules": self.modules}

    def module(self, name: str) -> Module:
        """The module of that name; KeyError if there is none."""
        for module in self.modules:
            if module.name == name:
                return module
        raise KeyError(name)

    def visible_items(self, name: str) -> tuple[Item, ...]:
        """The items that module `name` sees: its own and those of all that it imports, imported ones first."""
        return self.once(_visible_items, name)

    def states(self, name: str) -> tuple[Symbol, ...]:
        """The state variables that module `name` sees, in the same order."""
        return self.once(_states, name)

    def replacing(self, routine: Routine) -> Program:
        """The program with this routine in place of the one of its name."""
        name = routine.qualified
        return Program(
            tuple(
                replace(
                    m,
                    items=tuple(routine if isinstance(i, Routine) and i.qualified == name else i for i in m.items),
                )
                if m.name == routine.module
                else m
                for m in self.modules
            )
        )

    def defines(self) -> Mapping[str, Define]:
        """Every define by its qualified name."""
        return self._defines

    def routines(self) -> Mapping[str, Routine]:
        """Every routine by its qualified name."""
        return self._routines

    def once(self, find: Callable[[Program, K], T], about: K) -> T:
        """`find(program, about)`, found once. It is kept by the identity of `about`: part of the program, or a name."""
        known = self._found.get((find, id(about)))
        if known is None:
            known = self._found[find, id(about)] = (about, find(self, about))
        found: T = known[1]
        return found

    @cached_property
    def _found(self) -> dict[tuple[object, int], tuple[object, Any]]:
        """By what was asked; what it was asked about is held, so that nothing else gets its identity."""
        return {}

    @cached_property
    def every_state(self) -> tuple[Symbol, ...]:
        """The state variables of all modules."""
        return tuple(i.symbol for m in self.modules for i in m.items if isinstance(i, State))

    @cached_property
    def _defines(self) -> dict[str, Define]:
        return {i.qualified: i for m in self.modules for i in m.items if isinstance(i, Define)}

    @cached_property
    def _routines(self) -> dict[str, Routine]:
        return {i.qualified: i for m in self.modules for i in m.items if isinstance(i, Routine)}


def _visible_items(program: Program, name: str) -> tuple[Item, ...]:
    return tuple(item for visible in program.module(name).visible for item in program.module(visible).items)


def _states(program: Program, name: str) -> tuple[Symbol, ...]:
    return tuple(i.symbol for i in program.visible_items(name) if isinstance(i, State))
