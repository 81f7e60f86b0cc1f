"""How names are written in a note: fonts, transposes, subscripts, and what can be told from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symbackprop.formulas.notation.context import LETTERS
from symbackprop.formulas.notation.references import Atom, atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, parts, plain
from symbackprop.formulas.numbers.functions import SQUASHED
from symbackprop.language.latex import nodes as n

TIMES = {"t", "l", r"\ell"}
"""Letters that count times and layers, not components."""
MATRICES = set("ABGHKMOPQRSUVWXYZ")
"""Capitals that are matrices where they are multiplied or transposed."""
SELDOM_NUMBERS = MATRICES | {"w", "u", "v", "x", "h", "z"}
"""Names that are seldom numbers where others are arrays."""
LIKE_LOSSES = {"L", "J", "C", "E", r"\mathcal{L}", r"\ell", "F"}


@dataclass(frozen=True)
class Key:
    """A name with its labels, and with how many indices of components or samples below it."""

    base: str
    labels: str
    below: int


@dataclass(frozen=True)
class Spelled:
    """How names are spelled in a note. `layered`: names whose numbers above are layers, not powers."""

    layered: frozenset[str] = frozenset()

    def key(self, name: n.Name) -> tuple[Key, list[Atom]]:
        """The key of a name, and what stands above it."""
        below, above = atoms(name.scripts, "_"), atoms(name.scripts, "^")
        labels = [_unshifted(a) for a in below if not is_index(a)]
        if base_of(name) in self.layered:
            labels += [f"^{a.text}" for a in above if isinstance(a.tree, n.Number)]
        return Key(base_of(name), ",".join(labels), len(below) - len([x for x in below if not is_index(x)])), above


def _unshifted(atom: Atom) -> str:
    """A label, t for t - 1."""
    tree = atom.tree
    shifted = isinstance(tree, n.Sum) and len(tree.terms) == 2 and isinstance(tree.terms[1], n.Number)
    return flat(tree.terms[0]) if shifted else atom.text  # type: ignore[attr-defined]


def spelled(trees: Sequence[n.Node]) -> Spelled:
    """Which numbers above are layers: those of names that bear several, or a 0 or 1."""
    numbers: dict[str, set[str]] = {}
    for name in names_in_trees(trees):
        for a in atoms(name.scripts, "^"):
            if isinstance(a.tree, n.Number):
                numbers.setdefault(base_of(name), set()).add(a.text)
    return Spelled(frozenset(b for b, found in numbers.items() if len(found) > 1 or found & {"0", "1"}))


def is_index(atom: Atom) -> bool:
    """Whether this counts components or samples."""
    tree = atom.tree
    if isinstance(tree, n.Sum):
        tree = tree.terms[0]
    return isinstance(tree, n.Name) and tree.id in LETTERS - TIMES and not tree.scripts


def has_sum(name: n.Name) -> bool:
    """Whether l + 1 or the like stands in the scripts of a name."""
    return any(isinstance(p, n.Sum) for s in name.scripts for i in s.items for p in parts(i))


def is_capital(name: n.Name) -> bool:
    """Whether a name is written as matrices are: with a capital, Latin or Greek."""
    letter = name.id.removeprefix("\\")
    return letter[0].isupper() and (len(letter) == 1 or letter != name.id)


def is_number(name: n.Name) -> bool:
    """Whether a name is surely no array: an index, a digit, e, \\pi."""
    return (
        name.id.isdigit()
        or name.id in (r"\pi", "e", "I", r"\infty", r"\eta", r"\epsilon")
        or (name.id in LETTERS - {"p", "q", "r", "s", "t", "u", "v"} and not name.scripts and not name.style)
    )


def is_function(node: n.Node) -> bool:
    """Whether a factor before a bracket is a function's name."""
    node = plain(node)
    return isinstance(node, n.Name) and (base_of(node) in SQUASHED | LIKE_LOSSES or node.id in ("f", "g", r"\phi", r"\varphi", r"\psi"))


def entrywise(node: n.Node) -> bool:
    """Whether a function's name is that of an activation."""
    node = plain(node)
    return isinstance(node, n.Name) and (base_of(node) in SQUASHED or node.id in (r"\phi", r"\varphi", "g"))


@dataclass(frozen=True)
class Hints:
    """How names are written all over a note."""

    vectors: frozenset[Key]
    matrices: frozenset[Key]
    components: dict[Key, int]


def hints(trees: Sequence[n.Node], spelling: Spelled) -> Hints:
    """Fonts, transposes, inverses, products and subscripts."""
    vectors, matrices, bare = set(), set(), set()
    components: dict[Key, int] = {}
    for name in names_in_trees(trees):
        key, above = spelling.key(name)
        if is_number(name):
            continue
        texts = {a.text for a in above}
        if key.below == 0:
            bare.add(key)
            if name.style in ("mathbf", "boldsymbol"):
                (matrices if is_capital(name) else vectors).add(key)
        if texts & TRANSPOSES:
            (matrices if is_capital(name) and key.below == 0 else vectors).add(key)
        if "-1" in texts and is_capital(name):
            matrices.add(key)
        if key.below:
            whole = replace(key, below=0)
            components[whole] = max(components.get(whole, 0), key.below)
            if key.below == 2 and name.id.islower() and len(name.id) == 1:
                components[replace(whole, base=key.base[:-1] + key.base[-1].upper())] = 2
    for name in _multiplied(trees):
        key, _ = spelling.key(name)
        if key.below == 0 and components.get(key, 2) == 2:
            matrices.add(key)
    vectors = {k for k in vectors if k.below != 1 or components.get(replace(k, below=0)) != 2}
    return Hints(frozenset(vectors), frozenset(matrices), {k: c for k, c in components.items() if k in bare and c})


def _multiplied(trees: Sequence[n.Node]) -> Iterator[n.Name]:
    """Capitals beside another name in a product, and those that are transposed in brackets."""
    for tree in trees:
        for p in parts(tree):
            if isinstance(p, n.Juxtaposition):
                for a, b in zip(p.factors, p.factors[1:], strict=False):
                    for one, other in ((a, b), (b, a)):
                        if isinstance(one, n.Name) and one.id in MATRICES and isinstance(other, n.Name) and not is_number(other):
                            yield one
            if isinstance(p, n.Scripted) and {a.text for a in atoms(p.scripts, "^")} & TRANSPOSES:
                inside = plain(p.of)
                if isinstance(inside, n.Name) and is_capital(inside):
                    yield inside


def names_in_trees(trees: Sequence[n.Node]) -> Iterator[n.Name]:
    """Every name in some trees, with its accents."""
    for tree in trees:
        for p in parts(tree):
            p = plain(p)
            if isinstance(p, n.Name):
                yield p
