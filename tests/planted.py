"""Which test notices each fault that is planted in the verifier (`plants`).

    python tests/planted.py              plants each in turn, and prints the first test that fails
    python tests/planted.py encode walk  those in these modules alone
    python tests/planted.py --write      puts the list into tests/planted.txt

It ends with 1 if a fault is noticed by none. That time is up is no notice.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from types import FrameType

import pytest
from in_place import InPlace
from plants import PLANTS, Plant

TESTS = Path(__file__).parent
ROOT = TESTS.parent
LIST = TESTS / "planted.txt"

SECONDS = 240
"""How long the tests may take with a fault, in seconds."""

JOBS = 2

MEANING = ("test_words", "test_encode", "test_agreement", "test_language", "test_solve")
OBLIGED = ("test_language", "test_goals", "test_words", "test_encode", "test_solve")
FOUND = ("test_decode", "test_encode", "test_solve", "test_language", "test_vectors", "test_goals")
"""The files of tests that are about what a solver is told, about obligations, and about what a solver finds."""

FILES = {
    **dict.fromkeys(("encode", "words", "integers"), MEANING),
    **dict.fromkeys(("contract", "walk", "rename", "passive"), OBLIGED),
    "decode": FOUND,
}


def faulty(plant: Plant) -> str:
    """The text of the module with the fault."""
    text = (ROOT / "verify" / f"{plant.module}.py").read_text(encoding="utf-8")
    assert text.count(plant.text) == 1, f"{plant} is not one place in its module"
    return text.replace(plant.text, plant.by)


@dataclass(eq=False)
class _First:
    """What fails first, as pytest tells it. Where time is up, the session ends without a failure."""

    said: list[str] = field(default_factory=list)
    late: bool = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.said.append(f"{report.nodeid}, which cannot be collected")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.said.append(report.nodeid.partition("@")[0])

    def time_is_up(self, _number: int, _frame: FrameType | None) -> None:
        self.late = True
        pytest.exit("time is up")


def noticed(plant: Plant, names: Sequence[str]) -> str | None:
    """The first test that fails with the fault in place, of those in these files; empty if all pass; None if they did
    not end.

    For a process of its own, in which nothing of `verify` is imported yet.
    """
    assert not any(name.partition(".")[0] == "verify" for name in sys.modules), "a fault would come too late"
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT)]
    sys.meta_path.insert(0, InPlace(f"verify.{plant.module}", faulty(plant)))
    first = _First()
    signal.signal(signal.SIGALRM, first.time_is_up)
    signal.alarm(SECONDS)
    files = [f"tests/{name}.py" for name in names]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        status = pytest.main(["-q", "-x", "-n", "0", "-p", "no:cacheprovider", *files], plugins=[first])
    if first.late:
        return None
    if bool(first.said) != bool(status):
        raise AssertionError(f"{plant}: pytest ended with {int(status)}, and no test failed\n{out.getvalue()}")
    return first.said[0] if first.said else ""


def table(plants: Sequence[Plant], names: Sequence[str] | None = None) -> Iterator[tuple[Plant, str | None]]:
    """Each of them with what notices it, in order; of the tests in these files, if some are named."""
    every = [FILES[plant.module] if names is None else names for plant in plants]
    with ProcessPoolExecutor(JOBS, get_context("spawn"), max_tasks_per_child=1) as pool:
        yield from zip(plants, pool.map(noticed, plants, every), strict=True)


def row(plant: Plant, said: str | None) -> str:
    return f"{plant}\n    {said if said else 'NOTICED BY NONE' if said is not None else 'TIME IS UP'}\n"


def main(arguments: Sequence[str]) -> int:
    modules = [a for a in arguments if not a.startswith("--")]
    rows = []
    missed = 0
    for plant, said in table([p for p in PLANTS if not modules or p.module in modules]):
        rows.append(row(plant, said))
        missed += not said
        print(rows[-1], end="", flush=True)
    if "--write" in arguments and not modules:
        LIST.write_text("".join(rows), encoding="utf-8")
    print(f"{len(rows)} faults: {len(rows) - missed} noticed, {missed} not")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
