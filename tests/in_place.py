"""Another text in the place of a module, in this process: a mutant of one of the implementation, or a fault."""

from __future__ import annotations

import sys
from importlib import invalidate_caches
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what else it imports is none of the concern of those who plant a fault in that
    from mutants import Mutant

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"


class _Text(SourceLoader):
    """Loads a module from another text than its file's. It keeps no bytecode."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def get_filename(self, _fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        assert path == str(self.path)
        return self.text.encode()


class InPlace(MetaPathFinder):
    """Finds the module of that name, `PACKAGE.MODULE`, which is to have another text, and no other."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.loader = _Text(ROOT.joinpath(*name.split(".")).with_suffix(".py"), text)

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self.loader) if fullname == self.name else None


def put_in_place(mutant: Mutant, keep: str) -> None:
    """From here on the mutant is what is imported of its module, and all that imports it is imported anew."""
    forget(keep)
    sys.meta_path.insert(0, InPlace(f"mremap_impl.{mutant.key.module}", mutant.text))


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
