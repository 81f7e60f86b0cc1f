"""The walk over an exported graph: each node by the record of its op, on stand-ins for arrays."""

import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any

from symbackprop.errors import SpecError, SymbackpropError, UnknownOpError, nearest
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.torch.aten.table import ATEN
from symbackprop.language.torch.exporting import spot

ASIDE = frozenset(
    (
        "dtype",
        "layout",
        "device",
        "pin_memory",
        "memory_format",
        "generator",
        "non_blocking",
        "copy",
        "inplace",
        "implicit",
        "cudnn_enable",
        "cudnn_enabled",
    )
)
"""Arguments that say how, not what; dtypes are checked of what comes out."""
OF_SIZES: Mapping[str, Callable] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "neg": operator.neg,
    "truediv": operator.truediv,
    "getitem": operator.getitem,
    "pow": operator.pow,
}
"""What Python does to sizes, and to several results."""


def needed(graph: Any, outputs: list[Any]) -> list[Any]:
    """The nodes of a graph that some outputs are made of, in order: no checks, no statistics that are kept for later."""
    wanted, waiting = set(), list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in wanted:
            wanted.add(node)
            waiting += node.all_input_nodes
    return [node for node in graph.nodes if node in wanted]


class Walk:
    """One walk; `values` has what each node is, `live` are the nodes that depend on what something is derived by."""

    def __init__(self, torch: Any, ops: Ops, values: dict[Any, Any], live: set[Any]) -> None:
        self.torch, self.ops, self.values, self.live = torch, ops, values, live
        self.node: Any = None

    def run(self, nodes: list[Any]) -> None:
        """Give each node its value. Raises SpecError and its kinds, with the op, the module and the line."""
        for node in nodes:
            if node in self.values or node.op == "placeholder":
                continue
            self.node = node
            if any(n in self.live for n in node.all_input_nodes):
                self.live.add(node)
            try:
                self._check(node)
                self.values[node] = self._value(node)
            except SymbackpropError as e:
                self.ops.recording.settled(e)
                raise type(e)(e.reason, **spot(node), notes=e.notes, fix=e.fix) from e

    def _value(self, node: Any) -> Any:
        if node.op != "call_function":
            raise UnknownOpError(f"'{node.target}' is not in the table", fix="write it with ops of torch")
        args, kwargs = self._held(node.args), self._held(node.kwargs)
        target = node.target
        schema = getattr(target, "_schema", None)
        if schema is None:
            name = getattr(target, "__name__", str(target))
            if name not in OF_SIZES or getattr(target, "__module__", "") not in ("_operator", "operator"):
                raise UnknownOpError(f"'{name}' is not in the table", fix="write it with ops of torch")
            return OF_SIZES[name](*args, **kwargs)
        library, _, name = schema.name.partition("::")
        if name == "sym_size":
            return args[0].shape[args[1]]
        record = ATEN.get(name) if library == "aten" else None
        if record is None:
            close, missing = nearest(name, list(ATEN)), schema.name.replace("::", ".")
            raise UnknownOpError(f"'{missing}' is not in the table", fix=f"there are {', '.join(close)}" if close else "")
        try:
            made = record(self.ops, **self._named(name, schema, record, args, kwargs))
        except (TypeError, AttributeError, IndexError, KeyError, ValueError) as e:
            raise SpecError(f"'{name}' is not understood with these arguments: {e}", fix="write it with plainer ops") from e
        if len(schema.returns) > 1 and not isinstance(made, tuple):
            made = (made, *[self.ops.absent(f"what else '{name}' gives")] * (len(schema.returns) - 1))
        return made if len(schema.returns) > 1 or not isinstance(made, tuple) or str(schema.returns[0].type).startswith("List") else made[0]

    def _held(self, given: Any) -> Any:
        """Arguments with the values of nodes in their place."""
        if isinstance(given, self.torch.fx.Node):
            return self.values[given]
        if isinstance(given, list | tuple):
            return type(given)(self._held(g) for g in given) if isinstance(given, list) else tuple(self._held(g) for g in given)
        return {k: self._held(v) for k, v in given.items()} if isinstance(given, dict) else given

    def _named(self, name: str, schema: Any, record: Callable, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name that a record takes. Raises SpecError for one that it does not, unless it has its default."""
        given = {a.name: v for a, v in zip(schema.arguments, args, strict=False)} | dict(kwargs)
        taken = inspect.signature(record).parameters
        for a in schema.arguments:
            if a.name not in given or a.name in taken:
                continue
            value = given.pop(a.name)
            idle = a.name in ASIDE or value is None or (a.has_default_value() and value == a.default_value)
            if not idle:
                raise SpecError(f"'{name}' with {a.name}={value} is not in the language", fix=f"leave {a.name} out")
        return given

    def _check(self, node: Any) -> None:
        """Raise SpecError for numbers that are not those of the module: complex, quantised, of another precision."""
        made = node.meta.get("val")
        for value in made if isinstance(made, list | tuple) else (made,):
            if isinstance(value, self.torch.Tensor):
                check_kind(value, self.ops.precision, node in self.live)


def check_kind(value: Any, precision: str, live: bool) -> None:
    """Raise SpecError unless a tensor holds real numbers, if they are `live` of a precision, whole numbers or truth values."""
    kind = str(value.dtype).rpartition(".")[2]
    if getattr(value, "is_quantized", False) or kind.startswith(("q", "complex")):
        raise SpecError(f"numbers of dtype {kind}", fix="derive the module of real numbers that it was made from")
    if live and value.dtype.is_floating_point and kind != precision:
        fix = f"bring all of it to one: module.{'double' if precision == 'float64' else 'float'}(), and the example inputs too"
        raise SpecError(f"dtypes are mixed: {kind} in a module of {precision}", fix=fix)
    if getattr(value, "layout", None) is not None and "strided" not in str(value.layout):
        raise SpecError(f"an array of layout {value.layout}", fix="call .to_dense()")
