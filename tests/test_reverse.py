"""Reverse mode on the hard small things, by value against differences of the literal evaluation."""

import itertools

import pytest
from small import agree, index, program
from sympy import exp, log, sqrt, tanh

from symbackprop.calculus.index import Index, axis
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.errors import DeriveError
from symbackprop.verification.oracle.literal import evaluate
from symbackprop.verification.points.draws import random_arrays

n, d, m = axis("n"), axis("d"), axis("m")
r, q, t = index("r", "n"), index("q", "d"), index("t", "n")


def T(name, *indices):
    return Entry(name, *indices)


SCALARS = {
    "trace of a square": ({"A": "n n"}, "A", lambda: Total(T("A", r, t) * T("A", t, r), r, t)),
    "repeated index": ({"A": "n n"}, "A", lambda: Total(T("A", r, r) ** 3, r)),
    "quadratic form": ({"A": "n n", "x": "n"}, "x", lambda: Total(T("A", r, t) * T("x", r) * T("x", t), r, t)),
    "differences": ({"x": "n"}, "x", lambda: Total((T("x", (s := Index("s", n - 1)) + 1) - T("x", s)) ** 2, s)),
    "differences of exponentials": ({"x": "n"}, "x", lambda: Total(exp(T("x", (s := Index("s", n - 1)) + 1) * T("x", s)), s)),
    "reversed": ({"x": "n", "y": "n"}, "x", lambda: Total(T("x", n - 1 - r) * T("y", r), r)),
    "cumulative sum": ({"x": "n", "y": "n"}, "x", lambda: Total(NonNegative(r - t) * T("x", t) * T("y", r), r, t)),
    "first entry": ({"x": "n"}, "x", lambda: T("x", 0) ** 2 * T("x", n - 1)),
    "square of a sum": ({"x": "n"}, "x", lambda: Total(T("x", r), r) ** 2),
    "relu by its law": ({"x": "n"}, "x", lambda: Total((T("x", r) * Positive(T("x", r))) ** 2 * T("x", r), r)),
    "a sum without its index": ({"x": "d", "y": "n"}, "x", lambda: Total(T("x", q) ** 2, q, r) + T("y", 0)),
}


@pytest.mark.parametrize("name", SCALARS)
def test_gradient_agrees_with_differences(name):
    leaves, wrt, body = SCALARS[name]
    derived = gradient(program(leaves, ("J", "", body)), [wrt])
    assert agree(derived, derived.adjoints[wrt], "J", wrt)


@pytest.mark.parametrize("name", SCALARS)
def test_second_order_agrees_with_differences_of_the_first(name):
    leaves, wrt, body = SCALARS[name]
    first = gradient(program(leaves, ("J", "", body)), [wrt])
    second = jacobian(first.program, first.adjoints[wrt], wrt)
    assert second.program.tensors[second.adjoints[wrt]].derivative == ("J", wrt, wrt)
    assert agree(second, second.adjoints[wrt], first.adjoints[wrt], wrt, tolerance=1e-6)


def test_a_wrong_adjoint_does_not_agree():
    derived = gradient(program({"A": "n n"}, ("J", "", SCALARS["trace of a square"][2])), ["A"])
    i, j = derived.program.tensors["dA"].indices
    equations = [e if e.name != "dA" else Equation(e.tensor, e.indices, 2 * T("A", i, j)) for e in derived.program.equations]
    wrong = Program("wrong", derived.program.tensors, tuple(equations), "J")
    assert not agree(type(derived)(wrong, "J", ("A",), derived.adjoints, (), {}, ()), "dA", "J", "A")


def two_equations():
    return program(
        {"X": "n d", "w": "d"},
        ("z", "n", lambda i: Total(T("X", i, q) * T("w", q), q)),
        ("a", "n", lambda i: tanh(T("z", i))),
        ("s", "", lambda: Total(T("a", r) ** 2 + T("z", r), r)),
        ("J", "", lambda: log(2 + T("s") ** 2)),
    )


def test_every_tensor_on_the_way_has_its_adjoint():
    derived = gradient(two_equations(), ["w", "X"])
    for name in ("w", "X"):
        assert agree(derived, derived.adjoints[name], "J", name)
    assert set(derived.adjoints) == {"J", "s", "a", "z", "w", "X"}


def test_a_local_derivative_is_said_in_the_equations_own_output():
    derived = gradient(two_equations(), ["w"])
    link = next(e for e in derived.links if e.tensor.derivative == ("a", "z"))
    assert not link.rhs.has(tanh) and link.rhs.has(Entry)
    root = gradient(program({"x": "n"}, ("y", "n", lambda i: sqrt(T("x", i))), ("J", "", lambda: Total(T("y", r), r))), ["x"])
    assert not root.program["dx"].rhs.has(sqrt(T("x", 0)))


