from dataclasses import dataclass
from typing import Any
from verify.verdict import Reason
@dataclass
class Runs:
    violation: Any = None
    reason: Any = Reason.BOUND
    bound: str = "stub"
def find_run(*a):
    return Runs()
