"""The branch that a condition does not take is never looked at, in the objective and in its gradient, however the condition is put."""

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.brackets import covers, either, is_mask
from symbackprop.calculus.term import Entry, NonNegative, Positive
from symbackprop.derivation.masks import Masks
from symbackprop.rewriting import guard

X, Y = np.array([0.0, 1.3, -0.7, 0.0, 0.6]), np.array([0.4, -0.8, 1.1, 0.0, 0.9])
POINTS = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 1.5]])
PLACE = np.arange(5)

OF_ENTRIES = {
    "x != 0": X != 0,
    "~(x == 0)": X != 0,
    "(x > 0) | (x < -0.5)": X != 0,
    "x * y != 0": X * Y != 0,
    "(x != 0) & (y < 5)": X != 0,
    "(arange(n) != 2) & (x > 0)": (PLACE != 2) & (X > 0),
    "~((x <= 0) | (y <= 0))": (X > 0) & (Y > 0),
    "abs(x) > 0.1": np.abs(X) > 0.1,
    "abs(x) > 0": X != 0,
}
BRANCHES = {
    "y / x": lambda x, y: y / x,
    "sin(x) / x": lambda x, y: np.sin(x) / x,
    "exp(-1 / x**2)": lambda x, y: np.exp(-1 / x**2),
    "log(abs(x)) * y": lambda x, y: np.log(np.abs(x)) * y,
}
OF_PLACES = {
    "arange(n)[:, None] < arange(n)": np.triu(np.ones((4, 4)), 1),
    "arange(n)[:, None] != arange(n)": 1 - np.eye(4),
    "~(arange(n)[:, None] == arange(n))": 1 - np.eye(4),
    "eye(n) == 0": 1 - np.eye(4),
    "1 - eye(n) > 0": 1 - np.eye(4),
    "D > 0": 1 - np.eye(4),
    "(arange(n)[:, None] < arange(n)) & (D != 0)": np.triu(np.ones((4, 4)), 1),
}
OF_DISTANCES = {"1 / D": lambda d: 1 / d, "log(D)": np.log, "D * log(D)": lambda d: d * np.log(d), "D**-6 - D**-3": lambda d: d**-6 - d**-3}


def slope(f, x, h=1e-6):
    made = np.zeros_like(x)
    for at in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[at] = h
        made[at] = (f(x + step) - f(x - step)) / (2 * h)
    return made


def compared(tensors, equations, reference, **arrays):
    """The module against a reference that never looks at the other branch; without a warning where no branch has a name."""
    model = sbp.model(tensors={n: {"axes": a, "role": "parameter"} for n, a in tensors.items()}, equations=equations)
    module = sbp.generate(sbp.derive(model)).load()
    with np.errstate(all="ignore" if "B" in equations else "raise"):
        loss, gradients = module.loss_and_gradients(module.Parameters(**arrays))
    assert np.isclose(loss, reference(**arrays))
    for name, value in arrays.items():
        wanted = slope(lambda v, name=name: reference(**{**arrays, name: v}), value)
        assert np.allclose(getattr(gradients, name), wanted, 1e-5, 1e-5), name


def forms(condition, branch, other):
    """One model in place, with the branch named, and with both named."""
    weighed = "sum({} * (arange(n) + 1)) + 0 * sum(x * y)"
    yield {"J": weighed.format(f"where({condition}, {branch}, {other})**2")}
    yield {"B": branch, "J": weighed.format(f"where({condition}, B, {other})**2")}
    yield {
        "z": "1.0 * x",
        "B": branch.replace("x", "z").replace("ezp", "exp"),
        "F": f"where({condition}, B * 1.0, {other})",
        "J": weighed.format("F**2"),
    }


@pytest.mark.parametrize("condition", OF_ENTRIES)
def test_a_condition_on_entries(condition):
    mask = OF_ENTRIES[condition]
    for k, (branch, f) in enumerate(BRANCHES.items()):
        other, g = (("0", lambda x, y: 0 * x), ("x * y", lambda x, y: x * y))[k % 2]

        def reference(x, y, f=f, g=g):
            return np.sum(np.where(mask, f(np.where(mask, x, 0.7), np.where(mask, y, 0.3)), g(x, y)) ** 2 * (PLACE + 1))

        for equations in list(forms(condition, branch, other))[k % 3 :: 2]:
            compared({"x": "n", "y": "n"}, equations, reference, x=X, y=Y)


