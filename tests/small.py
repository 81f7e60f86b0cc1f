"""Programs written by hand, and differences of them: what tests of the calculus share."""

import numpy as np

import symbackprop as sbp
from symbackprop.calculus.index import Index, axis, parse_shape
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays


def program(leaves, *equations, objective=None):
    """A program from {"X": "n d"} and (name, shape, function of the free indices -> expression) rows."""
    tensors = {name: Tensor(name, parse_shape(shape), "parameter") for name, shape in leaves.items()}
    rows = []
    for name, shape, body in equations:
        tensor = Tensor(name, parse_shape(shape))
        tensors[name] = tensor
        rows.append(Equation(tensor, tensor.indices, body(*tensor.indices)))
    return Program("small", tensors, tuple(rows), objective or rows[-1].name)


def model(tensors, **equations):
    """A model from {"X": "n d; input", "Y": "n c; label simplex over c"}, parameters where nothing is said, and its equations."""
    made = {}
    for name, said in tensors.items():
        axes, _, rest = said.partition(";")
        role, _, fact = rest.strip().partition(" ")
        made[name] = {"axes": axes, "role": role or "parameter", **({"fact": fact} if fact else {})}
    return sbp.model(tensors=made, equations=equations)


def index(label, letter):
    return Index(label, axis(letter))


def differences(p, output, wrt, arrays, step=1e-3):
    """d output / d wrt by five-point differences of the literal evaluation, output axes first."""
    x = arrays[wrt]
    columns = []
    for place in np.ndindex(x.shape):
        moved = {}
        for k in (-2, -1, 1, 2):
            y = x.copy()
            y[place] += k * step
            moved[k] = evaluate(p, {**arrays, wrt: y})[output]
        columns.append((8 * (moved[1] - moved[-1]) - (moved[2] - moved[-2])) / (12 * step))
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)


def agree(derived, name, output, wrt, seed=0, tolerance=1e-7):
    """Whether the tensor `name` of a derived program is d output / d wrt, by value."""
    arrays = random_arrays(derived.program, seed=seed)
    leaves = {t.name: arrays[t.name] for t in derived.program.leaves}
    mine = evaluate(derived.program, leaves)[name]
    theirs = differences(derived.program, output, wrt, leaves)
    return mine.shape == theirs.shape and np.allclose(mine, theirs, rtol=tolerance, atol=tolerance)
