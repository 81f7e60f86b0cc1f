"""How wide a formula is on paper, in ems of its font, measured from its tree: rather too wide than too narrow.

A formula stands in one of four sizes: on a line of its own, within a line or a fraction, as an index, as an index of an index.
"""

from itertools import pairwise

from symbackprop.memo import remembered
from symbackprop.typesetting import tree
from symbackprop.typesetting.symbols import GREEK

DISPLAY, TEXT, SCRIPT, TINY = range(4)
SIZES = (1.0, 1.0, 0.73, 0.55)
THIN, BINARY, RELATION, SIGN, COMMA = 0.167, 0.444, 0.556, 0.778, 0.3
"""The room around operators and functions, around + and =, and what such a sign takes itself, and a comma."""
BAR, CORNER, TALL, BIG = 0.25, 0.39, 0.74, 0.88
"""What a fraction bar has on both sides, and a bracket: around a line, around a fraction, around more."""
DIGIT, WORD, CODE, BOLD, PRIME = 0.51, 0.56, 0.525, 1.15, 0.3
SLANTED = dict.fromkeys("ijlftrsIJ", 0.48) | dict.fromkeys("mwNHKXQOGDUA", 0.93) | dict.fromkeys("MW", 1.12)
UPRIGHT = dict.fromkeys("ijl", 0.3) | dict.fromkeys("tfrs", 0.42) | dict.fromkeys("mwMW", 1.0) | {"_": 0.7}
"""Letters that are narrower or wider than others, in italics and in words."""


@remembered
def ems(node: tree.Node, style: int = DISPLAY) -> float:
    """The width of a node in ems of the page's font, in one of the four sizes."""
    size = SIZES[style]
    inner, small = max(style, TEXT), min(max(style, TEXT) + 1, TINY)
    match node:
        case tree.Number(text):
            return DIGIT * size * len(text)
        case tree.Letter(text, kind):
            return letter(text, kind) * size
        case tree.Text(text):
            return WORD * size * sum(2 if ord(c) > 0x2E80 else 1 for c in text)
        case tree.Mark(name):
            return (1.2 if "dots" in name else SIGN) * size
        case tree.Accent(base) | tree.Group(base):
            return ems(base, style)
        case tree.Labelled(base, sub, sup):
            below = sum(ems(n, small) for n in sub) + (0 if all(map(tree.is_short, sub)) else COMMA * SIZES[small] * (len(sub) - 1))
            return ems(base, style) + max(below, ems(sup, small) if sup is not None else 0) + 0.07
        case tree.Power(base, exponent):
            return ems(base, style) + ems(exponent, small) + 0.07
        case tree.Transposed(base):
            return ems(base, style) + SIGN * SIZES[small] + 0.05
        case tree.Frac(top, bottom):
            below = inner if style == DISPLAY else small
            return max(ems(top, below), ems(bottom, below)) + BAR
        case tree.Derivative(top, bottoms):
            below = inner if style == DISPLAY else small
            sign = 0.6 * SIZES[below]
            power = 0.45 * SIZES[below] if len(bottoms) > 1 else 0
            return max(sign + power + ems(top, below), sum(sign + ems(b, below) for b in bottoms)) + BAR
        case tree.Held(whole, others):
            return ems(whole, style) + 2 * TALL * size + sum(slashed(n, small) + COMMA * SIZES[small] for n in others)
        case tree.Root(body):
            return ems(body, style) + (1.0 if tree.is_tall(body) else 0.85) * size
        case tree.Fenced(body):
            return ems(body, style) + 2 * corner(body) * size
        case tree.Half(body, _, _, tall):
            return ems(body, style) + (TALL if tall else 0.46) * size
        case tree.Apply(function, arguments, bare):
            signs = THIN if bare else 2 * max(map(corner, arguments), default=CORNER)
            return (
                ems(function, style) + sum(ems(a, style) for a in arguments) + (signs + THIN + (COMMA + THIN) * (len(arguments) - 1)) * size
            )
        case tree.Sum(index, lower, upper, body):
            return big(index, lower, upper, style) + ems(body, style)
        case tree.Product(factors):
            joints = (apart(a, b) for a, b in pairwise(factors))
            return sum(ems(f, style) for f in factors) + sum(joints) * size
        case tree.Hadamard(first, rest):
            return ems(first, style) + sum(ems(n, style) + (SIGN + BINARY) * size for _, n in rest)
        case tree.Add(terms):
            signs = len(terms) - (terms[0][0] > 0)
            return sum(ems(t, style) for _, t in terms) + signs * (SIGN + BINARY) * size
        case tree.Relation(first, rest):
            return ems(first, style) + sum(ems(n, style) + (SIGN + RELATION) * size for _, n in rest)
        case tree.Table(rows):
            columns = max((len(r) for r in rows), default=0)
            return sum(max(ems(r[k], TEXT) for r in rows if k < len(r)) + 1.0 for k in range(columns)) + 2 * BIG
    return sum(ems(c, style) for c in tree.children(node))


def letter(text: str, kind: str = "italic") -> float:
    """The width of a name in the size of the page."""
    bare = text.rstrip("'")
    primes = PRIME * (len(text) - len(bare))
    if len(bare) == 1 or bare in GREEK:
        table, plain = SLANTED, (0.8 if bare.isupper() and bare not in GREEK else 0.62)
        return table.get(bare, plain) * (BOLD if kind == "bold" else 1) + primes
    return sum(UPRIGHT.get(c, 0.77 if c.isupper() else WORD) for c in bare) + primes


def corner(body: tree.Node) -> float:
    """The width of one bracket around a formula."""
    if not tree.is_tall(body):
        return CORNER
    return BIG if deep(body) else TALL


@remembered
def deep(node: tree.Node) -> bool:
    """Whether a formula is higher than a fraction."""
    if isinstance(node, tree.Sum | tree.Table):
        return True
    if isinstance(node, tree.Frac | tree.Derivative):
        return any(map(tree.is_tall, tree.children(node)))
    return any(map(deep, tree.children(node)))


def big(index: tree.Node, lower: tree.Node | None, upper: tree.Node | None, style: int) -> float:
    """The width of a big sign with what stands below and above it; beside it where it stands within a line."""
    small = min(max(style, TEXT) + 1, TINY)
    below = ems(index, small) + (ems(lower, small) + SIGN * SIZES[small] if lower is not None else 0)
    above = ems(upper, small) if upper is not None else 0
    wide = max(below, above)
    return (max(1.45, wide) if style == DISPLAY else (1.06 * SIZES[style] + wide)) + THIN


def slashed(node: tree.Node, style: int) -> float:
    """The width of a name; of a derivative on one line."""
    if not isinstance(node, tree.Derivative):
        return ems(node, style)
    return sum(slashed(p, style) + 1.4 * SIZES[style] for p in (node.top, *node.bottoms))


def apart(before: tree.Node, after: tree.Node) -> float:
    """The room between two factors."""
    if isinstance(after, tree.Number):
        return BINARY + 0.3
    words = tree.ends_with_word(before) or tree.begins_with_word(after)
    heads = any(isinstance(n, tree.Apply) or tree.is_tall(n) for n in (before, after))
    return (THIN if words else 0) + (THIN if heads else 0)
