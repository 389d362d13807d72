"""Mutants that no test can kill, as they do what the implementation does; each with the argument why.

`tests/mutation_table.py` runs these too: a row that is killed is wrong, and one that is no mutant any more is stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from mutants import Key


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Why these mutants are the same as what they are mutants of."""

    why: str
    keys: tuple[Key, ...]


EQUIVALENT: tuple[Equivalent, ...] = ()
