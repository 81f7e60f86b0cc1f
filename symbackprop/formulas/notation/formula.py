"""A formula that claims and contexts can mean something by."""

from collections.abc import Iterable

from symbackprop.errors import FormulaError
from symbackprop.formulas.notation.trees import parts
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.macros import Macros
from symbackprop.language.latex.statements import parse


def read_formula(text: str, macros: Macros | None = None, words: Iterable[str] = ()) -> n.Formula:
    """The formula of a text. Raises FormulaError where it can't be read, or where brackets hold nothing: no value is f(), {} or |."""
    formula = parse(text, macros, words)
    for part in (p for s in formula.statements for p in parts(s)):
        if isinstance(part, n.Bracket) and not part.items:
            fix = "write something between them, or take them away"
            raise FormulaError("nothing stands in these brackets", place="the formula", source=text, spans=[part.span], fix=fix)
    return formula
