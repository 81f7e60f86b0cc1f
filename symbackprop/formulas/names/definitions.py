"""Names that a context declares or defines, and what follows for notation: indices, layers, labels, sums of samples."""

import itertools
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symbackprop.formulas.names.equations import Equations, named
from symbackprop.formulas.names.evaluator import Known
from symbackprop.formulas.notation.context import Context, letters_of
from symbackprop.formulas.notation.readings import Reading
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain, rebuilt
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.language.latex import nodes as n

LAST = 4

POINTS, POSITIVE = 7, 2


POOL = (3, 2, 4, 5)


SECONDS = 3.0


LABELS = {"y", "Y", "t", "T"}

SHARED = ["trees", "indices", "bounds", "symmetric", "is_cross_entropy", "given", "raw_names", "given_labels", "derived_by", "classes"]
SHARED += ["known", "recursive", "lasts", "sizes_named", "picked", "ranges"]
"""What all readings of a claim have in common; nothing of it changes once it is made."""
MOST_PREPARED = 8
PREPARED: dict[tuple[int, tuple[int, ...]], tuple[Context, tuple[n.Node, ...], dict[str, Any], dict[str, int]]] = {}
"""What was prepared last, by the identity of context and claims, which are kept alive beside it."""


class Definitions(Equations):
    """All names of a context under a reading. `seed` chooses the numbers and the sizes."""

    def __init__(
        self, context: Context, reading: Reading, claims: Sequence[n.Node], seed: int = 0, sizes: Mapping[str, int] | None = None
    ) -> None:
        self.context, self.reading, self.seed = context, reading, seed
        self.origin = 0 if reading.zero else 1
        self.claims = tuple(claims)
        self.upto: dict[str, int] = {}
        self.whole: tuple[int, ...] = (0, 0)
        self.steps = 0
        self.deadline = time.process_time() + SECONDS
        self.fresh: list[dict[str, tuple[int, ...]]] = []
        self.depth = 0
        self.wanted: tuple[n.Node | None, tuple[int, ...] | None] = (None, None)
        self.invented: set[str] = set()
        self.sizes: dict[str, int] = dict(sizes or {})
        self.pool = [s for s in (POOL[seed % 4 :] + POOL[: seed % 4]) if str(s) not in self.literals()] or [7, 2]
        self.memo: dict[tuple, Quantity] = {}
        self.working: set[tuple] = set()
        self.scope: list[dict[str, Quantity]] = []
        self.guesses: dict[str, tuple[int, ...]] = {}
        self.leaves: dict[str, Quantity] = {}
        self.moved: Mapping[str, np.ndarray] = {}
        self.classed_values: set[int] = set()
        self.numbers: dict[str, int] | None = None
        key = (id(context), tuple(map(id, self.claims)))
        if key not in PREPARED or PREPARED[key][0] is not context:
            before = dict(self.sizes)
            self.prepare(context)
            fixed = {k: v for k, v in self.sizes.items() if before.get(k) != v}
            while len(PREPARED) >= MOST_PREPARED:
                PREPARED.pop(next(iter(PREPARED)))
            PREPARED[key] = context, self.claims, {name: getattr(self, name) for name in SHARED}, fixed
        for name, value in PREPARED[key][2].items():
            setattr(self, name, value)
        self.sizes |= PREPARED[key][3]
        self.simplex = reading.simplex or self.is_cross_entropy

    def prepare(self, context: Context) -> None:
        """All that follows from the context and the claims, whatever the reading."""
        claims = self.claims
        trees = [*(s.body for s in context.statements), *claims, *([context.continues] if context.continues else [])]
        trees += [t for pair in context.aliases for t in pair]
        self.trees = trees
        self.indices, self.bounds = letters_of(trees, context.declared)
        self.usual_labels()
        self.given = {
            base_of(p)
            for t in [*(s.body for s in context.statements), *(d.name for d in context.declared)]
            for p in operands(t)
            if isinstance(p, n.Name)
        }
        self.raw_names = set(self.given)
        self.given |= {x.lower() for x in self.given} | {x.upper() for x in self.given if len(x) == 1}
        self.given_labels = {
            (named(p), tuple(s.label for s in (*self.pattern_of(p).below, *self.pattern_of(p).above) if s.label))
            for t in [*(s.body for s in context.statements), *(d.name for d in context.declared)]
            for p in parts(t)
            if isinstance(p, n.Name) and p.scripts
        }
        self.derived_by = {
            base_of(p)
            for t in claims
            for d in parts(t)
            if isinstance(d, n.Leibniz | n.Operator)
            for b in (d.by if isinstance(d, n.Leibniz) else [i for x in d.scripts for i in x.items])
            for p in parts(b)
            if isinstance(p, n.Name)
        }
        self.classes = {base_of(p) for t in trees for p in self.below(t) if p.scripts and any(s.mark in "_^" for s in p.scripts)}
        self.known: dict[str, list[Known]] = defaultdict(list)
        self.recursive: set[str] = set()
        self.lasts: set[str] = set()
        heads = [plain(s.body.sides[0]) for s in context.statements if isinstance(s.body, n.Chain)]
        self.lefts = {base_of(x) for h in heads for x in (h, *getattr(h, "factors", ())) if isinstance(x, n.Name)}
        self.lefts |= {base_of(d.name) for d in context.declared} | self.indices
        for declared in context.declared:
            self.known[named(declared.name)].append(Known(self.pattern_of(declared.name), axes=declared.axes))
        self.sizes_named = {flat(p) for d in context.declared for a in d.axes for p in terms_of(a) if isinstance(p, n.Name)}
        self.sizes_named |= {flat(b) for b in self.bounds.values() if isinstance(b, n.Name)}
        for name, target in context.aliases:
            spelled, meant = plain(name), plain(target)
            if isinstance(spelled, n.Name) and not (isinstance(meant, n.Name) and self.pattern_of(spelled) == self.pattern_of(meant)):
                self.add_equation(spelled, target, alias=True)
        for statement in context.statements:
            self.take(statement)
        self.picked = {x for t in trees for p in parts(t) if isinstance(p, n.Name) for x in self.picks(p)}
        self.share()
        self.recursion()
        self.ties()
        self.ranges = self.axes_of_letters()

    def axes_of_letters(self) -> dict[str, n.Node]:
        """The axis along which an index stands everywhere, as n in r_{mn}: a sum over v_n runs as far."""
        found: dict[str, dict[str, n.Node]] = defaultdict(dict)
        for p in (p for t in self.trees for p in parts(t) if isinstance(p, n.Name) and p.scripts):
            here = self.pattern_of(p)
            for k in self.known.get(named(p), ()):
                places = here.below[len(k.pattern.below) :]
                if k.axes and len(places) == len(k.axes) and self.prefixes(k.pattern, here):
                    for place, axis in zip(places, k.axes, strict=True):
                        if place.letter and not place.offset:
                            found[place.letter][flat(axis)] = axis
        return {letter: next(iter(axes.values())) for letter, axes in found.items() if len(axes) == 1}

    def usual_labels(self) -> None:
        """Targets of a cross entropy with softmax sum to 1, unless something says otherwise."""
        words = {p.function.id.lower() for t in self.trees for p in parts(t) if isinstance(p, n.Call)}
        ratio = any(
            isinstance(p, n.Fraction) and _powers(p.top) and any(isinstance(b, n.Big) for b in parts(p.bottom))
            for t in self.trees
            for p in parts(t)
        )
        targets = any(isinstance(p, n.Juxtaposition | n.Product) and _logs(p) for s in self.context.statements for p in parts(s.body))
        self.symmetric = {x for x in self.context.conventions.symmetric} | {x for c in self.claims if (x := assumed_symmetric(c))}
        self.is_cross_entropy = targets and (ratio or bool(words & {"softmax"}))

    def share(self) -> None:
        """Where the right side of one equation stands in another one, it is the name that the first gives it."""
        rows = [
            (base, k)
            for base, group in self.known.items()
            for k in group
            if k.right is not None and not k.alias and k.parameters is None and k.name is not None
        ]
        shared = {
            flat(k.right): k.name
            for _, k in rows
            if isinstance(k.right, n.Sum | n.Juxtaposition | n.Product) and not has_derivative(k.right)
        }
        for _base, group in self.known.items():
            for at, k in enumerate(group):
                if k.right is None or not shared:
                    continue

                def name(p: n.Node, right: n.Node = k.right) -> n.Node | None:
                    found = shared.get(flat(p)) if p is not right and isinstance(p, n.Sum | n.Juxtaposition | n.Product) else None
                    return replace(found, span=p.span) if found is not None else None

                group[at] = replace(k, right=rebuilt(k.right, name))

    def ties(self) -> None:
        """1/n before a sum without bounds says how many terms it has."""
        for tree in self.trees:
            for p in parts(tree):
                factors = p.factors if isinstance(p, n.Juxtaposition | n.Product) else ()
                for before, big in itertools.pairwise(factors):
                    if (
                        isinstance(before, n.Fraction)
                        and isinstance(big, n.Big)
                        and big.sign == r"\sum"
                        and not any(x.mark == "^" for x in big.scripts)
                    ):
                        names = [x for x in parts(before.bottom) if isinstance(x, n.Name) and x.id in ("n", "m", "N", "M", "B")]
                        below = [x.sides[0] if isinstance(x, n.Chain) else x for c in big.scripts for x in c.items]
                        for letter in below[:1]:
                            if (
                                names
                                and isinstance(letter, n.Name)
                                and not self.known.get(base_of(names[0]))
                                and letter.id not in self.bounds
                            ):
                                self.bounds[letter.id] = names[0]
                                self.sizes_named.add(flat(names[0]))

    def picks(self, name: n.Name) -> set[str]:
        """The letters below a vector that are no indices and no part of a name: the class c of p_c, the j* of u_{j*}."""
        below = atoms(name.scripts, "_")
        rows = self.known.get(base_of(name), ())
        vectors = [k for k in rows if k.axes is not None and len(k.axes) == 1 and not k.pattern.below]
        if len(below) != 1 or not vectors or any(s.label for k in rows for s in k.pattern.below):
            return set()
        tree = below[0].tree
        single = isinstance(tree, n.Text) or (isinstance(tree, n.Name) and flat(tree) not in self.indices and tree.style != "mathrm")
        if below[0].text in self.sizes_named or below[0].text in ("n", "N", "m", "M", "K", "T", "L", "V", "D"):
            return set()
        return {below[0].text} if single and len(below[0].text.rstrip("*^'")) == 1 else set()

    def below(self, tree: n.Node) -> list[n.Name]:
        """The names that stand in subscripts."""
        return [
            p
            for part in parts(tree)
            if isinstance(part, n.Name | n.Scripted)
            for s in part.scripts
            if s.mark == "_" and not isinstance(part, n.Big)
            for item in s.items
            for p in parts(item)
            if isinstance(p, n.Name)
        ]

    def literals(self) -> set[str]:
        """Sizes that are numbers."""
        return {a.text for d in self.context.declared for a in d.axes if isinstance(a, n.Number)}

    def recursion(self) -> None:
        """The letters in which equations go back to earlier layers or times."""
        for rows in self.known.values():
            for k in rows:
                if k.right is None:
                    continue
                shifted = {s.letter for s in (*k.pattern.above, *k.pattern.below) if s.letter and s.offset}
                for p in parts(k.right):
                    if isinstance(p, n.Name):
                        for s in (*self.pattern_of(p).above, *self.pattern_of(p).below):
                            if s.letter in k.pattern.letters and s.offset < 0 and s.letter not in k.component:
                                shifted.add(s.letter)
                                if named(p) == k.pattern.base:
                                    self.recursive.add(s.letter)
                self.recursive |= {s for s in shifted if s not in self.bounds or s in ("t", "l")}
        self.recursive -= {letter for letter in self.recursive if letter in "ijpq"}
        scripts = {
            flat(a.tree)
            for t in self.trees
            for p in parts(t)
            if isinstance(p, n.Name | n.Scripted)
            for m in "_^"
            for a in atoms(p.scripts, m)
        }
        if self.context.conventions.layers and "l" in self.indices:
            self.recursive.add("l")
        if "l" in self.indices and scripts & {"L", "L-1"}:
            self.recursive.add("l")
        if "t" in self.indices and scripts & {"T", "T-1", "t-1", "t+1"}:
            self.recursive.add("t")
        for letter in self.recursive:
            bound = self.bounds.get(letter)
            if isinstance(bound, n.Name):
                self.sizes[flat(bound)] = LAST
        for t in self.trees:
            for p in parts(t):
                if isinstance(p, n.Name) and p.scripts:
                    found = self.pattern_of(p)
                    for k in self.known.get(found.base, ()):
                        for ours, theirs in ((k.pattern.below, found.below), (k.pattern.above, found.above)):
                            for a, b in zip(ours, theirs, strict=False):
                                if a.letter in self.recursive and b.label in ("n", "N", "T", "K", "M", "m", "L", r"\tau"):
                                    self.sizes[b.label] = LAST
                                    self.lasts.add(b.label)


