"""Integers and truths that nobody knows: they note what is done with them, and a run of a function goes on with them.

A `Number` stands for an exact integer of Python's. Where the function asks whether something is so, the run takes one
of the two ways; the next run takes the other. What cannot be noted (a look-up in a table, text made of a number) ends
the run there, as `stuck`: it is never guessed.

Used in a process of its own, beside the function: see `explore`.
"""

from __future__ import annotations

import inspect
import operator
import os
import sys
from collections.abc import Callable
from typing import Any

DECISIONS = 64
"""How often one run may choose between two ways."""

NODES = 100_000
"""How many operations are noted at most, over all runs."""

_BINARY = ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor")
_UNKNOWN = (
    *("hash", "repr", "str", "format", "int", "index", "float", "complex", "round", "trunc", "floor", "ceil"),
    *("bytes", "truediv", "rtruediv", "pow"),
)
"""What an integer has and a `Number` has not."""

_USES = (
    *("bool", "eq", "ne", "lt", "le", "gt", "ge", "call", "iter", "len", "getitem", "contains", "enter", "exit"),
    *("neg", "pos", "invert", "abs", "divmod", "rdivmod", "rpow", "matmul", "rmatmul"),
)
"""What else can be done with a value."""


class Ended(BaseException):
    """The run does not go on. No `Exception`, so that few catch it; and who does is found out: see `Recorder.ended`."""


# --- numbers that nobody knows -------------------------------------------------------------------------------------


class Recorder:
    """What has been done with the numbers, over all runs, and the ways taken in this one.

    A node is `[operation, *operands]`, an operand the index of an earlier node; `["int", n]`; `["input", name]`.
    """

    def __init__(self) -> None:
        self.nodes: list[list[Any]] = []
        self.index: dict[tuple[Any, ...], int] = {}
        self.begin([])

    def begin(self, prefix: list[tuple[int, bool]]) -> None:
        """A run that begins with these choices."""
        self.prefix, self.path = prefix, list[tuple[int, bool]]()
        self.known: dict[int, bool] = {}
        self.ended: tuple[str, str] | None = None

    def end(self, kind: str, what: str) -> Ended:
        """To be raised. The run has ended here, whoever catches it."""
        if self.ended is None:
            self.ended = kind, what
        return Ended(what)

    def stuck(self, what: str) -> Ended:
        return self.end("stuck", f"{what}, {_place()}")

    def node(self, *parts: Any) -> int:
        key = (*(type(p) for p in parts), *parts)  # 1 is not True
        if key not in self.index:
            if len(self.nodes) == NODES:
                raise self.end("bound", f"more than {NODES} operations")
            self.index[key] = len(self.nodes)
            self.nodes.append(list(parts))
        return self.index[key]

    def lift(self, value: object, what: str) -> int:
        """The node of an operand."""
        match value:
            case Number():
                return value.at
            case Truth():
                return self.node("int", int(bool(value)))
            case int() if type(value) in (int, bool):
                return self.node("int", int(value))
            case Absent():
                raise value.used()
            case _:
                raise self.stuck(f"`{what}` of a number and a {type(value).__name__}")

    def binary(self, name: str, left: object, right: object) -> Number:
        a, b = self.lift(left, name), self.lift(right, name)
        if name in ("floordiv", "mod") and self.is_so("eq", b, self.node("int", 0)):
            raise ZeroDivisionError("integer division or modulo by zero")
        if name in ("lshift", "rshift") and self.is_so("lt", b, self.node("int", 0)):
            raise ValueError("negative shift count")
        return Number(self, self.node(name, a, b))

    def compare(self, name: str, a: int, b: int) -> Truth | bool:
        """`eq` or `lt`, decided only where it follows from the numbers themselves."""
        if name == "eq":
            a, b = min(a, b), max(a, b)
        if a == b:
            return name == "eq"
        if self.nodes[a][0] == self.nodes[b][0] == "int":
            left, right = self.nodes[a][1], self.nodes[b][1]
            return bool(left == right if name == "eq" else left < right)
        return Truth(self, self.node(name, a, b), True)

    def is_so(self, name: str, a: int, b: int) -> bool:
        return bool(self.compare(name, a, b))

    def decide(self, at: int) -> bool:
        """Which way this run takes where it asks about a node, for the first time or again."""
        if at in self.known:
            return self.known[at]
        number = len(self.path)
        if number == DECISIONS:
            raise self.end("bound", f"more than {DECISIONS} choices in one run")
        taken = True
        if number < len(self.prefix):
            expected, taken = self.prefix[number]
            if expected != at:
                raise self.end("unsteady", "")
        self.known[at] = taken
        self.path.append((at, taken))
        return taken


