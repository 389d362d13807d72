"""What an expression is evaluated in, besides the values of its variables; and what it means to have no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Context:
    """What does not change while a program runs.

    `constants` has a value for each param, WORD_BITS included, and each const; an `Undefined` stands for the value of
    a const that has none, an `Undecided` for one that is not found out: it is raised when the const is used. `tables`
    has one for each uninterpreted define in use.
    """

    word_bits: int
    constants: Mapping[Symbol, Value | Undefined | Undecided]
    defines: Mapping[str, core.Define]
    tables: Mapping[str, Table]
