"""In a process of its own: a function of Python, run on numbers that nobody knows, each branch once, and on given ones.

`serve` reads one request and writes one answer, both JSON. What it runs is anybody's code, so its answer is anybody's
too: nothing of it is believed before it has been looked at, and of a way that it leaves out nothing is known.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from verify.symbolic import Absent, Ended, Number, Recorder, Truth, shown

PATHS = 2_000
"""How many runs there are at most: what they leave out is told by what they have."""

Json = dict[str, Any]

Of = dict[str, str | inspect.Parameter]
"""What each parameter of what makes something is: the quantity of that name, or nothing that is known."""


class Mistake(Exception):
    """The function cannot be loaded, or is not called as the request says; the message says why."""


def at_place(place: str) -> Callable[..., Any]:
    """What `module:name` is. Raises Mistake."""
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise Mistake(f"`{place}` is not of the form `module:name`")
    try:
        found = getattr(import_module(module), name)
    except AttributeError:
        raise Mistake(f"the module `{module}` has no `{name}`") from None
    except BaseException as error:
        raise Mistake(f"the module `{module}` cannot be imported: {_said(error)}") from None
    if not callable(found):
        raise Mistake(f"`{place}` cannot be called")
    function: Callable[..., Any] = found
    return function


def parameters(function: Callable[..., Any], place: str) -> Mapping[str, inspect.Parameter]:
    """The parameters that can be given by name. Raises Mistake."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise Mistake(f"the parameters of `{place}` cannot be told") from None
    if any(p.kind is p.POSITIONAL_ONLY for p in found.values()):
        raise Mistake(f"`{place}` has parameters that cannot be given by name")
    return {name: p for name, p in found.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


class Caller:
    """Calls the function with what stands for its parameters. Raises Mistake if nothing stands for one.

    `own`: names of the inputs that are parameters of the same name. `seen`: those that are quantities of a geometry.
    `given`: by parameter, what makes it, and which of its own parameters are not named like a quantity.
    """

    def __init__(self, request: Json) -> None:
        place: str = request["place"]
        self.function = at_place(place)
        self.own: list[str] = request["own"]
        self.seen: list[str] = request["seen"]
        self.made: dict[str, tuple[Callable[..., Any], Of]] = {}
        there = parameters(self.function, place)
        for name in self.own:
            if name not in there:
                raise Mistake(f"`{place}` has no parameter `{name}`")
        for name, parameter in there.items():
            if name in request["given"]:
                self.made[name] = self.maker(request["given"][name])
            elif name not in self.own and parameter.default is parameter.empty:
                raise Mistake(f"nothing stands for the parameter `{name}` of `{place}`")

    def maker(self, given: Json) -> tuple[Callable[..., Any], Of]:
        place: str = given["make"]
        make = at_place(place)
        called: dict[str, str] = given["called"]
        there = parameters(make, place)
        for name in called:
            if name not in there:
                raise Mistake(f"`{place}` has no parameter `{name}`")
        quantities = {name: called.get(name, name.upper()) for name in there}
        return make, {name: q if q in self.seen else there[name] for name, q in quantities.items()}

    def call(self, inputs: Mapping[str, Any], absent: Callable[[inspect.Parameter], Any]) -> Any:
        """What the function returns. `absent`: what stands for a parameter of which nothing is known."""
        arguments = {name: inputs[name] for name in self.own}
        for name, (make, of) in self.made.items():
            arguments[name] = make(**{p: inputs[q] if isinstance(q, str) else absent(q) for p, q in of.items()})
        return self.function(**arguments)

    def place(self) -> Json:
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return {"file": shown(code.co_filename), "line": code.co_firstlineno} if code else {"file": "", "line": 0}


def explore(caller: Caller, kinds: Mapping[str, str]) -> Json:
    """All runs on inputs that nobody knows, numbers or truths, the way taken first being that of what is so."""
    recorder = Recorder()
    nodes = {name: recorder.node("input", name) for name in kinds}
    inputs = {n: Truth(recorder, at, True) if kinds[n] == "bool" else Number(recorder, at) for n, at in nodes.items()}
    paths: list[Json] = []
    prefix: list[tuple[int, bool]] = []
    while True:
        recorder.begin(prefix)
        end = _end(recorder, lambda: caller.call(inputs, lambda p: Absent(recorder, p.name)))
        if (recorder.ended or ("",))[0] == "unsteady" or len(recorder.path) < len(prefix):
            return {"unsteady": True}
        paths.append({"choices": list(recorder.path), "end": end})
        prefix = list(recorder.path)
        while prefix and not prefix[-1][1]:
            prefix.pop()
        if not prefix or len(paths) == PATHS:
            return {"nodes": recorder.nodes, "paths": paths}
        prefix[-1] = (prefix[-1][0], False)


def _end(recorder: Recorder, call: Callable[[], Any]) -> Json:
    """How a run ended."""
    try:
        returned = call()
        if recorder.ended is None:
            many = [_node(recorder, v) for v in (returned if isinstance(returned, tuple) else (returned,))]
            if None in many:
                return {"odd": _kind(returned)}
            return {"returned": many if isinstance(returned, tuple) else many[0]}
    except Ended:
        pass
    except BaseException as error:
        if recorder.ended is None:
            return {"raised": _said(error)}
    kind, what = recorder.ended or ("stuck", "the run was ended by nobody knows what")
    return {kind: what}


def _node(recorder: Recorder, value: object) -> int | None:
    match value:
        case Number(at=at):
            return at
        case Truth(at=at, positive=positive):
            return at if positive else recorder.node("not", at)
        case bool():
            return recorder.node("bool", value)
        case int() if type(value) is int:
            return recorder.node("int", value)
        case _:
            return None


def run(caller: Caller, inputs: Mapping[str, Any]) -> Json:
    """What the function does with these numbers."""
    try:
        returned = caller.call(inputs, lambda p: "" if p.default is p.empty else p.default)
    except BaseException as error:
        return {"raised": _said(error)}
    many = returned if isinstance(returned, tuple) else (returned,)
    if not all(type(v) in (int, bool) for v in many):
        return {"odd": _kind(returned)}
    return {"returned": list(many) if isinstance(returned, tuple) else returned}


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_kind(v) for v in value)})"
    return "int" if isinstance(value, Number) else "bool" if isinstance(value, Truth) else type(value).__name__


def _said(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        text = ""
    return f"{type(error).__name__}: {text}"[:300].removesuffix(": ")


# --- the process ---------------------------------------------------------------------------------------------------


def answered(request: Json) -> Json:
    """The answer to a request."""
    sys.path[0] = request["root"]
    try:
        caller = Caller(request)
    except Mistake as mistake:
        return {"mistake": str(mistake)}
    answer: Json = {"place": caller.place(), "runs": [run(caller, inputs) for inputs in request["runs"]]}
    return {**answer, **(explore(caller, request["inputs"]) if request["explore"] else {})}


def serve() -> None:
    """The life of the process: one request from standard input, one answer to standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the function prints is no part of the answer
    request: Json = json.loads(sys.stdin.read())
    threading.Thread(target=_watch, args=(request["parent"],), daemon=True).start()
    json.dump(answered(request), out)
    out.close()


def _watch(parent: int) -> None:
    """End this process when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
