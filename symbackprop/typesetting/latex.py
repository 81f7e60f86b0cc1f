"""The typeset tree as LaTeX that KaTeX, MathJax and LaTeX with amsmath all read.

`latex(node)` is one line without a dollar sign. It never holds a bare `<`, which Markdown would take for HTML.
"""

import re
from functools import singledispatch
from itertools import pairwise

from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import FUNCTIONS, GREEK, MARKS

FENCES = {
    "()": ("(", ")"),
    "[]": ("[", "]"),
    "abs": (r"\lvert ", r" \rvert"),
    "norm": (r"\lVert ", r" \rVert"),
    "floor": (r"\lfloor ", r" \rfloor"),
}
STYLES = {
    "bold": "mathbf", "bolditalic": "boldsymbol", "script": "mathcal", "double-struck": "mathbb", "fraktur": "mathfrak",
    "sans-serif": "mathsf", "monospace": "mathtt", "roman": "mathrm",
}  # fmt: skip
"""The commands of styles."""
COMMAND = re.compile(r"\\[A-Za-z]+\Z")
ESCAPES = {c: rf"\{c}" for c in "_%&#$"}


def escape(text: str) -> str:
    """Words as LaTeX text."""
    text = text.replace("\\", r"\textbackslash ").replace("{", r"\{").replace("}", r"\}")
    return "".join(ESCAPES.get(c, c) for c in text)


@singledispatch
def latex(node: tree.Node) -> str:
    """LaTeX of a node."""
    raise TypeError(f"no LaTeX for {type(node).__name__}")


@latex.register
def _(node: tree.Number) -> str:
    return node.text


@latex.register
def _(node: tree.Letter) -> str:
    plain = rf"\{node.text}" if node.text in GREEK else node.text
    if node.style in STYLES:
        if not node.text.isascii() or " " in node.text:
            return rf"\text{{{escape(node.text)}}}"
        command = "boldsymbol" if node.style == "bold" and node.text in GREEK else STYLES[node.style]
        return rf"\{command}{{{plain if node.text in GREEK else escape(plain)}}}"
    if node.style == "function":
        return FUNCTIONS.get(node.text, rf"\operatorname{{{escape(node.text)}}}")
    if (len(node.text.rstrip("'")) == 1 and node.text != "_") or node.text in GREEK:
        return plain
    return rf"\mathrm{{{escape(node.text)}}}"


@latex.register
def _(node: tree.Mark) -> str:
    return MARKS[node.name][0]


@latex.register
def _(node: tree.Text) -> str:
    return rf"\text{{{escape(node.text)}}}"


@latex.register
def _(node: tree.Group) -> str:
    return f"{{{apart(node.body)}{latex(node.body)}}}"


def apart(node: tree.Node) -> str:
    """TeX takes braces round an accented letter alone away, label and all, unless something stands beside it."""
    return "{}" if isinstance(node, tree.Labelled) and isinstance(node.base, tree.Accent) else ""


@latex.register
def _(node: tree.Accent) -> str:
    return rf"\{node.kind}{{{latex(node.base)}}}"


@latex.register
def _(node: tree.Labelled) -> str:
    above = f"^{{{latex(node.sup)}}}" if node.sup is not None else ""
    return latex(node.base) + above + (f"_{{{subscripts(node.sub)}}}" if node.sub else "")


def subscripts(nodes: tuple[tree.Node, ...]) -> str:
    """Indices side by side, with commas as soon as one of them is more than a letter or a digit."""
    texts = [latex(n) for n in nodes]
    simple = all(tree.is_short(n) for n in nodes)
    return " ".join(texts) if simple and any(t.startswith("\\") for t in texts) else ("" if simple else ", ").join(texts)


@latex.register
def _(node: tree.Power) -> str:
    base = latex(node.base)
    return f"{base}^{{{latex(node.exponent)}}}"


@latex.register
def _(node: tree.Transposed) -> str:
    base = latex(node.base)
    if tree.power_base(node.base) is node.base or isinstance(node.base, tree.Apply | tree.Sequence):
        return rf"{base}^{{\top}}"
    # A name with a layer keeps its transpose apart: {W^{1}}^{\top}.
    return rf"{{{apart(node.base)}{base}}}^{{\top}}"


