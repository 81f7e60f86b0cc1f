"""The gradient of each sample by itself, and its norm."""

from collections.abc import Sequence

from symbackprop.code.layout_text import bracketed
from symbackprop.derivation import samples
from symbackprop.kinds.kind import First, Kind, kinks_of
from symbackprop.modules.extras import arrays_function
from symbackprop.modules.module import Offer
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter
from symbackprop.pages.beyond import Section, Telling, Told
from symbackprop.results import Results
from symbackprop.typesetting import tree
from symbackprop.verification.oracles import EachAlone


def per_sample_gradients(first: First) -> Results:
    """The gradient of the objective of each sample by itself: the axis of samples, then those of the parameter.

    Their mean is the gradient where the objective is a mean over samples; a penalty counts in full for each. `results["norm"]` is their
    Euclidean norm over all parameters, made without them. Raises DeriveError where samples are coupled, as by batch norm.
    """
    made = samples.per_sample_gradients(first.program, first.wrt)
    names, objective = {**made.gradients, "norm": made.norms}, first.program.objective
    section = Section(TELLING, made.derived, names, kinks=kinks_of(first), walk=made.wide, objective=objective)
    return Results(section, first.derived, "per-sample gradients", EachAlone(first.derived, first.wrt))


def _definition(told: Told) -> list[tree.Node]:
    """The objective of one sample."""
    own = told.derived.program.equation(told.section.objective)
    return [told.writer.equation(own)] if own is not None and own.tensor.axes else []


TELLING = Telling(
    {"en": "The gradient of each sample", "zh": "每个样本的梯度"},
    {
        "en": "{objective} of a batch of one sample alone, for each sample {s}: what is a mean over samples is that sample's "
        "term, and a penalty counts in full.",
        "zh": "对每个样本 {s}，取只含该样本的一批所得的 {objective}：对样本的平均就是该样本的一项，正则项则完整计入。",
    },
    _definition,
)


def _functions(writer: ModuleWriter) -> list[FunctionText]:
    """The gradients of each sample by itself, and their norms."""
    made = samples.per_sample_gradients(writer.model_program, writer.parameter_names)
    size, objective = writer.names.size(writer.program.samples), writer.program.objective
    title = f"The gradients of {objective} for each sample by itself, as Parameters with the axis {size} in front."
    doc = [title, "", f"Their mean is the gradient where {objective} is a mean over samples; a penalty counts in full for each."]
    outputs = [made.gradients[n] for n in writer.parameter_names]
    gradients = arrays_function(writer, made.derived, "per_sample_gradients", doc, outputs, writer.data)
    title = f"The Euclidean norms of the gradients of {objective} for each sample by itself: {size}. No gradient is made for it."
    norms = arrays_function(writer, made.derived, "per_sample_gradient_norms", [title], [made.norms], writer.data, alone=True)
    return [gradients, norms]


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """Against the gradients of each sample by itself."""
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
    np = writer.spelling.library
    lines.append(f'    _same("per_sample_gradient_norms", norms[k], {np}.sqrt({np}.dot(alone, alone)))')
    return lines


KINDS = (Kind(name="per-sample", derive=per_sample_gradients, offer=Offer(functions=_functions, checks=_checks, late=True)),)
