"""What a module's self_check does for the functions it offers beyond the gradient: differences of the gradient and of the output."""

from collections.abc import Sequence

from symbackprop.lower.extras import cotangent
from symbackprop.lower.layout_text import bracketed
from symbackprop.lower.module_writer import ModuleWriter

DRAWN = "Parameters(*[generator.standard_normal(np.shape(array)) for array in params])"


def check_lines(writer: ModuleWriter, names: Sequence[str]) -> list[str]:
    """The statements at the end of self_check for the words `names` of extras.EXTRAS."""
    if not names:
        return []
    writer.helpers |= {"_same"}
    lines = ["params = Parameters(*[arrays[name] for name in Parameters._fields])"]
    lines.append("data = {name: array for name, array in arrays.items() if name not in Parameters._fields}")
    curved = [n for n in names if n in ("hessian", "hvp")]
    if curved:
        writer.helpers |= {"_along"}
        lines.append(f"v, slope = _along(lambda moved: pack(gradients(moved, **data{writer.unchecked})), params, generator)")
    if "hessian" in names:
        lines.append('_same("hessian", np.dot(hessian(params, **data), pack(v)), slope)')
    if "hvp" in names:
        lines.append('_same("hessian_vector_product", pack(hessian_vector_product(params, **data, v=v)), slope)')
    if "ggn" in names:
        lines += [f"v = {DRAWN}", f"w = {DRAWN}"]
        lines.append("turned = [np.dot(pack(x), pack(gauss_newton_vector_product(params, **data, v=y))) for x, y in ((v, w), (w, v))]")
        lines.append('_same("gauss_newton_vector_product", *turned)')
    if writer.program.output is not None and {"jacobian", "jvp", "vjp"} & set(names):
        lines += _of_output(writer, writer.program.output, names)
    if "per-sample" in names:
        lines += _each_sample(writer)
    return lines


def _of_output(writer: ModuleWriter, output: str, names: Sequence[str]) -> list[str]:
    """Derivatives of the output against differences of it."""
    writer.helpers |= {"_along"}
    data = writer.data_of(output)
    after = "".join(f', {writer.names(t)}=data["{writer.names(t)}"]' for t in data)
    quiet = ", check=False" if writer.check_argument(data) else ""
    lines = [f"v, slope = _along(lambda moved: np.ravel(forward(moved{after}{quiet})), params, generator)"]
    if "jvp" in names:
        lines.append(f'_same("jvp", np.ravel(jvp(params{after}, v=v)), slope)')
    if "jacobian" in names:
        lines.append(f"rows = [np.reshape(part, (slope.size, -1)) for part in jacobian(params{after})]")
        lines.append('_same("jacobian", np.dot(np.concatenate(rows, axis=1), pack(v)), slope)')
    if "vjp" in names:
        lines.append(f"u = generator.standard_normal(np.shape(forward(params{after})))")
        given = f"{after}, {cotangent(writer)}=u"
        lines.append(f'_same("vjp", np.dot(pack(vjp(params{given})), pack(v)), np.dot(np.ravel(u), slope))')
    return lines


def _each_sample(writer: ModuleWriter) -> list[str]:
    """Per-sample gradients against the gradients of each sample by itself."""
    size = writer.names.size(writer.program.samples)
    held = [(writer.names(t), t.axes.index(writer.program.samples)) for t in writer.data if writer.program.samples in t.axes]
    lines = [
        "each, norms = per_sample_gradients(params, **data), per_sample_gradient_norms(params, **data)",
        f'for k in range(axis_sizes["{size}"]):',
    ]
    parts = [f'"{name}": np.take(data["{name}"], [k], axis={axis})' for name, axis in held]
    lines += [f"    {line}" for line in bracketed("one = {**data, ", parts, "}", 8)]
    lines.append("    alone = pack(gradients(params, **one))")
    lines.append('    _same("per_sample_gradients", pack(Parameters(*[part[k] for part in each])), alone)')
    lines.append('    _same("per_sample_gradient_norms", norms[k], np.sqrt(np.dot(alone, alone)))')
    return lines
