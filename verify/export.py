"""Each obligation as a script in SMT-LIB, written while it is discharged.

A script has what the verdict rests on: of a proof, the clauses that it used, in the representation of words in which it
was found; of values, the whole question with the values in it. Where a verdict rests on neither there is no script.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from verify import core
from verify.basis import Basis, claim
from verify.cli import UsageError
from verify.passive import Obligation
from verify.scopes import Scope
from verify.smtlib import script
from verify.solve import discharge_with_basis, together_with_basis
from verify.span import Source
from verify.verdict import Result, Script

LONGEST = 150
"""The characters of an id that a file's name has, at most."""

UNFINISHED = "unfinished"
"""While a run writes into a folder this file is there, with the id of its process."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\.")
"""Names that stand for devices on some systems, whatever comes after the dot."""


@dataclass(frozen=True, slots=True)
class Export:
    """Discharges as `solve` does, and writes each script to a file of its own below `folder`, which is there."""

    folder: Path

    def discharge(
        self, program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
    ) -> Result:
        """The result, with its script. Raises OSError if that cannot be written."""
        result, basis = discharge_with_basis(program, obligation, scope, sources, timeout)
        if basis is None:
            return result
        return replace(result, script=self.written(program, result, basis, result.geometry, str(result.word_bits)))

    def together(
        self, program: core.Program, obligation: Obligation, scopes: tuple[Scope, ...], timeout: float
    ) -> tuple[Result, ...] | None:
        """The results, which share a script. Raises OSError if that cannot be written."""
        found = together_with_basis(program, obligation, scopes, timeout)
        if found is None:
            return None
        results, basis = found
        shared = self.written(program, results[0], basis, "every", "every")
        return tuple(replace(result, script=shared) for result in results)

    def written(self, program: core.Program, result: Result, basis: Basis, geometry: str, word_bits: str) -> Script:
        found = claim(program, basis)
        place = result.location
        heading = (
            result.id,
            f"{place.file}:{place.line}:{place.column}",
            f"geometry: {geometry}; word size: {word_bits}",
            f"verdict: {result.verdict.value}",
        )
        name = file_name(result.id, geometry, word_bits)
        (self.folder / name).write_text(script(found, heading), encoding="utf-8", errors="backslashreplace")
        return Script(name, found.answer)


def file_name(id_: str, geometry: str, word_bits: str) -> str:
    """A name that every file system takes, another for each: `ID.GEOMETRY.WORD_BITS.smt2`. Where that has more than
    small letters, digits, `_`, `-` and `.`, or is long, or is a device's, part of a hash of it tells it apart."""
    full = f"{id_}.{geometry}.{word_bits}"
    safe = re.sub(r"[^a-z0-9._-]", "_", full.lower())
    device = "_" if _DEVICES.match(safe) else ""
    if safe == full and not device and len(full) <= LONGEST:
        return f"{full}.smt2"
    return f"{device}{safe[:LONGEST]}.{hashlib.sha256(full.encode()).hexdigest()[:12]}.smt2"


@contextmanager
def folder_of(wanted: Path | None, needed: bool) -> Iterator[Path | None]:
    """The folder that scripts are written to: made, where one is wanted; for the time being, where one is needed; else
    none. Raises UsageError: what is in it already would be taken for this run's. What a run has left that was killed
    is no such thing, and goes."""
    if wanted is None:
        if not needed:
            yield None
            return
        with TemporaryDirectory(prefix="verify-") as name:
            yield Path(name)
        return
    unfinished = wanted / UNFINISHED
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if _killed(unfinished):
            for script in wanted.glob("*.smt2"):
                script.unlink()
            unfinished.unlink()
        there = next(wanted.iterdir(), None)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--export `{wanted}` cannot be written to: {why}") from None
    if not os.access(wanted, os.W_OK | os.X_OK):
        raise UsageError(f"--export `{wanted}` cannot be written to: Permission denied")
    if there is not None:
        raise UsageError(f"--export `{wanted}` has something in it, `{there.name}`: name a new or an empty folder")
    unfinished.write_text(f"{os.getpid()}\n", encoding="ascii")
    try:
        yield wanted
    finally:
        unfinished.unlink(missing_ok=True)


def _killed(unfinished: Path) -> bool:
    """True iff this file is there, and the process that wrote it is not."""
    if sys.platform == "win32":  # there, to ask after a process ends it
        return False
    try:
        os.kill(int(unfinished.read_text(encoding="ascii")), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return False
