"""An ONNX file as a checked graph: nothing is read but the file and, in its folder, the data that it names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symbackprop.errors import AxisError, SpecError, UnknownOpError, nearest
from symbackprop.files import note
from symbackprop.language.onnx.external import filled
from symbackprop.language.onnx.functions import inlined
from symbackprop.language.onnx.nodes.table import NODES, REFUSED
from symbackprop.language.onnx.shown import at, shown, type_name

LARGEST = 2**31 - 1
"""Bytes of the largest file: protobuf takes no larger message."""
OLDEST, NEWEST = 13, 28
"""Opsets whose ops are known here."""
MISSING = "the package onnx is not installed"
DOMAINS = ("", "ai.onnx")
LIGHT = 1024
"""Entries of an initializer that shape inference may want to know."""
UPGRADE = "convert it: onnx.version_converter.convert_version(model, {opset})"


@dataclass(frozen=True)
class Graph:
    """A graph whose nodes stand in order, each after those that it needs; `types` are the element types of its values by name.

    `inputs` are names with sizes: whole numbers, names of symbolic ones, or None. `initializers` are tensors by name.
    """

    place: str
    opset: int
    nodes: tuple[Any, ...]
    inputs: Mapping[str, tuple[int | str | None, ...]]
    initializers: Mapping[str, Any]
    outputs: tuple[str, ...]
    types: Mapping[str, int]
    shapes: Mapping[str, tuple[int | None, ...]]


def read(path: str | Path) -> Graph:
    """The graph of a file. Raises SpecError and its kinds for what is no model, for what is broken, and for what the language has not."""
    path = Path(path)
    place = shown(str(path), 200)
    try:
        import onnx
        import onnx.checker
        import onnx.defs
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise SpecError(MISSING, place=place, fix='pip install "symbackprop[onnx]"') from None
    model = _parsed(onnx, path, place)
    opset = _opset(onnx, model, place)
    filled(onnx, model, path, place)
    model = inlined(onnx, model, place)
    graph = model.graph
    if graph.sparse_initializer:
        raise SpecError("sparse initializers", place=place, fix="write them as dense ones")
    held = {t.name: t for t in graph.initializer}
    _named_once(graph, place)
    nodes = _ordered(_needed(graph, place), {*held, *[i.name for i in graph.input]}, place)
    _known(nodes, place)
    used = {name for node in nodes for name in node.input} | {o.name for o in graph.output}
    inputs = {i.name: _axes(onnx, i, place) for i in graph.input if i.name not in held and i.name in used}
    inferred = _inferred(onnx, model, nodes, held, place)
    infos = [*inferred.value_info, *inferred.output, *inferred.input]
    types = {v.name: v.type.tensor_type.elem_type for v in infos if v.type.HasField("tensor_type")}
    types |= {name: t.data_type for name, t in held.items()}
    shapes = {v.name: _sizes(v) for v in infos if v.type.HasField("tensor_type") and v.type.tensor_type.HasField("shape")}
    return Graph(place, opset, tuple(nodes), inputs, held, tuple(o.name for o in graph.output), types, shapes)


def _parsed(onnx: Any, path: Path, place: str) -> Any:
    """The message that a file holds."""
    fix = "give the path of an ONNX file"
    try:
        if not path.is_file():
            reason = "there is no such file" if not path.exists() else "it is no file"
            raise SpecError(f"can't read it: {reason}", place=place, fix=fix)
        size = path.stat().st_size
        if size > LARGEST:
            reason = f"it has {size / 2**30:.1f} GiB, and a file of protobuf has at most 2"
            raise SpecError(reason, place=place, fix="save the initializers as external data beside it")
        data = note(path).read_bytes()
    except (OSError, ValueError) as e:
        raise SpecError(f"can't read it: {getattr(e, 'strerror', None) or e}", place=place, fix=fix) from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
        whole = bool(model.graph.output) and bool(model.graph.node) and bool(model.opset_import)
    except Exception:  # protobuf's own errors: their class depends on how it is built
        whole = False
    if not whole:
        raise SpecError("it is no ONNX model, or not the whole of one", place=place, fix="save it again with onnx.save, and see its size")
    return model


def _opset(onnx: Any, model: Any, place: str) -> int:
    """The opset of the model."""
    found = [o.version for o in model.opset_import if o.domain in DOMAINS]
    if not found:
        raise SpecError("it names no opset of ai.onnx", place=place, fix="export it with ops of ai.onnx")
    opset, newest = found[0], min(NEWEST, onnx.defs.onnx_opset_version())
    if opset < OLDEST:
        raise SpecError(f"opset {opset} is too old: known are {OLDEST} to {newest}", place=place, fix=UPGRADE.format(opset=OLDEST))
    if opset > newest:
        what = f"opset {opset} is not known: known are {OLDEST} to {newest}"
        raise SpecError(what, place=place, fix=UPGRADE.format(opset=newest) if newest == NEWEST else "install a newer onnx")
    return int(opset)


def _named_once(graph: Any, place: str) -> None:
    """Raise SpecError where two values have one name."""
    inputs = [i.name for i in graph.input]
    held = [t.name for t in graph.initializer]
    made = [o for node in graph.node for o in node.output if o]
    for what, names in (("inputs", inputs), ("initializers", held), ("results", [*made, *{*inputs, *held}])):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise SpecError(f"two {what} are called '{shown(name)}'", place=place, fix="give each value a name of its own")
            seen.add(name)
    if any(not name for name in (*inputs, *held)):
        raise SpecError("an input or an initializer has no name", place=place, fix="give each value a name of its own")


def _needed(graph: Any, place: str) -> list[Any]:
    """The nodes that the outputs are made of."""
    maker = {o: node for node in graph.node for o in node.output if o}
    known = {*maker, *[i.name for i in graph.input], *[t.name for t in graph.initializer]}
    wanted, waiting = {}, [o.name for o in graph.output]
    while waiting:
        name = waiting.pop()
        if name not in known:
            raise SpecError(f"nothing makes '{shown(name)}'", place=place, fix="the file is not whole: save it again")
        node = maker.get(name)
        if node is not None and id(node) not in wanted:
            wanted[id(node)] = node
            waiting += [i for i in node.input if i]
    return [node for node in graph.node if id(node) in wanted]


def _ordered(nodes: Sequence[Any], known: Iterable[str], place: str) -> list[Any]:
    """The nodes, each after those that it needs. Raises SpecError where some need each other."""
    ready, made, rest = {*known}, [], list(nodes)
    while rest:
        left = []
        for node in rest:
            if all(not i or i in ready for i in node.input):
                made.append(node)
                ready |= {*node.output}
            else:
                left.append(node)
        if len(left) == len(rest):
            raise SpecError("nodes need each other in a circle", **at(place, left[0]), fix="a graph has no circles: save it again")
        rest = left
    return made


def _known(nodes: Sequence[Any], place: str) -> None:
    """Raise UnknownOpError for ops that have no record, SpecError for graphs inside of graphs."""
    for node in nodes:
        if node.domain not in DOMAINS:
            what = f"'{shown(node.op_type)}' of domain {shown(node.domain)} is not in the table"
            raise UnknownOpError(what, **at(place, node), fix="export it with ops of ai.onnx alone")
        if node.op_type not in NODES:
            why = REFUSED.get(node.op_type)
            close = nearest(node.op_type, list(NODES))
            what = f"'{shown(node.op_type)}' of domain ai.onnx " + (f"can't be derived: {why}" if why else "is not in the table")
            others = sorted({n.op_type for n in nodes if n.op_type not in NODES} - {node.op_type})
            notes = [f"neither are {', '.join(shown(o) for o in others[:9])}"] if others else []
            fix = "" if why or not close else f"there are {', '.join(close)}"
            raise UnknownOpError(what, **at(place, node), notes=notes, fix=fix or "write that part with other ops")
        if any(a.type in (5, 10) for a in node.attribute):
            raise SpecError("a graph inside a graph", **at(place, node), fix="export it without control flow")


def _inferred(onnx: Any, model: Any, nodes: Sequence[Any], held: Mapping[str, Any], place: str) -> Any:
    """The graph with the types and shapes of its values, as onnx infers them; large initializers count as inputs for that."""
    light = onnx.ModelProto()
    light.ir_version = max(model.ir_version, 4)
    light.opset_import.extend(o for o in model.opset_import if o.domain in DOMAINS)
    light.graph.name = "graph"
    light.graph.node.extend(nodes)
    light.graph.output.extend(model.graph.output)
    used = {name for node in nodes for name in node.input} | {o.name for o in model.graph.output}
    light.graph.input.extend(i for i in model.graph.input if i.name not in held and i.name in used)
    for name, tensor in held.items():
        if any(d < 0 for d in tensor.dims):
            raise SpecError(f"initializer '{shown(name)}' has a size below 0", place=place, fix="save the file again")
        count = 1
        for d in tensor.dims:
            count *= d
        if name in used and count <= LIGHT:
            light.graph.initializer.append(tensor)
        elif name in used:
            light.graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
    try:
        made = _shaped(onnx, light)
        whole = onnx.ModelProto()
        whole.CopyFrom(made)
        for output in whole.graph.output:  # the checker asks for a shape, which need not be known
            if output.type.HasField("tensor_type") and not output.type.tensor_type.HasField("shape"):
                output.type.tensor_type.shape.Clear()
                output.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(whole)
        return made.graph
    except Exception as e:  # of several kinds, none of which is told apart here
        said = next((line.strip() for line in str(e).splitlines() if line.strip()), type(e).__name__)
        raise SpecError(f"onnx finds it broken: {shown(said, 300)}", place=place, fix="see onnx.checker.check_model") from None


def _shaped(onnx: Any, model: Any) -> Any:
    """The model with the types and shapes that onnx infers; where its strict way fails, which it does for some sound ops, without it."""
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=False, data_prop=True)


def _dims(info: Any) -> Iterator[int | str | None]:
    for d in info.type.tensor_type.shape.dim:
        yield d.dim_value if d.HasField("dim_value") else (d.dim_param or None)


def _sizes(info: Any) -> tuple[int | None, ...]:
    return tuple(d if isinstance(d, int) else None for d in _dims(info))


def _axes(onnx: Any, info: Any, place: str) -> tuple[int | str | None, ...]:
    """The sizes of an input. Raises AxisError where its shape is missing, SpecError where it is no array of numbers."""
    what = f"input '{shown(info.name)}'"
    if not info.type.HasField("tensor_type"):
        raise SpecError(f"{what} is no array: {info.type.WhichOneof('value') or 'it has no type'}", place=place, fix="give arrays")
    if not info.type.tensor_type.HasField("shape"):
        fix = "say it in the file: a number or a name (dim_param) for each axis"
        raise AxisError(f"the shape of {what} is missing", place=place, fix=fix)
    made = tuple(_dims(info))
    if any(isinstance(d, int) and d < 0 for d in made):
        raise AxisError(f"an axis of {what} has a size below 0", place=place, fix="give it a size of 1 or more, or a name")
    if type_name(info.type.tensor_type.elem_type) is None:
        raise SpecError(f"{what} has numbers of an unknown kind", place=place, fix="give float or double")
    return made
