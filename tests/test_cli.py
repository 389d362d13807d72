"""The command line: what may be written, what is said of mistakes, and the exit statuses."""

from __future__ import annotations

import json
import re
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import fake_discharge
import pytest
from fake_discharge import lemmas, write

from verify import __main__ as program
from verify.cli import KNOWN_SOLVERS, VERSION, Z3, Command, Options, Shown, VersionAsked, cores, parse
from verify.solvers import SOLVERS

HERE = Path(__file__).parent


def run(*arguments: str) -> int:
    """The exit status, with the stand-in for the solver; what is printed is captured by pytest."""
    return program.main(arguments, fake_discharge.discharge, grace=0.5)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- what may be written -------------------------------------------------------------------------------------------

PLAIN = Options(Command.PROVE, (Path("spec/"),), (), "", (), None, cores(), 30.0, False, None)


def options(**changes: object) -> Options:
    given = changes.get("given")
    if isinstance(given, tuple):
        changes["paths"] = tuple(Path(word) for word in given)
    return replace(PLAIN, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", options()),
        ("a b.spec", options(given=("a", "b.spec"))),
        ("list", options(command=Command.LIST)),
        ("list a", options(command=Command.LIST, given=("a",))),
        ("./list", options(given=("./list",))),
        ("a list", options(given=("a", "list"))),
        ("-- list", options(given=("list",))),
        ("-- --jobs", options(given=("--jobs",))),
        ("audit a", options(command=Command.AUDIT, given=("a",))),
        ("explain m.p.requires", options(command=Command.EXPLAIN, id="m.p.requires")),
        ("explain m.p.requires a b", options(command=Command.EXPLAIN, id="m.p.requires", given=("a", "b"))),
        ("explain m.p.range[1] -- -a", options(command=Command.EXPLAIN, id="m.p.range[1]", given=("-a",))),
        ("--jobs 3 list a", options(command=Command.LIST, jobs=3, given=("a",))),
        ("list a --jobs 3", options(command=Command.LIST, jobs=3, given=("a",))),
        ("a --jobs=3 b", options(jobs=3, given=("a", "b"))),
        ("--timeout 0.5", options(timeout=0.5)),
        ("--timeout 1e3", options(timeout=1000.0)),
        ("--only m.* --only *.requires", options(only=("m.*", "*.requires"))),
        ("--geometry i386", options(geometry="i386")),
        ("--format json", options(json=True)),
        ("--format text", options()),
        ("--output report.json", options(output=Path("report.json"))),
        ("--no-cache", options()),
        ("--solver z3", options()),
        ("list --solver z3", options(command=Command.LIST)),
        ("--solver cvc5", options(solvers=("cvc5",))),
        ("--solver z3 --solver cvc5", options(solvers=("z3", "cvc5"))),
        ("explain m.k --solver cvc5", options(command=Command.EXPLAIN, id="m.k", solvers=("cvc5",))),
        ("--strict", options(strict=True)),
        ("--stability 5", options(stability=5)),
        ("--memory 512", options(memory=512 << 20)),
        ("--export scripts", options(export=Path("scripts"))),
    ],
)
def test_what_a_command_line_means(line: str, expected: Options) -> None:
    assert parse(line.split()) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("doc --output d", "`doc` is not built yet"),
        ("fmt --check", "`fmt` is not built yet"),
        ("fmt --help", "`fmt` is not built yet"),
        ("list --strict", "`list` takes no --strict"),
        ("list --memory 512", "`list` takes no --memory"),
        ("--format junit", "--format junit is not built yet"),
        ("--format sarif", "--format sarif is not built yet"),
        ("--solver yices", "there is no solver `yices`: there is z3, cvc5 and bitwuzla"),
        ("--solver cvc5 --solver cvc5", "--solver cvc5 is given twice; one solver cannot agree with itself"),
        ("list --solver cvc5", "`list` takes no --solver but z3"),
        ("matrix --solver z3 --solver cvc5", "`matrix` takes no --solver but z3"),
        ("list --export d", "`list` takes no --export"),
        ("--check", "--check is an option of `fmt`, which is not built yet"),
        ("--geometry a --geometry b", "--geometry is given twice; it stands for one geometry"),
        ("explain", "`explain` takes the id of an obligation; `python -m verify list` shows them"),
        ("explain --only a b", "`explain` takes no --only"),
        ("audit --geometry a", "`audit` takes no --geometry"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"verify: error: {message}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "--jobs: `0` is not a number of processes, which is 1 or more"),
        (["--jobs", "-1"], "--jobs: `-1` is not a number of processes, which is 1 or more"),
        (["--jobs", "many"], "--jobs: `many` is not a number of processes, which is 1 or more"),
        (["--jobs", "1.5"], "--jobs: `1.5` is not a number of processes, which is 1 or more"),
        (["--jobs", "9" * 5000], f"--jobs: `{'9' * 5000}` is not a number of processes, which is 1 or more"),
        (["--jobs"], "--jobs: expected one argument"),
        (["--memory", "255"], "--memory: `255` is not a number of mebibytes, which is 256 or more"),
        (["--memory", "all"], "--memory: `all` is not a number of mebibytes, which is 256 or more"),
        (["--timeout", "0"], "--timeout: `0` is not a number of seconds from 0.001 to 1000000"),
        (["--timeout", "-3"], "--timeout: `-3` is not a number of seconds from 0.001 to 1000000"),
        (["--timeout", "nan"], "--timeout: `nan` is not a number of seconds from 0.001 to 1000000"),
        (["--timeout", "inf"], "--timeout: `inf` is not a number of seconds from 0.001 to 1000000"),
        (["--timeout", "soon"], "--timeout: `soon` is not a number of seconds from 0.001 to 1000000"),
        (["--format", "xml"], "--format: there is no format `xml`: there is text and json"),
        (["--output", ""], "--output: the name of the file is empty"),
        (["--export", ""], "--export: the name of the folder is empty"),
        (["--only", ""], "--only: the pattern is empty"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--job", "3"], "unrecognized arguments: --job"),
        (["-x"], "unrecognized arguments: -x"),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)
def test_a_wrong_option_is_said_and_where_help_is(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(m=lemmas("good"))
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"verify: error: {message}\n  help: python -m verify --help\n"


@pytest.mark.parametrize("command", ["", "list", "audit", "explain"])
def test_every_command_has_help_that_names_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--help", "-h"):
        assert run(*command.split(), option) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m verify {command}".rstrip() + " [OPTION")
    assert max(len(line) for line in text.splitlines()) <= 110
    assert "--jobs N" in text
    assert ("--only GLOB" in text) == (command in ("", "list"))
    assert ("--geometry NAME" in text) == (command != "audit")
    assert ("An obligation is counted once for each geometry or word size" in text) == (command != "audit")


def test_help_and_version_need_no_specification(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Shown):
        parse(["list", "nowhere", "--help"])
    with pytest.raises(VersionAsked):
        parse(["--version"])
    assert run("--version") == 0
    assert re.fullmatch(r"mremap-verify 0\.1\.0, z3 [\d.]+, Python [\d.]+\n", capsys.readouterr().out)


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


# --- exit statuses -------------------------------------------------------------------------------------------------

STATUSES: list[tuple[str, str, int]] = [
    ("all as specified", lemmas("good"), 0),
    ("a claim refuted", lemmas("good", "refuted"), 1),
    ("preconditions that cannot be met", lemmas("good", "vacuous"), 1),
    ("a cover uncovered", "cover uncovered(a: word) witness k: a == a;", 1),
    ("a refute that holds", "refute holds(a: word) ensures k: a == a;", 1),
    ("a refute refuted", "refute good(a: word) ensures k: a == a;", 0),
    ("a cover covered", "cover good(a: word) witness k: a == a;", 0),
    ("something unknown", lemmas("good", "unknown"), 3),
    ("refuted and unknown", lemmas("unknown", "refuted"), 1),
    ("a defect", lemmas("good", "defect"), 70),
    ("an exception in a worker", lemmas("raise"), 70),
    ("a defect and refuted", lemmas("defect", "refuted", "unknown"), 70),
    ("a worker that crashes", lemmas("crash", "good"), 3),
    ("a worker without memory", lemmas("memory", "good"), 3),
    ("a worker that hangs", lemmas("hang", "good"), 3),
    ("no obligation", "param P: int;", 2),
    ("a mistake in the file", "lemma good(a: word) ensures k: b == a;", 2),
    ("not of the language", "lemming;", 2),
]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not keep the limit")
def test_what_needs_more_memory_than_it_may_have_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("hog", "good"))
    assert run("--format", "json") == 0
    capsys.readouterr()
    assert run("--memory", "768", "--format", "json") == 3
    report = json.loads(capsys.readouterr().out)
    unknown = [entry for entry in report["obligations"] if entry["verdict"] == "unknown"]
    assert {(entry["id"].split(".")[1], entry["reason"]) for entry in unknown} == {("hog", "memory")}
    assert all(entry["verdict"] == "proved" for entry in report["obligations"] if ".good." in entry["id"])


@pytest.mark.parametrize(("text", "status"), [s[1:] for s in STATUSES], ids=[s[0] for s in STATUSES])
def test_the_exit_status(text: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    write(m=text)
    started = time.monotonic()
    assert run("--timeout", "0.1", "--jobs", "4") == status
    assert time.monotonic() - started < 20.0
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert (captured.err == "") == (status != 2)
    assert captured.out.endswith(" processes\n") or status == 2
    assert run("--timeout", "0.1", "--jobs", "4", "--format", "json") == status
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    assert (captured.out == "") == (status == 2)
    if status != 2:
        summary = json.loads(captured.out)["summary"]
        assert (summary["ok"] == summary["obligations"]) == (status == 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--only *.refuted.*",
            "no obligation has an id like `*.refuted.*`; `python -m verify list` shows them",
        ),
        (
            "--only good.ensures.k",
            "no obligation has an id like `good.ensures.k`; near it: m.good.ensures.k",
        ),
        (
            "explain good.ensures.k",
            "there is no obligation `good.ensures.k`; near it: m.good.ensures.k",
        ),
        (
            "explain something.else.entirely",
            "there is no obligation `something.else.entirely`; `python -m verify list` shows them",
        ),
        ("--geometry i368", "there is no geometry `i368`; there is i386"),
        ("list --geometry vax", "there is no geometry `vax`; there is i386, arm"),
        (
            "--only m.there.cover --geometry i386",
            "no obligation that was asked for is about the geometry `i386`",
        ),
        ("lst", "there is no file, no folder and no command `lst`; is `list` meant?"),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    geometries = "param P: int; geometry i386 { WORD_BITS = 32; P = 1; } geometry arm { WORD_BITS = 32; P = 2; }\n"
    write(m=geometries + lemmas("good") + "cover there(a: word) on arm witness k: a == a;")
    assert run(*line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"verify: error: {message}\n"


def test_mistakes_of_all_files_are_said_in_order_and_nothing_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    write(b="lemma l(a: word) ensures k: c == a;\n", a="lemma l(a: word) ensures k: c == a && d == a;\n")
    for extra in ([], ["--format", "json", "--output", "report"]):
        assert run(*extra) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        places = re.findall(r"^spec/\w\.spec:\d+:\d+: error\[", captured.err, re.MULTILINE)
        assert [p[:14] for p in places] == ["spec/a.spec:2:", "spec/a.spec:2:", "spec/b.spec:2:"]
        assert captured.err.count("\n\n") == 2
    assert not Path("report").exists()


@pytest.mark.parametrize("line", ["nowhere", "list nowhere", "audit nowhere", "explain x nowhere", "a.txt", ""])
def test_a_path_that_holds_no_specification_is_a_mistake(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.txt").write_text("x")
    assert run(*line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ": error[" in captured.err


def test_a_path_named_like_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    Path("list").mkdir()
    Path("list/m.spec").write_text("module m;\n" + lemmas("good"))
    assert run("./list") == 0
    assert capsys.readouterr().out.startswith("list/m.spec\n  ok  good.requires ")


def test_only_proves_what_it_names_brackets_and_all(capsys: pytest.CaptureFixture[str]) -> None:
    write(m="lemma good(a: word) requires r: 8 / a == 1 ensures k: 8 / a == 9 / a;\n")
    assert run("--only", "m.good.range[2]", "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [(o["id"], o["word_bits"]) for o in report["obligations"]] == [("m.good.range[2]", n) for n in (32, 64)]


def test_preconditions_that_cannot_be_met_fail_the_item_also_where_only_leaves_them_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(m=lemmas("vacuous"))
    assert run("--only", "*.ensures.*", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [(o["id"], o["verdict"]) for o in report["obligations"]] == [("m.vacuous.ensures.k", "vacuous")] * 2


def test_a_geometry_stands_in_place_of_every_one(capsys: pytest.CaptureFixture[str]) -> None:
    write(m="geometry i386 { WORD_BITS = 32; } geometry arm { WORD_BITS = 32; }\n" + lemmas("good"))
    assert run("--geometry", "arm", "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {(o["geometry"], o["word_bits"]) for o in report["obligations"]} == {("arm", 32)}


def test_the_text_is_the_same_whatever_the_number_of_processes(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good", "slow", "refuted", "slow_too", "unknown", "crash"))
    texts = set()
    for jobs in (1, 2, 5):
        assert run("--jobs", str(jobs)) == 1
        texts.add(re.sub(r"\d+\.\d+ s( on \d+ process(es)?)?", "TIME", capsys.readouterr().out))
    assert len(texts) == 1


def test_a_command_to_see_more_names_the_same_paths_and_geometry(capsys: pytest.CaptureFixture[str]) -> None:
    write(m="geometry i386 { WORD_BITS = 32; }\nlemma refuted(a: word) ensures k: 8 / (a | 1) == a;\n")
    assert run("spec/m.spec", "--geometry", "i386") == 1
    out = capsys.readouterr().out
    assert "  again: python -m verify explain m.refuted.ensures.k --geometry i386 spec/m.spec\n" in out
    assert "  again: python -m verify explain 'm.refuted.range[1]' --geometry i386 spec/m.spec\n" in out


def test_explain_proves_one_obligation_at_all_its_scopes(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good", "refuted"))
    assert run("explain", "m.refuted.ensures.k") == 1
    out = capsys.readouterr().out
    assert out.startswith("m.refuted.ensures.k\n  place      spec/m.spec:3:35\n")
    assert out.count(": REFUTED, ") == 2
    assert run("explain", "m.good.ensures.k", "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [o["id"] for o in report["obligations"]] == ["m.good.ensures.k"] * 2


def test_explain_knows_when_the_preconditions_cannot_be_met(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("vacuous"))
    assert run("explain", "m.vacuous.ensures.k") == 1
    assert "nothing meets the preconditions: see m.vacuous.requires" in capsys.readouterr().out


def test_list_and_audit_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write(m="assume k: WORD_BITS == 32;\n" + lemmas("hang", "refuted"))
    assert run("list") == 0
    assert "  m.hang.ensures.k      ensures    every geometry, 32 bits\n" in capsys.readouterr().out
    assert run("list", "--only", "m.hang.*", "--format", "json") == 0
    assert [o["id"] for o in json.loads(capsys.readouterr().out)["obligations"]] == [
        "m.hang.requires",
        "m.hang.ensures.k",
    ]
    assert run("audit") == 0
    assert "  spec/m.spec:2:1: m.assume.k\n      WORD_BITS == 32\n" in capsys.readouterr().out
    assert run("audit", "--format", "json") == 0
    assert [t["name"] for t in json.loads(capsys.readouterr().out)["trusted"]] == ["m.assume.k"]


def test_the_solvers_that_the_command_line_knows_are_those_that_there_are() -> None:
    assert (Z3, *SOLVERS) == KNOWN_SOLVERS
