"""LaTeX as presentation MathML, as it is written: nothing of what it means is known here."""

import contextlib
import unicodedata
from collections.abc import Callable, Sequence
from html import escape

from symbackprop.errors import FormulaError
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.commands import SHUT
from symbackprop.language.latex.macros import Macros
from symbackprop.language.latex.statements import parse
from symbackprop.typesetting.mathml import operator, row
from symbackprop.typesetting.symbols import GREEK

SIGNS = {
    "-": "−", r"\pm": "±", r"\mp": "∓", r"\cdot": "⋅", r"\times": "×", r"\circ": "∘", r"\odot": "⊙", r"\otimes": "⊗", r"\div": "÷",
    r"\oslash": "⊘", r"\bullet": "∙", r"\wedge": "∧", r"\star": "⋆", r"\oplus": "⊕", r"\ominus": "⊖", "*": "∗", r"\cup": "\u222a",
    r"\cap": "∩", r"\setminus": "\u2216", r"\triangleq": "≜", r"\equiv": "≡", r"\approx": "≈", r"\cong": "≅", r"\propto": "∝",
    r"\sim": "\u223c", r"\le": "≤", r"\ge": "≥", r"\ne": "≠", r"\leftarrow": "←", r"\to": "→", r"\mapsto": "↦", r"\in": "∈",
    r"\notin": "∉", r"\ni": "∋", r"\subset": "⊂", r"\subseteq": "⊆", r"\supset": "⊃", r"\supseteq": "⊇", r"\ll": "≪", r"\gg": "≫",
    r"\perp": "⟂", r"\parallel": "∥", r"\succ": "≻", r"\prec": "≺", r"\succeq": "⪰", r"\preceq": "⪯", r"\leftrightarrow": "↔",
    r"\Rightarrow": "⇒", r"\Leftarrow": "⇐", r"\Leftrightarrow": "⇔", r"\because": "∵", ":=": "≔", r"\sum": "∑", r"\prod": "∏",
    r"\int": "∫", r"\iint": "∬", r"\iiint": "∭", r"\oint": "∮", r"\coprod": "∐", r"\bigcup": "\u22c3", r"\bigcap": "⋂", r"\bigoplus": "⨁",
    r"\bigvee": "\u22c1", r"\bigwedge": "⋀", r"\partial": "∂", r"\nabla": "∇", r"\{": "{", r"\}": "}", r"\langle": "⟨", r"\rangle": "⟩",
    r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉", r"\lvert": "|", r"\rvert": "|", r"\lVert": "‖", r"\rVert": "‖",
    r"\llbracket": "⟦", r"\rrbracket": "⟧", r"\dots": "…", r"\cdots": "⋯", r"\vdots": "⋮", r"\ddots": "⋱", r"\infty": "∞",
    r"\emptyset": "∅", r"\top": "⊤", r"\bot": "⊥", r"\intercal": "⊺", r"\prime": "′", r"\hbar": "ℏ", r"\forall": "∀", r"\exists": "∃",
    r"\dagger": "†", r"\aleph": "ℵ", r"\vartheta": "ϑ", r"\varsigma": "ς", r"\varkappa": "ϰ", r"\varpi": "ϖ", r"\varrho": "\u03f1",
    r"\imath": "\u0131", r"\jmath": "ȷ", r"\wp": "℘", r"\Re": "\u211c", r"\Im": "\u2111",
}  # fmt: skip
SIGNS |= {f"\\{name}": letter for name, letter in GREEK.items()}
ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "vec": "→", "dot": "˙", "ddot": "¨", "check": "ˇ", "breve": "˘", "acute": "\u00b4"}
FONTS = {
    "mathbf": "BOLD",
    "boldsymbol": "BOLD ITALIC",
    "mathsf": "SANS-SERIF",
    "mathtt": "MONOSPACE",
    "mathbb": "DOUBLE-STRUCK",
    "mathcal": "SCRIPT",
    "mathfrak": "FRAKTUR",
}
"""Fonts as Unicode's names of letters say them."""


