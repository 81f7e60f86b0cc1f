"""What tensors, axes and values are called in generated code: the one place where a name is made safe.

Names of three kinds meet in a function. Those that a caller writes (functions, arguments, fields) and Python's own stay as they are: a
tensor or an axis that is called so gets a stroke below at its end. Tensors and axes come next, what the model declares first, so that
every function of a module takes its data under the same names. What a function calls its own values (matrix, product) gives way to both.
"""

import builtins
import keyword
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sympy import Expr, Symbol

from symbackprop.calculus.index import axis
from symbackprop.calculus.program import ROLES, Program, Tensor
from symbackprop.code.in_place import DIAGONAL

PYTHON = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"np", "jnp", "jax", "dtype", DIAGONAL}
"""Names that no function can use for something else."""
_OWN = """
    NamedTuple Callable Parameters Gradients Objective AXES NONEMPTY INTEGER
    initialise forward loss gradients loss_and_gradients pack unpack self_check hessian hessian_operator hessian_vector_product
    gauss_newton_operator gauss_newton_vector_product per_sample_gradients per_sample_gradient_norms jacobian jvp vjp as_objective
    partial_sums finish Sums sums
    params arrays generator given axis_sizes seed v theta like check count index
"""
RESERVED = PYTHON | frozenset(_OWN.split())
"""Names that a generated module uses itself, those with a stroke in front aside; `count` and `index` are methods of every NamedTuple."""


def file_name(model: str) -> str:
    """What the file of a model's module is called, without its ending: a file such as numpy.py would hide what every module imports."""
    hides = keyword.iskeyword(model) or model in sys.stdlib_module_names or model in ("numpy", "jax")
    return f"{model}_" if hides else model


def layer_names(model: str) -> tuple[str, str]:
    """What the two functions of a model as a layer are called: affine_forward and affine_backward for affine, or affine_forward."""
    stem = model.removesuffix("forward").rstrip("_")
    stem = stem if stem.isidentifier() else "layer"
    return f"{stem}_forward", f"{stem}_backward"


@dataclass(frozen=True)
class Names:
    """What tensors and axes are called in the code: their own names, or those with a stroke below where they clash."""

    tensors: Mapping[str, str]
    axes: Mapping[str, str]
    taken: frozenset[str] = field(default_factory=frozenset)

    def __call__(self, tensor: Tensor) -> str:
        """The name of a tensor in the code."""
        return self.tensors[tensor.name]

    def size(self, axis: Expr) -> str:
        """The name or number of an axis in the code."""
        return str(axis.xreplace(dict(self.sizes)))

    @cached_property
    def sizes(self) -> Mapping[Expr, Expr]:
        """The symbols of axes that are called something else in the code."""
        return {axis(name): Symbol(called, integer=True, positive=True) for name, called in self.axes.items() if called != name}


def code_names(program: Program, reserved: Collection[str] = RESERVED, known: Names | None = None) -> Names:
    """Names that clash neither with the generated module's own (`reserved`), nor with Python's, nor with each other.

    What the model declares has its name whatever was derived; `known` are the names that it has in a larger program.
    """
    reserved = {*reserved, *layer_names(program.name)}
    declared = [t.name for t in program.leaves if t.role in ROLES]
    sizes = [str(a) for a in program.axes]
    called = {**known.tensors, **known.axes} if known else {}
    called = {name: called[name] for name in (*sizes, *declared) if name in called}
    clear = {name for name in (*sizes, *declared) if name not in reserved and not name.startswith("_")} - set(called.values())
    taken = {*reserved, *called.values(), *clear}
    for name in (*sizes, *declared):
        if name not in called:
            called[name] = name if name in clear else _free(name, taken)
    tensors = {name: called[name] if name in declared else _free(name, taken) for name in program.tensors}
    return Names(tensors, {name: called[name] for name in sizes}, frozenset(taken))


def arguments(program: Program) -> dict[str, str]:
    """What the leaves of a model are called as arguments, or fields, of its generated module, by their names."""
    names = code_names(program)
    return {t.name: names(t) for t in program.leaves}


class Scope:
    """The names of one function: what its own values are called beside tensors and axes."""

    def __init__(self, names: Names) -> None:
        self._taken = {*RESERVED, *names.taken}
        self.reserved = set(RESERVED)
        """Names that nothing else in the function may have, those of tensors and axes aside."""

    def name(self, wanted: str) -> str:
        """`wanted`, or with strokes below where something of this function is called so already."""
        made = _free(wanted, self._taken)
        self.reserved.add(made)
        return made


def _free(name: str, taken: set[str]) -> str:
    """`name`, with strokes below until nothing else is called so; none in front, which is for helpers and not for fields."""
    made = f"t{name}" if name.startswith("_") else name
    while made in taken:
        made += "_"
    taken.add(made)
    return made
