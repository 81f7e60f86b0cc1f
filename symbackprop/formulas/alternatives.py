"""The readings of a claim in the order in which they are tried, each with what it takes for granted."""

import itertools
from collections.abc import Container, Iterator
from typing import Any

from symbackprop.formulas import words
from symbackprop.formulas.notation.context import Context, letters_of
from symbackprop.formulas.notation.dependence import tied
from symbackprop.formulas.notation.links import OTHERWISE, Link
from symbackprop.formulas.notation.readings import Reading, usual, varied
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, is_transpose, parts, plain, upright
from symbackprop.formulas.said import Said
from symbackprop.language.latex import nodes as n


def readings(context: Context, link: Link, inert: Container[Reading] = ()) -> Iterator[tuple[Reading, list[Said]]]:
    """The declared or usual reading, then others, each with what it takes for granted."""
    said = context.conventions
    first = usual(said)
    yield first, []
    if first.layout == "numerator":
        yield varied(first, turned=True), []
    if any(
        isinstance(p, n.Product) and isinstance(p.factors[0], n.Leibniz) and p.factors[0].form == "operator"
        for x in (link.left, link.right)
        for p in parts(x)
    ):
        yield varied(first, scope=True), []
    if shifted(context, link):
        yield varied(first, zero=True), []
    if said.hot:
        yield varied(first, hot=True), []
        yield varied(first, hot=True, hit=True), [words.say("hit")]
    if any(isinstance(p, n.Differential) for x in (link.left, link.right) for p in parts(x)):
        yield varied(first, before=True), [] if "activation" in said.derived else [words.say("before")]
    changes = [c for c in alternatives(first, context, link)]
    for change, condition in changes:
        yield varied(first, **change), [condition]
    changes = [c for c in changes if varied(first, **c[0]) not in inert]
    for k, (change, condition) in enumerate(changes):
        for other, further in changes[k + 1 :]:
            if not set(change) & set(other):
                yield varied(first, **change, **other), [condition, further]
    yield from weak(first, context, link)


def alternatives(first: Reading, context: Context, link: Link) -> Iterator[tuple[dict[str, Any], Said]]:
    """Single choices that differ from a reading."""
    said = context.conventions
    signs = {s for side in (link.left, link.right) for p in parts(side) if isinstance(p, n.Product) for s in p.signs}
    if not first.simplex:
        yield {"simplex": True}, words.say("simplex")
    for layout in ("numerator", "denominator", "gradient"):
        if layout != first.layout:
            yield {"layout": layout}, words.say(f"layout {layout}")
    yield {"loose": True}, words.say("loose")
    if any(isinstance(p, n.Call) and p.function.id == "vec" for x in (link.left, link.right) for p in parts(x)):
        yield {"vec_rows": not first.vec_rows}, words.say("vec columns" if first.vec_rows else "vec rows")
    yield {"diagonal": True}, words.say("diagonal")
    for kind in ("same", "parameters", "immediate"):
        yield {kind: True}, words.say("immediate")
    if said.reduction == "single":
        yield {"summed": True}, words.say("summed")
    if any(
        isinstance(p, n.Name) and p.id in (r"\epsilon", r"\varepsilon")
        for x in (link.right, *(s.body for s in context.statements))
        for p in parts(x)
    ):
        yield {"small": True}, words.say("small")
    yield {"last": True}, words.say("last")
    if "*" in signs:
        for star in ("hadamard", "matrix"):
            if star != first.star:
                yield {"star": star}, words.say(f"star {star}")
        yield {"applied": True}, words.say("applied")
    if r"\circ" in signs and first.circle == "hadamard":
        yield {"circle": "matrix"}, words.say("circle matrix")
    if signs:
        yield {"flat": True}, words.say("flat")
    yield {"inner": True}, words.say("inner")
    yield {"unbounded": True}, words.say("unbounded")
    yield {"entropy": True}, words.say("entropy")
    yield {"others": True}, words.say("others")
    if any(isinstance(p, n.Product) and r"\cdot" in p.signs for x in (link.left, link.right) for p in parts(x)):
        yield {"dot": True}, words.say("dot")
    yield {"final": True}, words.say("final")
    if "/" in signs:
        yield {"slash": True}, words.say("slash")
    if link.kind != "shape" and is_plain(link, context) and not component_letters(link, context):
        yield {"scalars": True}, words.say("scalars")
    if shifted(context, link):
        yield {"zero": True, "padded": True}, words.say("padded")
    forms = quadratic(context, link)
    if forms:
        yield {"symmetric": tuple(sorted(forms))}, words.say("symmetric", names=", ".join(sorted(forms)))
    between = parameters_of_kinks(context, link)
    if between:
        yield {"interval": between}, words.say("interval", names=", ".join(between))
    if any(isinstance(p, n.Fraction) and any(map(is_norm, parts(p.bottom))) for s in context.statements for p in parts(s.body)):
        yield {"unit": True}, words.say("unit")
    yield {"samples": "columns" if first.samples == "rows" else "rows"}, words.say("samples")


