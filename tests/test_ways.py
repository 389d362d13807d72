"""Which ways through a body there are to take, which an example takes, and that those left out are rightly so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from generated import Suite, inputs, walked
from vector_files import FILES, FOLDER, read
from ways import LEFT_OUT, NOT_EMPTY, OTHERS, ways

from verify.goals import goals
from verify.vectors_report import short

ROWS = [pytest.param(name, id_, id=f"{name}: {id_}") for name, left_out in LEFT_OUT.items() for id_ in left_out]
FEW = 30


def test_the_ways_are_those_of_the_body_and_of_what_has_no_examples_of_its_own(specification: Suite) -> None:
    program, table = specification.program, tuple(specification.functions)

    def named(name: str) -> set[str]:
        return set(ways(program, program.routines()[name], table).values())

    sides = {f"if[{n}].{how}" for n in (1, 2) for how in ("true", "false")}
    assert named("levels.p4d_alloc") == {f"levels.p4d_alloc.{side}" for side in sides}
    loop = {f"loop[1].{how}" for how in ("not entered", "entered", "again")}
    assert named("unmap.zap_range") == {f"unmap.zap_range.{how}" for how in loop}
    assert {f"by_page.get_one_pte_nested.{side}" for side in sides} <= named("by_page.move_one_page")
    assert not {id_ for id_ in named("by_page.move_page_tables_by_page") if "get_one_pte" in id_}
    assert not {id_ for id_ in named("compared.trip_by_page") if not id_.startswith("compared.trip_by_page.")}
    assert "move_page_tables.move_page_tables.loop[1].again" in named("move_page_tables.shift_down")
    assert named("levels.pte_unmap") == set()


def test_a_loop_is_entered_left_alone_or_gone_through_again(specification: Suite) -> None:
    routine = specification.program.routines()["unmap.zap_range"]
    found = walked(replace(specification, walked={}), routine, FEW, 0)
    not_entered, entered, again = (
        found[f"unmap.zap_range.loop[1].{how}: done < len"] for how in ("not entered", "entered", "again")
    )
    lengths = [
        next(v for s, v in example.arguments.items() if s.name == "len")
        for example in inputs(specification, routine, FEW, 0).examples
    ]
    assert not_entered == lengths.count(0)
    assert entered == FEW - not_entered
    assert 0 < again < entered


@pytest.mark.parametrize(("procedure", "id_"), ROWS)
def test_what_is_left_out_is_there_and_is_called_impossible_by_the_solver_where_it_is_the_procedures_own(
    procedure: str, id_: str, specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, why = specification.program, LEFT_OUT[procedure][id_]
    routine = program.routines()[procedure]
    monkeypatch.setitem(LEFT_OUT, procedure, {})
    there = {name: way for way, name in ways(program, routine, tuple(specification.functions)).items()}
    assert id_ in there
    assert why == OTHERS or why.startswith("impossible: ")
    if why == OTHERS:
        return
    if not id_.startswith(f"{procedure}."):
        assert why == NOT_EMPTY or "step" in why
        return
    paths = {short(g) for g in goals(program, routine).goals if there[id_] in g.ways}
    assert paths
    files = [p for f in FILES for p in read(FOLDER / f"{f}.json")["procedures"] if p["procedure"] == procedure]
    assert files
    for said in files:
        impossible = {w["goal"] for w in said["without"] if w["why"] == "impossible"}
        assert paths <= impossible
