"""The equations of a model, written as a person would write them, as the forward equations of a note."""

from collections.abc import Collection

from symbackprop.calculus.program import Program
from symbackprop.errors import FormulaError, NotationError
from symbackprop.formulas.notation.context import Declared
from symbackprop.formulas.notation.trees import plain
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.statements import parse
from symbackprop.matrix.form import matrix_form
from symbackprop.matrix.polish import polished
from symbackprop.matrix.tex import Typesetter
from symbackprop.notes.note import Formula
from symbackprop.notes.pieces import Piece
from symbackprop.pages.written import left_side
from symbackprop.typesetting import tree
from symbackprop.typesetting.index_form import Writer
from symbackprop.typesetting.latex import latex


def equations(program: Program, numbers: Collection[str] = ()) -> tuple[list[Piece], list[Declared], tuple[str, ...]]:
    """The equations of a model, the axes of its tensors, and names that nothing could be read for.

    An axis whose example size is among `numbers` has that size: the note has numbers for its sizes.
    """
    sizes = {str(axis): str(size) for axis, size in program.sizes.items() if str(size) in numbers}
    writer = Writer.of(program)
    found, declared, unread = [], [], []
    for tensor in program.tensors.values():
        name = plain(parse(latex(writer.names(tensor.name))).statements[0].body)
        if isinstance(name, n.Name) and not tensor.derivative:
            axes = tuple(parse(sizes.get(str(a), latex(writer.expression(a)))).statements[0].body for a in tensor.axes)
            declared.append(Declared(name, axes))
    for k, equation in enumerate(program.equations):
        try:
            right = Typesetter(writer).node(polished(matrix_form(equation, program)))
            text = latex(tree.relation(left_side(equation, writer), ("=", right)))
        except NotationError:
            text = latex(writer.equation(equation))
        try:
            statements = parse(text).statements
        except FormulaError:
            unread.append(equation.name)
            continue
        found.append(Piece(Formula(0, text, 0, 0, 0, 0), statements, text, "equation", order=-(10**7) + k, source="model"))
    return found, declared, tuple(unread)
