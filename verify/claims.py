"""The names of claims, as documentation comments give them: `claim: moved, frame` on a line of its own."""

from __future__ import annotations

from collections.abc import Sequence


def claims(doc: Sequence[str]) -> tuple[str, ...]:
    """The names after `claim:` in a documentation comment."""
    found: list[str] = []
    for line in doc:
        head, colon, rest = line.strip().partition(":")
        if colon and head.strip() in ("claim", "claims"):
            found += [name.strip(" .") for name in rest.split(",") if name.strip(" .")]
    return tuple(found)


def claims_of(doc: Sequence[str], item: tuple[str, ...]) -> tuple[str, ...]:
    """The claims of a clause: its own where its comment names some, else those of its item."""
    return claims(doc) or item
