"""Mistakes in what is well formed: over the golden cases, what a person reads about each, all of a file in one run."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from verify import errors
from verify.diagnostic import Diagnostic, render
from verify.elaborate import elaborate
from verify.literals import check_literals
from verify.load import Loaded, load
from verify.obligations import obligations
from verify.parser import parse
from verify.span import Source

GOLDEN = Path(__file__).with_name("golden_elaborate")
LANGUAGE = Path(__file__).with_name("language")


def sections(case: Path) -> list[tuple[str, str]]:
    """A golden case: `### FILE` with its text, for each file, and last `### message`."""
    _, *parts = ("\n" + case.read_text(encoding="utf-8")).split("\n### ")
    return [(head, body) for head, _, body in (part.partition("\n") for part in parts)]


def mistakes(loaded: Loaded) -> tuple[Diagnostic, ...]:
    """What elaboration finds, or if it finds nothing, what is wrong with the literals."""
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert (program is None) == bool(found or loaded.broken)
    return found if program is None else check_literals(program)


def message(folder: Path, files: list[tuple[str, str]]) -> str:
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load([Path(files[-1][0])], folder)
    assert loaded.diagnostics == ()
    return "\n\n".join(render(diagnostic, loaded.sources) for diagnostic in mistakes(loaded))


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.txt")), ids=lambda case: case.stem)
def test_the_whole_message_is_the_golden_one(case: Path, tmp_path: Path) -> None:
    *files, (last, golden) = sections(case)
    assert last == "message"
    assert message(tmp_path, files) == golden.rstrip("\n")


def test_every_code_has_a_golden_message() -> None:
    text = Path(errors.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'Diagnostic\(\s*"([a-z-]+)"', text))
    shown = {code for case in GOLDEN.glob("*.txt") for code in re.findall(r": error\[(.+?)\]: ", case.read_text())}
    assert shown == codes


# --- anything at all -------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"\w+|[^\w\s]+|\s+")


def changed(text: str, rng: random.Random) -> str:
    """The text with one word replaced by another of its words, or one left out."""
    tokens = TOKEN.findall(re.sub(r"//.*", "", text))
    words = [number for number, token in enumerate(tokens) if token[0].isalnum()]
    tokens[rng.choice(words)] = rng.choice(["", tokens[rng.choice(words)]])
    return "".join(tokens)


@pytest.mark.parametrize("path", sorted(LANGUAGE.glob("*.spec")), ids=lambda path: path.stem)
def test_no_change_of_a_word_makes_it_fail(path: Path) -> None:
    text, rng = path.read_text(encoding="utf-8"), random.Random(7)
    for _ in range(15):
        elaborates_or_says_why([changed(text, rng)])


EXTENDED = (
    "module a; param P: int; geometry g { WORD_BITS = 8; P = 1; } geometry h { WORD_BITS = P; P = 2; }",
    "module b; import a; param Q: word; extend geometry g { Q = word(P); } extend geometry h { Q = 3; }",
    "module c; import a; param R: bool; extend geometry g { R = true; } geometry i { WORD_BITS = 4; P = 1; R = 1>P; }",
    "module d; import b; import c; param S: int; extend geometry g { S = int(Q); } lemma l() on g ensures e: R { }",
)


def test_no_change_of_a_word_makes_extensions_fail() -> None:
    rng = random.Random(7)
    for number in range(400):
        texts = list(EXTENDED)
        texts[number % 4] = changed(texts[number % 4], rng)
        elaborates_or_says_why(texts)


def elaborates_or_says_why(texts: list[str]) -> None:
    sources = {f"{number}.spec": Source(f"{number}.spec", text) for number, text in enumerate(texts)}
    read = [parse(source) for source in sources.values()]
    modules = [r.module for r in read if r.module is not None]
    if len({m.name.name for m in modules}) == len(texts):
        broken = frozenset().union(*(r.broken for r in read))
        program, found = elaborate(modules, frozenset(m.name.name for m in modules), sources, broken)
        for diagnostic in found:
            assert all((diagnostic.what, diagnostic.why, diagnostic.help, render(diagnostic, sources)))
        assert (program is None) == bool(found or broken)
        if program is not None:
            ids = [obligation.id for obligation in obligations(program)]
            assert len(ids) == len(set(ids))
