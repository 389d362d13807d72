"""The report as programs read it, and its schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from report_cases import RUN, STEP, made

from verify.json_report import report_json
from verify.values import Json
from verify.verdict import Reason, Shown, Verdict


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


VERSIONS = {"verify": "0.1.0", "z3": "5.4.1"}


def schema() -> Any:
    return json.loads(files("verify").joinpath("report.schema.json").read_text(encoding="utf-8"))


def check(report: Any) -> None:
    jsonschema.Draft202012Validator(schema()).validate(report)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_report_as_json() -> None:
    case = made("extent.source_extent.ensures.progress", geometry="i386")
    change = {"verdict": Verdict.UNKNOWN, "reason": Reason.TOO_WEAK, "detail": ("why",), "counterexample": STEP}
    results = case.results({("extent.source_extent.ensures.progress", "i386"): change})
    report = json.loads(report_json(results, VERSIONS, 1.23456))
    check(report)
    assert report == {
        "schema": "verify-report/1",
        "versions": {"verify": "0.1.0", "z3": "5.4.1"},
        "summary": {"obligations": 1, "ok": 0, "failed": 0, "unknown": 1, "cached": 0, "seconds": 1.235},
        "obligations": [
            {
                "id": "extent.source_extent.ensures.progress",
                "kind": "ensures",
                "geometry": "i386",
                "word_bits": 32,
                "expected": "proved",
                "verdict": "unknown",
                "reason": "too weak",
                "ok": False,
                "location": {"file": "spec/extent.spec", "line": 10, "column": 24},
                "seconds": 0.01,
                "solver": "z3",
                "cached": False,
                "used": [],
                "claims": ["progress"],
                "counterexample": {
                    "geometry": {"WORD_BITS": 32, "PAGE_SHIFT": 12, "PMD_SHIFT": 21},
                    "inputs": {"old_addr": "0xffeff000", "old_end": "0xfff00000"},
                    "trace": [
                        {"name": "next", "value": "0x0", "line": 13, "text": "old_addr + (1 << PMD_SHIFT)"},
                        {"name": "extent", "value": "0x101000", "line": 17, "text": ""},
                    ],
                },
                "detail": ["why"],
            }
        ],
    }


MAP: Json = {"default": "none", "entries": {"0x1000": "pte#3"}}

FITTING: list[tuple[str, Mapping[str, Any]]] = [
    ("proved", {"used": ("machine.assume.page",)}),
    ("every word size", {"word_bits": 0}),
    ("refuted", {"verdict": Verdict.REFUTED, "counterexample": RUN}),
    ("a map", {"counterexample": replace(RUN, inputs=(Shown("pte", "...", MAP), Shown("b", "true", True)))}),
    ("a state of maps", {"counterexample": replace(RUN, inputs=(Shown("s", "", {"default": False, "entries": {}}),))}),
    ("vacuous", {"verdict": Verdict.VACUOUS}),
    ("uncovered", {"verdict": Verdict.UNCOVERED}),
    ("defect", {"verdict": Verdict.UNKNOWN, "reason": Reason.SOLVER, "defect": True}),
    *((f"unknown, {r.value}", {"verdict": Verdict.UNKNOWN, "reason": r}) for r in Reason),
]


@pytest.mark.parametrize("change", [c for _, c in FITTING], ids=[name for name, _ in FITTING])
def test_every_result_fits_the_schema(change: Mapping[str, Any]) -> None:
    case = made()
    results = [replace(r, **change) for r in case.results()]
    report = json.loads(report_json(results, VERSIONS, 1.0))
    check(report)
    word_bits = {o["word_bits"] for o in report["obligations"]}
    assert word_bits == ({"every"} if "word_bits" in change else {32, 64})


def test_the_report_of_an_interrupted_run_fits_the_schema() -> None:
    report = json.loads(report_json(made().results()[:3], VERSIONS, 1.0, 16))
    check(report)
    assert report["summary"]["not_reached"] == 16
    assert report["summary"]["obligations"] == 3


def test_keys_that_are_new_fit_the_schema() -> None:
    report = json.loads(report_json(made().results(), VERSIONS, 1.0))
    report["new"] = report["summary"]["new"] = report["obligations"][0]["new"] = report["versions"]["cvc5"] = "1.2"
    check(report)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every key of an object, at any depth."""
    found = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += [(*at, key)] if isinstance(value, dict) else []
        found += paths(inner, (*at, key))
    return found


def test_nothing_that_is_published_may_be_missing_or_of_another_type() -> None:
    case = made("extent.source_extent.ensures.progress", geometry="i386")
    change = {"verdict": Verdict.UNKNOWN, "reason": Reason.BOUND, "counterexample": RUN, "used": ("m.assume.x",)}
    results = case.results({("extent.source_extent.ensures.progress", "i386"): change})
    text = report_json(results, VERSIONS, 1.0)
    # Which params and inputs there are is the specification's business.
    free = {"PAGE_SHIFT", "PMD_SHIFT", "old_addr", "old_end"}
    checked = [p for p in paths(json.loads(text)) if p[-1] not in free]
    assert len(checked) > 30
    for path in checked:
        for breaks in ("missing", "null"):
            report = json.loads(text)
            holder = report
            for key in path[:-1]:
                holder = holder[key]
            if breaks == "missing":
                del holder[path[-1]]
            elif path[-1] == "counterexample":
                continue  # null is what it is without values
            else:
                holder[path[-1]] = None
            with pytest.raises(jsonschema.ValidationError):
                check(report)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "proven"},
        {"kind": "lemma"},
        {"reason": "timeout"},
        {"verdict": "unknown"},
        {"word_bits": "64"},
        {"word_bits": 0},
        {"verdict": "unknown", "reason": "timeout", "ok": True},
        {"verdict": "unknown", "reason": "tired", "ok": False},
    ],
)
def test_what_is_not_of_the_format_does_not_fit_the_schema(change: Mapping[str, Any]) -> None:
    report = json.loads(report_json(made("machine.geometry.i386").results(), VERSIONS, 1.0))
    report["obligations"][0] |= change
    with pytest.raises(jsonschema.ValidationError):
        check(report)
