"""A function of Python that implements an item, as data: where it is, and what it was seen to do."""

from __future__ import annotations

from dataclasses import dataclass

from verify import core
from verify.core import Symbol
from verify.span import Span


@dataclass(frozen=True, slots=True)
class Given:
    """What a parameter is that is none of the item's: what `make`, a `module:name`, gives.

    `called`: those parameters of `make` that are not named like a param of the specification (in small letters), each
    with the name of its param.
    """

    parameter: str
    make: str
    called: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """That the function `place`, a `module:name`, implements `item`, a procedure by its qualified name, or a `define`.

    `root`: the folder of the pyproject.toml that says so, where Python looks for the function first. `span`: where.
    """

    item: str
    define: bool
    place: str
    given: tuple[Given, ...]
    root: str
    span: Span


# --- what it does --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gives:
    """It returns these values, of type word, int or bool, for each result one; where all of `defined` hold.

    Where one of them does not, what it does is not known.
    """

    values: tuple[core.Expr, ...]
    defined: tuple[core.Expr, ...]


@dataclass(frozen=True, slots=True)
class Fails:
    """It raises an exception, or returns what is no value of the results' types."""

    what: str


@dataclass(frozen=True, slots=True)
class Lost:
    """What it does is not known. `bound`: it was not followed further; else it could not be."""

    what: str
    bound: bool


@dataclass(frozen=True, slots=True)
class Forks:
    """It goes one of two ways, by the condition; where all of `defined` hold. Else what it does is not known."""

    condition: core.Expr
    defined: tuple[core.Expr, ...]
    yes: Tree
    no: Tree


Tree = Gives | Fails | Lost | Forks


@dataclass(frozen=True, slots=True)
class Function:
    """A function beside the item that it is to agree with.

    `inputs`: the item's parameters, then the params that its module sees, WORD_BITS first. `wanted`: what the item
    says of each result, over the inputs and, of a procedure, over its results. `where`: the file and line of the
    function. `trouble`: why nothing is known of what it does, empty if something is; `late`: for lack of time.
    """

    binding: Binding
    inputs: tuple[Symbol, ...]
    wanted: tuple[core.Expr, ...]
    where: str
    tree: Tree
    trouble: str = ""
    late: bool = False

    @property
    def shown(self) -> str:
        """Which function it is, and the line that it begins at, if that is known."""
        return f"{self.binding.place}, {self.where}" if self.where else self.binding.place
