"""How parameters start: weights by He's or Glorot's rule, by what follows them; biases at zero, scales at one.

A parameter whose indices are summed against something else is a weight: the summed axes are its inputs, the others its outputs; of an
axis that is read at fixed places, the places that meet in one sum are inputs. He's rule (normal, variance 2 / inputs) where a
relu-like function follows, Glorot's (uniform, |w| < sqrt(6 / (inputs + outputs))) otherwise. A parameter that is only added is a
bias; one that only multiplies entry by entry is a scale.

Sources: He, Zhang, Ren, Sun 2015; Glorot, Bengio 2010.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Add, Expr, Function, Mul

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.calculus.term import Entry, Total, indices_of

RELU_LIKE = {"relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus"}


@dataclass(frozen=True)
class Start:
    """How one parameter starts: rule is "he", "glorot", "zeros" or "ones"; inputs and outputs are products of axes."""

    rule: str
    inputs: Expr = None
    outputs: Expr = None


def start(program: Program, parameter: Tensor) -> Start:
    """The rule for one parameter."""
    if not any(a.is_Symbol or a.is_Integer for a in parameter.axes) and parameter.axes:
        return Start("zeros")
    scale = entrywise = False
    for equation in program.users.get(parameter.name, ()):
        if isinstance(equation.rhs, Call):
            return Start("glorot", parameter.axes[-1], Mul(*parameter.axes[:-1]))
        places = list(_places(equation.rhs, parameter.name))
        for factors, bound, entry in places:
            summed = [k for k, i in enumerate(entry.indices) if indices_of(i) & bound]
            others = [f for f in factors if f != entry and f.has(Entry)]
            if summed and any(isinstance(i, Index) for i in entry.indices) and _meets(entry, others, bound):
                # Weights stacked along an axis, of which each place is one: K[:, :, 0, 1] of a convolution, W[2] of a deep network.
                fixed = [k for k, i in enumerate(entry.indices) if not indices_of(i)]
                taps = len({tuple(e.indices[k] for k in fixed) for _, _, e in places})
                inputs = taps * Mul(*[parameter.axes[k] for k in summed])
                outputs = Mul(*[a for k, a in enumerate(parameter.axes) if k not in (*summed, *fixed)])
                rule = "he" if _followed_by_relu(program, equation.name) else "glorot"
                return Start(rule, inputs, outputs)
            scale, entrywise = scale or bool(others), True
    if len(parameter.axes) > 1 and not entrywise:
        return Start("glorot", Mul(*parameter.axes[1:]), parameter.axes[0])
    return Start("ones" if scale else "zeros")


def _meets(entry: Entry, others: list[Expr], bound: set[Index]) -> bool:
    """Whether a summed index of the parameter is also one of something it is multiplied with."""
    mine = set().union(*[indices_of(i) for i in entry.indices]) & bound
    return any(mine & {i for a in f.atoms(Entry) for j in a.indices for i in indices_of(j)} for f in others)


def _places(e: Expr, name: str, bound: frozenset = frozenset()) -> Iterable[tuple[list[Expr], set[Index], Entry]]:
    """Where a tensor occurs: (the factors it stands among, the indices summed there, its entry)."""
    if isinstance(e, Total):
        yield from _places(e.body, name, bound | set(e.indices))
    elif isinstance(e, Add | Function):
        for a in e.args:
            yield from _places(a, name, bound)
    elif e.args and not isinstance(e, Entry | Mul):
        for a in e.args:
            if isinstance(a, Expr):
                yield from _places(a, name, bound)
    else:
        factors = list(Mul.make_args(e))
        for f in factors:
            if isinstance(f, Entry):
                if f.name == name:
                    yield factors, set(bound), f
            elif isinstance(e, Mul):
                yield from _places(f, name, bound)


def _followed_by_relu(program: Program, name: str) -> bool:
    """Whether the next function that a tensor goes through, itself or after sums with others, is relu-like."""
    if any(type(f).__name__ in RELU_LIKE for f in program[name].formula.atoms(Function)):
        return True
    for equation in program.users.get(name, ()):
        if isinstance(equation.rhs, Expr):
            kinds = {type(f).__name__ for f in equation.rhs.atoms(Function) if any(a.name == name for a in f.atoms(Entry))}
            if kinds & RELU_LIKE:
                return True
            if not kinds and not equation.rhs.has(Total):
                return _followed_by_relu(program, equation.name)
    return False
