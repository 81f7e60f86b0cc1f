"""The parser: what a text says, what is refused and where the caret stands, and that no text can do anything else."""

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Rational

from symbackprop.errors import ParseError
from symbackprop.language.nodes import BINARY, UNARY, Call, Dots, Group, Literal, Name, NewAxis, Node, Number, Slice, Subscript, unparse
from symbackprop.language.syntax import MOST_CHARACTERS, parse, parse_claim

X, Y, n = Name("X"), Name("Y"), Name("n")


def number(value) -> Number:
    return Number(Rational(value))


def refusal(text: str, place: str = "the expression", head: str = "") -> list[str]:
    with pytest.raises(ParseError) as caught:
        parse(text, place, head)
    return str(caught.value).splitlines()


SAID: dict[str, Node] = {
    "X @ Y.T + n": Call("add", (Call("matmul", (X, Call("transpose", (Y,)))), n)),
    "-X ** 2": Call("negative", (Call("power", (X, number(2))),)),
    "-2 ** X": Call("negative", (Call("power", (number(2), X)),)),
    "(-2) ** X": Call("power", (number(-2), X)),
    "X ** -2": Call("power", (X, number(-2))),
    "X - Y - n": Call("subtract", (Call("subtract", (X, Y)), n)),
    "X ** Y ** n": Call("power", (X, Call("power", (Y, n)))),
    "np.where(X >= 0, X, Y)": Call("where", (Call("greater_equal", (X, number(0))), X, Y)),
    "numpy.exp(X)": Call("exp", (X,)),
    "np.linalg.norm(X, axis=-1)": Call("norm", (X,), (("axis", number(-1)),)),
    "X.sum(axis=(0, 1), keepdims=True)": Call("sum", (X,), (("axis", Literal((0, 1))), ("keepdims", Literal(True)))),
    "X.reshape(n, -1)": Call("reshape", (X, Group((n, number(-1))))),
    "X.transpose(1, 0)": Call("transpose", (X, Literal((1, 0)))),
    "X.T.sum()": Call("sum", (Call("transpose", (X,)),)),
    "einsum('ij,jk', X, Y)": Call("einsum", (Literal("ij,jk"), X, Y)),
    "concatenate((X, Y), axis=1)": Call("concatenate", (Group((X, Y)),), (("axis", number(1)),)),
    "X[1, ::2, None, ..., Y]": Subscript(X, (number(1), Slice(None, None, number(2)), NewAxis(), Dots(), Y)),
    "X[np.newaxis, 1:n - 1]": Subscript(X, (NewAxis(), Slice(number(1), Call("subtract", (n, number(1))), None))),
    "X[[0, 2]]": Subscript(X, (Literal((0, 2)),)),
    "np.pi * X": Call("multiply", (Name("np.pi"), X)),
    "X.shape[0]": Subscript(Call("shape", (X,)), (number(0),)),
    "np.pow(X, 2)": Call("power", (X, number(2))),
    "~(X > Y) & (X < 1) | (Y == X)": Call(
        "logical_or",
        (
            Call("logical_and", (Call("logical_not", (Call("greater", (X, Y)),)), Call("less", (X, number(1))))),
            Call("equal", (Y, X)),
        ),
    ),
    "einsum('ij->j', X, optimize=True)": Call("einsum", (Literal("ij->j"), X)),
    "(\n  X\n  + Y)": Call("add", (X, Y)),
    "  X\t+\r\nY ": Call("add", (X, Y)),
}


@pytest.mark.parametrize("text", SAID)
def test_a_text_says_its_tree(text):
    assert parse(text) == SAID[text]
    assert parse(unparse(SAID[text])) == SAID[text]


DECIMAL = {
    **{"0.1": "1/10", "1e-3": "1/1000", "1_000": 1000, "2.": 2, ".5": "1/2", "-0.25": "-1/4", "1E2": 100, "+3": 3},
    **{"1e-300": f"1/{10**300}", "1e300": 10**300, "123456789012345678901234567890.5": "246913578024691357802469135781/2"},
}


