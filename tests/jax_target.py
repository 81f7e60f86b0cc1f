"""The jax target beside the NumPy target: modules of both, the same arguments, and what differs by more than rounding."""

import ast
import inspect
from collections.abc import Iterator, Mapping

import numpy as np

import symbackprop as sbp
import symbackprop.emit as emit
from symbackprop.errors import DeriveError
from symbackprop.ops import OPS
from symbackprop.ops.examples import example

HOST = ("initialise", "self_check")
"""Functions that draw at random, by NumPy."""
VECTORS = ("v", "u")


def derived_ops(first: bool = False) -> Iterator[tuple[str, sbp.Result]]:
    """Each op's example derived by each of its tensors, or by its first alone."""
    for name in [name for name, op in OPS.items() if op.name == name]:
        shown = example(OPS[name])
        for wrt in list(shown.shapes)[: 1 if first else None]:
            try:
                yield f"{name} by {wrt}", sbp.derivative(shown.text, shown.shapes, wrt)
            except DeriveError as error:
                assert "places" in error.reason


def in_place(source: str) -> list[str]:
    """The statements of a module that write into something, outside of what draws at random."""
    found = []
    for top in ast.parse(source).body:
        if isinstance(top, ast.FunctionDef) and top.name not in HOST:
            for node in ast.walk(top):
                targets = node.targets if isinstance(node, ast.Assign) else []
                writes = isinstance(node, ast.AugAssign | ast.Delete) or any(isinstance(t, ast.Subscript | ast.Attribute) for t in targets)
                adds = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "at"
                if writes or adds or (isinstance(node, ast.keyword) and node.arg == "out"):
                    found.append(f"{top.name}: {ast.unparse(node)}")
    return found


def given(function, arrays: Mapping[str, np.ndarray], more: Mapping[str, object]) -> dict:
    """The arguments of a function by name."""
    names = inspect.signature(function).parameters
    return {name: {**arrays, **more}[name] for name in names if name in arrays or name in more}


def gap(value, expected) -> float:
    """The largest difference of two results, relative to the largest entry; infinite where shapes, dtypes or what is finite differ."""
    many = isinstance(expected, tuple)
    pairs = zip(value, expected, strict=True) if many else [(value, expected)]
    worst = 0.0
    for a, b in pairs:
        if isinstance(b, tuple):
            worst = max(worst, gap(a, b))
            continue
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype != b.dtype or not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return np.inf
        finite = np.isfinite(b)
        worst = max(worst, np.max(np.abs(a - b), initial=0, where=finite) / (1 + np.max(np.abs(b), initial=0, where=finite)))
    return worst


def function(result: sbp.Result, target: str, spoil: tuple[str, str] | None = None):
    """The generated function of one derivative; `spoil` changes its text."""
    source = emit.function_source(result.program, result.name, target)
    if spoil:
        assert spoil[0] in source
        source = source.replace(*spoil)
    module = emit.load_source(source, f"one_{target}")
    return next(f for name, f in vars(module).items() if inspect.isfunction(f) and not name.startswith("_"))
