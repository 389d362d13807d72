"""A question over finite sorts put to z3: maps are taken out of it first, and what is left needs no theory but bits.

What is read from a map that was written to is a choice among what was written. What is read from a map that is to be
found is the value of a function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

from verify.put import Answer, Assertions


def put_finite(asked: Assertions, milliseconds: int, effort: int = 0, wishes: Sequence[Any] = ()) -> Answer:
    """One question, the wishes part of it. Where something else than finite is in it, the answer may be neither.

    `effort` is a limit in the solver's own units (0: none).
    """
    goal = z3.Goal()
    goal.add(*asked.plain, *(term for _, term in asked.named), *asked.goal, *wishes)
    try:
        (reduced,) = _reduction()(goal)
        taken = _Functions()
        solver = z3.SolverFor("QF_UFBV")
        solver.set("timeout", max(1, milliseconds))
        solver.set("rlimit", effort)
        solver.add(*(taken.without_maps(term) for term in reduced))
        result = solver.check()
        if result == z3.sat:
            return Answer(True, False, reduced.convert_model(taken.with_maps(solver.model())), (), "")
        return Answer(False, result == z3.unsat, None, (), solver.reason_unknown() if result == z3.unknown else "")
    except z3.Z3Exception as error:
        return Answer(False, False, None, (), str(error))


def _reduction() -> z3.Tactic:
    read = z3.With("simplify", expand_select_store=True, expand_select_ite=True, blast_select_store=True)
    return z3.Then("simplify", "propagate-values", "solve-eqs", read, "propagate-values", "solve-eqs", read)


class _Functions:
    """A function in place of each map that is to be found."""

    def __init__(self) -> None:
        self.functions: dict[int, tuple[Any, z3.FuncDeclRef]] = {}
        self.known: dict[int, tuple[Any, Any]] = {}

    def without_maps(self, root: Any) -> Any:
        """The term with a call of a function in place of each look into such a map."""
        stack = [root]
        while stack:
            term = stack[-1]
            if term.get_id() in self.known:
                stack.pop()
                continue
            children = term.children()
            waiting = [c for c in children if c.get_id() not in self.known]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            inner = [self.known[c.get_id()][1] for c in children]
            self.known[term.get_id()] = (term, self.made(term, children, inner))
        return self.known[root.get_id()][1]

    def made(self, term: Any, children: list[Any], inner: list[Any]) -> Any:
        """The term with what has become of its children in their place."""
        if z3.is_quantifier(term):
            return term
        if z3.is_select(term) and z3.is_const(children[0]) and children[0].decl().kind() == z3.Z3_OP_UNINTERPRETED:
            return self.function(children[0])(inner[1])
        same = all(a is b or a.get_id() == b.get_id() for a, b in zip(children, inner, strict=True))
        return term if same else term.decl()(*inner)

    def function(self, map_: Any) -> z3.FuncDeclRef:
        if map_.get_id() not in self.functions:
            sort = map_.sort()
            self.functions[map_.get_id()] = (map_, z3.Function(f"{map_}!read", sort.domain(), sort.range()))
        return self.functions[map_.get_id()][1]

    def with_maps(self, model: z3.ModelRef) -> z3.ModelRef:
        """The model with each map again, as its function is."""
        there = {function.get_id() for function in model.decls()}
        for map_, function in self.functions.values():
            if function.get_id() not in there:  # z3 fails on a function it left out
                continue
            found = model[function]
            otherwise = found.else_value()
            if otherwise is None:
                otherwise = model.eval(z3.FreshConst(function.range()), model_completion=True)
            at = z3.FreshConst(function.domain(0))
            value = z3.Lambda([at], z3.substitute_vars(otherwise, at))  # a formula in the argument, at times
            for n in range(found.num_entries()):
                value = z3.Store(value, found.entry(n).arg_value(0), found.entry(n).value())
            model.update_value(map_, value)
        return model
