"""Expressions of the language evaluated by NumPy alone, on arrays, with a note of which side of each kink the values lay on."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass
class Case:
    """An expression or a model: `equations` by name, the last of them asked for, shapes, facts, sizes of axes."""

    equations: dict
    shapes: dict
    facts: dict
    sizes: dict
    seed: int
    wrt: str = ""

    @property
    def text(self):
        return self.equations[list(self.equations)[-1]]


class KinkedNumpy:
    """NumPy with functions that write down on which side of their kinks they were."""

    def __init__(self):
        self.sides = []

    def side(self, condition):
        self.sides.append(np.packbits(np.asarray(condition).ravel()).tobytes())

    def names(self):
        def kinked(function):
            def noted(x, *more):
                self.side(np.asarray(x) > 0)
                return function(np.asarray(x), *more)

            return noted

        def maximum(x, y):
            self.side(np.asarray(x) > y)
            return np.maximum(x, y)

        def minimum(x, y):
            self.side(np.asarray(x) > y)
            return np.minimum(x, y)

        def where(condition, x, y):
            self.side(condition)
            return np.where(condition, x, y)

        def relu6(x):
            self.side(np.asarray(x) > 6)
            return np.minimum(np.maximum(x, 0), 6)

        def extreme(function, position):
            def noted(x, axis=None, keepdims=False):
                self.sides.append(np.asarray(position(x, axis=axis)).tobytes())
                return function(x, axis=axis, keepdims=keepdims)

            return noted

        def softmax(x, axis=-1):
            e = np.exp(x - np.max(x, axis=axis, keepdims=True))
            return e / np.sum(e, axis=axis, keepdims=True)

        def logsumexp(x, axis=None, keepdims=False):
            return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))

        def root(function):
            def above_zero(x, **options):
                made = function(x, **options)
                if np.any(made == 0):
                    raise FloatingPointError("a root of 0 has no derivative")
                return made

            return above_zero

        scale, alpha = 1.0507009873554805, 1.6732632423543773
        plain = "tanh sin cos arctan sinh cosh exp expm1 log log1p log2 arcsin arccos tan sum mean var trace dot outer einsum diag diagonal"
        plain += " cumsum cumprod prod tril triu eye stack flip transpose swapaxes moveaxis square concatenate reshape kron pi"
        return {
            **{name: getattr(np, name) for name in plain.split()},
            "reciprocal": lambda x: 1 / x,  # of a whole number too, of which NumPy takes the whole part
            "norm": root(np.linalg.norm),
            "sqrt": root(np.sqrt),
            "std": root(np.std),
            "inv": np.linalg.inv,
            "det": np.linalg.det,
            "solve": np.linalg.solve,
            "logdet": lambda x: np.linalg.slogdet(x)[1],
            "max": extreme(np.max, np.argmax),
            "min": extreme(np.min, np.argmin),
            "erf": np.vectorize(math.erf, otypes=[float]),
            "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
            "softplus": lambda x: np.logaddexp(0, x),
            "log_sigmoid": lambda x: -np.logaddexp(0, -x),
            "gelu": lambda x: x * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))) / 2,
            "silu": lambda x: x / (1 + np.exp(-x)),
            "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
            "relu": kinked(lambda x: np.maximum(x, 0)),
            "abs": kinked(np.abs),
            "sign": kinked(np.sign),
            "leaky_relu": kinked(lambda x, a=0.01: np.where(x > 0, x, a * x)),
            "elu": kinked(lambda x, a=1.0: np.where(x > 0, x, a * np.expm1(x))),
            "selu": kinked(lambda x: scale * np.where(x > 0, x, alpha * np.expm1(x))),
            "softsign": kinked(lambda x: x / (1 + np.abs(x))),
            "relu6": kinked(relu6),
            "maximum": maximum,
            "minimum": minimum,
            "clip": lambda x, a, b: minimum(maximum(x, a), b),
            "where": where,
            "softmax": softmax,
            "log_softmax": lambda x, axis=-1: np.log(softmax(x, axis)),
            "logsumexp": logsumexp,
        }


def values(case, arrays):
    """Every equation's value by NumPy, and on which sides of the kinks it was had."""
    numpy = KinkedNumpy()
    known = {"__builtins__": {}, **numpy.names(), **case.sizes, **arrays}
    for name, text in case.equations.items():
        known[name] = np.asarray(eval(text, known), float)
    return {name: known[name] for name in case.equations}, tuple(numpy.sides)


def arrays_of(case, shift=0.0):
    """Random values for each tensor that has a shape, as its fact wants them."""
    rng = np.random.default_rng(case.seed)
    made = {}
    for name, shape in case.shapes.items():
        size = tuple(case.sizes.get(a) or int(a) for a in shape.split())
        made[name] = rng.uniform(0.3, 1.7, size) if case.facts.get(name) == "positive" else np.asarray(rng.normal(0, 0.8, size) + shift)
    return made
