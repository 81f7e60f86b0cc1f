"""The walk over the nodes of a graph: each by the record of its op, on stand-ins for arrays, and on known arrays where these suffice."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.onnx.known import folded, held
from symbackprop.language.onnx.nodes.records import REAL, TRUTH, WHOLE, Nodes, Record
from symbackprop.language.onnx.nodes.table import NODES
from symbackprop.language.onnx.reading import Graph
from symbackprop.language.onnx.shown import NARROW, at, shown, type_name
from symbackprop.language.tracing.values.value import Value, is_condition

BROKEN = (TypeError, AttributeError, IndexError, KeyError, ValueError, ZeroDivisionError, OverflowError, RuntimeError, AssertionError)


class Walk:
    """One walk. `array(name)` gives the stand-in for an input or an initializer, `known(name)` the entries of one that are known, or None.

    `live` are the names of values that depend on what something is derived by.
    """

    def __init__(
        self,
        onnx: Any,
        graph: Graph,
        ops: Nodes,
        leaf: Callable[[str, bool], Value],
        known: Callable[[str], np.ndarray | None],
        stand_in: Callable[[np.ndarray, str], Value],
        precision: int,
    ) -> None:
        self.onnx, self.graph, self.ops, self.leaf, self.entries, self.stand_in = onnx, graph, ops, leaf, known, stand_in
        self.precision = precision
        self.values: dict[str, Any] = {}
        self.used = {*graph.outputs, *[i for node in graph.nodes for i in node.input if i]}
        self.live: set[str] = {n for n in (*graph.inputs, *graph.initializers) if graph.types.get(n) in REAL}
        ops.reference = self._reference

    def run(self) -> None:
        """Give each result its value. Raises SpecError and its kinds, with the node and its op."""
        for node in self.graph.nodes:
            try:
                self._node(node)
            except SymbackpropError as e:
                self.ops.recording.settled(e)
                raise type(e)(e.reason, **at(self.graph.place, node), notes=e.notes, fix=e.fix) from e
            except BROKEN as e:
                said = shown(" ".join(str(e).split()), 200)
                reason = f"'{node.op_type}' is not understood with these inputs: {said}"
                raise SpecError(reason, **at(self.graph.place, node), fix="write it with plainer ops") from e

    def known(self, name: str) -> np.ndarray | None:
        """The entries of a value, if they are known."""
        value = self.values[name] if name in self.values else self.entries(name)
        if isinstance(value, Value) and value.expression is not None:
            return held(value)
        return value if isinstance(value, np.ndarray) else None

    def array(self, name: str, constant: bool = False) -> Any:
        """The stand-in for a value."""
        value = self.values.get(name)
        if value is None and name not in self.values:
            return self.leaf(name, constant)
        return self.stand_in(value, name) if isinstance(value, np.ndarray) else value

    def _node(self, node: Any) -> None:
        record = NODES[node.op_type]
        schema = self.onnx.defs.get_schema(node.op_type, self.graph.opset, "")
        names = [o for o in node.output if o]
        kinds = tuple(self.graph.types.get(o, 0) for o in node.output)
        if any(i in self.live for i in node.input):
            self.live |= {*names}
        for name, kind in zip(node.output, kinds, strict=True):
            if name in self.used:
                self._check(record, name, kind)
        self.ops.node, self.ops.kinds, self.ops.count, self.ops.version = node, kinds, len(node.output), schema.since_version
        attributes = self._attributes(node, schema, record)
        made = self._folded(node, attributes)
        if made is None:
            made = record.law(self.ops, *self._inputs(node, schema, record), **attributes)
        results = made if isinstance(made, tuple | list) else (made,)
        if len(results) < len(node.output):
            results = (*results, *[self.ops.absent(f"what else '{node.op_type}' gives")] * (len(node.output) - len(results)))
        for name, kind, value in zip(node.output, kinds, results, strict=False):
            if name:
                self.values[name] = self._kept(name, kind, value)

    def _folded(self, node: Any, attributes: Mapping[str, Any]) -> list[np.ndarray] | None:
        inputs = [None if not i else self.known(i) for i in node.input]
        if any(i and a is None for i, a in zip(node.input, inputs, strict=True)) or not inputs:
            return None
        if any(self.graph.types.get(i) in REAL and i in self.graph.initializers for i in node.input):
            return None
        return folded(node.op_type, inputs, attributes, self._reference)

    def _reference(self, op: str, attributes: Mapping[str, Any], inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
        """What onnx's own evaluation gives on known arrays."""
        names = ["" if a is None else f"x{k}" for k, a in enumerate(inputs)]
        count = self.ops.count if op == self.ops.node.op_type and op == "Split" else 1
        told = {k: self.onnx.numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in attributes.items()}
        node = self.onnx.helper.make_node(op, names, [f"y{k}" for k in range(count)], **told)
        with np.errstate(all="ignore"):
            evaluator = self.onnx.reference.ReferenceEvaluator(node, opsets={"": self.graph.opset})
            return [np.asarray(a) for a in evaluator.run(None, {n: a for n, a in zip(names, inputs, strict=True) if n})]

    def _inputs(self, node: Any, schema: Any, record: Record) -> list[Any]:
        """The inputs in their order, each as the record takes it."""
        made: list[Any] = []
        plain = [i for k, i in enumerate(node.input) if i and record.numbers and self._is_plain(schema, record, k)]
        rank = max((self.array(i).ndim for i in plain), default=0)
        for k, name in enumerate(node.input):
            formal = schema.inputs[min(k, len(schema.inputs) - 1)]
            if formal.option == self.onnx.defs.OpSchema.FormalParameterOption.Variadic:
                made.append(tuple(self.array(i) for i in node.input[k:]))
                break
            made.append(self._input(name, formal.name, record, rank) if name else None)
        return made

    def _is_plain(self, schema: Any, record: Record, k: int) -> bool:
        formal = schema.inputs[min(k, len(schema.inputs) - 1)].name
        return formal not in record.known | record.numbers | record.either | record.unread

    def _input(self, name: str, formal: str, record: Record, rank: int) -> Any:
        if formal in record.unread:
            return None
        entries = self.known(name) if formal in record.known | record.numbers | record.either else None
        if formal in record.known:
            if entries is None:
                fix = "make it a constant of the file, or of sizes"
                raise self.ops.error(f"{formal} depends on data: '{shown(name)}'", fix)
            return entries
        if entries is not None and formal in record.numbers and entries.size == 1 and entries.ndim <= rank and entries.dtype != object:
            return self.ops.plain(entries.reshape(()))
        if entries is not None and formal in record.either:
            return entries
        return self.array(name, formal in record.constants)

    def _attributes(self, node: Any, schema: Any, record: Record) -> dict[str, Any]:
        """The attributes by name that a record takes. Raises SpecError for one that it does not, unless it has its default."""
        code = record.law.__code__
        taken = code.co_varnames[: code.co_argcount]
        made = {}
        for a in node.attribute:
            value = self.onnx.helper.get_attribute_value(a)
            value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            if isinstance(value, list | tuple):
                value = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
            if a.type == self.onnx.AttributeProto.TENSOR:
                value = self.onnx.numpy_helper.to_array(value)
            if a.name in taken:
                made[a.name] = self.ops.plain(value) if isinstance(value, float) else value
                continue
            default = schema.attributes[a.name].default_value if a.name in schema.attributes else None
            if default is None or self.onnx.helper.get_attribute_value(a) != self.onnx.helper.get_attribute_value(default):
                what = shown(str(value))
                raise SpecError(f"'{node.op_type}' with {shown(a.name)}={what} is not in the language", fix=f"leave {shown(a.name)} out")
        return made

    def _check(self, record: Record, name: str, kind: int) -> None:
        """Raise SpecError for numbers that are none of the model's: complex, quantised, of another precision."""
        if kind in NARROW and record.moves:
            return
        told = type_name(kind)
        if kind in WHOLE and not record.whole:
            raise SpecError(f"whole numbers, {told}, are not computed with so here", fix="cast them to float before")
        if kind not in REAL | WHOLE | {TRUTH}:
            fix = "export the model that it was made from, in float or double"
            raise SpecError(f"numbers of dtype {told}" if told else f"the kind of '{shown(name)}' is not known", fix=fix)
        if kind in REAL and kind != self.precision and name in self.live:
            fix = "bring all of it to one"
            raise SpecError(f"dtypes are mixed: {told} in a model of {type_name(self.precision)}", fix=fix)

    def _kept(self, name: str, kind: int, value: Any) -> Any:
        """A result as it is kept: whole numbers known as such, and its shape compared with that which onnx has inferred."""
        if isinstance(value, np.ndarray):
            return value
        if not isinstance(value, Value):
            return held(value)
        if value.expression is not None:
            return held(value)
        if id(value.node) in self.ops.recording.refusals:
            return value
        told = self.graph.shapes.get(name)
        own = self.ops.recording.shape(value.node)
        if told is not None:
            sizes = [int(s) if s.is_Integer else None for s in own]
            if len(sizes) != len(told) or any(a is not None and b is not None and a != b for a, b in zip(sizes, told, strict=True)):
                raise SpecError(f"its result has the shape {sizes} here, and {list(told)} in ONNX", fix="write it with plainer ops")
        if kind in WHOLE | NARROW and not is_condition(value.node):
            return self.ops.recording.value(value.node, whole=True)
        return value
