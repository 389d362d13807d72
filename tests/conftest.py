"""The generated tests as pytest sees them: one for each claim of the specification about a function of the patch."""

from __future__ import annotations

import pytest
from generated import EXAMPLES, BadSuite, Suite, implementations, suite

SUITE = pytest.StashKey[Suite]()


def pytest_addoption(parser: pytest.Parser) -> None:
    help_ = f"examples for each procedure of the specification (default {EXAMPLES})"
    parser.addoption("--examples", type=int, default=EXAMPLES, help=help_)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "generated" not in metafunc.fixturenames:
        return
    config = metafunc.config
    if SUITE not in config.stash:
        try:
            root = config.rootpath
            config.stash[SUITE] = suite([root / "spec"], implementations(root / "pyproject.toml"), root)
        except BadSuite as error:
            raise metafunc.definition.parent.CollectError(str(error)) from error  # type: ignore[union-attr]
    tests = config.stash[SUITE].tests
    metafunc.parametrize("generated", tests, ids=[test.id for test in tests])


@pytest.fixture(scope="session")
def specification(request: pytest.FixtureRequest) -> Suite:
    """The specification, the functions that implement it, and their tests."""
    return request.config.stash[SUITE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what no test is generated for, and how often each class of inputs was reached."""
    if SUITE not in config.stash:
        return
    made = config.stash[SUITE]
    terminalreporter.section("tests generated from the specification")
    terminalreporter.write_line(f"{len(made.tests)} claims about {len(made.functions)} procedures")
    for name in made.without:
        terminalreporter.write_line(f"  no implementation: {name}")
    for input_class in made.classes:
        if input_class.procedure not in made.functions:
            terminalreporter.write_line(f"  not counted, since its procedure has none: {input_class.id}")
    for (procedure, _, _), found in made.drawn.items():
        terminalreporter.write_line(f"  {procedure}: {len(found.ran)} examples")
        for name, reached in found.reached.items():
            terminalreporter.write_line(f"    {reached / len(found.ran):4.0%} {name}")
