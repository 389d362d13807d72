"""The generated tests as pytest sees them: one for each claim of the specification about a function of the patch."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any

import pytest
from generated import EXAMPLES, BadSuite, Suite, implementations, suite
from linux.put import claims

from mremap_impl import history
from mremap_impl.mm import Mm, Pmd
from mremap_impl.mremap import get_old_pmd
from verify import load, parser

SUITE = pytest.StashKey[Suite]()
SAID = pytest.StashKey[dict[str, list[str]]]()
"""Lines by procedure; what is about none stands under the empty name."""
TOLD = pytest.StashKey[dict[str, list[str]]]()
"""Lines that tests have said, by title."""


def pytest_addoption(parser: pytest.Parser) -> None:
    help_ = f"examples for each procedure of the specification (default {EXAMPLES})"
    parser.addoption("--examples", type=int, default=EXAMPLES, help=help_)
    help_ = "linux: the tests on the kernel that is running alone, with more moves"
    parser.addoption("--implementation", choices=["mremap_impl", "linux"], default="mremap_impl", help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Has `load` parse each text once in this process: most of the time of a load goes there.

    What a text parses to depends on nothing but the text and the path that is shown for it, and never changes. So a
    copy of the specification that differs in one file costs one file, if it is loaded to be shown under the same paths.
    """
    # z3 takes memory and gives it back all the time: the processes to come keep it, and ask the system less.
    # Not without end: what starts processes copies what it has, page by page.
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 27))
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 27))
    os.environ.setdefault("MALLOC_TOP_PAD_", str(1 << 24))
    parsed = cache(lambda source: parser.parse(source))
    patch = pytest.MonkeyPatch()
    patch.setattr(load, "parse", lambda source, tables: parser.parse(source, tables) if tables else parsed(source))
    config.add_cleanup(patch.undo)
    # The trees of a specification are many objects, and stay: to look through them often, for cycles, is time lost.
    gc.set_threshold(300_000, 20, 50)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--implementation linux`, leaves the tests on the kernel that is running."""
    if config.getoption("--implementation") == "linux":
        others = [item for item in items if item.path.name != "test_linux.py"]
        items[:] = [item for item in items if item.path.name == "test_linux.py"]
        config.hook.pytest_deselected(items=others)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if not {"generated", "on_linux"} & set(metafunc.fixturenames):
        return
    try:
        made = whole_suite(metafunc.config)
        tests = made.tests
    except BadSuite as error:
        # A function under test stands in a module, which is a collector; pytest types it as maybe None.
        raise metafunc.definition.parent.CollectError(str(error)) from error  # type: ignore[union-attr]
    if "on_linux" in metafunc.fixturenames:
        metafunc.parametrize("on_linux", [pytest.param(t, id=t.id) for t in claims(made)])
        return
    # Those of one procedure in one process, so that its examples are drawn once.
    grouped = [pytest.param(t, id=t.id, marks=pytest.mark.xdist_group(t.routine.qualified)) for t in tests]
    metafunc.parametrize("generated", grouped)


@pytest.fixture(scope="session")
def specification(request: pytest.FixtureRequest) -> Suite:
    """The specification, the functions that implement it, and their tests."""
    return whole_suite(request.config)


def whole_suite(config: pytest.Config) -> Suite:
    """The tests of the whole specification, made once in a process. Raises BadSuite."""
    if SUITE not in config.stash:
        root = config.rootpath
        config.stash[SUITE] = suite([root / "spec"], implementations(root / "pyproject.toml"), root)
        gc.freeze()
    return config.stash[SUITE]


# --- tests that may not end -----------------------------------------------------------------------------------------


TURNS = 300_000
"""How often the loops of a test may turn: too often for any that is right."""


@pytest.fixture
def turns_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the test in whose loops `history` turns for ever."""
    turns = count()

    def counted(mm: Mm, addr: int) -> Pmd | None:
        assert next(turns) < TURNS, "the loops turn for ever"
        return get_old_pmd(mm, addr)

    monkeypatch.setattr(history, "get_old_pmd", counted)


# --- what is said at the end ---------------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Notes what there is to say; a worker hands it over to the process that prints."""
    config = session.config
    # pytest looks five times through all there is, for exceptions in what is thrown away: that takes seconds.
    gc.freeze()
    if SUITE in config.stash:
        made = config.stash[SUITE]
        told = config.stash.setdefault(TOLD, dict[str, list[str]]())
        found = {key[0]: counts(*reached, made.walked.get(key, {})) for key, reached in made.reached.items()}
        config.stash[SAID] = {"": said(made), **found, **told}
        if hasattr(config, "workeroutput"):
            config.workeroutput["generated"] = config.stash[SAID]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over what a worker says."""
    config: pytest.Config = node.config
    config.stash.setdefault(SAID, {}).update(getattr(node, "workeroutput", {}).get("generated", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what no test is generated for, and how often each class of inputs was reached, and each way taken."""
    parts = config.stash.get(SAID, {})
    if parts:
        terminalreporter.section("tests generated from the specification")
    for procedure, lines in sorted(parts.items()):
        for line in [*([f"  {procedure}"] if procedure else []), *lines]:
            terminalreporter.write_line(line)


def tell(config: pytest.Config, about: str, lines: list[str]) -> None:
    """Has lines said at the end, under a title."""
    if TOLD not in config.stash:
        config.stash[TOLD] = {}
    config.stash[TOLD][about] = lines


def said(made: Suite) -> list[str]:
    """What tests there are, and what there are none for."""
    return [
        f"{len(made.tests)} claims about {len(made.functions)} procedures",
        *(f"  no implementation: {name}" for name in made.without),
        *(
            f"  not counted for {c.procedure}, which has no implementation: {c.id}"
            for c in made.classes
            if c.procedure not in made.functions
        ),
    ]


def counts(ran: int, reached: Mapping[str, int], walked: Mapping[str, int]) -> list[str]:
    """How many examples a procedure was run on, and how many are in each class, and take each way through its body."""
    found = {**reached, **walked}
    return [f"    {ran} examples", *(f"    {name}: {number} of {ran}" for name, number in found.items())]