@pytest.mark.parametrize("named", [{}, {"B": "(exp(x) - 1) / x"}, {"B": "(exp(x) - 1) / x", "F": "where(x != 0, B, 1)"}])
def test_a_removed_gap_has_the_limit_of_its_slopes(named):
    J = f"sum({'F' if 'F' in named else 'where(x != 0, B, 1)' if named else 'where(x != 0, (exp(x) - 1) / x, 1)'}**2)"
    module = sbp.generate(sbp.derive(sbp.model({"x": {"axes": "n", "role": "parameter"}}, {**named, "J": J}))).load()
    with np.errstate(all="ignore"):
        assert np.allclose(module.gradients(module.Parameters(np.array([0.0, 1.0]))).x, [1, 2 * (np.e - 1)])


@pytest.mark.parametrize("condition", OF_PLACES)
def test_a_condition_on_places_and_distances(condition):
    distance = "norm(X[:, None, :] - X[None, :, :], axis=-1)"
    for k, (branch, f) in enumerate(OF_DISTANCES.items()):

        def reference(X, f=f):
            squares = np.where(OF_PLACES[condition], ((X[:, None] - X) ** 2).sum(-1), 1.3)
            return np.sum(OF_PLACES[condition] * f(np.sqrt(squares)))

        named = {"D": distance, "J": f"sum(where({condition}, {branch}, 0))"}
        apart = {"D": distance, "B": branch, "J": f"sum(where({condition}, B, 0))"}
        compared({"X": "n d"}, (named, apart)[k % 2], reference, X=POINTS)


@pytest.mark.parametrize("branch", ["1 / D", "log(D)"])
def test_a_triangle_of_distances(branch):
    def reference(X):
        return np.triu(OF_DISTANCES[branch](np.sqrt(((X[:, None] - X) ** 2).sum(-1) + np.eye(4))), 1).sum()

    compared({"X": "n d"}, {"D": "norm(X[:, None, :] - X[None, :, :], axis=-1)", "J": f"sum(triu({branch}, 1))"}, reference, X=POINTS)


def test_conditions_inside_conditions_and_one_mask_for_whole_rows():
    inner = "where(x > 0, where(x > 1, log(x - 1), sqrt(x)), where(x < -0.5, log(-x - 0.5), 1))"
    value = sbp.derivative(f"sum({inner})", {"x": "n"}, "x").evaluate
    x = np.array([-2.0, -0.2, 0.25, 3.0])
    assert np.allclose(value(x=x), [1 / (x[0] + 0.5), 0, 1, 0.5])
    r = "norm(A, axis=1, keepdims=True)"
    rows = sbp.derivative(f"sum(where({r} > 0, A / {r}, 0) * (arange(n) + 1))", {"A": "m n"}, "A").evaluate
    assert np.allclose(rows(A=np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [-8 / 125, 6 / 125]])
    shares = sbp.derivative("sum(where(A > 0, A / c[:, None], 0) * A)", {"A": "m n", "c": "m"}, "A").evaluate
    with np.errstate(divide="ignore"):  # 1 / c is worked out once for a row
        assert np.allclose(shares(A=np.array([[-1.0, 0.0], [3.0, -4.0]]), c=np.array([0.0, 2.0])), [[0, 0], [3, 0]])


def test_a_named_adjoint_keeps_its_condition_where_that_matters_alone():
    tensors = {"x": {"axes": "n", "role": "parameter"}}
    kept = sbp.derive(sbp.model(tensors, {"B": "1 / x", "F": "where(x > 0, B, 0)", "J": "sum(exp(F) * F)"}))
    assert kept.gradient("x").equation.rhs.has(Positive)
    plain = sbp.derive(sbp.model(tensors, {"B": "2 * x**3", "F": "where(x > 0, B, 0)", "J": "sum(exp(F) * F)"}))
    assert not plain.gradient("x").equation.rhs.has(Positive)


def test_one_of_several_masks_is_0_or_1():
    a, b = Positive(Entry("x")), Positive(-Entry("x"))
    c = NonNegative(Entry("y"))
    assert either([a, b]) == a + b and either([a, a * c]) == a and either([a + b, a, b]) == a + b and either([2 * a + 3 * b]) == a + b
    assert either([a, c]).xreplace({a: 1, c: 1}) == 1 and either([a, NonNegative(-Entry("x"))]) == 1
    assert covers([a, NonNegative(-Entry("x"))]) and not covers([a, b]) and is_mask(1 - a * c) and not is_mask(a * Entry("x"))


