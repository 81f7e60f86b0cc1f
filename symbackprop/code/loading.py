"""Generated modules from their text. It imports nothing else of this package, so that a worker elsewhere can do with this alone."""

import linecache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any


class _Text(InspectLoader):
    """Imports a module from a string."""

    def __init__(self, source: str, name: str) -> None:
        self.source, self.name = source, name

    def get_source(self, fullname: str) -> str:
        """The string."""
        return self.source

    def get_code(self, fullname: str) -> Any:
        """The string compiled, under a file name that tracebacks can show lines of."""
        file = f"<generated {self.name}>"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(keepends=True), file)
        return self.source_to_code(self.source, file)


def load_source(source: str, name: str) -> ModuleType:
    """A generated module, imported from its text."""
    loader = _Text(source, name)
    module = module_from_spec(ModuleSpec(name, loader))
    loader.exec_module(module)
    return module
