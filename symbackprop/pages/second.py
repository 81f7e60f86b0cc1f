"""The section of a derivation on second derivatives."""

from dataclasses import replace

from symbackprop.calculus.program import Equation
from symbackprop.derivation.reverse import jacobian
from symbackprop.matrix.polish import polished
from symbackprop.pages.conventions import conventions
from symbackprop.pages.network import depending, nearest_parameter
from symbackprop.pages.teller import TOLD, Teller
from symbackprop.pages.written import is_unfolded
from symbackprop.typesetting.blocks import Block, Formulas, Heading, Line, Paragraph
from symbackprop.typesetting.index_form import Writer


def second_derivatives(teller: Teller) -> list[Block]:
    """Second derivatives, by deriving the gradient once more: by the declared output, and by the parameter next to it."""
    derived, say = teller.derived, teller.say
    output = derived.program.output
    if output is None or output not in derived.adjoints or derived.output != derived.program.objective:
        return []
    names = teller.writer.names
    weight = nearest_parameter(derived.program, output)
    told: dict[Line, None] = {}
    blocks: list[Block] = [Heading(say["hessian"]), Paragraph(teller.line("hessian lead", output=names(output)))]
    blocks += _block(teller, output, told)
    if weight is not None and weight in derived.adjoints:
        blocks.append(Paragraph(teller.line("hessian weight", output=names(output), parameter=names(weight))))
        blocks += _block(teller, weight, told)
    if told:
        blocks.append(Paragraph(teller.sentences(list(told))))
    return [*blocks, Paragraph(teller.line("hessian symmetric"))]


def of_block(teller: Teller, name: str) -> Teller:
    """The teller of the derivative of the gradient by `name` by the same tensor."""
    derived = jacobian(depending(teller.derived.program, name), teller.derived.adjoints[name], name)
    return replace(teller, derived=derived, program=derived.program, writer=Writer.of(derived.program), values={})


def _block(teller: Teller, name: str, told: dict[Line, None]) -> list[Block]:
    """The block of the Hessian of one tensor with itself, as a matrix where it is one, and by entries; how to read it goes to `told`."""
    inner = of_block(teller, name)
    e = inner.derived.program[inner.derived.adjoints[name]]
    e = Equation(e.tensor, e.indices, inner.in_place(e.name))
    index = inner.writer.equation(e)
    if teller.form == "index":
        return [Formulas((index,))]
    matrix = inner.matrix(e)
    if matrix is None:
        return [Formulas((index,)), *map(Paragraph, inner.refusals([(e.name, inner.why(e))]))]
    told |= dict.fromkeys(conventions([polished(inner.value(e))], is_unfolded(e), inner.writer, teller.say, TOLD))
    return [Formulas((matrix, index) if teller.form == "both" else (matrix,))]
