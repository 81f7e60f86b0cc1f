"""From a model to a program: equations, sharing, names, roles, facts, and every mistake with its whole message."""

import time

import pytest
from sympy import Integer, log

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Call, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Total
from symbackprop.errors import AxisError, FactError, ParseError, SpecError, SymbackpropError, UnknownNameError, UnknownOpError
from symbackprop.language.elaborate import elaborate, elaborate_expression, facts_of
from symbackprop.language.spec import spec_from_tables
from symbackprop.language.syntax import parse
from symbackprop.ops import OPS

TENSORS = {
    "X": {"axes": "n d", "role": "input"},
    "Y": {"axes": "n c", "role": "label", "fact": "simplex over c"},
    "W1": {"axes": "h d", "role": "parameter"},
    "b1": {"axes": "h", "role": "parameter"},
    "W2": {"axes": "c h", "role": "parameter"},
    "b2": {"axes": "c", "role": "parameter"},
}
EQUATIONS = {
    "H0": "X @ W1.T + b1",
    "H": "relu(H0)",
    "O": "H @ W2.T + b2",
    "Yhat": "softmax(O, axis=-1)",
    "J": "-sum(Y * log(Yhat)) / n",
}
SIZES = {"d": 4, "h": 5, "c": 3}


def two_layer(**changes) -> Program:
    return elaborate(spec_from_tables(TENSORS, EQUATIONS, **{"name": "two_layer", "axes": SIZES, **changes}))


def small(equations: dict[str, str], shapes: dict[str, str], sizes: dict[str, int] | None = None, **options) -> Program:
    tensors = {name: {"axes": axes, "role": "input"} for name, axes in shapes.items()}
    spec = spec_from_tables(tensors, equations, name="small", axes=sizes or {})
    return elaborate(spec, **{"scalar": False, "unused": True, **options})


def written(program: Program) -> dict[str, str]:
    return {e.name: str(e.rhs) for e in program.equations}


def mistake(equations: dict[str, str], shapes: dict[str, str], sizes: dict[str, int] | None = None, **options) -> tuple[type, str]:
    with pytest.raises(SymbackpropError) as caught:
        small(equations, shapes, sizes, **options)
    return type(caught.value), str(caught.value)


def test_two_layer_comes_out_exactly():
    program = two_layer()
    n, d, h, c = map(axis, "ndhc")
    i0, i1 = Index("i0", n), Index("i1", h)
    r = Index("r0", d)
    made = {e.name: e for e in program.equations}
    assert list(made) == ["H0", "H", "O", "Yhat", "J"]
    assert made["H0"].indices == (i0, i1)
    assert made["H0"].rhs == Total(Entry("X", i0, r) * Entry("W1", i1, r), r) + Entry("b1", i1)
    assert made["H"].rhs == OPS["relu"].function(Entry("H0", i0, i1))
    assert made["Yhat"].rhs == Call("softmax", ("O",), (("axis", 1),)) and made["Yhat"].tensor.axes == (n, c)
    r0, r1 = Index("r0", n), Index("r1", c)
    assert made["J"].rhs == -Total(Entry("Y", r0, r1) * log(Entry("Yhat", r0, r1)), r0, r1) / n
    assert program.objective == "J" and program.samples == n and program.sizes == {d: 4, h: 5, c: 3}
    assert program.tensors["Y"].facts == (Fact("simplex", "Y", 1),)
    assert [t.name for t in program.parameters] == ["W1", "b1", "W2", "b2"]
    assert made["J"].text == EQUATIONS["J"]


def test_another_network_comes_out_otherwise():
    changed = elaborate(spec_from_tables(TENSORS, EQUATIONS | {"H": "tanh(H0)"}, name="two_layer", axes=SIZES))
    assert written(changed)["H"] != written(two_layer())["H"]


