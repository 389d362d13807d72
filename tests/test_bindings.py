"""The tables of functions in pyproject.toml, on the command line: what they bind, and what is wrong with them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from bound import CODE, PYPROJECT, SPEC, in_this_process, project

from verify import __main__ as program
from verify.solve import discharge
from verify.verdict import Verdict

ROOT = Path(__file__).parent.parent

ITEMS = """\
procedure p(a: word, b: word) returns (r: word)
    ensures sum: r == a + b
{
    r = a + b;
}

define d(a: word, b: word): word = a - b;

state s: word;

procedure changes(a: word) returns (r: word)
    modifies s
{
    s = a;
    r = a;
}

procedure reads() returns (r: word)
{
    r = s;
}

trusted procedure believed(a: word) returns (r: word);
"""

FUNCTIONS = """
def f(a, b, m):
    return m.wrap(a + b)

def g(b, a, m):
    return m.wrap(a - b)

number = 7
"""

TABLE = """\
[tool.verify.implementations]
"m.p" = "subject:f"
"m.changes" = "no.such:function"
"m.reads" = "no.such:function"
"m.believed" = "no.such:function"
"other.p" = "no.such:function"

[tool.verify.definitions]
"m.d" = "subject:g"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and the current folder."""
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/m.spec").write_text(SPEC + ITEMS, encoding="utf-8")
    (tmp_path / "subject.py").write_text(CODE + FUNCTIONS, encoding="utf-8")
    bind(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bind(folder: Path, old: str = "", new: str = "") -> None:
    text = f"[project]\nname = 'x'\n\n{TABLE}\n{PYPROJECT[PYPROJECT.index('[tool.verify.given') :]}"
    assert old in text
    (folder / "pyproject.toml").write_text(text.replace(old, new) if old else text, encoding="utf-8")


def verify(*arguments: str) -> int:
    return program.main(arguments, discharge)


def listed(output: str) -> list[str]:
    return re.findall(r"m\.\w+\.implementation", output)


def test_what_is_arithmetic_has_an_obligation_at_its_place_and_nothing_is_run_to_list_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "subject.py").unlink()
    assert verify("list") == 0
    output = capsys.readouterr().out
    assert listed(output) == ["m.p.implementation", "m.d.implementation"]
    assert re.search(r"m.p.implementation +implementation +every geometry, 32 and 64 bits\n", output)
    assert output.index("m.p.ensures.sum") < output.index("m.p.implementation") < output.index("m.changes")


@pytest.mark.parametrize("arguments", [("--no-bindings",), ("spec", "--no-bindings")])
def test_no_bindings_leaves_them_out(
    arguments: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "subject.py").unlink()
    assert verify("list", *arguments) == 0
    assert listed(capsys.readouterr().out) == []
    assert verify("--only", "m.p.*", *arguments) == 0
    assert verify("explain", "--no-bindings", "m.p.implementation") == 2
    assert "`explain` takes no --no-bindings" in capsys.readouterr().err


def test_a_project_is_the_nearest_one_above_the_specification_that_has_such_tables(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "spec/pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pyproject.toml").write_text("[tool.verify]\n", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    assert verify("--only", "*implementation", "../spec/m.spec", str(folder / "spec")) == 0
    assert "4 obligations: 4 as specified" in capsys.readouterr().out
    (folder / "spec/pyproject.toml").write_text("[tool.verify]\n", encoding="utf-8")
    assert verify("list", "../spec") == 0
    assert listed(capsys.readouterr().out) == []


def test_a_report_says_of_a_proof_and_of_a_counterexample_which_function_it_is_about(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify("explain", "m.d.implementation", "--geometry", "small") == 0
    assert "  function   subject:g, subject.py:15\n" in capsys.readouterr().out
    code = (folder / "subject.py").read_text(encoding="utf-8")
    (folder / "subject.py").write_text(code.replace("m.wrap(a - b)", "m.wrap(a - b) if a else b + 1"), encoding="utf-8")
    assert verify("--only", "m.d.*", "--geometry", "small") == 1
    assert re.sub(r" +\d+\.\d+ s", " 0 s", capsys.readouterr().out) == (
        """\
