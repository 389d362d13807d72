"""A specification and functions that implement it, in a folder of their own: what becomes of the obligations."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from verify import actual, core, look
from verify.bindings import bindings
from verify.diagnostic import Diagnostic, render
from verify.elaborate import elaborate
from verify.explore import answered
from verify.function import Function
from verify.implementation import functions
from verify.load import load
from verify.obligations import obligations
from verify.passive import Obligation
from verify.scopes import Scopes
from verify.solve import discharge
from verify.span import Source
from verify.verdict import Result

SPEC = """\
module m;
param SHIFT: int;
assume shift: 0 <= SHIFT && SHIFT < WORD_BITS;
geometry small { WORD_BITS = 32; SHIFT = 12; }
geometry wide { WORD_BITS = 64; SHIFT = 20; }
"""

CODE = """\
class Machine:
    def __init__(self, bits, shift, other=0):
        self.bits, self.shift, self.other = bits, shift, other

    def wrap(self, number):
        return number & ((1 << self.bits) - 1)

    @property
    def SIZE(self):
        return 1 << self.shift
"""

PYPROJECT = """\
[tool.verify.implementations]
"m.p" = "subject:f"

[tool.verify.definitions]
"m.d" = "subject:f"

[tool.verify.given.m]
make = "subject:Machine"
bits = "WORD_BITS"
"""


@dataclass(frozen=True, slots=True)
class Project:
    """`wrong`: what is wrong with the bindings, as it is told."""

    program: core.Program
    sources: Mapping[str, Source]
    functions: tuple[Function, ...]
    wrong: str

    def result(self, word_bits: int) -> Result:
        """Of its only function, on every geometry of a word size."""
        (obligation,) = self.obligations()
        (scope,) = (s for s in Scopes(self.program, None).of(obligation) if s.word_bits == word_bits)
        return discharge(self.program, obligation, scope, self.sources, 10.0)

    def results(self, geometry: str) -> dict[str, Result]:
        """Of all its functions, on a geometry, by the items' names."""
        scopes, found = Scopes(self.program, geometry), self.obligations()
        done = (discharge(self.program, o, s, self.sources, 10.0) for o in found for s in scopes.of(o))
        return {r.id.split(".")[1]: r for r in done}

    def obligations(self) -> tuple[Obligation, ...]:
        return tuple(o for o in obligations(self.program, self.functions) if o.function is not None)


def write(folder: Path, item: str, code: str, pyproject: str = PYPROJECT) -> None:
    """The three files. `item` is a procedure `p` or a define `d`; `code` has a function `f`."""
    kept = [t for t in pyproject.split("\n\n") if not t.startswith("[tool.verify.def") or "define d" in item]
    kept = [t for t in kept if not t.startswith("[tool.verify.imp") or "procedure p" in item]
    (folder / "pyproject.toml").write_text("\n\n".join(kept), encoding="utf-8")
    (folder / "m.spec").write_text(SPEC + item, encoding="utf-8")
    (folder / "subject.py").write_text(CODE + code, encoding="utf-8")


def project(folder: Path, seconds: float = 10.0, spec: str = "m.spec") -> Project:
    """What the files of a folder come to, its functions looked at."""
    loaded = load((folder / spec,), folder)
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, [render(d, loaded.sources) for d in (*loaded.diagnostics, *mistakes)]
    bound = bindings((folder / spec,), folder)
    unknown, wrong = functions(program, bound)
    found: list[Function] = []
    told: list[Diagnostic] = [*bound.mistakes, *wrong]
    for function in unknown:
        what = look.looked_at(program, function, seconds)
        if isinstance(what, Function):
            found.append(what)
        else:
            told.append(what)
    return Project(program, loaded.sources, tuple(found), "\n".join(render(d, bound.sources) for d in told))


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on functions are run in the process of the test, which is quicker; only for those that end."""

    def ask(request: Mapping[str, Any], _: float) -> dict[str, Any]:
        loaded, path = dict(sys.modules), sys.path
        for name in [n for n in sys.modules if n.split(".")[0] in ("subject", "mremap_impl")]:
            del sys.modules[name]  # those of the folder are others
        sys.path = ["", *path]
        try:
            found: dict[str, Any] = json.loads(json.dumps(answered(json.loads(json.dumps(request)))))
        finally:
            sys.path = path
            sys.modules.clear()
            sys.modules.update(loaded)
        return found

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the next file of that name may be as old
    monkeypatch.setattr(look, "ask", ask)
    monkeypatch.setattr(actual, "ask", ask)
