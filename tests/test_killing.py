"""Runs that kill mutants, from entries that are known."""

from __future__ import annotations

from pathlib import Path

from verify import core
from verify.confirm import Confirmed
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.killing import Hunt
from verify.load import load
from verify.mutants import mutants

TEXT = """\
module m;
state free: bool;
procedure try_lock() returns (taken: bool) ensures answer: taken == free { taken = free; }
procedure p() returns (r: bool)
    ensures same: r == free
{
    var got: bool;
    got = try_lock();
    r = got;
}
"""


def killed(folder: Path, was: str, now: str, free: bool) -> str | None:
    """What the run of a mutant of `p` breaks that begins with this value of `free`."""
    (folder / "m.spec").write_text(TEXT)
    loaded = load([folder / "m.spec"])
    program, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None
    (mutant,) = (m for m in mutants(program, program.routines()["m.p"], loaded.sources) if (m.was, m.now) == (was, now))
    (state,) = (i.symbol for m in program.modules for i in m.items if isinstance(i, core.State))
    hunt = Hunt.of(program, mutant)
    kill = hunt.again([Confirmed(context_for(program, {}, 32, {}), {state: free})], hunt.claims.promised)
    return None if kill is None else kill.id


def test_a_variable_that_nothing_gives_a_value_any_more_may_have_any(tmp_path: Path) -> None:
    """With the plainest value, false, the mutant would do what the procedure does."""
    assert killed(tmp_path, "got = try_lock();", "nothing", free=False) == "m.p.ensures.same"
    assert killed(tmp_path, "got = try_lock();", "nothing", free=True) == "m.p.ensures.same"


def test_where_any_value_stands_two_are_tried(tmp_path: Path) -> None:
    assert killed(tmp_path, "r = got;", "any value of r", free=False) == "m.p.ensures.same"
    assert killed(tmp_path, "r = got;", "any value of r", free=True) == "m.p.ensures.same"
