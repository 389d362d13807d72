"""What an assumption about all values says of certain ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify import core
from verify.core import Symbol
from verify.passive import Path
from verify.values import Value


@dataclass(frozen=True, slots=True)
class Instance:
    """Part of an assumption at certain values of its bound variables: true wherever the assumption is."""

    path: Path
    expr: core.Expr
    binding: Mapping[Symbol, Value]
