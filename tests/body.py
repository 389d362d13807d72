"""The specification's own bodies, run on examples: what the hooks answer is settled as it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from verify import core
from verify.core import Symbol
from verify.evaluate import Table
from verify.execute import Run, execute
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers
from verify.values import Value, some_value


class _Asked(dict[tuple[Value, ...], Value]):
    """What a hook has answered, and answers once it is asked."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.answers = answers

    def get(self, row: Any, _default: Any = None) -> Any:
        self[row] = self.answers.answer(row)
        return self[row]


def settled(
    program: core.Program, routine: core.Routine, example: Example, fuel: int, watch: Callable[[str], bool]
) -> tuple[Example, Run]:
    """A run; and the example with all that was asked in it settled. What its context has tables of is known before."""
    known = example.context.tables
    answers = {
        name: Answers(hook, dict(known[name].entries)) if name in known else hook.start()
        for name, hook in example.hooks.items()
    }
    asking = {name: Table(some_value(a.hook.define.result, a.hook.word_bits), _Asked(a)) for name, a in answers.items()}
    run = ran(program, routine, replace(example, context=replace(example.context, tables=asking)), watch, fuel)
    tables = {name: a.table() for name, a in answers.items()}
    return replace(example, context=replace(example.context, tables=tables)), run


def ran(program: core.Program, routine: core.Routine, example: Example, watch: Callable[[str], bool], fuel: int) -> Run:
    """A run of a routine's body. A local that is given no value gets the plainest."""

    def choose(statement: core.Havoc) -> Value:
        return some_value(statement.target.type, example.context.word_bits)

    state: dict[Symbol, Value] = dict(example.state)
    return execute(program, example.context, routine, example.arguments, state, watch=watch, choose=choose, fuel=fuel)