def parameters_of_kinks(context: Context, link: Link) -> tuple[str, ...]:
    """The Greek numbers beside a function with a kink, that nothing is derived by: slopes and widths, taken for small and positive."""
    trees = [link.left, link.right, *(s.body for s in context.statements)]
    if not any(map(kinks, trees)):
        return ()
    varied = {base_of(by) for t in trees for p in parts(t) for _, by in tied(p)}
    numbers = [base_of(d.name) for d in context.declared if not d.axes and not d.name.scripts and d.name.id.startswith("\\")]
    return tuple(x for x in numbers if x not in varied)


def is_norm(node: n.Node) -> bool:
    """Whether this is a norm of one name."""
    return isinstance(node, n.Bracket) and node.open == r"\lVert" and isinstance(plain(node.items[0]), n.Name)


def shifted(context: Context, link: Link) -> bool:
    """Whether two indices are added in a place, as in a convolution, or a sum begins at 0."""
    for tree in (link.left, link.right, *(s.body for s in context.statements)):
        for p in parts(tree):
            if isinstance(p, n.Big) and any(
                isinstance(i, n.Chain) and flat(i.sides[-1]) == "0" for s in p.scripts if s.mark == "_" for i in s.items
            ):
                return True
            items = p.items if isinstance(p, n.Bracket) else [a.tree for a in atoms(p.scripts, "_")] if isinstance(p, n.Name) else ()
            if any(isinstance(i, n.Sum) and len([t for t in i.terms if isinstance(t, n.Name)]) > 1 for i in items) and len(items) > 1:
                return True
    return False


def quadratic(context: Context, link: Link) -> set[str]:
    """The matrices M of quadratic forms x^T M x and of determinants, unless a claim tells a matrix from its transpose."""
    found: set[str] = set()
    turned: set[str] = set()
    sides = (link.left, link.right)
    for tree in (*sides, *(s.body for s in context.statements)):
        for p in parts(tree):
            if isinstance(p, n.Juxtaposition):
                for a, middle, b in zip(p.factors, p.factors[1:], p.factors[2:], strict=False):
                    name = plain(middle)
                    same = flat(plain(upright(a))) == flat(plain(upright(b)))
                    if isinstance(name, n.Name) and same and is_turned(a) != is_turned(b):
                        found.add(base_of(name))
            inside = p.items[0] if isinstance(p, n.Bracket) and p.open == r"\lvert" and len(p.items) == 1 else None
            if isinstance(p, n.Call) and p.function.id == "det":
                inside = p.argument
            if inside is not None and isinstance(plain(inside), n.Name):
                found.add(base_of(plain(inside)))  # type: ignore[arg-type]
            if tree in sides and isinstance(p, n.Name) and is_turned(p):
                turned.add(base_of(p))
    square = {base_of(d.name) for d in context.declared if len(d.axes) == 2 and flat(d.axes[0]) == flat(d.axes[1])}
    found &= square
    return set() if found & turned else found


