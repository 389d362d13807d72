"""The executable implementation of move_page_tables, in the kernel's vocabulary. Standard library only.

    words      the unsigned machine word, its wrap-around by name
    geometry   the sizes that a port fixes
    mm         the address space: entries, pte tables, and what is handed in (allocator, hooks)
    step       how far one step goes: words in, words out
    mremap     move_page_tables by extents
    by_page    the earlier move_page_tables, page by page

Not in this state: locks, kmaps, caches and TLBs, and the table levels above the pmd.
"""
