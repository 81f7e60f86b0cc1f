"""The spec of the model that an ONNX file is, and the values of its parameters."""

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symbackprop.calculus.index import FORMULA, IDENTIFIER, LETTER, axis, parse_shape, shape_text
from symbackprop.errors import AxisError, SpecError, SymbackpropError
from symbackprop.language.graphs.assembling import assembled, is_array, recorded
from symbackprop.language.graphs.naming import identifier, latex
from symbackprop.language.nodes import Call, Node
from symbackprop.language.onnx.nodes.records import REAL, TRUTH, WHOLE, Nodes, shortest
from symbackprop.language.onnx.nodes.table import NODES
from symbackprop.language.onnx.reading import Graph, read
from symbackprop.language.onnx.shown import LONGEST, NARROW, shown, type_name
from symbackprop.language.onnx.walking import Walk
from symbackprop.language.spec import ModelSpec, TensorSpec
from symbackprop.language.tracing.values.recording import Restated
from symbackprop.language.tracing.values.value import MOST_NUMBERS, Value

MOST_RUNS = 20
"""Letters that are found to be formulas of others."""
UNNAMED = "n"
LIGHT = frozenset(("Add", "Sub", "Mul", "Div", "Neg", "Pow", "Sqrt", "Reciprocal", "Sum", "Mean", "ReduceSum", "ReduceMean", "Cast"))
"""Ops whose results have no name of their own unless the graph gives them, as those that move entries."""


def onnx_spec(path: str | Path) -> tuple[ModelSpec, dict[str, np.ndarray]]:
    """The spec of an ONNX file, and the values of its parameters and constants by the names that they have in it.

    Raises SpecError and its kinds, with the file, the node and its op.
    """
    graph = read(path)
    taken: set[str] = set()
    letters: dict[str, str] = {}
    axes = {name: tuple(_axis(size, letters, taken) for size in sizes) for name, sizes in graph.inputs.items()}
    for _ in range(MOST_RUNS):
        try:
            return _Import(graph, safe(Path(path).stem) or "model", axes).spec()
        except Restated as e:
            axes = {name: tuple(a.xreplace(dict(e.letters)) for a in sizes) for name, sizes in axes.items()}
    raise SpecError("the sizes of its inputs do not fit", place=graph.place, fix="give the axes numbers")


def safe(name: str) -> str:
    """A name of a file as an identifier: letters, digits and _, not too long; "" where nothing is left."""
    made = re.sub(r"[^A-Za-z0-9]+", "_", name[:1000])[: LONGEST + 1].strip("_")
    if made[:1].isdigit():
        made = f"t{made}"
    return f"{made}_" if keyword.iskeyword(made) else made


def _axis(size: int | str | None, letters: dict[str, str], taken: set[str]) -> Expr:
    """The size of an axis: a number, a letter for a name, or a formula of letters, as "2*n"."""
    if isinstance(size, int):
        return Integer(size)
    word = re.sub(r"\s+", "", size or "")
    if FORMULA.match(word) and len(word) <= LONGEST and all(IDENTIFIER.match(f) or f.isdigit() for f in re.split("[-+*]", word)):
        return parse_shape(LETTER.sub(lambda m: str(_axis(m[0], letters, taken)), word), less=True)[0]
    if word and word in letters:
        return axis(letters[word])
    letter = identifier(safe(word) or UNNAMED, taken)
    if word:
        letters[word] = letter
    return axis(letter)