spec/m.spec
  NO  d.implementation   REFUTED: small 0 s

spec/m.spec:12:1: REFUTED m.d.implementation
   12 | define d(a: word, b: word): word = a - b;
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  counterexample, confirmed by executing it:
    geometry    WORD_BITS = 32, SHIFT = 12
    a           0x0
    b           0x0
    specified   0x0  line 12: m.d
    returned    0x1  line 15: subject:g
  again: python -m verify explain m.d.implementation --geometry small

1 obligation: 0 as specified, 1 failed, 0 unknown. 0 s on 1 process
"""
    )
    assert verify("--only", "*implementation", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "verify/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    assert {o["kind"] for o in report["obligations"]} == {"implementation"}
    assert [(o["verdict"], o["function"]) for o in report["obligations"]] == [
        ("proved", "subject:f, subject.py:12"),
        ("proved", "subject:f, subject.py:12"),
        ("refuted", "subject:g, subject.py:15"),
        ("refuted", "subject:g, subject.py:15"),
    ]


WRONG = {
    "no such module": (
        '"subject:f"',
        '"lost:f"',
        """\
pyproject.toml:5:1: error[binding]: the module `lost` cannot be imported: ModuleNotFoundError: No module named 'lost'
    5 | "m.p" = "lost:f"
      | ^^^^^
  why:  it is to implement `m.p`: its parameters are those, or are in `tool.verify.given`
  help: name a function that can be imported in the folder of this file; --no-bindings leaves it out