@pytest.mark.parametrize(("text", "value"), DECIMAL.items())
def test_decimals_are_exact(text, value):
    assert parse(text) == number(value)


def test_spans_point_into_the_text_as_it_was_written():
    text = "  X @ sum(Y.T,\n axis=0)"
    tree = parse(text)
    assert text[slice(*tree.span)] == "X @ sum(Y.T,\n axis=0)"
    assert text[slice(*tree.args[1].span)] == "sum(Y.T,\n axis=0)" and text[slice(*tree.args[1].name_span)] == "sum"
    assert text[slice(*tree.args[1].args[0].span)] == "Y.T" and text[slice(*tree.name_span)].strip() == "@"


CARETS = {
    "__import__('os')": ("'__import__' is not a name of the language", "^^^^^^^^^^"),
    "X.__class__": ("attribute .__class__ is not in the language", "^^^^^^^^^^^"),
    "().__class__.__bases__": ("attribute .__bases__ is not in the language", "^^^^^^^^^^^^^^^^^^^^^^"),
    "X.__init__()": ("attributes such as .__init__ are not in the language", "^^^^^^^^^^"),
    "X + Y.dtype": ("attribute .dtype is not in the language", "    ^^^^^^^"),
    "scipy.special.erf(X)": ("attribute .special is not in the language", "^^^^^^^^^^^^^"),
    "np": ("'np' alone is nothing", "^^"),
    "np.X": ("np.X is no value of the language", "^^^^"),
    "np.random.rand(3)": ("np.random is no value of the language", "^^^^^^^^^"),
    "X if Y else n": ("if ... else is not in the language", "^^^^^^^^^^^^^"),
    "exp(lambda: X)": ("a lambda is not in the language", "    ^^^^^^^^^"),
    "X and Y": ("and / or is not in the language", "^^^^^^^"),
    "not X": ("this operator is not in the language", "^^^^^"),
    "X % 2": ("this operator is not in the language", "^^^^^"),
    "X // 2": ("this operator is not in the language", "^^^^^^"),
    "X ^ 2": ("this operator is not in the language", "^^^^^"),
    "X in Y": ("this operator is not in the language", "^^^^^^"),
    "X is Y": ("this operator is not in the language", "^^^^^^"),
    "0 < X < 1": ("a chain of comparisons", "^^^^^^^^^"),
    "[X for X in Y]": ("a comprehension is not in the language", "^^^^^^^^^^^^^^"),
    "sum(X for X in Y)": ("a comprehension is not in the language", "   ^^^^^^^^^^^^^^"),
    "(X := Y)": ("an assignment := is not in the language", " ^^^^^^"),
    "f'{X}'": ("a formatted string is not in the language", "^^^^^^"),
    "{X: Y}": ("a dictionary is not in the language", "^^^^^^"),
    "{X}": ("a set is not in the language", "^^^"),
    "exp(*X)": ("* is not in the language", "    ^^"),
    "exp(**X)": ("** is not in the language", "      ^"),
    "max(X, 0) + Y": ("max of several values means another thing in Python than in NumPy", "^^^^^^^^^"),
    "exp(X)(Y)": ("only a function that has a name can be called", "^^^^^^"),
    "await X": ("await is not in the language", "^^^^^^^"),
    "(yield X)": ("yield is not in the language", " ^^^^^^^"),
    "X + 1j": ("complex values are not in the language", "    ^^"),
    "X + b'a'": ("bytes values are not in the language", "    ^^^^"),
    "X + 0x10": ("'0x10' is not a decimal number", "    ^^^^"),
    "1e400 * X": ("a number of more than 400 digits", "^^^^^"),
    "X + ŷ": ("'ŷ' is not a name of the language", "    ^"),
    "ŷŷ(ŷ % 2) + X": ("'ŷŷ' is not a name of the language", "^^"),
    "'ŷŷ' + 3 % X": ("this operator is not in the language", "       ^^^^^"),
    "X\x00": ("this is not an expression", None),
    "\ud800": ("this is nested too deep, or holds what no text may", None),
}


