"""Shapes of arguments as strings, sizes for them at several points, and arrays of these shapes.

"n d" as everywhere; sums and products of sizes ("c*h*w m", "d+1"); roles behind the axes: "n index" (whole numbers), "n c one-hot",
"n c simplex", "n binary", "n d positive".
"""

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.errors import SpecError, VerifyError

ROLES = ("index", "one-hot", "simplex", "binary", "positive")
SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Div: operator.floordiv}
LABEL = re.compile(r"(?i)(y|t|l|labels?|targets?|y_?(true|hot|train|batch|oh)|one_?hot|t_?(true|train)|truth|expected|[a-z]*_?labels?)\Z")
"""Names that labels go by. What holds of labels alone holds under that condition, and is said so."""


@dataclass(frozen=True)
class Shape:
    """The axes of one argument, each a text, and its role, or ""."""

    axes: tuple[str, ...]
    role: str = ""

    def sizes(self, at: Mapping[str, int]) -> tuple[int, ...]:
        """The numbers that the axes are."""
        return tuple(_size(ast.parse(a, mode="eval").body, at) for a in self.axes)


def _size(node: ast.expr, at: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name():
            return at[node.id]
        case ast.BinOp() if type(node.op) in SIGNS:
            return int(SIGNS[type(node.op)](_size(node.left, at), _size(node.right, at)))
    raise SpecError(f"'{ast.unparse(node)}' is no size", place="shapes", fix='write "n d", "4 d", "c*h*w m" or "d+1"')


def unfolded(shapes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Shapes by name, those of dictionaries beside the others; and the names that each dictionary holds. Raises SpecError for one twice."""
    made: dict[str, Any] = {}
    held: dict[str, list[str]] = {}
    for name, shape in shapes.items():
        inner = shape if isinstance(shape, Mapping) else {name: shape}
        if twice := made.keys() & inner.keys():
            raise SpecError(f"{min(twice)} has two shapes", place="shapes", fix="a name stands for one array: check the passes apart")
        if inner is shape:
            held[name] = [*inner]
        made |= inner
    return made, held


def read_shapes(shapes: Mapping[str, str]) -> dict[str, Shape]:
    """The shapes by name. Raises SpecError for what is none."""
    made = {}
    for name, text in shapes.items():
        if not isinstance(text, str):
            raise SpecError(f"the shape of {name} is {text!r}", place="shapes", fix='a shape is a text: {"x": "n d"}')
        words = re.sub(r"\s*([-+*/])\s*", r"\1", text.replace(",", " ")).split()
        if tuple(words[-2:]) == ("one", "hot"):
            words[-2:] = ["one-hot"]
        role = words.pop() if words and words[-1] in ROLES else ""
        try:
            Shape(tuple(words)).sizes(dict.fromkeys(letters_of([*words]), 2))
        except (SyntaxError, KeyError) as e:
            raise SpecError(f"'{text}' is no shape", place=f"the shape of {name}", fix='write "n d", "n index" or "" for a scalar') from e
        made[name] = Shape(tuple(words), role)
    return made


def letters_of(axes: Sequence[str]) -> list[str]:
    """The names of sizes in some axes, in order."""
    return list(dict.fromkeys(w for a in axes for w in re.findall(r"[A-Za-z_]\w*", a)))


POOLS = (
    (5, 3, 2, 7, 4, 11),
    (3, 5, 7, 2, 6, 4),
    (4, 2, 3, 5, 7, 6),
    (2, 3, 4, 5, 3, 2),
    (3, 2, 2, 3, 4, 5),
    (2, 2, 3, 3, 4, 4),
    (2, 4, 5, 6, 7, 3),
    (4, 4, 6, 6, 3, 5),
    (6, 6, 6, 6, 6, 6),
    (8, 4, 8, 4, 8, 4),
    (2, 3, 8, 8, 4, 2),
)
"""Sizes for the axes in their order. The first that the functions run at are taken: three, and others where a size must be even."""
LARGEST = 130
"""Entries of an argument; sizes that make one larger come last."""


def points(shapes: Mapping[str, Shape]) -> list[dict[str, int]]:
    """Sizes to try, in order."""
    letters = letters_of([a for s in shapes.values() for a in s.axes])
    made = [dict(zip(letters, (pool * 4)[: len(letters)], strict=True)) for pool in POOLS if len(letters) <= 4 * len(pool)]
    unique = [s for k, s in enumerate(made) if s not in made[:k]]
    return sorted(unique, key=lambda at: _entries(shapes, at) > LARGEST)


def _entries(shapes: Mapping[str, Shape], at: Mapping[str, int]) -> int:
    return max((int(np.prod(s.sizes(at))) for s in shapes.values()), default=0)


PLACES = re.compile(r"(?i)(i|j|ix|idx\w*|ind(ex|ices)|ids?|places|words?|tokens?|inputs?|[xy]b|pos|neg|\w*_(idx|ids|index))\Z")
"""Names that whole numbers go by that entries are picked by."""
MASK = re.compile(r"(?i)(r|m|mask\w*|\w*_mask|keep|drop\w*|valid|rated|observed|indicator)\Z")
"""Names that masks go by."""


def draw(shapes: Mapping[str, Shape], at: Mapping[str, int], seed: int, scale: float, bound: int, kind: str = "") -> dict[str, Any]:
    """An array for each argument: numbers of both signs, scalars above 0, whole numbers below `bound`.

    `kind`: "positive" draws numbers above 0 throughout.
    """
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        sizes = shape.sizes(at)
        if any(s < 1 for s in sizes):
            raise VerifyError(f"the size of {name} is not above 0 at {dict(at)}", place="shapes", fix="write sums of sizes, as in d+1")
        made[name] = _drawn(rng, sizes, shape.role, scale, bound, kind)
    return made


def _drawn(rng: np.random.Generator, sizes: tuple[int, ...], role: str, scale: float, bound: int, kind: str) -> Any:
    if role == "index":
        return rng.integers(0, bound, sizes) if sizes else int(rng.integers(0, bound))
    if role == "binary":
        return (rng.random(sizes) < 0.5) * 1.0
    if role == "one-hot":
        return _hot(rng, sizes, -1)
    if role == "simplex":
        raw = rng.random(sizes) + 0.1
        return raw / raw.sum(-1, keepdims=True)
    if role == "positive" or kind == "positive":
        return rng.uniform(0.3, 1.7, sizes) if sizes else float(rng.uniform(0.3, 1.7))
    if not sizes:
        return float(rng.uniform(0.2, 0.9))
    return rng.normal(size=sizes) * scale


def _hot(rng: np.random.Generator, sizes: tuple[int, ...], axis: int) -> np.ndarray:
    made = np.zeros(sizes)
    if made.size:
        moved = np.moveaxis(made, axis, -1)
        for place in np.ndindex(moved.shape[:-1]):
            moved[place][rng.integers(moved.shape[-1])] = 1
    return made


def label_like(values: Mapping[str, Any], names: Sequence[str], way: str, seed: int) -> dict[str, Any]:
    """The values with labels in place of the arrays called `names`: `way` is "one-hot rows", "one-hot columns", "0 or 1" or "masked"."""
    rng = np.random.default_rng(seed + 100)
    made = dict(values)
    for name in names:
        sizes = np.shape(values[name])
        if way == "masked":
            # What a mask hides is 0, as in a table of ratings.
            mask = next((v for n, v in made.items() if MASK.match(n) and np.shape(v) == sizes and n != name), None)
            made[name] = (rng.random(sizes) < 0.5) * 1.0 if MASK.match(name) else values[name] if mask is None else values[name] * mask
        elif way == "0 or 1":
            made[name] = (rng.random(sizes) < 0.5) * 1.0
        elif sizes:
            made[name] = _hot(rng, sizes, -1 if way == "one-hot rows" or len(sizes) < 2 else 0)
    return made
