r"""Reads the structure of a formula as TeX does, without setting it: what would not compile is a BrokenError.

A formula is a list of atoms, each with at most one superscript and one subscript. As in TeX, a group that holds nothing but one accented
letter is that letter, its own scripts included: {\hat{y}^{1}}^{2} has two superscripts.
"""

import re
from dataclasses import fields, is_dataclass

from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex

TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
ACCENTS = {"\\hat", "\\bar", "\\tilde", "\\dot"}
STYLES = {"\\mathrm", "\\mathbf", "\\mathbb", "\\operatorname", "\\text"}
GREEK = """alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi varphi chi psi
omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"""
SIGNS = """leftarrow to ge le in ast times cdot odot oslash otimes dots cdots ddots vdots nabla top partial ne lvert rvert lVert rVert
lfloor rfloor lceil rceil thinspace sum prod log exp sin cos tan tanh sinh cosh arctan arcsin arccos det max min"""
PLAIN = {f"\\{word}" for word in (GREEK + " " + SIGNS).split()}
FENCES = {"(", ")", "[", "]", "\\lvert", "\\rvert", "\\lVert", "\\rVert", "\\lfloor", "\\rfloor", "\\lceil", "\\rceil", "."}


class BrokenError(Exception):
    """What TeX would stop at."""


def check(text):
    """Raise BrokenError where the formula would not compile."""
    reader = _Reader(text)
    reader.atoms(())
    if reader.here:
        raise BrokenError(f"'{reader.here}' closes nothing: {text}")


class _Reader:
    def __init__(self, text):
        self.text, self.at = text, 0
        self.tokens = [t for t in TOKEN.findall(text) if not t.isspace()]
        if not text.isascii():
            raise BrokenError(f"letters that pdflatex lacks: {text}")

    @property
    def here(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted=None):
        token = self.here
        if not token or (wanted is not None and token != wanted):
            raise BrokenError(f"'{wanted}' is missing at {self.tokens[self.at :][:8]}: {self.text}")
        self.at += 1
        return token

    def atoms(self, ends):
        """The atoms up to one of `ends`: of each whether it is an accent, and its scripts."""
        found = []
        while self.here and self.here not in (*ends, "}"):
            found.append(self.atom())
        return found

    def atom(self):
        kind, scripts = self.nucleus()
        while self.here in ("^", "_", "'"):
            mark = self.take()
            if ("^" if mark == "'" else mark) in scripts:
                raise BrokenError(f"two scripts {mark}: {self.text}")
            scripts = scripts | {"^" if mark == "'" else mark}
            if mark == "'":
                while self.here == "'":
                    self.take()
                if self.here == "^":  # LaTeX takes what stands above a prime along
                    self.take()
                    self.argument()
            else:
                self.argument()
        return kind, scripts

    def nucleus(self):
        token = self.take()
        if token == "{":
            inner = self.atoms(())
            self.take("}")
            return inner[0] if len(inner) == 1 and inner[0][0] == "accent" else ("plain", frozenset())
        if token in ACCENTS:
            self.argument()
            return "accent", frozenset()
        if token in STYLES:
            self.words()
        elif token == "\\frac":
            self.argument()
            self.argument()
        elif token == "\\sqrt":
            self.argument()
        elif token == "\\left":
            self.fence()
            self.atoms(("\\right",))
            self.take("\\right")
            self.fence()
        elif token == "\\begin":
            self.environment()
        elif token in ("^", "_", "'", "&", "#", "%", "$", "~", "\\\\"):
            raise BrokenError(f"'{token}' stands where no such sign may: {self.text}")
        elif token.startswith("\\") and token not in PLAIN and token not in ("\\,", "\\_", "\\ "):
            raise BrokenError(f"no command {token}: {self.text}")
        return "plain", frozenset()

    def argument(self):
        """A group in braces; nothing else is written after a script or a command."""
        self.take("{")
        if not self.atoms(()):
            raise BrokenError(f"nothing in braces: {self.text}")
        self.take("}")

    def fence(self):
        if self.take() not in FENCES:
            raise BrokenError(f"no fence: {self.text}")

    def words(self):
        """Upright letters, with what is special to TeX escaped."""
        self.take("{")
        while self.here != "}":
            if self.here in ("^", "_", "&", "#", "%", "$", "~", "{", "\\\\"):
                raise BrokenError(f"'{self.here}' in words: {self.text}")
            if not self.here:
                raise BrokenError(f"words do not end: {self.text}")
            self.take()
        self.take("}")

    def environment(self):
        self.take("{")
        name = "".join(self.until("}"))
        self.take("}")
        if name not in ("bmatrix", "cases", "aligned"):
            raise BrokenError(f"no environment {name}: {self.text}")
        while True:
            self.atoms(("&", "\\\\", "\\end"))
            if self.take() == "\\end":
                break
        self.take("{")
        if "".join(self.until("}")) != name:
            raise BrokenError(f"{name} does not end: {self.text}")
        self.take("}")

    def until(self, end):
        found = []
        while self.here != end:
            found.append(self.take())
        return found


def formulas(document):
    """Every formula of a document, as LaTeX."""

    def nodes(value):
        if isinstance(value, tree.Node):
            yield value
        elif isinstance(value, tuple):
            for v in value:
                yield from nodes(v)
        elif is_dataclass(value):
            for f in fields(value):
                yield from nodes(getattr(value, f.name))

    return [latex(node) for node in nodes((document.subtitle, *document.blocks))]