def test_elaboration_is_fast_and_linear_in_depth():
    def deep(layers: int) -> float:
        tensors = {"X": {"axes": "n d", "role": "input"}}
        tensors |= {f"W{k}": {"axes": "d d", "role": "parameter"} for k in range(layers)}
        equations = {f"H{k}": f"tanh({f'H{k - 1}' if k else 'X'} @ W{k}.T)" for k in range(layers)}
        spec = spec_from_tables(tensors, equations | {"J": f"sum(H{layers - 1})"}, name="deep")
        start = time.process_time()
        elaborate(spec)
        return time.process_time() - start

    deep(3)
    assert deep(80) < 0.5


SHARING = [
    ("norm(A @ x - b) ** 2", {"t1": "-b[i0] + Total(x[r0]*A[i0, r0], r0)", "J": "Total(t1[r0]**2, r0)"}),
    ("sqrt(sum(x ** 2)) ** 2", {"J": "Total(x[r0]**2, r0)"}),
    ("sqrt(sum(x)) * sqrt(sum(x))", {"J": "Total(x[r0], r0)"}),
    ("exp(sum(x)) + tanh(sum(x))", {"t1": "Total(x[r0], r0)", "J": "exp(t1[]) + tanh(t1[])"}),
    ("exp(A @ x) + A @ x", {"t1": "Total(x[r0]*A[i0, r0], r0)", "J": "exp(t1[i0]) + t1[i0]"}),
    ("1 / sum(x)", {"t1": "Total(x[r0], r0)", "J": "1/t1[]"}),
    ("x / 2 ** n", {"J": "x[i0]/2**n"}),
    ("where(A @ x > 0, b, A @ x)", {"t1": "Total(x[r0]*A[i0, r0], r0)", "J": "NonNegative(-t1[i0])*t1[i0] + Positive(t1[i0])*b[i0]"}),
    ("sum(2 * x + 1)", {"J": "Total(2*x[r0] + 1, r0)"}),
    ("trace(A.T @ A)", {"J": "Total(A[r2, r0]**2, r0, r2)"}),
    ("sum(b[:, None] * A) * 0.1", {"J": "Total(b[r0]*A[r0, r1], r0, r1)/10"}),
    ("x[1:] - x[:-1]", {"J": "-x[i0] + x[i0 + 1]"}),
    ("x[::-1]", {"J": "x[-i0 + n - 1]"}),
    ("sum(ones(n))", {"J": "n"}),
    ("cumsum(x)", {"J": "Total(NonNegative(i0 - r0)*x[r0], r0)"}),
]


@pytest.mark.parametrize(("text", "equations"), SHARING)
def test_sums_get_an_equation_where_they_need_one_and_only_once(text, equations):
    assert written(small({"J": text}, {"A": "m n", "x": "n", "b": "m"})) == equations


def test_a_sum_that_is_the_users_equation_keeps_its_name():
    program = small({"mu": "mean(x, axis=1)", "v": "var(x, axis=1)", "Z": "exp(sum(mu))"}, {"x": "n d"})
    assert list(written(program)) == ["mu", "v", "t1", "Z"]
    assert "mu[i0]" in written(program)["v"]


def test_names_of_intermediates_avoid_the_users():
    program = small({"J": "exp(sum(t1)) + t2", "t2": "sum(t1 * t1)"}, {"t1": "n"})
    assert list(written(program)) == ["t2", "t3", "J"]


def test_the_argument_of_a_statistic_is_a_tensor():
    program = small({"P": "softmax(X @ W)", "Q": "softmax(X @ W)[0] + softmax(X @ W)[1]"}, {"X": "n d", "W": "d c"})
    assert list(written(program)) == ["t1", "P", "Q"] and program["P"].rhs.arguments == ("t1",)


def test_equations_are_put_in_order():
    assert list(written(small({"J": "sum(H)", "H": "relu(x)"}, {"x": "n"}, scalar=False))) == ["H", "J"]