def mathml(latex: str, macros: Macros, display: bool = False) -> str:
    """A <math> element, or nothing where the LaTeX can't be read or a sign in it has no character."""
    try:
        formula = parse(latex, macros)
        lines = _lines(formula)
    except (FormulaError, _MissingError, RecursionError):
        return ""
    if not lines:
        return ""
    body = lines[0] if len(lines) == 1 else _table([[line] for line in lines], "left")
    mode = ' display="block"' if display else ""
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"{mode}>{body}</math>'


class _MissingError(Exception):
    """A sign that has no character here."""


def _lines(formula: n.Formula) -> list[str]:
    """The statements, those beside each other on lines of their own."""
    lines: list[str] = []
    for statement in formula.statements:
        body = _element(statement.body) + "".join(_space() + _condition(c) for c in statement.conditions)
        words = "".join(_space() + _words(remark.text) for remark in statement.remarks)
        if statement.link in ("", "\\\\") or not lines:
            lines.append(row(body + words))
        else:
            lines[-1] = row(lines[-1], _space(), operator(_sign(statement.link)), _space(), body + words)
    return lines


def _element(node: n.Node) -> str:
    """MathML of a node."""
    return WRITERS[type(node)](node)


def _sign(text: str) -> str:
    if text in SIGNS:
        return SIGNS[text]
    if text.startswith("\\") and len(text) > 2:
        raise _MissingError(text)
    return text.lstrip("\\")


def _space() -> str:
    return '<mspace width="1em"></mspace>'


def _words(text: str) -> str:
    return f"<mtext>{escape(text)}</mtext>"


def _condition(condition: n.Condition) -> str:
    head = _words(f"{condition.word}\u00a0") if condition.word else ""
    return head + operator(",", separator="true").join(map(_element, condition.parts))


def _all(nodes: Sequence[n.Node], between: str = "") -> str:
    return between.join(map(_element, nodes))


def _name(node: n.Name) -> str:
    text = _lettered(_sign(node.id), FONTS.get(node.style, ""))
    upright = len(text) == 1 and (node.style in ("mathrm", "operatorname", *FONTS) or (node.id[1:2].isupper() and node.id[0] == "\\"))
    mode = ' mathvariant="normal"' if upright else ""
    tag = "mn" if text.isdigit() else "mi"
    made = f"<{tag}{mode}>{escape(text)}</{tag}>"
    for mark in reversed(node.accents):
        made = _over(made, mark)
    return _scripted(made, node.scripts)


def _lettered(text: str, font: str) -> str:
    """A letter in a font: Unicode has a character for each, as browsers want it."""
    if len(text) == 1 and font:
        name = unicodedata.name(text).replace("LATIN ", "").replace("GREEK ", "").replace(" LETTER", "")
        for whole in (f"MATHEMATICAL {font} {name}", f"MATHEMATICAL {font.split()[0]} {name}", f"{font} {name}"):
            with contextlib.suppress(KeyError):
                return unicodedata.lookup(whole)
    return text


def _over(body: str, mark: str) -> str:
    if mark == "underline":
        return f"<munder>{body}{operator('_', stretchy='true')}</munder>"
    if mark not in ACCENTS:
        raise _MissingError(mark)
    return f'<mover accent="true">{body}{operator(ACCENTS[mark], stretchy="false")}</mover>'


def _scripted(base: str, scripts: Sequence[n.Script], limits: bool = False) -> str:
    """A base with what stands below and above it."""
    below = operator(",", separator="true").join(_listed(s) for s in scripts if s.mark == "_")
    above = "".join(operator("′" * len(s.mark)) if s.mark[0] == "'" else _listed(s) for s in scripts if s.mark[0] in "'^")
    base += "".join(operator("!") for s in scripts if s.mark == "!")
    base = row(base) if scripts else base
    tags = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    if below and above:
        return f"<{tags[2]}>{base}{row(below)}{row(above)}</{tags[2]}>"
    if below:
        return f"<{tags[0]}>{base}{row(below)}</{tags[0]}>"
    return f"<{tags[1]}>{base}{row(above)}</{tags[1]}>" if above else base