def is_turned(node: n.Node) -> bool:
    """Whether a transpose stands on a name or a bracket."""
    return isinstance(node, n.Name | n.Scripted) and any(map(is_transpose, node.scripts))


def is_plain(link: Link, context: Context) -> bool:
    """Whether nothing in a claim and its context shows that it is about arrays: no transpose, no product entry by entry, no index."""
    for side in (link.left, link.right, *(s.body for s in context.statements)):
        for p in parts(side):
            if isinstance(p, n.Product) and set(p.signs) & {r"\odot", r"\circ", r"\otimes", "*"}:
                return False
            if isinstance(p, n.Big | n.Matrix | n.Indicator) or (
                isinstance(p, n.Call) and p.function.id.lower() in ("tr", "diag", "sum", "det")
            ):
                return False
            if isinstance(p, n.Name | n.Scripted) and any(
                s.mark == "^" and flat(i).split(" ")[-1] in TRANSPOSES for s in p.scripts for i in s.items
            ):
                return False
            if isinstance(p, n.Name) and p.style in ("mathbf", "boldsymbol"):
                return False
    return True


KINKED = {"max", "min", "relu", "abs", "maximum", "minimum", "hinge", "leakyrelu"}


def kinks(tree: n.Node) -> bool:
    """Whether a function with a kink stands here."""
    return any(
        (isinstance(p, n.Call) and p.function.id.lower() in KINKED)
        or (isinstance(p, n.Bracket) and p.open == r"\lvert")
        or isinstance(p, n.Cases)
        for p in parts(tree)
    )


def kinked(link: Link, context: Context) -> bool:
    """Whether a claim says what a derivative is at a kink."""
    trees = [link.left, link.right, *(s.body for s in context.statements), *(p for c in link.conditions for p in c.parts)]
    kink = any(map(kinks, trees[2:]))
    derived = has_derivative(link.left) or has_derivative(link.right)
    asserts = any(c.word in OTHERWISE for c in link.conditions)
    for side in (link.left, link.right):
        for p in parts(side):
            if isinstance(p, n.Cases):
                asserts = asserts or any(
                    c.word in OTHERWISE or any(isinstance(x, n.Chain) and set(x.signs) & {r"\le", r"\ge"} for x in c.parts)
                    for row in p.rows
                    for c in row.conditions
                )
            if isinstance(p, n.Indicator):
                asserts = asserts or any(isinstance(x, n.Chain) and set(x.signs) & {r"\le", r"\ge"} for x in p.conditions)
    return kink and derived and asserts


def weak(first: Reading, context: Context, link: Link) -> Iterator[tuple[Reading, list[Said]]]:
    """Readings under which a claim may be true by its special case alone: then nothing is said."""
    yield varied(first, identity=True), [words.say("identity")]
    yield varied(first, einstein=True), [words.say("einstein")]
    yield varied(first, einstein=True, loose=True), [words.say("einstein")]
    numbers = [base_of(d.name) for d in context.declared if not d.axes and not d.name.scripts]
    data = [x for x in numbers if x in ("x", "y", "t")]
    if numbers and len(numbers) == len(context.declared):
        for values in itertools.product((None, 0, 1), repeat=len(data)):
            special = tuple((x, v) for x, v in zip(data, values, strict=True) if v is not None)
            if special and ("x", 0) not in special:  # a factor of 0 hides what is wrong beside it
                yield varied(first, special=special), [words.say("values", what=", ".join(f"{x} = {v}" for x, v in special))]


def is_weak(reading: Reading) -> bool:
    """Whether a reading takes a special case for granted, so that what holds under it says nothing."""
    return bool(reading.identity or reading.special or reading.einstein)


def component_letters(link: Link, context: Context) -> bool:
    """Whether a side has indices below."""
    indices, _ = letters_of([link.left, link.right, *(s.body for s in context.statements)], context.declared)
    return any(
        a.text in indices and a.text not in ("t", "l")
        for side in (link.left, link.right)
        for p in parts(side)
        if isinstance(p, n.Name)
        for a in atoms(p.scripts, "_")
    )
