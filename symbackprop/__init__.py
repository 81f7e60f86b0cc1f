"""Derives, writes, generates and verifies gradients of models stated in NumPy notation, for symbolic sizes.

Names are imported when first used, so that `import symbackprop` is quick.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from symbackprop.version import __version__

_LAYERS = ("Linear", "ReLU", "LeakyReLU", "Tanh", "Sigmoid", "Softplus", "GELU", "SiLU", "ELU")
_LOSSES = ("SoftmaxCrossEntropy", "BCEWithLogits", "MSE", "Huber")
_HOMES = {
    "api": ("load", "model", "trace", "derive", "generate", "verify", "check", "Model", "Derivation", "Module"),
    "expressions": ("derivative",),
    "result": ("Result",),
    "results": ("Results",),
    "kinds.curvature": ("Curvature",),
    "language.layers": ("Sequential", *_LAYERS, *_LOSSES),
    "errors": ("SymbackpropError",),
}
_HOME = {name: f"symbackprop.{module}" for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if not name.startswith("_"):
        functions = import_module("symbackprop.language.functions").FUNCTIONS
        if name in functions:
            return functions[name]
    raise AttributeError(f"module 'symbackprop' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Public(ModuleType):
    """This package as users see it: `derive` and `verify` are the calls, though rooms of the package bear these names too.

    Importing a room sets an attribute of its name here; a property keeps the call in front of it.
    """

    @property
    def derive(self) -> Any:
        return __getattr__("derive")

    @derive.setter
    def derive(self, room: ModuleType) -> None:
        pass

    @property
    def verify(self) -> Any:
        return __getattr__("verify")

    @verify.setter
    def verify(self, room: ModuleType) -> None:
        pass


sys.modules[__name__].__class__ = _Public
