"""What of a question bears on its goal, as far as hidden definitions tell.

A body that is proved in layers says most things in opaque definitions, each about one matter. What is assumed of the
other matters does not help with this one, and the solver has to get past it. Leaving it out is sound: what cannot be
false under fewer assumptions cannot be false under all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from verify import core
from verify.passive import Assume, Step
from verify.question import Question
from verify.rename import conjuncts
from verify.sites import subexpressions


def focused(program: core.Program, question: Question) -> Question:
    """The question without what is assumed of hidden definitions that its goal does not name.

    What it proves, the question proves. The same object if nothing is left out.
    """
    goal = question.obligation.goal
    if goal is None:
        return question
    defines, revealed = program.defines(), question.obligation.revealed
    known: dict[str, frozenset[str]] = {}
    named = _hidden(goal, defines, revealed, known)
    kept: list[Step] = []
    changed = False
    for step in question.steps:
        if not isinstance(step, Assume) or not _hidden(step.expr, defines, revealed, known) - named:
            kept.append(step)
            continue
        changed = True
        parts = [p for p in conjuncts(step.expr) if not _hidden(p, defines, revealed, known) - named]
        kept += (Assume(step.path, part, step.name) for part in parts)
    return replace(question, steps=tuple(kept)) if changed else question


def _hidden(
    expr: core.Expr, defines: Mapping[str, core.Define], revealed: frozenset[str], known: dict[str, frozenset[str]]
) -> frozenset[str]:
    """The hidden definitions that an expression depends on, through those that are not hidden too."""
    found: set[str] = set()
    for node in subexpressions(expr):
        if isinstance(node, core.Apply):
            name = node.function
            if name not in known:
                define = defines[name]
                if define.opaque and name not in revealed:
                    known[name] = frozenset({name})
                elif define.value is None:
                    known[name] = frozenset()
                else:
                    known[name] = _hidden(define.value, defines, revealed, known)
            found |= known[name]
    return frozenset(found)