@pytest.mark.parametrize("broken", ["masks", "guards"])
def test_control_without_its_guards_the_other_branch_is_seen(broken, monkeypatch):
    if broken == "masks":
        monkeypatch.setattr(Masks, "beside", lambda self, said, local: said)
        monkeypatch.setattr(guard, "Shadows", lambda equations: {})
    else:
        monkeypatch.setattr(guard, "_beside", lambda f, mask, risky, room: f)
    equations = list(forms("x != 0", "y / x", "0"))[2 if broken == "masks" else 0]
    with pytest.raises((AssertionError, FloatingPointError)):
        compared(
            {"x": "n", "y": "n"}, equations, lambda x, y: np.sum(np.divide(y, x, where=X != 0, out=0 * x) ** 2 * (PLACE + 1)), x=X, y=Y
        )


@pytest.mark.parametrize("branch", ["/ z", "* log(z)"])
def test_conditions_of_two_signs_do_not_cancel(branch):
    """Where x <= 0 and y > 0 the masks of the two terms are -1 and 1, and there is a value."""
    one, other = "(where(x > 0, 1, 0) - where(y > 0, 1, 0))", "where(y > 0, 1, 0)"
    compared(
        {"x": "n", "y": "n", "z": "n", "a": "n", "b": "n"},
        {"J": f"sum(({one} * a + {other} * b) {branch})"},
        lambda x, y, z, a, b: np.sum((((x > 0) - 1.0 * (y > 0)) * a + (y > 0) * b) * (1 / z if branch == "/ z" else np.log(z))),
        x=np.array([0.5, 1.3, -0.7, -0.2]),
        y=np.array([0.6, -0.1, 1.1, -0.9]),
        z=np.array([0.4, 1.2, 0.7, 1.9]),
        a=np.array([1.7, 0.2, -0.5, 0.8]),
        b=np.array([-0.3, 1.2, 0.9, 2.1]),
    )


def test_a_branch_over_fewer_places_than_its_condition():
    compared(
        {"x": "n", "W": "n n"},
        {"A": "where(tril(ones((n, n)), -1) > 0, 1 / x[:, None], 0)", "J": "sum(A * W)"},
        lambda x, W: sum(W[i, j] / x[i] for i in range(3) for j in range(i)),
        x=np.array([0.5, 1.3, -0.7]),
        W=np.arange(9.0).reshape(3, 3),
    )
    model = sbp.model(
        tensors={"x": {"axes": "n", "role": "parameter"}},
        equations={"A": "where(triu(ones((n, n)), 1) > 0, log(x)[:, None], 0)", "J": "sum(A)"},
    )
    module = sbp.generate(sbp.derive(model)).load()
    with np.errstate(all="ignore"):
        assert module.loss(module.Parameters(np.array([1.0, 2.0, 0.0]))) == np.log(2)


def test_a_condition_and_a_branch_over_different_axes():
    tensors = {"x": {"axes": "n", "role": "parameter"}, "y": {"axes": "m", "role": "parameter"}}
    result = sbp.derive(sbp.model(tensors=tensors, equations={"A": "where(x[:, None] > 0, log(y), 0)", "J": "sum(A ** 2)"}))
    module = sbp.generate(result).load()
    with np.errstate(all="ignore"):
        assert module.loss(module.Parameters(np.array([-1.0, -2.0, -1.0]), np.array([0.0, 1.0]))) == 0


def test_a_branch_read_beyond_its_axis_keeps_its_condition_on_places():
    """The condition says where x may be read, too: without it x[2:] would be a slice of another size."""
    equations = {"A": "where(W[:, :-2] > 0, exp(x[2:]), 0)", "B": "pad(A, ((0, 0), (0, 2)))", "J": "sum(B * V)"}
    compared(
        {"x": "n", "W": "n n", "V": "n n"},
        equations,
        lambda x, W, V: sum(np.exp(x[j + 2]) * V[i, j] for i in range(4) for j in range(2) if W[i, j] > 0),
        x=np.array([0.5, 1.3, -0.7, 0.2]),
        W=np.cos(np.arange(16.0)).reshape(4, 4),
        V=np.sin(np.arange(16.0)).reshape(4, 4),
    )


