"""A run in which others act is shown as a schedule: who did what, in which order, a column for each actor."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest

import verify
from verify.elaborate import elaborate
from verify.json_report import report_json
from verify.load import load
from verify.obligations import obligations
from verify.report import schedule_rows
from verify.scopes import Scopes
from verify.solve import discharge
from verify.verdict import Counterexample, Result, Verdict

OTHERS = """module others;
    enum who_t { nobody, reader, writer }
    state value: int;
    state seen: map[who_t, int];
    state acts: map[int, who_t];
    state turn: int;
    interference procedure others() modifies value, seen, turn {
        if (acts[turn] == reader) { reads(); } else if (acts[turn] == writer) { writes(value + 1); }
        turn += 1;
    }
    procedure reads() modifies seen ensures seen: seen == old(seen)[reader := value] { seen[reader] = value; }
    procedure writes(to: int) modifies value ensures to: value == to { value = to; }
"""

BUSY = """module busy;
    import others;
    refute procedure torn()
        requires start: value == 0 && seen[reader] == 0 && seen[writer] == 0 && seen[nobody] == 0
        modifies value, seen, turn
        ensures  whole: seen[reader] != 5
    {
        value = 5;
        steps();
    }
    refute procedure alone() modifies value, seen, turn ensures never: false { value = 0; }
    procedure steps() modifies value, seen, turn { value = 0; value = 1; }
"""


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Result]:
    (tmp_path / "others.spec").write_text(OTHERS, encoding="utf-8")
    (tmp_path / "busy.spec").write_text(BUSY, encoding="utf-8")
    loaded = load([Path("busy.spec")], tmp_path)
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, found
    refuted = (o for o in obligations(program) if o.expected == "refuted")
    scopes = Scopes(program, None)
    return {o.item: discharge(program, o, scopes.of(o)[0], loaded.sources, 20.0) for o in refuted}


def shown(result: Result) -> Counterexample:
    assert result.verdict is Verdict.REFUTED
    assert result.counterexample is not None
    return result.counterexample


def test_a_schedule_is_a_table_with_a_column_for_each_actor(results: dict[str, Result]) -> None:
    assert schedule_rows(shown(results["torn"])) == [
        "torn        reads     changes",
        "---------   -------   -------",
        "value = 5             value: 0 -> 5",
        "            reads()   seen[reader]: 0 -> 5",
        "value = 0             value: 5 -> 0",
        "value = 1             value: 0 -> 1",
    ]


def test_there_is_no_schedule_where_nobody_else_acts(results: dict[str, Result]) -> None:
    found = shown(results["alone"])
    assert found.schedule == ()
    assert "schedule" not in found.as_json()


def test_the_report_has_the_schedule_as_its_schema_says(results: dict[str, Result]) -> None:
    report = json.loads(report_json([results["torn"]], {"verify": "0", "z3": "0"}, 0.0))
    schema = json.loads(Path(verify.__file__).with_name("report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    schedule = report["obligations"][0]["counterexample"]["schedule"]
    assert [act["actor"] for act in schedule] == ["torn", "reads", "torn", "torn"]
    assert schedule[1]["changes"] == [{"name": "seen[reader]", "before": "0", "after": "5"}]
    broken = json.loads(json.dumps(report))
    del broken["obligations"][0]["counterexample"]["schedule"][0]["actor"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
