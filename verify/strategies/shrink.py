"""Making an example smaller: plainer choices on which something still fails.

hypothesis gives up after 200 attempts in vain, which is soon where an example is a few hundred choices.
"""

from __future__ import annotations

from collections.abc import Callable

STRETCHES = (48, 16, 4, 2, 1)
"""How many choices at a time are made the plainest; each stretch overlaps the next."""

TRIES = 1500
"""How often it is looked whether something still fails."""


def shrunk(choices: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Choices on which it fails too, none greater than it was.

    None of them can be made the plainest alone, nor just a little plainer, unless TRIES were not enough. `fails` is
    true of `choices`, and says the same each time it is asked.
    """
    seen: set[bytes] = set()

    def still(plainer: bytes) -> bool:
        if plainer in seen or len(seen) == TRIES:
            return False
        seen.add(plainer)
        return fails(plainer)

    # What the others come to hangs on the first choice, so it is made plain while they still are what they were.
    if choices[:1] > b"\0" and still(b"\0" + choices[1:]):
        choices = b"\0" + choices[1:]
    while True:
        before = choices
        for size in STRETCHES:
            for start in range(0, len(choices), max(1, size // 2)):
                stretch = choices[start : start + size]
                plainer = choices[:start] + bytes(len(stretch)) + choices[start + size :]
                if any(stretch) and still(plainer):
                    choices = plainer
        for at in range(len(choices)):
            too_low, high = 0, choices[at]
            while high - too_low > 1:
                middle = (too_low + high) // 2
                plainer = choices[:at] + bytes((middle,)) + choices[at + 1 :]
                if still(plainer):
                    choices, high = plainer, middle
                else:
                    too_low = middle
        if choices == before:
            return choices
