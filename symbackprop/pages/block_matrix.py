"""A symmetric matrix of blocks over several tensors, one after the other: its order, its blocks, their shapes."""

from collections.abc import Mapping, Sequence

from symbackprop.pages import folding
from symbackprop.pages.document import Composer
from symbackprop.pages.written import left_side
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Formulas, Grid, Line, Paragraph
from symbackprop.typesetting.functions import function

ACROSS = 4
"""So many blocks stand beside each other in the matrix; of more the first two and the last."""
COLUMNS = 5
"""A table of shapes has so many columns; of more variables the blocks are listed one below the other."""


def block_matrix(page: Composer, names: Mapping[str, str], variables: Sequence[str]) -> list[Block]:
    """The matrix whose block of `variables` a and b, not in the other order, is the tensor `names["a b"]` of the page's program."""
    theta, parts = page.unused("theta", "phi", "psi"), [stacked(page, v) for v in variables]
    sizes = [tree.product(*[page.writer.expression(a) for a in page.program.tensors[v].axes]) for v in variables]
    order = page.writer.names.sign("P", "italic", "bold", "upright")
    if len(variables) == 1:
        return []
    shown = chosen(len(variables))
    whole = tree.Apply(tree.Sequence(()), tuple(parts[k] if k is not None else tree.Mark("dots") for k in shown))
    total = tree.add(*[(1, s) for s in sizes])
    rows = tuple(tuple(cell(page, names, variables, i, j) for j in shown) for i in shown)
    left = tree.Derivative(page.writer.names(page.derived.program.objective), (theta, tree.transposed(theta)))
    if page.program.tensors[next(iter(names.values()))].cotangent_of:
        left_node: tree.Node = page.writer.names.sign("G", "italic", "bold")
    else:
        left_node = left
    ast = tree.Mark("ast")
    return [
        Paragraph(page.line("beyond theta", theta=theta, P=order)),
        Formulas((tree.relation(theta, ("=", whole)), tree.relation(order, ("=", total)))),
        Paragraph(page.line("beyond matrix")),
        Formulas((tree.relation(left_node, ("=", tree.Table(rows))),)),
        Paragraph(page.line("beyond mirror", ast=ast)),
        Paragraph(page.line("beyond sizes")),
        *shapes(page, names, variables, parts),
    ]


def stacked(page: Composer, name: str) -> tree.Node:
    """A tensor as a column: vec(W), or b."""
    node = page.writer.names(name)
    return tree.apply(function("vec"), node) if len(page.program.tensors[name].axes) > 1 else node


def shape_of(page: Composer, a: str, b: str) -> tree.Node:
    """Rows by columns of a block: (h d) x (c h)."""
    sides = []
    for name in (a, b):
        axes = page.program.tensors[name].axes
        size = tree.product(*[page.writer.expression(x) for x in axes])
        sides.append(tree.Fenced(size) if len(axes) > 1 else size)
    return tree.relation(sides[0], ("times", sides[1]))


def chosen(count: int) -> list[int | None]:
    """The places that are written, None for dots."""
    return list(range(count)) if count <= ACROSS else [0, 1, None, count - 1]


def is_zero(page: Composer, name: str) -> bool:
    """Whether a block is 0."""
    return page.derived.program[name].rhs == 0


def cell(page: Composer, names: Mapping[str, str], variables: Sequence[str], i: int | None, j: int | None) -> tree.Node:
    """A cell of the matrix: the name of a block, 0, a star below the diagonal, or dots."""
    if i is None or j is None:
        return tree.Mark("dots" if i is not None else "vdots" if j is not None else "ddots")
    if i > j:
        return tree.Mark("ast")
    name = names[f"{variables[i]} {variables[j]}"]
    return tree.Number("0") if is_zero(page, name) else left_side(page.derived.program[name], page.writer)


def shapes(page: Composer, names: Mapping[str, str], variables: Sequence[str], parts: Sequence[tree.Node]) -> list[Block]:
    """The shapes of the blocks, as a table with a row and a column for each variable, or as a list."""

    def size(a: str, b: str) -> Line:
        node = shape_of(page, a, b)
        zero: Line = (page.say["colon"], tree.Number("0")) if is_zero(page, names[f"{a} {b}"]) else ()
        return (node, *zero)

    if len(variables) > COLUMNS:
        rows = [
            ((left_side(page.derived.program[names[f"{a} {b}"]], page.writer),), size(a, b))
            for k, a in enumerate(variables)
            for b in variables[k:]
        ]
        return folding.grid(((page.say["beyond block header"],), (page.say["shape"],)), rows, page.say["all results"])
    table = []
    for i, a in enumerate(variables):
        cells: list[Line] = [(parts[i],)]
        cells += [size(a, b) if i <= j else (tree.Mark("ast"),) for j, b in enumerate(variables)]
        table.append(tuple(cells))
    return [Grid((("",), *[(p,) for p in parts]), tuple(table))]
