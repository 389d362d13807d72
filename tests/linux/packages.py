"""Debian's packages, fetched and unpacked into a folder. Nothing is installed on the machine; downloads are kept.

apt and dpkg do it, with states and lists of their own: what they think is installed is nothing at all, so what a
package needs comes with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
FRESH = 86_400
"""Seconds for which the lists of packages are taken to be so still."""

FETCHING = 900
"""Seconds that one fetch may take."""


class NoPackages(Exception):
    """A package cannot be had; the message says why."""


def cache() -> Path:
    """Where downloads are kept, and what is unpacked of them."""
    return user_cache_path("mremap-verify") / "lab"


@dataclass(frozen=True, slots=True)
class Archive:
    """Debian's packages for an architecture, of a suite such as `bookworm`."""

    architecture: str
    suite: str

    @property
    def folder(self) -> Path:
        return cache() / f"{self.suite}-{self.architecture}"

    def closure(self, names: Sequence[str], title: str) -> Path:
        """The folder with these packages unpacked, and with all that they need. Raises NoPackages."""
        tree = self.folder / title
        if not (tree / ".complete").exists():
            archives = self.folder / f"{title}-archives"
            (archives / "partial").mkdir(parents=True, exist_ok=True)
            self._apt("install", "--download-only", "--yes", "-o", f"Dir::Cache::archives={archives}", *names)
            self._unpack(sorted(archives.glob("*.deb")), tree)
        return tree

    def package(self, name: str) -> tuple[Path, str]:
        """The folder with one package unpacked, without what it needs, and its version. Raises NoPackages."""
        version = self._version(name)
        tree = self.folder / f"{name}_{version.replace(':', '%3a')}"
        if not (tree / ".complete").exists():
            archives = self.folder / "archives"
            archives.mkdir(parents=True, exist_ok=True)
            self._apt("download", name, folder=archives)
            found = sorted(archives.glob(f"{name}_{version.replace(':', '%3a')}_*.deb"))
            self._unpack(found[:1], tree)
        return tree, version

    def kernel(self, name: str) -> str:
        """The package with the kernel that one such as `linux-image-amd64` stands for: the image that it depends on, or
        what that has the kernel from. Raises NoPackages."""
        image = next((one for one in self._depends(name) if one.startswith("linux-image-")), None)
        if image is None:
            raise NoPackages(f"{name} of {self.suite} depends on no kernel")
        return next((one for one in self._depends(image) if one.startswith("linux-binary-")), image)

    def _depends(self, name: str) -> list[str]:
        said = self._run("apt-cache", "depends", "--no-recommends", "--no-suggests", name)
        return [line.split()[-1] for line in said.splitlines() if line.strip().startswith("Depends:")]

    def _version(self, name: str) -> str:
        said = self._run("apt-cache", "show", "--no-all-versions", name)
        return next(line.split()[1] for line in said.splitlines() if line.startswith("Version:"))

    def _unpack(self, archives: Sequence[Path], tree: Path) -> None:
        """All of it, or nothing that anyone would take for all of it."""
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        for archive in archives:
            _done(["dpkg", "-x", str(archive), str(tree)], tree)
        (tree / ".complete").touch()

    def _apt(self, *words: str, folder: Path | None = None) -> None:
        self._run("apt-get", *words, folder=folder)

    def _run(self, tool: str, *words: str, folder: Path | None = None) -> str:
        state = self.folder / "state"
        options = self._options(state)
        updated = state / "updated"
        if not updated.exists() or updated.stat().st_mtime < time.time() - FRESH:
            for part in ("lists/partial", "cache/archives/partial", "sources.d", "preferences.d", "conf.d"):
                (state / part).mkdir(parents=True, exist_ok=True)
            (state / "status").touch()
            (state / "sources").write_text(f"deb [signed-by={KEYRING}] {_uri()} {self.suite} main\n", encoding="ascii")
            _done(["apt-get", *options, "update"], state)
            updated.touch()
        return _done([tool, *options, *words], folder or state)

    def _options(self, state: Path) -> list[str]:
        said = {
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Dir::State": state,
            "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache",
            "Dir::Etc::sourcelist": state / "sources",
            "Dir::Etc::sourceparts": state / "sources.d",
            "Dir::Etc::preferencesparts": state / "preferences.d",
        }
        return [word for name, value in said.items() for word in ("-o", f"{name}={value}")]


def _uri() -> str:
    """Where the machine itself gets Debian's packages from. Raises NoPackages."""
    said = _done(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], Path("/"))
    found = [uri for uri in said.split() if uri.rstrip("/").endswith("/debian")]
    if not found:
        raise NoPackages("this machine gets no packages from Debian")
    return found[0]


def _done(words: Sequence[str], folder: Path) -> str:
    """What a command prints. Raises NoPackages with the end of what it said, if it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCHING,
            check=False,
        )
    except FileNotFoundError as error:
        raise NoPackages(f"there is no {words[0]} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise NoPackages(f"{words[0]} had not ended after {FETCHING} s") from error
    if done.returncode:
        raise NoPackages(f"{words[0]} {words[-1]}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
