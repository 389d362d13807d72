"""The vectors in tests/vectors/ are those of the specification, and the implementation does what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from bridge import Function, Misbehaved, Outcome, call, function_at, map_in
from generated import Suite, implementations
from inject import inject
from lockstep import call_among, interference
from vector_files import ASKED, FILES, FOLDER, LEFT_OUT, ROOT, Vector, procedures, read, vectors_of

import mremap_impl.mremap
import mremap_impl.step
import mremap_impl.unmap
from verify import core
from verify.core import Symbol
from verify.evaluate import evaluate
from verify.goals import goals
from verify.matrix import as_claim
from verify.reached import Runner, runner
from verify.reached import Vector as Executed
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers, Hook, Style
from verify.values import Value, map_value, show
from verify.vectors import cases
from verify.vectors_report import says, short

TABLE = {name: at for name, at in implementations(ROOT / "pyproject.toml").items() if name not in LEFT_OUT}


@cache
def said_of(file: str) -> dict[str, Any]:
    """What a file says of each procedure."""
    return {p["procedure"]: p for p in read(FOLDER / f"{file}.json")["procedures"]}


def vectors(program: core.Program, procedure: str) -> list[Vector]:
    """The vectors of a procedure, of all files."""
    return [v for f in FILES if (said := said_of(f).get(procedure)) for v in vectors_of(program, said)]


def unplaced(says_: str) -> str:
    """What a goal says, whatever lines it stands on: a comment more in the specification changes no vector."""
    return re.sub(r"line \d+: ", "", says_)


# --- the files are those of the specification ----------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_file_has_each_procedure_with_an_implementation_and_all_of_its_goals(file: str, specification: Suite) -> None:
    program = specification.program
    routines = [program.routines()[name] for name in procedures(program, file)]
    asked = cases(program, routines, (FILES[file][0],))
    found = said_of(file)
    assert set(found) == {case.routine for case in asked}
    for name, said in found.items():
        now = goals(program, program.routines()[name])
        there = [(g["goal"], unplaced(g["says"])) for g in said["goals"]]
        assert there == [(short(g), unplaced(says(g, specification.sources))) for g in now.goals], (
            f"{name}: remake the file with tests/vector_files.py --write {file}"
        )
        assert said["omitted"] == now.omitted


@pytest.mark.parametrize("file", FILES)
def test_each_goal_has_a_vector_that_reaches_it_or_is_listed_as_having_none(file: str) -> None:
    for name, said in said_of(file).items():
        reached = {g for v in said["vectors"] for g in v["goals"]}
        without = {w["goal"] for w in said["without"]}
        unhandled = bool(said["unhandled"])
        assert not reached & without, name
        assert unhandled or reached | without == {g["goal"] for g in said["goals"]}, name


@pytest.mark.parametrize("procedure", [*TABLE, *ASKED])
def test_the_specification_does_what_its_vectors_say(procedure: str, specification: Suite) -> None:
    program, routine = as_claim(specification.program, procedure)
    made = runner(program, routine)
    assert isinstance(made, Runner)
    for vector in vectors(program, procedure):
        found = made.vector(vector.geometry, vector.context, {**vector.arguments, **vector.state})
        assert isinstance(found, Executed), found
        assert (found.results, found.after) == (vector.results, vector.after)
        assert tuple(g.removeprefix(f"{procedure}.vector.") for g in found.goals) == vector.goals
        asked = {name: table.entries for name, table in found.context.tables.items()}
        assert asked == {name: table.entries for name, table in vector.context.tables.items()}


# --- and the implementation does the same --------------------------------------------------------------------------


@dataclass(slots=True)
class Tabled(Answers):
    """A define without a body that answers what a vector says."""

    default: Value = 0

    def answer(self, row: tuple[Value, ...]) -> Value:
        return self.entries.get(row, self.default)


def run_on(program: core.Program, vector: Vector, function: Function) -> Outcome | str:
    """What a function makes of a vector, or in words what is wrong with it."""
    routine = program.routines()[vector.procedure]
    answers: dict[str, Answers] = {}
    for name, table in vector.context.tables.items():
        hook = Hook(program.defines()[name], Style.NEW, vector.context.word_bits)
        answers[name] = Tabled(hook, dict(table.entries), table.default)
    hooks = {name: answer.hook for name, answer in answers.items()}
    example = Example(b"", vector.geometry, vector.context, vector.arguments, vector.state, hooks)
    if interference(program, routine) is not None:
        among = call_among(program, routine, function, example, answers)
        broken = ", ".join(f"{id_}: {how}" for id_, how in among.violated.items())
        return among.outcome if isinstance(among.outcome, str) or not broken else broken
    try:
        return call(routine, function, example, answers)
    except Misbehaved as error:
        return str(error)


def differences(program: core.Program, vector: Vector, function: Function) -> str:
    """In what a function differs from a vector; empty if in nothing.

    Where others act the specification and a function give them their turns at other places, and they do other things:
    there what the contract says is looked at, and the rest where they do nothing.
    """
    routine = program.routines()[vector.procedure]
    outcome = run_on(program, vector, function)
    if isinstance(outcome, str):
        return outcome
    if interference(program, routine) is not None:
        values = {**vector.arguments, **outcome.state, **outcome.results}
        entry = {**vector.arguments, **vector.state}
        context = replace(vector.context, tables=vector.context.tables)
        broken = [c.label for c in routine.ensures if not evaluate(c.expr, context, values, entry)]
        if broken:
            return f"ensures {', '.join(broken)}"
        if any(show(v, s.type, 64) != "{else rests}" for s, v in vector.state.items() if s.name == "acts"):
            return ""
    wanted = settled({**vector.state, **vector.after})
    found = settled(outcome.state)
    wrong = [(s, wanted[s], found[s]) for s in wanted if s in found and found[s] != wanted[s]]
    wrong += [
        (r, vector.results[r], outcome.results[r]) for r in vector.results if outcome.results[r] != vector.results[r]
    ]
    bits = vector.context.word_bits
    return ", ".join(f"{s.name} is {show(f, s.type, bits)}, not {show(w, s.type, bits)}" for s, w, f in wrong)


UNSEEN = {"turn", "handled"}
"""How often others had their turn is no matter of the code's."""


