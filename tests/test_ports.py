"""The 55 ports of the specification: all of them are there, whole, and each is in one list of each pair of facts."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import Suite

from verify import core
from verify.elaborate import elaborate
from verify.load import load
from verify.obligations import obligations
from verify.passive import Kind
from verify.question import ask
from verify.scopes import Scope, Scopes
from verify.search import FAMILIAR, different, familiar
from verify.seen import geometries, whole
from verify.syntax import RoutineKind

PORTS = 55

EXTENDED = {"i386", "i386_pae", "x86_64", "arm", "parisc32", "s390x"}
"""Those that `machine` has, without what `ports` adds."""

PAIRS = [
    ("wraps", "never_wraps"),
    ("limit_cuts", "limit_never_cuts"),
    ("splits_pmd", "never_splits_pmd"),
]
"""That a situation occurs on some ports, and that it does not on the others."""


@pytest.fixture(scope="module")
def program(specification: Suite) -> core.Program:
    return specification.program


def on(program: core.Program, name: str) -> list[str]:
    """The ports that a claim of `ports` names."""
    return list(program.routines()[f"ports.{name}"].on or ())


def test_there_are_as_many_ports_as_there_should_be_each_with_all_its_values(program: core.Program) -> None:
    seen = geometries(program, "ports")
    assert len(seen) == PORTS
    assert all(whole(geometry, program.visible_items("ports")) for geometry in seen.values())
    checked = [o.item for o in obligations(program) if o.module == "ports" and o.kind is Kind.GEOMETRY]
    assert sorted(checked) == sorted(seen)


@pytest.mark.parametrize(("occurs", "never"), PAIRS)
def test_each_port_is_in_one_list_of_each_pair(program: core.Program, occurs: str, never: str) -> None:
    kinds = [program.routines()[f"ports.{name}"].kind for name in (occurs, never)]
    assert kinds == [RoutineKind.COVER, RoutineKind.LEMMA]
    assert on(program, occurs)
    assert on(program, never)
    assert sorted(on(program, occurs) + on(program, never)) == sorted(geometries(program, "ports"))


def test_that_no_range_ends_at_the_top_is_said_of_every_port(program: core.Program) -> None:
    assert sorted(on(program, "never_ends_at_the_top")) == sorted(geometries(program, "ports"))


def test_other_modules_see_the_ports_that_they_saw(program: core.Program) -> None:
    for module in program.modules:
        if "ports" not in module.visible:
            assert geometries(program, module.name).keys() == EXTENDED
    added = {s.name for s, _ in geometries(program, "ports")["i386"].values}
    assert added - {s.name for s, _ in geometries(program, "machine")["i386"].values} == {
        "PTRS_PER_PTE",
        "PMD_FOLDED",
        "PUD_FOLDED",
        "LEVELS",
    }


# --- which of many are tried ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [32, 64])
def test_of_few_ports_all_stand_in_for_every_one(program: core.Program, bits: int) -> None:
    obligation = next(o for o in obligations(program) if o.id == "extent.without_source_cut.refute")
    scope = Scopes(program, None).general(obligation, bits)
    named = [g.name for g in geometries(program, "extent").values() if g.word_bits == bits]
    assert [s.name for s in familiar(program, ask(program, obligation, scope))] == named


@pytest.mark.parametrize("bits", [32, 64])
def test_of_many_ports_a_few_that_differ_stand_in_for_every_one(tmp_path: Path, bits: int) -> None:
    text = "module m;\nimport ports;\nrefute r() ensures e: PMD_FOLDED;\n"
    (tmp_path / "m.spec").write_text(text, encoding="utf-8")
    for name in ("machine", "extent", "ports"):
        source = Path(__file__).parent.parent / "spec" / f"{name}.spec"
        (tmp_path / f"{name}.spec").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    loaded = load([tmp_path / "m.spec"])
    program, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None
    (obligation,) = obligations(program)
    found = familiar(program, ask(program, obligation, Scopes(program, None).general(obligation, bits)))
    assert len(found) == FAMILIAR
    assert found[0].name == {32: "i386", 64: "x86_64"}[bits]
    shifts = {tuple(v for s, v in scope.values.items() if s.name in ("PAGE_SHIFT", "PMD_SHIFT")) for scope in found}
    assert len(shifts) == FAMILIAR


def test_the_first_is_taken_and_then_whichever_is_least_like_those_before() -> None:
    symbols = [core.Symbol(core.SymbolKind.PARAM, "m", name, core.INT) for name in "abc"]
    rows = {"first": (1, 1, 1), "alike": (1, 1, 2), "other": (2, 2, 2), "between": (1, 2, 2)}
    scopes = [Scope(name, 32, dict(zip(symbols, row, strict=True)), {}) for name, row in rows.items()]
    assert [s.name for s in different(scopes, 4)] == ["first", "alike", "other", "between"]
    assert [s.name for s in different(scopes, 2)] == ["first", "other"]
    assert [s.name for s in different(scopes, 3)] == ["first", "other", "alike"]
