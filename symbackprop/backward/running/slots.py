"""What is differentiated, and by what: the scalar J of a forward pass, and the gradients that a backward pass gives."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.backward.running.leaves import Path, found, leaves, name_of
from symbackprop.backward.running.neglecting import neglected
from symbackprop.backward.running.pairing import GRADIENTS, KEY, PATTERNS, own_name, stems, variable_of
from symbackprop.backward.running.passes import ROWS, Passes, Point, Ran, parts_of, plainly, theirs
from symbackprop.backward.running.shapes import LABEL, Shape
from symbackprop.errors import NoGradientsError, SpecError

FIRST = re.compile(r"(?i)(x\w*|theta|w|params|beta|z|inputs?|a|scores|logits)\Z")
"""What the first argument of a function is called where its derivative is by that."""


@dataclass(frozen=True)
class Slot:
    """A gradient: its name in the author's code, its place, its variable.

    `home`: what the place is in: what backward returns ("back"), its object ("thing"), its variables ("local").
    """

    subject: str
    path: Path
    variable: str
    home: str = "back"

    def value(self, ran: Ran) -> np.ndarray | None:
        """The gradient of a run, None where there is none."""
        try:
            raw = _stands(self, ran)
            if raw is None:
                return None
            value = np.asarray(raw)
            # What is computed in few digits is compared in few.
            value = value.astype(value.dtype if value.dtype in (np.float32, np.float16) else float)
        except (KeyError, IndexError, AttributeError, TypeError, ValueError):
            return None
        if ran.rows is None:
            return value
        n = ran.rows.ndim
        if value.shape == ran.rows.shape:
            return ran.rows * value
        return np.tensordot(ran.rows, value, n) if value.shape[:n] == ran.rows.shape else value


def is_numbers(value: Any) -> bool:
    """Whether a value is an array of numbers, or a number."""
    return isinstance(value, np.ndarray | np.floating | float) and np.asarray(value).dtype.kind == "f"


class Objective:
    """J at a point: the sum of outputs times the gradients from above, else the first scalar that forward returns."""

    def __init__(self, passes: Passes, shapes: Mapping[str, Shape]) -> None:
        self.passes, self.shapes = passes, shapes
        self.places: dict[str, int | None] = {}
        self.rows = -1
        self.neglects = False

    def prepare(self, point: Point, seed: int, scale: float) -> None:
        """Find which output each gradient from above belongs to, and draw it. Raises SpecError where there is no J, or sizes differ."""
        out, _ = theirs(lambda: self.passes.run_forward(point, plainly), point.at)
        outs = list(out) if isinstance(out, tuple | list) else [out]
        arrays = [k for k, v in enumerate(outs) if is_numbers(v)]
        name = self.passes.forward.name
        if not arrays:
            raise SpecError(f"{name} returns no array of numbers", place=f"function {name}", fix="return the output, or the loss")
        if not self.passes.upstream:
            if not any(np.size(outs[k]) == 1 for k in arrays):
                self.rows = arrays[0]
                point.up[ROWS] = np.random.default_rng(seed + 3).normal(size=np.shape(outs[arrays[0]]))
            return
        names = parts_of(self.passes.forward)
        rng = np.random.default_rng(seed + 3)
        left = list(arrays)
        for up in self.passes.upstream:
            named = [k for k in left if len(names) == len(outs) and own_name(names[k]) in [*stems(up)]]
            place = (named or left or arrays)[0]
            left = [k for k in left if k != place]
            self.places[up] = place
            sizes = np.shape(outs[place])
            said = self.shapes[up].sizes(point.at) if up in self.shapes else sizes
            if [s for s in said if s > 1] != [s for s in sizes if s > 1]:
                raise SpecError(
                    f"{up} is {said}, and what {name} returns is {sizes}",
                    place="shapes",
                    fix=f"give {up} the shape of the output, or leave it out",
                )
            point.up[up] = np.asarray(rng.normal(size=sizes) * max(scale, 0.5) if sizes else rng.uniform(0.5, 1.5))

    def value(self, point: Point, out: Any) -> Any:
        """J of what forward returned."""
        outs = list(out) if isinstance(out, tuple | list) else [out]
        if self.passes.upstream:
            return sum(
                np.sum(np.asarray(outs[self.places[up] or 0]) * point.up[up].reshape(np.shape(outs[self.places[up] or 0])))
                for up in self.passes.upstream
            )
        if self.rows >= 0:
            return np.sum(np.asarray(outs[self.rows]) * point.up[ROWS])
        return next(np.sum(v) for v in outs if is_numbers(v) and np.size(v) == 1)

    def __call__(self, point: Point, hook: Callable = plainly) -> float:
        """J at a point, each value of forward passed through a hook."""
        with neglected(self.passes.forward) if self.neglects else nullcontext():
            out, _ = self.passes.run_forward(point, hook)
        return float(self.value(point, out))


def slots(passes: Passes, points: Sequence[Point], rans: Sequence[Ran], losses: Sequence[float], pairs: Mapping[str, str]) -> list[Slot]:
    """The gradients that backward gives, each with its variable. Raises SpecError where that can't be told."""
    point, ran = points[0], rans[0]
    variables = [n for n, v in point.values.items() if is_numbers(v) and n not in passes.upstream]
    named: list[tuple[str, Path, str]] = [(n, p, "back") for n, p in _returned(passes, ran) if not _is_loss(ran.back, p, losses[0], passes)]
    parts = parts_of(passes.backward)
    if isinstance(ran.back, tuple) and len(parts) == len(ran.back):
        none = [(n, (("item", k),), "back") for k, n in enumerate(parts) if ran.back[k] is None]
        named += [n for n in none if variable_of(n[0], variables)]
    if ran.thing is not None:
        named += [(f"self.{name_of(p)}", p, "thing") for p, _ in leaves(ran.thing, once=False) if name_of(p) not in passes.paths]
    if not named and not _local(points, rans, variables, ()):
        raise NoGradientsError(
            f"{passes.backward.name} returns nothing",
            place=f"function {passes.backward.name}",
            fix="return the gradients, as in return dx, dW",
        )
    made, unnamed = [], []
    for name, path, home in named:
        on_object = home == "thing"
        wanted = next((v for k, v in pairs.items() if k in (name, own_name(name))), None)
        if wanted is not None and wanted not in variables:
            matches = [v for v in variables if own_name(v) == wanted]
            if not matches:
                raise SpecError(f"{wanted} is no argument of numbers", place="pairs", fix=f"one of {', '.join(variables)}")
            wanted = matches[0]
        same_home = [v for v in variables if on_object and v.rpartition(".")[0] == name.removeprefix("self.").rpartition(".")[0]]
        if on_object and not wanted and not is_gradient_name(name):
            continue
        aliased = passes.aliases.get(variable_of(name, [*passes.aliases]), "")
        variable = (
            wanted
            or aliased
            or variable_of(name, same_home)
            or ("" if on_object and len(path) > 1 and path[-1][0] == "attribute" else variable_of(name, variables))
        )
        if variable:
            made.append(Slot(name, path, variable, home))
        elif home == "back":
            unnamed.append((name, path))
    made += _by_shape(passes, points, rans, variables, made, unnamed)
    made += _local(points, rans, variables, made)
    # Two names for one gradient, as grads["W"] and self.dW, are both judged; a name of an argument itself is none.
    if not made:
        shown = ", ".join(n for n, _, _ in named)
        fix = f'say it: pairs={{"{named[0][0]}": "{variables[0] if variables else "x"}"}}'
        raise SpecError(f"which gradient is by which argument? {shown} of {passes.backward.name}", place="pairs", fix=fix)
    return made


