"""Named statistics in the stable spelling of their records, as equations over primitive calls.

Equal equations of several statistics of one tensor (a softmax and its logarithm share the largest entry, the exponentials
and their sum) become one node of the graph, and so are computed once.
"""

from collections.abc import Mapping

from symbackprop.calculus.program import Call, Equation, Tensor
from symbackprop.ops.table import OPS


def stable_equations(equation: Equation, tensors: Mapping[str, Tensor], taken: set[str]) -> list[Equation]:
    """The equations that compute `equation`'s call; the last one defines its tensor. A primitive call stays as it is."""
    call = equation.rhs
    record = OPS.get(call.op) if isinstance(call, Call) else None
    if record is None or record.kind != "statistic":
        return [equation]

    def fresh(suggestion: str) -> str:
        number, made = 1, suggestion
        while made in taken:
            number += 1
            made = f"{suggestion}_{number}"
        taken.add(made)
        return made

    return list((record.stable or record.equations)(call, tensors, equation.tensor, fresh))