@pytest.mark.parametrize("text", CARETS)
def test_a_refusal_points_at_what_is_refused(text):
    reason, carets = CARETS[text]
    lines = refusal(text)
    assert lines[0] == f"ParseError in the expression: {reason}"
    if carets is not None:
        assert lines[1] == f"    {text}" and lines[2].rstrip().startswith(f"    {carets}")
        assert lines[2].count("^") >= len(carets.strip())


@pytest.mark.parametrize(
    "text", ["X +", "X Y", "(X", "X)", "X = Y", "X; Y", "import os", "exp(X,, Y)", "X\nY", "0777", "\ufeffX", "yield X"]
)
def test_what_is_not_python_is_shown_with_a_caret(text):
    lines = refusal(text)
    assert lines[0] == "ParseError in the expression: this is not an expression"
    assert lines[2].count("^") >= 1 and lines[3].startswith("    fix: ")


def test_whole_messages():
    assert refusal("X @ W.T ^ 2", "equation J", "J = ") == [
        "ParseError in equation J: this operator is not in the language",
        "    J = X @ W.T ^ 2",
        "        ^^^^^^^^^^^",
        "    fix: a power is written **",
    ]
    assert refusal("  ", "equation O", "O = ") == [
        "ParseError in equation O: the expression is empty",
        "    O =   ",
        "        ^",
        "    fix: write an expression, such as X @ W.T + b",
    ]
    assert refusal("sum(X, axis=1") == [
        "ParseError in the expression: this is not an expression",
        "    sum(X, axis=1",
        "       ^",
        "    fix: close each bracket that is opened",
    ]
    assert refusal("J = X")[3] == "    fix: an equation's name stands on the left of the table, the text is its right side alone"


def test_a_comment_hides_no_line_but_its_own():
    assert parse('X  # data, "raw"\n + Y') == parse("X + Y") != parse("X")
    assert parse("einsum('i#,i->', X, Y)").args[0] == Literal("i#,i->")
    text = "X  # ŷ\n + Y // 2"
    assert refusal(text)[1:3] == ["     + Y // 2", "       ^^^^^^"]


def test_in_a_text_of_several_lines_the_guilty_one_is_shown():
    assert refusal("X +\n  Y % 2 +\n  n")[1:3] == ["      Y % 2 +", "      ^^^^^"]


HUGE = {
    "long": "X" + " + X" * 25_000,
    "a name": "X" * 100_000,
    "digits": "9" * 100_000,
    "blank": "X" + "\n" * 100_000,
    "brackets": "(" * 10_000 + "X" + ")" * 10_000,
    "open": "[" * 10_000,
    "calls": "f(" * 6_000 + "X" + ")" * 6_000,
    "signs": "-" * 10_000 + "X",
    "powers": "X" + "**X" * 1_500,
    "chain": "X" + " < X" * 1_500,
    "attributes": "X" + ".T" * 1_500,
    "subscripts": "X" + "[0]" * 1_000,
    "branches": "X if X else " * 1_000 + "X",
    "nots": "not " * 4_000 + "X",
    "lambdas": "lambda:" * 1_900 + "X",
    "formatted": "f'{" * 3_000,
    "texts": "'a'" * 3_000,
    "equals": "==" * 50_000,
}


@pytest.mark.parametrize("kind", HUGE)
def test_texts_beyond_the_budget_are_refused_at_once(kind):
    start = time.process_time()
    for read in (parse, parse_claim):
        with pytest.raises(ParseError) as caught:
            read(HUGE[kind])
        assert len(str(caught.value)) < 600
    assert time.process_time() - start < 5


def test_a_text_within_the_budget_is_read():
    for text in ("X" + " + X" * 95, "(" * 95 + "X" + ")" * 95, "X" + ".T" * 95, "-" * 95 + "X"):
        assert parse(unparse(parse(text))) == parse(text)
    assert len(parse("concatenate((" + "X, " * 1_300 + "))").args[0].items) == 1_300
    assert len("X" * MOST_CHARACTERS) == len(parse("X" * MOST_CHARACTERS).id)


