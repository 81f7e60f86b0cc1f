"""What printed names are looked up as, and how their tokens are taken.

A name is its spelling without blanks, a derivative ("d", top, bottom, ...), one of one equation, others held, ("held", that, others).
"""

import re

from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex

TOKEN = re.compile(r"\\left|\\right|\\[A-Za-z]+|[A-Za-z]'*|[0-9]+(?:\.[0-9]+)?|[{}()\[\]^_=+\-<>,|]|\S")
ACCENTS = ("\\hat", "\\bar", "\\tilde", "\\dot")
STYLES = ("\\mathrm", "\\mathbf", "\\boldsymbol")


class Reader:
    """A token stream, and the words both grammars share."""

    def __init__(self, text, values):
        self.tokens = [t for t in TOKEN.findall(text) if t not in ("\\left", "\\right", "\\thinspace")]
        self.at = 0
        self.values = {spelled(key): value for key, value in values.items()}

    @property
    def here(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def ahead(self, *tokens):
        return tuple(self.tokens[self.at : self.at + len(tokens)]) == tokens

    def take(self, *expected):
        token = self.here
        assert token and (not expected or token in expected), f"expected {expected}, found {self.tokens[self.at :]}"
        self.at += 1
        return token

    def group(self):
        """The tokens between braces, joined, braces balanced."""
        self.take("{")
        depth, parts = 1, []
        while depth:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            parts.append(token)
        return "".join(parts[:-1])

    def name(self):
        """The spelling of a tensor's name with its label above, as in W^{1}, \\hat{Y} or X^{-1}, if a tensor is called so."""
        token = self.take()
        if token in (*ACCENTS, *STYLES):
            token += "{" + self.group() + "}"
        if self.ahead("^", "{"):
            before = self.at
            self.take("^")
            label = "^{" + self.group() + "}"
            if token + label in self.spelled:
                return token + label
            self.at = before
        if self.ahead("_", "{"):
            before = self.at
            self.take("_")
            label = "_{" + self.group() + "}"
            if token + label in self.spelled:
                return token + label
            self.at = before
        return token

    def labelled(self):
        """Whether a tensor's name with a label stands here, as d^{(1)} beside a size d."""
        before = self.at
        found = self.name()
        self.at = before
        return found in self.spelled and any(mark in found for mark in "^_")

    def function_name(self):
        name = self.take()
        return name + ("{" + self.group() + "}" if name == "\\operatorname" else "")

    @property
    def spelled(self):
        return {part for key in self.values for part in words_of(key)}

    def finish(self, value):
        assert not self.here, f"left over: {self.tokens[self.at :]}"
        return value

    def bracketed(self, *after):
        """Whether a derivative in brackets with `after` behind them stands here; its closing bracket."""
        if not self.ahead("(", "\\frac", "{", "\\partial"):
            return None
        depth, at = 1, self.at + 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self.tokens[at], 0)
            at += 1
        return at if tuple(self.tokens[at : at + len(after)]) == after else None

    def dotted(self):
        """Whether a derivative in brackets with a dot stands here; its closing bracket."""
        return self.bracketed("^", "{", "\\cdot", "}")


def spelled(key):
    """A name without the blanks between its tokens."""
    return tuple(map(spelled, key)) if isinstance(key, tuple) else "".join(TOKEN.findall(key))


def words_of(key):
    """The names in a key, the first of which says of what kind it is."""
    return {word for part in key[1:] for word in words_of(part)} if isinstance(key, tuple) else {key}


def key_of(node):
    """What a name is looked up as, from its typeset tree."""
    match node:
        case tree.Derivative(top, bottoms):
            return ("d", *map(key_of, (top, *bottoms)))
        case tree.Held(whole, others):
            return ("held", key_of(whole), *map(key_of, others))
        case tree.Labelled(tree.Fenced(tree.Derivative(top, bottoms)), (), tree.Mark("cdot")):
            return ("dot", *map(key_of, (top, *bottoms)))
    return latex(node)
