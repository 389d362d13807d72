"""Entries in the situations that covers name are in them, and allowed; of what is to be broken, they break it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verify import core
from verify.classes import InputClass, input_classes
from verify.confirm import Confirmed
from verify.elaborate import elaborate
from verify.evaluate import evaluate
from verify.killing import telling_scopes
from verify.load import load
from verify.run import may_start
from verify.scopes import Scope
from verify.situations import situations
from verify.values import MapValue, Member

TEXT = """\
module m;
param PAGE_SHIFT: int;
const PAGE_SIZE: word = 1 << PAGE_SHIFT;
const PMD_SIZE: word = 4 * PAGE_SIZE;
assume shift: 0 < PAGE_SHIFT && PAGE_SHIFT < 28;
geometry small { WORD_BITS = 32; PAGE_SHIFT = 12; }
geometry large { WORD_BITS = 64; PAGE_SHIFT = 16; }
type pte_t;
const none: pte_t;
state pte: map[word, pte_t];
define hook(entry: pte_t, at: word): pte_t;

procedure p(addr: word, len: word)
    requires aligned: addr % PAGE_SIZE == 0 && len % PAGE_SIZE == 0
    requires vacant:  forall a: word :: a - addr < PAGE_SIZE ==> pte[a] == none
    modifies pte
{
    pte[addr] = hook(pte[addr + len - PAGE_SIZE], addr);
}

/// reached by: p
cover later(addr: word, len: word)
    requires some:  len > PMD_SIZE
    witness  later: pte[addr + len - PAGE_SIZE] != none;

/// reached by: p
cover on_small(addr: word)
    on small
    witness  high: addr > 0xf0000000;

procedure q() { }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> core.Program:
    path = tmp_path_factory.mktemp("spec") / "m.spec"
    path.write_text(TEXT)
    loaded = load([path])
    found, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert found is not None, mistakes
    return found


def entries(
    program: core.Program, name: str, unmet: core.Expr | None = None
) -> list[tuple[InputClass, Scope, list[Confirmed]]]:
    """Of each class of inputs at each named geometry, what is found."""
    routine = program.routines()[f"m.{name}"]
    scopes = [s for s in telling_scopes(program, routine) if s.name is not None]
    assert [s.name for s in scopes] == ["small", "large"]
    return [
        (one, scope, list(situations(program, routine, [one], [scope], 5.0, unmet)))
        for one in input_classes(program)
        for scope in scopes
    ]


def test_each_is_in_its_situation_on_its_geometry_and_may_be_an_entry(program: core.Program) -> None:
    for one, scope, found in entries(program, "p"):
        assert bool(found) == one.on(scope.name)
        for entry in found:
            assert entry.context.word_bits == scope.word_bits
            assert one.reached(scope.name, entry.context, entry.values)
            assert may_start(program, entry.context, program.routines()["m.p"], entry.values)


def test_one_is_small(program: core.Program) -> None:
    later, small, found = entries(program, "p")[0]
    assert (later.id, small.name) == ("m.later", "small")
    lengths = [value for entry in found for symbol, value in entry.values.items() if symbol.name == "len"]
    assert min(int(length) for length in lengths if isinstance(length, int)) <= 8 << 14


def test_what_is_stored_may_come_out_of_what_is_not_defined(program: core.Program) -> None:
    _, _, found = entries(program, "p")[0]
    none = Member(core.OpaqueType("m", "pte_t", ("none",)), 0)
    constant = [entry for entry in found if entry.context.tables["m.hook"].default != none]
    assert constant
    for entry in constant:
        (pte,) = (value for symbol, value in entry.values.items() if symbol.name == "pte")
        assert isinstance(pte, MapValue)
        assert entry.context.tables["m.hook"].default in [held for _, held in pte.items()]


def test_it_may_come_out_only_where_the_procedure_asks(program: core.Program) -> None:
    _, _, found = entries(program, "p")[0]
    none = Member(core.OpaqueType("m", "pte_t", ("none",)), 0)
    asked = [e for e in found if e.context.tables["m.hook"].entries and e.context.tables["m.hook"].default == none]
    assert asked
    for entry in asked:
        ((row, value),) = entry.context.tables["m.hook"].entries.items()
        (addr,) = (v for s, v in entry.values.items() if s.name == "addr")
        assert row == (value, addr)  # what was stored there comes back


def test_a_condition_is_broken_and_the_others_are_not(program: core.Program) -> None:
    routine = program.routines()["m.p"]
    aligned, vacant = routine.requires
    changed = program.replacing(replace(routine, requires=(aligned,)))
    for one, scope, found in entries(changed, "p", vacant.expr):
        assert bool(found) == one.on(scope.name)
        for entry in found:
            assert evaluate(aligned.expr, entry.context, entry.values, entry.values) is True
            assert evaluate(vacant.expr, entry.context, entry.values, entry.values) is False
            assert one.reached(scope.name, entry.context, entry.values)


def test_a_procedure_without_any_has_none(program: core.Program) -> None:
    assert [found for _, _, found in entries(program, "q")] == [[]] * 4
