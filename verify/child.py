"""Asking the process that runs functions: one request, one answer, within its time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BEGIN = "import sys; sys.path[:1] = [{folder!r}]; from verify.explore import serve; serve()"
"""The folder that has this package comes first until the package is there: then the function's own does."""


@dataclass(frozen=True, slots=True)
class NoAnswer(Exception):
    """There is none, for the reason given. `late`: it was still at it when its time was up."""

    what: str
    late: bool


def ask(request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The answer to a request, as it was written. Raises NoAnswer."""
    folder = str(Path(__file__).resolve().parent.parent)
    begin = [sys.executable, "-c", _BEGIN.format(folder=folder)]
    text = json.dumps({**request, "parent": os.getpid()})
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            begin,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"it had not come to an end after {seconds:.1f} s", True) from None
    try:
        answer = json.loads(done.stdout)
    except (ValueError, RecursionError):
        raise NoAnswer(
            f"the process that ran it ended with status {done.returncode}, and said nothing", False
        ) from None
    if not isinstance(answer, dict):
        raise NoAnswer("the process that ran it wrote something else than an answer", False)
    return answer
