"""The op table: one record per op. Tests, docs, the command line and the other rooms walk it; there is no second list.

An elementwise op is one decorated function: its name and signature, its law, and as data its domain, kinks, source and
spellings. Nobody writes a derivative. An op of another kind is one function that builds the array it stands for, or for
a named statistic the index equations that define it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, getdoc, signature
from types import MappingProxyType
from typing import Any, cast

from sympy import Expr, Function, Rational

from symbackprop.calculus.program import Equation
from symbackprop.ops.array import Pieces
from symbackprop.ops.broadcast import mapped
from symbackprop.ops.function import new_function
from symbackprop.ops.slope import RECOGNISED

Interval = tuple[float | None, float | None]
REAL: Interval = (None, None)
DIFFERENCES = "values below 1 and derivatives are right to 1e-12 of 1: they are differences of larger numbers"
"""How far code is right that subtracts numbers near each other: labels from probabilities, a mean from each entry."""


@dataclass(frozen=True)
class Op:
    """One op of the language.

    `law`: elementwise, the formula as a function of its arguments; a statistic, `law(call, tensors, out, fresh)` gives index
    equations of which the last defines `out`. `formula`: the law as text. `domain`: an open interval for each argument,
    where samples come from. `kinks`: keys of conventions, which each language has words for. `build(draft, ...)` gives the Array.
    `function`: the SymPy function of an elementwise op.
    `differential(call, tensors, out, place, at, target, helper)`, of a whole-tensor call without an index law: d out[at] / d
    argument[target] as an index expression; helper(op, arguments, axes, **options) gives the tensor of a further call that it speaks of.
    `numpy` spells it with {0}, {1} for arguments, `latex` with #1, #2; `stable` is a law in plainer ops that neither
    overflows nor cancels; a statistic's `stable(call, tensors, out, fresh)` gives equations. `accuracy`: where generated code
    is not right to 1e-12 of the true value (float32: 1e-5), how far it is. `activation`: networks are made with it.
    `stacks`: a whole-tensor op takes many matrices too, along axes in front.
    """

    name: str
    kind: str
    summary: str = ""
    formula: str = ""
    law: Callable | None = None
    source: str = ""
    domain: tuple[Interval, ...] = ()
    kinks: tuple[str, ...] = ()
    build: Callable | None = None
    function: type[Function] | None = None
    numpy: str = ""
    latex: str = ""
    stable: Callable | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    differential: Callable | None = None
    accuracy: str = ""
    activation: bool = False
    stacks: bool = True

    @property
    def gives_several(self) -> bool:
        """Whether it gives several arrays, to be picked by number, as split does."""
        return self.build is not None and signature(self.build).return_annotation is Pieces

    def equations(self, *given: Any) -> Sequence[Equation]:
        """The equations of a statistic's law, which `given` are the arguments of."""
        if self.law is None:
            raise TypeError(f"{self.name} has no law")
        return self.law(*given)


_ops: dict[str, Op] = {}
_by_function: dict[type[Function], Op] = {}
OPS: Mapping[str, Op] = MappingProxyType(_ops)
"""Every op by name; an alias is a second name of the same record."""
NUMPY: Mapping[str, str] = MappingProxyType(
    {
        **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
        "concat": "concatenate",
        "cumulative_prod": "cumprod",
        "cumulative_sum": "cumsum",
        "fabs": "abs",
        "float_power": "power",
        "identity": "eye",
        "permute_dims": "transpose",
        "pow": "power",
        "row_stack": "vstack",
        "true_divide": "divide",
    }
)
"""Further names that NumPy has for ops; they are no names of the language, so that a tensor may bear them."""


def register(op: Op, *aliases: str) -> None:
    """Add a record, under its name and its aliases."""
    if op.function is not None:
        _by_function.setdefault(op.function, op)
    for name in (op.name, *aliases):
        if name in _ops:
            raise ValueError(f"op '{name}' is in the table twice")
        _ops[name] = op


def described(function: Callable) -> tuple[str, str]:
    """The summary and the law of a docstring: its first line, and what follows."""
    text = getdoc(function) or ""
    first, _, rest = text.partition("\n")
    return first.strip(), " ".join(rest.split())


def exact(value: Any) -> Any:
    """A default of a signature as the exact number it shows: 0.01 is 1/100."""
    return Rational(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def parameters_of(build: Callable) -> dict[str, Parameter]:
    """The parameters of a builder that a user gives: all but the draft."""
    return dict(list(signature(build).parameters.items())[1:])


def elementwise(
    *,
    numpy: str,
    latex: str = "",
    source: str,
    domain: tuple[Interval, ...] | None = None,
    kinks: tuple[str, ...] = (),
    stable: Callable[..., Expr] | None = None,
    native: type[Function] | None = None,
    inline: bool = False,
    names: tuple[str, ...] = (),
    recognised: bool = False,
    build: Callable | None = None,
    accuracy: str = "",
    activation: bool = False,
    **facts: Any,
) -> Callable[[Callable[..., Expr]], Any]:
    """Make the decorated law an op, and give back what applies it to scalar expressions.

    `native` is SymPy's own function for it, if there is one; `inline` says that the law itself stands in equations; else a
    new SymPy function is made, with `facts` as assumptions. `names`: the names in the language, if they are not the law's.
    `build`: the array builder, where applying the function entry by entry is not all.
    """

    def made(law: Callable[..., Expr]) -> Any:
        parameters = dict(signature(law).parameters)
        own = law if inline else native or new_function(law.__name__, law.__module__, law, len(parameters), **facts)
        if recognised:
            RECOGNISED.append(cast(type[Function], own))
        summary, formula = described(law)
        first, *aliases = names or (law.__name__,)
        op = Op(
            first,
            "elementwise",
            summary,
            formula or summary,
            law,
            source,
            domain or (REAL,) * len(parameters),
            kinks,
            function=own if isinstance(own, type) else None,
            numpy=numpy,
            latex=latex or _latex_call(first, len(parameters)),
            stable=stable,
            parameters=parameters,
            build=build or mapped(own),
            accuracy=accuracy,
            activation=activation,
        )
        register(op, *aliases)
        return own

    return made


def _latex_call(name: str, arity: int) -> str:
    arguments = ", ".join(f"#{k + 1}" for k in range(arity))
    return r"\operatorname{" + name.replace("_", r"\_") + r"}\left(" + arguments + r"\right)"


def array_op(
    kind: str, *, source: str = "NumPy's reference", names: tuple[str, ...] = (), accuracy: str = ""
) -> Callable[[Callable], Callable]:
    """Make the decorated builder an op of `kind`. Its docstring says what it is, then the law."""

    def made(build: Callable) -> Callable:
        first, *aliases = names or (build.__name__,)
        summary, formula = described(build)
        op = Op(first, kind, summary, formula, source=source, build=build, parameters=parameters_of(build), accuracy=accuracy)
        register(op, *aliases)
        return build

    return made


def op_of(function: type[Function]) -> Op | None:
    """The record whose SymPy function is `function`."""
    return _by_function.get(function)
