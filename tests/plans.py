"""What is to be proved of a program, told in this process."""

from __future__ import annotations

from verify import core
from verify.plan import Plan, Request, draft, plan


def plan_of(program: core.Program, only: tuple[str, ...] = (), geometry: str | None = None) -> Plan:
    """The tasks for obligations like these, or for all, at one geometry, or at all."""
    request = Request.of(program, only, geometry)
    return plan(request, draft(request))
