"""How a record of an ATen op is made: a function of stand-ins, with the names of arguments that the op's schema has.

    @aten("addmm")
    def addmm(ops, self, mat1, mat2, beta=1, alpha=1):
        return beta * self + alpha * (mat1 @ mat2)

`ops` has the ops of the language by name. What a record does not take must have its default where it is called.
"""

from collections.abc import Callable
from typing import Any

RECORDS: dict[str, Callable[..., Any]] = {}
"""The records by the names of ops, without their overloads."""


def aten(*names: str) -> Callable[[Callable], Callable]:
    """Say of a function that it is the record of some ops."""

    def entered(function: Callable) -> Callable:
        for name in names:
            if name in RECORDS:
                raise ValueError(f"two records of {name}")
            RECORDS[name] = function
        return function

    return entered
