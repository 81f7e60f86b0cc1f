"""The two-layer classifier as index equations, for a batch and for one sample: what the tests of notation write and read back."""

from sympy import log

from symbackprop.calculus.index import Index, axis, parse_shape
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Total
from symbackprop.ops import OPS

SIZES = {"n": 2, "d": 3, "h": 5, "c": 7, "m": 11}


def relu(x):
    return OPS["relu"].function(x)


def leaf(name, shape, role, *facts):
    return Tensor(name, parse_shape(shape), role, tuple(facts))


def two_layer(facts=True):
    r = {a: Index("r0", axis(a)) for a in "ndhc"}
    s, k = Index("r0", axis("n")), Index("r1", axis("c"))
    given = [
        leaf("X", "n d", "input"),
        leaf("Y", "n c", "label", *([Fact("simplex", "Y", 1)] if facts else [])),
        leaf("W1", "h d", "parameter"),
        leaf("b1", "h", "parameter"),
        leaf("W2", "c h", "parameter"),
        leaf("b2", "c", "parameter"),
    ]
    X, Y, W1, b1, W2, b2 = given
    H0, H, O, P, J = (Tensor(n, parse_shape(a)) for n, a in (("H0", "n h"), ("H", "n h"), ("O", "n c"), ("Yhat", "n c"), ("J", "")))
    (i, j) = H0.indices
    (p, q) = O.indices
    rows = (
        Equation(H0, (i, j), Total(X[i, r["d"]] * W1[j, r["d"]], r["d"]) + b1[j], text="X @ W1.T + b1"),
        Equation(H, (i, j), relu(H0[i, j]), text="relu(H0)"),
        Equation(O, (p, q), Total(H[p, r["h"]] * W2[q, r["h"]], r["h"]) + b2[q], text="H @ W2.T + b2"),
        Equation(P, (p, q), Call("softmax", ("O",), (("axis", 1),)), text="softmax(O, axis=-1)"),
        Equation(J, (), -Total(Y[s, k] * log(P[s, k]), s, k) / axis("n"), text="-sum(Y * log(Yhat)) / n"),
    )
    tensors = {t.name: t for t in (*given, H0, H, O, P, J)}
    return Program("two_layer", tensors, rows, "J", "O", axis("n"), {axis(a): v for a, v in (("d", 4), ("h", 5), ("c", 3))})


def one_sample():
    given = [
        leaf("x", "d", "input"),
        leaf("y", "c", "label", Fact("simplex", "y", 0)),
        leaf("W1", "m d", "parameter"),
        leaf("b1", "m", "parameter"),
        leaf("W2", "c m", "parameter"),
        leaf("b2", "c", "parameter"),
    ]
    x, y, W1, b1, W2, b2 = given
    h0, h, o, p, J = (Tensor(n, parse_shape(a)) for n, a in (("h0", "m"), ("h", "m"), ("o", "c"), ("yhat", "c"), ("J", "")))
    rd, rh, rc = (Index("r0", axis(a)) for a in "dmc")
    (j,), (k,) = h0.indices, o.indices
    rows = (
        Equation(h0, (j,), Total(W1[j, rd] * x[rd], rd) + b1[j], text="W1 @ x + b1"),
        Equation(h, (j,), relu(h0[j]), text="relu(h0)"),
        Equation(o, (k,), Total(W2[k, rh] * h[rh], rh) + b2[k], text="W2 @ h + b2"),
        Equation(p, (k,), Call("softmax", ("o",), (("axis", 0),)), text="softmax(o)"),
        Equation(J, (), -Total(y[rc] * log(p[rc]), rc), text="-sum(y * log(yhat))"),
    )
    tensors = {t.name: t for t in (*given, h0, h, o, p, J)}
    return Program("one_sample", tensors, rows, "J", "o", None, {axis(a): v for a, v in (("d", 4), ("m", 5), ("c", 3))})
