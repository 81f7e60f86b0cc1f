"""The typeset tree as presentation MathML, so that a page shows mathematics without a script.

`mathml(node, display)` is one <math> element; all text in it is escaped.
"""

import contextlib
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import singledispatch
from html import escape

from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import ALL_ACCENTS, GREEK, MARKS

FENCES = {"()": ("(", ")"), "[]": ("[", "]"), "abs": ("|", "|"), "norm": ("‖", "‖"), "floor": ("⌊", "⌋")}
FONTS = {
    "bolditalic": "BOLD ITALIC", "script": "SCRIPT", "double-struck": "DOUBLE-STRUCK", "fraktur": "FRAKTUR", "sans-serif": "SANS-SERIF",
    "monospace": "MONOSPACE", "roman": "",
}  # fmt: skip
"""What Unicode calls the fonts of styles."""
OLDER = {"FRAKTUR": "BLACK-LETTER"}
"""What it calls those of older letters."""
TIMES = "<mo>\u2062</mo>"
APPLICATION = "<mo>\u2061</mo>"


@dataclass
class Marks:
    """Names that wear a class wherever they stand, so that a page can tell of all places at once; the first of each takes the focus."""

    classes: Mapping[tree.Node, str]
    seen: set[str] = field(default_factory=set)


MARKS_NOW: ContextVar[Marks | None] = ContextVar("marks", default=None)


@contextmanager
def marking(classes: Mapping[tree.Node, str]) -> Iterator[None]:
    """Within this, names wear their classes."""
    token = MARKS_NOW.set(Marks(classes) if classes else None)
    try:
        yield
    finally:
        MARKS_NOW.reset(token)


def whole(node: tree.Node) -> tree.Node:
    """What an entry is of: a name without its indices; of a derivative of entries that by the whole."""
    match node:
        case tree.Labelled(base, sub, sup) if sub:
            return base if sup is None else replace(node, sub=())
        case tree.Derivative(top, bottoms):
            return tree.Derivative(whole(top), tuple(map(whole, bottoms)))
    return node


def element(node: tree.Node) -> str:
    """MathML of a node, without the <math> around it."""
    marks = MARKS_NOW.get()
    if marks is None or not isinstance(node, tree.Letter | tree.Accent | tree.Labelled | tree.Derivative | tree.Held):
        return bare(node)
    name = marks.classes.get(node) or marks.classes.get(whole(node))
    if name is None:
        return bare(node)
    focus = "" if name in marks.seen else ' tabindex="0"'
    marks.seen.add(name)
    token = MARKS_NOW.set(None)
    try:
        return f'<mrow class="{name}"{focus}>{bare(node)}</mrow>'
    finally:
        MARKS_NOW.reset(token)


def mathml(node: tree.Node, display: bool = False) -> str:
    """A <math> element; display puts it on a line of its own."""
    mode = ' display="block"' if display else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{mode}>{element(node)}</math>'


def row(*parts: str) -> str:
    """Elements as one."""
    return f"<mrow>{''.join(parts)}</mrow>"


def operator(text: str, **attributes: str) -> str:
    """An <mo>."""
    extra = "".join(f' {k}="{v}"' for k, v in attributes.items())
    return f"<mo{extra}>{escape(text)}</mo>"


def fence(body: str, kind: str, tall: bool) -> str:
    """body between the two signs of the fence."""
    left, right = FENCES[kind]
    stretchy = "true" if tall else "false"
    return row(operator(left, fence="true", stretchy=stretchy), body, operator(right, fence="true", stretchy=stretchy))


@singledispatch
def bare(node: tree.Node) -> str:
    """MathML of a node as it is."""
    raise TypeError(f"no MathML for {type(node).__name__}")


@bare.register
def _(node: tree.Number) -> str:
    return f"<mn>{node.text}</mn>"


