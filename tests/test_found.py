"""The generated tests find the wrong forms of the loop: a part of what `tests/found.py` measures, and its grounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from found import CONTROL, SITUATIONS, WHERE, search, situations
from history_bridge import with_module

from mremap_impl.history import RIGHT, WRONG

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.xdist_group("found")
"""All in one process: the specification is read once."""

SEEDS = (0,)

FEW = 40
"""How many examples of each seed are drawn: of this seed no form needs more."""


def test_each_wrong_form_has_a_geometry_and_the_control_is_right() -> None:
    assert sorted(WHERE) == sorted(form.__name__ for form in WRONG)
    assert CONTROL in RIGHT


@pytest.mark.parametrize("form", WHERE)
def test_each_seed_finds_the_wrong_form_and_nothing_of_a_right_one_under_the_same_contract(form: str) -> None:
    wrong, right = search(form), search(form, CONTROL)
    maker = wrong.maker()
    for number in SEEDS:
        examples = wrong.drawn(number, FEW, maker)
        assert wrong.found(examples) is not None
        assert right.found(examples) is None


def test_each_situation_is_proved_to_occur(tmp_path: Path) -> None:
    with_module(tmp_path, "situations", situations())
    command = [sys.executable, "-m", "verify", str(tmp_path / "spec"), "--no-bindings", "--only", "situations.*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    count = 2 * len(SITUATIONS)
    assert f"{count} obligations: {count} as specified, 0 failed, 0 unknown" in done.stdout
    assert done.returncode == 0
