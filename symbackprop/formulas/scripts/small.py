"""Names at the smallest sizes with small numbers: whole ones and halves; each tensor is known with the equation it comes from."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword

import numpy as np

from symbackprop.formulas.meaning.functions import Slope
from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.names.definitions import LABELS, POINTS, POSITIVE
from symbackprop.formulas.names.evaluator import Env, Known
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.references import Pattern
from symbackprop.formulas.notation.trees import base_of
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import Scalar
from symbackprop.language.latex import nodes as n

HALVES = np.array([-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2])
ABOVE = np.array([0.5, 1, 1.5, 2])
INSIDE = np.array([0.25, 0.5, 0.75])
TAKEN = {"np", "slope", "left", "right", "sigmoid", "softmax", "step"}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor: what it is called in a script and on paper, its entries, and the equations of these: one for all, or one for each.

    `ends`: for a loss that nothing defines, what it is a function of.
    """

    name: str
    written: str
    made: Quantity
    equations: tuple[tuple[n.Node, Env], ...] = ()
    ends: tuple[Quantity, ...] = ()


class Small(Meaning):
    """Small numbers at small sizes; functions that nothing defines are tanh, and losses sums of squares."""

    def __init__(
        self, context: Context, reading: Reading, claims: Sequence[n.Node], seed: int, sizes: Mapping[str, int], pool: Sequence[int]
    ) -> None:
        self.tensors: list[Tensor] = []
        self.where: dict[Scalar, tuple[Tensor, tuple[int, ...]]] = {}
        self.summed: list[tuple[n.Node, dict[str, int]]] = []
        self.plainly: set[str] = set()
        self.losses: dict[Scalar, tuple[str, str, Sequence[Quantity]]] = {}
        super().__init__(context, reading, claims, seed, sizes)
        self.pool = list(pool)

    # Numbers.

    def drawn(self, key: str, shape: tuple[int, ...], base: str, used: int | None = None) -> np.ndarray:
        """Halves of both signs, at the last points positive ones and ones below 1; labels are quarters that sum to 1."""
        if dict(self.reading.special).get(base) is not None or self.reading.small:
            return super().drawn(key, shape, base, used)
        rng = np.random.default_rng([zlib.crc32(key.encode()), self.seed])
        values = rng.choice(HALVES, size=(*shape, POINTS))
        values[..., -POSITIVE] = rng.choice(ABOVE, size=shape)
        values[..., 1 - POSITIVE :] = rng.choice(INSIDE, size=(*shape, POSITIVE - 1))
        if base in (r"\eta", r"\alpha", r"\epsilon", r"\varepsilon") and not shape:
            values = np.abs(values)
        if self.simplex and base in LABELS and shape and max(shape) > 1:
            axis = 0 if len(shape) == 1 or (self.reading.samples == "columns" and shape[0] > 1) or shape[-1] == 1 else len(shape) - 1
            count = shape[axis] if used is None else used
            parts = np.moveaxis(values, axis, 0)
            parts[:] = 0.25
            parts[0] = 1 - 0.25 * (count - 1)
        return values

    # Functions that nothing defines.

    def smooth(self, head: n.Name, arguments: Sequence[Quantity], env: Env) -> Quantity:
        """tanh of each entry; what else it may be stays as it is."""
        if (
            len(arguments) == 1
            and base_of(head) not in f.SCALAR_VALUED
            and not self.reading.identity
            and base_of(head) not in ("P", "p", "q", "E")
        ):
            self.invent(base_of(head))
            self.plainly.add(base_of(head))
            return q.mapped(s.tanh, arguments[0])
        return super().smooth(head, arguments, env)

    def slope_of(self, head: n.Name, env: Env) -> Slope | None:
        """A name as a function of one number, or None."""
        name = head.id.lower() if head.id.isalpha() else head.id
        free = self.definition(head, env) is None and name not in f.ENTRYWISE and base_of(head) not in f.SQUASHED | f.SCALAR_VALUED
        if free and not self.reading.identity and self.is_function(head):
            self.plainly.add(base_of(head))
            return s.tanh
        return super().slope_of(head, env)

    def objective(self, name: n.Name, env: Env) -> Quantity:
        """A loss that nothing defines, noted with what it is of."""
        made = super().objective(name, env)
        if made.scalar.of and made.scalar.of[0] in self.losses:
            base, marks, ends = self.losses.pop(made.scalar.of[0])
            spelled = self.spelled(base, [m for m in marks.split(",") if m])
            self.register(Tensor(spelled, written(base, marks), made, (), tuple(ends)))
        return made

    def loss_of(self, base: str, marks: str, ends: Sequence[Quantity]) -> s.Scalar:
        """The weighted sum of the squares of the entries."""
        made = s.total(s.constant(k + 1) * x * x for a in ends for k, x in enumerate(a.data.reshape(-1)))
        self.losses[made] = base, marks, ends
        return made

    # Tensors with their equations.

    def leaf(self, base: str, found: Pattern, bindings: Mapping[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor of small numbers."""
        made = super().leaf(base, found, bindings, shape)
        if made.data.size and made.data.reshape(-1)[0].entry and made.data.reshape(-1)[0] not in self.where:
            self.register(self.tensor_of(base, found, bindings, made))
        return made

    def defined(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...] | None) -> Quantity:
        """The value of an equation, noted with it."""
        made = super().defined(e, bindings, shape)
        if e.right is not None:
            self.register(replace(self.tensor_of(e.pattern.base, e.pattern, bindings, made), equations=((e.right, dict(bindings)),)))
        return made

    def by_components(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor from an equation of its components, noted with these."""
        made = super().by_components(e, bindings, shape)
        places = [x.letter for x in e.pattern.below[-len(shape) :]] if shape else []
        if e.right is not None:
            rows = tuple((e.right, {**bindings, **{x: i + 1 for x, i in zip(places, at, strict=True)}}) for at in np.ndindex(*shape))
            self.register(
                replace(
                    self.tensor_of(e.pattern.base, e.pattern, {x: v for x, v in bindings.items() if x not in places}, made), equations=rows
                )
            )
        return made

    def tensor_of(self, base: str, found: Pattern, bindings: Mapping[str, int], made: Quantity) -> Tensor:
        """A tensor with its names."""
        marks: list[str] = []
        text = written(base, "")
        for mark, slots in (("_", found.below), ("^", found.above)):
            said = [
                str(bindings[x.letter] + x.offset) if x.letter in bindings else x.label or str(x.number)
                for x in slots
                if not x.letter or x.letter in bindings
            ]
            marks += said
            text += f"{mark}{{{' '.join(said)}}}" if said else ""
        return Tensor(self.spelled(base, marks), text, made)

    def register(self, tensor: Tensor) -> None:
        """Note a tensor and where its entries are."""
        self.tensors.append(tensor)
        for at, x in zip(np.ndindex(*tensor.made.shape), tensor.made.data.reshape(-1), strict=True):
            self.where.setdefault(x, (tensor, at))

    def spelled(self, base: str, marks: Sequence[str]) -> str:
        """A name for Python."""
        *accents, head = base.split("~")
        text = "_".join([head.lstrip("\\"), *accents, *marks])
        made = "".join(c if c.isalnum() and c.isascii() else "_" if c in "_ ," else "" for c in text).strip("_") or "a"
        made = f"a{made}" if made[0].isdigit() else made
        while iskeyword(made) or made in TAKEN or any(t.name == made for t in self.tensors):
            made += "_"
        return made

    def loop(self, node: n.Big, ranges: list, conditions: Sequence[n.Node], env: Env) -> Iterator[Quantity]:
        """The values of the body over nested ranges, the indices noted."""
        for made in super().loop(node, ranges, conditions, env):
            if not ranges:
                self.summed.append((node, dict(env)))
            yield made


def written(base: str, marks: str) -> str:
    """A name on paper."""
    *accents, head = base.split("~")
    for mark in reversed(accents):
        head = rf"\{mark}{{{head}}}"
    return head + (f"_{{{marks.strip(',')}}}" if marks else "")
