"""What a process wrote of a function's runs, read: nothing in it is believed but what can be looked at.

The runs are laid together into one tree. A way that no run took is `Unseen`: what the function does there is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.core import Symbol

TRUTHS = frozenset({"eq", "lt", "not"})
"""The operations whose result is a bool."""

ARITY = {
    **dict.fromkeys(("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor", "eq", "lt"), 2),
    **dict.fromkeys(("neg", "invert", "not"), 1),
}
"""The operations of Python's integers that are noted, with the number of their operands: ints, but for `not`."""


class Unreadable(Exception):
    """What was written is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: int | bool


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    truth: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One of `ARITY`, as Python's integers have it."""

    name: str
    operands: tuple[Node, ...]


Node = Constant | Input | Operation


def is_truth(node: Node) -> bool:
    """True iff the value is a bool of Python's."""
    match node:
        case Constant(value=value):
            return isinstance(value, bool)
        case Input(truth=truth):
            return truth
        case Operation(name=name):
            return name in TRUTHS


@dataclass(frozen=True, slots=True)
class Returned:
    """It returns these, in a tuple if `many`."""

    nodes: tuple[Node, ...]
    many: bool


@dataclass(frozen=True, slots=True)
class Odd:
    """It returns something else."""

    what: str


@dataclass(frozen=True, slots=True)
class Raised:
    what: str


@dataclass(frozen=True, slots=True)
class Stuck:
    what: str


@dataclass(frozen=True, slots=True)
class Unseen:
    what: str


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Node
    yes: Runs
    no: Runs


Runs = Returned | Odd | Raised | Stuck | Unseen | Choice

_Path = tuple[tuple[tuple[int, bool], ...], Returned | Odd | Raised | Stuck | Unseen]

_ENDS: Mapping[str, Callable[[str], Odd | Raised | Stuck | Unseen]] = {
    "odd": Odd,
    "raised": Raised,
    "stuck": Stuck,
    "bound": Unseen,
}


def runs(answer: Mapping[str, Any], inputs: Sequence[Symbol], truths: frozenset[Symbol]) -> Runs:
    """The tree of the runs that an answer has. `truths`: those of the inputs that are bools. Raises Unreadable."""
    nodes = _nodes(answer.get("nodes"), {s.name: s in truths for s in inputs})
    paths = answer.get("paths")
    if not isinstance(paths, list) or not paths:
        raise Unreadable("there are no runs")
    return _tree([_path(path, nodes) for path in paths], 0, nodes)


def _nodes(written: Any, inputs: Mapping[str, bool]) -> tuple[Node, ...]:
    if not isinstance(written, list):
        raise Unreadable("there are no nodes")
    found: list[Node] = []
    for parts in written:
        match parts:
            case ["int", int(value)] if not isinstance(value, bool):
                found.append(Constant(value))
            case ["bool", bool(value)]:
                found.append(Constant(value))
            case ["input", str(name)] if name in inputs:
                found.append(Input(name, inputs[name]))
            case [str(name), *operands] if ARITY.get(name) == len(operands):
                nodes = tuple(_node(at, found) for at in operands)
                if any(is_truth(n) != (name == "not") for n in nodes):
                    raise Unreadable(f"`{name}` of operands that it does not take")
                found.append(Operation(name, nodes))
            case _:
                raise Unreadable("a node is none")
    return tuple(found)


def _node(at: Any, nodes: Sequence[Node]) -> Node:
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < len(nodes):
        raise Unreadable("an operand is none")
    return nodes[at]


def _path(written: Any, nodes: Sequence[Node]) -> _Path:
    match written:
        case {"choices": [*choices], "end": dict(end)} if len(end) == 1:
            taken = []
            for choice in choices:
                match choice:
                    case [int(at), bool(way)] if is_truth(_node(at, nodes)):
                        taken.append((at, way))
                    case _:
                        raise Unreadable("a choice is none")
            return tuple(taken), _end(*next(iter(end.items())), nodes)
        case _:
            raise Unreadable("a run is none")


def _end(kind: str, what: Any, nodes: Sequence[Node]) -> Returned | Odd | Raised | Stuck | Unseen:
    if kind == "returned":
        many = isinstance(what, list)
        return Returned(tuple(_node(at, nodes) for at in (what if many else [what])), many)
    if kind in _ENDS and isinstance(what, str):
        return _ENDS[kind](what)
    raise Unreadable("an end is none")


def _tree(paths: Sequence[_Path], depth: int, nodes: Sequence[Node]) -> Runs:
    """The tree of runs that have made the same choices up to a depth."""
    if not paths:
        return Unseen("no run went this way")
    choices, end = paths[0]
    if len(choices) == depth:
        if len(paths) > 1:
            raise Unreadable("two runs went the same way")
        return end
    at = choices[depth][0]
    if any(len(c) <= depth or c[depth][0] != at for c, _ in paths):
        raise Unreadable("two runs that went the same way asked different things")
    yes, no = ([p for p in paths if p[0][depth][1] is way] for way in (True, False))
    return Choice(nodes[at], _tree(yes, depth + 1, nodes), _tree(no, depth + 1, nodes))
