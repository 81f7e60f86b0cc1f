"""The spec of the model that a module of PyTorch is, and the values of its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symbackprop.calculus.index import shape_text
from symbackprop.errors import SpecError, SymbackpropError
from symbackprop.language.graphs.assembling import assembled, is_array, is_light, recorded
from symbackprop.language.graphs.naming import identifier, latex
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.nodes import Node
from symbackprop.language.spec import ModelSpec, TensorSpec
from symbackprop.language.torch.exporting import PLACE, exported, module_of, spot
from symbackprop.language.torch.walking import Walk, check_kind, needed
from symbackprop.language.tracing.values.recording import Restated

MISSING = "PyTorch is not installed"


def torch_spec(
    module: Any, arguments: Sequence[Any], dynamic: Any = None, *, name: str | None = None, samples: str | None = None
) -> tuple[ModelSpec, dict[str, np.ndarray]]:
    """The spec of a module, and the values of its parameters, buffers and constants by the names that they have in it.

    Raises SpecError and its kinds for what torch can't export and for what the language has not, with the op, the module and the line.
    """
    try:
        import torch
    except ImportError as e:
        raise SpecError(MISSING, place=PLACE, fix='pip install "symbackprop[torch]"') from e
    given = tuple(arguments) if isinstance(arguments, list | tuple) else (arguments,)
    program, axes, needs = exported(torch, module, given, dynamic)
    try:
        return _Import(torch, module, program, axes, name).spec(samples, needs)
    except Restated as e:
        ((letter, size), *_) = e.letters.items()
        fix = f"give axis '{letter}' its number in dynamic="
        raise SpecError(f"the module takes axis '{letter}' apart, which must be {size}", place=PLACE, fix=fix) from None


class _Import:
    """One import: the tensors of a module by the placeholders of its graph, and the names that are given."""

    def __init__(self, torch: Any, module: Any, program: Any, axes: Mapping[str, tuple[Expr, ...]], name: str | None) -> None:
        self.torch, self.program, self.axes = torch, program, axes
        self.name = name or type(module).__name__
        self.recording = recorded(self.name)
        self.taken = {str(a) for sizes in axes.values() for size in sizes for a in size.free_symbols}
        self.tensors: dict[str, TensorSpec] = {}
        self.values: dict[str, np.ndarray] = {}
        self.of_node: dict[Any, Any] = {}
        self.derived: set[int] = set()
        self.precision = _precision(torch, program)
        self.walk: Walk
        self.module = module

    def spec(self, samples: str | None, needs: tuple) -> tuple[ModelSpec, dict[str, np.ndarray]]:
        """The spec, and values."""
        outputs = next(n for n in self.program.graph.nodes if n.op == "output").args[0]
        wanted = set(self.program.graph_signature.user_outputs)
        roots = [n for n in outputs if getattr(n, "name", None) in wanted]
        nodes = needed(self.program.graph, roots)
        self._leaves(nodes)
        ops = Ops(self.recording, self._drawn, lambda node: id(node) in self.derived, self.precision)
        live = {n for n, v in self.of_node.items() if id(v.node) in self.derived}
        self.walk = Walk(self.torch, ops, self.of_node, live)
        self.walk.run(nodes)
        bindings = self._bindings(nodes)
        returned = tuple(self.of_node[n] for n in roots)
        try:
            made = assembled(
                self.name, self.recording, self.tensors, bindings, returned, samples=samples, inferred=self.inferred, needs=needs
            )
        except SymbackpropError as e:
            raise type(e)(e.reason, **(spot(roots[0]) if roots else {"place": PLACE}), notes=e.notes, fix=e.fix) from e
        return made, {k: v for k, v in self.values.items() if k in made.tensors}

    def _leaves(self, nodes: Sequence[Any]) -> None:
        """Make tensors of the placeholders: inputs, then parameters, then what is constant."""
        signature = self.program.graph_signature
        paths = {**signature.inputs_to_parameters, **signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
        inputs = [n for n in nodes if n.op == "placeholder" and n.name not in paths]
        whole = set()
        for node in [*inputs, *(n for n in nodes if n.op == "placeholder" and n.name in paths)]:
            value = node.meta["val"]
            if not isinstance(value, self.torch.Tensor):
                raise SpecError(f"input '{node.name}' is no tensor", place=PLACE, fix="make it a part of the module")
            path = paths.get(node.name)
            self._kind(node, value, path is None or node.name in signature.inputs_to_parameters)
            name = identifier(path or node.name, self.taken)
            sizes = self.axes[node.name] if path is None else tuple(Integer(int(s)) for s in value.shape)
            held = None if path is None else self._held(node.name, path)
            trained = node.name in signature.inputs_to_parameters and bool(held is not None and held.requires_grad)
            role = "input" if path is None else "parameter" if trained else "constant"
            printed = [t.latex for t in self.tensors.values() if t.latex]
            self.tensors[name] = TensorSpec(shape_text(sizes), role, (), path and latex(path, printed))
            made = self.recording.argument(name, sizes)
            real = value.dtype.is_floating_point
            if held is not None:
                array = held.detach().cpu().numpy()
                self.values[name] = array if array.dtype.kind != "b" else array.astype(np.float64)
            if not real and value.dtype is not self.torch.bool:
                whole.add(name)
            if real and role != "constant":
                self.derived.add(id(made))
            self.of_node[node] = self.recording.value(made, whole=name in whole)
            if value.dtype is self.torch.bool:
                self.of_node[node] = self.recording.apply("not_equal", (self.of_node[node], 0), {})
        self.inferred = frozenset(whole)

    def _held(self, name: str, path: str) -> Any:
        """A parameter, a buffer or a constant of the module."""
        state = self.program.state_dict
        if name in self.program.graph_signature.inputs_to_parameters:
            return self.module.get_parameter(path)
        return state[path] if path in state else self.program.constants[path]

    def _kind(self, node: Any, value: Any, live: bool) -> None:
        try:
            check_kind(value, self.precision, live)
        except SpecError as e:
            raise SpecError(e.reason, place=f"{PLACE}, {node.name}", fix=e.fix) from None

    def _drawn(self, sizes: Sequence[Expr], what: str) -> Any:
        """A new input that is called after the module which is running."""
        path, _ = module_of(self.walk.node)
        name = identifier(f"{path}.{what}" if path else what, self.taken)
        self.tensors[name] = TensorSpec(shape_text(sizes))
        return self.recording.value(self.recording.argument(name, sizes))

    def _bindings(self, nodes: Sequence[Any]) -> list[tuple[str, Node]]:
        """Names for what modules give, by their paths, and for other values worth one, as torch calls them."""
        made: dict[int, tuple[str, Node]] = {}
        known = {id(v.node) for n, v in self.of_node.items() if n.op == "placeholder" and is_array(v)}
        for node in nodes:
            value: Any = self.of_node.get(node)
            if not is_array(value) or id(value.node) in known or node.op == "placeholder":
                continue
            path, _ = module_of(node)
            leaves = path and any(_is_outside(module_of(user)[0], path) for user in node.users)
            light = is_light(value.node)
            if leaves or (id(value.node) not in made and not light and self.recording.shape(value.node)):
                made.pop(id(value.node), None)
                made[id(value.node)] = (identifier(path if leaves else node.name, self.taken), value.node)
        return list(made.values())


def _is_outside(other: str, path: str) -> bool:
    return other != path and not other.startswith(f"{path}.")


def _precision(torch: Any, program: Any) -> str:
    """The dtype of the module's parameters, or of its first input of real numbers."""
    kinds = [n.meta["val"].dtype for n in program.graph.nodes if n.op == "placeholder" and isinstance(n.meta.get("val"), torch.Tensor)]
    return next((str(k).rpartition(".")[2] for k in kinds if k.is_floating_point), "float64")
