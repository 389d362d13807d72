"""The implementation meets what the specification claims of it: one test for each claim, on inputs drawn from it.

And the claims are tested: each test can fail, and says why in the specification's terms.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from bridge import function_at
from generated import (
    EXAMPLES,
    BadSuite,
    Broken,
    Generated,
    Ran,
    Suite,
    broken,
    drawn,
    implementations,
    message,
    run,
    suite,
)
from inject import inject

import mremap_impl.mremap
import mremap_impl.step
from mremap_impl.geometry import Geometry

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec"
TABLE = implementations(ROOT / "pyproject.toml")
FEW = 100


def test_generated(generated: Generated, specification: Suite, pytestconfig: pytest.Config) -> None:
    failure = ""
    try:
        run(
            specification,
            generated,
            count=pytestconfig.getoption("--examples"),
            number=pytestconfig.getoption("--hypothesis-seed", default=None) or 0,
        )
    except Broken as error:
        failure = str(error)
    if failure:  # outside, else pytest shows it twice
        pytest.fail(failure, pytrace=False)


# --- they can fail -------------------------------------------------------------------------------------------------


def as_it_is_now(made: Suite, procedure: str) -> Suite:
    """The tests with the implementation of a procedure as it is now, on the examples of the generated tests."""
    return made.running({procedure: function_at(TABLE[procedure])})


def failing(made: Suite, procedure: str) -> dict[str, tuple[Generated, Ran, str]]:
    """The tests of a procedure that fail, by id without the procedure: where, and in which way."""
    found: dict[str, tuple[Generated, Ran, str]] = {}
    for test in made.tests:
        if test.routine.qualified == procedure:
            for ran in drawn(made, test.routine, EXAMPLES, 0).ran:
                why = broken(test, ran)
                if why is not None:
                    found[test.id.removeprefix(f"{procedure}.")] = (test, ran, why)
                    break
    return found


STEP, MREMAP = mremap_impl.step, mremap_impl.mremap
EXTENT, MOVED, PTES = "extent.source_extent", "move_page_tables.move_page_tables", "move_page_tables.move_ptes"

FAULTS: dict[str, tuple[ModuleType, str, str, str, set[str]]] = {
    "minus one": (STEP, "words.sub(next, 1) > old_end", "next > old_end", EXTENT, {"ensures.exact"}),
    "destination cut left out": (
        MREMAP,
        "            extent = destination_cut(extent, new_addr, geometry)\n",
        "",
        MOVED,
        {"ensures.exact", "ensures.maps"},
    ),
    "old entry not cleared": (MREMAP, "mm.ptep_clear_flush(old_pte)", "mm.pte[old_pte]", PTES, {"ensures.moved"}),
    "on past a refused table": (
        MREMAP,
        "                break\n",
        "                old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
        "                continue\n",
        MOVED,
        {"ensures.exact", "ensures.complete"},
    ),
    "hook": (MREMAP, "moved = mm.move_pte(pte, old_addr, new_addr)", "moved = pte", PTES, {"ensures.moved"}),
}


@pytest.mark.parametrize(
    ("module", "text", "fault", "procedure", "tests"),
    # With the generated tests of the procedure, whose examples are drawn once.
    [pytest.param(*row, id=name, marks=pytest.mark.xdist_group(row[3])) for name, row in FAULTS.items()],
)
def test_a_fault_in_the_implementation_makes_the_tests_of_what_it_breaks_fail(
    module: ModuleType,
    text: str,
    fault: str,
    procedure: str,
    tests: set[str],
    specification: Suite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inject(monkeypatch, module, text, fault)
    found = failing(as_it_is_now(specification, procedure), procedure)
    assert tests <= found.keys()


@pytest.mark.xdist_group(PTES)
def test_the_tests_of_a_procedure_are_handed_to_one_process(request: pytest.FixtureRequest) -> None:
    """Else each process draws all examples, and nothing says so. The group shows in the id where processes are used."""
    assert request.node.nodeid.endswith(f"@{PTES}") == ("PYTEST_XDIST_WORKER" in os.environ)


@pytest.mark.xdist_group(PTES)
def test_a_failure_is_shown_on_a_small_example_in_the_terms_of_the_specification(
    specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    inject(monkeypatch, MREMAP, "mm.ptep_clear_flush(old_pte)", "mm.pte[old_pte]")
    made = as_it_is_now(specification, PTES)
    with pytest.raises(Broken) as error:
        run(made, next(t for t in made.tests if t.id == "move_page_tables.move_ptes.ensures.moved"), count=EXAMPLES)
    lines = str(error.value).splitlines()
    start = lines.index("  smallest example found:")
    assert lines[0] == (
        "move_page_tables.move_ptes.ensures.moved: the implementation is wrong: "
        "the specification's body meets it on this example"
    )
    assert lines[1].endswith("move_ptes.ensures.moved, as mremap_impl.mremap.move_ptes has it: it is false")
    assert "ensures  moved:" in lines[2]
    titles = [line[4:14].strip() for line in lines[start + 1 :] if line[4:14].strip()]
    assert titles[1:] == ["called", "before", "after", "where", "asked"]
    assert next(line for line in lines if " pte = " in line).count("pte_t#") <= 2, "one or two entries are enough"


def a_step(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """A source_extent that forgets the end of the range."""
    return geometry.words.sub(mremap_impl.step.next_pmd(old_addr, geometry), old_addr + 0 * old_end)


def test_a_message_is_the_whole_story(specification: Suite) -> None:
    made = specification.running({EXTENT: a_step})
    test = next(t for t in made.tests if t.id == "extent.source_extent.ensures.exact")
    assert test.clause is not None
    ran = drawn(made, test.routine, 1, 0).ran[0]
    line = test.clause.line.line
    assert message(made, test, ran).splitlines() == [
        f"spec/extent.spec:{line}:5: extent.source_extent.ensures.exact, as test_generated.a_step has it: it is false",
        f"{line:5d} | {made.sources['spec/extent.spec'].line(line)}",
        "  smallest example found:",
        "    i386       WORD_BITS = 32",
        "               PAGE_SHIFT = 12",
        "               PMD_SHIFT = 22",
        "               PUD_SHIFT = 22",
        "               P4D_SHIFT = 22",
        "               PGDIR_SHIFT = 22",
        "               TASK_SIZE = 0xc0000000",
        "    called     old_addr = 0x1000",
        "               old_end = 0x2000",
        "    returned   extent = 0x3ff000",
    ]


# --- they follow the specification ---------------------------------------------------------------------------------


def copied(folder: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """A copy of the specification; in the files named, a text that stands once is replaced."""
    shutil.copytree(SPEC, folder / "spec")
    for name, (text, by) in changes.items():
        path = folder / "spec" / name
        source = path.read_text(encoding="utf-8")
        assert source.count(text) == 1, text
        path.write_text(source.replace(text, by), encoding="utf-8")
    return folder / "spec"


LATENCY = "    ensures  latency:  int(cut) "


def test_a_clause_more_in_the_specification_is_a_test_more(specification: Suite, tmp_path: Path) -> None:
    spec = copied(tmp_path, {"extent.spec": (LATENCY, "    ensures  short: cut < 3\n" + LATENCY)})
    after = suite([spec], TABLE, tmp_path)
    assert {t.id for t in after.tests} - {t.id for t in specification.tests} == {"extent.latency_cut.ensures.short"}
    with pytest.raises(Broken, match=r"ensures.short, as mremap_impl.step.latency_cut has it: it is false"):
        run(after, next(t for t in after.tests if t.id.endswith(".short")), count=20)


def test_there_is_a_test_for_each_claim_of_each_procedure_that_is_implemented(specification: Suite) -> None:
    ids = [t.id for t in specification.tests]
    assert len(ids) == len(set(ids))
    routines = specification.program.routines()
    for name in TABLE:
        assert {f"{name}.ensures.{c.label}" for c in routines[name].ensures} <= set(ids)
    assert "move_page_tables.move_ptes.invariant.in_tables" in ids
    assert "tables.get_old_pmd.modifies" in ids


def test_a_procedure_without_an_implementation_is_listed() -> None:
    table = {name: place for name, place in TABLE.items() if name != "extent.latency_cut"}
    made = suite([SPEC], table, ROOT)
    assert "extent.latency_cut" in made.without
    assert not any(t.id.startswith("extent.latency_cut.") for t in made.tests)


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("extent.latency", "mremap_impl.step:latency_cut", "there is no procedure `extent.latency`"),
        ("extent.latency_cut", "mremap_impl.step:latency", "`mremap_impl.step:latency` does not exist"),
        ("extent.latency_cut", "mremap_impl.steps:latency_cut", "`mremap_impl.steps:latency_cut` does not exist"),
        ("extent.latency_cut", "mremap_impl.step.latency_cut", "is not of the form"),
        ("extent.latency_cut", "mremap_impl.mm:carry_on", "has no parameter `extent`"),
        ("extent.latency_cut", "mremap_impl.step:destination_cut", "nothing stands for the parameter `new_addr`"),
    ],
)
def test_a_wrong_entry_in_the_table_is_an_error(name: str, place: str, said: str) -> None:
    with pytest.raises(BadSuite, match=said):
        suite([SPEC], {**TABLE, name: place}, ROOT)


def test_a_mistake_in_the_specification_is_an_error(tmp_path: Path) -> None:
    spec = copied(tmp_path, {"extent.spec": (LATENCY, "    ensures  latency:  int(cut) + cut ")})
    with pytest.raises(BadSuite, match=r"extent.spec:\d+:\d+: error"):
        suite([spec], TABLE, tmp_path)


def test_an_undecided_claim_fails(tmp_path: Path) -> None:
    claim = "    ensures  every: forall m: map[word, bool] :: m[cut] || !m[cut]\n"
    spec = copied(tmp_path, {"extent.spec": (LATENCY, claim + LATENCY)})
    made = suite([spec], TABLE, tmp_path)
    with pytest.raises(Broken, match="it is undecided here"):
        run(made, next(t for t in made.tests if t.id.endswith(".every")), count=1)


def test_a_claim_that_is_not_defined_fails(tmp_path: Path) -> None:
    claim = "    ensures  every: 1 / int(cut - PAGE_SIZE) < 2\n"
    spec = copied(tmp_path, {"extent.spec": (LATENCY, claim + LATENCY)})
    made = suite([spec], TABLE, tmp_path)
    with pytest.raises(Broken, match=r"it is not defined here: .*the divisor is 0"):
        run(made, next(t for t in made.tests if t.id.endswith(".every")), count=FEW)


@pytest.mark.xdist_group("tables.get_old_pmd")
def test_a_state_that_modifies_does_not_name_must_stay(specification: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "    if pmd_none_or_clear_bad(mm, pmd):\n"
    inject(monkeypatch, MREMAP, line, f"    mm.allocator.grants()\n{line}")
    procedure = "tables.get_old_pmd"
    found = failing(as_it_is_now(specification, procedure), procedure)
    assert found.keys() == {"modifies"}
    assert found["modifies"][2].endswith("asked has changed, and `modifies` does not name it")


# --- classes of inputs ---------------------------------------------------------------------------------------------


def with_text(folder: Path, text: str) -> Path:
    spec = copied(folder, {})
    with (spec / "extent.spec").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    return spec


def test_a_class_that_is_reached_is_counted(tmp_path: Path) -> None:
    text = "/// reached by: latency_cut\ncover longer(extent: word) witness one: extent == 65 * PAGE_SIZE;"
    made = suite([with_text(tmp_path, text)], TABLE, tmp_path)
    test = next(t for t in made.tests if t.id == "extent.latency_cut.ensures.latency")
    run(made, test, count=FEW)
    assert drawn(made, test.routine, FEW, 0).reached["extent.longer"] >= 2


def test_a_class_that_is_missed_makes_the_tests_of_its_procedure_fail(tmp_path: Path) -> None:
    # There are such extents, but none that a size or a place of a geometry would lead to, and of a narrow word none.
    text = "/// reached by: latency_cut\ncover odd(extent: word) witness one: (extent >> PAGE_SHIFT) == 0x2f1d3;"
    made = suite([with_text(tmp_path, text)], TABLE, tmp_path)
    test = next(t for t in made.tests if t.id == "extent.latency_cut.ensures.latency")
    with pytest.raises(Broken, match=r"fewer than 2% of the examples reach\n  extent.odd: \d+ of 100 examples"):
        run(made, test, count=FEW)


def test_a_way_that_no_example_takes_makes_the_tests_of_its_procedure_fail(tmp_path: Path) -> None:
    body = "    if (cut > LATENCY_LIMIT) {"
    more = "    if ((extent >> PAGE_SHIFT) == 0x2f1d3) {\n        cut = extent;\n    }\n"
    made = suite([copied(tmp_path, {"extent.spec": (body, more + body)})], TABLE, tmp_path)
    test = next(t for t in made.tests if t.id == "extent.latency_cut.ensures.latency")
    with pytest.raises(Broken, match=r"examples reach\n  extent.latency_cut.if\[1\].true: .*: 0 of 100 examples"):
        run(made, test, count=FEW)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/// reached by: latency_cut\ncover c(cut: word) witness w: cut > 0;", "that has no parameter `cut: word`"),
        ("/// reached by: latency_cut\ncover c(extent: int) witness w: extent > 0;", "has no parameter `extent: int`"),
        (
            "/// reached by: no_such\ncover c(extent: word) witness w: extent > 0;",
            "there is no procedure `extent.no_such`",
        ),
        ("/// reached by: latency_cut\nlemma c(extent: word) ensures e: extent == extent { }", "it is no cover"),
    ],
)
def test_a_class_of_nothing_is_an_error(text: str, said: str, tmp_path: Path) -> None:
    spec = with_text(tmp_path, text)
    with pytest.raises(BadSuite, match=said):
        suite([spec], TABLE, tmp_path)


# --- in pytest -----------------------------------------------------------------------------------------------------


def test_pytest_collects_what_the_specification_says_and_lists_what_is_left_out(tmp_path: Path) -> None:
    copied(tmp_path, {"extent.spec": (LATENCY, "    ensures  short: cut < 3\n" + LATENCY)})
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    left_out = '"extent.source_extent" = "mremap_impl.step:source_extent"\n'
    assert left_out in pyproject
    (tmp_path / "pyproject.toml").write_text(pyproject.replace(left_out, ""), encoding="utf-8")
    (tmp_path / "tests").mkdir()
    names = ("body", "bridge", "conftest", "generated", "inject", "lockstep", "severity", "test_generated", "ways")
    for name in (*names, "vector_files"):
        shutil.copy(ROOT / "tests" / f"{name}.py", tmp_path / "tests")
    shutil.copytree(ROOT / "tests/linux", tmp_path / "tests/linux")
    # In a worker, as always: what it has to say must get to the process that prints.
    options = ["-q", "-n", "1", "-p", "no:cacheprovider", "--examples", "20", "-k", "latency_cut.ensures"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "FAILED tests/test_generated.py::test_generated[extent.latency_cut.ensures.short]" in done.stdout
    assert "1 failed, 3 passed" in done.stdout
    assert "  no implementation: extent.source_extent" in done.stdout
    assert "  extent.latency_cut\n    20 examples\n" in done.stdout
