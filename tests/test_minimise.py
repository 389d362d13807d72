"""Values that a verdict rests on are made small, and meet the question all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plans import plan_of

from verify.confirm import Confirmed, executed
from verify.core import Symbol
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.load import load
from verify.minimise import minimised
from verify.question import Question, ask
from verify.search import Found
from verify.values import Member, Value, map_value

TEXT = """\
module m;

type pte_t;
const none: pte_t;
state pte: map[word, pte_t];
state table: set[word];

cover some(addr: word, len: word)
    witness entry: pte[addr] != none && addr in table && len > 2;
"""


def asked(folder: Path) -> tuple[Question, Found]:
    """The question of the cover at 32 bits, and values for it that have more than it takes."""
    (folder / "m.spec").write_text(TEXT)
    loaded = load([folder / "m.spec"])
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None
    assert not found
    task = next(t for t in plan_of(program).tasks if t.scope.word_bits == 32)
    question = ask(program, task.obligation, task.scope)
    by_name: dict[str, Any] = {s.name: s for s in question.free_symbols()}
    pte_t = by_name["pte"].type.value
    entries: dict[Value, Value] = {0x9000: Member(pte_t, 7), 0x2000: Member(pte_t, 3), 5: Member(pte_t, 0)}
    values: dict[Symbol, Value] = {
        by_name["addr"]: 0x9000,
        by_name["len"]: 0x777,
        by_name["pte"]: map_value(by_name["pte"].type, Member(pte_t, 0), entries, 32),
        by_name["table"]: map_value(by_name["table"].type, False, dict.fromkeys((0x1000, 0x9000, 0xF000), True), 32),
    }
    start = executed(question, context_for(program, {}, 32, {}), values)
    assert isinstance(start, Confirmed)
    return question, Found(start, tuple(by_name.values()))


def test_what_the_question_does_not_need_goes_and_the_rest_is_small(tmp_path: Path) -> None:
    question, found = asked(tmp_path)
    least = minimised(question, found).confirmed
    values: dict[str, Any] = {s.name: v for s, v in least.values.items()}
    assert isinstance(executed(question, least.context, least.values), Confirmed)
    assert (values["addr"], values["len"]) == (0, 3)
    assert list(dict(values["table"].items())) == [0]
    assert [(key, entry.index) for key, entry in values["pte"].items()] == [(0, 1)]
