"""The map in ARCHITECTURE.md is complete, and what it says is absent is absent, as far as reading the code can tell."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LINES = 450
"""What a file may have: one that is longer is usually two stages."""

LONGER = {
    "verify/core.py": "every node of one language; no logic",
    "verify/evaluate.py": "stands beside encode.py, case for case",
    "verify/execute.py": "every kind of statement, and the claims about them",
    "tests/test_execute.py": "one table of programs",
    "tests/test_mremap_impl.py": "vectors",
}
"""The files that may be longer, and why."""

MET_IN = {
    "lark": {"parser"},
    "platformdirs": {"parser"},
    "rich": {"terminal"},
    "hypothesis": {"strategies.examples"},
    "cvc5": {"solvers"},
    "bitwuzla": {"solvers"},
    "z3": {
        "terms",
        "words",
        "integers",
        "encode",
        "decode",
        "put",
        "looks",
        "small",
        "finite",
        "search",
        "scopes",
        "basis",
        "reads",
        "smtlib",
        "stable",
        "__main__",
    },
}
"""Where `verify` meets each external library. hypothesis may be met anywhere in `strategies`."""

ENDS = {
    "__main__": {"print", "sys.stdout", "sys.stderr", "sys.exit"},
    "explore": {"os._exit"},  # a process whose parent is gone
    "schedule": {
        "sys.stdout",  # in a worker, so that nothing that a library prints gets into the report
        "sys.stderr",
        "os._exit",  # a worker whose parent is gone
    },
}
"""The modules that print, exit or touch the standard streams, and what they use for it."""


def files(package: str) -> list[Path]:
    found = (p for p in sorted((ROOT / package).rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
    return [p for p in found if p.suffix != ".pyc"]


def modules(package: str) -> dict[str, ast.Module]:
    """The syntax of each module of a package, by its name within the package; `` for the package itself."""
    found: dict[str, ast.Module] = {}
    for path in files(package):
        if path.suffix == ".py":
            parts = path.relative_to(ROOT / package).with_suffix("").parts
            name = ".".join(parts).removesuffix("__init__").removesuffix(".")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


VERIFY = modules("verify")


def imports(tree: ast.Module, types: bool = True) -> Iterator[str]:
    """What a module imports, wherever in it: full names; `from a import b` is `a.b`, as b may be a module.

    `types`: also what is imported for the type checker alone.
    """
    checked = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    left_out = {id(inner) for node in checked if not types for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.split(".")[0]


def within(name: str) -> str | None:
    """The module of `verify` that an imported name stands for or is in; None if it is not of `verify`."""
    if top(name) != "verify":
        return None
    rest = name.partition(".")[2]
    while rest not in VERIFY:
        rest = rest.rpartition(".")[0]
    return rest


def used(tree: ast.Module) -> Iterator[str]:
    """Names and dotted names that a module uses: `print`, `sys.exit`, `Verdict.PROVED`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            yield f"{node.value.attr}.{node.attr}"


def users(*names: str) -> set[str]:
    """The modules of `verify` that use one of the names."""
    return {module for module, tree in VERIFY.items() if set(names) & set(used(tree))}


# --- the map -------------------------------------------------------------------------------------------------------


def test_the_map_has_each_file_of_verify_once_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- `([\w/.]+)`: ", text, re.MULTILINE)
    there = [str(p.relative_to(ROOT / "verify")) for p in files("verify")]
    assert sorted(listed) == sorted(there)


def test_the_map_names_the_places_where_z3_is_met() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"z3 is met in (.*?)\.$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", sentence)) == MET_IN["z3"]


def test_every_package_on_disk_is_installed() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {p.parent for package in ("verify", "mremap_impl") for p in files(package) if p.suffix == ".py"}
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(pyproject["tool"]["setuptools"]["packages"]) == packages


@pytest.mark.parametrize("package", ["verify", "mremap_impl", "tests"])
def test_no_file_is_longer_than_a_stage(package: str) -> None:
    for path in files(package):
        name = str(path.relative_to(ROOT))
        if path.suffix == ".py" and name not in LONGER:
            assert path.read_text(encoding="utf-8").count("\n") <= LINES, name
    assert all((ROOT / name).exists() for name in LONGER)


# --- imports -------------------------------------------------------------------------------------------------------


def test_verify_neither_imports_nor_names_the_implementation() -> None:
    for path in files("verify"):
        assert "mremap_impl" not in path.read_text(encoding="utf-8"), path.name


def test_verify_knows_no_name_of_page_tables() -> None:
    names = r"\b(pte|ptes|pmd|pmds|move_page_tables|source_extent|PAGE_\w+|PMD_\w+|TASK_SIZE|LATENCY_LIMIT)\b(?!#)"
    for path in files("verify"):
        found = re.search(names, path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name}: {found}"


def test_the_implementation_imports_the_standard_library_and_itself() -> None:
    for name, tree in modules("mremap_impl").items():
        for imported in imports(tree):
            assert top(imported) in sys.stdlib_module_names | {"mremap_impl"}, f"{name} imports {imported}"


def test_verify_meets_each_library_where_the_table_says() -> None:
    met: dict[str, set[str]] = {}
    for name, tree in VERIFY.items():
        for imported in imports(tree):
            if top(imported) not in sys.stdlib_module_names | {"verify"}:
                met.setdefault(top(imported), set()).add(name)
    assert met.pop("hypothesis") <= {name for name in VERIFY if name.startswith("strategies")}
    assert met == {library: places for library, places in MET_IN.items() if library != "hypothesis"}


def test_proofs_need_nothing_of_what_tests_need() -> None:
    for name, tree in VERIFY.items():
        if not name.startswith("strategies"):
            assert not any((within(i) or "").startswith("strategies") for i in imports(tree)), name


@pytest.mark.parametrize("package", ["verify", "mremap_impl"])
def test_imports_form_no_cycle(package: str) -> None:
    trees = modules(package)
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        full = f"{package}.{name}".rstrip(".")
        inside = {i for i in imports(tree, types=False) if top(i) == package}
        known = {f"{package}.{n}".rstrip(".") for n in trees}
        graph[full] = {i if i in known else i.rpartition(".")[0] for i in inside}
        assert graph[full] <= known
    assert set(TopologicalSorter(graph).static_order()) == set(graph)


# --- what is absent ------------------------------------------------------------------------------------------------


def test_nothing_prints_or_exits_but_main() -> None:
    watched = {"print", "input", "exit", "quit", "SystemExit", "sys.exit", "sys.stdout", "sys.stderr", "os._exit"}
    found = {name: watched & set(used(tree)) for name, tree in VERIFY.items()}
    assert {name: uses for name, uses in found.items() if uses} == ENDS


def test_proved_is_said_by_solve_alone() -> None:
    asking = {"explain", "mutate", "unchanged"}  # whether it was said
    assert users("Verdict.PROVED") == {"solve", *asking}


def test_counterexamples_are_made_by_present_alone() -> None:
    makers = {
        name
        for name, tree in VERIFY.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Counterexample"
    }
    assert makers == {"present"}


def test_operations_have_a_meaning_in_two_places() -> None:
    operations = ("MUL", "BAND", "BOR", "BXOR", "SHL", "SHR", "MIN", "MAX")
    places = users(*(f"BinaryOp.{name}" for name in operations))
    # core names them, slips takes one for another; form has evaluate's moving numbers; pythonic says which are Python's
    assert places == {"core", "evaluate", "encode", "form", "pythonic", "slips"}
