"""Faults put into the implementation, for as long as a test runs."""

from __future__ import annotations

import inspect
import pkgutil
from functools import cache
from importlib import import_module
from types import CodeType, FunctionType, ModuleType

import pytest

import mremap_impl


def inject(patch: pytest.MonkeyPatch, module: ModuleType, text: str, fault: str) -> set[str]:
    """Puts a fault in place of a text that stands once in a module, for whoever calls the module's functions.

    Returns the names of the functions that it is in.
    """
    source = inspect.getsource(module)
    assert source.count(text) == 1, text
    faulty = ModuleType(module.__name__)
    exec(compile(source.replace(text, fault), str(module.__file__), "exec"), faulty.__dict__)
    changed = set()
    for name, function in inspect.getmembers(faulty, inspect.isfunction):
        was = functions()[name]
        if function.__module__ == module.__name__:
            if meaning(function.__code__) != meaning(was.__code__):
                changed.add(name)
            for user in package():
                if getattr(user, name, None) is was:
                    patch.setattr(user, name, function)
    return changed


def meaning(code: CodeType) -> object:
    """What a function does, wherever it stands in its file."""
    constants = [meaning(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


@cache
def functions() -> dict[str, FunctionType]:
    """All functions of the implementation, by name."""
    found: dict[str, FunctionType] = {}
    for module in package():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            assert found.setdefault(name, function) is function
    return found


def package() -> list[ModuleType]:
    names = (found.name for found in pkgutil.iter_modules(mremap_impl.__path__))
    return [import_module(f"mremap_impl.{name}") for name in names]