TOKENS = [
    *["X", "Y", "n", "np", "numpy", "linalg", "newaxis", "T", "sum", "exp", "axis", "lambda", "if", "else", "for", "in", "not", "and"],
    *["is", "True", "None", "...", "0", "1", "2.5", "1e3", "1e999", "0x1", "1j", "'a'", '"', "'", "f'", "b''", "\\", "#", "\n", "\t"],
    *["\x00", "é", "\U0001d431", "+", "-", "*", "/", "**", "@", "%", "//", "<", "<=", "==", "!=", "<-", "=", ":=", "~", "&", "|", "^"],
    *["!", "?", "$", "`", ";", "->", "(", ")", "[", "]", "{", "}", ",", ":", ".", " ", "  ", "dJ/dX", "d2J/dXdY", "__class__", "yield"],
    *["await", "import", "·", "\ud800"],
]
NAMES = ["X", "Y", "J"]


def only_trees_or_parse_errors(text: str) -> None:
    try:
        tree = parse(text)
    except ParseError as e:
        assert str(e)
    else:
        assert isinstance(tree, Node) and parse(unparse(tree)) == tree
    for names in ((), NAMES):
        try:
            claim = parse_claim(text, names=names)
        except ParseError as e:
            assert str(e)
        else:
            again = parse_claim(f"{unparse(claim.left)} {claim.relation} {unparse(claim.right)}", names=names)
            assert (again.left, again.right) == (claim.left, claim.right)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_any_tokens_give_a_tree_or_a_parse_error(text):
    only_trees_or_parse_errors(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=9).map(" ".join))
def test_any_tokens_apart_give_a_tree_or_a_parse_error(text):
    only_trees_or_parse_errors(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30) | st.text(alphabet=string.printable, max_size=30) | st.binary(max_size=30).map(lambda b: b.decode("latin-1")))
def test_any_text_gives_a_tree_or_a_parse_error(text):
    only_trees_or_parse_errors(text)


def calls(inner: st.SearchStrategy) -> st.SearchStrategy:
    value = inner | st.sampled_from([Literal(None), Literal(True), Literal((0, 1)), Literal("a'\n")])
    options = st.builds(
        lambda *values: [(k, v) for k, v in zip(("axis", "keepdims"), values, strict=True) if v], st.none() | value, st.none() | value
    )
    item = inner | st.builds(Slice, *[st.none() | inner] * 3) | st.sampled_from([NewAxis(), Dots(), Literal((0, 2))])
    several = st.lists(inner, min_size=1, max_size=3)
    # A sign before a number is the number's own, and numbers alone in brackets are an option's value.
    signed = inner.map(lambda node: X if isinstance(node, Number) else node)
    group = several.map(lambda nodes: [*nodes, Y] if all(isinstance(node, Number) for node in nodes) else nodes)
    return st.one_of(
        st.builds(lambda op, a, b: Call(op, (a, b)), st.sampled_from(list(BINARY)), inner, inner),
        st.builds(lambda op, a: Call(op, (a,)), st.sampled_from([*UNARY, "transpose"]), signed),
        st.builds(lambda op, a, o: Call(op, tuple(a), tuple(o)), st.sampled_from(["sum", "f"]), several, options),
        st.builds(lambda v, i: Subscript(v, tuple(i)), inner, st.lists(item, min_size=1, max_size=3)),
        st.builds(lambda a: Call("concatenate", (Group(tuple(a)),)), group),
    )


DECIMALS = st.decimals(min_value=-(10**12), max_value=10**12, places=6).map(lambda d: Number(Rational(str(d))))
TREES = st.recursive(st.sampled_from([X, Y, n]) | DECIMALS | st.integers(-9, 9).map(lambda k: Number(Integer(k))), calls, max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_what_is_written_back_is_read_the_same(tree):
    assert parse(unparse(tree)) == tree
