"""The system call mremap, as far as it is about page tables."""

from __future__ import annotations

from mremap_impl.mm import Mm
from mremap_impl.mremap import move_page_tables
from mremap_impl.unmap import unmap


def mremap_fixed(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """mremap with MREMAP_MAYMOVE and MREMAP_FIXED, of `len` bytes that stay as many. Returns the bytes moved.

    What stands in the new range is unmapped before, and the old range after. The ranges do not overlap, and no table is
    refused.
    """
    unmap(mm, new_addr, len, new_addr, new_addr + len)
    done = move_page_tables(mm, old_addr, new_addr, len)
    unmap(mm, old_addr, len, old_addr, old_addr + len)
    return done
