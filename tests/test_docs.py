"""What the documents say is so: their examples are run, and their lists are held against the specification.

A fenced block has a marker, an HTML comment on the line before it, that says what a test does with it:

    run: exits N                    each line is a command; the last one exits with N, those before with 0
    run: exits N, with the clause   the same, once the clause of the document is in the specification
    printed                         what the last command of the block before it prints
    spec                            a specification, with verdicts behind `//`
    spec: error[CODE]               a specification with this one mistake
    clause: PROCEDURE               a clause that may be added to a procedure
    makes the table                 the command of the table below: `tests/history_table.py` runs it, or in README.md
                                    `tests/mutant_table.py`
    ci: NAME                        a command that `.ci/run` runs, not a test
    drawn                           a picture
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from verify import cli, core
from verify.audit import Trusted, audit
from verify.elaborate import elaborate
from verify.load import Loaded, load
from verify.obligations import obligations
from verify.plan import matches
from verify.verdict import Reason, Verdict

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "spec/README.md", "spec/history/README.md", "ARCHITECTURE.md", "CHANGELOG.md")

# --- the documents -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `line` is that of the fence, `marker` is empty if there is none, `text` ends with a newline."""

    file: str
    line: int
    marker: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def blocks(file: str) -> list[Block]:
    text = text_of(file)
    found = re.finditer(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(file, text.count("\n", 0, m.start()) + 1, m[1] or "", m[2], m[3]) for m in found]


BLOCKS = tuple(block for file in DOCUMENTS for block in blocks(file))


def marked(prefix: str) -> list[Block]:
    return [block for block in BLOCKS if re.match(rf"{prefix}(\W|$)", block.marker)]


def one(marker: str) -> Block:
    (found,) = [block for block in BLOCKS if block.marker == marker]
    return found


def section(file: str, marker: str) -> str:
    """The paragraph, table or list after a marker."""
    return text_of(file).split(f"<!-- {marker} -->\n")[1].split("\n\n")[0]