def check_rows(found: Sequence[Slot], points: Sequence[Point], rans: Sequence[Ran]) -> None:
    """Raise SpecError where forward returns an array and what backward gives is no derivative of each of its entries."""
    for slot in found:
        for point, ran in zip(points, rans, strict=True):
            if ran.rows is None:
                return
            shape, rows, own = np.shape(_stands(slot, ran)), ran.rows.shape, np.shape(point.values[slot.variable])
            if shape != (*rows, *own) and not shape == rows == own:
                fix = "let backward take the gradient from above, as in backward(dout, cache), or give a function that returns the loss"
                raise SpecError("forward returns no scalar, and backward takes no gradient from above", place=slot.subject, fix=fix)


def _stands(slot: Slot, ran: Ran) -> Any:
    """What stands at the place of a gradient."""
    return found(getattr(ran, slot.home), slot.path)


def _local(points: Sequence[Point], rans: Sequence[Ran], variables: Sequence[str], made: Sequence[Slot]) -> list[Slot]:
    """Gradients that stand in variables alone, as where parameters are updated in place; of what no other gradient is by."""
    covered = {s.variable for s in made}
    found_ = {}
    for name, value in rans[0].local.items():
        variable = variable_of(name, variables) if name.isidentifier() and is_numbers(value) and name not in variables else ""
        slot = Slot(name, (("item", name),), variable, "local")
        if variable and variable not in covered and _fits(slot, points, rans):
            found_[variable] = slot
    return list(found_.values())


