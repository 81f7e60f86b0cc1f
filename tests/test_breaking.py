"""Long formulas on several lines: what is broken, where, and that nothing is lost."""

import re

import pytest

from symbackprop.typesetting import tree
from symbackprop.typesetting.breaking import NONE, opened, rows, wrapped
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.mathml import element
from symbackprop.typesetting.widths import ems

ROOM = 20.0


def name(k: int) -> tree.Node:
    return tree.Labelled(tree.Letter("x"), (tree.Number(str(k)),))


def fraction(k: int) -> tree.Node:
    return tree.Frac(name(k), tree.add((1, name(k + 1)), (-1, name(k + 2))))


def long_sum(count: int) -> tree.Node:
    return tree.add(*[(-1 if k % 3 else 1, tree.product(fraction(k), name(k))) for k in range(count)])


LONG = {
    "sum": long_sum(17),
    "a product of sums": tree.product(tree.Letter("c"), long_sum(7), long_sum(11)),
    "a sum below a big sum": tree.big_sum(tree.Letter("i"), tree.ONE, tree.Letter("n"), tree.product(fraction(1), long_sum(13))),
    "brackets in brackets": tree.product(tree.Letter("a"), tree.add((1, tree.product(tree.Letter("b"), long_sum(9))), (-1, long_sum(5)))),
    "a transpose": tree.transposed(long_sum(13)),
    "a function": tree.apply(tree.Letter("exp", "function"), long_sum(11)),
    "entries": tree.hadamard(long_sum(7), ("odot", tree.Letter("A")), ("oslash", long_sum(7))),
    "a power": tree.power(long_sum(11), tree.Number("2")),
}


@pytest.mark.parametrize("kind", LONG)
def test_lines_fit_and_hold_all_that_the_formula_does(kind: str) -> None:
    lines = wrapped(LONG[kind], ROOM)
    assert len(lines) > 1 and all(ems(line) <= ROOM for line in lines)
    names = re.compile(r"x_{\d+}|[abcnA]\b")
    assert names.findall(" ".join(map(latex, lines))) == names.findall(latex(LONG[kind]))


@pytest.mark.parametrize("kind", LONG)
def test_what_one_line_opens_another_closes(kind: str) -> None:
    depth = 0
    for line in wrapped(LONG[kind], ROOM):
        depth += opened(line)
        assert depth >= 0 and element(line).count("<mfrac>") == latex(line).count(r"\frac")
    assert depth == 0


def test_a_sum_is_broken_at_its_signs_and_a_short_one_not_at_all() -> None:
    assert wrapped(long_sum(3), ROOM) == [long_sum(3)]
    first, *others = wrapped(long_sum(17), ROOM)
    assert isinstance(first, tree.Relation) and all(isinstance(line, tree.Relation) and line.first == NONE for line in others)
    assert all(latex(line).strip()[0] in "+-" for line in others)


def test_a_fraction_that_is_wider_than_a_line_is_a_product() -> None:
    lines = wrapped(tree.Frac(long_sum(13), tree.Letter("n")), ROOM)
    assert latex(lines[0]).startswith(r"\frac{1}{n} \biggl(") and latex(lines[-1]).endswith(r"\biggr)")


def test_a_wide_left_side_has_its_own_line() -> None:
    left = tree.Labelled(tree.Letter("an_uncommonly_long_name"), (tree.Letter("i"),))
    made = rows([tree.relation(left, ("=", long_sum(5))), tree.relation(name(1), ("=", name(2)))], ROOM)
    assert made[0].right == left and made[-1].left == name(1)
    assert all(ems(one.left) + one.indent + ems(one.right) <= ROOM for one in made)


def test_equations_keep_one_line_each_where_they_fit() -> None:
    equations = [tree.relation(name(k), ("=", fraction(k))) for k in range(3)]
    assert [latex(one.left) + latex(one.right) for one in rows(equations, ROOM)] == list(map(latex, equations))
