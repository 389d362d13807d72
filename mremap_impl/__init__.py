"""The executable implementation of move_page_tables, in the kernel's vocabulary. Standard library only.

    words      the unsigned machine word, its wrap-around by name
    geometry   the sizes that a port fixes
    mm         the address space: entries, tables of every level, and what is handed in (allocator, hooks)
    levels     the levels of the tables, one at a time: looking, making, mapping
    step       how far one step goes: words in, words out
    mremap     move_page_tables by extents
    by_page    the earlier move_page_tables, page by page
    history    the forms that the arithmetic of a step took over the years, wrong ones too
    repair     move_page_tables by extents, a table only where an entry needs it
    unmap      a range and its tables go
    move_vma   there, and back again where a table cannot be had
    trip       to and fro

Not in this state: locks, caches and TLBs.
"""
