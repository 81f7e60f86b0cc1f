"""What a template is given: frozen records of strings and tuples, nothing to compute with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A field of a NamedTuple, with its shape."""

    name: str
    shape: str


@dataclass(frozen=True)
class FunctionText:
    """A function: the lines of its head, docstring and body, without indentation."""

    head: tuple[str, ...]
    doc: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True)
class ModuleText:
    """A generated module. `doc`, `header` and `imports` are lines, `helpers` sources of functions; `tables`, `checks`
    and `needs` (what sizes are refused) statements. `unchecked` is what a call says that is not to check declared facts, `array`
    the type of arrays.
    """

    name: str
    doc: tuple[str, ...]
    header: tuple[str, ...]
    imports: tuple[str, ...]
    parameters: tuple[Field, ...]
    gradients: tuple[Field, ...]
    tables: tuple[str, ...]
    helpers: tuple[str, ...]
    needs: tuple[str, ...]
    arrays: FunctionText
    functions: tuple[FunctionText, ...]
    initialise: FunctionText
    self_check: FunctionText
    checks: tuple[str, ...]
    unchecked: str
    array: str