def test_samples_are_the_axis_that_inputs_and_labels_share():
    assert two_layer().samples == axis("n") and two_layer(samples="d").samples == axis("d")
    one = {"x": {"axes": "d", "role": "input"}, "y": {"axes": "c", "role": "label"}, "W": {"axes": "c d", "role": "parameter"}}
    assert elaborate(spec_from_tables(one, {"J": "sum((W @ x - y)**2)"}, name="one")).samples is None


def test_decimals_are_exact():
    (e,) = small({"J": "0.1 * x + x ** 0.5"}, {"x": ""}).equations
    x = Entry("x")
    assert e.rhs == x / 10 + x ** (Integer(1) / 2)


def test_one_more_expression():
    program = two_layer()
    longer, name = elaborate_expression(parse("(Yhat - Y) / n"), program, text="(Yhat - Y) / n")
    assert str(longer.equation(name).rhs) == "(-Y[i0, i1] + Yhat[i0, i1])/n" and name == "t1"
    assert elaborate_expression(parse("relu(H0)"), program) == (program, "H")
    assert elaborate_expression(parse("O"), program)[1] == "O"
    assert elaborate_expression(parse("H0.T"), program, "Q")[0].equation("Q").tensor.axes == (axis("h"), axis("n"))


def test_the_message_of_two_sizes():
    equations = {"O": "H @ W2.T + b2"}
    assert mistake(equations, {"H": "n h", "W2": "c d", "b2": "c"}, {"h": 5, "d": 4}) == (
        AxisError,
        "AxisError in equation O: axis 'h' has two sizes, h and d\n"
        "    O = H @ W2.T + b2\n"
        "        ^   ^\n"
        "    H is n h (h = 5), W2 is c d (d = 4)\n"
        '    fix: give W2 the shape "c h" with h = 5',
    )


