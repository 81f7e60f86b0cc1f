"""A model's output as a layer: a forward that gives it with a cache, and a backward from the gradient above to those of its arguments."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Total
from symbackprop.code.body import Body, staged
from symbackprop.code.layout_text import bracketed
from symbackprop.code.names import Scope, code_names, layer_names
from symbackprop.derivation.reverse import gradient
from symbackprop.errors import TargetError
from symbackprop.kinds.kind import Kind
from symbackprop.modules.extras import declared_output
from symbackprop.modules.module import Offer
from symbackprop.modules.pieces import function_of, unpacked
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter


def _kind(writer: ModuleWriter) -> str:
    """What the gradients are returned as."""
    return "Parameters" if writer.own else "Gradients"


def _arguments(writer: ModuleWriter) -> tuple[Tensor, ...]:
    """All that the output needs, and the parameters, as they were declared."""
    needed = {t.name for t in (*writer.data_of(declared_output(writer)), *writer.parameters, *writer.wrt)}
    return tuple(t for t in writer.program.leaves if t.name in needed)


def _with_upstream(writer: ModuleWriter, output: str) -> tuple[Program, str]:
    """The model up to its output, with the objective sum(output * upstream), and the name of the upstream gradient."""
    program = writer.model_program.needed([output]).with_leaves(_arguments(writer))
    own = program.tensors[output]
    above = Tensor(program.fresh_name(f"d{output}"), own.axes, role="input")
    top = Tensor(program.fresh_name("J", [above.name]), ())
    total = Total(own[own.indices] * above[own.indices], *own.indices)
    tensors = {**program.tensors, above.name: above, top.name: top}
    equations = (*program.equations, Equation(top, (), total))
    return replace(program, tensors=tensors, equations=equations, objective=top.name), above.name


def _functions(writer: ModuleWriter) -> list[FunctionText]:
    """The pair, in two stages of one computation: what the backward needs of the forward is the cache."""
    output = declared_output(writer)
    whole, above = _with_upstream(writer, output)
    wrt = [t.name for t in writer.wrt]
    if inner := [name for name in wrt if whole.equation(name) is not None]:
        raise TargetError(
            f"{inner[0]} is no argument, and a layer has gradients by its arguments", place="layer", fix="leave it out of wrt"
        )
    derived = gradient(whole, wrt)
    names = code_names(derived.program, known=writer.names)
    scope = Scope(names)
    cache = scope.name("cache")
    slopes = [derived.adjoints[name] for name in wrt]
    first, then = staged(derived.program, dict.fromkeys(slopes), [above], writer.spelling, names, scope.reserved, [output])
    out, up = names(whole.tensors[output]), names(whole.tensors[above])
    held = [out, *(name for name in then.reads if name not in (out, up))]
    sized = [whole.tensors[output], *(t for t in _arguments(writer) if writer.names(t) in held)]
    if not {a for t in sized for a in t.axes} >= set(then.sizes):
        sized = [whole.tensors[output], *_arguments(writer)]
        held = list(dict.fromkeys([*held, *(names(t) for t in sized)]))
    named = [] if first.results[output] == out else [f"{out} = {first.results[output]}"]
    lines = [*named, *bracketed(f"{cache} = (", held, ",)" if len(held) == 1 else ")", 4), f"return {out}, {cache}"]
    forward = _forward(writer, writer.noted(replace(first, lines=(*first.lines, *lines))), output)
    lines = [f"{unpacked(held)} = {cache}", f'{up} = _cotangent("{up}", {up}, {out}.shape, {out}.dtype)']
    lines += [f"{names.size(a)} = {writer.size_of(a, sized)}" for a in sorted(then.sizes, key=str)]
    lines += [f"dtype = {out}.dtype"] if then.dtype else []
    results = [then.results[slope] for slope in slopes]
    back = [f"return {results[0]}"] if len(results) == 1 else bracketed(f"return {_kind(writer)}(", results, ")", 4)
    doc = [f"The gradients by {', '.join(wrt)}, where {up} is that by the output {output}{f', as {_kind(writer)}' if results[1:] else ''}."]
    writer.helpers |= {"_cotangent"}
    called = layer_names(writer.program.name)[1]
    return [forward, function_of(called, [up, cache], doc, [*lines, *writer.noted(then).lines, *back])]


def _forward(writer: ModuleWriter, inner: Body, output: str) -> FunctionText:
    """The function of all arguments that computes the output and the cache."""
    called, back = layer_names(writer.program.name)
    arguments = _arguments(writer)
    data = [t for t in arguments if t not in writer.parameters]
    doc = [f"The output {output} ({writer.shape(writer.program.tensors[output])}), and what {back} needs of it."]
    doc += ["", "These are arrays, no copies: write to none of them before it is called."]
    params = bracketed("params = Parameters(", [writer.names(t) for t in writer.parameters], ")", 4)
    head = [*[writer.names(t) for t in arguments], *writer.check_argument(data)]
    return function_of(called, head, writer.documented(doc, data), [*params, *writer.complete(inner, data)])


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """The backward against differences of the forward."""
    writer.helpers |= {"_along"}
    np = writer.spelling.library
    (forth, back), kind = layer_names(writer.program.name), _kind(writer)
    arguments = _arguments(writer)
    check = ", check=False" if writer.check_argument([t for t in arguments if t not in writer.parameters]) else ""
    given = bracketed("given = {", [f'"{writer.names(t)}": arrays["{writer.names(t)}"]' for t in arguments], "}", 4)
    slopes = "(slopes,)" if len(writer.wrt) == 1 else "slopes"
    return [
        *given,
        f"at = {kind}(*[arrays[name] for name in {kind}._fields])",
        f"v, slope = _along(lambda moved: {np}.ravel({forth}(**{{**given, **moved._asdict()}}{check})[0]), at, generator)",
        f"out, cache = {forth}(**given{check})",
        "above = generator.standard_normal(np.shape(out))",
        f"slopes = {back}(above, cache)",
        f'_same("{back}", sum({np}.vdot(a, b) for a, b in zip({slopes}, v)), {np}.dot({np}.ravel(above), slope))',
    ]


KINDS = (Kind(name="layer", offer=Offer(functions=_functions, checks=_checks, by_any=True)),)
