"""What is said of names and patterns that nothing answers to."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from verify.cli import Options
from verify.plan import matches


def near(wanted: str, known: Sequence[str], most: int = 5) -> list[str]:
    """The names that someone who wrote `wanted` may have meant, the likeliest first."""
    ending = [k for k in known if f".{k}.".endswith(f".{wanted}.")]
    within = [k for k in known if f".{wanted}." in f".{k}."]
    alike = difflib.get_close_matches(wanted, known, most, 0.6)
    return (ending or within or alike or [k for k in known if wanted.lower() in k.lower()])[:most]


def nothing_like(what: str, wanted: Sequence[str], names: Sequence[str]) -> str:
    """The message for what was asked for by patterns or names and is not there, with what is near it."""
    close = [c for w in wanted for c in near(w.strip("*"), names)]
    hint = f"near it: {', '.join(close)}" if close else "`python -m verify list` shows them"
    return f"{what} `{'`, `'.join(wanted)}`; {hint}"


def no_obligation(options: Options, ids: Sequence[str]) -> str:
    """The message for a request that no obligation is about, of those with these ids."""
    if not ids:
        return "there is no obligation: the files have nothing to prove"
    if options.only and not any(matches(i, options.only) for i in ids):
        return nothing_like("no obligation has an id like", options.only, ids)
    return f"no obligation that was asked for is about the geometry `{options.geometry}`"