MISTAKES = [
    (
        {"J": "X @ W"},
        AxisError,
        "in equation J: axis 'd' has two sizes, d and c\n    J = X @ W\n        ^   ^\n    X is n d, W is c d\n    fix: write W.T",
    ),
    (
        {"J": "X + b"},
        AxisError,
        "in equation J: axis 'd' has two sizes, d and n\n    J = X + b\n        ^   ^\n    X is n d, b is n\n"
        "    fix: write b[:, None] to go along the first axis",
    ),
    (
        {"J": "relu(X @ W.T) + X"},
        AxisError,
        "in equation J: axis 'c' has two sizes, c and d\n    J = relu(X @ W.T) + X\n        ^               ^\n"
        '    relu(X @ W.T) is n c, X is n d\n    fix: give X the shape "n c"',
    ),
    (
        {"J": "sofmax(X)"},
        UnknownOpError,
        "in equation J: there is no op 'sofmax'\n    J = sofmax(X)\n        ^^^^^^\n    fix: did you mean softmax or log_softmax or max?",
    ),
    (
        {"J": "exp(svd(X))"},
        UnknownOpError,
        "in equation J: op 'svd' gives factors that are not unique, which have no derivative of their own\n"
        "    J = exp(svd(X))\n            ^^^\n"
        "    fix: write sqrt(eigvalsh(A.T @ A)) for the singular values, largest last",
    ),
    (
        {"J": "argmax(X)"},
        UnknownOpError,
        "in equation J: op 'argmax' gives positions, which have no derivative\n    J = argmax(X)\n        ^^^^^^\n"
        "    fix: give an argument with the role of an index",
    ),
    (
        {"J": "sum(torch.exp(X))"},
        UnknownNameError,
        "in equation J: nothing defines 'torch'\n    J = sum(torch.exp(X))\n            ^^^^^\n"
        "    fix: leave torch. out: of modules there are np and numpy",
    ),
    (
        {"J": "slogdet(X.T @ X) * 2"},
        ParseError,
        "in equation J: these are several arrays\n    J = slogdet(X.T @ X) * 2\n                         ^\n"
        "    fix: pick one of them by its number, as in split(x, 2)[0]",
    ),
    (
        {"J": "where(X > 0, X, -np.inf)"},
        ParseError,
        "in equation J: this can't stand here as a value\n    J = where(X > 0, X, -np.inf)\n                         ^^^^^^\n"
        "    fix: write a large number, such as 1e9 (of a mask -1e9)",
    ),
    (
        {"J": "X + Xx"},
        UnknownNameError,
        "in equation J: nothing defines 'Xx'\n    J = X + Xx\n            ^^\n    fix: did you mean X?",
    ),
    (
        {"J": "X(2)"},
        UnknownOpError,
        "in equation J: 'X' is not an op\n    J = X(2)\n        ^\n    fix: write X * (...) for a product",
    ),
    (
        {"J": "X > 0"},
        ParseError,
        "in equation J: a comparison can stand only in where\n    J = X > 0\n          ^\n    fix: write where(x > 0, a, b)",
    ),
    (
        {"J": "where(X, 1, 2)"},
        ParseError,
        "in equation J: where needs a comparison\n    J = where(X, 1, 2)\n              ^\n    fix: write where(X > 0, a, b)",
    ),
    (
        {"J": "exp(X, X)"},
        ParseError,
        "in equation J: op 'exp' takes 1 argument, not 2\n    J = exp(X, X)\n        ^^^",
    ),
    (
        {"J": "sum(X, axs=1)"},
        ParseError,
        "in equation J: op 'sum' has no option 'axs'\n    J = sum(X, axs=1)\n                   ^\n    fix: did you mean axis or x?",
    ),
    (
        {"J": "log(sum(exp(b), axs=0))"},
        ParseError,
        "in equation J: op 'sum' has no option 'axs'\n    J = log(sum(exp(b), axs=0))\n                            ^\n"
        "    fix: did you mean axis or x?",
    ),
    (
        {"J": "exp(b) / sum(exp(b), keepdims=7)"},
        ParseError,
        "in equation J: keepdims=7 is not True or False\n    J = exp(b) / sum(exp(b), keepdims=7)\n"
        "                                      ^\n    fix: give True or False",
    ),
    (
        {"J": "sum(X, axis=2)"},
        AxisError,
        "in equation J: there is no axis 2\n    J = sum(X, axis=2)\n        ^^^\n    X is n d\n"
        "    fix: axes go from 0 to 1, or from -2 to -1",
    ),
    (
        {"J": "X[0, 0, 0]"},
        AxisError,
        "in equation J: 3 indices for 2 axes\n    J = X[0, 0, 0]\n        ^^^^^^^^^^\n    X is n d",
    ),
    (
        {"J": "X[b]"},
        SpecError,
        "in equation J: 'b' is no index array\n    J = X[b]\n          ^\n    fix: give b the role \"index\"",
    ),
    (
        {"J": "X / 0"},
        ParseError,
        "in equation J: a division by zero\n    J = X / 0\n            ^\n    fix: divide by something else",
    ),
    (
        {"J": "det(X)"},
        AxisError,
        "in equation J: det takes a square matrix\n    J = det(X)\n            ^\n    X is n d\n"
        '    fix: write det(X.T @ X), or give it the shape "n n"',
    ),
    (
        {"J": "reshape(X, (d, 7))"},
        AxisError,
        "in equation J: there is no way to give it the shape d 7\n    J = reshape(X, (d, 7))\n        ^^^^^^^\n    X is n d",
    ),
    (
        {"A": "exp(B)", "B": "sum(X) + A"},
        SpecError,
        "in equation B: equations need each other: A -> B -> A\n    B = sum(X) + A\n                 ^\n    fix: break the cycle",
    ),
    ({"A": "exp(A)"}, SpecError, "in equation A: it needs itself\n    A = exp(A)\n            ^\n    fix: break the cycle"),
    ({"X": "exp(b)"}, SpecError, "in equation X: 'X' is defined twice\n    X = exp(b)"),
    (
        {"lambda": "exp(b)"},
        SpecError,
        "in model small: 'lambda' can't name a tensor: it is a Python keyword\n    fix: choose another name, such as lam or lambda_",
    ),
    ({"exp": "exp(b)"}, SpecError, "in model small: 'exp' can't name a tensor: it is the name of an op\n    fix: choose another name"),
    ({"n": "exp(b)"}, SpecError, "in model small: 'n' can't name a tensor: it is the name of an axis\n    fix: choose another name"),
    ({}, SpecError, "in model small: a model needs at least one equation"),
]


