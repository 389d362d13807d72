"""A kernel that runs, as one of the implementations: what a process can see of the specification is put to it.

scenario  what a process is to do, as data and as text; and what it saw
place     where it can stand in a process; and the reasons why it cannot be
realise   an example of a move as a scenario
calls     another call of mremap as a scenario, and what was seen of it
binding   which claims about moves a process sees, and what was seen of a move
moves     the solver's vectors of all ways to move, as moves
put       all that is put to a kernel, drawn and of vectors, and what became of it
runner    the process that does scenarios: `runner.py` here, `runner.c` in a guest
started   that process, started and listened to
here      the kernel that is running
ports     the kernels of the lab
packages  Debian's packages, fetched and unpacked
guest     a kernel of the lab, booted
"""
