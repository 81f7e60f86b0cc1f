"""A weight and its bias are one matrix in the Hessian where they lie together; what does not fit is still right."""

from itertools import pairwise

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.arrays import joined
from symbackprop.arrays.joined import groups, pieces
from symbackprop.derivation import second

SIZES = {"n": 7, "d": 3, "h": 5, "k": 2, "c": 4}


def model(equations, output=None, **shapes):
    """X and Y are data, Y simplex where it has c; the others parameters, in order."""
    roles = {"X": "input", "Y": "label"}
    tensors = {name: {"axes": axes, "role": roles.get(name, "parameter")} for name, axes in shapes.items()}
    return sbp.derive(sbp.model(tensors, equations, objective="J", output=output, samples="n"))


def layers(*widths, penalty=""):
    """tanh layers with squares as the loss, weights "inputs outputs"."""
    equations, shapes, last = {}, {"X": f"n {widths[0]}", "Y": f"n {widths[-1]}"}, "X"
    for k, (a, b) in enumerate(pairwise(widths), 1):
        shapes |= {f"W{k}": f"{a} {b}", f"b{k}": b}
        equations[f"A{k}"] = f"{last} @ W{k} + b{k}"
        last = f"tanh(A{k})"
    equations["J"] = f"sum((A{len(widths) - 1} - Y) ** 2) / n{penalty}"
    return model(equations, **shapes)


CASES = {
    "two layers": lambda: layers("d", "h", "c"),
    "three layers": lambda: layers("d", "h", "k", "c"),
    "a penalty of the weights": lambda: layers("d", "h", "c", penalty=" + 0.3 * sum(W1 ** 2) + 0.1 * sum(W2 ** 4)"),
    "a penalty of all": lambda: layers("d", "h", "c", penalty=" + 0.3 * sum(W1 ** 2) + 0.2 * sum(b1 ** 2) + 0.1 * sum(b2 ** 3)"),
    "a penalty of both": lambda: layers("d", "h", "c", penalty=" + 0.3 * sum((W1 * b1) ** 2)"),
    "one layer": lambda: model({"J": "sum(log(1 + exp(X @ W + b))) + 0.5 * sum(W ** 2)"}, X="n d", W="d c", b="c"),
    "outputs first": lambda: model({"J": "sum(tanh(X @ W.T + b) ** 2)"}, X="n d", W="h d", b="h"),
    "outputs first, square": lambda: model({"J": "sum(tanh(X @ W.T + b) ** 2)"}, X="n d", W="d d", b="d"),
    "no bias but of its shape": lambda: model({"J": "sum(tanh(X @ W) * v)"}, X="n d", W="d h", v="h"),
    "a scale": lambda: model({"J": "sum(tanh(X @ W * v))"}, X="n d", W="d h", v="h"),
    "a bias of another layer": lambda: model(
        {"A": "tanh(X @ W)", "J": "sum((A @ V + b) ** 3) + sum(A * u)"}, X="n d", W="d h", u="h", V="h c", b="c"
    ),
    "inputs used twice": lambda: model({"J": "sum((X @ W + b) ** 3) + sum((X ** 2) @ W)"}, X="n d", W="d c", b="c"),
    "nothing between": lambda: model({"J": "sum((X @ W) ** 3) + sum(b ** 3)"}, X="n d", W="d c", b="c"),
    "shifted inputs": lambda: model({"J": "sum((X[:, 1:] @ W + b) ** 3)"}, X="n 4", W="3 c", b="c"),
}


def hessians(d, seed):
    """The generated Hessian, and the one that the literal formulas of the blocks give."""
    module = sbp.generate(d, also=["hessian"]).load()
    rng = np.random.default_rng(seed)
    leaves = d.model.program.leaves
    arrays = {t.name: rng.standard_normal([int(a.xreplace({s: SIZES[s.name] for s in a.free_symbols})) for a in t.axes]) for t in leaves}
    names = [t.name for t in leaves if t.role == "parameter"]
    params = module.Parameters(*[arrays[n] for n in names])
    made = module.hessian(params, **{t.name: arrays[t.name] for t in leaves if t.name not in names})
    rows = []
    for a in names:
        blocks = [d.hessian(a, b) for b in names]
        parts = [r.evaluate(**{t.name: arrays[t.name] for t in r.program.leaves}, **sizes_for(r)) for r in blocks]
        rows.append(np.hstack([p.reshape(arrays[a].size, arrays[b].size) for p, b in zip(parts, names, strict=True)]))
    return made, np.vstack(rows)


def sizes_for(result):
    """Sizes that no array of a result tells."""
    told = {a for t in result.program.leaves for a in t.axes}
    return {str(a): SIZES[str(a)] for a in result.derived.program.axes if a not in told}


@pytest.mark.parametrize("name", CASES)
def test_the_matrix_is_that_of_its_blocks(name):
    made, blocks = hessians(CASES[name](), 0)
    assert np.allclose(made, blocks, rtol=1e-11, atol=1e-11 * np.abs(blocks).max())
    assert np.abs(blocks).max() > 0


@pytest.mark.parametrize("name", CASES)
def test_the_module_checks_itself(name):
    sbp.generate(CASES[name](), also=["hessian"]).load().self_check(seed=3)


def parts_of(d):
    made = second.hessian(d.derived)
    return pieces(made.derived.program, made.blocks, groups(made.derived.program, made.names))[1]


COUNTS = {"two layers": 4, "a penalty of the weights": 6, "one layer": 2, "outputs first": 3, "no bias but of its shape": 3}


@pytest.mark.parametrize("name", COUNTS)
def test_how_many_pieces_there_are(name):
    """Two layers: three blocks, and the coupling of the weights W1 and W2 by the gradient, along a diagonal."""
    assert len(parts_of(CASES[name]())) == COUNTS[name]


def test_control_a_piece_that_is_lost_is_noticed(monkeypatch):
    d = CASES["two layers"]()
    original = joined.pieces

    def fewer(program, blocks, among):
        program, made = original(program, blocks, among)
        return program, [p for p in made if not p.pattern]

    monkeypatch.setattr("symbackprop.modules.extras.pieces", fewer)
    made, blocks = hessians(d, 0)
    assert not np.allclose(made, blocks)
    with pytest.raises(AssertionError, match="hessian"):
        sbp.generate(d, also=["hessian"]).load().self_check(seed=3)
