"""Claims: how derivatives and updates are read."""

import pytest
from sympy import Rational

from symbackprop.errors import ParseError
from symbackprop.language.nodes import Call, Derivative, Name, Number, Subscript
from symbackprop.language.syntax import parse, parse_claim

X, Y, n = Name("X"), Name("Y"), Name("n")


def number(value) -> Number:
    return Number(Rational(value))


def refusal(text: str, place: str = "the expression", head: str = "") -> list[str]:
    with pytest.raises(ParseError) as caught:
        parse(text, place, head)
    return str(caught.value).splitlines()


DERIVATIVES = {
    "dJ/dO": Derivative("J", ("O",)),
    "dJ / dO": Derivative("J", ("O",)),
    "d2J/dW1dW2": Derivative("J", ("W1", "W2")),
    "d2J/dOdO": Derivative("J", ("O", "O")),
    "d2J/dO2": Derivative("J", ("O", "O")),
    "dJ/dW1[0,0]": Subscript(Derivative("J", ("W1",)), (number(0), number(0))),
    "eta * dJ/dW1": Call("multiply", (Name("eta"), Derivative("J", ("W1",)))),
    "X / dJ/dO": Call("divide", (X, Derivative("J", ("O",)))),
    "dJ/dO ** 2": Call("power", (Derivative("J", ("O",)), number(2))),
    "dJ/dO.T": Call("transpose", (Derivative("J", ("O",)),)),
    "exp(-dJ/dO)": Call("exp", (Call("negative", (Derivative("J", ("O",)),)),)),
    "dj/dO": Derivative("j", ("O",)),
    "dJ/dQ": Derivative("J", ("Q",)),
    "d1/d2": Call("divide", (Name("d1"), Name("d2"))),
    "delta/depth": Call("divide", (Name("delta"), Name("depth"))),
    "(dJ)/(dO)": Call("divide", (Name("dJ"), Name("dO"))),
}
MODEL = ["J", "O", "W1", "W2", "eta", "X"]


@pytest.mark.parametrize("text", DERIVATIVES)
def test_derivatives_in_a_claim_bind_as_one(text):
    assert parse_claim(f"{text} == X", names=MODEL).left == DERIVATIVES[text]
    assert parse_claim(f"X == {text}", names=MODEL).right == DERIVATIVES[text]


def test_a_quotient_of_two_tensors_of_the_users_is_one():
    assert parse_claim("dJ/dO == X", names=[*MODEL, "dJ", "dO"]).left == Call("divide", (Name("dJ"), Name("dO")))


@pytest.mark.parametrize("own", ["dO", "dJ"])
def test_a_tensor_that_is_called_as_half_of_a_derivative_leaves_it_one(own):
    assert parse_claim("dJ/dO == X", names=[*MODEL, own]).left == Derivative("J", ("O",))


def test_without_names_every_quotient_of_this_form_is_a_derivative():
    assert parse_claim("dA/dB == d2A/dBdC").left == Derivative("A", ("B",))
    assert parse_claim("d1/d2 == 1").left == Call("divide", (Name("d1"), Name("d2")))


def test_outside_a_claim_there_are_no_derivatives():
    assert parse("dJ/dO") == Call("divide", (Name("dJ"), Name("dO")))


def test_an_update_is_a_claim():
    claim = parse_claim("W1 <- W1 - eta * dJ/dW1", names=MODEL)
    assert claim.relation == "<-" and claim.left == Name("W1")
    assert claim.right == Call("subtract", (Name("W1"), DERIVATIVES["eta * dJ/dW1"]))


def test_spans_of_a_claim_are_columns_of_all_of_it():
    text = " dJ/dO == (X - Y) / n"
    claim = parse_claim(text, names=MODEL)
    assert text[slice(*claim.left.span)] == "dJ/dO" and text[slice(*claim.right.args[1].span)] == "n"


def test_brackets_keep_a_comparison_from_being_the_claims():
    claim = parse_claim("where(X == 0, X, Y) == Y")
    assert claim.left == Call("where", (Call("equal", (X, number(0))), X, Y))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "dJ/dO",
            [
                "ParseError in the claim: a claim has one == or one <-, this has 0",
                "    dJ/dO",
                '    fix: write "dJ/dO == (Yhat - Y) / n", or "W <- W - eta * dJ/dW"',
            ],
        ),
        (
            "X == Y <- n",
            [
                "ParseError in the claim: a claim has one == or one <-, this has 2",
                "    X == Y <- n",
                "      ^^   ^^",
                '    fix: write "dJ/dO == (Yhat - Y) / n", or "W <- W - eta * dJ/dW"',
            ],
        ),
        (
            "X + d2J/dW1dZ == Y",
            [
                "ParseError in the claim: a second derivative is by two of the model's tensors",
                "    X + d2J/dW1dZ == Y",
                "        ^^^^^^^^^",
                "    fix: write d2J/dW1dW2, or d2J/dW2 for W twice",
            ],
        ),
        (
            "dJ/dO == X % 2",
            [
                "ParseError in the claim: this operator is not in the language",
                "    dJ/dO == X % 2",
                "             ^^^^^",
                "    fix: write x - y * floor(x / y)",
            ],
        ),
        (
            "dJ/dO == ",
            [
                "ParseError in the claim: the expression is empty",
                "    dJ/dO == ",
                "            ^",
                "    fix: write an expression, such as X @ W.T + b",
            ],
        ),
    ],
)
def test_whole_messages_of_claims(text, lines):
    with pytest.raises(ParseError) as caught:
        parse_claim(text, names=MODEL)
    assert str(caught.value).splitlines() == lines
