"""How functions and ops are written: read from the op table, where a record says its LaTeX."""

import re
from collections.abc import Container
from functools import cache

from symbackprop.ops import OPS
from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import GREEK

BARE = {"log", "sin", "cos", "tan", "tanh", "sinh", "cosh"}
"""Functions that need no brackets around a single name."""

FENCED = {"abs": "abs", "absolute": "abs", "floor": "floor"}
"""Functions that stand around their argument."""

WRITTEN = re.compile(r"(?:\\operatorname\{(?P<name>[^}]*)\}|\\(?P<command>[A-Za-z]+))\\left\(#1")
OTHERS = {"inv": "inv", "trace": "tr", "diag": "diag"}


@cache
def spellings() -> dict[str, str]:
    """The LaTeX of each op by its name, and of each elementwise function by the name of its class."""
    found = {name: op.latex for name, op in OPS.items() if op.latex}
    return found | {op.function.__name__: op.latex for op in OPS.values() if op.latex and op.function is not None}


@cache
def language_names() -> dict[str, str]:
    """The name in the language of each elementwise function, by the name of its class: arctan for atan."""
    return {op.function.__name__: op.name for op in OPS.values() if op.function is not None}


def function(name: str, taken: Container[tree.Node] = ()) -> tree.Node:
    """The sign of a function or an op; its name where a tensor has that sign (`taken`): sigmoid beside a tensor sigma."""
    match = WRITTEN.match(spellings().get(name, ""))
    if match is None:
        return tree.Letter(OTHERS.get(name, name), "function")
    if match["command"] in GREEK:
        sign = tree.Letter(match["command"])
        return tree.Letter(language_names().get(name, name), "function") if sign in taken else sign
    return tree.Letter((match["name"] or match["command"]).replace("\\_", "_"), "function")


def applied(name: str, *arguments: tree.Node, taken: Container[tree.Node] = ()) -> tree.Node:
    """A function of its arguments: |x| for abs, log x without brackets, else f(x)."""
    if name in FENCED and len(arguments) == 1:
        return tree.Fenced(arguments[0], FENCED[name])
    return tree.apply(function(name, taken), *arguments, bare=name in BARE)
