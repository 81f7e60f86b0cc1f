"""What a line of a traced function asks for that tracing has not: which construct it is, and what to write instead."""

import ast
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from symbackprop.ops import ABSENT, NUMPY, OPS

STRANGERS = ("scipy", "torch", "jax", "tensorflow", "tf", "sklearn", "cupy", "numba", "mxnet", "autograd", "theano", "keras")
"""Libraries whose functions take no traced array."""
WHOLE = 'write it for whole arrays: np.sum(x, axis=0), X @ w, np.cumsum(x); a loop runs over an axis whose size is a number, as in "4 d"'
PYTHON = {
    "range": WHOLE,
    "enumerate": WHOLE,
    "zip": WHOLE,
    **dict.fromkeys(("float", "int", "complex"), "leave {called}() out: a size is a number in an expression, as in np.sum(x) / n"),
}
"""Functions of Python, and what to write instead where a size or an entry is given to one."""


MADE_OF_NUMBERS = ("array", "asarray", "ascontiguousarray", "copy")
"""Functions of NumPy that a traced function can do without."""


def advice(line: str, span: tuple[int, int] | None, names: Mapping[str, Any]) -> str:
    """What to write instead of the construct at `span` of a line, "" if it is none that is known; `names`: what the function sees."""
    part = line[slice(*span)] if span else line
    here = _parsed(part)
    filled = _filled(line)
    if filled and filled in {n.id for n in ast.walk(here or ast.Module([], [])) if isinstance(n, ast.Name)}:
        return f"collect the rows in a list and np.stack it: {filled} is an array of numbers, whose entries can't be traced arrays"
    if isinstance(here, ast.Subscript):
        return _picked(here)
    if isinstance(here, ast.Call):
        return _places(line, part) or _of_call(here, names)
    for n in ast.walk(here) if here else ():
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "self":
            return f'make self.{n.attr} an argument: def f({n.attr}: "n d", ...)'
    return ""


def _places(line: str, part: str) -> str:
    """What to write instead of range(n) that entries are picked by, p[range(n), y]."""
    if not part.startswith("range(") or f"[{part}" not in line.replace("[ ", "["):
        return ""
    return f"write sbp.a{part} for the places"


def _of_call(call: ast.Call, names: Mapping[str, Any]) -> str:
    """What to write instead of a call."""
    called = ast.unparse(call.func)
    root, _, own = called.rpartition(".")
    home = names.get(called.split(".")[0])
    library = (home.__name__ if isinstance(home, ModuleType) else getattr(home, "__module__", None) or called).split(".")[0]
    op = NUMPY.get(own, own)
    arguments = ", ".join(ast.unparse(a) for a in (*call.args, *call.keywords))
    if library in STRANGERS:
        return f"{called} takes no traced array: {_instead(op)}"
    if called == "len":
        return f"write {arguments}.shape[0]"
    if called in PYTHON:
        return PYTHON[called].format(called=called)
    if library == "math":
        return f"write np.{own}({arguments}): math.{own} takes no array"
    if library == "numpy" and root.endswith("random"):
        return f"make the random array an argument: {called} needs numbers for its sizes"
    if library == "numpy" and op not in MADE_OF_NUMBERS and (op in OPS or op in ABSENT):
        return f"write sbp.{op}({arguments}), which takes sizes" if op in OPS else _instead(op)
    return ""


def _instead(op: str) -> str:
    """What to write for an op of some library."""
    if op in OPS:
        return f"write sbp.{op}"
    return in_python(ABSENT[op].instead) if op in ABSENT else "write it in NumPy"


def in_python(text: str) -> str:
    """What to write, as a text of the language says it, in a traced function: sbp.sigmoid(x) for sigmoid(x)."""
    head, _, rest = text.partition("write ")
    word = rest.partition("(")[0]
    return f"{head}write sbp.{rest}" if word in OPS else text


def _picked(e: ast.Subscript) -> str:
    """What to write instead of an entry of an array of numbers, at places that are traced."""
    if isinstance(e.value, ast.Call) and ast.unparse(e.value.func) in ("np.eye", "np.identity", "numpy.eye"):
        return f"write sbp.one_hot({ast.unparse(e.slice)}, {ast.unparse(e.value.args[0])})"
    return f"make {ast.unparse(e.value)} an argument: an array of numbers can't be indexed by a traced one"


def _filled(line: str) -> str:
    """The array that a line sets entries of, h of h[t] = ..., or ""."""
    try:
        parsed = ast.parse(line).body
    except SyntaxError:
        return ""
    targets = parsed[0].targets if parsed and isinstance(parsed[0], ast.Assign) else ()
    return next((t.value.id for t in targets if isinstance(t, ast.Subscript) and isinstance(t.value, ast.Name)), "")


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
