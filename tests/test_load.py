"""Files, folders and imports; and, over the golden cases, what a person reads about each mistake of this stage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from verify.diagnostic import render
from verify.load import Loaded, load

GOLDEN = Path(__file__).with_name("golden")

CODES = {
    "character",
    "duplicate-import",
    "duplicate-module",
    "empty-file",
    "encoding",
    "import-cycle",
    "import-order",
    "missing-file",
    "module-name",
    "module-order",
    "nesting",
    "no-module",
    "no-specs",
    "nul-byte",
    "number",
    "syntax",
    "unknown-import",
}
"""Every code of this stage but `unreadable`, which has no golden case: who runs as root can read everything."""


def sections(case: Path) -> list[tuple[str, str]]:
    """A golden case: `### FILE`, `### bytes FILE` (Python escapes) or `### load PATHS`, and last `### message`."""
    _, *parts = ("\n" + case.read_text(encoding="utf-8")).split("\n### ")
    return [(head, body) for head, _, body in (part.partition("\n") for part in parts)]


def rendered(loaded: Loaded) -> str:
    return "\n\n".join(render(diagnostic, loaded.sources) for diagnostic in loaded.diagnostics)


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def names(loaded: Loaded) -> list[str]:
    return [module.name.name for module in loaded.modules]


def codes(loaded: Loaded) -> list[tuple[str, str]]:
    return [(diagnostic.code, str(diagnostic.span)) for diagnostic in loaded.diagnostics]


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.txt")), ids=lambda case: case.stem)
def test_the_whole_message_is_the_golden_one(case: Path, tmp_path: Path) -> None:
    *files, (last, message) = sections(case)
    assert last == "message"
    paths = [Path(".")]
    for head, body in files:
        match head.split():
            case ["load", *given]:
                paths = [Path(path) for path in given]
            case ["bytes", name]:
                written(tmp_path, {name: body.encode().decode("unicode_escape").encode("latin-1")})
            case [name]:
                written(tmp_path, {name: body})
    assert rendered(load(paths, tmp_path)) == message.rstrip("\n")


def test_every_code_has_a_golden_message() -> None:
    shown = {line.split("error[")[1].split("]")[0] for case in GOLDEN.glob("*.txt") for line in _headlines(case)}
    assert shown == CODES


def _headlines(case: Path) -> list[str]:
    return [line for line in sections(case)[-1][1].splitlines() if ": error[" in line]


# --- which files -----------------------------------------------------------------------------------------------------

TREE = {
    "spec/top.spec": "module top; import low;",
    "spec/low.spec": "module low;",
    "spec/sub/deep.spec": "module deep; import top; import near;",
    "spec/sub/near.spec": "module near; import low;",
    "spec/sub/notes.txt": "not a specification",
    "spec/.hidden/low.spec": "module low;",
    "spec/.#low.spec": "module low;",
    "other/far.spec": "module far;",
}


@pytest.mark.parametrize(
    ("paths", "modules", "roots"),
    [
        (["spec"], ["low", "near", "top", "deep"], {"top", "low", "deep", "near"}),
        (["spec/"], ["low", "near", "top", "deep"], {"top", "low", "deep", "near"}),
        (["spec/top.spec"], ["low", "top"], {"top"}),
        (["spec/sub/deep.spec"], ["low", "top", "near", "deep"], {"deep"}),
        (["spec/sub/deep.spec", "spec/low.spec"], ["low", "top", "near", "deep"], {"deep", "low"}),
        (["spec/low.spec", "spec/low.spec", "spec"], ["low", "near", "top", "deep"], {"top", "low", "deep", "near"}),
        (["other", "spec/low.spec"], ["far", "low"], {"far", "low"}),
        ([], [], set()),
    ],
)
def test_what_is_asked_for_comes_with_its_imports_each_after_those_it_imports(
    paths: list[str], modules: list[str], roots: set[str], tmp_path: Path
) -> None:
    loaded = load([Path(path) for path in paths], written(tmp_path, TREE))
    assert codes(loaded) == []
    assert sorted(names(loaded)) == sorted(modules)
    assert loaded.roots == roots
    for module in loaded.modules:
        assert {name.name for name in module.imports} <= set(names(loaded)[: names(loaded).index(module.name.name)])


def test_the_order_is_the_same_every_time(tmp_path: Path) -> None:
    written(tmp_path, TREE)
    assert names(load([Path("spec")], tmp_path)) == ["low", "top", "near", "deep"]
    written(tmp_path, {f"flat/{name}.spec": f"module {name[-1]};" for name in ("z", "m/b", "a", "m/a/y", "c")})
    assert names(load([Path("flat")], tmp_path)) == ["a", "c", "y", "b", "z"]


def test_an_import_is_not_looked_up_above_the_folder_given(tmp_path: Path) -> None:
    loaded = load([Path("spec/sub")], written(tmp_path, TREE))
    assert codes(loaded) == [
        ("unknown-import", "spec/sub/deep.spec:1:21"),
        ("unknown-import", "spec/sub/near.spec:1:21"),
    ]


def test_of_two_folders_given_imports_see_up_to_the_outer_one(tmp_path: Path) -> None:
    assert codes(load([Path("spec/sub"), Path("spec")], written(tmp_path, TREE))) == []


def test_a_file_outside_the_working_directory_sees_its_own_folder_only(tmp_path: Path) -> None:
    here = written(tmp_path, TREE) / "here"
    here.mkdir()
    assert codes(load([Path("../spec/top.spec")], here)) == []
    assert codes(load([Path("../spec/sub/near.spec")], here)) == [("unknown-import", "../spec/sub/near.spec:1:21")]


@pytest.mark.parametrize(
    ("current", "given", "shown"),
    [
        (".", "spec/low.spec", "spec/low.spec"),
        (".", "./spec/../spec/low.spec", "spec/low.spec"),
        (".", "{}/spec/low.spec", "spec/low.spec"),
        ("spec", ".", "low.spec"),
        ("other", "../spec/low.spec", "../spec/low.spec"),
        ("other", "../spec", "../spec/low.spec"),
        ("other", "{}/spec/low.spec", "{}/spec/low.spec"),
    ],
)
def test_a_path_is_shown_from_the_working_directory_or_as_given(
    current: str, given: str, shown: str, tmp_path: Path
) -> None:
    written(tmp_path, TREE)
    loaded = load([Path(given.format(tmp_path))], tmp_path / current)
    assert loaded.files["low"] == shown.format(tmp_path)
    assert loaded.sources[loaded.files["low"]].text == "module low;"
    assert next(m for m in loaded.modules if m.name.name == "low").span.file == loaded.files["low"]


def test_the_working_directory_is_the_process_s_own_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written(tmp_path, TREE))
    assert load([Path("spec/low.spec")]).files == {"low": "spec/low.spec"}


def test_two_paths_to_one_file_are_one_module(tmp_path: Path) -> None:
    written(tmp_path, TREE)
    os.symlink(tmp_path / "other", tmp_path / "again")
    assert codes(load([Path("other"), Path("again")], tmp_path)) == []


def test_a_long_chain_of_imports_is_followed(tmp_path: Path) -> None:
    chain = {f"m{i}.spec": f"module m{i}; import m{i + 1};" for i in range(1100)}
    loaded = load([Path("m0.spec")], written(tmp_path, chain | {"m1100.spec": "module m1100;"}))
    assert codes(loaded) == []
    assert names(loaded) == [f"m{i}" for i in range(1100, -1, -1)]


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_the_mistakes_of_all_files_are_reported_in_order(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.spec": "module a; import b; import lost; param X word; define f(): int = 0x;",
        "b.spec": "module c; param Y int;",
        "c.spec": b"module c; \xff",
    }
    loaded = load([Path("c.spec"), Path("a.spec"), Path("gone.spec")], written(tmp_path, files))
    assert codes(loaded) == [
        ("unknown-import", "a.spec:1:28"),
        ("syntax", "a.spec:1:42"),
        ("number", "a.spec:1:66"),
        ("module-name", "b.spec:1:8"),
        ("syntax", "b.spec:1:19"),
        ("encoding", "c.spec:1:11"),
        ("missing-file", "gone.spec:1:1"),
    ]
    assert {"X", "Y"} <= loaded.broken


def test_a_module_of_another_name_is_taken_for_the_one_its_file_says(tmp_path: Path) -> None:
    loaded = load([Path("a.spec")], written(tmp_path, {"a.spec": "module a; import b;", "b.spec": "module c;"}))
    assert codes(loaded) == [("module-name", "b.spec:1:8")]
    assert names(loaded) == ["b", "a"]


@pytest.mark.parametrize(
    "files",
    [
        {"a.spec": "module a; import b; define f(): int = there();", "b.spec": b"\xff"},
        {"a.spec": "module a; import b; define f(): int = there();", "b.spec": ""},
        {"a.spec": "module a; import b; define f(): int = there();"},
        {"a.spec": "module a; import c; define f(): int = there();", "c.spec": "module c; import b;"},
        {
            "a.spec": "module a; import b; define f(): int = there();",
            "b.spec": "module b; import a; define there(): int;",
        },
    ],
    ids=["unreadable", "empty", "missing", "missing further on", "in a cycle"],
)
def test_names_that_a_missing_module_may_declare_are_broken(files: dict[str, str | bytes], tmp_path: Path) -> None:
    loaded = load([Path("a.spec")], written(tmp_path, files))
    assert loaded.diagnostics
    assert "a" in names(loaded)
    assert "there" in loaded.broken
    for at, module in enumerate(loaded.modules):
        assert {name.name for name in module.imports} <= set(names(loaded)[:at])


def test_good_files_make_nothing_broken(tmp_path: Path) -> None:
    assert load([Path("spec")], written(tmp_path, TREE)).broken == frozenset()


def test_a_cycle_is_reported_once_and_its_modules_are_kept(tmp_path: Path) -> None:
    cycle = {"a.spec": "module a; import b;", "b.spec": "module b; import c;", "c.spec": "module c; import a;"}
    loaded = load([Path(".")], written(tmp_path, cycle))
    assert codes(loaded) == [("import-cycle", "c.spec:1:18")]
    assert "a -> b -> c -> a" in loaded.diagnostics[0].why
    assert names(loaded) == ["c", "b", "a"]


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.spec")
    for given in ("pipe.spec", "."):
        assert codes(load([Path(given)], tmp_path)) == [("missing-file", "pipe.spec:1:1")]


def test_a_link_to_nothing_is_reported_and_the_other_files_are_read(tmp_path: Path) -> None:
    written(tmp_path, TREE)
    (tmp_path / "spec/gone.spec").symlink_to("elsewhere.spec")
    loaded = load([Path("spec")], tmp_path)
    assert rendered(loaded) == (
        "spec/gone.spec:1:1: error[missing-file]: `spec/gone.spec` cannot be read\n"
        "  why:  it is a link to `elsewhere.spec`, where there is neither a file nor a folder\n"
        "  help: remove it, or give it another name"
    )
    assert "top" in names(loaded)


def test_a_folder_that_cannot_be_read_is_not_called_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert codes(load([Path(".")], tmp_path)) == [("unreadable", ".:1:1")]


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    written(tmp_path, TREE)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    loaded = load([Path("other")], tmp_path, tables=None)
    assert rendered(loaded) == (
        "other/far.spec:1:1: error[unreadable]: `other/far.spec` cannot be read\n"
        "  why:  Permission denied\n"
        "  help: make it readable"
    )


@pytest.mark.parametrize(
    "text",
    [b"\xef\xbb\xbfmodule a;\r\nparam X: word;\r\n", b"module a;\rparam X: word;\r", b"module a;\n\tparam X: word;"],
    ids=["byte order mark, carriage returns", "old line ends", "tabs"],
)
def test_other_ways_to_end_and_begin_lines_are_accepted(text: bytes, tmp_path: Path) -> None:
    loaded = load([Path("a.spec")], written(tmp_path, {"a.spec": text}))
    assert codes(loaded) == []
    assert [(item.span.line, loaded.sources["a.spec"].cut(item.span)) for item in loaded.modules[0].items] == [
        (2, "param X: word;")
    ]


def test_places_do_not_depend_on_how_lines_end(tmp_path: Path) -> None:
    text = "module a;\n/// doc\nparam X word;\n\tparam Y word;\n"
    written(tmp_path, {"unix/a.spec": text, "dos/a.spec": text.replace("\n", "\r\n")})
    assert rendered(load([Path("a.spec")], tmp_path / "unix")) == rendered(load([Path("a.spec")], tmp_path / "dos"))
