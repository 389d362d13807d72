"""Two procedures compared, as text and as programs read it (its schema is `compare.schema.json`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from verify.compare import Compared, Outcome
from verify.pairs import Pair

_WIDEST = 60
"""The longest value that is shown in the text; the JSON has them all."""

_EVERY = "every geometry, of 32 and of 64 bits"


def compare_text(pair: Pair, outcomes: Sequence[Compared]) -> str:
    """What became of the two with all of their preconditions, and without each of them."""
    lines = [f"{pair.one} and {pair.other}"]
    for without in (None, *pair.labels):
        lines += ["", f"  {_given(pair, without)}"]
        for outcome in _merged(sorted((o for o in outcomes if o.without == without), key=_order)):
            lines += [f"    {line}" for line in _said(outcome)]
        differ = [n for o in outcomes if o.without is None and o.outcome is Outcome.DIFFER for n in o.names]
        if without is not None and differ:
            lines.append(f"    they differ, as above: {', '.join(differ)}")
    return "\n".join([*lines, ""])


def _given(pair: Pair, without: str | None) -> str:
    if without is not None:
        return f"without {without}:"
    return f"given {', '.join(pair.labels)}:" if pair.labels else "on every input:"


def _order(outcome: Compared) -> int:
    return (Outcome.DIFFER, Outcome.UNKNOWN, Outcome.EQUAL).index(outcome.outcome)


def _merged(outcomes: Sequence[Compared]) -> Iterator[Compared]:
    """The outcomes, those that say the same of other geometries as one."""
    found: dict[object, Compared] = {}
    for outcome in outcomes:
        said = (outcome.outcome, _leans(outcome) if outcome.outcome is Outcome.EQUAL else id(outcome))
        known = found.get(said)
        found[said] = outcome if known is None else replace(known, names=known.names + outcome.names)
    return iter(found.values())


def _leans(outcome: Compared) -> tuple[str, ...]:
    """The preconditions and assumptions that a proof uses."""
    return tuple(sorted(name for name in outcome.used if ".requires." in name or ".assume." in name))


def _said(outcome: Compared) -> Iterator[str]:
    where = ", ".join(outcome.names) or _EVERY
    match outcome.outcome:
        case Outcome.EQUAL:
            yield f"equal on every input: {where}"
            if _leans(outcome):
                yield f"  the proof needs {', '.join(_leans(outcome))}"
        case Outcome.DIFFER:
            yield f"they differ: {where}"
            yield f"  {', '.join(f'{s.name} = {_cut(s.value)}' for s in outcome.inputs)}"
            for name, one, other in outcome.differs:
                yield f"  {name} is {_cut(one)} and {_cut(other)}"
        case Outcome.UNKNOWN:
            yield f"unknown: {where}"
            yield f"  {outcome.detail}"


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 3]}..."


def compare_json(pair: Pair, outcomes: Sequence[Compared], versions: Mapping[str, str]) -> str:
    """The same for programs."""
    found = [
        {
            "without": o.without,
            "geometries": list(o.names) or "every",
            "outcome": o.outcome.value,
            "used": list(o.used),
            "detail": o.detail,
            "differs": [{"name": name, "one": one, "other": other} for name, one, other in o.differs],
            "counterexample": None if o.counterexample is None else dict(o.counterexample.as_json()),
        }
        for o in outcomes
    ]
    report = {
        "schema": "verify-compare/1",
        "versions": dict(versions),
        "one": pair.one,
        "other": pair.other,
        "preconditions": list(pair.labels),
        "outcomes": found,
    }
    return json.dumps(report, indent=1) + "\n"