@pytest.mark.parametrize(("equations", "kind", "message"), MISTAKES)
def test_the_whole_message_of_a_mistake(equations, kind, message):
    assert mistake(equations, {"X": "n d", "W": "c d", "b": "n"}) == (kind, f"{kind.__name__} {message}")


def test_an_objective_is_a_scalar():
    message = (
        "SpecError in model small: objective J is not a scalar, it has axes n d\n    J = X * 2\n"
        "    fix: take a sum or a mean of it, or name another equation as the objective"
    )
    assert mistake({"J": "X * 2"}, {"X": "n d"}, scalar=True) == (SpecError, message)
    small({"J": "sum(X * 2)"}, {"X": "n d"}, scalar=True)


def test_a_tensor_must_be_used():
    message = "SpecError in model small: tensor 'b' is never used\n    fix: use it in an equation, or remove it"
    assert mistake({"J": "sum(X)"}, {"X": "n d", "b": "n"}, unused=False) == (SpecError, message)
    small({"J": "sum(X @ b)"}, {"X": "d n", "b": "n"}, unused=False)


def test_sizes_of_axes_are_checked():
    reached = mistake({"J": "x[:9]"}, {"x": "n"}, {"n": 4})
    assert reached[0] is AxisError and "reaches to 9, past the end" in reached[1] and "n = 4" in reached[1]
    assert "index 4 is out of range" in mistake({"J": "x[4]"}, {"x": "4"})[1]
    assert mistake({"J": "sum(x)"}, {"x": "nn"}, {"n": 4}) == (
        AxisError,
        "AxisError in axes: no tensor has an axis 'n'\n    fix: did you mean nn?",
    )
    assert mistake({"J": "sum(x)"}, {"x": "n d"}, {"q": 4})[1].endswith("fix: use one of d, n")


FACTS = [
    ("simplex over k", "T has no axis 'k'"),
    ("simplex", "'simplex' must say over which axis"),
    ("symetric", "there is no fact 'symetric'"),
    ("positive over c", "'positive' speaks of no axis"),
    ("symmetric", "only a square matrix is symmetric"),
    ("orthogonal", "only a square matrix is orthogonal"),
    ("unit over k", "T has no axis 'k'"),
]


@pytest.mark.parametrize(("text", "reason"), FACTS)
def test_a_fact_must_fit_its_tensor(text, reason):
    tensors = {"T": {"axes": "n c", "role": "label", "fact": text}}
    with pytest.raises(FactError, match=reason):
        elaborate(spec_from_tables(tensors, {"J": "sum(T)"}, name="facts"))


def test_facts_that_fit_are_kept():
    tensors = {"T": {"axes": "n c", "role": "label", "fact": "one-hot over c"}, "S": {"axes": "d d", "fact": "symmetric"}}
    program = elaborate(spec_from_tables(tensors, {"J": "sum(T) + trace(S)"}, name="facts"))
    assert set(program.facts) == {Fact("one-hot", "T", 1), Fact("symmetric", "S")}


def test_facts_can_be_given_by_name():
    tensors = {"S": Tensor("S", (axis("d"), axis("d")))}
    assert facts_of(tensors, {"S": "symmetric"})["S"].facts == (Fact("symmetric", "S"),)
    with pytest.raises(UnknownNameError, match="a fact of 'T'"):
        facts_of(tensors, {"T": ["symmetric"]})


def test_a_scalar_has_no_axis_to_be_of_length_1_along():
    with pytest.raises(FactError, match="'unit' must say over which axis"):
        elaborate(spec_from_tables({"x": {"axes": "", "fact": "unit"}}, {"J": "x ** 2"}, name="facts"))