class Number:
    """An integer: the node `at`."""

    __slots__ = ("at", "recorder")

    def __init__(self, recorder: Recorder, at: int) -> None:
        self.recorder, self.at = recorder, at

    def __getattr__(self, name: str) -> Any:
        raise self.recorder.stuck(f"`.{name}` of a number")

    def __bool__(self) -> bool:
        return not self.recorder.is_so("eq", self.at, self.recorder.node("int", 0))

    def __pos__(self) -> Number:
        return self

    def __neg__(self) -> Number:
        return Number(self.recorder, self.recorder.node("neg", self.at))

    def __invert__(self) -> Number:
        return Number(self.recorder, self.recorder.node("invert", self.at))

    def __abs__(self) -> Number:
        return -self if self.recorder.is_so("lt", self.at, self.recorder.node("int", 0)) else self

    def __divmod__(self, other: object) -> tuple[Number, Number]:
        return self.recorder.binary("floordiv", self, other), self.recorder.binary("mod", self, other)

    def __rdivmod__(self, other: object) -> tuple[Number, Number]:
        return self.recorder.binary("floordiv", other, self), self.recorder.binary("mod", other, self)

    def __rpow__(self, other: object) -> Number:
        if type(other) is not int or other != 2 or self.recorder.is_so("lt", self.at, self.recorder.node("int", 0)):
            raise self.recorder.stuck("`**` of a number")
        return self.recorder.binary("lshift", 1, self)

    def __eq__(self, other: object) -> Any:
        return False if other is None else self._compared("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else _opposite(self._compared("eq", self, other))

    def __lt__(self, other: object) -> Any:
        return self._compared("lt", self, other)

    def __gt__(self, other: object) -> Any:
        return self._compared("lt", other, self)

    def __le__(self, other: object) -> Any:
        return _opposite(self._compared("lt", other, self))

    def __ge__(self, other: object) -> Any:
        return _opposite(self._compared("lt", self, other))

    def _compared(self, name: str, left: object, right: object) -> Truth | bool:
        return self.recorder.compare(name, self.recorder.lift(left, name), self.recorder.lift(right, name))


class Truth:
    """The answer to a comparison, or its opposite. To use it in any way is to ask whether it is so."""

    __slots__ = ("at", "positive", "recorder")

    def __init__(self, recorder: Recorder, at: int, positive: bool) -> None:
        self.recorder, self.at, self.positive = recorder, at, positive

    def __bool__(self) -> bool:
        return self.recorder.decide(self.at) == self.positive

    def __getattr__(self, name: str) -> Any:
        return getattr(bool(self), name)


class Absent:
    """What no quantity of the specification stands for: it can be handed on, and not be used."""

    __slots__ = ("_name", "_recorder")

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder, self._name = recorder, name

    def used(self) -> Ended:
        return self._recorder.stuck(f"`{self._name}`, which nothing in the specification stands for, is used")

    def __getattr__(self, name: str) -> Any:
        raise self.used()


def _opposite(truth: Truth | bool) -> Truth | bool:
    return Truth(truth.recorder, truth.at, not truth.positive) if isinstance(truth, Truth) else not truth


def _complete() -> None:
    """The other operations of the three classes: what Python looks for on the class itself."""

    def forward(name: str) -> Callable[[Number, object], Number]:
        return lambda number, other: number.recorder.binary(name, number, other)

    def backward(name: str) -> Callable[[Number, object], Number]:
        return lambda number, other: number.recorder.binary(name, other, number)

    def unknown(name: str) -> Callable[..., Any]:
        def ends(number: Number, *_: object) -> Any:
            raise number.recorder.stuck(f"`{name}` of a number")

        return ends

    def absent(value: Absent, *_: object) -> Any:
        raise value.used()

    def plain(function: Callable[..., Any], turned: bool = False) -> Callable[..., Any]:
        return lambda truth, *rest: function(*rest, bool(truth)) if turned else function(bool(truth), *rest)

    for name in _BINARY:
        setattr(Number, f"__{name}__", forward(name))
        setattr(Number, f"__r{name}__", backward(name))
        setattr(Truth, f"__{name}__", plain(getattr(operator, f"__{name}__")))
        setattr(Truth, f"__r{name}__", plain(getattr(operator, f"__{name}__"), turned=True))
    for name in _UNKNOWN:
        setattr(Number, f"__{name}__", unknown(name))
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "invert", "abs", "index", "truediv", "pow"):
        setattr(Truth, f"__{name}__", plain(getattr(operator, f"__{name}__")))
    for builtin in (hash, repr, str, format, int, float, divmod):
        setattr(Truth, f"__{builtin.__name__}__", plain(builtin))
    for name in ("truediv", "pow"):
        setattr(Truth, f"__r{name}__", plain(getattr(operator, f"__{name}__"), turned=True))
    for name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_UNKNOWN, *_USES):
        setattr(Absent, f"__{name}__", absent)


_complete()


def _place() -> str:
    """The innermost line of the code that is run: what is not in this file, nor made from text."""
    frame = inspect.currentframe()
    while frame is not None and (frame.f_code.co_filename == __file__ or frame.f_code.co_filename.startswith("<")):
        frame = frame.f_back
    if frame is None:
        return "at a line that cannot be told"
    return f"{shown(frame.f_code.co_filename)}:{frame.f_lineno} in {frame.f_code.co_name}"


def shown(file: str) -> str:
    """A file's path below the folder that the functions are looked for in, if it is there."""
    root = os.path.join(os.path.realpath(sys.path[0]), "")
    return os.path.realpath(file).removeprefix(root)
