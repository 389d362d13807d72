"""A mutant in the place of a module of the implementation, in this process."""

from __future__ import annotations

import sys
from importlib import invalidate_caches
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path

from mutants import Mutant

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"


class _Text(SourceLoader):
    """Loads a module of the implementation with a mutant's text. It keeps no bytecode."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def get_filename(self, _fullname: str) -> str:
        return str(ROOT / "mremap_impl" / f"{self.mutant.key.module}.py")

    def get_data(self, path: str) -> bytes:
        assert path == self.get_filename("")
        return self.mutant.text.encode()


class _InPlace(MetaPathFinder):
    """Finds the module that a mutant is of, and no other."""

    def __init__(self, mutant: Mutant) -> None:
        self.loader = _Text(mutant)
        self.name = f"mremap_impl.{mutant.key.module}"

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self.loader) if fullname == self.name else None


def put_in_place(mutant: Mutant, keep: str) -> None:
    """From here on the mutant is what is imported of its module, and all that imports it is imported anew."""
    forget(keep)
    sys.meta_path.insert(0, _InPlace(mutant))


def forget(keep: str) -> None:
    """Leaves nothing imported of the implementation, nor of what imports it, but a module of the tests by that name."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] == "mremap_impl" or (
            file.startswith(str(TESTS)) and name not in ("__main__", __name__, keep)
        ):
            del sys.modules[name]
    for path in (str(TESTS), str(ROOT)):
        if path not in sys.path:
            sys.path.insert(0, path)
    invalidate_caches()
