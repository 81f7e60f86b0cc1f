"""A forward pass whose tiny constants are taken as 0: 1e-7 of np.log(y + 1e-7), which people leave out of their derivations."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from symbackprop.backward.running.watched import Watched

TINY = 1e-4


def tiny_constants(forward: Watched, run: Callable[[], Any]) -> list[str]:
    """The tiny numbers in a forward pass and in the functions of its file that a run of it reaches."""
    reached: set[CodeType] = {forward.function.__code__}
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: reached.add(frame.f_code) if event == "call" else None)
    try:
        run()
    finally:
        sys.setprofile(before)
    made = []
    for function in [f for f in _functions(forward) if f.__code__ in reached]:
        numbers = [*_constants(function.__code__), *(function.__defaults__ or ())]
        if found := {c for c in numbers if isinstance(c, float) and _plain(c) != c}:
            made += [f"{c:g} in {function.__name__}" for c in sorted(found)]
    return sorted({*made})


@contextmanager
def neglected(forward: Watched) -> Iterator[None]:
    """The forward pass, and what it calls in its file, without tiny constants."""
    functions = _functions(forward)
    before = [(f, f.__code__, f.__defaults__) for f in functions]
    plain = forward.plain
    forward.plain = _without(plain)
    for f in functions:
        f.__code__ = _without(f.__code__)
        f.__defaults__ = tuple(_plain(d) for d in f.__defaults__) if f.__defaults__ else f.__defaults__
    try:
        yield
    finally:
        forward.plain = plain
        for f, code, defaults in before:
            f.__code__, f.__defaults__ = code, defaults


def _functions(forward: Watched) -> list[FunctionType]:
    """The functions and methods of the file of a pass, itself first."""
    file = forward.function.__code__.co_filename
    made: dict[int, FunctionType] = {id(forward.function): forward.function}
    for value in list(forward.function.__globals__.values()):
        for f in vars(value).values() if inspect.isclass(value) else [value]:
            if inspect.isfunction(f) and f.__code__.co_filename == file:
                made[id(f)] = f
    return list(made.values())


def _constants(code: CodeType) -> Iterator[Any]:
    for c in code.co_consts:
        if isinstance(c, CodeType):
            yield from _constants(c)
        elif isinstance(c, float):
            yield c


def _without(code: CodeType) -> CodeType:
    return code.replace(co_consts=tuple(_without(c) if isinstance(c, CodeType) else _plain(c) for c in code.co_consts))


def _plain(value: Any) -> Any:
    """0 for a number that is next to 0, 1 for one that is next to 1."""
    if not isinstance(value, float):
        return value
    return 0.0 if 0 < abs(value) < TINY else 1.0 if 0 < abs(value - 1) < TINY else value
