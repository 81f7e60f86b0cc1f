"""Functions of formulas: of one number, of whole arrays, and smooth ones that stand for any function that nobody defined."""

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import (
    ONE,
    Scalar,
    constant,
)

HALF = constant(0.5)


def _softplus(x: Scalar) -> Scalar:
    return s.log(ONE + s.exp(x))


def _gelu(x: Scalar) -> Scalar:
    return x * HALF * (ONE + s.erf(x * constant(2**-0.5)))


def _elu(x: Scalar) -> Scalar:
    return s.chosen(np.asarray(x.value) > 0, x, s.exp(x) - ONE)


ENTRYWISE: Mapping[str, Callable[[Scalar], Scalar]] = {
    "exp": s.exp,
    "log": s.log,
    "ln": s.log,
    "sin": s.sin,
    "cos": s.cos,
    "tan": s.tan,
    "sinh": s.sinh,
    "cosh": s.cosh,
    "tanh": s.tanh,
    "arsinh": lambda x: s.log(x + s.sqrt(x * x + ONE)),
    "artanh": lambda x: HALF * (s.log(ONE + x) - s.log(ONE - x)),
    "arcosh": lambda x: s.log(x + s.sqrt(x * x - ONE)),
    "cot": lambda x: ONE / s.tan(x),
    "sec": lambda x: ONE / s.cos(x),
    "csc": lambda x: ONE / s.sin(x),
    "coth": lambda x: ONE / s.tanh(x),
    "sech": lambda x: ONE / s.cosh(x),
    "csch": lambda x: ONE / s.sinh(x),
    "arctan": s.arctan,
    "arcsin": s.arcsin,
    "arccos": s.arccos,
    "sqrt": s.sqrt,
    "square": lambda x: x * x,
    "abs": s.absolute,
    "sign": s.sign,
    "sgn": s.sign,
    "sigmoid": s.sigmoid,
    "sigm": s.sigmoid,
    "logistic": s.sigmoid,
    "expit": s.sigmoid,
    "relu": s.relu,
    "softplus": _softplus,
    "logsigmoid": lambda x: -_softplus(-x),
    "gelu": _gelu,
    "silu": lambda x: x * s.sigmoid(x),
    "swish": lambda x: x * s.sigmoid(x),
    "mish": lambda x: x * s.tanh(_softplus(x)),
    "softsign": lambda x: x / (ONE + s.absolute(x)),
    "elu": _elu,
    "erf": s.erf,
    "erfc": lambda x: ONE - s.erf(x),
    "logit": lambda x: s.log(x) - s.log(ONE - x),
    "log1p": lambda x: s.log(ONE + x),
    "expm1": lambda x: s.exp(x) - ONE,
    "floor": lambda x: Scalar(np.floor(np.asarray(x.value) + 1e-9)),
    "step": lambda x: s.truth(np.asarray(x.value) > 0),
    "heaviside": lambda x: s.truth(np.asarray(x.value) > 0),
}
"""Of each entry for itself, by their names in small letters."""

OF_TWO: Mapping[str, Callable[[Scalar, Scalar], Scalar]] = {
    "max": s.larger,
    "maximum": s.larger,
    "min": s.smaller,
    "minimum": s.smaller,
    "leaky_relu": lambda x, a: s.chosen(np.asarray(x.value) > 0, x, a * x),
    "leakyrelu": lambda x, a: s.chosen(np.asarray(x.value) > 0, x, a * x),
    "elu": lambda x, a: s.chosen(np.asarray(x.value) > 0, x, a * (s.exp(x) - ONE)),
    "hypot": lambda x, y: s.sqrt(x * x + y * y),
}
"""Of the entries of two arrays, each with its own."""


SCALAR_VALUED = {"L", "J", "C", "E", r"\ell", "l", "Loss", "loss", "Cost", "cost", "MSE", "CE", "BCE", "NLL", "Obj", r"\mathcal{L}"}
"""Names of functions that give one number when nothing defines them."""


SQUASHED = {r"\sigma", "sigma", r"\varsigma"}
"""Names that mean the logistic function when nothing defines them."""


def softmax(a: Quantity, axis: int) -> Quantity:
    """exp over its sum along an axis."""
    if not a.shape:
        raise MisfitError("softmax of a number")
    rows = np.moveaxis(a.data, axis, -1)
    highest = [np.max(np.broadcast_arrays(*[np.asarray(x.value) for x in row]), axis=0) for row in rows.reshape(-1, rows.shape[-1])]
    shifts = np.repeat(np.array([-Scalar(h) for h in highest], dtype=object), rows.shape[-1]).reshape(rows.shape)
    powers = q.zipped(lambda x, h: s.exp(x + h), a, Quantity(np.moveaxis(shifts, -1, axis), a.row))  # nothing overflows
    data = powers.data
    rows = np.moveaxis(data, axis, -1)
    made = np.empty(rows.shape, dtype=object)
    for at in np.ndindex(*rows.shape[:-1]):
        whole = s.total(rows[at])
        for k in range(rows.shape[-1]):
            made[(*at, k)] = rows[(*at, k)] / whole
    return Quantity(np.moveaxis(made, -1, axis), a.row)


def squared_norm(a: Quantity) -> Scalar:
    """The sum of the squares."""
    return q.inner(a.data, a.data)


def anything(name: str) -> Callable[[Scalar], Scalar]:
    """A smooth function of one number that stands for any: its coefficients follow from its name."""
    a, b, c, d, e = np.random.default_rng(zlib.crc32(name.encode())).uniform(0.5, 1.3, 5)
    parts = [constant(v) for v in (a, b, c, d, 0.3 * e)]

    def apply(x: Scalar) -> Scalar:
        return parts[0] * s.sin(parts[1] * x + parts[2]) + parts[3] * x + parts[4] * x * x

    return apply


def anything_of(name: str, arguments: Sequence[Quantity]) -> Scalar:
    """A smooth number that depends on every entry of every argument, and on pairs of them."""
    rng = np.random.default_rng(zlib.crc32(f"{name}()".encode()))
    entries = [x for a in arguments for x in a.data.reshape(-1)]
    mixed = s.total(constant(w) * x for w, x in zip(rng.uniform(0.3, 1, len(entries)), entries, strict=True))
    single = s.total(
        constant(w) * anything(f"{name}{k}")(x) for k, (w, x) in enumerate(zip(rng.uniform(0.4, 1, len(entries)), entries, strict=True))
    )
    return single + constant(0.3) * mixed * mixed


def vector_of(name: str, arguments: Sequence[Quantity], size: int) -> Quantity:
    """A smooth vector that depends on every entry of every argument."""
    return q.array_of([anything_of(f"{name}[{k}]", arguments) for k in range(size)], (size,))
