"""What a rule of matrix form is: one row of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symbackprop.matrix.nodes import Value


@dataclass(frozen=True)
class Law:
    """One rule: what it says, an example, how it is done, and for matrix expressions the nodes that it is tried on.

    `example` has the shapes of tensors, a left side and a right side, all as text: an einsum where the rule turns index form into matrix
    form, NumPy notation where it turns one matrix expression into another. A test proves each at random sizes. `apply` returns None
    (or False) where the rule does not fit. `if_shorter`: the rule is used only where the formula has fewer tokens by it.
    """

    says: str
    example: tuple[str, str, str]
    apply: Callable[..., Any]
    nodes: tuple[type[Value], ...] = ()
    if_shorter: bool = False
