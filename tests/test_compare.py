"""Two procedures compared: equal turn by turn, or an input on which they differ; what is refused; the reports."""

from __future__ import annotations

import json
from importlib.resources import files
from multiprocessing import Pipe
from pathlib import Path

import fake_discharge
import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from compare_text import TEXT

from verify import __main__ as program
from verify import cli, core
from verify.compare import Compared, Outcome, compare
from verify.compare_report import compare_text
from verify.elaborate import elaborate
from verify.load import Loaded, load
from verify.pairs import CannotCompare, Pair, pair
from verify.turns import chooses


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[core.Program, Loaded]:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "m.spec").write_text(TEXT)
    found = load((folder,), folder)
    made, diagnostics = elaborate(found.modules, found.roots, found.sources, found.broken)
    assert made is not None, (*found.diagnostics, *diagnostics)
    return made, found


def outcomes(loaded: tuple[core.Program, Loaded], one: str, other: str, geometry: str | None = None) -> list[Compared]:
    """What becomes of two procedures of the module."""
    made, found = loaded
    both, asked = pair(made, f"m.{one}", f"m.{other}")
    reader, writer = Pipe(duplex=False)
    with reader, writer:
        return list(compare(both, asked, found.sources, geometry, 10.0, 1, 100.0, reader))


def given_all(loaded: tuple[core.Program, Loaded], one: str, other: str, geometry: str | None = None) -> list[Compared]:
    """The same, with all preconditions."""
    return [o for o in outcomes(loaded, one, other, geometry) if o.without is None]


def test_equal_turn_by_turn_on_every_geometry(loaded: tuple[core.Program, Loaded]) -> None:
    found = outcomes(loaded, "by_end", "by_rest")
    (first,) = [o for o in found if o.without is None]
    assert (first.outcome, first.names) == (Outcome.EQUAL, ())
    assert [n for n in first.used if ".requires." in n] == ["m.by_end.requires.user"]
    assert [(o.outcome, o.names) for o in found if o.without == "some"] == [(Outcome.EQUAL, ())]
    without = [o for o in found if o.without == "user"]
    assert {o.outcome for o in without} == {Outcome.DIFFER}
    assert {n for o in without for n in o.names} == {"high", "low"}


def test_a_difference_is_small_and_says_what_is_not_the_same(loaded: tuple[core.Program, Loaded]) -> None:
    found = [o for o in outcomes(loaded, "by_end", "by_rest", "high") if o.without == "user"]
    (differ,) = found
    assert differ.outcome is Outcome.DIFFER
    assert differ.counterexample is not None
    values = {s.name: s.value for s in differ.counterexample.inputs}
    assert int(values["a"], 16) + 2 * int(values["len"], 16) >= 1 << 32
    assert [(name, one) for name, one, _ in differ.differs] == [("done", "0x0")]


def test_a_state_that_differs_is_a_difference(loaded: tuple[core.Program, Loaded]) -> None:
    (found,) = given_all(loaded, "by_rest", "counts_twice", "low")
    assert found.outcome is Outcome.DIFFER
    assert [name for name, _, _ in found.differs] == ["count"]


def test_without_loops(loaded: tuple[core.Program, Loaded]) -> None:
    (found,) = outcomes(loaded, "by_mask", "by_remainder")
    assert (found.outcome, found.names) == (Outcome.EQUAL, ())


def test_a_precondition_of_either_is_one_of_both_and_is_left_out_in_turn(loaded: tuple[core.Program, Loaded]) -> None:
    found = outcomes(loaded, "unguarded", "guarded", "low")
    assert [(o.without, o.outcome) for o in found] == [(None, Outcome.EQUAL), ("some", Outcome.DIFFER)]
    values = found[1].counterexample
    assert values is not None
    assert {s.name: s.value for s in values.inputs}["a"] == "0x0"
    assert found[1].differs == (("r", "0x7", "0xffffffff"),)


def test_a_lemma_counts_on_its_own_geometries_alone(loaded: tuple[core.Program, Loaded]) -> None:
    found = {n: o.outcome for o in given_all(loaded, "leans", "itself") for n in o.names}
    assert found == {"high": Outcome.EQUAL, "low": Outcome.DIFFER}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("by_end", "at_once", "one of them has a loop and the other has none"),
        ("itself", "two_loops", "`two_loops` has more than one loop"),
        ("calls_picks", "calls_picks", "`picks_in_a_loop` need not do the same with the same"),
    ],
)
def test_what_cannot_be_laid_side_by_side_is_not_called_equal(
    loaded: tuple[core.Program, Loaded], one: str, other: str, why: str
) -> None:
    for found in given_all(loaded, one, other, "low"):
        assert found.outcome is not Outcome.EQUAL
        assert found.outcome is Outcome.DIFFER or why in found.detail


