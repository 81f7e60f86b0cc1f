"""Edited trees in the author's own text: only what changed is written anew, and what is reads back as the edited trees."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from types import UnionType
from typing import Any

from symbackprop.errors import FormulaError
from symbackprop.formulas.notation.context import Context
from symbackprop.formulas.notation.layered import unlabelled
from symbackprop.formulas.notation.trees import parts, rebuilt
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.statements import parse
from symbackprop.language.latex.written import write

BESIDE = (n.Script, n.Case, n.Condition, n.Statement, n.Repair)
"""Nodes that are no expressions: these are written with what they stand in."""
HELD = re.compile(r"\\held([A-Z]+)(?![A-Za-z])")
LOOSE = re.compile(r"(?:\\\\|[\s&=])+$")
"""What is left at the end of a line when what followed is cut off."""
PLAIN = (n.Name, n.Number, n.Bracket, n.Fraction, n.Root, n.Indicator, n.Scripted, n.Call, n.Dots, n.Differential, n.Leibniz)
SHORT = ["exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det", "max", "min", "arg", "Pr"]
NEAT = [
    (re.compile(r"(?<=[{\w]) ([+-]) (?=[\w]+\})"), r"\1"),
    (re.compile(r"_\{(\w) (\w)\}"), r"_{\1\2}"),
    (re.compile(r"([_^])\{(\w|\\top)\}(?![\w])"), r"\1\2"),
    (re.compile(r"' \("), "'("),
    (re.compile(rf"\\operatorname\{{({'|'.join(SHORT)})\}}"), r"\\\1"),
]
"""How people write what the writer spells with care: l+1 in a script, _{ij}, ^T, f'(z), \\exp."""


def tidied(node: n.Node) -> n.Node:
    """The tree with brackets where it needs them on paper, and runs of factors in one."""
    inner: dict[str, Any] = {}
    for field in fields(node):
        if field.name not in ("span", "spaced"):
            old = getattr(node, field.name)
            new = _tidied(old)
            if new is not old:
                inner[field.name] = new
    made = replace(node, **inner) if inner else node
    if isinstance(made, n.Juxtaposition):
        factors = tuple(
            g for f in made.factors for g in (f.factors if isinstance(f, n.Juxtaposition) else (enclosed(f, n.Sum | n.Product),))
        )
        return _same(made, replace(made, factors=factors))
    if isinstance(made, n.Product):
        first, *rest = made.factors
        head = first if isinstance(first, n.Sum) and len(first.terms) == 1 else enclosed(first, n.Sum | n.Product)
        return _same(made, replace(made, factors=(head, *(enclosed(f, n.Sum | n.Product) for f in rest))))
    if isinstance(made, n.Sum):
        return _same(made, replace(made, terms=tuple(enclosed(t, n.Sum) for t in made.terms)))
    if isinstance(made, n.Scripted):
        return _same(made, replace(made, of=enclosed(made.of, n.Sum | n.Product | n.Juxtaposition)))
    return made


def _same(old: n.Node, new: n.Node) -> n.Node:
    return old if old == new else new


def _tidied(value: Any) -> Any:
    if isinstance(value, n.Node):
        return tidied(value)
    if isinstance(value, tuple):
        made = tuple(_tidied(v) for v in value)
        return value if all(a is b for a, b in zip(made, value, strict=True)) else made
    return value


def enclosed(node: n.Node, kinds: type | UnionType) -> n.Node:
    """The node in brackets, if it is of these kinds."""
    return n.Bracket("(", (node,), (), ")") if isinstance(node, kinds) else node


def differing(old: n.Node, new: n.Node) -> list[tuple[n.Node, n.Node]] | None:
    """The smallest expressions in which two trees differ; None where this is only said by what they stand in."""
    if old is new or old == new:
        return []
    whole = None if isinstance(old, BESIDE) or isinstance(new, BESIDE) else [(old, new)]
    if type(old) is not type(new):
        return whole
    made: list[tuple[n.Node, n.Node]] = []
    for field in fields(old):
        if field.name in ("span", "spaced"):
            continue
        found = _differing(getattr(old, field.name), getattr(new, field.name))
        if found is None:
            return whole
        made += found
    return made


