"""From syntax trees to a program: names looked up, shapes inferred, ops built, every sum where it may stand.

`elaborate` takes a whole model, `elaborate_expression` one more expression about a program. Mistakes become errors that
show the expression with a caret.
"""

from dataclasses import replace

from sympy import Expr, expand_mul

from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Equation, Program
from symbackprop.errors import AxisError, SpecError, UnknownNameError
from symbackprop.language.declare import axis_names, declared, did_you_mean, example_sizes, facts_of, in_order, sample_axis
from symbackprop.language.nodes import Node, names_of
from symbackprop.language.reader import Reader
from symbackprop.language.spec import ModelSpec
from symbackprop.ops.array import Draft

__all__ = ["elaborate", "elaborate_expression", "facts_of"]


def elaborate(spec: ModelSpec, *, scalar: bool = True, unused: bool = False) -> Program:
    """The program of a model. `scalar`: the objective must be one; `unused`: tensors that no equation uses are allowed.

    Raises SpecError and its kinds: unknown names, axes, ops and facts, sizes that clash, cycles, what is never used.
    """
    tensors = declared(spec)
    sizes = example_sizes(spec)
    order = in_order(spec)
    names = [e.name for e in order]
    draft = Draft(tensors, (), sizes, (*names, *axis_names(spec)), needs=spec.needs)
    draft.infers = spec.inferred
    reader = Reader(draft, axis_names(spec))
    for leaf, tensor in tensors.items():
        for size in tensor.axes:
            draft.need(size - 1, f"the axis {shape_text([size])} of {leaf}", f"an axis of {leaf} is empty", draft.tensor(leaf))
    for e in order:
        reader.define(e.name, e.node, e.text, latex=spec.latex.get(e.name))
    objective = spec.objective or spec.equations[-1].name
    for role, name in (("objective", objective), ("output", spec.output)):
        if name is not None and name not in draft.tensors:
            raise UnknownNameError(f"{role} '{name}' is no equation", place=f"model {spec.name}", fix=did_you_mean(name, names))
    if scalar and draft.tensors[objective].axes:
        text = next((f"{e.name} = {e.text}" for e in spec.equations if e.name == objective), "")
        raise SpecError(
            f"objective {objective} is not a scalar, it has axes {shape_text(draft.tensors[objective].axes)}",
            place=f"model {spec.name}",
            source=text,
            fix="take a sum or a mean of it, or name another equation as the objective",
        )
    if not unused:
        used = set().union(*(names_of(e.node) for e in spec.equations))
        for name in tensors:
            if name not in used and name not in spec.idle:
                raise SpecError(f"tensor '{name}' is never used", place=f"model {spec.name}", fix="use it in an equation, or remove it")
    for name in spec.latex:
        if name not in draft.tensors:
            raise UnknownNameError(f"nothing defines '{name}'", place="latex", fix=did_you_mean(name, list(draft.tensors)))
    for k, made in enumerate(draft.equations):  # those that no author wrote can be named too
        if made.name in spec.latex:
            draft.equations[k] = replace(made, tensor=replace(made.tensor, latex=spec.latex[made.name]))
            draft.tensors[made.name] = draft.equations[k].tensor
    equations, samples = tuple(draft.equations), sample_axis(spec, {name: draft.tensors[name] for name in tensors})
    return Program(spec.name, draft.tensors, equations, objective, spec.output, samples, sizes, tuple(draft.needs), style=spec.style)


def elaborate_expression(
    node: Node, program: Program, name: str | None = None, *, text: str = "", place: str = "the expression"
) -> tuple[Program, str]:
    """`program` with the equations that `node` needs, and the name of the tensor that holds its value.

    Without a `name`, what the program has already is not written again. Of a program without equations, a letter of the shapes that meets a
    formula in others (m against n - 1) stands for it from then on.
    """
    draft = Draft(program.tensors, program.equations, program.sizes, needs=program.needs)
    reader = Reader(draft, [str(a) for a in (*program.axes, *program.sizes)])
    while True:
        reader.locate(place, text)
        try:
            return _elaborated(reader, node, program, name, text)
        except AxisError:
            stands = stands_for(reader.draft.met) if reader.draft.met and not program.equations else None
            if stands is None:
                raise
            tensors = {k: replace(t, axes=tuple(a.xreplace(stands) for a in t.axes)) for k, t in program.tensors.items()}
            program = replace(program, tensors=tensors)
            reader.draft = Draft(tensors, (), program.sizes)
            reader.sizes = {k: size.xreplace(stands) for k, size in reader.sizes.items()}


def equations_of(node: Node, program: Program) -> tuple[list[Equation], str]:
    """The equations that one more expression needs, and the name of the tensor that holds its value; what is there is not written again."""
    draft = Draft(program.tensors, program.equations, program.sizes, needs=program.needs)
    reader = Reader(draft, [str(a) for a in (*program.axes, *program.sizes)])
    value = reader.value(node)
    name = draft.known(value) or draft.named(value)
    return draft.equations[len(program.equations) :], name


def stands_for(met: tuple[Expr, Expr]) -> dict[Expr, Expr] | None:
    """What one of two sizes stands for, if it is a letter and the other a formula in other letters."""
    for letter, formula in (met, met[::-1]):
        if letter.is_Symbol and formula.free_symbols and not formula.is_Symbol and not formula.has(letter):
            over, under = formula.as_numer_denom()
            return {over: letter * under} if under != 1 and over.is_Symbol else {letter: formula}
    gap = met[0] - met[1]
    if all(size.is_Symbol or size.is_Integer for size in met):
        return None
    for letter in sorted(gap.free_symbols, key=str):  # k against g - 2 k: g is 3 k
        slope = gap.coeff(letter)
        value = expand_mul(letter - gap / slope) if slope.is_Integer and slope != 0 else letter
        if value.is_positive and value.is_integer and not value.has(letter):
            return {letter: value}
    return None


def _elaborated(reader: "Reader", node: Node, program: Program, name: str | None, text: str) -> tuple[Program, str]:
    draft = reader.draft
    draft.infers = () if program.equations else draft.tensors
    value = reader.value(node)
    if name is None:
        name = draft.known(value) or draft.named(value)
    else:
        draft.define(name, value, text)
    tensors = {k: draft.tensors[k] for k in program.tensors}
    return replace(program, tensors=tensors).extended(draft.equations[len(program.equations) :], needs=tuple(draft.needs)), name