@latex.register
def _(node: tree.Frac) -> str:
    return rf"\frac{{{latex(node.top)}}}{{{latex(node.bottom)}}}"


@latex.register
def _(node: tree.Derivative) -> str:
    order = f"^{{{len(node.bottoms)}}}" if len(node.bottoms) > 1 else ""
    below = " ".join(rf"\partial {latex(b)}" for b in node.bottoms)
    return rf"\frac{{\partial{order} {latex(node.top)}}}{{{below}}}"


@latex.register
def _(node: tree.Held) -> str:
    return rf"\left( {latex(node.whole)} \right)_{{{', '.join(map(slashed, node.others))}}}"


def slashed(node: tree.Node) -> str:
    """A name; a derivative on one line."""
    if not isinstance(node, tree.Derivative):
        return latex(node)
    parts = [f"({slashed(p)})" if isinstance(p, tree.Derivative) else latex(p) for p in (node.top, *node.bottoms)]
    order = f"^{{{len(node.bottoms)}}}" if len(node.bottoms) > 1 else ""
    return rf"\partial{order} {parts[0]} / " + " ".join(rf"\partial {p}" for p in parts[1:])


@latex.register
def _(node: tree.Root) -> str:
    return rf"\sqrt{{{latex(node.body)}}}"


@latex.register
def _(node: tree.Fenced) -> str:
    left, right = FENCES[node.fence]
    body = latex(node.body)
    return rf"\left{left.rstrip()} {body} \right{right.lstrip()}" if tree.is_tall(node.body) else f"{left}{body}{right}"


@latex.register
def _(node: tree.Half) -> str:
    fence, body = FENCES[node.fence][not node.opens].strip(), latex(node.body)
    size = r"\bigg" if node.tall else r"\big"
    return f"{size}l{fence} {body}" if node.opens else f"{body} {size}r{fence}"


@latex.register
def _(node: tree.Apply) -> str:
    if node.bare:
        return f"{latex(node.function)} {latex(node.arguments[0])}"
    body = ", ".join(latex(a) for a in node.arguments)
    tall = any(tree.is_tall(a) for a in node.arguments)
    return latex(node.function) + (rf"\left( {body} \right)" if tall else f"({body})")


@latex.register
def _(node: tree.Sequence) -> str:
    text = ""
    for part in map(latex, node.items):
        # A command swallows the letters that follow it.
        text += (" " if COMMAND.search(text) and part[:1].isalpha() else "") + part
    return text


@latex.register
def _(node: tree.Sum) -> str:
    lower = latex(node.index) + (f"={latex(node.lower)}" if node.lower is not None else "")
    upper = f"^{{{latex(node.upper)}}}" if node.upper is not None else ""
    return rf"\{node.sign}_{{{lower}}}{upper} {latex(node.body)}"


@latex.register
def _(node: tree.Product) -> str:
    text = latex(node.factors[0])
    for before, factor in pairwise(node.factors):
        part = latex(factor)
        apart = r" \thinspace " if tree.ends_with_word(before) or tree.begins_with_word(factor) else " "
        text += (r" \cdot " if part[0].isdigit() else apart) + part
    return text


@latex.register
def _(node: tree.Hadamard) -> str:
    return latex(node.first) + "".join(f" {MARKS[mark][0]} {latex(n)}" for mark, n in node.rest)


@latex.register
def _(node: tree.Add) -> str:
    text = ""
    for sign, term in node.terms:
        text += (" + " if sign > 0 else " - ") if text else ("" if sign > 0 else "-")
        text += latex(term)
    return text


@latex.register
def _(node: tree.Relation) -> str:
    return latex(node.first) + "".join(f" {MARKS[mark][0]} {latex(n)}" for mark, n in node.rest)


@latex.register
def _(node: tree.Table) -> str:
    rows = r" \\ ".join(" & ".join(latex(c) for c in row) for row in node.rows)
    return rf"\begin{{{node.kind}}} {rows} \end{{{node.kind}}}"
