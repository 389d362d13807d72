"""Ctrl-C and the like, as something to read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection


@contextmanager
def stoppable() -> Iterator[Connection]:
    """Within the block, Ctrl-C and the like are something to read from the connection; a second time, as ever."""
    reader, writer = Pipe(duplex=False)
    names = [s for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)]
    before = {s: signal.getsignal(s) for s in (getattr(signal, name) for name in names)}
    taken = {s: h for s, h in before.items() if h not in (signal.SIG_IGN, None)}

    def restore() -> None:
        for number, handler in taken.items():
            signal.signal(number, handler)

    def stop(*_: object) -> None:
        restore()
        writer.send_bytes(b"stop")

    for number in taken:
        signal.signal(number, stop)
    try:
        yield reader
    finally:
        restore()
        reader.close()
        writer.close()
