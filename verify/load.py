"""From paths on the command line to modules: finds the files, reads them, follows imports and puts all in order."""

from __future__ import annotations

import difflib
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from verify.diagnostic import Diagnostic
from verify.parser import Tables, parse
from verify.span import Source, Span
from verify.syntax import Module, Name

SUFFIX = ".spec"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that was asked for, and all that it imports.

    `modules`: each after those it imports, the same for the same files whatever the file system's order. Their names
    differ, each is the name of its file, and each of their `imports` is among them: one that is not found, or closes a
    cycle, is reported and left out. `roots`: the modules asked for by path. `sources`: every file read, by the path
    shown to the user. `files`: module name to that path. `broken`: names not to be called unknown, since what declares
    them may be in an item or a file that could not be read. `diagnostics`: all mistakes of all files, by place.
    """

    modules: tuple[Module, ...]
    roots: frozenset[str]
    sources: Mapping[str, Source]
    files: Mapping[str, str]
    broken: frozenset[str]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Root:
    """The folder up to which imports are looked up: absolute, and as the user wrote it."""

    path: Path
    given: Path


@dataclass(slots=True)
class _File:
    """One file. `path` is absolute, `module` None iff it could not be read. `imports` are those found, by file key."""

    key: str
    path: Path
    root: _Root
    asked: bool
    shown: str = ""
    module: Module | None = None
    imports: list[tuple[Name, str]] = field(default_factory=list)
    incomplete: bool = False

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)


def load(paths: Sequence[Path], current: Path | None = None, tables: Tables | None = None) -> Loaded:
    """Load files, and folders with every `*.spec` below them but for hidden ones. Raises nothing for a user's mistake.

    Relative paths are relative to `current`, the working directory if None. `import X` is looked up as `X.spec` beside
    the importing file, then in each folder above it up to the folder given; for a file given, up to `current` if the
    file lies below it, else its own folder only. `tables` are those of the parser, its own if None.
    """
    loader = _Loader(Path(os.path.abspath(current or Path.cwd())), tables)
    for path in paths:
        loader.ask(path)
    loader.read_all()
    return loader.result()


@dataclass(slots=True)
class _Loader:
    current: Path
    tables: Tables | None
    files: dict[str, _File] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    report: list[Diagnostic] = field(default_factory=list)

    # --- which files

    def ask(self, given: Path) -> None:
        """Note the files that one path of the command line stands for."""
        path = Path(os.path.abspath(self.current / given))
        if os.path.isfile(path):
            own = _Root(path.parent, given.parent)
            self._note(path, _Root(self.current, Path()) if path.is_relative_to(self.current) else own, asked=True)
        elif os.path.isdir(path):
            root = _Root(path, given)
            before = len(self.report)
            found = self._below(root)
            for file in found:
                self._note(file, root, asked=True)
            if not found and len(self.report) == before:
                why, help_ = "no file below it ends in `.spec`", "give the folder that holds the specification"
                self._whole(self._show(path, root), "no-specs", "the folder holds no specification", why, help_)
        else:
            self._missing(path, _Root(path, given), "give a `.spec` file or a folder of them")

    def _missing(self, path: Path, root: _Root, help_: str) -> None:
        """Report a path at which there is neither a file nor a folder."""
        shown = self._show(path, root)
        if not os.path.lexists(path):
            why = "there is no file and no folder of that name"
        elif os.path.islink(path):
            why = f"it is a link to `{os.readlink(path)}`, where there is neither a file nor a folder"
        else:
            why = "it is neither a file nor a folder"
        self._whole(shown, "missing-file", f"`{shown}` cannot be read", why, help_)

    def _below(self, root: _Root) -> list[Path]:
        """The specification files below a folder, sorted by their path below it. Links to folders are not followed.

        What is called like one and is none is reported: that it was proved could be believed.
        """

        def failed(error: OSError) -> None:
            shown = self._show(Path(error.filename), root)
            why = error.strerror or str(error)
            self._whole(shown, "unreadable", f"`{shown}` cannot be read", why, "make it readable, or give other paths")

        found: list[Path] = []
        for folder, folders, names in os.walk(root.path, onerror=failed):
            folders[:] = [name for name in folders if not name.startswith(".")]  # the walk enters only what is left
            for name in names:
                path = Path(folder, name)
                if not name.endswith(SUFFIX) or name.startswith("."):
                    continue
                if os.path.isfile(path):
                    found.append(path)
                else:
                    self._missing(path, root, "remove it, or give it another name")
        return sorted(found, key=lambda path: path.parts)

    def _note(self, path: Path, root: _Root, *, asked: bool) -> str:
        """The key of a file, the same for every path to it. Of two folders given, imports see up to the outer one."""
        key = os.path.realpath(path)
        known = self.files.setdefault(key, _File(key, path, root, asked))
        if asked and known.root.path.is_relative_to(root.path):
            known.root = root
        return key

    def _show(self, path: Path, root: _Root) -> str:
        if path.is_relative_to(self.current):
            return path.relative_to(self.current).as_posix()
        return Path(os.path.normpath(root.given / path.relative_to(root.path))).as_posix()

    # --- what is in them

    def read_all(self) -> None:
        """Read every file noted, and those they import, and so on."""
        waiting = deque(self.files)
        while waiting:
            file = self.files[waiting.popleft()]
            file.shown = self._show(file.path, file.root)
            source = self._read(file)
            if source is None:
                continue
            parsed = parse(source, self.tables)
            self.report += parsed.diagnostics
            self.broken |= parsed.broken
            if parsed.module is None:
                continue
            file.module = self._named(file, parsed.module)
            before = len(self.files)
            self._follow(file, file.module)
            waiting.extend(list(self.files)[before:])

    def _read(self, file: _File) -> Source | None:
        """The text; None, with a report, where it cannot be told. In comments it need not be."""
        try:
            data = file.path.read_bytes()
        except OSError as error:
            why = error.strerror or str(error)
            self._whole(file.shown, "unreadable", f"`{file.shown}` cannot be read", why, "make it readable")
            return None
        text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        source = self.sources[file.shown] = Source(file.shown, text.replace("\0", "\ufffd"))
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            good = data[: error.start].decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
            what = f"the byte 0x{data[error.start]:02x} is not UTF-8"
            why = "a specification file is text, encoded in UTF-8"
            self._say("encoding", _after(file.shown, good), what, why, "save the file as UTF-8")
            return source if "\ufffd" not in _without_comments(source.text) else None
        if "\0" in text:
            why = "a specification file is text; UTF-16 and binary files have such bytes"
            where = _after(file.shown, text[: text.index("\0")])
            self._say("nul-byte", where, "a zero byte", why, "save the file as UTF-8, without it")
            return source if "\0" not in _without_comments(text) else None
        return source

    def _named(self, file: _File, module: Module) -> Module:
        """The module under the name of its file: what imports it asks for that."""
        written = module.name
        wrong_file = not file.path.name.endswith(SUFFIX)
        if written.name != file.name or wrong_file:
            rename = f"rename the file to `{written.name}{SUFFIX}`"
            self._say(
                "module-name",
                written.span,
                f"the module `{written.name}` is in the file `{file.path.name}`",
                "`module NAME` is in `NAME.spec`, which is where an import looks for it",
                rename if wrong_file or not file.name.isidentifier() else f"write `module {file.name};`, or {rename}",
            )
        return replace(module, name=Name(written.span, file.name))

    def _follow(self, file: _File, module: Module) -> None:
        """Find the files that a module imports."""
        seen: set[str] = set()
        for name in module.imports:
            if name.name in seen:
                why = "one import is enough, and two say nothing more"
                self._say("duplicate-import", name.span, f"`{name.name}` is imported twice", why, "remove one of them")
                continue
            seen.add(name.name)
            if name.name == file.name:
                why = "a module sees its own items anyway, and imports form no cycle"
                self._say("import-cycle", name.span, f"`{name.name}` imports itself", why, "remove the import")
                continue
            folders = _upwards(file.path.parent, file.root.path)
            found = next((f for f in (folder / (name.name + SUFFIX) for folder in folders) if os.path.isfile(f)), None)
            if found is None:
                self._unknown(file, name, folders)
                file.incomplete = True
            else:
                file.imports.append((name, self._note(found, file.root, asked=False)))

    def _unknown(self, file: _File, name: Name, folders: Sequence[Path]) -> None:
        beside = sorted(entry for folder in folders for entry in _modules_in(folder) if entry != file.name)
        close = difflib.get_close_matches(name.name, beside, 1)
        shown = ", ".join(f"`{self._show(folder, file.root)}`" for folder in folders)
        self._say(
            "unknown-import",
            name.span,
            f"there is no module `{name.name}`",
            f"`{name.name}{SUFFIX}` is not in {shown}",
            f"write `import {close[0]};`, if that is what is meant"
            if close
            else "create it, or give a folder above it",
        )

    # --- all of them

    def result(self) -> Loaded:
        order = self._ordered(self._distinct())
        kept = {file.key for file in order}
        for file in order:
            if any(key not in kept or self.files[key].incomplete for _, key in file.imports):
                file.incomplete = True
            if file.incomplete:
                # What the missing module declares is not known, so no name of this file can be called unknown.
                self.broken.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", self.sources[file.shown].text))
        modules: list[Module] = []
        for file in order:
            assert file.module is not None
            found = tuple(name for name, key in file.imports if key in kept)
            modules.append(replace(file.module, imports=found))
        return Loaded(
            modules=tuple(modules),
            roots=frozenset(file.name for file in order if file.asked),
            sources=self.sources,
            files={file.name: file.shown for file in order},
            broken=frozenset(self.broken),
            diagnostics=tuple(sorted(set(self.report), key=lambda d: (d.span, d.code, d.what))),
        )

    def _distinct(self) -> list[_File]:
        """The files that could be read, one for each module name: the first."""
        first: dict[str, _File] = {}
        for file in self.files.values():
            if file.module is None:
                continue
            other = first.setdefault(file.name, file)
            if other is not file:
                self._say(
                    "duplicate-module",
                    file.module.name.span,
                    f"a second module `{file.name}`",
                    f"the first is in `{other.shown}`, and an obligation's id begins with the module's name",
                    "rename one of them, or give paths that reach only one",
                )
        return list(first.values())

    def _ordered(self, files: Sequence[_File]) -> list[_File]:
        """Each file after those it imports. Reports each import that closes a cycle, and leaves it out."""
        taken = {file.key for file in files}
        done: dict[str, _File] = {}
        for start in files:
            path: list[tuple[_File, deque[tuple[Name, str]]]] = []
            if start.key not in done:
                path.append((start, deque(start.imports)))
            while path:
                file, left = path[-1]
                if not left:
                    done[file.key] = file
                    path.pop()
                    continue
                name, key = left.popleft()
                around = [step.key for step, _ in path]
                if key in around:
                    circle = [step.name for step, _ in path[around.index(key) :]] + [name.name]
                    what = f"`{file.name}` imports `{name.name}`, which leads back to it"
                    why = f"imports form no cycle, and {' -> '.join(circle)} is one"
                    self._say("import-cycle", name.span, what, why, "move what both need to a module of its own")
                    file.imports.remove((name, key))
                    file.incomplete = True
                elif key in taken and key not in done:
                    path.append((self.files[key], deque(self.files[key].imports)))
        return list(done.values())

    # --- mistakes

    def _say(self, code: str, span: Span, what: str, why: str, help_: str) -> None:
        self.report.append(Diagnostic(code, span, what, why, help_))

    def _whole(self, shown: str, code: str, what: str, why: str, help_: str) -> None:
        """Report a mistake about a whole file or folder."""
        self._say(code, Span(shown, 1, 1, 1, 2), what, why, help_)


def _upwards(folder: Path, root: Path) -> list[Path]:
    """A folder and those around it, up to `root`, which is one of them."""
    return [place for place in (folder, *folder.parents) if place.is_relative_to(root)]


def _modules_in(folder: Path) -> list[str]:
    """The modules that an import could find in a folder."""
    try:
        return [name.removesuffix(SUFFIX) for name in os.listdir(folder) if name.endswith(SUFFIX)]
    except OSError:
        return []


def _without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def _after(file: str, text: str) -> Span:
    """The place of the character after `text`, with which the file begins."""
    line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return Span(file, line, column, line, column + 1)