def _listed(script: n.Script) -> str:
    return _all(script.items, operator(",", separator="true"))


def _between(items: Sequence[n.Node], signs: Sequence[str], prefixed: bool = False) -> str:
    """Items with signs between them, or before each."""
    made = "" if prefixed else _element(items[0])
    for k, (sign, item) in enumerate(zip(signs, items if prefixed else items[1:], strict=True)):
        prefix = {"form": "prefix"} if prefixed and not k else {}
        made += (operator(_sign(sign), **prefix) if sign else "") + _element(item)
    return row(made)


def _bracket(node: n.Bracket) -> str:
    body = ""
    for k, item in enumerate(node.items):
        body += _element(item)
        separator = node.separators[k] if k < len(node.separators) else ""
        if separator:
            body += _words(f" {separator} ") if separator.isalpha() else operator(_sign(separator), separator="true")
    if node.spaced:
        body = _space().join(map(_element, node.spaced))
    left = operator(_sign(node.open), fence="true", form="prefix") if node.open else ""
    right = operator(_sign(node.shut), fence="true", form="postfix") if node.shut else ""
    return row(left, body, right)


def _quotient(top: str, bottom: str) -> str:
    return f"<mfrac>{row(top)}{row(bottom)}</mfrac>"


def _differential(sign: str, scripts: Sequence[n.Script], of: n.Node | None) -> str:
    mark = (
        operator("∂", rspace="0") if sign == r"\partial" else "<mi>d</mi>" if "d" in sign and len(sign) == 1 else _differential_sign(sign)
    )
    return _scripted(mark, scripts) + (_element(of) if of else "")


def _differential_sign(sign: str) -> str:
    return '<mi mathvariant="normal">d</mi>' if sign.startswith(r"\mathrm") else f"<mi>{_sign(sign)}</mi>"


def _leibniz(node: n.Leibniz) -> str:
    of = None if node.form == "operator" else node.of
    top = _differential(node.sign, node.scripts, of)
    beside = "".join(_element(b) + (operator(_sign(sign)) if sign else "") for b, sign in node.beside)
    below = beside + "".join(_differential(node.sign, (), by) for by in node.by)
    if node.form == "slash":
        return row(top, operator("/"), below)
    made = _quotient(top, below)
    return row(made, _element(node.of)) if node.form == "operator" and node.of else made


def _big(node: n.Big) -> str:
    if node.sign in (r"\lim", r"\limsup", r"\liminf"):
        sign = f"<mo>{node.sign[1:]}</mo>"
    else:
        sign = f'<mo movablelimits="false">{_sign(node.sign)}</mo>'
    return row(_scripted(sign, node.scripts, limits=True), _element(node.of))


def _indicator(node: n.Indicator) -> str:
    inside = _all(node.conditions, operator(",", separator="true"))
    if node.within == "_":
        return f"<msub>{row(_element(node.mark))}{row(inside)}</msub>"
    return row(_element(node.mark), operator(_sign(node.within), fence="true"), inside, operator(_sign(SHUT[node.within]), fence="true"))


def _labelled(node: n.Labelled) -> str:
    of, label = row(_element(node.of)), row(_element(node.label))
    if node.mark == r"\underbrace":
        return f"<munder><munder>{of}{operator('⏟', stretchy='true')}</munder>{label}</munder>"
    if node.mark == r"\overbrace":
        return f"<mover><mover>{of}{operator('⏞', stretchy='true')}</mover>{label}</mover>"
    tag = "munder" if node.mark == r"\underset" else "mover"
    return f"<{tag}>{of}{label}</{tag}>"


