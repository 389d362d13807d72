"""Which obligations a request is about."""

from __future__ import annotations

import pytest

from verify.plan import matches


@pytest.mark.parametrize(
    ("only", "id_", "matched"),
    [
        ((), "m.p.ensures.k", True),
        (("m.p.ensures.k",), "m.p.ensures.k", True),
        (("m.p",), "m.p.ensures.k", False),
        (("m.p.*",), "m.p.ensures.k", True),
        (("*.ensures.*", "*.requires"), "m.p.requires", True),
        (("M.*",), "m.p.requires", False),
        (("m.p.loop[1].decreases",), "m.p.loop[1].decreases", True),
        (("m.p.loop[1].decreases",), "m.p.loop1.decreases", False),
        (("m.p.loop[12].*",), "m.p.loop[12].invariant.x.kept", True),
        (("m.p.loop[12].*",), "m.p.loop[1].invariant.x.kept", False),
        (("*[[]1]*",), "m.p.range[1]", True),
        (("m.[pq].requires",), "m.q.requires", True),
        (("m.?.requires",), "m.q.requires", True),
        (("m.[pq",), "m.[pq", True),
    ],
)
def test_which_ids_a_pattern_matches(only: tuple[str, ...], id_: str, matched: bool) -> None:
    assert matches(id_, only) is matched