@bare.register
def _(node: tree.Letter) -> str:
    text = escape(GREEK.get(node.text, node.text))
    if node.style in FONTS:
        return f'<mi mathvariant="normal">{escape(lettered(GREEK.get(node.text, node.text), FONTS[node.style]))}</mi>'
    if node.style == "bold":
        bold = chr(ord("𝟎") + int(text)) if text.isdigit() and len(text) == 1 else text
        if len(text) == 1 and text.isascii() and text.isalpha():
            # Browsers know bold letters by their own code points, not by mathvariant.
            bold = chr(0x1D41A + ord(text) - ord("a") if text.islower() else 0x1D400 + ord(text) - ord("A"))
            return f'<mi mathvariant="normal">{bold}</mi>'
        return f'<mn mathvariant="normal">{bold}</mn>' if text.isdigit() else f'<mi mathvariant="bold">{text}</mi>'
    if len(text.rstrip("'")) < len(text):
        primes = "′" * (len(node.text) - len(node.text.rstrip("'")))
        return f"<msup><mi>{escape(node.text.rstrip(chr(39)))}</mi><mo>{primes}</mo></msup>"
    return f"<mi>{text}</mi>"


def lettered(text: str, font: str) -> str:
    """Letters in a font: Unicode has a character for each, as browsers want it; one that it lacks is plain."""
    made = ""
    for c in text:
        name = unicodedata.name(c, "").replace("LATIN ", "").replace("GREEK ", "").replace(" LETTER", "")
        shown = c
        for whole in (f"{font} {name}", f"{OLDER.get(font)} {name}", f"MATHEMATICAL {font} {name}") if font else ():
            with contextlib.suppress(KeyError):
                shown = unicodedata.lookup(whole)
        made += shown
    return made


@bare.register
def _(node: tree.Mark) -> str:
    text = MARKS[node.name][1]
    return f"<mi>{text}</mi>" if node.name in ("R", "nabla") else operator(text)


@bare.register
def _(node: tree.Text) -> str:
    return f"<mtext>{escape(node.text)}</mtext>"


@bare.register
def _(node: tree.Group) -> str:
    return row(element(node.body))


@bare.register
def _(node: tree.Accent) -> str:
    if node.kind == "underline":
        return f"<munder>{element(node.base)}{operator(ALL_ACCENTS[node.kind], stretchy='true')}</munder>"
    # Where no font for mathematics is there, browsers set the dot of an accent into the letter.
    close = "" if node.kind == "dot" else ' accent="true"'
    return f"<mover{close}>{element(node.base)}{operator(ALL_ACCENTS[node.kind], stretchy='false')}</mover>"


@bare.register
def _(node: tree.Labelled) -> str:
    base = element(node.base)
    below = subscripts(node.sub) if node.sub else ""
    if node.sup is None:
        return f"<msub>{base}{below}</msub>" if below else base
    above = element(node.sup)
    return f"<msubsup>{base}{below}{above}</msubsup>" if below else f"<msup>{base}{above}</msup>"


def subscripts(nodes: tuple[tree.Node, ...]) -> str:
    """Indices side by side, with commas as soon as one of them is more than a letter or a digit."""
    simple = all(tree.is_short(n) for n in nodes)
    between = "<mo>\u2063</mo>" if simple else operator(",", separator="true")
    return row(between.join(element(n) for n in nodes))


@bare.register
def _(node: tree.Power) -> str:
    return f"<msup>{element(node.base)}{row(element(node.exponent))}</msup>"


@bare.register
def _(node: tree.Transposed) -> str:
    sign = operator(MARKS["top"][1])
    if isinstance(node.base, tree.Labelled) and node.base.sub and node.base.sup is None:
        return f"<msubsup>{element(node.base.base)}{subscripts(node.base.sub)}{sign}</msubsup>"
    return f"<msup>{row(element(node.base))}{sign}</msup>"


@bare.register
def _(node: tree.Frac) -> str:
    return f"<mfrac>{row(element(node.top))}{row(element(node.bottom))}</mfrac>"


@bare.register
def _(node: tree.Derivative) -> str:
    sign = operator("∂", rspace="0")
    above = f"<msup>{sign}<mn>{len(node.bottoms)}</mn></msup>" if len(node.bottoms) > 1 else sign
    below = "".join(sign + element(b) for b in node.bottoms)
    return f"<mfrac>{row(above, element(node.top))}{row(below)}</mfrac>"


