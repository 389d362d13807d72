"""What an expression is evaluated in, besides the values of its variables; and what it means to have no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from verify import core
from verify.core import Symbol
from verify.span import Span
from verify.values import Value


class Undefined(Exception):
    """A partial operation was applied where it has no value; `span` is that of the operation."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(f"{span}: {reason}")
        self.span = span
        self.reason = reason


class Undecided(Exception):
    """A quantifier whose truth was not found. Never to be read as true or false."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(f"{span}: {reason}")
        self.span = span
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Table:
    """What an uninterpreted define is: a finite table from arguments (parameters, then reads) and a default."""

    default: Value
    entries: Mapping[tuple[Value, ...], Value] = field(default_factory=dict)


@dataclass(slots=True)
class Codes:
    """What `evaluate` has made of expressions, and `traits` has found out about them, where word size, constants and
    defines are as in `setting`; tables may differ. It is kept by the identity of the expression, which is its own as
    long as it is held here: so a copy, or what comes out of a pickle, starts without any.
    """

    setting: tuple[object, ...] = ()
    made: dict[int, tuple[core.Expr, Callable[..., Any]]] = field(default_factory=dict)
    safe: dict[int, tuple[core.Expr, bool]] = field(default_factory=dict)
    simple: dict[int, tuple[core.Expr, bool]] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type[Codes], tuple[object]]:
        return Codes, (self.setting,)


@dataclass(frozen=True, slots=True)
class Context:
    """What does not change while a program runs.

    `constants` has a value for each param, WORD_BITS included, and each const; an `Undefined` stands for the value of
    a const that has none, an `Undecided` for one that is not found out: it is raised when the const is used. `tables`
    has one for each uninterpreted define in use. A constant that was once
    used does not change.
    """

    word_bits: int
    constants: Mapping[Symbol, Value | Undefined | Undecided]
    defines: Mapping[str, core.Define]
    tables: Mapping[str, Table]
    codes: Codes = field(default_factory=Codes, compare=False, repr=False)

    def __post_init__(self) -> None:
        """`replace` hands on the codes, and that is wanted where only the tables are others."""
        setting = (self.word_bits, self.constants, self.defines)
        if self.codes.setting != setting:
            object.__setattr__(self, "codes", Codes(setting))
