"""What the nodes of the core language are, beside what they mean."""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import replace

from verify import core
from verify.core import Symbol, SymbolKind

X = Symbol(SymbolKind.LOCAL, "m.p", "x", core.WORD)


def test_a_symbol_is_one_object_however_it_is_come_by() -> None:
    """It is looked up by what it is, not by what it says: a second one of the same name would be another variable."""
    again = Symbol(X.kind, X.scope, X.name, X.type)
    assert X is again is replace(X) is replace(replace(X, version=1), version=0)
    assert X is deepcopy(X) is pickle.loads(pickle.dumps(X))
    others = [replace(X, version=1), replace(X, name="another"), replace(X, scope="another"), replace(X, type=core.INT)]
    assert len({X, *others, replace(X, kind=SymbolKind.STATE)}) == 6
    assert X not in others
