"""What people write who come from paper, from MATLAB or from other libraries, and what to write instead."""

import ast
import keyword
import re
import unicodedata

from symbackprop.calculus.index import GREEK
from symbackprop.ops import OPS

BESIDE = re.compile(r"""(?<![\w.])(?:(\d+(?:\.\d+)?) *(?![eEjJ][\d+-])|([A-Za-z]\w*) +)([A-Za-z]\w*)""")
"""A number or a name, and a name right behind it."""
JOINING = ("and", "or", "not", "in", "is", "if", "else", "for")
"""Words of Python that nobody means as a name."""
SIGNS: tuple[tuple[str, str], ...] = (
    (r"""(?:(?<![\w'"])([A-Za-z]\w*)|[])])\.?'(?![\w"])""", "a transpose is written {0}.T"),
    (r"\.\*", "a product entry by entry is written x * y"),
    (r"\./", "a quotient entry by entry is written x / y"),
    (r"\.\^", "a power entry by entry is written x ** y"),
    (r"\\", "write solve(A, b) for the solution of A x = b"),
    (r"\|\|", "write norm(x) for the length of a vector"),
    (r"\|", "write abs(x), or det(A) for a determinant"),
)
"""Signs that are not in the language, and what to write instead."""
CHARACTERS = {
    "\N{MINUS SIGN}": "a minus is written -",
    "\N{EN DASH}": "a minus is written -",
    **dict.fromkeys("\N{MIDDLE DOT}\N{DOT OPERATOR}\N{MULTIPLICATION SIGN}", "a product is written *, of matrices @"),
    **dict.fromkeys("\N{CIRCLED DOT OPERATOR}\N{RING OPERATOR}", "a product entry by entry is written *"),
    "\N{CIRCLED TIMES}": "write kron(A, B), or outer(x, y)",
    "\N{DIVISION SIGN}": "a quotient is written /",
    "\N{SUPERSCRIPT TWO}": "a power is written x ** 2",
    "\N{SUPERSCRIPT THREE}": "a power is written x ** 3",
    "\N{SQUARE ROOT}": "write sqrt(x)",
    "\N{N-ARY SUMMATION}": "write sum(x)",
    "\N{N-ARY PRODUCT}": "write prod(x)",
    "\N{LESS-THAN OR EQUAL TO}": "write <=",
    "\N{GREATER-THAN OR EQUAL TO}": "write >=",
    "\N{NOT EQUAL TO}": "write !=",
    "\N{DOUBLE VERTICAL LINE}": "write norm(x)",
    "\N{MODIFIER LETTER CAPITAL T}": "a transpose is written X.T",
    **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{PRIME}", "a transpose is written X.T"),
}
"""Characters of paper, and what to write instead."""


def syntax_fix(source: str) -> str:
    """What to write instead of a text that Python's grammar does not take."""
    outside, depth, lowest = [], 0, 0
    for c in source:
        depth += (c in "([{") - (c in ")]}")
        lowest = min(lowest, depth)
        outside.append(c if depth == 0 else " ")
    if lowest < 0:
        return "a bracket is closed that was not opened"
    if depth:
        return "close each bracket that is opened"
    plain = "".join(outside)
    if re.search(r"(?<![=<>!])=(?!=)", plain):
        return "an equation's name stands on the left of the table, the text is its right side alone"
    if found := python_word(source):
        return f"{found[0]} is a word of Python itself: choose another name, {other_name(found[0])}"
    for sign, fix in SIGNS:
        if found := re.search(sign, source):
            return fix.format((found.groups() and found[1]) or "X")
    if strange := character_fix(source):
        return strange
    if beside := BESIDE.search(source):
        number, name, next_name = beside.groups()
        if name in OPS:
            return f"a function is called with brackets: {name}({next_name})"
        of_matrices = "" if number else f", of matrices {name} @ {next_name}"
        return f"a product has a sign: {number or name} * {next_name}{of_matrices}"
    return "check brackets and operators"


def python_word(source: str) -> re.Match[str] | None:
    """The first word of Python's own that somebody takes for a name."""
    found = re.finditer(r"(?<![\w.'\"])[a-z]+(?![\w'\"])", source)
    return next((m for m in found if keyword.iskeyword(m[0]) and m[0] not in JOINING), None)


def character_fix(text: str) -> str:
    """What to write instead of the first character that is none of the language's, "" if all are."""
    for c in text:
        if c in CHARACTERS:
            return CHARACTERS[c]
        if not c.isascii() and c not in GREEK:
            name = spelled(c)
            return f"names are Latin or Greek letters, digits and _{f': write {name} for {c}' if name else ''}"
    return ""


def spelled(c: str) -> str:
    """A Greek letter as a word that can be a name, "" for another character."""
    words = unicodedata.name(c, "").split()
    if words[:1] != ["GREEK"] or "LETTER" not in words:
        return ""
    word = words[words.index("LETTER") + 1].lower()
    word = {"lamda": "lam"}.get(word, word)
    return word.capitalize() if "CAPITAL" in words else word


def other_name(name: str) -> str:
    """Names in the place of one that can't be had."""
    return "such as lam or lambda_" if name == "lambda" else f"such as {name}_"


def operator_fix(e: ast.expr) -> str:
    """What to write instead of an operator of Python's that is not in the language."""
    op = getattr(e, "op", None)
    if isinstance(op, ast.BitXor):
        text = ast.unparse(e)
        if found := re.search(r"(\w+) \^ T\b", text):
            return f"a transpose is written {found[1]}.T"
        if found := re.search(r"(\w+) \^ -1\b", text):
            return f"a power is written **, the inverse of a matrix inv({found[1]})"
        return "a power is written **"
    if isinstance(op, ast.FloorDiv):
        return "write floor(x / y)"
    return "write x - y * floor(x / y)" if isinstance(op, ast.Mod) else "of operators there are + - * / ** @ and comparisons"
