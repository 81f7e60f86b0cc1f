"""What a newcomer gets wrong: one screen with what to do, never a traceback, never a wait."""

import math
import sys

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.commands import cli
from symbackprop.errors import SymbackpropError

TEXTS = {
    "(-2)**x": "a power of a negative number is real only for whole exponents",
    "log(0) * x": "this is not a real number",
    "sqrt(-1) * x": "this is not a real number",
    "arcsin(2) * x": "this is not a real number",
    "tan(pi / 2) * x": "this is not a real number",
    "0**-1 * x": "this is not a real number",
    "10**10000 * x": "a number of more than 400 digits",
    "(1.5 * x)**(10**12)": "an exponent of more than 10000",
    "norm(ones(3) * x, 10**30)": "an exponent of more than 10000",
    "((x + 2)**1000)**-1000": "an exponent of more than 10000",
    "9**9**9**9 * x": "a number of more than 400 digits",
    "1.5**(10**9) * x": "a number of more than 400 digits",
    "square(square(square(square(10**99)))) * x": "a number of more than 400 digits",
    "einsum(3, x)": "subscripts=3 is not a text",
    "sum(x, keepdims=3)": "keepdims=3 is not True or False",
}

ARGUMENTS = [
    (("x", {"x": 3}, "x"), "the shape of 'x' is 3"),
    (("x", ["x"], "x"), "shapes are a table, not a list"),
    (("x", {"x": "n"}, None), "None is not the name of a tensor"),
    ((3, {"x": "n"}, "x"), "an expression is a text, not 3"),
    (("x", {"x": "²"}, "x"), "'²' is not an axis"),
    (("x", {"x": "x"}, "x"), "'x' can't name a tensor: it is the name of an axis"),
    (("x", {"x": "n", "lambda": "n"}, "x"), "'lambda' can't name a tensor: it is a Python keyword"),
    (("x", {"x": "n", "a b": "n"}, "x"), "'a b' can't name a tensor: it is not an identifier"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_an_expression_that_means_nothing_is_refused_at_its_place(text):
    with pytest.raises(SymbackpropError) as caught:
        sbp.derivative(text, {"x": ""}, "x")
    assert caught.value.reason == TEXTS[text] and caught.value.spans and caught.value.fix


@pytest.mark.parametrize("text", ["2**0.5 * x", "(-2)**3 * x", "sqrt(2)**2 * x", "10**300 * x", "(-1)**101 * x"])
def test_numbers_that_mean_something_are_worked_out(text):
    assert sbp.derivative(text, {"x": ""}, "x").evaluate(x=1.0) == pytest.approx(eval(text, {"x": 1, "sqrt": lambda a: a**0.5}))


@pytest.mark.parametrize(("arguments", "reason"), ARGUMENTS)
def test_wrong_arguments_of_derivative_are_told(arguments, reason):
    with pytest.raises(SymbackpropError) as caught:
        sbp.derivative(*arguments)
    assert caught.value.reason == reason and caught.value.fix


def test_one_name_need_not_be_a_list():
    model = sbp.model({"w1": "n"}, {"J": "sum(w1 ** 2)"})
    assert sbp.derive(model, wrt="w1").wrt == ("w1",)


SIZED = {
    "sigmoid(n)": 1 / (1 + math.exp(-3)),
    "arctan(n)": math.atan(3),
    "where(n > 2, 1, n)": 1,
    "softplus(n - 3)": math.log(2),
    "relu(n - 2) * abs(n)": 3,
    "gelu(2)": 1 + math.erf(math.sqrt(2)),
    "square(n) * pi": 9 * math.pi,
}


@pytest.mark.parametrize("text", SIZED)
def test_functions_of_sizes_and_numbers_are_in_the_generated_code(text):
    value = sbp.derivative(f"sum(x) * {text}", {"x": "n"}, "x").evaluate(x=[1.0, 2.0, 4.0])
    assert value == pytest.approx([SIZED[text]] * 3)


def broken(monkeypatch, capsys, **environment):
    """What `symbackprop derive` says, and its exit status, where deriving itself fails."""

    def fails(*_, **__):
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(cli.pages, "expression_page", fails)
    monkeypatch.setattr(sys, "argv", ["symbackprop", "derive", "sum(x)", "--shapes", "x: n"])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr().err


def test_a_mistake_of_our_own_is_one_line_that_asks_for_a_report(monkeypatch, capsys):
    status, said = broken(monkeypatch, capsys)
    assert status == 70 and said.count("\n") == 1 and "Traceback" not in said
    assert "ZeroDivisionError: one two" in said and "symbackprop derive 'sum(x)' --shapes 'x: n'" in said


def test_the_traceback_is_there_for_those_who_ask(monkeypatch, capsys):
    with pytest.raises(ZeroDivisionError):
        broken(monkeypatch, capsys, SYMBACKPROP_DEBUG="1")


@pytest.mark.parametrize("name", ["../evil", "a b", "", "a/b", "1st"])
def test_a_models_name_is_no_path(name):
    with pytest.raises(SymbackpropError, match="can't name a model"):
        sbp.model({"x": "n"}, {"J": "sum(x)"}, name=name)


def test_a_power_has_its_slope_at_0():
    assert sbp.derivative("x ** y", {"x": "", "y": ""}, "x").evaluate(x=0.0, y=2.0) == 0
    assert np.array_equal(sbp.derivative("sum(x ** n)", {"x": "n"}, "x").evaluate(x=np.array([-2.0, 0.0, 1.0])), [12, 0, 3])
