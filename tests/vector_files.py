"""The test vectors in tests/vectors/: how they are made, and read.

    python tests/vector_files.py [FILE ...]            makes them anew; 0 if the same goals have vectors
    python tests/vector_files.py --write [FILE ...]    makes them anew, and puts them there

A FILE is without its `.json`; none stands for all. They are what this command prints, with each procedure that the file
is about behind an --only of its own:

    python -m verify vectors --geometry GEOMETRY --only PROCEDURE ... --format json
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generated import implementations, suite
from lockstep import interference

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Table, context_for
from verify.values import Member, Value, fits, map_value, some_value

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests/vectors"

KERNELS = (
    "x86_64",
    "x86_64_5level",
    "s390x",
    "i386",
    "arm_4_14",
    "mips32_4_14",
    "arm64_4k_48",
    "ppc64_radix_64k",
    "ppc64_radix_64k_6_1",
    "riscv_sv57",
)
"""The geometries of the kernels that can be asked: the one that runs here, and those of the lab."""

ASKED = (
    "mremap.mremap",
    "get_extent_fixed.get_extent_fixed",
    "no_latency_limit_2018.no_latency_limit_2018",
    "progress_guard_2024.progress_guard_2024",
    "skip_cut_2020.skip_cut_2020",
)
"""What they are asked: what mremap refuses, and the moves that make a difference to the loop as it was from 2018 on."""

FILES = {
    "i386": ("i386", False),
    "i386_pae": ("i386_pae", False),
    "x86_64": ("x86_64", False),
    "parisc32": ("parisc32", False),
    "s390x": ("s390x", False),
    "i386_others": ("i386", True),
    **{f"kernels/{name}": (name, False) for name in KERNELS},
}
"""The geometry of each file, and whether it is about the procedures among which others act, or about the rest. To find
inputs for the former takes long, and their arithmetic is that of the rest.

Two levels, three and four; 32 bits and 64; and two geometries where user addresses get to the top of the word.
Those in `kernels/` are put to kernels: see `tests/linux/`.
"""

LEFT_OUT = ("shared_by_page.move_one_page_shared",)
"""In no file: it has 402 paths, and others may act at many places on each. To find inputs takes many minutes."""

TIMEOUT = 100
"""Seconds for a goal, so that all are found on a machine that has other things to do as well."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector as a file has it, in the words of the specification. `goals`: without the name of the procedure."""

    procedure: str
    geometry: str | None
    context: Context
    arguments: Mapping[Symbol, Value]
    state: Mapping[Symbol, Value]
    results: Mapping[Symbol, Value]
    after: Mapping[Symbol, Value]
    goals: tuple[str, ...]


def procedures(program: core.Program, file: str) -> tuple[str, ...]:
    """The procedures in a file: those with an implementation; or what kernels are asked, as far as the geometry is
    known there."""
    if file.startswith("kernels/"):
        asked = (program.routines()[name] for name in ASKED)
        return tuple(r.qualified for r in asked if _seen(program, r.module, FILES[file][0]))
    table, among = implementations(ROOT / "pyproject.toml"), FILES[file][1]
    found = (n for n in table if (interference(program, program.routines()[n]) is not None) == among)
    return tuple(n for n in found if n not in LEFT_OUT)


def _seen(program: core.Program, module: str, geometry: str) -> bool:
    return any(isinstance(i, core.Geometry) and i.name == geometry for i in program.visible_items(module))


def command(program: core.Program, file: str, output: Path) -> list[str]:
    """The command that makes a file."""
    words = ["-m", "verify", "vectors", "spec/", "--format", "json", "--output", str(output)]
    words += ["--geometry", FILES[file][0], "--timeout", str(TIMEOUT)]
    for procedure in procedures(program, file):
        words += ["--only", procedure]
    return words


def read(path: Path) -> Any:
    """What a file says."""
    return json.loads(path.read_text(encoding="utf-8"))


# --- values --------------------------------------------------------------------------------------------------------