def test_a_variable_of_any_value_is_not_the_same_in_both(loaded: tuple[core.Program, Loaded]) -> None:
    assert all(o.outcome is not Outcome.EQUAL for o in given_all(loaded, "picks", "picks", "low"))


def test_which_procedures_may_read_what_nobody_has_set(loaded: tuple[core.Program, Loaded]) -> None:
    made, _ = loaded
    routines = {r.name: r for r in made.routines().values()}
    assert {n for n, r in routines.items() if chooses(made, r)} == {"picks", "picks_in_a_loop", "calls_picks"}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("m.floor_is_below", "m.itself", "`floor_is_below` is a lemma: only procedures with a body are compared"),
        ("m.itself", "m.by_end", "`itself` and `by_end` have parameters or results of different types"),
    ],
)
def test_what_is_refused(loaded: tuple[core.Program, Loaded], one: str, other: str, why: str) -> None:
    with pytest.raises(CannotCompare) as caught:
        pair(loaded[0], one, other)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("adds_one", "adds_two"),
        ("sums", "sums_by_two"),
        ("sums", "sums_from_one"),
        ("sums", "sums_and_one"),
        ("sums", "counts_after"),
        ("adds_what_is_left", "adds_its_own"),
        ("leans_on_what_is_not_so", "sums"),
        ("fills_with_one", "fills_with_two"),
    ],
)
def test_what_differs_in_one_respect_is_told_apart(loaded: tuple[core.Program, Loaded], one: str, other: str) -> None:
    for pair_ in ((one, other), (other, one)):
        (found,) = given_all(loaded, *pair_, "low")
        assert found.outcome is Outcome.DIFFER
        assert found.differs


@pytest.mark.parametrize("name", ["sums", "adds_its_own", "leans_on_what_is_not_so", "fills_with_one", "ends"])
def test_each_is_equal_to_itself(loaded: tuple[core.Program, Loaded], name: str) -> None:
    (found,) = given_all(loaded, name, name)
    assert (found.outcome, found.names) == (Outcome.EQUAL, ())


def test_one_that_never_ends_is_not_equal_to_one_that_does(loaded: tuple[core.Program, Loaded]) -> None:
    for pair_ in (("ends", "goes_on"), ("goes_on", "ends")):
        assert all(o.outcome is not Outcome.EQUAL for o in given_all(loaded, *pair_, "low"))


# --- the command ---------------------------------------------------------------------------------------------------


def run(folder: Path, *arguments: str) -> int:
    return program.main(["compare", *arguments, str(folder)], fake_discharge.discharge)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.spec").write_text(TEXT)
    return tmp_path


def test_the_report_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "unguarded", "guarded", "--geometry", "low") == cli.OK
    assert (
        capsys.readouterr().out
        == """\
m.unguarded and m.guarded

  given some:
    equal on every input: low
      the proof needs m.unguarded.requires.some

  without some:
    they differ: low
      a = 0x0
      r is 0x7 and 0xffffffff
"""
    )


def test_the_report_as_json_keeps_to_its_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "by_rest", "counts_twice", "--geometry", "low", "--format", "json") == cli.FAILED
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, json.loads((files("verify") / "compare.schema.json").read_text()))
    assert report["one"] == "m.by_rest"
    assert report["outcomes"][0]["outcome"] == "differ"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("itself",), "there is no procedure"),
        (("itself", "itslef"), "there is no procedure `itslef`; near it: itself"),
        (("floor_is_below", "itself"), "there is no procedure `floor_is_below`"),
        (("itself", "by_end"), "have parameters or results of different types"),
        (("itself", "leans", "--only", "x"), "`compare` takes no --only"),
    ],
)
def test_mistakes_on_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(folder, *arguments) == cli.WRONG
    assert said in capsys.readouterr().err


def test_nothing_decided_is_said_to_be_unknown() -> None:
    asked = Compared(None, ("low",), Outcome.UNKNOWN, detail="why")
    text = compare_text(Pair("m.a", "m.b", ()), [asked])
    assert text == "m.a and m.b\n\n  on every input:\n    unknown: low\n      why\n"
