"""What a model is to who fits it: which array is X and which is y, what its outputs mean, what sizes data give its axes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr

from symbackprop.api import Model, derive, generate
from symbackprop.calculus.program import Program, Tensor
from symbackprop.code.loading import load_source
from symbackprop.code.names import arguments, code_names
from symbackprop.errors import DataError, SpecError, UnknownNameError, nearest
from symbackprop.memo import remembered

DRAWS, ENTRIES = 3, 5
"""At how many random points the meaning of outputs is decided, and along how long axes, the axis of samples aside."""


class Stated:
    """A model by what it states, as a key: two that state the same are fitted by one module."""

    def __init__(self, model: Model) -> None:
        self.model, self.text = model, repr(model.spec)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stated) and self.text == other.text


@dataclass(frozen=True)
class Roles:
    """The parts of a model: its samples axis, the tensors X, y and output, and `constants`, all other data. `source` is its module."""

    program: Program
    samples: Expr
    x: Tensor
    y: Tensor
    output: Tensor
    constants: tuple[Tensor, ...]
    source: str

    @property
    def module(self) -> Any:
        """The generated module."""
        return loaded(self.source, self.program.name)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What tensors are called in the module."""
        return arguments(self.program)

    @cached_property
    def axes(self) -> Mapping[str, str]:
        """What axes are called in the module."""
        return code_names(self.program).axes

    def along(self, tensor: Tensor) -> tuple[Expr, ...]:
        """The axes of a tensor besides that of samples."""
        return tuple(a for a in tensor.axes if a != self.samples)

    def arranged(self, tensor: Tensor, array: np.ndarray, sizes: Mapping[str, int]) -> np.ndarray:
        """Samples in rows as the tensor has them: its axes of a sample instead of one for all, and the samples where they belong."""
        shape = [size_of(a, sizes) for a in self.along(tensor)]
        return np.moveaxis(np.reshape(array, (len(array), *shape)), 0, tensor.axes.index(self.samples))

    def rows(self, tensor: Tensor, array: np.ndarray) -> np.ndarray:
        """An array of the shape of a tensor, with the samples first."""
        return np.moveaxis(array, tensor.axes.index(self.samples), 0)

    def sized(self, given: Mapping[str, int], columns: Mapping[Tensor, int]) -> dict[str, int]:
        """The sizes of all axes but that of samples: of the data, then given, then those that the model says.

        `columns` says of X and y how many numbers a sample has. Raises DataError where these do not fit, SpecError where a size lacks.
        """
        known = {str(a): k for a, k in self.program.sizes.items()} | _checked_sizes(given, self)
        for tensor, count in columns.items():
            axes = self.along(tensor)
            if len(axes) == 1 and axes[0].is_Symbol:
                name = str(axes[0])
                if name in given and given[name] != count:
                    raise DataError(f"axis '{name}' is {count} in the data, and sizes says {given[name]}", place=tensor.name)
                known[name] = count
            elif int(np.prod([size_of(a, known) for a in axes], dtype=int)) != count:
                said = " ".join(str(a) for a in axes) or "none"
                raise DataError(f"a sample of {tensor.name} has axes {said}, and the data {count} columns", place=self.program.name)
        for t in self.program.parameters:
            for a in t.axes:
                size_of(a, known)
        return known


@remembered
def loaded(source: str, name: str) -> Any:
    """A generated module, imported once."""
    return load_source(source, name)


def size_of(axis: Expr, sizes: Mapping[str, int]) -> int:
    """The size of an axis. Raises SpecError where it is not known."""
    value = axis.subs({a: sizes[str(a)] for a in axis.free_symbols if str(a) in sizes})
    if not value.is_Integer:
        lack = sorted(str(a) for a in value.free_symbols)
        raise SpecError(
            f"axis '{lack[0]}' has no size", place="sizes", fix=f'sizes={{"{lack[0]}": 16}}, or set it under [axes] of the model'
        )
    return int(value)


def _checked_sizes(given: Mapping[str, int], roles: Roles) -> dict[str, int]:
    """The sizes that a person gave. Raises SpecError for what is none."""
    known = [str(a) for a in roles.program.axes if a != roles.samples]
    for name, size in given.items():
        if name not in known:
            near = ", ".join(nearest(str(name), known) or known)
            raise UnknownNameError(f"'{name}' is no axis of {roles.program.name}", place="sizes", fix=f"one of {near}")
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise SpecError(f"the size of '{name}' is {size!r}", place="sizes", fix="give a whole number of at least 1")
    return {name: int(size) for name, size in given.items()}


