"""One model whose tensors and axes can be called anything, and all that its module gives: the values must not depend on the names."""

import ast
import builtins
import re

import numpy as np

import symbackprop as sbp
from symbackprop.kinds.table import in_modules

ALSO = tuple(in_modules())
SLOTS = ("X", "A", "W", "b", "s", "Y", "Z", "H", "O", "E", "J", "n", "d", "h", "c")
TENSORS = {
    "X": ("n d", "input"),
    "A": ("d", "constant"),
    "W": ("h d", "parameter"),
    "b": ("h", "parameter"),
    "s": ("", "parameter"),
    "Y": ("n c", "label"),
    "Z": ("c h", "parameter"),
}
EQUATIONS = {
    "H": "tanh((X * A) @ W.T + b)",
    "O": "H @ Z.T * s",
    "E": "softmax(O, axis=1)",
    "J": "-sum(Y * log(E)) / n + s ** 2 * sum(Z ** 2)",
}
SIZES = {"n": 5, "d": 3, "h": 2, "c": 4}


def model(new):
    """The model with the names in `new` for those of SLOTS."""
    called = {**{slot: slot for slot in SLOTS}, **new}

    def said(text):
        return re.sub(r"\b[A-Za-z]\w*\b", lambda m: called.get(m[0], m[0]), text)

    tensors = {called[k]: {"axes": said(axes), "role": role} for k, (axes, role) in TENSORS.items()}
    tensors[called["Y"]]["fact"] = said("simplex over c")
    equations = {called[k]: said(text) for k, text in EQUATIONS.items()}
    axes = {called[a]: SIZES[a] for a in "dhc"}
    return sbp.model(tensors, equations, objective=called["J"], output=called["O"], samples=called["n"], axes=axes)


def data():
    """Arrays for the tensors of TENSORS, parameters first."""
    rng = np.random.default_rng(0)
    arrays = {k: rng.standard_normal([SIZES[a] for a in axes.split()]) for k, (axes, _) in TENSORS.items()}
    arrays["Y"] = np.abs(arrays["Y"]) / np.abs(arrays["Y"]).sum(axis=1, keepdims=True)
    return arrays


def values(new=(), also=ALSO):
    """What every function of the module gives, the module's source, and what a result evaluates to."""
    new = dict(new)
    derivation = sbp.derive(model(new))
    made = sbp.generate(derivation, also=also)
    module, arrays = made.load(), data()
    module.self_check()
    p, whole = module.Parameters(*[arrays[k] for k in "WbsZ"]), [arrays[k] for k in "XAY"]
    inputs = whole[:2]
    start = module.pack(module.initialise(0))
    found = [start, module.loss(p, *whole), module.forward(p, *inputs), module.pack(module.gradients(p, *whole))]
    found.append(module.loss(p, *[a.tolist() for a in whole]))
    if also:
        found += [module.hessian(p, *whole), module.pack(module.hessian_vector_product(p, *whole, p))]
        found += [module.pack(module.gauss_newton_vector_product(p, *whole, p)), *module.per_sample_gradients(p, *whole)]
        found += [*module.jacobian(p, *inputs), module.jvp(p, *inputs, p), module.pack(module.vjp(p, *inputs, found[2]))]
        of, theta = module.as_objective(*whole), module.pack(p)
        found += [of.fun(theta), of.jac(theta), of.hess(theta), of.hessp(theta, theta)]
    given = {new.get(k, k): a for k, a in arrays.items()}
    found.append(derivation.gradient(new.get("W", "W")).evaluate(**given))
    return made.source, found


def words(source):
    """Every name that stands in a module, and all of Python's."""
    found = set(dir(builtins))
    for node in ast.walk(ast.parse(source)):
        found |= {w for w in (getattr(node, k, None) for k in ("id", "arg", "name", "attr")) if isinstance(w, str)}
    return found
