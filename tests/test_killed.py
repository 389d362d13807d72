"""`kill -9`, of a worker and of a whole run: nothing is lost, and nothing is left that the next run trips over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from verify.export import UNFINISHED

HERE = Path(__file__).parent
SPECIFICATION = HERE / "language" / "results.spec"
SECONDS = 60.0
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def running(pid: int) -> bool:
    """A process that nobody has waited for counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {int(word) for word in words}


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks in /proc")


# --- a worker ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("item", "status"), [("once", 0), ("hang", 3)])
def test_an_obligation_whose_worker_is_killed_is_tried_once_more(item: str, status: int, tmp_path: Path) -> None:
    """Then all comes out as if nothing had been; if that one is killed too, it is unknown, and the rest is there."""
    texts = (f"lemma {name}(a: word) ensures k: a == a;\n" for name in ("first", item, "last"))
    (tmp_path / "m.spec").write_text("".join(["module m;\n", *texts]))
    started = tmp_path / "started"
    started.mkdir()
    command = [sys.executable, str(HERE / "fake_discharge.py"), "--jobs", "1", "--format", "json", "m.spec"]
    environment = {**ENVIRONMENT, "STARTED": str(started)}
    killed: set[int] = set()
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            for worker in {int(file.name) for file in started.iterdir()} - killed:
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
            time.sleep(0.01)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
    assert process.returncode == status
    assert len(killed) == (1 if item == "once" else 2)
    assert len(report["obligations"]) == 12
    unknown = [(o["id"], o["detail"]) for o in report["obligations"] if o["verdict"] == "unknown"]
    said = ["the process that worked on it did not survive, twice: killed by SIGKILL"]
    assert unknown == [] if item == "once" else [("m.hang.ensures.k", said)] * 2


# --- a run ---------------------------------------------------------------------------------------------------------


def reported(folder: Path) -> Any:
    """What a report says, but for how long it took."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return [{k: v for k, v in o.items() if k != "seconds"} for o in report["obligations"]]


def test_after_a_run_was_killed_the_same_command_makes_what_it_would_have_made(tmp_path: Path) -> None:
    there, undisturbed = tmp_path / "there", tmp_path / "undisturbed"
    command = [sys.executable, "-m", "verify", "--jobs", "2", "--export", "scripts", "--format", "json"]
    command += ["--output", "report.json", str(SPECIFICATION)]
    for folder in (there, undisturbed):
        folder.mkdir()
    with subprocess.Popen(command, cwd=there, env=ENVIRONMENT) as process:
        wait_until(lambda: len(list((there / "scripts").glob("*.smt2"))) > 3)
        workers = children(process.pid)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert workers
    wait_until(lambda: not any(map(running, workers)))
    assert (there / "scripts" / UNFINISHED).exists()
    for folder in (there, undisturbed):
        done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr  # the file has what is refuted
    assert reported(there) == reported(undisturbed)
    scripts = {f.name: f.read_text(encoding="utf-8") for f in (undisturbed / "scripts").iterdir()}
    assert {f.name: f.read_text(encoding="utf-8") for f in (there / "scripts").iterdir()} == scripts
    assert {f.name for f in there.iterdir()} == {"scripts", "report.json"}


def test_a_folder_that_another_run_writes_into_is_not_taken_from_it(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / UNFINISHED).write_text(f"{os.getpid()}\n")
    (tmp_path / "scripts" / "a.smt2").write_text("; its script\n")
    command = [sys.executable, "-m", "verify", "--export", "scripts", str(SPECIFICATION)]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "has something in it" in done.stderr
    assert len(list((tmp_path / "scripts").iterdir())) == 2