class _Import:
    """One import: the tensors of a graph by the names of its values, and the names that are given."""

    def __init__(self, graph: Graph, name: str, axes: Mapping[str, tuple[Expr, ...]]) -> None:
        import onnx
        import onnx.reference

        self.onnx, self.graph, self.name, self.axes = onnx, graph, name, axes
        self.recording = recorded(name)
        self.taken = {str(a) for sizes in axes.values() for size in sizes for a in size.free_symbols}
        self.tensors: dict[str, TensorSpec] = {}
        self.values: dict[str, np.ndarray] = {}
        self.called = {n: identifier(safe(n) or "t", self.taken) for n in (*graph.inputs, *graph.initializers)}
        self.leaves: dict[str, Value] = {}
        self.held: dict[str, np.ndarray] = {}
        self.inferred: set[str] = set()
        real = [graph.types[n] for n in (*graph.initializers, *graph.inputs) if graph.types.get(n) in REAL]
        precision = max(real[:1], default=1)
        ops = Nodes(self.recording, self._drawn, lambda node: False, str(type_name(precision)))
        ops.table, ops.single = self._table, precision == 1
        self.ops, self.walk = ops, Walk(onnx, graph, ops, self._leaf, self._known, self._stand_in, precision)

    def spec(self) -> tuple[ModelSpec, dict[str, np.ndarray]]:
        """The spec, and values."""
        self.walk.run()
        returned = tuple(self.walk.array(name) for name in self.graph.outputs)
        order = {self.called[n]: k for k, n in enumerate((*self.graph.inputs, *self.graph.initializers))}
        tensors = dict(sorted(self.tensors.items(), key=lambda item: order.get(item[0], len(order))))
        try:
            made = assembled(self.name, self.recording, tensors, self._bindings(), returned, inferred=frozenset(self.inferred))
        except SymbackpropError as e:
            raise type(e)(e.reason, place=self.graph.place, notes=e.notes, fix=e.fix) from e
        return made, {k: v for k, v in self.values.items() if k in made.tensors}

    def _known(self, name: str) -> np.ndarray | None:
        """The entries of an initializer; None for an input."""
        return self._entries(name) if name in self.graph.initializers else None

    def _entries(self, name: str) -> np.ndarray:
        if name not in self.held:
            tensor = self.graph.initializers[name]
            try:
                self.held[name] = np.asarray(self.onnx.numpy_helper.to_array(tensor))
            except Exception:  # of several kinds: data of another length than the shape says, unknown types
                reason = f"the data of initializer '{shown(name)}' does not fit its shape"
                raise SpecError(reason, place=self.graph.place, fix="save the file again") from None
            if self.held[name].shape != tuple(tensor.dims):
                raise SpecError(f"the data of initializer '{shown(name)}' does not fit its shape", place=self.graph.place)
        return self.held[name]

    def _leaf(self, name: str, constant: bool) -> Value:
        """The stand-in for an input or an initializer."""
        kind = self.graph.types.get(name, 0)
        called = self.called[name]
        if kind not in REAL | WHOLE | NARROW | {TRUTH}:
            what = f"'{shown(name)}' has numbers of dtype {type_name(kind)}"
            raise SpecError(what, place=self.graph.place, fix="export the model that it was made from, in float or double")
        if name in self.graph.initializers:
            if kind not in REAL:
                return self.leaves.setdefault(name, self._stand_in(self._entries(name), name))
            if called in self.tensors:
                self._trained(called, constant)
                return self.leaves[name]
            array = self._entries(name)
            if 0 in array.shape:
                raise SpecError(f"initializer '{shown(name)}' is empty", place=self.graph.place, fix="leave it out")
            self._declared(called, tuple(Integer(s) for s in array.shape), "constant" if constant else "parameter", name)
            self.values[called] = array
            self.leaves[name] = self.recording.value(self.recording.argument(called, [Integer(s) for s in array.shape]))
        elif name not in self.leaves:
            if 0 in self.axes[name]:
                reason = f"an axis of input '{shown(name)}' is empty"
                raise AxisError(reason, place=self.graph.place, fix="give it a size of 1 or more, or a name")
            self._declared(called, self.axes[name], "input", name)
            whole = kind in WHOLE | NARROW
            made = self.recording.value(self.recording.argument(called, self.axes[name]), whole=whole)
            if whole:
                self.inferred.add(called)
            self.leaves[name] = self.recording.apply("not_equal", (made, 0), {}) if kind == TRUTH else made
        return self.leaves[name]

    def _trained(self, called: str, constant: bool) -> None:
        """What is used as a parameter anywhere is one."""
        told = self.tensors[called]
        if told.role == "constant" and not constant:
            self.tensors[called] = TensorSpec(told.axes, "parameter", told.facts, told.latex)

    def _declared(self, called: str, sizes: tuple[Expr, ...], role: str, name: str) -> None:
        printed = [t.latex for t in self.tensors.values() if t.latex]
        self.tensors[called] = TensorSpec(shape_text(sizes), role, (), latex(name, printed) if role != "input" else None)

    def _stand_in(self, array: np.ndarray, name: str) -> Value:
        """The stand-in for a known array: its numbers where they are few, else a constant."""
        if array.dtype.kind == "b":
            return self.recording.apply("not_equal", (self._stand_in(array.astype(np.int64), name), 0), {})
        if array.dtype == object:
            entries = [e if isinstance(e, Value) else self.ops.constant(e) for e in array.reshape(-1).tolist()]
            return entries[0] if array.ndim == 0 else self.recording.apply("reshape", (self.ops.stack(tuple(entries)), array.shape), {})
        if array.dtype.kind not in "iuf" or (array.dtype.itemsize == 2 and array.dtype.kind == "f"):
            raise self.ops.error(f"numbers of dtype {array.dtype}", "export the model in float or double", SpecError)
        if array.size == 0:
            raise self.ops.error("an empty array of numbers", "leave it out", SpecError)
        if array.size > MOST_NUMBERS:
            return self._table(array, "constant", name)
        if array.dtype.kind == "f" and self.ops.single:
            array = np.array([shortest(v) for v in array.reshape(-1)]).reshape(array.shape)
        return self.ops.constant(array) if array.ndim else self.ops.constant(array.item())

    def _table(self, array: np.ndarray, what: str, name: str = "") -> Value:
        """A constant array, called after a value or the node that is walked."""
        key = name or f"{self._node_name()}_{what}"
        called = self.called.get(name) or identifier(safe(key) or "t", self.taken)
        self._declared(called, tuple(Integer(s) for s in array.shape), "constant", key)
        whole = array.dtype.kind in "iu"
        self.values[called] = array.astype(np.int64) if whole else array
        if whole:
            self.inferred.add(called)
        return self.recording.value(self.recording.argument(called, [Integer(s) for s in array.shape]), whole=whole)

    def _node_name(self) -> str:
        node = self.ops.node
        return node.name or next((o for o in node.output if o), "")

    def _drawn(self, sizes: Any, what: str) -> Value:
        """A new input that is called after the node that is walked."""
        called = identifier(f"{safe(self._node_name())}_{what}".strip("_"), self.taken)
        self.tensors[called] = TensorSpec(shape_text(sizes))
        return self.recording.value(self.recording.argument(called, sizes))

    def _bindings(self) -> list[tuple[str, Node]]:
        """Names for what the graph gives, and for other values worth one: those of the outputs, and of the nodes."""
        known = {id(v.node) for v in self.leaves.values()}
        made: dict[int, tuple[str, Node]] = {}
        outputs = {*self.graph.outputs}
        for node in self.graph.nodes:
            for k, name in enumerate(node.output):
                value: Any = self.walk.values.get(name) if name else None
                if not is_array(value) or id(value.node) in known or id(value.node) in self.recording.refusals:
                    continue
                light = node.op_type in LIGHT or NODES[node.op_type].moves or id(value.node) in made
                light = light or not isinstance(value.node, Call) or not self.recording.shape(value.node)
                if name in outputs or not light:
                    told = name if name in outputs or k or not node.name else node.name
                    made.pop(id(value.node), None)
                    made[id(value.node)] = (identifier(safe(told) or "t", self.taken), value.node)
        return list(made.values())
