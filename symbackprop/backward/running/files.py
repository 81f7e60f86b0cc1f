"""Functions and classes of a person's file, by name. The file is imported and run, as `import` does it; nothing else is."""

import inspect
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from symbackprop.backward.running.passes import theirs
from symbackprop.errors import SpecError, nearest


def module_of(path: Path) -> ModuleType:
    """The module of a file, which finds its neighbours as a program does. Raises SpecError, or VerifyError for what its import raises."""
    if not path.is_file():
        raise SpecError(f"there is no file {path}", place="verify", fix="name a Python file: layers.py:backward")
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SpecError(f"{path} is no Python file", place="verify", fix="name a .py file: layers.py:backward")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    loader = spec.loader
    theirs(lambda: loader.exec_module(module), {})
    return module


def taken(module: ModuleType, name: str) -> Any:
    """A function or a class of a module; a method as Class.method. Raises SpecError for a name that it has not."""
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            has = [n for n, v in vars(found).items() if (inspect.isfunction(v) or inspect.isclass(v)) and not n.startswith("__")]
            close = nearest(part, has)
            fix = f"did you mean {', '.join(close)}?" if close else f"it has {', '.join(has) or 'none'}"
            raise SpecError(f"there is no '{name}' in {getattr(module, '__file__', module.__name__)}", place="verify", fix=fix)
        found = getattr(found, part)
    if not callable(found):
        raise SpecError(f"'{name}' is no function and no class", place="verify", fix="name a function: layers.py:backward")
    return found
