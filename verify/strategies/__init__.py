"""Inputs for tests, generated from contracts. The only place in `verify` where hypothesis is met.

conditions  what a contract asks, as conjuncts with every define unfolded
settled     the same on one geometry, where its params alone decide some
candidates  numbers at which something may happen
scalars     arguments and states that are no maps
maps        maps and sets
geometries  geometries, with a name and without
hooks       uninterpreted defines
examples    all of that together: what a test asks for
"""