@bare.register
def _(node: tree.Held) -> str:
    below = operator(",", separator="true").join(map(slashed, node.others))
    return f"<msub>{fence(element(node.whole), '()', tall=True)}{row(below)}</msub>"


def slashed(node: tree.Node) -> str:
    """A name; a derivative on one line."""
    if not isinstance(node, tree.Derivative):
        return element(node)
    sign, over = operator("∂", rspace="0"), operator("/")
    above = f"<msup>{sign}<mn>{len(node.bottoms)}</mn></msup>" if len(node.bottoms) > 1 else sign
    parts = [fence(slashed(p), "()", tall=False) if isinstance(p, tree.Derivative) else element(p) for p in (node.top, *node.bottoms)]
    return row(above, parts[0], over, *[sign + p for p in parts[1:]])


@bare.register
def _(node: tree.Root) -> str:
    return f"<msqrt>{element(node.body)}</msqrt>"


@bare.register
def _(node: tree.Fenced) -> str:
    return fence(element(node.body), node.fence, tree.is_tall(node.body))


@bare.register
def _(node: tree.Half) -> str:
    size = {"fence": "true", "stretchy": "true", "symmetric": "true", "minsize": "2.4em" if node.tall else "1.2em"}
    sign = operator(FENCES[node.fence][not node.opens], form="prefix" if node.opens else "postfix", **size)
    return row(sign, element(node.body)) if node.opens else row(element(node.body), sign)


@bare.register
def _(node: tree.Apply) -> str:
    if node.bare:
        return row(element(node.function), APPLICATION, '<mspace width="0.17em"></mspace>', element(node.arguments[0]))
    body = operator(",", separator="true").join(element(a) for a in node.arguments)
    return row(element(node.function), APPLICATION, fence(body, "()", any(tree.is_tall(a) for a in node.arguments)))


@bare.register
def _(node: tree.Sequence) -> str:
    return row(*[element(i) for i in node.items])


@bare.register
def _(node: tree.Sum) -> str:
    start = element(node.index) + (operator("=") + element(node.lower) if node.lower is not None else "")
    sign = f'<mo movablelimits="false">{"∏" if node.sign == "prod" else "∑"}</mo>'
    if node.upper is None:
        big = f"<munder>{sign}{row(start)}</munder>"
    else:
        big = f"<munderover>{sign}{row(start)}{element(node.upper)}</munderover>"
    return row(big, element(node.body))


@bare.register
def _(node: tree.Product) -> str:
    parts = [element(node.factors[0])]
    for factor in node.factors[1:]:
        parts += [operator("⋅") if isinstance(factor, tree.Number) else TIMES, element(factor)]
    apart = any(tree.begins_with_word(f) for f in node.factors) or sum(isinstance(f, tree.Derivative | tree.Frac) for f in node.factors) > 1
    return row(('<mspace width="0.17em"></mspace>' if apart else "").join(parts))


@bare.register
def _(node: tree.Hadamard) -> str:
    return row(element(node.first), *[operator(MARKS[mark][1]) + element(n) for mark, n in node.rest])


@bare.register
def _(node: tree.Add) -> str:
    parts: list[str] = []
    for sign, term in node.terms:
        if parts or sign < 0:
            parts.append(operator("+" if sign > 0 else "−", **({} if parts else {"form": "prefix"})))
        parts.append(element(term))
    return row(*parts)


@bare.register
def _(node: tree.Relation) -> str:
    return row(element(node.first), *[operator(MARKS[mark][1]) + element(n) for mark, n in node.rest])


@bare.register
def _(node: tree.Table) -> str:
    rows = "".join("<mtr>" + "".join(f"<mtd>{element(c)}</mtd>" for c in r) + "</mtr>" for r in node.rows)
    table = f"<mtable>{rows}</mtable>"
    if node.kind == "bmatrix":
        return fence(table, "[]", tall=True)
    return row(operator("{", fence="true", stretchy="true"), table) if node.kind == "cases" else table
