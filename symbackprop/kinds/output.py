"""The Jacobian of the output, and products with it from either side."""

from collections.abc import Sequence

from symbackprop.code.names import Scope
from symbackprop.derivation import second
from symbackprop.derivation.reverse import jacobian
from symbackprop.kinds.kind import First, Kind, kinks_of, output_of
from symbackprop.modules.extras import arrays_function, declared_output
from symbackprop.modules.module import Offer
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter
from symbackprop.pages.beyond import Section, Telling, Told
from symbackprop.results import Results
from symbackprop.typesetting import tree
from symbackprop.typesetting.names import marked
from symbackprop.verification.oracles import Along, Back


def jacobians(first: First, output: str | None = None) -> Results:
    """d `output` (default: the declared one) by each tensor that the derivation is by: output axes first, then those of the tensor."""
    name = output_of(first, output)
    made = jacobian(first.program, name, first.wrt)
    names = {n: made.adjoints[n] for n in first.wrt}
    section = Section(JACOBIAN, made, names, at=name, kinks=kinks_of(first, output=name))
    return Results(section, first.derived, "Jacobians")


def jvp(first: First, output: str | None = None) -> Results:
    """The derivative of `output` (default: the declared one) along a vector v, one part for each tensor that the derivation is by."""
    name = output_of(first, output)
    made = second.jvp(first.program, name, first.wrt)
    oracle = Along(first.program, {name: name}, made.directions)
    section = Section(JVP, made.derived, made.results, made.directions, at=name, kinks=kinks_of(first, output=name))
    return Results(section, first.derived, "Jacobian-vector products", oracle)


def vjp(first: First, output: str | None = None) -> Results:
    """A vector u in the shape of `output` (default: the declared one) times its Jacobian: one result for each of `wrt`."""
    name = output_of(first, output)
    made = second.vjp(first.program, name, first.wrt)
    oracle = Back(first.program, name, first.wrt, made.directions[name])
    section = Section(VJP, made.derived, made.results, made.directions, at=name, kinks=kinks_of(first, output=name))
    return Results(section, first.derived, "vector-Jacobian products", oracle)


def _along_direction(told: Told) -> list[tree.Node]:
    made = tree.product(tree.Derivative(told.at, (told.theta,)), marked(told.theta, "dot"))
    return [tree.relation(marked(told.at, "dot"), ("=", made))]


def _carried_back(told: Told) -> list[tree.Node]:
    made = tree.product(tree.transposed(tree.Derivative(told.at, (told.theta,))), marked(told.at, "bar"))
    return [tree.relation(marked(told.theta, "bar"), ("=", made))]


JACOBIAN = Telling(
    {"en": "The Jacobian of the output", "zh": "输出的雅可比矩阵"},
    {
        "en": "The derivatives of {at} along all paths: its axes first, then those of what it is derived by.",
        "zh": "{at} 沿所有路径的导数：先排它自己的轴，再排求导变量的轴。",
    },
)
JVP = Telling(
    {"en": "The Jacobian of the output times a vector", "zh": "输出的雅可比矩阵与向量之积"},
    {
        "en": "The derivative of {at} along a direction; no Jacobian is made:",
        "zh": "{at} 沿一个方向的导数，不必构造雅可比矩阵：",
    },
    _along_direction,
)
VJP = Telling(
    {"en": "A vector times the Jacobian of the output", "zh": "向量与输出的雅可比矩阵之积"},
    {
        "en": "What a vector in the shape of {at} is carried back to; no Jacobian is made:",
        "zh": "与 {at} 同形状的向量传回所得的量，不必构造雅可比矩阵：",
    },
    _carried_back,
)


def _jacobian(writer: ModuleWriter) -> list[FunctionText]:
    """The derivatives of the output by each parameter."""
    output = declared_output(writer)
    made = jacobian(writer.model_program, output, writer.parameter_names)
    axes = writer.shape(writer.program.tensors[output])
    doc = [f"The derivatives of the output {output} by the parameters, as Parameters with the axes {axes} in front."]
    outputs = [made.adjoints[n] for n in writer.parameter_names]
    return [arrays_function(writer, made, "jacobian", doc, outputs, writer.data_of(output))]


def _jvp(writer: ModuleWriter) -> list[FunctionText]:
    """The directional derivative of the output."""
    output = declared_output(writer)
    made = second.jvp(writer.model_program, output, writer.parameter_names)
    doc = [f"The derivative of the output {output} along v (Parameters): {writer.shape(writer.program.tensors[output])}."]
    data = writer.data_of(output)
    return [arrays_function(writer, made.derived, "jvp", doc, list(made.results.values()), data, "v", made.directions, alone=True)]


def _vjp(writer: ModuleWriter) -> list[FunctionText]:
    """A cotangent of the output, pulled back to the parameters."""
    output = declared_output(writer)
    made = second.vjp(writer.model_program, output, writer.parameter_names)
    shape = writer.shape(writer.program.tensors[output])
    u = _cotangent(writer)
    doc = [
        f"The sum over all entries of the output {output} of {u}, an array of its shape ({shape}), times their gradients, as Parameters."
    ]
    results = [made.results[n] for n in writer.parameter_names]
    return [arrays_function(writer, made.derived, "vjp", doc, results, writer.data_of(output), u, made.directions)]


def _cotangent(writer: ModuleWriter) -> str:
    """What vjp calls its vector."""
    return Scope(writer.names).name("u")


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """All of them against differences of the output."""
    writer.helpers |= {"_along"}
    np = writer.spelling.library
    data = writer.data_of(declared_output(writer))
    after = "".join(f', {writer.names(t)}=data["{writer.names(t)}"]' for t in data)
    quiet = ", check=False" if writer.check_argument(data) else ""
    lines = [f"v, slope = _along(lambda moved: {np}.ravel(forward(moved{after}{quiet})), params, generator)"]
    if "jvp" in words:
        lines.append(f'_same("jvp", {np}.ravel(jvp(params{after}, v=v)), slope)')
    if "jacobian" in words:
        lines.append(f"rows = [{np}.reshape(part, (slope.size, -1)) for part in jacobian(params{after})]")
        lines.append(f'_same("jacobian", {np}.dot({np}.concatenate(rows, axis=1), pack(v)), slope)')
    if "vjp" in words:
        lines.append(f"u = generator.standard_normal(np.shape(forward(params{after})))")
        given = f"{after}, {_cotangent(writer)}=u"
        lines.append(f'_same("vjp", {np}.dot(pack(vjp(params{given})), pack(v)), {np}.dot({np}.ravel(u), slope))')
    return lines


KINDS = (
    Kind(name="jacobian", derive=jacobians, offer=Offer(functions=_jacobian, checks=_checks)),
    Kind(name="jvp", derive=jvp, offer=Offer(functions=_jvp, checks=_checks)),
    Kind(name="vjp", derive=vjp, offer=Offer(functions=_vjp, checks=_checks)),
)
