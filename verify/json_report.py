"""The report as programs read it. Published: it changes only by addition. Its schema is `report.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from verify.audit import Trusted
from verify.diagnostic import Diagnostic
from verify.plan import Plan
from verify.report import Counts, by_id
from verify.second import tallies
from verify.span import Span
from verify.stable import apart, slowest, spread
from verify.verdict import Answer, Opinion, Result, Trial

Object: TypeAlias = dict[str, Any]


def report_json(
    results: Sequence[Result],
    versions: Mapping[str, str],
    seconds: float,
    not_reached: int = 0,
    warnings: Sequence[Diagnostic] = (),
) -> str:
    """The report of a run. `seconds` is wall-clock time; `not_reached` entries are missing, after an interrupt."""
    counts = Counts.of(results)
    summary: Object = {
        "obligations": len(results),
        "ok": counts.ok,
        "failed": counts.failed,
        "unknown": counts.unknown,
        "cached": 0,
        "seconds": round(seconds, 3),
    }
    if not_reached:
        summary["not_reached"] = not_reached
    if told := tallies(results):
        summary["solvers"] = {
            t.solver: {"agree": t.agree, "contradict": t.contradict, "unknown": dict(t.silent)} for t in told
        }
    if by_seeds := spread(results):
        summary["stability"] = {
            "seeds": by_seeds.seeds,
            "changed": by_seeds.changed,
            "slowest_seconds": round(slowest(by_seeds.slowest), 3),
            "seconds_apart": round(apart(by_seeds.widest), 3),
        }
    found: Object = {"summary": summary, "obligations": [entry(r) for r in results]}
    if warnings:
        found["warnings"] = [_warning(w) for w in warnings]
    return _text("report", versions, found)


def _warning(warning: Diagnostic) -> Object:
    return {
        "code": warning.code,
        "location": location(warning.span),
        "what": warning.what,
        "why": warning.why,
        "help": warning.help,
    }


def entry(result: Result) -> Object:
    """One result."""
    found: Object = {
        "id": result.id,
        "kind": result.kind.value,
        "geometry": result.geometry,
        "word_bits": result.word_bits or "every",
        "expected": result.expected,
        "verdict": result.verdict.value,
        "ok": result.ok,
        "location": location(result.location),
        "seconds": round(result.seconds, 3),
        "solver": result.solver,
        "cached": False,
        "used": list(result.used),
        "claims": list(result.claims),
        "counterexample": None if result.counterexample is None else dict(result.counterexample.as_json()),
        "detail": list(result.detail),
    }
    if result.reason is not None:
        found["reason"] = result.reason.value
    if result.defect:
        found["defect"] = True
    if result.function:
        found["function"] = result.function
    if result.script is not None:
        found["script"] = {"file": result.script.name, "expected": result.script.expected.value}
    if result.opinions:
        found["opinions"] = [_opinion(o) for o in result.opinions]
    if not result.enough:
        found["enough"] = False
    if result.trials:
        found["trials"] = [_trial(t) for t in result.trials]
    return found


def _opinion(opinion: Opinion) -> Object:
    found: Object = {"solver": opinion.solver, "answer": opinion.answer.value}
    if opinion.answer is Answer.UNKNOWN:
        found["reason"] = opinion.reason
    if opinion.said:
        found["said"] = opinion.said
    return found


def _trial(trial: Trial) -> Object:
    found: Object = {"verdict": trial.verdict.value, "seconds": round(trial.seconds, 3)}
    if trial.reason is not None:
        found["reason"] = trial.reason.value
    return found


def list_json(plan: Plan, versions: Mapping[str, str]) -> str:
    """The obligations without verdicts."""
    obligations: list[Object] = []
    for group in by_id(plan.listed):
        first = group[0].obligation
        scopes = [{"geometry": t.scope.shown, "word_bits": t.scope.word_bits or "every"} for t in group]
        obligations.append(
            {
                "id": first.id,
                "kind": first.kind.value,
                "expected": first.expected,
                "scopes": scopes,
                "location": location(first.location),
                "claims": list(first.claims),
            }
        )
    return _text("list", versions, {"obligations": obligations})


def audit_json(trusted: Sequence[Trusted], versions: Mapping[str, str]) -> str:
    """All that is taken on trust."""
    entries = [{"kind": t.kind, "name": t.name, "text": t.text, "location": location(t.location)} for t in trusted]
    return _text("audit", versions, {"trusted": entries})


def location(span: Span) -> Object:
    return {"file": span.file, "line": span.line, "column": span.column}


def _text(what: str, versions: Mapping[str, str], rest: Mapping[str, Any]) -> str:
    return json.dumps({"schema": f"verify-{what}/1", "versions": dict(versions), **rest}, indent=1) + "\n"
