"""A model stated in the language, as a function of arrays: its equations are its lines."""

import re
from collections.abc import Callable

import numpy as np

from symbackprop.calculus.index import is_number
from symbackprop.emit import load_source
from symbackprop.language.spec import ModelSpec
from symbackprop.language.tracing.functions import FUNCTIONS


def stated_function(spec: ModelSpec) -> tuple[Callable, dict[str, str]]:
    """The function, and the shapes of its arguments."""
    shapes = {n: " ".join([t.axes.replace(",", " "), *(["index"] if t.role == "index" else [])]) for n, t in spec.tensors.items()}
    sizes = {}
    for name, tensor in spec.tensors.items():
        for k, axis in enumerate(tensor.axes.replace(",", " ").split()):
            if not is_number(axis) and re.fullmatch(r"\w+", axis):
                sizes.setdefault(axis, f"{name}.shape[{k}]")
    lines = [f"def {spec.name}({', '.join(spec.tensors)}):"]
    lines += [f"    {axis} = {text}" for axis, text in sizes.items()]
    lines += [f"    {e.name} = {e.text}" for e in spec.equations]
    lines += [f"    return {spec.objective or spec.equations[-1].name}"]
    module = load_source("\n".join(lines) + "\n", spec.name)
    vars(module).update({**FUNCTIONS, "np": np, "numpy": np})
    return getattr(module, spec.name), shapes