def _table(rows: Sequence[Sequence[str]], align: str = "") -> str:
    style = f' style="text-align: {align}"' if align else ""
    return "<mtable>" + "".join("<mtr>" + "".join(f"<mtd{style}>{c}</mtd>" for c in r) + "</mtr>" for r in rows) + "</mtable>"


FENCES = {"b": ("[", "]"), "p": ("(", ")"), "v": ("|", "|"), "V": ("‖", "‖"), "B": ("{", "}")}


def _matrix(node: n.Matrix) -> str:
    table = _table([[_element(c) for c in r] for r in node.rows])
    left, right = FENCES.get(node.kind[0], ("", "")) if node.kind.rstrip("*").endswith("matrix") else ("", "")
    return row(operator(left, fence="true"), table, operator(right, fence="true")) if left else table


def _cases(node: n.Cases) -> str:
    rows = [[_element(r.value), operator(",").join(map(_condition, r.conditions))] for r in node.rows]
    return row(operator("{", fence="true", form="prefix"), _table(rows, "left"))


def _slice(node: n.Slice) -> str:
    return row(_element(node.start) if node.start else "", operator(":"), _element(node.stop) if node.stop else "")


def _signature(node: n.Signature) -> str:
    return row(_element(node.of), operator(":"), _element(node.source), operator(_sign(node.sign)), _element(node.target))


def _binomial(node: n.Binomial) -> str:
    inner = f'<mfrac linethickness="0">{row(_element(node.top))}{row(_element(node.bottom))}</mfrac>'
    return row(operator("(", fence="true"), inner, operator(")", fence="true"))


def _root(node: n.Root) -> str:
    body = row(_element(node.of))
    return f"<mroot>{body}{row(_element(node.degree))}</mroot>" if node.degree else f"<msqrt>{body}</msqrt>"


def _call(node: n.Call) -> str:
    gap = "" if isinstance(node.argument, n.Bracket) else '<mspace width="0.17em"></mspace>'
    return row(_element(node.function), "<mo>\u2061</mo>", gap, _element(node.argument))


WRITERS: dict[type, Callable] = {
    n.Name: _name,
    n.Number: lambda node: f"<mn>{escape(node.text)}</mn>",
    n.Dots: lambda node: operator(_sign(node.id)),
    n.Text: lambda node: _words(f" {node.text} "),
    n.Nothing: lambda node: "",
    n.Scripted: lambda node: _scripted(_element(node.of), node.scripts),
    n.Accent: lambda node: _over(row(_element(node.of)), node.mark),
    n.Juxtaposition: lambda node: row(_all(node.factors, "<mo>\u2062</mo>")),
    n.Product: lambda node: _between(node.factors, node.signs),
    n.Sum: lambda node: _between(node.terms, node.signs, prefixed=True),
    n.Chain: lambda node: _between(node.sides, node.signs),
    n.Listing: lambda node: row(_all(node.items, operator(",", separator="true"))),
    n.Signature: _signature,
    n.Bracket: _bracket,
    n.Fraction: lambda node: _quotient(_element(node.top), _element(node.bottom)),
    n.Binomial: _binomial,
    n.Root: _root,
    n.Call: _call,
    n.Big: _big,
    n.Differential: lambda node: row(_differential(node.sign, node.scripts, node.of)),
    n.Leibniz: _leibniz,
    n.Operator: lambda node: row(_scripted(f"<mi>{_sign(node.sign)}</mi>", node.scripts), _element(node.of) if node.of else ""),
    n.Indicator: _indicator,
    n.Evaluated: lambda node: row(_element(node.of), _scripted(operator("|", fence="true"), node.scripts)),
    n.Labelled: _labelled,
    n.Matrix: _matrix,
    n.Cases: _cases,
    n.Slice: _slice,
}
