"""Derivatives as quotients, put together from what was read above and below the line."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from symbackprop.language.latex.nodes import (
    Accent,
    Bracket,
    Call,
    Differential,
    Fraction,
    Juxtaposition,
    Leibniz,
    Name,
    Node,
    Operator,
    Product,
    Scripted,
)
from symbackprop.language.latex.nodes import Script as Scripts
from symbackprop.language.latex.tokens import Span

Report = Callable[[str, Span], None]
D = ("d", r"\mathrm{d}")


@dataclass(frozen=True)
class _Top:
    """What stands above the line of a derivative: its sign with scripts, and of what."""

    sign: str
    scripts: tuple[Scripts, ...]
    of: Node | None


def over(top: Node, bottom: Node, span: Span, report: Report) -> Node:
    """A derivative if differentials stand above and below, else a fraction. A missing sign is put in where the other is \\partial."""
    if _bold(top) and _bold(bottom) and isinstance(bottom, Juxtaposition):
        top, bottom = _upright(top), _upright(bottom)
    above, below = _top(top), _bottom(bottom, report)
    if above is not None and below is None and above.sign == r"\partial" and _variable(bottom):
        report(r"a \partial below the line", bottom.span)
        below = _Bottom([], [bottom], r"\partial")
    if above is None and below is not None and below.sign == r"\partial" and _variable(top):
        report(r"a \partial above the line", top.span)
        above = _Top(r"\partial", (), top)
    if above is None or below is None or (above.sign == r"\delta") != (below.sign == r"\delta"):
        return Fraction(top, bottom, span=span)
    if (above.sign == r"\partial") != (below.sign == r"\partial"):
        report(f"{above.sign} below the line for {below.sign}", bottom.span)
    return Leibniz(above.sign, above.scripts, above.of, tuple(below.by), beside=tuple(below.beside), span=span)


def _variable(node: Node) -> bool:
    """Whether something may be differentiated, or be what one differentiates by: a name or a bracket, not a number or a sum."""
    if isinstance(node, Juxtaposition):
        return all(_variable(f) for f in node.factors)
    return isinstance(node, Name | Bracket | Call | Accent) or (isinstance(node, Scripted) and _variable(node.of))


def joined(factors: tuple[Node, ...]) -> Node | None:
    """Factors side by side, where they are one the one."""
    if len(factors) < 2:
        return factors[0] if factors else None
    return Juxtaposition(factors, span=(factors[0].span[0], factors[-1].span[1]))


def _d(node: Node) -> bool:
    """Whether this is a d that stands for itself, scripts above it or not."""
    return isinstance(node, Name) and node.id == "d" and node.style in ("", "mathrm") and not node.accents and _above(node.scripts)


def _bold(node: Node) -> bool:
    r"""Whether this begins with a d in another font, as in \mathbf{d}L over \mathbf{d}w: above and below, that of a derivative."""
    first = node.factors[0] if isinstance(node, Juxtaposition) else node
    return isinstance(first, Name) and first.id == "d" and first.style not in ("", "mathrm") and not first.accents and _above(first.scripts)


def _upright(node: Node) -> Node:
    """The same with the d upright."""
    if isinstance(node, Juxtaposition) and isinstance(node.factors[0], Name):
        return Differential(r"\mathrm{d}", node.factors[0].scripts, joined(node.factors[1:]), span=node.span)
    return replace(node, style="mathrm") if isinstance(node, Name) else node


def _above(scripts: tuple[Scripts, ...]) -> bool:
    return all(s.mark == "^" for s in scripts)


def _top(node: Node) -> _Top | None:
    if isinstance(node, Differential):
        return _Top(node.sign, node.scripts, node.of)
    if isinstance(node, Name) and _d(node):
        return _Top("d" if not node.style else r"\mathrm{d}", node.scripts, None)
    if isinstance(node, Juxtaposition):
        if _delta(node.factors[0]):
            return _Top(r"\delta", (), joined(node.factors[1:]))
        first = _top(node.factors[0])
        rest = node.factors[1:]
        if first and first.of and _d(first.of):
            return None
        return first and _Top(first.sign, first.scripts, joined((first.of, *rest) if first.of else rest))
    if isinstance(node, Product) and "/" not in node.signs:
        first = _top(node.factors[0])
        if first and first.of:
            return _Top(first.sign, first.scripts, Product((first.of, *node.factors[1:]), node.signs, span=node.span))
    return None


@dataclass
class _Bottom:
    """What stands below the line: factors beside with the sign behind each, and the variables."""

    beside: list[tuple[Node, str]]
    by: list[Node]
    sign: str = ""


def _bottom(node: Node, report: Report) -> _Bottom | None:
    made = _Bottom([], [])
    if isinstance(node, Bracket) and node.open == "(" and len(node.items) == 1:
        node = node.items[0]
    parts, signs = (node.factors, (*node.signs, "")) if isinstance(node, Product) else ((node,), ("",))
    if "/" in signs:
        return None
    variables: list[list[Node]] = []
    for part, sign in zip(parts, signs, strict=True):
        factors = part.factors if isinstance(part, Juxtaposition) else (part,)
        for k, factor in enumerate(factors):
            last = k == len(factors) - 1
            of = _differential(factor, made, report)
            if of is not None or (_delta(factor) and not last):
                variables.append([of] if of is not None else [])
                made.sign = made.sign or r"\delta"
            elif variables:
                variables[-1].append(factor)
            else:
                made.beside.append((factor, sign if last else ""))
    if any(_d(v[0]) for v in variables if len(v) > 1):
        return None
    found = [joined(tuple(v)) for v in variables]
    made.by = [v for v in found if v is not None]
    return made if made.by and len(made.by) == len(found) else None


def _delta(node: Node) -> bool:
    """Whether this is a delta that stands for itself."""
    return node == Name(r"\delta")


def _differential(factor: Node, made: _Bottom, report: Report) -> Node | None:
    """The variable of a differential below the line, if this is one."""
    of = None
    if isinstance(factor, Differential) and not factor.scripts:
        of = factor.of
    elif isinstance(factor, Operator) and factor.sign == r"\partial" and factor.of is None and len(factor.scripts) == 1:
        found = factor.scripts[0].items
        if len(found) == 1 and _variable(found[0]):
            report(r"\partial x for \partial_x below the line", factor.span)
            of = found[0]
    if of is not None and isinstance(factor, Differential | Operator):
        made.sign = made.sign or factor.sign
    return of


def slashed(left: Node, right: Node, report: Report) -> Node | None:
    r"""\partial J / \partial W on one line; what stands before or behind multiplies it. None where this is no derivative."""
    factors = left.factors if isinstance(left, Juxtaposition) else (left,)
    at = next((k for k in range(len(factors) - 1, -1, -1) if isinstance(factors[k], Differential)), None)
    if at is None:
        return None
    first = factors[at]
    assert isinstance(first, Differential)
    rest = right.factors if isinstance(right, Juxtaposition) else (right,)
    count = next((k for k, f in enumerate(rest) if not isinstance(f, Differential)), len(rest))
    if isinstance(right, Bracket):
        below, count = _bottom(right, report), 1
    else:
        below = _bottom(joined(rest[:count]), report) if count else None  # type: ignore[arg-type]
    if below is None or below.beside or (below.sign == r"\partial") != (first.sign == r"\partial"):
        return None
    of = joined((*([first.of] if first.of else []), *factors[at + 1 :]))
    behind = rest[count:]
    form = "slash"
    if of is None:
        of, behind, form = joined(behind), (), "operator" if behind else "over"
    made = Leibniz(first.sign, first.scripts, of, tuple(below.by), form, span=(first.span[0], right.span[1]))
    return joined((*factors[:at], made, *behind))
