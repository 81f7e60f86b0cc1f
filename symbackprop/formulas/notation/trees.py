"""Walks over syntax trees of formulas: all parts, parts replaced, a tree as a key."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from symbackprop.language.latex import nodes as n

FONTS = {"vec", "underline", "overrightarrow", "overleftarrow"}
"""Accents that say no more than a font does."""


TRANSPOSES = {"T", r"\top", r"\intercal", r"\mathsf{T}", "t", "H", r"\prime"}
INVERSES = {"-1", "-T", r"-\top"}


def parts(node: n.Node) -> Iterator[n.Node]:
    """The node and everything in it, from left to right."""
    todo: list[Any] = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, n.Node):
            yield here
            todo += [value for name in reversed(_inside(type(here))) if isinstance(value := getattr(here, name), tuple | n.Node)]
        elif isinstance(here, tuple):
            todo += here[::-1]


INSIDE: dict[type[n.Node], tuple[str, ...]] = {}


def _inside(kind: type[n.Node]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold others."""
    if kind not in INSIDE:
        INSIDE[kind] = tuple(field.name for field in fields(kind) if field.name not in ("span", "spaced"))
    return INSIDE[kind]


def operands(node: n.Node) -> Iterator[n.Node]:
    """The node and everything in it that has a value: not what stands below names, nor above them except for exponents."""
    yield node
    for field in fields(node):
        if field.name in ("span", "spaced"):
            continue
        value = getattr(node, field.name)
        if field.name == "scripts":
            exponent = not isinstance(node, n.Name) or node.id == "e"
            for script in value:
                if script.mark == "^" and exponent and not isinstance(node, n.Big | n.Leibniz | n.Operator | n.Differential):
                    for item in script.items:
                        yield from operands(item)
            continue
        yield from _operands(value)


def _operands(value: Any) -> Iterator[n.Node]:
    if isinstance(value, n.Node):
        yield from operands(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _operands(item)


def rebuilt(node: n.Node, function: Callable[[n.Node], n.Node | None]) -> n.Node:
    """The tree with each part for which `function` gives another one replaced, from the outside in."""
    made = function(node)
    if made is not None:
        return made
    changed = {}
    for field in fields(node):
        if field.name != "span":
            old = getattr(node, field.name)
            new = _rebuilt(old, function)
            if new is not old:
                changed[field.name] = new
    return replace(node, **changed) if changed else node


def _rebuilt(value: Any, function: Callable[[n.Node], n.Node | None]) -> Any:
    if isinstance(value, n.Node):
        return rebuilt(value, function)
    if isinstance(value, tuple):
        made = tuple(_rebuilt(v, function) for v in value)
        return value if all(a is b for a, b in zip(made, value, strict=True)) else made
    return value


def flat(node: n.Node) -> str:
    """A tree as a key: what is written, without fonts and spaces."""
    match node:
        case n.Name():
            return base_of(node) + "".join(map(_script, node.scripts))
        case n.Number():
            return node.text
        case n.Bracket():
            return node.open + ",".join(map(flat, node.items)) + node.shut
        case n.Sum():
            return "".join(s + flat(t) for s, t in zip(node.signs, node.terms, strict=True))
        case n.Juxtaposition():
            return " ".join(map(flat, node.factors))
        case n.Accent():
            return flat(node.of) if node.mark in FONTS else f"{node.mark}~{flat(node.of)}"
        case n.Text():
            return node.text
        case n.Nothing():
            return ""
    inside = [flat(p) for p in children(node)]
    return f"{type(node).__name__}({','.join(inside)})"


def _script(script: n.Script) -> str:
    return script.mark + ",".join(map(flat, script.items))


def children(node: n.Node) -> Iterator[n.Node]:
    """The nodes right inside a node, scripts among them."""
    for field in fields(node):
        if field.name not in ("span", "spaced"):
            yield from _direct(getattr(node, field.name))


def _direct(value: Any) -> Iterator[n.Node]:
    if isinstance(value, n.Node):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _direct(item)


def plain(node: n.Node) -> n.Node:
    """The node without a pair of brackets around it, and an accent over a name with scripts as one under them."""
    while isinstance(node, n.Bracket) and node.open in ("(", "[", r"\{") and len(node.items) == 1:
        node = node.items[0]
    if isinstance(node, n.Accent) and isinstance(node.of, n.Name):
        return replace(node.of, accents=(node.mark, *node.of.accents))
    return node


def base_of(name: n.Name) -> str:
    """What a name is called without its scripts and fonts."""
    return "".join(f"{a}~" for a in name.accents if a not in FONTS) + name.id


def is_transpose(script: n.Script) -> bool:
    """Whether this stands for a transpose."""
    return script.mark == "^" and any(flat(i) in TRANSPOSES for i in script.items)


def upright(node: n.Node) -> n.Node:
    """A name or a bracket without a transpose, anything else as it is."""
    if not isinstance(node, n.Name | n.Scripted):
        return node
    scripts = tuple(s for s in node.scripts if not is_transpose(s))
    return replace(node, scripts=scripts) if isinstance(node, n.Name) or scripts else node.of


def has_derivative(node: n.Node) -> bool:
    """Whether a derivative stands in it."""
    return any(isinstance(p, n.Leibniz | n.Operator | n.Differential) for p in parts(node))
