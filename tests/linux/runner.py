"""Does scenarios on the kernel that is running, each in a process of its own. The lines: `scenario.py`.

    python -I -S runner.py < SCENARIOS

It begins with what stands where in its processes, which all of them share: a line `a ADDR END` for each area, `z PAGE`
with the size of a page, and one that is empty.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from collections.abc import Callable, Sequence

LIMIT = 10
"""Seconds that a scenario may take."""

PROT = mmap.PROT_READ | mmap.PROT_WRITE
FIXED_NOREPLACE = 0x100000  # <linux/mman.h>, since Linux 4.17. An older one takes the address for a hint.
DONTNEED, NOHUGEPAGE = 4, 15
PR_SET_PDEATHSIG = 1
FAILED = ctypes.c_size_t(-1).value
WORD = ctypes.sizeof(ctypes.c_size_t)

libc = ctypes.CDLL(None, use_errno=True)


def function(name: str, *parameters: type, result: type = ctypes.c_int) -> Callable[..., int]:
    found = getattr(libc, name)
    found.argtypes, found.restype = parameters, result
    called: Callable[..., int] = found
    return called


SIZE = ctypes.c_size_t
c_mmap = function("mmap64", SIZE, SIZE, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64, result=SIZE)
SYS_MREMAP = {"x86_64": 25, "s390x": 163}.get(os.uname().machine, 216)
"""The number of the call; the C library does not hand on all of its arguments."""

c_mremap = function("syscall", ctypes.c_long, SIZE, SIZE, SIZE, ctypes.c_ulong, SIZE, result=SIZE)
c_madvise = function("madvise", SIZE, SIZE, ctypes.c_int)
c_prctl = function("prctl", ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


class Impossible(Exception):
    """A step cannot be done; the lines that say so."""


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def done(result: int, what: str) -> None:
    if result:
        raise Impossible(f"b {what}: {os.strerror(ctypes.get_errno())}")


def areas() -> list[tuple[int, int]]:
    """What is mapped: first address and end of each area, in order."""
    with open("/proc/self/maps", encoding="ascii") as file:
        ranges = (line.split(" ", 1)[0].split("-") for line in file)
        return [(int(start, 16), int(end, 16)) for start, end in ranges]


def map_(addr: int, length: int, kind: int) -> None:
    flags, file = mmap.MAP_SHARED if kind & 1 else mmap.MAP_PRIVATE, -1
    if kind & 2:
        file = os.memfd_create("scenario")
        os.ftruncate(file, length)
    else:
        flags |= mmap.MAP_ANONYMOUS
    got = c_mmap(addr, length, PROT, flags | FIXED_NOREPLACE, file, 0)
    if got != addr:
        raise Impossible(f"o {addr:x}")
    c_madvise(addr, length, NOHUGEPAGE)  # a kernel without huge pages does not know it


def touch(addr: int) -> None:
    ctypes.c_size_t.from_address(addr).value = addr
    ctypes.c_size_t.from_address(addr + mmap.PAGESIZE - WORD).value = ~addr & FAILED


def forget(addr: int, length: int) -> None:
    done(c_madvise(addr, length, DONTNEED), "madvise")


def tables() -> None:
    """Written without more memory than there was: a line of /proc/self/status."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmPTE:"))
    say(f"p {int(line.split()[1]):x}")


def remap(old_addr: int, old_len: int, new_len: int, flags: int, new_addr: int) -> None:
    got = c_mremap(SYS_MREMAP, old_addr, old_len, new_len, flags, new_addr)
    returned[:] = [] if got == FAILED else [got]
    say(f"x {ctypes.get_errno():x}" if got == FAILED else f"r {got:x}")


returned: list[int] = []
"""What mremap returned last, unless it failed."""


def held(offset: int) -> None:
    for addr in returned:
        mark = written(addr + offset)
        say(f"g {offset:x}" if mark is None else f"h {offset:x} {mark:x}")


def look(addr: int, length: int) -> None:
    at, end = addr, addr + length
    said = []
    for start, stop in areas():
        first, last = max(at, start), min(end, stop)
        if first < last:
            if at < first:
                said.append(f"u {at:x} {first - at:x}")
            said += [page(there) for there in present(first, last)]
            at = last
    if at < end:
        said.append(f"u {at:x} {end - at:x}")
    say("\n".join(said)) if said else None


def present(start: int, end: int) -> list[int]:
    """The pages of a mapped range that are present, or swapped out."""
    count = (end - start) // mmap.PAGESIZE
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as file:
            file.seek(start // mmap.PAGESIZE * 8)
            entries = memoryview(file.read(count * 8)).cast("Q")
        there = [bool(entry >> 62) for entry in entries]
    except OSError:  # not readable: then as mincore has it
        c_mincore = function("mincore", SIZE, SIZE, ctypes.c_char_p)
        bytes_ = ctypes.create_string_buffer(count)
        done(c_mincore(start, end - start, bytes_), "mincore")
        there = [bool(byte & 1) for byte in bytes_.raw]
    return [start + number * mmap.PAGESIZE for number, is_there in enumerate(there) if is_there]


def page(addr: int) -> str:
    mark = written(addr)
    return f"d {addr:x}" if mark is None else f"c {addr:x} {mark:x}"


def written(addr: int) -> int | None:
    """Where a page was written; None if it never was."""
    first = ctypes.c_size_t.from_address(addr).value
    last = ctypes.c_size_t.from_address(addr + mmap.PAGESIZE - WORD).value
    return first if last == ~first & FAILED else None


STEPS: dict[str, Callable[..., None]] = {
    "m": map_,
    "t": touch,
    "f": forget,
    "p": tables,
    "r": remap,
    "l": look,
    "h": held,
}


def scenario(steps: Sequence[Sequence[str]]) -> None:
    """In a process of its own, which ends with the one that made it."""
    c_prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.alarm(LIMIT)
    try:
        for name, *numbers in steps:
            STEPS[name](*(int(number, 16) for number in numbers))
        say("e")
    except Impossible as impossible:
        say(str(impossible))


def main() -> None:
    c_prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for start, end in areas():
        say(f"a {start:x} {end:x}")
    say(f"z {mmap.PAGESIZE:x}\n")
    steps: list[list[str]] = []
    for line in sys.stdin:
        words = line.split()
        if words[0] == "s":
            say(line.rstrip())
            steps = []
        elif words[0] != "e":
            steps.append(words)
        else:
            child = os.fork()
            if child == 0:
                try:
                    scenario(steps)
                except Exception as error:
                    say(f"b {error!r}")
                finally:
                    os._exit(0)
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                say(f"k {os.WTERMSIG(status):x}")


if __name__ == "__main__":
    main()
