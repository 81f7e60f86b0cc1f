"""How a record of an ONNX op is made: a function of stand-ins, with the names that the op's inputs and attributes have in its schema.

    @node("Gemm")
    def gemm(ops, A, B, C=None, alpha=1.0, beta=1.0, transA=0, transB=0):
        return alpha * (A.T if transA else A) @ (B.T if transB else B) + beta * C

`ops` has the ops of the language by name. An attribute that a record does not take must have its default where it is set.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np

from symbackprop.language.graphs.ops import Ops

REAL, WHOLE, TRUTH = frozenset((1, 11)), frozenset((6, 7)), 9
"""ONNX's numbers of element types: float and double, int32 and int64, bool."""


class Record(NamedTuple):
    """What is known of an op.

    `known` are inputs whose entries have to be known, as a shape; `either` those that are given as they are known, or else as arrays;
    `numbers` those that are taken as numbers where they are known and one; `constants` those that nothing is derived by, `unread` those
    of which only the type counts. `whole`: of whole numbers the op gives whole numbers, as the record does; `moves`: it computes nothing,
    so that narrow whole numbers may go through it.
    """

    law: Callable[..., Any]
    known: frozenset[str]
    either: frozenset[str]
    numbers: frozenset[str]
    constants: frozenset[str]
    unread: frozenset[str]
    whole: bool
    moves: bool


RECORDS: dict[str, Record] = {}
"""The records by the names of ops."""


def node(
    *names: str,
    known: Collection[str] = (),
    either: Collection[str] = (),
    numbers: Collection[str] = (),
    constants: Collection[str] = (),
    unread: Collection[str] = (),
    whole: bool = False,
    moves: bool = False,
) -> Callable[[Callable], Callable]:
    """Say of a function that it is the record of some ops."""

    sets = [frozenset(formals) for formals in (known, either, numbers, constants, unread)]

    def entered(function: Callable) -> Callable:
        for name in names:
            if name in RECORDS:
                raise ValueError(f"two records of {name}")
            RECORDS[name] = Record(function, sets[0], sets[1], sets[2], sets[3], sets[4], whole or moves, moves)
        return function

    return entered


class Nodes(Ops):
    """The ops of the language, and what the records of ONNX's ops need of the node that they stand for.

    `node` is that in the file, `kinds` are the element types of its outputs, `count` is how many these are, `version` that of its op,
    `single` whether the model's numbers are float32. `table(array, what)` gives a constant that is called after the node,
    `reference(op, attributes, inputs)` what onnx's own evaluation of an op gives.
    """

    node: Any = None
    kinds: tuple[int, ...] = ()
    count: int = 1
    version: int = 0
    single: bool = False
    table: Callable[[np.ndarray, str], Any]
    reference: Callable[..., list[np.ndarray]]

    def plain(self, value: Any) -> Any:
        """A number of a file as one of Python's; of float32 the shortest that it stands for."""
        return shortest(value) if self.single else value.item() if isinstance(value, np.generic | np.ndarray) else value


def shortest(value: Any) -> Any:
    """The shortest decimal number that is this one in float32."""
    if isinstance(value, np.ndarray):
        value = value[()]
    if isinstance(value, float | np.float32):
        return float(str(np.float32(value)))
    return value.item() if isinstance(value, np.generic) else value
