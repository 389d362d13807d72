"""Survey: are the verdicts on spec/ the same whatever the solver's seed, and how long does the slowest take?

No test: ten seeds take minutes. From the root of the project:

    python tests/seeds.py [SEEDS]

Prints a line for each seed, with the entries whose verdict is another than without a seed, and how many take over
LIMIT seconds. The exit status is 0 iff all verdicts are the same as without a seed and as specified.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LIMIT = 5.0
"""What an entry should take at most, in seconds."""

TOOL = """\
import runpy, sys, z3
for name in ("smt.random_seed", "sat.random_seed"):
    z3.set_param(name, {seed})
sys.argv = ["verify", "--format", "json", "--output", {output!r}, *{arguments!r}]
runpy.run_module("verify", run_name="__main__")
"""

Key = tuple[str, str, Any]


def entries(seed: int, arguments: list[str]) -> dict[Key, tuple[str, bool, float]]:
    """The verdict of each entry, whether it is as specified, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        text = TOOL.format(seed=seed, output=str(output), arguments=arguments)
        subprocess.run([sys.executable, "-c", text], check=False, stdout=subprocess.DEVNULL)
        report = json.loads(output.read_text(encoding="utf-8"))
    return {
        (e["id"], e["geometry"], e["word_bits"]): (e["verdict"], e["ok"], e["seconds"]) for e in report["obligations"]
    }


def main(count: int, arguments: list[str]) -> int:
    same = True
    first = entries(0, arguments)
    for seed in range(count + 1):
        found = first if seed == 0 else entries(seed, arguments)
        other = [key for key in first.keys() | found.keys() if first.get(key, ("",))[0] != found.get(key, ("",))[0]]
        bad = sum(not ok for _, ok, _ in found.values())
        slow = sorted((s for _, _, s in found.values() if s > LIMIT), reverse=True)
        slowest = max(found, key=lambda key: found[key][2])
        said = f"seed {seed}: {len(found)} entries, {len(other)} others, {bad} not as specified, {len(slow)} over"
        print(f"{said} {LIMIT:g} s; slowest {slowest[0]} {found[slowest][2]:.1f} s", flush=True)
        for key in sorted(other, key=str):
            print(f"  {key}: {first.get(key, ('none',))[0]} without a seed, {found.get(key, ('none',))[0]} with it")
        same = same and not other and not bad
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, sys.argv[2:]))
