"""From values that meet a question to smaller ones that meet it too, each tried by execution.

Fewer entries in maps, then smaller numbers, then fewer elements in sets, and last smaller addresses, with all that is
near them: what is small is easier to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from verify import core
from verify.confirm import Confirmed, executed
from verify.core import Symbol, SymbolKind
from verify.lessen import lessened, lowered
from verify.question import Question
from verify.search import Found
from verify.values import Value

SPENT = 20_000
"""How many steps of questions are executed for it, at most."""


def minimised(question: Question, found: Found) -> Found:
    """Smaller values on the same geometry that meet the question; those found, if no others are come across."""
    start, left = found.confirmed, SPENT // (1 + len(question.steps))

    def meets(values: Mapping[Symbol, Value]) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and isinstance(executed(question, start.context, values), Confirmed)

    words = [s for s in found.symbols if s.kind is SymbolKind.ARGUMENT and s.type == core.WORD and not s.version]
    values = lowered(lessened(start.values, meets), words, meets)
    least = executed(question, start.context, values)
    return replace(found, confirmed=least) if isinstance(least, Confirmed) else found