def value_of(given: object, type_: core.Type, word_bits: int) -> Value:
    """The value that a file says, of a type. The opposite of `values.to_json`."""
    match type_:
        case core.WordType():
            assert isinstance(given, str)
            found: Value = int(given, 16)
        case core.IntType():
            found = int(given) if isinstance(given, str) else given  # type: ignore[assignment]  # a key is a string
        case core.BoolType():
            found = given == "true" if isinstance(given, str) else given  # type: ignore[assignment]
        case core.OpaqueType(named=names):
            assert isinstance(given, str)
            number = re.fullmatch(rf"{type_.name}#(\d+)", given)
            found = Member(type_, int(number[1]) if number else names.index(given))
        case core.EnumType(members=members):
            assert isinstance(given, str)
            found = Member(type_, members.index(given))
        case core.MapType() | core.SetType():
            assert isinstance(given, dict)
            key, held = core.key_type(type_), core.value_type(type_)
            entries = {value_of(k, key, word_bits): value_of(v, held, word_bits) for k, v in given["entries"].items()}
            found = map_value(type_, value_of(given["default"], held, word_bits), entries, word_bits)
    assert fits(found, type_, word_bits), given
    return found


def vectors_of(program: core.Program, said: Any) -> list[Vector]:
    """The vectors of one procedure of a file."""
    return [_vector(program, program.routines()[said["procedure"]], v) for v in said["vectors"]]


def _vector(program: core.Program, routine: core.Routine, said: Any) -> Vector:
    bits = said["params"]["WORD_BITS"]
    items = program.visible_items(routine.module)
    params = {i.symbol: value_of(said["params"][i.symbol.name], i.symbol.type, bits) for i in _params(program, said)}
    states = [i.symbol for i in items if isinstance(i, core.State)]
    named = {s.name: s for s in states}
    open_ = [i for i in items if isinstance(i, core.Define) and i.value is None]

    def values(given: Mapping[str, object], symbols: Sequence[Symbol]) -> dict[Symbol, Value]:
        return {s: value_of(given[s.name], s.type, bits) for s in symbols}

    plain = {s: some_value(s.type, bits) for s in states}
    return Vector(
        routine.qualified,
        said["geometry"],
        context_for(program, params, bits, {d.qualified: _table(d, said["tables"], bits) for d in open_}),
        values(said["arguments"], routine.parameters),
        {**plain, **values(said["state"], [named[n] for n in said["state"]])},
        values(said["results"], routine.results),
        values(said["after"], [named[n] for n in said["after"]]),
        tuple(said["goals"]),
    )


def _params(program: core.Program, said: Any) -> list[core.Param]:
    params = (i for m in program.modules for i in m.items if isinstance(i, core.Param))
    return [p for p in params if p.symbol.name in said["params"]]


def _table(define: core.Define, said: Mapping[str, Any], bits: int) -> Table:
    """A define without a body: what is not asked is a value that stands nowhere else."""
    types = [s.type for s in (*define.parameters, *define.reads)]
    entries = {
        tuple(value_of(v, t, bits) for v, t in zip(row["arguments"], types, strict=True)): value_of(
            row["value"], define.result, bits
        )
        for row in said.get(define.qualified, ())
    }
    assert isinstance(define.result, core.OpaqueType)
    return Table(Member(define.result, 10_000), entries)


# --- making them ---------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    write, asked = "--write" in arguments, [a for a in arguments if a != "--write"]
    if not set(asked) <= set(FILES):
        print(__doc__, file=sys.stderr)
        return 2
    same, program = True, suite([ROOT / "spec"], implementations(ROOT / "pyproject.toml"), ROOT).program
    with tempfile.TemporaryDirectory() as scratch:
        folder = FOLDER if write else Path(scratch)
        (folder / "kernels").mkdir(parents=True, exist_ok=True)
        for file in asked or FILES:
            path = folder / f"{file}.json"
            done = subprocess.run([sys.executable, *command(program, file, path)], cwd=ROOT, check=False)
            made = read(path)
            print(f"{path.name}: status {done.returncode}, {made['summary']}", flush=True)
            same = same and done.returncode in (0, 3) and (write or fates(made) == fates(read(FOLDER / path.name)))
    print("as in tests/vectors" if same else "other goals have a vector now, or the command failed")
    return 0 if same else 1


def fates(said: Any) -> dict[tuple[str, str], str]:
    """What became of each goal: by procedure and goal."""
    found = {(p["procedure"], g["goal"]): "reached" for p in said["procedures"] for g in p["goals"]}
    found.update({(p["procedure"], w["goal"]): w["why"] for p in said["procedures"] for w in p["without"]})
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
