"""What an assumption about all values says of certain ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify import core
from verify.core import Symbol
from verify.encode import Term
from verify.passive import Path
from verify.values import Value


@dataclass(frozen=True, slots=True)
class Instance:
    """Part of an assumption with something put for its bound variables: true wherever the assumption is.

    What is put is a value, or better a term of the solver that had it: that carries over to the next candidate.
    """

    path: Path
    expr: core.Expr
    binding: Mapping[Symbol, Value | Term]
