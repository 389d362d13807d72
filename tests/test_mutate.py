"""Mutants: which there are, what becomes of them, the reports, and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from multiprocessing import Pipe
from pathlib import Path

import fake_discharge
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from mutate_text import ACTING, TEXT

from verify import __main__ as program
from verify import cli, core
from verify.classes import input_classes
from verify.elaborate import elaborate
from verify.load import Loaded, load
from verify.mutants import applied, mutants, procedures
from verify.mutate import Fate, Judged, judge
from verify.mutate_report import mutate_json, mutate_text
from verify.span import Source
from verify.unchanged import Unchanged

pytestmark = pytest.mark.xdist_group("mutate")
"""All in one process: the mutants are judged once."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[core.Program, Loaded]:
    return written(tmp_path_factory.mktemp("mutate"), TEXT)


def written(folder: Path, text: str) -> tuple[core.Program, Loaded]:
    (folder / "m.spec").write_text(text)
    found = load((folder,), folder)
    made, diagnostics = elaborate(found.modules, found.roots, found.sources, found.broken)
    assert made is not None, (*found.diagnostics, *diagnostics)
    return made, found


def listed(loaded: tuple[core.Program, Loaded], name: str) -> str:
    made, found = loaded
    every = mutants(made, made.routines()[f"m.{name}"], found.sources)
    assert [m.id for m in every] == [f"m.{name}.mutant[{n}]" for n in range(1, len(every) + 1)]
    return "".join(f"{m.span.line}: {m.operator.value}: {m.was} -> {m.now}\n" for m in every)


def judged(loaded: tuple[core.Program, Loaded], *names: str, timeout: float = 10.0) -> Iterator[Judged]:
    made, found = loaded
    reader, writer = Pipe(duplex=False)
    with reader, writer:
        yield from judge(made, [f"m.{n}" for n in names], found.sources, input_classes(made), timeout, 1, reader)


@pytest.fixture(scope="module")
def told(loaded: tuple[core.Program, Loaded]) -> dict[str, list[Judged]]:
    """What becomes of the mutants of some procedures, by name: each has one, and one alone."""
    names = ("mark", "larger", "lower", "climb", "share", "take", "takes")
    every = sorted(judged(loaded, *names), key=lambda j: j.mutant.number)
    found = {n: [j for j in every if j.mutant.routine == f"m.{n}"] for n in names}
    assert {n: len(of) for n, of in found.items()} == {n: listed(loaded, n).count("\n") for n in names}
    return found


def fates(found: list[Judged]) -> dict[str, Fate]:
    """By what stood there and what stands there now."""
    return {f"{j.mutant.was} -> {j.mutant.now}": j.fate for j in found}


# --- which mutants there are ---------------------------------------------------------------------------------------


