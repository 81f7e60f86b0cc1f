"""Pages of one expression: parts in place, and what a user gives beside the expression."""

import pytest

from symbackprop.calculus.program import Equation
from symbackprop.commands.pages import expression_page, pairs, result_page
from symbackprop.errors import NotationError, ParseError
from symbackprop.expressions import derivative
from symbackprop.pages.closed import put_in_place
from symbackprop.result import Result

SHAPES = {"A": "m n", "x": "n", "b": "m"}


def page(text: str, form: str = "both", **facts: str) -> str:
    return expression_page(text, "A: m n; x: n; b: m", "; ".join(f"{k}: {v}" for k, v in facts.items()), ["x"], 1, form)


def in_place(result: Result) -> list[Equation]:
    return put_in_place(result.program, result.name, result.known)


def test_parts_stand_in_place() -> None:
    (only,) = in_place(derivative("norm(A @ x - b)**2", SHAPES, wrt="x"))
    assert only.uses() == {"A", "x", "b"}
    assert "t^{(1)}" not in page("norm(A @ x - b)**2")


def test_a_part_under_a_root_keeps_its_name_and_is_defined_first() -> None:
    *parts, last = in_place(derivative("norm(A @ x - b)", SHAPES, wrt="x"))
    assert parts and last.uses() - set(SHAPES) == {parts[-1].name}


def test_known_parts_are_neither_put_in_place_nor_defined() -> None:
    result = derivative("norm(A @ x - b)", SHAPES, wrt="x")
    known = Result(result.derived, result.name, {e.name for e in result.program.equations})
    (only,) = in_place(known)
    assert only == result.equation
    assert "r = " in "".join(result.latex_parts()) and not known.formula.parts


def test_both_forms_one_form_and_a_form_that_cannot_be_had() -> None:
    assert "index form:" in page("sum(A @ x)") and "matrix form:" in page("sum(A @ x)")
    assert "matrix form:" not in page("sum(A @ x)", "index")
    result = derivative("sum(sin(x[1:] * x[:-1]))", SHAPES, wrt="x")
    for lang, why in (("en", "it has no matrix form: an index is shifted"), ("zh", "没有矩阵形式，故按元素写出：有下标经过平移")):
        shown = result_page("t", result, "both", lang)
        assert why in shown and "\nmatrix form:" not in shown and "\n矩阵形式：" not in shown
    with pytest.raises(NotationError):
        result_page("t", result, "matrix")


def test_facts_that_were_used_are_said() -> None:
    given = ("x: c; y: c", "y: simplex over c")
    assert "Facts used: y: simplex over c" in expression_page("sum(y * log(softmax(x)))", *given, ["x"], 1, "index")
    assert "Facts used" not in expression_page("sum(y * log(softmax(x)))", given[0], "", ["x"], 1, "index")


def test_pairs_are_names_and_words() -> None:
    assert pairs(" A: m n; x :n;; s: ", "shapes") == {"A": "m n", "x": "n", "s": ""}
    with pytest.raises(ParseError, match="'A' stands there twice"):
        pairs("A: m; A: n", "shapes")


def test_a_matrix_of_more_axes_says_how_it_is_read_in_both_languages() -> None:
    result = derivative("X.T @ A @ X", {"X": "m n", "A": "m m"}, wrt="X")
    for lang, words in (("en", ("row by row", "Kronecker product", "commutation matrix")), ("zh", ("按行优先", "克罗内克积", "交换矩阵"))):
        shown = result_page("t", result, "matrix", lang)
        assert r"\frac{\partial \operatorname{vec}(f)}{\partial \operatorname{vec}(X)^{\top}} = " in shown
        assert all(word in shown for word in words)
    assert all(word not in page("sum(A @ x)", "matrix") for word in ("Kronecker", "row by row"))


def test_pages_speak_chinese() -> None:
    shown = expression_page("sum(A @ x)", "A: m n; x: n", "", ["x"], 1, "both", "zh")
    assert "对 x 的导数" in shown and "矩阵形式：" in shown and "matrix form" not in shown