def terms_of(node: n.Node) -> list[n.Node]:
    """The names that a size is made of."""
    node = plain(node)
    if isinstance(node, n.Sum):
        return [x for t in node.terms for x in terms_of(t)]
    if isinstance(node, n.Juxtaposition | n.Product):
        return [x for t in node.factors for x in terms_of(t)]
    return [node]


def _powers(node: n.Node) -> bool:
    """Whether an exponential stands here."""
    return any(
        (isinstance(p, n.Name) and p.id == "e" and p.scripts) or (isinstance(p, n.Call) and p.function.id == "exp") for p in parts(node)
    )


def _logs(node: n.Juxtaposition | n.Product) -> bool:
    """Whether a label multiplies a logarithm here."""
    labels = any(isinstance(plain(f), n.Name) and base_of(plain(f)) in LABELS for f in node.factors)  # type: ignore[arg-type]
    return labels and any(isinstance(f, n.Call) and f.function.id in ("log", "ln") for f in node.factors)


def assumed_symmetric(claim: n.Node) -> str:
    """M where a claim begins with M = M^T."""
    if isinstance(claim, n.Chain) and len(claim.sides) == 2 and claim.signs == ("=",):
        a, b = (plain(x) for x in claim.sides)
        if isinstance(a, n.Name) and isinstance(b, n.Name) and base_of(a) == base_of(b):
            marks = [flat(i) for x in (*a.scripts, *b.scripts) if x.mark == "^" for i in x.items]
            if marks and marks[-1] in TRANSPOSES:
                return base_of(a)
    return ""