GOLDEN = {
    "bits": """\
22: operator: a & ~(SIZE - 1) -> a | ~(SIZE - 1)
22: operator: a & ~(SIZE - 1) -> a ^ ~(SIZE - 1)
22: operator: ~(SIZE - 1) -> SIZE - 1
22: operator: SIZE - 1 -> SIZE + 1
22: constant: SIZE -> 0
22: constant: SIZE -> 1
22: constant: SIZE -> (SIZE - 1)
22: constant: SIZE -> (SIZE + 1)
22: constant: 1 -> 0
22: constant: 1 -> 2
22: statement: r = a & ~(SIZE - 1); -> any value of r
""",
    "mark": """\
26: requires: requires order -> nothing required
31: statement: var before: int = count; -> any value of before
33: constant: far -> near
33: statement: at[a] = far; -> nothing
34: connective: less(b, end) && !(a == b) -> less(b, end) || !(a == b)
34: arguments: less(b, end) -> less(end, b)
34: connective: less(b, end) -> !(less(b, end))
34: connective: !(a == b) -> a == b
34: comparison: a == b -> false
34: comparison: a == b -> a <= b
34: comparison: a == b -> a >= b
34: statement: if (less(b, end) && !(a == b)) -> nothing
35: operator: before + 1 -> before - 1
35: constant: 1 -> 0
35: constant: 1 -> 2
35: statement: count = before + 1; -> nothing
38: constant: 0 -> 1
38: constant: 0 -> -1
38: statement: before = 0; -> nothing
""",
    "twice": """\
43: requires: requires order -> nothing required
47: arguments: mark(a, b, end) -> mark(b, a, end)
47: arguments: mark(a, b, end) -> mark(end, b, a)
47: arguments: mark(a, b, end) -> mark(a, end, b)
47: statement: mark(a, b, end); -> nothing
48: constant: false -> true
48: statement: while (false) -> nothing
51: arguments: mark(b, end, end) -> mark(end, b, end)
51: arguments: mark(b, end, end) -> mark(end, end, b)
51: statement: mark(b, end, end); -> nothing
52: statement: return; -> nothing
""",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_each_operator_at_each_place(loaded: tuple[core.Program, Loaded], name: str) -> None:
    assert listed(loaded, name) == GOLDEN[name]


def test_what_a_define_reads_is_no_argument_of_its_application(tmp_path: Path) -> None:
    text = """\
module m;
state some: set[word];
state more: set[word];
define both(a: word): bool = a in some && !(a in more);
procedure looks(a: word) returns (r: bool)
    ensures is: r <==> both(a)
{
    r = both(a);
}
"""
    lines = listed(written(tmp_path, text), "looks").splitlines()
    assert lines == ["8: connective: both(a) -> !(both(a))", "8: statement: r = both(a); -> any value of r"]


def test_what_a_mutant_is_differs_in_one_place_and_calls_keep_their_numbers(
    loaded: tuple[core.Program, Loaded],
) -> None:
    made, found = loaded
    routine = made.routines()["m.twice"]
    (dropped,) = [m for m in mutants(made, routine, found.sources) if m.was == "mark(a, b, end);"]
    body = applied(made, dropped).body
    assert routine.body is not None
    assert body == routine.body[1:]
    assert [s.number for s in body if isinstance(s, core.Call)] == [2]


def test_only_procedures_that_claim_to_be_right_are_broken(loaded: tuple[core.Program, Loaded]) -> None:
    names = [r.name for r in procedures(loaded[0], ())]
    assert names == ["bits", "mark", "twice", "larger", "lower", "climb", "share", "keeps", "take", "takes"]
    assert [r.name for r in procedures(loaded[0], ("m.cl*", "share"))] == ["climb", "share"]


# --- what becomes of them --------------------------------------------------------------------------------------------


def test_a_run_kills_and_says_what_it_breaks_and_from_where(told: dict[str, list[Judged]]) -> None:
    found = {j.mutant.now: j for j in told["share"]}
    by_zero = found["nothing required"]
    assert (by_zero.fate, by_zero.by, by_zero.promised) == (Fate.KILLED, "m.share.range[1]", True)
    assert {s.name: s.json for s in by_zero.inputs}["b"] == "0x0"
    assert by_zero.geometry == "small"
    assert found["a % b"].by == "m.share.ensures.all"


def test_what_does_the_same_on_every_input_is_equivalent(told: dict[str, list[Judged]]) -> None:
    found = fates(told["larger"])
    assert found.pop("a > b -> a >= b") is Fate.EQUIVALENT
    assert set(found.values()) == {Fate.KILLED}


def test_only_inputs_that_the_preconditions_allow_count(told: dict[str, list[Judged]]) -> None:
    """What a run finds without a precondition is an input for that mutant alone; what follows from one is given."""
    found = fates(told["mark"])
    assert found["requires order -> nothing required"] is Fate.KILLED
    assert [now for now, fate in found.items() if fate is not Fate.KILLED] == [
        "a == b -> false",
        "a == b -> a >= b",
        "0 -> 1",
        "0 -> -1",
        "before = 0; -> nothing",
    ]
    assert Fate.SURVIVED not in found.values()
    assert Fate.UNKNOWN not in found.values()


def test_what_breaks_no_promise_survives(told: dict[str, list[Judged]]) -> None:
    found = fates(told["lower"])
    assert [now for now, fate in found.items() if fate is Fate.SURVIVED] == [
        "step <= a -> step < a",
        "step <= a -> step == a",
        "if (step <= a) -> nothing",
        "r = a - step; -> nothing",
    ]


def test_a_precondition_that_follows_from_the_others_is_equivalent(told: dict[str, list[Judged]]) -> None:
    found = {j.mutant.was: j for j in told["lower"] if j.mutant.was.startswith("requires")}
    assert found["requires some"].used == ("m.lower.requires.again",)
    assert found["requires again"].used == ("m.lower.requires.some",)
    assert {j.fate for j in found.values()} == {Fate.EQUIVALENT}


def test_a_precondition_that_is_for_callers_alone_is_killed_by_one_that_breaks_nothing_else(
    loaded: tuple[core.Program, Loaded], told: dict[str, list[Judged]]
) -> None:
    found = {j.mutant.id: j for j in (*told["take"], *told["takes"])}
    few, some = found["m.take.mutant[1]"], found["m.take.mutant[2]"]
    assert (few.fate, few.by, few.promised) == (Fate.KILLED, "m.takes.call[1].take.few", True)
    assert few.detail == "m.takes.mutant[1] breaks it, and nothing else"
    assert {s.name: s.value for s in few.inputs}["n"] == "3"
    # A caller's mutant that breaks it breaks what the caller promises, too.
    assert (some.fate, some.used) == (Fate.EQUIVALENT, ("m.takes.call[1].take.some",))
    alone = {j.mutant.id: j.fate for j in judged(loaded, "take")}
    assert alone["m.take.mutant[1]"] is Fate.KILLED  # it makes no difference whether the caller was asked about


def test_others_who_act_are_callers_too(tmp_path: Path) -> None:
    found = {j.mutant.was: j for j in judged(written(tmp_path, ACTING), "act")}
    free = found["requires free"]
    assert (free.fate, free.by) == (Fate.KILLED, "m.others.call[1].act.free")
    assert {s.name: s.value for s in free.inputs}["locked"] == "true"


def test_that_a_proof_is_not_found_is_no_kill(told: dict[str, list[Judged]]) -> None:
    """In steps of 2 it counts to 10 as well; its invariant does not tell why."""
    found = {f"{j.mutant.was} -> {j.mutant.now}": j for j in told["climb"]}
    by_two = found.pop("1 -> 2")
    assert by_two.fate is Fate.UNKNOWN
    assert by_two.detail.startswith("m.climb.loop[1].invariant.most.kept: too weak")
    assert found.pop("r < 10 -> r != 10").fate is Fate.EQUIVALENT
    assert {found.pop(f"0 -> {n}").fate for n in (1, -1)} == {Fate.SURVIVED}  # nor is it found to be equivalent
    assert {j.fate for j in found.values()} == {Fate.KILLED}
    assert found["1 -> 0"].by == "m.climb.loop[1].decreases"


def test_where_an_operation_is_not_defined_nothing_is_equivalent(loaded: tuple[core.Program, Loaded]) -> None:
    """Both bodies come to the same end wherever all is defined. Divided by 0, that is nowhere."""
    made, found = loaded
    every = mutants(made, made.routines()["m.keeps"], found.sources)
    proofs = Unchanged(made, found.sources, 5.0)
    said = {f"{m.was} -> {m.now}": (proofs.in_place(m) is not None, proofs.at_the_end(m) is not None) for m in every}
    assert said["a / 4 > a -> false"] == (True, True)
    assert said["4 -> 5"] == (True, True)
    assert said["4 -> 0"] == (False, False)


def test_what_a_proof_leans_on_has_to_hold_of_the_mutant_too(tmp_path: Path) -> None:
    """The callee's precondition follows from the loop's invariant; that does not hold once the mutant has turned."""
    text = """\
module m;
procedure takes(a: int)
    requires three: a == 3
{ }
procedure walks()
{
    var i: int = 0;
    var k: int = 0;
    while (i < 3)
        invariant same: k == i
        invariant most: i <= 3
        decreases 3 - i
    {
        i += 1;
        k += 1;
    }
    takes(k);
}
"""
    made, found = written(tmp_path, text)
    unchanged = Unchanged(made, found.sources, 5.0)
    (two,) = [m for m in mutants(made, made.routines()["m.walks"], found.sources) if (m.span.line, m.now) == (15, "2")]
    assert unchanged.at_the_end(two) is None
    (killed,) = [j for j in judged((made, found), "walks") if j.mutant == two]
    assert (killed.fate, killed.by) == (Fate.KILLED, "m.walks.call[1].takes.three")


def test_within_no_time_nothing_is_said(loaded: tuple[core.Program, Loaded]) -> None:
    """Late workers, and searches that have not begun."""
    found = list(judged(loaded, "climb", timeout=0.001))
    assert {j.fate for j in found if j.mutant.now in ("1", "2", "-1")} <= {Fate.UNKNOWN, Fate.SURVIVED}
    assert len(found) == listed(loaded, "climb").count("\n")


# --- the reports and the command -------------------------------------------------------------------------------------


def run(folder: Path, *arguments: str) -> int:
    return program.main(["mutate", *arguments, str(folder)], fake_discharge.discharge)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.spec").write_text(TEXT)
    return tmp_path


def test_the_report_as_text(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run(Path(), "--only", "climb", "--timeout", "10") == cli.FAILED
    assert (
        capsys.readouterr().out
        == """\
|  | mutants | killed | equivalent | survived | unknown |
|---|---|---|---|---|---|
| `m` | 15 | 11 | 1 | 2 | 1 |

Survived: all proofs are found for these too, and none that they change nothing.

- m.spec:81:9: `m.climb.mutant[1]`: `0` became `1`
- m.spec:81:9: `m.climb.mutant[2]`: `0` became `-1`

Unknown: no run was found that breaks anything, nor all proofs.

- m.spec:86:14: `m.climb.mutant[14]`: `1` became `2`; \
m.climb.loop[1].invariant.most.kept: too weak: the invariants of the loop, line 82
"""
    )


def test_the_exit_status_says_what_was_worst(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--only", "larger") == cli.OK
    assert capsys.readouterr().out.splitlines()[2:] == ["| `m` | 6 | 5 | 1 | 0 | 0 |"]


def test_the_report_as_json_keeps_to_its_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--only", "share", "--format", "json") == cli.FAILED
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads((files("verify") / "mutate.schema.json").read_text()))
    assert [(m["id"], m["fate"], m["by"]) for m in report["mutants"]] == [
        ("m.share.mutant[1]", "killed", "m.share.range[1]"),
        ("m.share.mutant[2]", "survived", None),
        ("m.share.mutant[3]", "killed", "m.share.ensures.all"),
        ("m.share.mutant[4]", "killed", "m.share.ensures.all"),
    ]
    assert report["mutants"][0]["inputs"]["b"] == "0x0"


def test_what_is_unknown_alone_is_exit_status_3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(
        made: core.Program, names: tuple[str, ...], sources: Mapping[str, Source], *_: object
    ) -> Iterator[Judged]:
        for name in names:
            for mutant in mutants(made, made.routines()[name], sources):
                yield Judged(mutant, Fate.UNKNOWN if mutant.number == 2 else Fate.EQUIVALENT)

    monkeypatch.setattr("verify.commands.judge", found)
    assert run(folder, "--only", "larger") == cli.UNKNOWN


def test_what_an_interrupt_leaves_out_is_unknown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> Iterator[Judged]:
        yield from ()

    monkeypatch.setattr("verify.commands.judge", stopped)
    assert run(folder, "--only", "larger") == cli.UNKNOWN


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "lagrer"), "there is no procedure with a body like `lagrer`; near it: larger"),
        (("--geometry", "small"), "`mutate` takes no --geometry"),
        (("--beyond", "some"), "`mutate` takes no --beyond"),
    ],
)
def test_mistakes_on_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(folder, *arguments) == cli.WRONG
    assert said in capsys.readouterr().err


def test_a_situation_of_a_procedure_that_there_is_not_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.spec").write_text(
        "module m;\nstate s: word;\nprocedure p(a: word) modifies s ensures is: s == a { s = a + 0; }\n"
        "/// reached by: q\ncover c(a: word) witness some: a > 1;\n"
    )
    assert run(tmp_path) == cli.WRONG
    assert "m.spec:5:1: `c` is reached by `q`, but there is no procedure `m.q`" in capsys.readouterr().err


def test_each_mutant_is_in_the_table_even_where_nothing_is_known(loaded: tuple[core.Program, Loaded]) -> None:
    made, found = loaded
    every = mutants(made, made.routines()["m.share"], found.sources)
    text = mutate_text(every, [Judged(every[1], Fate.UNKNOWN, detail="why")])
    assert text.splitlines()[2] == "| `m` | 4 | 0 | 0 | 0 | 1 |"
    assert text.splitlines()[-1].endswith("m.spec:95:9: `m.share.mutant[2]`: `a / b` became `a * b`; why")
    assert [m["id"] for m in json.loads(mutate_json(every, [], {}))["mutants"]] == []
