"""A kernel that runs, as one of the implementations: what a process can see of the specification is put to it.

scenario  what a process is to do, as data and as text; and what it saw
realise   an example of the specification as a scenario, or the reason why it cannot be one
runner    the process that does it: a program of its own, for the kernel that is running
started   that process, started and listened to
binding   which procedure is done how, and what of it a process sees
"""
