"""Under --strict a proof is found again from what it is said to use; if it is not, that is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plans import plan_of

from verify import enough
from verify.__main__ import main
from verify.basis import Met
from verify.cli import FAILED, OK
from verify.elaborate import elaborate
from verify.load import load
from verify.solve import discharge, discharge_with_basis, together, together_with_basis

TEXT = """\
module m;
lemma less(a: word) requires some: a > 0 ensures less: a - 1 < a { }
procedure p(a: word, b: word) returns (c: word)
    requires order: a <= b
    ensures  sum:   a + c == b
    ensures  same:  a == a
{
    c = b - a;
}
refute procedure no(a: word) returns (b: word) ensures more: b > a { b = a; }
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.spec").write_text(TEXT)


def without_what_it_used(found: Any) -> Any:
    """The result and its basis, of which nothing is named."""
    result, basis = found
    return result, basis if basis is None or isinstance(basis, Met) else replace(basis, used=())


def forgetting(find: Callable[..., Any]) -> Callable[..., Any]:
    def found(*given: Any) -> Any:
        made = find(*given)
        return None if made is None else without_what_it_used(made)

    return found


def test_what_is_used_is_enough_and_less_is_not() -> None:
    loaded = load([Path("m.spec")])
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, mistakes
    left_out = 0
    for task in plan_of(program, ("m.less.*", "m.p.*")).listed:
        result, basis = discharge_with_basis(program, task.obligation, task.scope, loaded.sources, 10.0)
        assert result.ok
        assert basis is not None
        assert enough.enough(program, basis, 10.0)
        if isinstance(basis, Met):
            continue
        for name in basis.used:
            less = replace(basis, used=tuple(n for n in basis.used if n != name))
            assert not enough.enough(program, less, 0.5), (result.id, name)
            left_out += 1
    assert left_out == 2  # `some`, at two word sizes


def test_a_proof_that_names_too_little_is_told_at_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(enough, "discharge_with_basis", forgetting(discharge_with_basis))
    monkeypatch.setattr(enough, "together_with_basis", forgetting(together_with_basis))
    only = ["--only", "m.less.*", "m.spec"]
    assert main(["--strict", *only], discharge, together=together) == FAILED
    assert (
        """\
m.spec:2:56: warning[not-enough]: m.less.ensures.less: its proof was not found again from what it is said to use
    2 | lemma less(a: word) requires some: a > 0 ensures less: a - 1 < a { }
      |                                                        ^^^^^^^^^
"""
        in capsys.readouterr().out
    )
    assert main(["--strict", "--format", "json", *only], discharge, together=together) == FAILED
    found = json.loads(capsys.readouterr().out)
    assert {o["id"] for o in found["obligations"] if o.get("enough") is False} == {"m.less.ensures.less"}
    assert [w["code"] for w in found["warnings"]] == ["not-enough"]
    assert main(only, discharge, together=together) == OK  # it is not looked at


def test_of_what_rests_on_values_nothing_is_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enough, "discharge_with_basis", forgetting(discharge_with_basis))
    assert main(["--strict", "--only", "m.no.*", "m.spec"], discharge, together=together) == OK