def test_a_diagonal_left_out_is_not_multiplied_out_of_a_derivative():
    """(X_i - X_i) / 0 is what would be taken away of the sum, and of that only the 0 be seen."""
    distances = "norm(X[:, None, :] - X[None, :, :], axis=-1)"
    r = sbp.derivative(f"sum(where(eye(n) != 0, 0, log({distances})))", {"X": "n d"}, "X")

    def loss(x):
        return np.log(np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1) + np.eye(4))).sum()

    assert np.allclose(r.evaluate(X=POINTS), slope(loss, POINTS), atol=1e-6)


ROWS = np.array([[1.0, -1.0, 0.5], [-0.3, -1.0, 2.0], [1.0, 2.0, 0.3], [0.0, -1.0, 0.7], [-1.0, -0.4, -2.0]])
WEIGHTS = np.cos(np.arange(15.0)).reshape(5, 3)
POSITIVE = np.array([0.6, 1.3, 0.2, 0.9, 0.0])
OF_ROWS = {
    "log(x)[:, None]": lambda x: 1 / x[:, None],
    "log(x)[:, None] * W": lambda x: WEIGHTS / x[:, None],
    "W / x[:, None]**2": lambda x: -2 * WEIGHTS / x[:, None] ** 3,
    "sqrt(x)[:, None] * W": lambda x: WEIGHTS / np.sqrt(x)[:, None] / 2,
    "exp(-1 / x)[:, None] * W": lambda x: (np.exp(-1 / x) / x**2)[:, None] * WEIGHTS,
}
ROW_MASKS = {
    "M > 0": ROWS > 0,
    "(M > 0) & (W > 0)": (ROWS > 0) & (WEIGHTS > 0),
    "arange(n)[:, None] < 2 + arange(m)": np.tri(5, 3, -2) == 0,
}
"""Masks without an entry in the last row, where x is 0."""


def of_rows(equations):
    """The derivative by x, which must be 0 where a row has no entry of the mask."""
    tensors = {"x": {"axes": "n", "role": "parameter"}, **{k: {"axes": "n m", "role": "input"} for k in "MW"}}
    used = {k: v for k, v in {"M": ROWS, "W": WEIGHTS}.items() if any(k in text for text in equations.values())}
    model = sbp.model({k: v for k, v in tensors.items() if k in ("x", *used)} | {"V": tensors["W"]}, {**equations, "J": "sum(F * V)"})
    with np.errstate(divide="ignore"):  # what has a name is worked out for all rows
        return sbp.derive(model).gradient("x").evaluate(x=POSITIVE, V=WEIGHTS, **used)


@pytest.mark.parametrize("branch", OF_ROWS)
@pytest.mark.parametrize("mask", ROW_MASKS)
def test_what_a_row_without_an_entry_of_the_mask_shares_is_not_read(branch, mask):
    with np.errstate(all="ignore"):
        wanted = np.sum(np.where(ROW_MASKS[mask], WEIGHTS * OF_ROWS[branch](POSITIVE), 0), axis=1)
    for equations in ({"F": f"where({mask}, {branch}, 0)"}, {"B": branch, "F": f"where({mask}, B, 0)"}):
        assert np.allclose(of_rows(equations), wanted)


def test_a_named_logarithm_of_which_some_rows_are_read():
    made = of_rows({"L": "log(x)", "G": "where(M > 0, L[:, None] * W, 0)", "F": "sin(G) + where(M > 0.4, L[:, None]**2, 0)"})
    inner = np.cos(np.log(POSITIVE[:4, None]) * WEIGHTS[:4]) * WEIGHTS[:4] * (ROWS[:4] > 0)
    inner += 2 * np.log(POSITIVE[:4, None]) * (ROWS[:4] > 0.4)
    assert np.allclose(made, [*np.sum(inner * WEIGHTS[:4] / POSITIVE[:4, None], axis=1), 0])


def test_what_is_read_under_no_mask_needs_no_guard():
    tensors = {"x": {"axes": "n m", "role": "input"}, **{k: {"axes": "m", "role": "parameter"} for k in ("mu", "s")}}
    model = sbp.model(tensors, {"J": "sum(sum(where(x > 0, (x - mu)**2, 0), axis=0) / s**2 + log(s))"})
    assert "np.where" not in sbp.generate(sbp.derive(model)).source
