"""Making an example smaller: plainer choices on which something still fails.

hypothesis gives up after 200 attempts in vain, which is soon where an example is a few hundred choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

STRETCHES = (48, 16, 4, 1)
"""How many choices at a time are made the plainest."""

TRIES = 1500
"""How often it is looked whether something still fails."""


def shrunk(choices: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Choices on which it fails too, none of which can be made plainer alone, if TRIES are enough for that.

    `fails` is true of `choices`, and says the same each time it is asked.
    """
    seen = {choices}
    changed = True
    while changed:
        changed = False
        at = 0
        while (found := _next(choices, at, seen, fails)) is not None:
            choices, at = found
            changed = True
        if len(seen) > TRIES:
            break
    return choices


def _next(choices: bytes, at: int, seen: set[bytes], fails: Callable[[bytes], bool]) -> tuple[bytes, int] | None:
    """The first of the plainer choices, from number `at` on, on which it fails, and from which number to go on."""
    for number, plainer in enumerate(_plainer(choices)):
        if number < at or plainer in seen:
            continue
        if len(seen) > TRIES:
            return None
        seen.add(plainer)
        if fails(plainer):
            return plainer, number
    return None
