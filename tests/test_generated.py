"""The implementation meets what the specification claims of it: one test for each claim, on inputs drawn from it."""

from __future__ import annotations

import pytest
from generated import Broken, Generated, Suite, run


def test_generated(generated: Generated, specification: Suite, pytestconfig: pytest.Config) -> None:
    try:
        run(
            specification,
            generated,
            count=pytestconfig.getoption("--examples"),
            number=pytestconfig.getoption("--hypothesis-seed", default=None) or 0,
        )
    except Broken as error:
        pytest.fail(str(error), pytrace=False)
