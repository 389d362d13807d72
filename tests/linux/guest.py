"""A kernel of the lab, booted: it finds the runner as its first process, and the scenarios beside it."""

from __future__ import annotations

import os
import platform
import signal
import stat
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from linux.packages import Archive, NoPackages
from linux.ports import Port
from linux.scenario import BadReport, Report, Scenario
from linux.started import Machine, listen

HOST = "bookworm"
"""The suite that the emulators and compilers are of."""

SOURCE = Path(__file__).parent / "runner.c"


class NoGuest(Exception):
    """A guest did not boot, or did not get to its end; the message says how far it got."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a guest boots: the kernel, and its version, and the first process; and the folder with the emulator."""

    kernel: Path
    version: str
    init: Path
    emulator: Path


@cache
def tools(packages: tuple[str, ...]) -> Path:
    """The folder with an emulator, or with a compiler, and all that it needs. Raises NoPackages."""
    if platform.machine() != "x86_64":
        raise NoPackages(f"the emulators are those for x86-64, and this machine is {platform.machine()}")
    return Archive("amd64", HOST).closure(packages, "+".join(packages))


def built(port: Port) -> Built:
    """The kernel of a port, the runner compiled for it, and the emulator. Raises NoPackages."""
    archive = Archive(port.architecture, port.suite)
    tree, version = archive.package(archive.kernel(port.kernel))
    places = (tree.glob(f"boot/{port.image}-*"), tree.glob(f"usr/lib/modules/*/{port.image}"))
    (kernel,) = (path for found in places for path in found)
    folder = tools(port.compiler)
    init = archive.folder / "init"
    if not init.exists() or init.stat().st_mtime < SOURCE.stat().st_mtime:
        made = init.with_suffix(".new")
        words = [str(folder / "usr/bin" / port.target), "-static", "-O1", "-o", str(made), str(SOURCE)]
        environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "usr/lib/x86_64-linux-gnu")}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise NoPackages(f"{port.target}: {done.stderr.strip()[-500:]}")
        made.replace(init)
    return Built(kernel, version, init, tools(port.needs))


def archive_of(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """An archive as a kernel unpacks it (cpio, newc): by name, the mode of each file and what is in it."""
    parts: list[bytes] = []
    for number, (name, (mode, content)) in enumerate({**files, "TRAILER!!!": (0, b"")}.items()):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        parts += [head, b"\0" * (-len(head) % 4), content, b"\0" * (-len(content) % 4)]
    return b"".join(parts)


def initramfs(init: bytes, scenarios: str) -> bytes:
    """What a guest has in it, and no more."""
    executable, folder = stat.S_IFREG | 0o755, stat.S_IFDIR | 0o755
    return archive_of(
        {
            "proc": (folder, b""),
            "dev": (folder, b""),
            "init": (executable, init),
            "scenarios": (stat.S_IFREG | 0o644, scenarios.encode()),
        }
    )


def emulated(port: Port, made: Built, archive: Path) -> list[str]:
    """The command that boots a guest: no network, no screen, and nothing of the host's but the archive."""
    tree = made.emulator
    libraries = f"{tree}/usr/lib/x86_64-linux-gnu:{tree}/lib/x86_64-linux-gnu"
    words = [f"{tree}/lib64/ld-linux-x86-64.so.2", "--library-path", libraries, f"{tree}/usr/bin/{port.emulator}"]
    words += ["-L", f"{tree}/usr/share/qemu", "-L", f"{tree}/usr/share/seabios"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel", "tcg", *port.machine]
    if port.name == "riscv64":
        words += ["-bios", f"{tree}/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin"]
    said = f"console={port.console} quiet loglevel=0 norandmaps panic=-1"
    return [*words, "-kernel", str(made.kernel), "-initrd", str(archive), "-append", said]


def boot(port: Port, made: Built, scenarios: Sequence[Scenario]) -> tuple[Machine, list[Report]]:
    """What a guest sees that does these scenarios. Raises NoGuest and BadReport.

    The guest ends with this process, whatever ends it, or when its time is over.
    """
    environment = {**os.environ, "QEMU_MODULE_DIR": f"{made.emulator}/usr/lib/x86_64-linux-gnu/qemu"}
    with os.fdopen(os.memfd_create("initramfs"), "wb", buffering=0) as archive:  # so that no file can be left behind
        archive.write(initramfs(made.init.read_bytes(), "".join(s.text() for s in scenarios)))
        where = Path(f"/proc/self/fd/{archive.fileno()}")
        with subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *emulated(port, made, where)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[archive.fileno()],
        ) as guest:
            late = threading.Timer(port.seconds, _ended, [guest])
            late.start()
            try:
                assert guest.stdout is not None
                said = guest.stdout.read().decode(errors="replace").replace("\r", "")
            finally:
                late.cancel()
                _ended(guest)
    _, ready, rest = said.partition("\nready\n")
    text, over, _ = rest.rpartition("over\n")
    if not ready:
        raise NoGuest(f"{port.name} did not boot within {port.seconds} s: {said.strip()[-500:]}")
    if not over:
        raise NoGuest(f"{port.name} did not get to its end within {port.seconds} s: {rest.strip()[-500:]}")
    machine, found = listen(text)
    if [r.name for r in found] != [s.name for s in scenarios]:
        raise BadReport(f"{port.name}: of {len(scenarios)} scenarios it reported on {len(found)}")
    return machine, found


def _ended(guest: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(guest.pid, signal.SIGKILL)
