"""The objective and its gradients in sums that add up over chunks of samples: for data that no machine holds at once."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.code.body import body
from symbackprop.code.layout_text import WIDTH, bracketed
from symbackprop.code.names import Scope, code_names
from symbackprop.derivation.chunks import Chunked, partial_sums
from symbackprop.kinds.kind import Kind
from symbackprop.modules.module import Offer
from symbackprop.modules.pieces import function_of, tuple_text, unpacked, unpacking
from symbackprop.modules.record import FunctionText
from symbackprop.modules.writer import ModuleWriter

ADDING = """
def __add__(self, other):
    if not isinstance(other, tuple) or len(other) != len(self):
        return NotImplemented
    return Sums(*[a + b for a, b in zip(self, other)])

def __radd__(self, other):  # sum() begins with 0
    return self if isinstance(other, int) and other == 0 else NotImplemented
"""


def _functions(writer: ModuleWriter) -> list[FunctionText]:
    """The sums as a tuple that adds up, what makes them of a chunk, and what is made of them."""
    made = partial_sums(writer.model_program, writer.parameter_names)
    names = code_names(made.whole, known=writer.names)
    fields = [names(made.whole.tensors[name]) for name in (made.count, *made.sums)]
    return [_record(writer, made, fields), _partial(writer, made), _finish(writer, made, fields)]


def _record(writer: ModuleWriter, made: Chunked, fields: Sequence[str]) -> FunctionText:
    """The tuple of the sums."""
    size = writer.names.size(writer.program.samples)
    shapes = ["int", *["np.ndarray" for _ in made.sums]]
    said = [f"the number of samples, {size}", *[writer.shape(made.whole.tensors[name]) for name in made.sums]]
    lines = [f"{name}: {kind}  # {what}" for name, kind, what in zip(fields, shapes, said, strict=True)]
    doc = (f"What {writer.program.objective} and its gradients need of some samples. The sums of two chunks are those of both: a + b.",)
    return FunctionText(("class Sums(NamedTuple):",), doc, ("", *lines, *ADDING.rstrip("\n").splitlines()))


def _partial(writer: ModuleWriter, made: Chunked) -> FunctionText:
    """The function of a chunk."""
    names = code_names(made.part, known=writer.names)
    samples = writer.program.samples
    inner = writer.noted(body(made.part, list(dict.fromkeys(made.sums.values())), writer.spelling, names, Scope(names).reserved))
    back = bracketed("return Sums(", [writer.names.size(samples), *[inner.results[name] for name in made.sums.values()]], ")", 4)
    inner = replace(inner, lines=(*inner.lines, *back), sizes=tuple(dict.fromkeys((*inner.sizes, samples))))
    size = writer.names.size(samples)
    doc = [f"The sums of a chunk: data of any number of samples {size}, none included.", ""]
    doc += ["Those of all chunks together are their sum, of which `finish` makes the objective and its gradients."]
    nonempty = tuple_text([f'"{writer.names.size(a)}"' for a in writer.means if a != samples])
    arguments = ["params", *writer.data_names, *writer.check_argument(writer.data)]
    return function_of("partial_sums", arguments, writer.documented(doc, writer.data), writer.complete(inner, writer.data, nonempty))


def _finish(writer: ModuleWriter, made: Chunked, fields: Sequence[str]) -> FunctionText:
    """The function of all sums."""
    program, objective = made.whole, writer.program.objective
    names = code_names(program, known=writer.names)
    scope = Scope(names)
    part = scope.name("part")
    outputs = [objective, *made.gradients.values()]
    held = {t.name for t in program.needed(outputs).leaves}
    data = [t for t in writer.data if t.name in held]
    inner = writer.noted(body(program, list(dict.fromkeys(outputs)), writer.spelling, names, scope.reserved))
    size = writer.names.size(writer.program.samples)
    lines = [f"if len(sums) != {len(fields)}:", f'    raise ValueError(f"sums: expected {len(fields)} parts, got {{len(sums)}}")']
    if writer.program.samples in writer.means:
        lines += [
            "if not sums[0]:",
            f'    raise ValueError("axis {size} is empty, and the model takes a mean or a largest entry along it")',
        ]
    lines.append("dtype = np.result_type(dtype, *sums[1:])")
    arrays = f"[np.asarray({part}, dtype) for {part} in sums]"
    line = f"{unpacked(fields)} = {arrays}"
    lines += [line] if len(line) + 4 <= WIDTH else unpacking(fields, arrays)
    call = bracketed("gradients = Parameters(", [inner.results[name] for name in made.gradients.values()], ")", 4)
    inner = replace(inner, lines=(*lines, *inner.lines, *call, f"return {inner.results[objective]}, gradients"), dtype=True)
    doc = [f"The objective and its gradients, ({objective}, Parameters), of the sums of all chunks at the same parameters."]
    arguments = ["params", "sums", *[writer.names(t) for t in data], *writer.check_argument(data)]
    nonempty = tuple_text([f'"{writer.names.size(a)}"' for a in writer.means if any(a in t.axes for t in writer.with_parameters(data))])
    return function_of("finish", arguments, writer.documented(doc, data), writer.complete(inner, data, nonempty))


def _checks(writer: ModuleWriter, words: Sequence[str]) -> list[str]:
    """Against the whole in one call, for chunks of any size, of one sample and of none."""
    samples = writer.program.samples
    size = writer.names.size(samples)
    cut = [(writer.names(t), t.axes.index(samples)) for t in writer.data if samples in t.axes]
    made = partial_sums(writer.model_program, writer.parameter_names)
    held = {t.name for t in made.whole.needed([writer.program.objective, *made.gradients.values()]).leaves}
    shared = "".join(f', {writer.names(t)}=data["{writer.names(t)}"]' for t in writer.data if t.name in held)
    parts = [f'"{name}": np.take(data["{name}"], rows, axis={axis})' for name, axis in cut]
    return [
        f'ends = [0, 1, 1, *np.sort(generator.integers(1, axis_sizes["{size}"] + 1, 2)), axis_sizes["{size}"]]',
        "chunks = []",
        "for rows in [np.arange(a, b) for a, b in zip(ends, ends[1:])]:",
        *[f"    {line}" for line in bracketed("chunk = {", ["**data", *parts], "}", 8)],
        "    chunks.append(partial_sums(params, **chunk))",
        f"value, slopes = finish(params, sum(chunks){shared})",
        "expected = loss_and_gradients(params, **data)",
        '_same("the objective of partial_sums", value, expected[0])',
        '_same("partial_sums", pack(slopes), pack(expected[1]))',
    ]


KINDS = (Kind(name="partial", offer=Offer(functions=_functions, checks=_checks, late=True)),)
