"""Where the report goes, and what ends it early: files, pipes, terminals, interrupts, defects."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import fake_discharge
import pytest
from fake_discharge import lemmas, write

from verify import __main__ as program
from verify.schedule import Died, Late
from verify.terminal import Bar

HERE = Path(__file__).parent


def run(*arguments: str) -> int:
    """The exit status, with the stand-in for the solver; what is printed is captured by pytest."""
    return program.main(arguments, fake_discharge.discharge, grace=0.5)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("command", ["", "list", "audit", "explain m.good.ensures.k"])
def test_a_file_gets_what_standard_output_would(command: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good"))
    assert run(*command.split(), "--format", form) == 0
    out = capsys.readouterr().out
    Path("report").write_text("what was there before, and is longer than anything that comes " * 500)
    assert run(*command.split(), "--format", form, "--output", "report") == 0
    assert capsys.readouterr().out == ""
    times = r"\d+\.\d+"
    assert re.sub(times, "", Path("report").read_text()) == re.sub(times, "", out)


@pytest.mark.parametrize("file", [".", "nowhere/report", "/proc/report", "spec/m.spec/report"])
@pytest.mark.parametrize("command", ["", "list", "audit", "explain m.good.ensures.k"])
def test_a_file_that_cannot_be_written_is_said_first(
    command: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(m=lemmas("good"))
    assert run(*command.split(), "--output", file) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"verify: error: `{file}` cannot be written: ")


@pytest.mark.parametrize("file", ["spec/m.spec", "./spec/../spec/m.spec", "link"])
def test_a_report_does_not_replace_the_specification(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good"))
    Path("link").symlink_to("spec/m.spec")
    before = Path("spec/m.spec").read_text()
    assert run("--output", file) == 2
    what = "is a file of the specification, which it would replace"
    assert capsys.readouterr().err == f"verify: error: --output `{Path(file)}` {what}\n"
    assert Path("spec/m.spec").read_text() == before


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()
    assert run() == 2
    what = "the working directory cannot be told: No such file or directory; change to another"
    assert capsys.readouterr().err == f"verify: error: {what}\n"


def test_a_full_disk_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    write(m=lemmas("good"))
    assert run("--output", "/dev/full") == 2
    assert capsys.readouterr().err == "verify: error: the report cannot be written: No space left on device\n"


def test_a_source_that_the_terminal_cannot_show_is_shown_all_the_same(tmp_path: Path) -> None:
    write(m="lemma refuted(a: word) ensures k: a == a; // \u2713 caf\u00e9\n")
    done = driven(tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert b"\\u2713 caf\\xe9" in done.stdout


def driven(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program with the stand-in for the solver, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(HERE / "fake_discharge.py"), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE.parent), **environment},
        capture_output=True,
        timeout=30,
        check=False,
    )


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the program; where an item's name says that it hangs, it has come that far."""
    (folder / "started").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(HERE / "fake_discharge.py"), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE.parent), "STARTED": str(folder / "started")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    end = time.monotonic() + 20
    while not list((folder / "started").iterdir()) and time.monotonic() < end:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("first", "status"), [("good", 3), ("refuted", 1), ("defect", 70)])
def test_an_interrupt_ends_it_at_once_with_what_is_known(
    tmp_path: Path, first: str, status: int, number: signal.Signals
) -> None:
    write(m=lemmas(first, "hang", "good_too"))
    with started(tmp_path, "--jobs", "1") as process:
        began = time.monotonic()
        os.killpg(process.pid, number)  # as a terminal does: all processes get it
        out, err = process.communicate(timeout=10)
    assert time.monotonic() - began < 8.0
    assert process.returncode == status
    assert err == b""
    last = out.decode().splitlines()
    assert last[1].split()[:2] == ["ok", f"{first}.requires"]
    assert last[-2 if first != "defect" else -3] == "interrupted: 6 of 12 obligations were not reached"
    assert last[-1].startswith("6 obligations: ")
    assert all(not Path(f"/proc/{f.name}").exists() for f in (tmp_path / "started").iterdir())


def test_a_python_without_the_packages_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "verify"],  # without site, and so without what is installed
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (70, b"")
    assert re.fullmatch(rb"verify: not installed for .*: lark, platformdirs, rich, z3\n  help: .*\n", done.stderr)


def test_an_interrupt_while_it_is_imported_leaves_no_traceback(tmp_path: Path) -> None:
    Path("lark.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "verify"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{HERE.parent}"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_an_interrupted_report_is_valid_json(tmp_path: Path) -> None:
    write(m=lemmas("good", "hang"))
    with started(tmp_path, "--jobs", "1", "--format", "json") as process:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=10)
    report = json.loads(out)
    assert (process.returncode, err) == (3, b"")
    assert report["summary"]["not_reached"] == 2
    assert len(report["obligations"]) == 6