def ticked(text: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_each_block_says_what_a_test_does_with_it(block: Block) -> None:
    tested = r"run: exits \d+(, with the clause)?|printed|spec(: error\[[\w-]+\])?|clause: [\w.]+"
    assert re.fullmatch(rf"{tested}|ci: (verify|test|check|history|lab)|makes the table|drawn", block.marker)


def test_no_fence_is_overlooked() -> None:
    assert len(BLOCKS) * 2 == sum(text_of(file).count("```") for file in DOCUMENTS)


@pytest.mark.parametrize("file", DOCUMENTS)
def test_links_lead_to_something(file: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(file)):
        path, _, anchor = target.partition("#")
        assert not target.startswith("http")
        linked = ((ROOT / file).parent / path).resolve() if path else ROOT / file
        assert linked.exists(), target
        headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [re.sub(r"\W+", "-", h.lower()).strip("-") for h in headings], target


# --- commands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder like a checkout, whose specification may be changed."""
    for name in ("verify", "mremap_impl", "tests", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "spec", tmp_path / "spec")
    return tmp_path


def add_clause(folder: Path, block: Block) -> None:
    """Puts the clause behind those that its procedure has."""
    module, name = block.marker.removeprefix("clause: ").split(".")
    file = folder / "spec" / f"{module}.spec"
    before, head, rest = file.read_text(encoding="utf-8").partition(f"\nprocedure {name}(")
    clauses, brace, body = rest.partition("\n{\n")
    assert head
    assert brace
    file.write_text(f"{before}{head}{clauses}\n{block.text.rstrip()}{brace}{body}", encoding="utf-8")


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of a document in a folder. `python` is the one that runs the tests."""
    tools = folder / "tools"
    if not tools.exists():
        tools.mkdir()
        (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        (tools / "python").chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHONPATH"))}
    # One process is enough for the few tests that a document picks: starting more takes longer than these.
    environment |= {"PATH": f"{tools}:{environment['PATH']}", "PYTEST_ADDOPTS": "-p no:cacheprovider -n 0"}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("block", marked("run"), ids=str)
def test_commands_do_what_the_document_says(block: Block, checkout: Path) -> None:
    if block.marker.endswith("with the clause"):
        add_clause(checkout, *marked("clause"))
    *before, last = block.text.splitlines()
    for line in before:
        done = run(checkout, line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    done = run(checkout, last)
    status = re.match(r"run: exits (\d+)", block.marker)
    assert status
    assert done.returncode == int(status[1]), f"{last}\n{done.stdout}{done.stderr}"
    following = BLOCKS[BLOCKS.index(block) + 1]
    if following.marker == "printed":
        wanted = normalised(following.text)
        assert normalised(done.stdout) == wanted, f"{following} should be what is printed now:\n{done.stdout}"
        if "REFUTED extent.source_extent" in following.text:
            assert_runs_past_the_range(following.text)
            assert_runs_past_the_range(done.stdout)


def normalised(text: str) -> str:
    """Without what may differ from run to run: times, the machine's processes, and which values were found."""
    text = re.sub(r"\d+\.\d+ s\b", "T s", text)
    text = re.sub(r"on \d+ process(es)?\b", "on N processes", text)
    return re.sub(r"^(    (?:old_addr|old_end|extent) +)0x[0-9a-f]+ *", r"\1V ", text, flags=re.MULTILINE)


def assert_runs_past_the_range(printed: str) -> None:
    """The values shown are in the last PMD, and the step goes past the end of the range."""
    pairs = re.findall(r"^    (old_addr|old_end|next|extent) +(0x[0-9a-f]+)", printed, re.MULTILINE)
    value = {name: int(number, 16) for name, number in pairs}
    assert value.keys() == {"old_addr", "old_end", "next", "extent"}
    last_pmd = 2**32 - 2**21
    assert last_pmd <= value["old_addr"] < value["old_end"]
    assert value["next"] == 0
    assert value["old_addr"] + value["extent"] == 2**32 > value["old_end"]


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    wanted = {name: one(f"ci: {name}").text for name in ("verify", "test", "check", "history", "lab")}
    for name, command in wanted.items():
        shown = subprocess.run([ROOT / ".ci/run", "--show", name], capture_output=True, text=True, check=True).stdout
        assert shown == command
        assert command.count("\n") == 1, "one line each"
    assert wanted["verify"].endswith("python -m verify\n")
    assert wanted["test"].endswith("python -m pytest\n")


def test_the_exit_statuses_are_the_tool_s() -> None:
    table = re.findall(r"^\| (\d+) \|", text_of("README.md"), re.MULTILINE)
    statuses = (cli.OK, cli.FAILED, cli.WRONG, cli.UNKNOWN, cli.DISAGREE, cli.DEFECT)
    assert [int(status) for status in table] == list(statuses)


# --- examples of the language --------------------------------------------------------------------------------------

EXAMPLES = [block for block in BLOCKS if block.marker == "spec"]
MISTAKES = [block for block in BLOCKS if block.marker.startswith("spec: error")]


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of an obligation at one scope: its line in the example, from 0, and the verdict as people read it."""

    id: str
    line: int
    verdict: str
    ok: bool


def written(block: Block, folder: Path) -> tuple[str, int]:
    """Writes the example as a file of its own. The module's name, and the number of lines put before the example."""
    named = re.search(r"^module (\w+);", block.text, re.MULTILINE)
    name = named[1] if named else f"example_{block.line}"
    head = "" if named else f"module {name};\nimport machine;\n"
    (folder / f"{name}.spec").write_text(head + block.text, encoding="utf-8")
    return name, head.count("\n")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Block, tuple[Seen, ...]]:
    """All examples proved in one run."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "spec", folder / "spec")
    (folder / "verify").symlink_to(ROOT / "verify")
    modules = {block: written(block, folder / "spec") for block in EXAMPLES}
    only = " ".join(f"--only '{name}.*'" for name, _ in modules.values())
    done = run(folder, f"python -m verify --format json {only}")
    assert done.stdout, done.stderr
    entries = json.loads(done.stdout)["obligations"]
    return {
        block: tuple(
            Seen(e["id"], e["location"]["line"] - 1 - offset, verdict_of(e), e["ok"])
            for e in entries
            if e["id"].startswith(f"{name}.")
        )
        for block, (name, offset) in modules.items()
    }


def verdict_of(entry: Mapping[str, str]) -> str:
    verdict = entry["verdict"].upper()
    return f"{verdict} ({entry['reason']})" if verdict == "UNKNOWN" else verdict


@pytest.mark.xdist_group("documented examples")
@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_examples_get_the_verdicts_beside_them(block: Block, verdicts: Mapping[Block, tuple[Seen, ...]]) -> None:
    seen = verdicts[block]
    for number, line in enumerate(block.text.splitlines()):
        beside = re.search(r"[^/ ].*(?<!/)// ([A-Z].*)$", line)
        here = {s.verdict for s in seen if s.line == number}
        if beside:
            assert here == {beside[1]}, line
        else:
            assert all(s.ok for s in seen if s.line == number), line
    assert seen


@pytest.mark.parametrize("block", MISTAKES, ids=str)
def test_a_mistake_shown_is_the_one_reported(block: Block, tmp_path: Path) -> None:
    shutil.copy(ROOT / "spec/machine.spec", tmp_path)
    name, _ = written(block, tmp_path)
    loaded = load([tmp_path / f"{name}.spec"], tmp_path)
    _, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    codes = [d.code for d in (*loaded.diagnostics, *found)]
    assert [f"spec: error[{code}]" for code in codes] == [block.marker]


def test_every_word_of_the_language_is_in_its_description() -> None:
    grammar = (ROOT / "verify/grammar.lark").read_text(encoding="utf-8").split("// --- tokens")[0]
    shown = text_of("spec/README.md")
    words = set(re.findall(r'"([a-z]+)"', grammar))
    assert len(words) > 40
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", shown)] == []


def test_every_verdict_is_described() -> None:
    text = text_of("spec/README.md")
    assert re.findall(r"^\| ([A-Z]+) \|", text, re.MULTILINE) == [v.value.upper() for v in Verdict]
    assert ", ".join(reason.value for reason in Reason) in text


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load([ROOT / "spec"], ROOT)


@pytest.fixture(scope="module")
def specification(loaded: Loaded) -> core.Program:
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, found
    return program


@pytest.fixture(scope="module")
def trusted(loaded: Loaded, specification: core.Program) -> tuple[Trusted, ...]:
    return audit(specification, loaded.sources)


def test_each_claim_of_the_specification_has_a_row_with_all_its_obligations(specification: core.Program) -> None:
    every = obligations(specification)

    @cache
    def called(pattern: str) -> frozenset[str]:
        return frozenset(o.id for o in every if matches(o.id, (pattern,)))

    claims: dict[str, set[str]] = {}
    for obligation in every:
        for claim in obligation.claims:
            claims.setdefault(claim, set()).add(obligation.id)
    wrong: list[str] = []
    rows = [row.strip("|").split("|") for row in section("README.md", "claims").splitlines()[2:]]
    for claim, _, listed in rows:
        patterns = ticked(listed)
        wrong += [f"no obligation is called {p}" for p in patterns if not called(p)]
        ids = frozenset[str]().union(*map(called, patterns))
        wanted = claims.pop(claim.strip(" `"), set())
        wrong += [f"{claim}: {id_} is not listed" for id_ in sorted(wanted - ids)]
        wrong += [f"{claim}: {id_} does not belong to it" for id_ in sorted(ids - wanted)]
    wrong += [f"{claim} has no row" for claim in claims]
    assert not wrong, "\n".join(wrong)


def test_each_claim_named_in_the_specification_has_an_obligation(specification: core.Program) -> None:
    lines = [text_of(str(p.relative_to(ROOT))) for p in sorted((ROOT / "spec").rglob("*.spec"))]
    named = {c for text in lines for m in re.findall(r"/// claim: (.*)", text) for c in m.split(", ")}
    assert named == {claim for obligation in obligations(specification) for claim in obligation.claims}


@pytest.mark.parametrize("file", ["README.md", "spec/README.md"])
def test_what_is_assumed_is_what_the_audit_lists(file: str, trusted: tuple[Trusted, ...]) -> None:
    listed = [name for name in ticked(section(file, "assumed")) if "." in name]
    assert listed == [t.name for t in trusted if t.kind != "not modelled"]


def test_what_is_not_modelled_is_what_the_audit_lists(trusted: tuple[Trusted, ...]) -> None:
    listed = section("spec/README.md", "not modelled").splitlines()
    assert listed == [f"- {t.name}: {t.text}" for t in trusted if t.kind == "not modelled"]
