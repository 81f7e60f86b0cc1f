"""The smallest arrays at which a gradient is wrong, and a script of some ten lines that shows it."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from symbackprop.backward.deriving.bench import WRONG, Bench, compared
from symbackprop.backward.deriving.differences import by_input
from symbackprop.backward.deriving.labels import squeezed
from symbackprop.backward.running.passes import Passes, Point
from symbackprop.backward.running.shapes import Shape, label_like, letters_of
from symbackprop.backward.running.slots import Slot, is_numbers
from symbackprop.verification.verdict import Counterexample, two_texts

MOST = 24
"""Points that are tried."""
HALVES = np.array([-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2])
SHORT = 3000
"""Characters of a script that is still worth printing."""


def counterexample(
    bench: Bench, slot: Slot, shaped: Mapping[str, Shape], labels: tuple[str, ...], way: str
) -> tuple[Counterexample, str] | None:
    """Where a gradient is wrong, with a script; None where no small point shows it. No number at all is shown only for want of others."""
    found = (_at(bench, slot, point) for point in _small(bench, shaped, labels, way))
    last = None
    for shown in found:
        last = shown or last
        if shown is not None and not {"nan", "inf", "-inf"} & {shown[0].left}:
            return shown
    return last


def _at(bench: Bench, slot: Slot, point: Point) -> tuple[Counterexample, str] | None:
    """What a point shows, None where the gradient is right there, or nothing runs."""
    try:
        bench.passes.prepare(point)
        bench.objective.prepare(point, 0, 1.0)
        point.up = {n: np.asarray(np.random.default_rng(2).choice(HALVES, np.shape(v))) for n, v in point.up.items()}
        ran = bench.passes.run(point)
        slope = by_input(bench.objective, point, slot.variable)
    except Exception:  # a size at which nothing runs is no counterexample
        return None
    value = slot.value(ran)
    if slope is None or value is None or slope.error > 1e-6:
        return None
    if compared(value, slope, np.asarray(point.values[slot.variable], float)) != WRONG:
        return None
    wanted = np.asarray(slope.value)
    if squeezed(value).shape != squeezed(wanted).shape:
        return Counterexample(dict(point.at), _shown(point), (), f"shape {value.shape}", f"shape {wanted.shape}"), ""
    value = value.reshape(wanted.shape)
    entry = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(value - wanted))), wanted.shape))
    left, right = two_texts(float(value[entry]), float(wanted[entry]))
    return Counterexample(dict(point.at), _shown(point), entry, left, f"{float(right):.6g}"), script(bench, slot, point, entry)


def _shown(point: Point) -> dict[str, Any]:
    return {n: v for n, v in {**point.values, **point.up}.items() if isinstance(v, np.ndarray | int | float | np.floating)}


def _small(bench: Bench, shaped: Mapping[str, Shape], labels: tuple[str, ...], way: str) -> Iterator[Point]:
    """Points of small sizes with whole numbers and halves, the smallest first."""
    drawn = {n: s for n, s in shaped.items() if n not in bench.passes.upstream}
    letters = letters_of([a for s in drawn.values() for a in s.axes])
    sizes = (
        sorted(product((1, 2, 3), repeat=len(letters)), key=lambda s: (int(np.prod(s)), s)) if len(letters) < 7 else [(2,) * len(letters)]
    )
    ends = [(2,) * len(letters), tuple(bench.points[0].at.get(x, 2) for x in letters)]
    for seed, at in enumerate([*sizes[: MOST - 2], *ends]):
        rng = np.random.default_rng(seed)
        named = dict(zip(letters, at, strict=True))
        values: dict[str, Any] = {}
        for name, shape in drawn.items():
            try:
                dims = shape.sizes(named)
            except ZeroDivisionError:
                break
            values[name] = _value(rng, dims, shape.role)
        else:
            yield Point(named, label_like(values, labels, way, seed) if way else values)


def _value(rng: np.random.Generator, dims: tuple[int, ...], role: str) -> Any:
    if any(d < 1 for d in dims):
        return np.zeros(tuple(max(d, 0) for d in dims))
    if role == "index":
        return rng.integers(0, min(2, *dims, 2) if dims else 1, dims) if dims else 0
    if role in ("one-hot", "simplex"):
        made = np.zeros(dims)
        made[..., 0] = 1
        return made
    if role == "binary":
        return rng.integers(0, 2, dims) * 1.0
    if not dims:
        return 0.5
    picked = rng.choice(HALVES, dims)
    return np.abs(picked) if role == "positive" else picked


def script(bench: Bench, slot: Slot, point: Point, entry: tuple[int, ...]) -> str:
    """A program that prints the author's entry and a difference quotient; "" for what a few lines can't say."""
    passes = bench.passes
    file = Path(passes.forward.function.__code__.co_filename)
    if passes.maker is not None or slot.home != "back" or bench.objective.rows >= 0 or file.suffix != ".py":
        return ""
    if not all(is_numbers(v) or isinstance(v, np.ndarray | int | float) for v in point.values.values()):
        return ""
    module = file.stem
    forward, backward = passes.forward.name, passes.backward.name
    names = list(dict.fromkeys([forward, backward]))
    lines = ["import numpy as np", f"from {module} import {', '.join(names)}"]
    lines += [f"{n} = {_text(v)}" for n, v in {**passes.given, **point.values, **point.up}.items()]
    call = f"{forward}({', '.join(_argument(p, passes, point) for p in passes.arguments(passes.forward) if _is_given(p, passes, point))})"
    place = "".join(f"[{key!r}]" for _, key in slot.path)
    loss = _loss(bench, call)
    if passes.is_one:
        lines.append(f"gradient = {call}{place}")
    else:
        back, before = _backward_call(passes, point, call)
        if back is None:
            return ""
        lines += before
        lines.append(f"gradient = {back}{place}")
    x = slot.variable
    at = f"[{', '.join(map(str, entry))}]" if entry else ""
    lines += [f"J = lambda {x}: {loss}", f"step = np.zeros(np.shape({x}))", f"step{at or '[()]'} = 1e-6"]
    lines.append(f"print(np.reshape(gradient, np.shape({x})){at}, (J({x} + step) - J({x} - step)) / 2e-6)")
    made = "\n".join(lines) + "\n"
    return made if len(made) <= SHORT and _shows(passes, lines) else ""


def _shows(passes: Passes, lines: Sequence[str]) -> bool:
    """Whether the lines of a script run, and print two numbers that differ."""
    printed: list[Any] = []
    known = {"np": np, "print": lambda *numbers: printed.extend(numbers)}
    known |= {of.name: of.function for of in (passes.forward, passes.backward)}
    try:
        # What stands behind its imports is our text, of names and numbers.
        FunctionType(compile("\n".join(lines[2:]), "<script>", "exec"), known)()
        value, slope = printed
        return not np.isclose(value, slope, rtol=1e-6, atol=1e-9)
    except Exception:  # what the author's functions may raise is no end to it
        return False


def _is_given(p: inspect.Parameter, passes: Passes, point: Point) -> bool:
    known = p.name in point.values or p.name in passes.given or p.name in point.up or (p.default is p.empty and p.name in point.at)
    return known or bool(passes.held(p, point.values))


def _argument(p: inspect.Parameter, passes: Passes, point: Point) -> str:
    """An argument as a call says it."""
    if p.name in {**point.values, **passes.given, **point.up}:
        value = p.name
    elif held := passes.held(p, point.values):
        value = f"dict({', '.join(f'{n}={n}' for n in held)})"
    else:
        value = str(point.at[p.name])
    return f"{p.name}={value}" if p.kind is p.KEYWORD_ONLY else value


def _loss(bench: Bench, call: str) -> str:
    """J as an expression."""
    passes, several = bench.passes, isinstance(bench.passes.run_forward(bench.points[0])[0], tuple | list)
    if passes.upstream:
        terms = [f"np.sum({call}{f'[{bench.objective.places[u]}]' if several else ''} * {u})" for u in passes.upstream]
        return " + ".join(terms)
    if not several:
        return f"np.sum({call})"
    out = passes.run_forward(bench.points[0])[0]
    k = next(k for k, v in enumerate(out) if is_numbers(v) and np.size(v) == 1)
    return f"np.sum({call}[{k}])"


def _backward_call(passes: Passes, point: Point, call: str) -> tuple[str | None, list[str]]:
    """The call of backward, and the line before it that a cache comes from; None where that can't be said in a line."""
    out = passes.run_forward(point)[0]
    cached = passes.cached(out)
    before, words = [], []
    if cached:
        if not isinstance(out, tuple):
            return None, []
        places = {n: next((k for k, v in enumerate(out) if v is value), None) for n, value in cached.items()}
        if any(k is None for k in places.values()):
            return None, []
        before = [f"saved = {call}"]
    for p in passes.arguments(passes.backward):
        if p.name in cached:
            words.append(f"saved[{places[p.name]}]")
        elif _is_given(p, passes, point):
            words.append(_argument(p, passes, point))
        elif p.default is p.empty:
            return None, []
    return f"{passes.backward.name}({', '.join(words)})", before


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"np.array({np.array2string(value, separator=', ', threshold=10**6, max_line_width=10**6).replace(chr(10), '')})"
    return repr(float(value)) if isinstance(value, np.floating) else repr(value)