@pytest.mark.parametrize(
    ("form", "name", "status"),
    [("text", "good", 3), ("text", "refuted", 3), ("json", "good", 0), ("json", "refuted", 1)],
)
def test_a_reader_that_goes_away_ends_it_without_a_word(tmp_path: Path, form: str, name: str, status: int) -> None:
    write(m=lemmas(name))  # as text, the first thing written is about its `requires`
    with subprocess.Popen(
        [sys.executable, str(HERE / "fake_discharge.py"), "--format", form],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=20)
    assert process.returncode == status


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_is_no_defect(tmp_path: Path, stream: str) -> None:
    write(m=lemmas("good"))
    command = f"exec {sys.executable} {HERE / 'fake_discharge.py'} {stream}>&-"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=30)
    assert done.returncode == 0
    assert done.stderr == b""


def test_what_a_library_prints_in_a_worker_does_not_get_into_the_report(tmp_path: Path) -> None:
    write(m=lemmas("noise"))
    done = driven(tmp_path, "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["summary"]["ok"] == 4
    assert b"a library prints this" in done.stderr


def test_a_defect_is_reported_with_what_to_send(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("no such\nthing")

    write(m=lemmas("good"))
    monkeypatch.setattr(program, "elaborate", broken)
    assert run("--only", "m.*") == 70
    captured = capsys.readouterr()
    assert captured.out == ""
    first, *places, please, command, versions = captured.err.splitlines()
    assert first == "verify: the tool itself failed: LookupError: no such thing"
    assert places[-1].startswith("  at tests/test_cli_output.py:")
    assert please == "Please report these lines, with the specification:"
    assert command == "  python -m verify --only 'm.*'"
    assert re.match(r"  verify 0\.1\.0, z3 [\d.]+, Python 3\.", versions)


@pytest.mark.parametrize(
    ("outcome", "what"),
    [
        (Late(300.2), "the word sizes were not told within 300 s"),
        (
            Died("killed by SIGKILL", True, 1.0),
            "the process that tells the word sizes did not survive, twice: killed by SIGKILL, "
            "perhaps for lack of memory",
        ),
        (
            Died("ended with status 1", False, 1.0),
            "the process that tells the word sizes did not survive, twice: ended with status 1",
        ),
    ],
)
def test_what_became_of_the_planning_is_said(
    outcome: Late | Died, what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(m=lemmas("good"))
    monkeypatch.setattr(program, "each", lambda *_: iter([(0, outcome)]))
    assert run() == 70
    assert capsys.readouterr().err.splitlines()[0] == f"verify: the tool itself failed: {what}"


# --- on a terminal -------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "shown"), [({}, True), ({"CI": "true"}, False), ({"CI": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_a_bar_is_shown_on_a_terminal_but_for_ci(environment: Mapping[str, str], shown: bool) -> None:
    for stream, wanted in ((Terminal(), shown), (io.StringIO(), False)):
        bar = Bar(stream, 7, environment)
        bar.show(3)
        bar.hide()
        bar.show(4)
        bar.hide()
        assert ("3/7" in stream.getvalue() and "4/7" in stream.getvalue()) == wanted
        assert bool(stream.getvalue()) == wanted


# --- with the solver -----------------------------------------------------------------------------------------------


def test_a_small_specification_is_proved(tmp_path: Path) -> None:
    write(
        m="""\
param SHIFT: int;
assume shift: 12 <= SHIFT && SHIFT <= 16;
geometry small { WORD_BITS = 32; SHIFT = 12; }
procedure up(a: word) returns (r: word)
    requires low: a < 0x1000
    ensures more: r > a
{ r = a + (1 << SHIFT); }
refute never(a: word) on small ensures k: a < 0x1000;
cover zero(a: word) on small witness k: a == 0;
"""
    )
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-m", "verify"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    assert done.stderr == b""
    assert done.returncode == 0
    text = re.sub(r" +\d+\.\d+ s", " TIME", done.stdout.decode())
    text = re.sub(r"on \d+ process(es)?", "PROCESSES", re.sub(r"a = 0x1[0-9a-f]{3,7}\b", "a = HIGH", text))
    assert text == (
        """\
spec/m.spec
  ok  geometry.small    small TIME
  ok  up.requires       every geometry, 32 and 64 bits TIME
  ok  up.range[1]       every geometry, 32 and 64 bits TIME
  ok  up.ensures.more   every geometry, 32 and 64 bits TIME
  ok  never             refuted on small, as it says TIME
        a = HIGH
  ok  zero              covered on small TIME
        a = 0x0

9 obligations: 9 as specified, 0 failed, 0 unknown. TIME PROCESSES
"""
    )
