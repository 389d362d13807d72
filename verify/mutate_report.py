"""What became of the mutants, as text (a table in Markdown) and as programs read it (its schema is
`mutate.schema.json`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from verify.matrix import module_of
from verify.mutants import Mutant
from verify.mutate import Fate, Judged
from verify.table import row, table

_LISTED = {
    Fate.SURVIVED: "Survived: all proofs are found for these too, and none that they change nothing.",
    Fate.UNKNOWN: "Unknown: no run was found that breaks anything, nor all proofs.",
}


def mutate_text(asked: Sequence[Mutant], judged: Sequence[Judged]) -> str:
    """A row for each module and one for all, and under the table each mutant that is neither killed nor equivalent."""
    fates = {j.mutant.id: j for j in judged}
    modules = dict.fromkeys(module_of(m.routine) for m in asked)
    lines = [*table(["", "mutants", "killed", "equivalent", "survived", "unknown"])]
    for module in modules:
        lines.append(_row(f"`{module}`", [m for m in asked if module_of(m.routine) == module], fates))
    if len(modules) > 1:
        lines.append(_row("all", asked, fates))
    for fate, title in _LISTED.items():
        left = [j for m in asked if (j := fates.get(m.id)) is not None and j.fate is fate]
        if left:
            lines += ["", title, "", *(f"- {_line(j)}" for j in left)]
    return "\n".join([*lines, ""])


def _row(name: str, asked: Sequence[Mutant], fates: Mapping[str, Judged]) -> str:
    count = Counter(fates[m.id].fate for m in asked if m.id in fates)
    numbers = (len(asked), *(count[f] for f in (Fate.KILLED, Fate.EQUIVALENT, Fate.SURVIVED, Fate.UNKNOWN)))
    return row([name, *map(str, numbers)])


def _line(judged: Judged) -> str:
    mutant = judged.mutant
    why = f"; {judged.detail}" if judged.detail else ""
    return f"{mutant.span}: `{mutant.id}`: `{mutant.was}` became `{mutant.now}`{why}"


def mutate_json(asked: Sequence[Mutant], judged: Sequence[Judged], versions: Mapping[str, str]) -> str:
    """One entry for each mutant, in the order of the source."""
    fates = {j.mutant.id: j for j in judged}
    found = [_entry(fates[m.id]) for m in asked if m.id in fates]
    return json.dumps({"schema": "verify-mutants/1", "versions": dict(versions), "mutants": found}, indent=1) + "\n"


def _entry(judged: Judged) -> Mapping[str, object]:
    mutant, is_killed = judged.mutant, judged.fate is Fate.KILLED
    return {
        "id": mutant.id,
        "routine": mutant.routine,
        "file": mutant.span.file,
        "line": mutant.span.line,
        "column": mutant.span.column,
        "operator": mutant.operator.value,
        "was": mutant.was,
        "now": mutant.now,
        "fate": judged.fate.value,
        "by": judged.by if is_killed else None,
        "promised": judged.promised if is_killed else None,
        "geometry": judged.geometry if is_killed else None,
        "inputs": {s.name: s.json for s in judged.inputs} if is_killed else None,
        "used": list(judged.used),
        "detail": judged.detail,
    }
