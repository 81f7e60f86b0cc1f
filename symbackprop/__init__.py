"""Derives, writes, generates and verifies gradients of models stated in NumPy notation, for symbolic sizes.

Names are imported when first used, so that `import symbackprop` is quick.
"""

from importlib import import_module
from typing import Any

from symbackprop.version import __version__

_LAYERS = ("Linear", "ReLU", "LeakyReLU", "Tanh", "Sigmoid", "Softplus", "GELU", "SiLU", "ELU")
_LOSSES = ("SoftmaxCrossEntropy", "BCEWithLogits", "MSE", "Huber")
_HOMES = {
    "api": ("load", "model", "trace", "from_torch", "derive", "generate", "verify", "check", "check_note", "Model", "Derivation", "Module"),
    "backward.check": ("check_backward",),
    "callables": ("grad", "value_and_grad", "hessian", "jacobian", "hvp"),
    "expressions": ("derivative",),
    "formulas.judge": ("check_claim",),
    "result": ("Result",),
    "results": ("Results",),
    "kinds.curvature": ("Curvature",),
    "language.layers": ("Sequential", *_LAYERS, *_LOSSES),
    "errors": ("SymbackpropError",),
}
_ROOMS = {"testing": "symbackprop.testing", "dask": "symbackprop.doors.dask", "sklearn": "symbackprop.doors.sklearn"}
_HOME = {name: f"symbackprop.{module}" for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _ROOMS:
        return import_module(_ROOMS[name])
    if not name.startswith("_"):
        functions = import_module("symbackprop.language.tracing.functions").FUNCTIONS
        if name in functions:
            return functions[name]
    raise AttributeError(f"module 'symbackprop' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