def test_zero_where_nothing_depends():
    derived = gradient(program({"x": "n", "y": "d"}, ("J", "", lambda: Total(T("x", r), r))), ["y"])
    assert derived.program[derived.adjoints["y"]].rhs == 0
    assert derived.program.tensors["dy"].axes == (d,)


def test_a_name_that_is_taken_gets_a_number():
    derived = gradient(program({"x": "n", "dx": "n"}, ("J", "", lambda: Total(T("x", r) * T("dx", r), r))), ["x"])
    assert derived.adjoints["x"] == "dx_2"
    assert derived.program["dx_2"].rhs == T("dx", *derived.program.tensors["dx_2"].indices)


def test_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(DeriveError, match="'W1' is not a tensor") as caught:
        gradient(program({"w": "n"}, ("J", "", lambda: Total(T("w", r), r))), ["W1"])
    assert "did you mean w, J?" in str(caught.value)


def softmax_program(op, facts=()):
    tensors = {"O": Tensor("O", (n, d), "parameter"), "Y": Tensor("Y", (n, d), "label", facts)}
    out = Tensor("P", (n, d) if op != "logsumexp" else (n,))
    top = Tensor("J", ())
    body = T("Y", r, q) * (log(T("P", r, q)) if op == "softmax" else T("P", r, q) if op == "log_softmax" else T("P", r))
    equations = (
        Equation(out, out.indices, Call(op, ("O",), (("axis", 1),))),
        Equation(top, (), -Total(body, r, q) / n),
    )
    return Program("net", {**tensors, "P": out, "J": top}, equations, "J", samples=n)


@pytest.mark.parametrize("op", ["softmax", "log_softmax", "logsumexp"])
def test_named_statistics_agree_with_differences(op):
    derived = gradient(softmax_program(op), ["O"])
    assert agree(derived, "dO", "J", "O")
    local = jacobian(softmax_program(op), "P", "O")
    assert agree(local, local.adjoints["O"], "P", "O")


def test_softmax_cross_entropy_is_derived_with_and_without_the_fact():
    i, k = Index("i0", n), Index("i1", d)
    r0 = Index("r0", d)
    plain = gradient(softmax_program("softmax"), ["O"])
    assert plain.program["dO"].rhs == (T("P", i, k) * Total(T("Y", i, r0), r0) - T("Y", i, k)) / n
    fact = Fact("simplex", "Y", 1)
    known = gradient(softmax_program("softmax", (fact,)), ["O"])
    assert known.program["dO"].rhs == (T("P", i, k) - T("Y", i, k)) / n
    assert known.facts["dO"] == (fact,) and plain.facts["dO"] == ()


def test_the_steps_show_the_lines_in_between():
    derived = gradient(softmax_program("softmax", (Fact("simplex", "Y", 1),)), ["O"])
    steps = [s for s in derived.steps if s.quantity == "dO"]
    rules = ["chain rule", "distribution", "delta contraction", "narrow sum", "fact", "factoring"]
    assert [s.rule for s in steps] == rules
    assert all(a.after == b.before for a, b in itertools.pairwise(steps))
    assert steps[-1].after == derived.program["dO"].rhs


def test_every_line_of_the_steps_has_the_same_value():
    derived = gradient(softmax_program("softmax", (Fact("simplex", "Y", 1),)), ["O"])
    arrays = random_arrays(derived.program, seed=1)
    want = evaluate(derived.program, arrays)["dO"]
    for step in derived.steps:
        if step.quantity == "dO":
            held = Tensor("line", (n, d))
            p = derived.program.extended([Equation(held, step.indices, step.after)])
            assert abs(evaluate(p, arrays)["line"] - want).max() < 1e-14


def test_hessian_by_logits_is_diag_minus_outer():
    first = gradient(softmax_program("softmax", (Fact("simplex", "Y", 1),)), ["O"])
    second = jacobian(first.program, "dO", "O")
    assert agree(second, second.adjoints["O"], "dO", "O")
    rhs = second.program[second.adjoints["O"]].rhs
    assert not rhs.has(Total) and len(rhs.atoms(Entry)) == 2


def test_same_input_gives_the_same_steps():
    first, again = (gradient(two_equations(), ["w"]) for _ in range(2))
    assert first.steps == again.steps and first.program == again.program
