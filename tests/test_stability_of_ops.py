"""Generated code of every op that is more than a function of numbers, at inputs from 1e-30 to 1e6: values and first derivatives.

Each op's example is put to 900 digits, and so is its backward pass, with some numbers for the derivative of what comes after
it. They must be right to 1e-12 of the true value, in float32 to 1e-5; an op whose record states its `accuracy` is held to that.
"""

import inspect
import warnings
from dataclasses import replace
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from precise import NotFiniteError, values

import symbackprop.emit as emit
from symbackprop.commands.ops_page import elaborated, pulled_back
from symbackprop.derivation.reverse import gradient
from symbackprop.ops import OPS
from symbackprop.ops.examples import example
from symbackprop.stability.recognise import recognised
from symbackprop.verification.oracle.literal import size_of

POINTS = [s * x for x in (0.0, 1e-30, 1.0, 50.0, 1e3, 1e6) for s in (1, -1)]
POINTS_32 = [s * x for x in (0.0, 1e-30, 1.0, 50.0, 1e3, 1e4) for s in (1, -1)]
KINDS = ("elementwise", "statistic")
"""Kinds that test_stability puts to more points, one by one."""
NAMES = [name for name, op in OPS.items() if op.name == name and op.kind not in KINDS]
HEAVY = ("gru_cell", "lstm_cell", "conv2d", "max_pool2d", "avg_pool2d", "kron", "scaled_dot_product_attention")
"""Ops whose examples take seconds with so many digits."""
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in NAMES]
SIZES = {"p": 4, "q": 4, "t": 4, "d": 3}
"""Sizes that windows slide over, or that norms are taken along; others are 2."""


def signed(shape, size, rng):
    return size * np.round(rng.uniform(0.3, 1, shape) * rng.choice([-1, 1], shape), 2)


def shares(shape, size, rng):
    parts = rng.uniform(0.1, 1, shape)
    return parts / parts.sum(axis=-1, keepdims=True)


def listed(*values):
    return lambda shape, size, rng: np.resize(values, shape)


DRAWN = {
    "average": {"w": listed(0.3, 1.0)},
    "batch_norm": {"X": signed},
    "binary_cross_entropy": {"p": listed(1e-30, 1 - 1e-7, 0.3, 0.99), "y": listed(1.0, 0.3)},
    "binary_cross_entropy_with_logits": {"y": listed(1.0, 0.3)},
    "cross_entropy": {"O": signed, "Y": shares},
    "dropout": {"M": listed(1.0, 0.0)},
    "focal_loss": {"y": listed(1.0, 0.0)},
    "gaussian_nll_loss": {"v": lambda shape, size, rng: abs(signed(shape, size or 1, rng))},
    "hinge_loss": {"y": listed(1.0, -1.0)},
    "info_nce": {"Q": signed},
    "kl_divergence": {"p": shares, "q": shares},
    "layer_norm": {"X": signed},
    "nll_loss": {"L": lambda shape, size, rng: -abs(signed(shape, size, rng))},
}
"""What the tensors of an example are, where they aren't numbers of the size in question and of one sign (so that no sum cancels)."""


def drawn(name, tensor, shape, size, rng):
    """An array for a tensor of an op's example."""
    if tensor.role == "index":
        return rng.integers(0, 2, shape)
    if tensor.name in DRAWN.get(name, {}):
        return DRAWN[name][tensor.name](shape, size, rng)
    if tensor.name == "G":
        return np.round(rng.uniform(0.5, 1.5, shape), 3)
    if OPS[name].kind == "whole tensor" and shape == (2, 2) and tensor.name == "A":
        return size * np.array([[2.0, 0.5], [0.3, 1.0]])
    return size * np.round(rng.uniform(0.3, 1, shape), 2)


@cache
def generated(name):
    """The program of an op's example with its backward pass, and the generated functions of both by the names of what they give."""
    program, top = elaborated(example(OPS[name]), "F")
    used = set().union(*[e.uses() for e in program.equations])
    whole, wrt = pulled_back(program, top), [t.name for t in program.leaves if t.role != "index" and t.name in used]
    plain, better = gradient(whole, wrt), gradient(recognised(whole), wrt)
    functions = {}
    for made, called in ((top, top), *((plain.adjoints[w], better.adjoints[w]) for w in plain.wrt)):
        source = emit.function_source(better.program if called in better.program.tensors else plain.program, called)
        functions[made] = getattr(emit.load_source(source, "generated"), called)
    return plain.program, functions


def least(name, size):
    """The size of the value that code is held to the tolerance of, where the record says that it is not the value itself."""
    return 1.0 if "of 1" in OPS[name].accuracy else abs(size) if "largest" in OPS[name].accuracy else 0.0


def failures(name, size, dtype=np.float64, tolerance=1e-12):
    """Where a value or a derivative is not right at inputs of one size, or warns."""
    program, functions = generated(name)
    sizes = {a: SIZES.get(str(a), 2) for a in program.axes}
    rng = np.random.default_rng(5)
    arrays = {t.name: drawn(name, t, tuple(size_of(a, sizes) for a in t.axes), size, rng) for t in program.leaves}
    arrays = {k: v if v.dtype.kind == "i" else np.asarray(v, dtype) for k, v in arrays.items()}
    known = {**{str(a): k for a, k in sizes.items()}, **arrays}
    found, info = [], np.finfo(dtype)
    for made, function in functions.items():
        try:
            true = values(program.needed([made]), arrays, sizes)[made]
        except NotFiniteError:
            continue
        if any(abs(v) > float(info.max) for v in true.values()):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                value = np.asarray(function(**{k: known[k] for k in inspect.signature(function).parameters}))
            except RuntimeWarning as problem:
                found.append((made, size, str(problem)))
                continue
        for place, want in true.items():
            got = float(value[place])
            allowed = tolerance * max(abs(want), least(name, size), float(info.tiny))
            if not np.isfinite(got) or abs(mp.mpf(got) - want) > allowed:
                found.append((made, size, place, got, mp.nstr(want, 17)))
    return found


def asked(name, points, smallest):
    """The points that an op is put to: none whose square, or determinant, underflows where its record says so."""
    return [p for p in points if p == 0 or abs(p) > smallest or "underflow" not in OPS[name].accuracy]


@pytest.mark.parametrize("name", EACH)
def test_an_op_in_float64(name):
    assert [f for s in asked(name, POINTS, 1e-154) for f in failures(name, s)] == []


@pytest.mark.parametrize("name", EACH)
def test_an_op_in_float32(name):
    assert [f for s in asked(name, POINTS_32, 1e-19) for f in failures(name, s, np.float32, 1e-5)] == []


@pytest.mark.parametrize("name", ["norm", "batch_norm", "binary_cross_entropy_with_logits", "prod_others"])
def test_control_what_a_record_states_is_so(name, monkeypatch):
    unstated = {**OPS, name: replace(OPS[name], accuracy="")}
    monkeypatch.setitem(globals(), "OPS", unstated)
    assert [f for s in POINTS for f in failures(name, s)] or [f for s in POINTS_32 for f in failures(name, s, np.float32, 1e-5)]


def test_control_a_formula_that_underflows_is_seen(monkeypatch):
    monkeypatch.setitem(generated("logdet")[1], "F", lambda A: np.log(abs(A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0])))
    assert failures("logdet", 1.0, np.float32, 1e-5) == [] and failures("logdet", 1e-30, np.float32, 1e-5)