def _fits(slot: Slot, points: Sequence[Point], rans: Sequence[Ran]) -> bool:
    """Whether a gradient has the shape of its variable at every point."""
    values = [slot.value(r) for r in rans]
    shapes = [np.squeeze(p.values[slot.variable]).shape for p in points]
    return all(a is not None and np.squeeze(a).shape == s for a, s in zip(values, shapes, strict=True))


def is_gradient_name(name: str) -> bool:
    """Whether an array of an object bears the name of a gradient, or stands in a collection of gradients: self.dW, self.grads['W']."""
    if KEY.search(name):
        return GRADIENTS.search(name.rpartition("[")[0]) is not None or KEY.search(name)[1][0] in "dg"  # type: ignore[index]
    return any(p.match(own_name(name)) for p in PATTERNS)


def _is_loss(back: Any, path: Path, loss: float, passes: Passes) -> bool:
    """Whether a part of what is returned is the loss itself."""
    value = found(back, path)
    alone = np.size(value) == 1 and np.ndim(value) <= 2
    first = passes.is_one or not path or path[0] == ("item", 0)
    return alone and first and not passes.upstream and bool(np.isclose(float(np.sum(value)), loss))


def _returned(passes: Passes, ran: Ran) -> list[tuple[str, Path]]:
    """The arrays in what backward returned, by the names that its source gives them."""
    parts = parts_of(passes.backward)
    made = []
    for path, _ in leaves(ran.back, once=False):
        if isinstance(ran.back, tuple | list) and path:
            head = parts[path[0][1]] if len(parts) == len(ran.back) else f"result[{path[0][1]}]"
            rest = path[1:]
        else:
            head, rest = (parts[0] if len(parts) == 1 and not path else parts[0] if parts and parts[0].isidentifier() else "result"), path
        tail = name_of(rest)
        made.append((f"{head}{tail}" if tail.startswith("[") or not tail else f"{head}.{tail}", path))
    return made


def _by_shape(
    passes: Passes,
    points: Sequence[Point],
    rans: Sequence[Ran],
    variables: Sequence[str],
    made: Sequence[Slot],
    unnamed: Sequence[tuple[str, Path]],
) -> list[Slot]:
    """Gradients whose names say nothing: the only argument left of that shape, or arguments in their order where as many are left."""
    left = [v for v in variables if v not in {s.variable for s in made}]
    as_many = len(unnamed) == len(left) and not isinstance(rans[0].back, dict)
    if as_many and all(_fits(Slot("", p, v), points, rans) for (_, p), v in zip(unnamed, left, strict=True)):
        return [Slot(name, path, v) for (name, path), v in zip(unnamed, left, strict=True)]
    found_: list[Slot] = []
    for name, path in unnamed:
        can = [v for v in left if _fits(Slot("", path, v), points, rans)]
        # Nobody differentiates by labels where something else may be meant; the first argument is what a function is of.
        can = [v for v in can if not LABEL.match(v)] or can
        if len(can) == 1 or (can and len(unnamed) == 1 and not made and can[0] == variables[0] and FIRST.match(can[0])):
            found_.append(Slot(name, path, can[0]))
    return found_
