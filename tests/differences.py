"""Derivatives of one expression against differences of NumPy's own evaluation of it: the generated code and the literal oracle, both."""

from collections.abc import Callable, Mapping

import numpy as np

from symbackprop import derivative
from symbackprop.calculus.index import axis
from symbackprop.verification.oracle.literal import evaluate

SIZES = {"n": 3, "m": 5, "p": 2, "q": 7}

NUMPY = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {
    "np": np,
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "solve": np.linalg.solve,
    "norm": np.linalg.norm,
    "pinv": np.linalg.pinv,
    "slogdet": np.linalg.slogdet,
    "eigh": lambda a: np.linalg.eigh((a + a.T) / 2),
    "matrix_power": np.linalg.matrix_power,
    "sign_of_det": lambda a: np.linalg.slogdet(a)[0],
    "eigvalsh": lambda a: np.linalg.eigvalsh((a + a.T) / 2),
    "cholesky": lambda a: np.linalg.cholesky((a + a.T) / 2),
}


def value(text: str, arrays: Mapping[str, np.ndarray], also: Mapping | None = None) -> np.ndarray:
    """What NumPy makes of the text."""
    return np.asarray(eval(text, {**NUMPY, **SIZES, **(also or {}), **arrays}), float)


def slope(function: Callable, x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The Jacobian by central differences of fourth order."""
    made = np.zeros(function(x).shape + x.shape)
    for k in np.ndindex(*x.shape):
        along = np.zeros(x.shape)
        along[k] = step
        near, far = (function(x + s * along) - function(x - s * along) for s in (1, 2))
        made[(..., *k)] = (8 * near - far) / (12 * step)
    return made


def arrays_of(shapes: Mapping[str, str], seed: int = 0, also: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
    """Arrays of both signs; a square matrix is symmetric enough to be positive definite, and not quite symmetric."""
    random = np.random.default_rng(seed)
    known = {**SIZES, **(also or {})}
    made = {}
    for name, shape in shapes.items():
        sizes = [known[w] if w in known else int(w) for w in shape.split()]
        made[name] = random.normal(size=sizes)
        if len(sizes) == 2 and sizes[0] == sizes[1]:
            made[name] = made[name] @ made[name].T + np.eye(sizes[0]) + 0.1 * random.normal(size=sizes)
    return made


def agrees(
    text: str,
    shapes: Mapping[str, str],
    wrt: str | tuple[str, str],
    *,
    given: Mapping[str, np.ndarray] | None = None,
    expected: str = "",
    also: Mapping | None = None,
    sizes: Mapping[str, int] | None = None,
) -> bool:
    """Whether the derivative of `text` (second order for two names) is that of NumPy's value of it, or of `expected`; also in LaTeX."""
    arrays = {**arrays_of(shapes, also=sizes), **(given or {})}
    names = (wrt,) if isinstance(wrt, str) else wrt
    result = derivative(text, shapes, wrt=wrt, order=len(names))

    def function(name: str, at: Mapping[str, np.ndarray]) -> Callable:
        return lambda x: value(expected or text, {**at, name: x}, also)

    if len(names) == 1:
        wanted = slope(function(names[0], arrays), arrays[names[0]])
    else:
        wanted = slope(
            lambda y: slope(function(names[0], {**arrays, names[1]: y}), {**arrays, names[1]: y}[names[0]]), arrays[names[1]], step=2e-3
        )
    leaves = {t.name: arrays[t.name] for t in result.program.leaves}
    slow = evaluate(result.program, leaves, {axis(k): v for k, v in {**SIZES, **(sizes or {})}.items()})[result.name]
    fast = result.evaluate(**arrays)
    largest = max(1.0, np.abs(wanted).max(initial=0))
    written = all(result.latex(form) and result.latex_parts(form) is not None for form in ("index", "best"))
    return written and all(a.shape == wanted.shape and np.allclose(a, wanted, rtol=0, atol=2e-5 * largest) for a in (slow, fast))