def settled(state: Mapping[Symbol, Value]) -> dict[Symbol, Value]:
    """The state without what no contract speaks of: maps that have been undone, and whose turn it is."""
    named = {s.name: v for s, v in state.items()}
    found = {s: v for s, v in state.items() if s.name not in UNSEEN}
    for symbol in found:
        if symbol.name == "mapped":
            mapped, open_maps = map_in(named, "mapped"), named["open_maps"]
            assert isinstance(open_maps, int)
            still: dict[Value, Value] = {
                k: v for k, v in mapped.entries.items() if isinstance(k, int) and k < open_maps
            }
            found[symbol] = map_value(mapped.type, mapped.default, still, mapped.word_bits)
    return found


@pytest.mark.parametrize("procedure", TABLE)
def test_the_implementation_does_what_the_vectors_say(procedure: str, specification: Suite) -> None:
    function = function_at(TABLE[procedure])
    found = vectors(specification.program, procedure)
    assert found
    for vector in found:
        assert differences(specification.program, vector, function) == "", vector


# --- a wrong implementation is noticed -----------------------------------------------------------------------------

STEP, MREMAP, UNMAP = mremap_impl.step, mremap_impl.mremap, mremap_impl.unmap
EXTENT, CUT, PTES = "extent.source_extent", "extent.destination_cut", "move_page_tables.move_ptes"
MOVE, FREE = "move_page_tables.move_page_tables", "unmap.free_tables"

FAULTS: dict[str, tuple[ModuleType, str, str, str]] = {
    "minus one": (STEP, "words.sub(next, 1) > old_end", "next > old_end", EXTENT),
    "the end of the range forgotten": (STEP, "        next = old_end\n", "        pass\n", EXTENT),
    "the other way round": (STEP, "if extent > room:", "if extent < room:", CUT),
    "latency cut one page too early": (
        STEP,
        "if extent > geometry.LATENCY_LIMIT:",
        "if extent >= geometry.LATENCY_LIMIT - geometry.PAGE_SIZE:",
        "extent.latency_cut",
    ),
    "old entry not cleared": (MREMAP, "mm.ptep_clear_flush(old_pte)", "mm.pte[old_pte]", PTES),
    "hook": (MREMAP, "moved = mm.move_pte(pte, old_addr, new_addr)", "moved = pte", PTES),
    "on past a refused table": (
        MREMAP,
        "                break\n",
        "                old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
        "                continue\n",
        MOVE,
    ),
    "floor one off": (UNMAP, "return floor <= start", "return floor < start", FREE),
    "ceiling one off": (UNMAP, "start + size <= ceiling", "start + size < ceiling", FREE),
    "a ceiling of 0 is one": (UNMAP, "(ceiling == 0 or start", "(start", FREE),
    "the last table of a range": (UNMAP, "< addr + len and", "< addr + len - size and", FREE),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_implementation_is_noticed(
    name: str, specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, text, fault, procedure = FAULTS[name]
    inject(monkeypatch, module, text, fault)
    program, function = specification.program, function_at(TABLE[procedure])
    assert any(differences(program, vector, function) for vector in vectors(program, procedure))