""",
    ),
    "no such function": (
        '"subject:f"',
        '"subject:h"',
        "pyproject.toml:5:1: error[binding]: the module `subject` has no `h`\n",
    ),
    "no function": (
        '"subject:f"',
        '"subject:number"',
        "pyproject.toml:5:1: error[binding]: `subject:number` cannot be called\n",
    ),
    "no place": (
        '"subject:f"',
        '"subject.f"',
        "pyproject.toml:5:1: error[binding]: `subject.f` is not of the form `module:name`\n",
    ),
    "no text": ('"subject:f"', "7", "pyproject.toml:5:1: error[binding]: what implements `m.p` is no text\n"),
    "a parameter too many": (
        '"subject:f"',
        '"subject:Machine"',
        "pyproject.toml:5:1: error[binding]: `subject:Machine` has no parameter `a`\n",
    ),
    "nothing for a parameter": (
        "[tool.verify.given.m]",
        "[tool.verify.given.n]",
        "pyproject.toml:5:1: error[binding]: nothing stands for the parameter `m` of `subject:f`\n",
    ),
    "nothing that makes it": (
        'make = "subject:Machine"\n',
        "",
        "pyproject.toml:14:2: error[binding]: `tool.verify.given.m` does not say what makes it\n",
    ),
    "a parameter that what makes it has not": (
        'bits = "WORD_BITS"',
        'bitts = "WORD_BITS"',
        "pyproject.toml:5:1: error[binding]: `subject:Machine` has no parameter `bitts`\n",
    ),
    "no such procedure": (
        '"m.p"',
        '"m.q"',
        "pyproject.toml:5:1: error[binding]: the module `m` has no procedure `q`\n",
    ),
    "a define among the procedures": (
        "\n[tool.verify.definitions]\n",
        "",
        "pyproject.toml:10:1: error[binding]: the module `m` has no procedure `d`\n",
    ),
    "no table": (
        TABLE[: TABLE.index("\n\n")],
        "[tool.verify]\nimplementations = 7",
        "pyproject.toml:5:1: error[binding]: `implementations` is no table\n",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_bound_is_told_with_its_place(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, message = WRONG[name]
    bind(folder, old, new)
    assert verify("--only", "*implementation") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(message)
    assert "Traceback" not in printed.err


def test_a_step_that_forgets_the_wrap_is_refuted_with_what_the_function_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "mremap_impl", tmp_path / "mremap_impl")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "spec").mkdir()
    for name in ("machine", "extent"):
        shutil.copy(ROOT / f"spec/{name}.spec", tmp_path / "spec")
    step = tmp_path / "mremap_impl/step.py"
    right = step.read_text(encoding="utf-8")
    assert right.count("words.sub(next, 1) > old_end") == 1
    monkeypatch.chdir(tmp_path)
    ask = ("--only", "extent.source_extent.implementation", "--geometry", "parisc32", "--format", "json")
    assert verify(*ask) == 0
    assert [o["verdict"] for o in json.loads(capsys.readouterr().out)["obligations"]] == ["proved"]
    step.write_text(right.replace("words.sub(next, 1) > old_end", "next > old_end"), encoding="utf-8")
    assert verify(*ask) == 1
    (found,) = json.loads(capsys.readouterr().out)["obligations"]
    assert found["verdict"] == "refuted"
    inputs = {name: int(value, 16) for name, value in found["counterexample"]["inputs"].items()}
    *_, specified, returned = found["counterexample"]["trace"]
    assert returned["text"] == "mremap_impl.step:source_extent"
    assert int(specified["value"], 16) == inputs["old_end"] - inputs["old_addr"]
    assert int(returned["value"], 16) == 2**32 - inputs["old_addr"]  # to the end of the word


def test_all_arithmetic_of_a_step_is_among_what_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify("list", str(ROOT / "spec/extent.spec"), "--only", "*.implementation") == 0
    output = capsys.readouterr().out
    for name in ("source_extent", "destination_cut", "latency_cut", "next_pmd"):
        assert f"extent.{name}.implementation " in output


NEXT = {"next_pmd", "source_extent", "destination_cut", "clamped", "clamped_by_deltas"}

CHANGED = {
    "nothing": ("as in C", "as in C", set()),
    "the sum of next_pmd": ("words.add(addr,", "words.sub(addr,", NEXT),
    "its mask": (" & geometry.PMD_MASK", " & geometry.PUD_MASK", NEXT),
    "the comparison of source_extent": ("1) > old_end", "1) < old_end", {"source_extent", "clamped"}),
    # Page-aligned ends make no difference between the two, and the procedure requires them.
    "its strictness": ("1) > old_end", "1) >= old_end", {"clamped"}),
    "its result": ("return words.sub(next, old_addr)", "return words.sub(next, 0)", {"source_extent", "clamped"}),
    "the room of destination_cut": ("geometry), new_addr)", "geometry), extent)", {"destination_cut"}),
    "its comparison, to the same effect": ("extent > room", "extent >= room", set()),
    "the comparison of latency_cut": ("extent > geometry.LATENCY", "extent < geometry.LATENCY", {"latency_cut"}),
    "a sum that is reduced later": ("words.add(len, old_addr)", "len + old_addr", set()),
    "what how_much_done subtracts": ("old_addr), old_end)", "old_addr), 0)", {"how_much_done"}),
}
"""Changes to step.py, and the items that it then differs from."""


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_to_a_step_is_refuted_where_it_changes_something_and_proved_where_it_does_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    old, new, wrong = CHANGED[name]
    shutil.copytree(ROOT / "mremap_impl", tmp_path / "mremap_impl")
    for file in ("pyproject.toml", "spec/machine.spec", "spec/extent.spec"):
        shutil.copy(ROOT / file, tmp_path)
    step = tmp_path / "mremap_impl/step.py"
    text = step.read_text(encoding="utf-8")
    assert text.count(old) == 1 or old == new
    step.write_text(text.replace(old, new), encoding="utf-8")
    results = project(tmp_path, spec="extent.spec").results("i386_pae")
    assert {name for name, r in results.items() if r.verdict is Verdict.REFUTED} == wrong
    assert {name for name, r in results.items() if r.verdict is Verdict.PROVED} == results.keys() - wrong
    assert len(results) == 7