@remembered
def roles_of(stated: Stated) -> Roles:
    """The parts of a model. Raises SpecError where it has no output or no loss, or where it is not plain which array is X and which y."""
    model = stated.model
    program, place = model.program, model.name
    if program.output is None:
        raise SpecError("it declares no output, so there is nothing to predict", place=place, fix='say which tensor it is: output = "O"')
    if model.spec.upstream:
        raise SpecError("it returns an array and no loss", place=place, fix="let the function return a scalar, and name its output")
    output = program.tensors[program.output]
    reaching = {t.name for t in program.needed([output.name]).leaves}
    needed = {t.name for t in program.needed([output.name, program.objective]).leaves}
    data = [t for t in program.leaves if t.role != "parameter" and t.name in needed]
    samples = _samples(program, output, [t for t in data if t.name in reaching], [t for t in data if t.name not in reaching])
    inputs = [t for t in data if samples in t.axes and t.name in reaching]
    labels = [t for t in data if samples in t.axes and t.name not in reaching]
    for what, found, why in (("input", inputs, "that the output depends on"), ("label", labels, "that only the loss depends on")):
        if len(found) != 1:
            said = ", ".join(t.name for t in found) or "none"
            raise SpecError(f"an estimator has one {what}, an array of samples {why}; the model has {said}", place=place)
    if inputs[0].role == "index":
        raise SpecError(f"{inputs[0].name} is an array of places, and columns of data are numbers", place=place, fix="look rows up before")
    for t in program.parameters:
        if any(f.tensor == t.name for f in program.facts):
            raise SpecError(f"parameter '{t.name}' has a fact, which steps of a solver would break", place=place, fix="leave the fact out")
        if samples in t.axes:
            raise SpecError(f"parameter '{t.name}' has an entry for each sample", place=place, fix="give it other axes")
    rest = tuple(t for t in data if samples not in t.axes)
    return Roles(program, samples, inputs[0], labels[0], output, rest, generate(derive(model)).source)


def _samples(program: Program, output: Tensor, inputs: list[Tensor], labels: list[Tensor]) -> Expr:
    """The axis of samples: the declared one, else the one that an input, a label and the output share. Raises SpecError without one."""
    shared = [a for a in output.axes if any(a in t.axes for t in inputs) and any(a in t.axes for t in labels)]
    found = [program.samples] if program.samples is not None else shared
    if len(found) != 1 or found[0] not in output.axes:
        said = ", ".join(str(a) for a in found) or "none"
        reason = f"the axis of samples is one of the output, of an input and of a label; there is {said}"
        raise SpecError(reason, place=program.name, fix='say which it is: samples = "n"')
    return found[0]


@remembered
def meaning(stated: Stated, zero: int | None) -> str:
    """What the output says of a label, decided by value at random points: the derivative of the loss by it is that of which link?

    "softmax", "sigmoid", "exp" or "identity": dJ/dO = a (g(O) - Y), where `g` is that function, so that g(O) is the mean of Y by the model
    (a canonical link: Nelder, Wedderburn 1972). "probability": the outputs are probabilities themselves. "": none of these.
    `zero` is the number of classifiers for "not this class", 0 or -1, and None for numbers. Raises SpecError where a larger output means
    a less likely class.
    """
    roles, model = roles_of(stated), stated.model
    slopes = generate(derive(model, wrt=[roles.output.name])).load()
    points = [_point(roles, slopes, zero, seed) for seed in range(DRAWS)]
    tests = {
        "probability": lambda O, mean: zero is not None and np.all((O >= 0) & (O <= 1)) and (O.ndim < 2 or _all_one(O)),
        "softmax": lambda O, mean: O.ndim > 1 and _same(mean, _softmax(O)),
        "sigmoid": lambda O, mean: _same(mean, 0.5 + 0.5 * np.tanh(O / 2)),
        "exp": lambda O, mean: zero is None and _same(mean, np.exp(O)),
        "identity": lambda O, mean: _same(mean, O),
    }
    found = next((name for name, test in tests.items() if all(test(O, mean) for O, mean, _ in points)), "")
    if not found and zero is not None and not sum(falls for _, _, falls in points) > 0:
        reason = f"the loss is larger where {roles.output.name} is larger at the right class"
        raise SpecError(
            reason, place=model.name, fix=f"let the output be {roles.output.name} with the other sign, or give neg_label=-1 for -1, 1"
        )
    return found


