"""What a specification says makes the tool open no file but `.spec` files where imports are looked up, and run nothing.

The interpreter tells of each file that is opened and each program that is started (an audit hook).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WATCHED = """\
import json, sys
from pathlib import Path
from verify import __main__, compare, mutate, solve, vectors
from verify.audit import audit, audit_text
from verify.elaborate import elaborate
from verify.literals import check_literals
from verify.load import load
from verify.parser import load_tables
from verify.plan import Request, draft, plan
from verify.diagnostic import render

folder, tables, told = Path(sys.argv[1]), load_tables(None), []
def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir"):
        told.append(str(arguments[0]))
    elif event.startswith(("subprocess", "os.exec", "os.system", "os.spawn", "os.posix_spawn", "socket")):
        told.append(event)
    elif event == "compile" and arguments[1] not in ("<string>", None):
        told.append(f"compiles {arguments[1]!r}")
sys.addaudithook(hook)
loaded = load([folder / "m.spec"], folder, tables)
program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
text = [render(d, loaded.sources) for d in (*loaded.diagnostics, *found)]
if program is not None:
    check_literals(program), audit_text(audit(program, loaded.sources))
    request = Request.of(program, (), None)
    planned = plan(request, draft(request))
    for task in planned.tasks:
        solve.discharge(program, task.obligation, task.scope, loaded.sources, 5.0)
names, told = sorted({Path(t).name if "/" in t else t for t in told}), []
print(json.dumps([names, len(text)]))
"""

GOOD = """\
/// reached by: __import__("os").system("touch ran")
module m;
import near;
/// claim: ../../etc/passwd
lemma l(a: word) ensures __class__: a + near() == a + 1 { }
"""
NEAR = "module near;\ndefine near(): word = 1;\n"


@pytest.mark.parametrize(
    ("text", "opened", "good"),
    [
        (GOOD, ["m.spec", "near.spec"], True),
        ("module m;\nimport secret;\nimport os;\nimport near;\n", ["m.spec", "near.spec"], False),
        ('module m;\nimport ../outside;\nimport "secret";\nimport .hidden;\n', ["m.spec"], False),
        ("module m;\nimport outside;\nimport near.spec;\nimport secret.txt;\n", ["m.spec", "near.spec"], False),
    ],
)
def test_only_specifications_are_opened_and_nothing_is_started(
    text: str, opened: list[str], good: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "spec"
    folder.mkdir()
    (tmp_path / "outside.spec").write_text("module outside;\n")
    for name in ("secret", "secret.txt", "os.py", "m.py", "conftest.py"):
        (folder / name).write_text("raise SystemExit('ran')\n")
    (folder / ".hidden.spec").write_text("module hidden;\n")
    (folder / "near.spec").write_text(NEAR)
    (folder / "m.spec").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told, count = json.loads(done.stdout)
    assert set(opened) == {name for name in told if name != "spec"}
    assert good == (count == 0)
    assert {path.name for path in tmp_path.iterdir()} == {"spec", "outside.spec"}