def _differing(a: object, b: object) -> list[tuple[n.Node, n.Node]] | None:
    if isinstance(a, n.Node) and isinstance(b, n.Node):
        return differing(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        made: list[tuple[n.Node, n.Node]] = []
        for x, y in zip(a, b, strict=True):
            found = _differing(x, y)
            if found is None:
                return None
            made += found
        return made
    return [] if a == b else None


def respelled(
    text: str, old: Sequence[n.Statement], new: Sequence[n.Statement], context: Context
) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    """The text with what changed written anew, and where that stands; None where it would not read back as the new statements.

    Raises nothing.
    """
    old, new = ([replace(s, body=unlabelled(s.body)) for s in x] for x in as_written(text, old, new, context))
    whole = [(a.body, b.body) for a, b in zip(old, new, strict=True)]
    small: list[tuple[n.Node, n.Node]] = []
    for a, b in whole:
        small += [pair for x, y in by_sides(a, b) for pair in ([(x, y)] if isinstance(y, n.Nothing) else differing(x, y) or [(x, y)])]
    sides = [pair for a, b in whole for pair in by_sides(a, b)]
    held = {id(p): p for s in old for p in parts(s.body) if isinstance(p, PLAIN) and p.span[1] > p.span[0]}
    for pairs, kept, neatly in itertools.product((small, sides, [p for p in whole if p[0] != p[1]]), (held, {}), (True, False)):
        made = spliced(text, pairs, kept, neatly)
        if made is not None and any(isinstance(b, n.Nothing) for _, b in pairs):
            made = LOOSE.sub("", made[0]), made[1]
        if made is not None and reads_as(made[0], new, context):
            return made
    made_text = write(n.Formula(tuple(new)))
    return (made_text, ((0, len(made_text)),)) if reads_as(made_text, new, context) else None


def as_written(
    text: str, old: Sequence[n.Statement], new: Sequence[n.Statement], context: Context
) -> tuple[Sequence[n.Statement], Sequence[n.Statement]]:
    """Both with the scripts that the text has where labels were read for them, or left out."""
    try:
        found = parse(text, context.macros, context.words).statements
    except FormulaError:
        return old, new
    if len(found) != len(old):
        return old, new
    written = {id(b): a for x, y in zip(found, old, strict=True) for a, b in differing(x.body, y.body) or []}
    return tuple(_with(s, written) for s in old), tuple(_with(s, written) for s in new)


def _with(statement: n.Statement, written: Mapping[int, n.Node]) -> n.Statement:
    return replace(statement, body=rebuilt(statement.body, lambda p: written.get(id(p))))


def by_sides(old: n.Node, new: n.Node) -> list[tuple[n.Node, n.Node]]:
    """The sides of a chain that differ, else the whole."""
    if isinstance(old, n.Chain) and isinstance(new, n.Chain) and old.signs == new.signs:
        return [(a, b) for a, b in zip(old.sides, new.sides, strict=True) if a != b]
    if isinstance(old, n.Chain) and isinstance(new, n.Chain) and len(new.sides) < len(old.sides):
        gone = cut_out(old, new)
        if gone is not None:
            start, stop = gone
            kept = (*old.sides[:start], *old.sides[stop:])
            return [(a, b) for a, b in zip(kept, new.sides, strict=True) if a != b] + [removed(old, start, stop)]
    return [(old, new)] if old != new else []


def cut_out(old: n.Chain, new: n.Chain) -> tuple[int, int] | None:
    """Which sides of a chain are missing in another one: those at its end, or some in the middle."""
    missing = len(old.sides) - len(new.sides)
    for start in range(len(old.sides) - missing, 0, -1):
        if old.sides[start + missing :] == new.sides[start:] and old.signs[: start - 1] == new.signs[: start - 1]:
            return start, start + missing
    return None


def removed(chain: n.Chain, start: int, stop: int) -> tuple[n.Node, n.Node]:
    """The place of sides that are left out, with the sign before or behind them, and nothing."""
    if stop < len(chain.sides):
        span = chain.sides[start].span[0], chain.sides[stop].span[0]
    else:
        span = chain.sides[start - 1].span[1], chain.sides[-1].span[1]
    return n.Nothing(span=span), n.Nothing()


def spliced(
    text: str, pairs: Sequence[tuple[n.Node, n.Node]], held: Mapping[int, n.Node], neatly: bool
) -> tuple[str, tuple[tuple[int, int], ...]] | None:
    """The text with the first of each pair replaced by the second; None where their places overlap."""
    made, at, places = "", 0, []
    for old, new in sorted(pairs, key=lambda p: p[0].span):
        start, stop = old.span
        if start < at or stop <= start:
            return None
        piece = "" if isinstance(new, n.Nothing) else spelled(new, text, held, neatly)
        before = text[at:start]
        piece = f"{{{piece}}}" if before.endswith(("^", "_")) and len(piece) > 1 else piece
        gap = " " if piece[:1].isalpha() and re.search(r"\\[A-Za-z]+$", made + before) else ""
        behind = " " if re.search(r"\\[A-Za-z]+$", piece) and text[stop : stop + 1].isalpha() else ""
        made += before + gap
        if piece:
            places.append((len(made), len(made) + len(piece)))
        made += piece + behind
        at = stop
    return made + text[at:], tuple(places)


def spelled(node: n.Node, text: str, held: Mapping[int, n.Node], neatly: bool = True) -> str:
    """A tree as LaTeX, those parts that the author wrote in the author's words."""
    found: list[str] = []

    def hold(p: n.Node) -> n.Node | None:
        if id(p) not in held or isinstance(p, BESIDE):
            return None
        found.append(text[p.span[0] : p.span[1]])
        return n.Name(rf"\held{_letters(len(found) - 1)}")

    made = write(n.Formula((n.Statement(rebuilt(node, hold)),)))
    for pattern, short in NEAT if neatly else ():
        made = pattern.sub(short, made)

    def words(match: re.Match[str]) -> str:
        piece = found[_number(match.group(1))]
        return piece + (" " if re.search(r"\\[A-Za-z]+$", piece) and made[match.end() : match.end() + 1].isalpha() else "")

    return HELD.sub(words, made)


def _letters(count: int) -> str:
    return chr(65 + count // 26 % 26) + chr(65 + count % 26)


def _number(letters: str) -> int:
    return (ord(letters[0]) - 65) * 26 + ord(letters[1]) - 65


def reads_as(text: str, statements: Sequence[n.Statement], context: Context) -> bool:
    """Whether a text reads as these statements."""
    try:
        found = parse(text, context.macros, context.words).statements
    except FormulaError:
        return False
    return [*plain_statements(found)] == [*plain_statements(statements)]


def plain_statements(statements: Sequence[n.Statement]) -> Iterator[tuple[n.Node, tuple[n.Condition, ...]]]:
    """Bodies and conditions, labels as names."""
    for s in statements:
        yield rebuilt(s.body, _name), tuple(rebuilt(c, _name) for c in s.conditions)  # type: ignore[misc]


def _name(p: n.Node) -> n.Node | None:
    return n.Name(p.text) if isinstance(p, n.Text) else None
