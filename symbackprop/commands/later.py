"""Modules that are run when something in them is first asked for, so that --help is quick."""

import sys
from importlib import util
from types import ModuleType


def opened_later(name: str) -> ModuleType:
    """The module `name`, run when something in it is first asked for, so that --help needs neither SymPy nor NumPy.

    No package: what imports a module of one that is not run yet runs that module twice.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    spec.loader = util.LazyLoader(spec.loader)
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
