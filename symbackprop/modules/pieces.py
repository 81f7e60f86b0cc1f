"""Pieces of generated source: heads of functions, tuples, assignments to several names."""

from collections.abc import Sequence

from symbackprop.code.layout_text import WIDTH, bracketed
from symbackprop.modules.record import FunctionText


def function_of(name: str, arguments: Sequence[str], doc: Sequence[str], lines: Sequence[str]) -> FunctionText:
    """A function as a record: the lines of its head, docstring and body."""
    return FunctionText(tuple(bracketed(f"def {name}(", arguments, "):")), tuple(doc), tuple(lines))


def tuple_text(items: Sequence[str]) -> str:
    """A tuple as the target writes it."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def unpacked(names: Sequence[str]) -> str:
    """Names that something is unpacked into, as the formatter writes them."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def assigned(names: Sequence[str], values: Sequence[str]) -> list[str]:
    """Several names at once, as many on a line as fit."""
    line = f"{', '.join(names)} = {', '.join(values)}"
    if len(line) + 4 <= WIDTH or len(names) < 2:
        return [line]
    half = len(names) // 2
    return assigned(names[:half], values[:half]) + assigned(names[half:], values[half:])


def chained(name: str, parts: Sequence[str], last: str, width: int) -> list[str]:
    """Statements that say in `name` whether all `parts` are one object, `last` where it is given."""
    ends = [last] if last else []
    line = f"{name} = {' is '.join([*parts, *ends])}"
    if len(line) <= width or len(parts) < 3:
        return [line]
    half = len(parts) // 2
    first, rest = chained(name, parts[:half], last or parts[half], width), chained(name, parts[half:], last, width)
    return [*first, *[line.replace(f"{name} = ", f"{name} = {name} and ", 1) for line in rest]]


def unpacking(names: Sequence[str], call: str) -> list[str]:
    """An assignment to more names than a line holds, in pieces."""
    lines, start = [f"arrays = {call}"], 0
    while start < len(names):
        stop = len(names)
        while len(_piece(names, start, stop)) + 4 > WIDTH and stop > start + 1:
            stop -= 1
        lines.append(_piece(names, start, stop))
        start = stop
    return lines


def _piece(names: Sequence[str], start: int, stop: int) -> str:
    part = f"{start or ''}:{stop if stop < len(names) else ''}"
    return f"{unpacked(names[start:stop])} = arrays[{part}]"