def _point(roles: Roles, slopes: Any, zero: int | None, seed: int) -> tuple[np.ndarray, np.ndarray | None, float]:
    """At a random point: the outputs, the mean of the label if the link is canonical, and how the loss falls along the right class."""
    rng = np.random.default_rng(seed)
    known = {str(a): k for a, k in roles.program.sizes.items()}
    sizes = {
        str(a): known.get(str(a), ENTRIES) if str(a) not in known or known[str(a)] > ENTRIES else known[str(a)] for a in roles.program.axes
    }
    sizes |= {str(roles.samples): 2 * ENTRIES + 1}

    def drawn(t: Tensor) -> np.ndarray:
        return rng.standard_normal([size_of(a, sizes) for a in t.axes])

    params = roles.module.Parameters(*[2 * drawn(t) for t in roles.program.parameters])
    data = {roles.names[t.name]: 0.5 + np.abs(drawn(t)) for t in roles.constants}
    data[roles.names[roles.x.name]] = drawn(roles.x)
    O = roles.rows(roles.output, np.asarray(called(roles.module.forward, params, data)))
    sides = []
    for _ in range(2):
        target, label = _labels(roles, O.shape, zero, rng)
        axes = label if roles.y.role == "index" else np.moveaxis(label, 0, roles.y.axes.index(roles.samples))
        if np.shape(axes) != tuple(size_of(a, sizes) for a in roles.y.axes):
            raise SpecError(
                f"{roles.output.name} and {roles.y.name} differ in their axes", place=roles.program.name, fix="name another output"
            )
        (slope,) = called(slopes.gradients, params, data | {roles.names[roles.y.name]: axes})
        sides.append((target, roles.rows(roles.output, np.asarray(slope))))
    (one, of_one), (two, of_two) = sides
    change, falls = one - two, float(np.sum(of_one * (0.5 - one)))
    scale = -np.vdot(change, of_one - of_two) / np.vdot(change, change)
    mean = one + of_one / scale if scale > 0 and _same(of_two - of_one, scale * change) else None
    return O, mean, falls


def _labels(roles: Roles, shape: tuple[int, ...], zero: int | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random labels, as 0 and 1 in the shape of the outputs (or numbers where there are no classes), and as the model takes them."""
    if zero is None:
        numbers = rng.uniform(0.1, 0.9, shape)
        return numbers, numbers
    if len(shape) == 1 or shape[1:] == (1,):
        target = np.zeros(shape)
        target[rng.permutation(shape[0])[: shape[0] // 2]] = 1
    else:
        target = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    if roles.y.role == "index":
        return target, np.argmax(target, axis=-1) if target.ndim > 1 else target.astype(int)
    return target, target if zero == 0 else 2 * target - 1


def called(function: Any, params: Any, data: Mapping[str, Any]) -> Any:
    """A function of a generated module, with those of the arrays that it takes; facts are not checked."""
    wanted = taken(function)
    return function(params, **{n: a for n, a in data.items() if n in wanted}, **({"check": False} if "check" in wanted else {}))


def taken(function: Any) -> tuple[str, ...]:
    """The names of the arguments of a function of a generated module."""
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _same(a: np.ndarray | None, b: np.ndarray) -> bool:
    return a is not None and np.shape(a) == np.shape(b) and bool(np.all(np.abs(a - b) <= 1e-8 * (1 + np.abs(b))))


def _all_one(O: np.ndarray) -> bool:
    return O.shape[-1] == 1 or bool(np.all(np.abs(O.sum(axis=-1) - 1) <= 1e-8))


def _softmax(O: np.ndarray) -> np.ndarray:
    powers = np.exp(O - O.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


LINKS: dict[str, Callable[[Any], Any]] = {
    "softmax": _softmax,
    "sigmoid": lambda O: 0.5 + 0.5 * np.tanh(O / 2),
    "exp": np.exp,
}
"""The mean of a label by the output of a model; of other links it is the output itself."""
