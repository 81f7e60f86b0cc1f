"""Names under a reading, at concrete sizes: tensors that equations define, and random ones where none does.

Everything generic becomes concrete: sizes are small and distinct, layers and times are counted up to LAST, a free index takes every
value. So a formula means exactly what it says entry by entry.
"""

import itertools
import time
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symbackprop.formulas import quantities as q
from symbackprop.formulas.context import Context, letters_of
from symbackprop.formulas.quantities import Inconsistent, Misfit, Quantity
from symbackprop.formulas.readings import Reading
from symbackprop.formulas.references import Match, Pattern, Position, Slot, atoms, match, pattern, primes, split_digits
from symbackprop.formulas.tape import ONE, ZERO, Scalar, constant, entry, number, sqrt
from symbackprop.formulas.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain, rebuilt
from symbackprop.language.latex import nodes as n

LAST = 4
POINTS, POSITIVE = 7, 2
POOL = (3, 2, 4, 5)
SECONDS = 3.0
LOSSES = {"L", "J", "C", "E", r"\ell", "l", "Loss", "loss", "Cost", "cost", "F", r"\xi", "R", r"\Phi", "Q", "loss_fn", "S", "O", "U", "V"}
SURE_LOSSES = {"L", "J", "C", "E", r"\ell", "Loss", "loss", "Cost", "cost"}
DEFINING = {"=", ":=", r"\equiv", r"\triangleq", r"\doteq", r"\leftarrow"}
LABELS = {"y", "Y", "t", "T"}
Env = Mapping[str, int]


class Unread(Exception):
    """Something has no meaning here that is understood; `node` is where."""

    def __init__(self, reason: str, node: n.Node | None = None) -> None:
        super().__init__(reason)
        self.reason, self.node = reason, node


class Resized(Exception):
    """Two names of sizes turn out to be one size."""

    def __init__(self, key: str, size: int) -> None:
        super().__init__(key)
        self.key, self.size = key, size


class OutOfRange(Exception):
    """An index beyond its axis; `letters` are those that put it there."""

    def __init__(self, what: str, letters: frozenset[str] = frozenset()) -> None:
        super().__init__(what)
        self.letters = letters


@dataclass(frozen=True)
class Known:
    """A name that is declared or defined. `right` is its equation's right side, `axes` its declared sizes, `parameters` those of a
    function, `whole` the declaration whose components the equation gives."""

    pattern: Pattern
    right: n.Node | None = None
    axes: tuple[n.Node, ...] | None = None
    parameters: tuple[n.Node, ...] | None = None
    alias: bool = False
    component: tuple[str, ...] = ()
    name: n.Name | None = None


class Names:
    """All names of a context under a reading. `seed` chooses the numbers and the sizes."""

    def __init__(self, context: Context, reading: Reading, claims: Sequence[n.Node], seed: int = 0, sizes: Mapping[str, int] | None = None) -> None:
        self.context, self.reading, self.seed = context, reading, seed
        self.claims = tuple(claims)
        self.steps = 0
        self.deadline = time.monotonic() + SECONDS
        self.fresh: list[dict[str, tuple[int, ...]]] = []
        self.depth = 0
        self.wanted: tuple[n.Node | None, tuple[int, ...] | None] = (None, None)
        self.invented: set[str] = set()
        self.assumed = False
        trees = [*(s.body for s in context.statements), *claims, *([context.continues] if context.continues else [])]
        trees += [t for pair in context.aliases for t in pair]
        self.trees = trees
        self.indices, self.bounds = letters_of(trees, context.declared)
        self.usual_labels()
        self.given = {base_of(p) for t in [*(s.body for s in context.statements), *(d.name for d in context.declared)] for p in operands(t) if isinstance(p, n.Name)}
        self.raw_names = set(self.given)
        self.given |= {x.lower() for x in self.given} | {x.upper() for x in self.given if len(x) == 1}
        self.given_labels = {(named(p), tuple(s.label for s in (*self.pattern_of(p).below, *self.pattern_of(p).above) if s.label)) for t in [*(s.body for s in context.statements), *(d.name for d in context.declared)] for p in parts(t) if isinstance(p, n.Name) and p.scripts}
        self.derived_by = {base_of(p) for t in claims for d in parts(t) if isinstance(d, n.Leibniz | n.Operator) for b in (d.by if isinstance(d, n.Leibniz) else [i for x in d.scripts for i in x.items]) for p in parts(b) if isinstance(p, n.Name)}
        self.classes = {base_of(p) for t in trees for p in self.below(t) if p.scripts and any(s.mark in "_^" for s in p.scripts)}
        self.sizes: dict[str, int] = dict(sizes or {})
        self.pool = [s for s in (POOL[seed % 4 :] + POOL[: seed % 4]) if str(s) not in self.literals()] or [7, 2]
        self.known: dict[str, list[Known]] = defaultdict(list)
        self.memo: dict[tuple, Quantity] = {}
        self.working: set[tuple] = set()
        self.scope: list[dict[str, Quantity]] = []
        self.guesses: dict[str, tuple[int, ...]] = {}
        self.leaves: dict[str, Quantity] = {}
        self.classed_values: set[int] = set()
        self.numbers: dict[str, int] | None = None
        self.constraints: list[n.Statement] = []
        self.recursive: set[str] = set()
        self.lasts: set[str] = set()
        for declared in context.declared:
            self.known[named(declared.name)].append(Known(self.pattern_of(declared.name), axes=declared.axes))
        self.sizes_named = {flat(p) for d in context.declared for a in d.axes for p in terms_of(a) if isinstance(p, n.Name)}
        self.sizes_named |= {flat(b) for b in self.bounds.values() if isinstance(b, n.Name)}
        for name, target in context.aliases:
            if isinstance(plain(name), n.Name):
                self.add_equation(plain(name), target, alias=True)  # type: ignore[arg-type]
        for statement in context.statements:
            self.take(statement)
        self.share()
        self.recursion()
        self.ties()

    # What is known.

    def usual_labels(self) -> None:
        """Targets of a cross entropy with softmax sum to 1, unless something says otherwise."""
        words = {p.function.id.lower() for t in self.trees for p in parts(t) if isinstance(p, n.Call)}
        ratio = any(isinstance(p, n.Fraction) and _powers(p.top) and any(isinstance(b, n.Big) for b in parts(p.bottom)) for t in self.trees for p in parts(t))
        targets = any(isinstance(p, n.Juxtaposition | n.Product) and _logs(p) for s in self.context.statements for p in parts(s.body))
        self.symmetric = {x for x in self.context.conventions.symmetric} | {x for c in self.claims if (x := assumed_symmetric(c))}
        self.simplex = self.reading.simplex or (targets and (ratio or bool(words & {"softmax"})))

    def share(self) -> None:
        """Where the right side of one equation stands in another one, it is the name that the first gives it."""
        rows = [(base, k) for base, group in self.known.items() for k in group if k.right is not None and not k.alias and k.parameters is None and k.name is not None]
        shared = {flat(k.right): k.name for _, k in rows if isinstance(k.right, n.Sum | n.Juxtaposition | n.Product) and not has_derivative(k.right)}
        for base, group in self.known.items():
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
                    if isinstance(before, n.Fraction) and isinstance(big, n.Big) and big.sign == r"\sum" and not any(x.mark == "^" for x in big.scripts):
                        names = [x for x in parts(before.bottom) if isinstance(x, n.Name) and x.id in ("n", "m", "N", "M", "B")]
                        below = [x.sides[0] if isinstance(x, n.Chain) else x for c in big.scripts for x in c.items]
                        for letter in below[:1]:
                            if names and isinstance(letter, n.Name) and not self.known.get(base_of(names[0])) and letter.id not in self.bounds:
                                self.bounds[letter.id] = names[0]
                                self.sizes_named.add(flat(names[0]))

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

    def is_index(self, letter: str) -> bool:
        """Whether a letter in a script is an index."""
        return letter in self.indices

    def pattern_of(self, name: n.Name) -> Pattern:
        """The pattern of a name on a left side."""
        return pattern(named(name), name.scripts, self.is_index)

    def take(self, statement: n.Statement) -> None:
        """A forward equation: it defines its left side. Whatever else it says is a constraint."""
        body = statement.body
        for condition in statement.conditions:
            for part in condition.parts:
                if isinstance(part, n.Chain) and part.signs[0] in DEFINING:
                    self.take(n.Statement(part, span=part.span))
        if isinstance(body, n.Signature):
            return None
        if not isinstance(body, n.Chain) or body.signs[0] not in DEFINING:
            self.constraints.append(statement)
            return None
        right = body.sides[1]
        for further in body.sides[2:]:
            last = plain(further)
            if isinstance(last, n.Name) and isinstance(plain(body.sides[0]), n.Name) and not self.defines(last) and not isinstance(plain(body.sides[1]), n.Name):
                self.add_equation(last, body.sides[0])
        if len(body.sides) > 2 and not has_derivative(body.sides[1]) and isinstance(plain(body.sides[1]), n.Name):
            right = body.sides[-1]
            middle = plain(body.sides[1])
            if isinstance(middle, n.Name) and not self.defines(middle):
                self.add_equation(middle, body.sides[-1])
        left_tree, right = self.solved(body.sides[0], right)
        left, parameters, scripts = self.left_side(left_tree)
        if left is None:
            self.constraints.append(statement)
            return None
        self.add_equation(replace(left, scripts=left.scripts + scripts), right, parameters)
        return None

    def solved(self, left: n.Node, right: n.Node) -> tuple[n.Node, n.Node]:
        """n L_i = ... as L_i = .../n, and ln P = ... as P = exp(...)."""
        if isinstance(left, n.Juxtaposition) and len(left.factors) == 2 and all(isinstance(f, n.Name) for f in left.factors) and flat(left.factors[0]) in self.sizes_named:
            return left.factors[1], n.Fraction(right, left.factors[0], span=right.span)
        if isinstance(left, n.Call) and left.function.id in ("log", "ln") and not left.function.scripts:
            inside = plain(left.argument)
            return inside, n.Call(n.Name("exp", "operatorname"), n.Bracket("(", (right,), (), ")", span=right.span), span=right.span)
        return left, right

    def defines(self, name: n.Name) -> bool:
        """Whether an equation gives this name already."""
        return any(k.right is not None for k in self.known.get(base_of(name), ()))

    def left_side(self, left: n.Node) -> tuple[n.Name | None, tuple[n.Node, ...] | None, tuple[n.Script, ...]]:
        """The name on a left side, the parameters of a function, and scripts behind those."""
        scripts: tuple[n.Script, ...] = ()
        left = plain(left)
        if isinstance(left, n.Scripted):
            scripts, left = left.scripts, plain(left.of)
        if isinstance(left, n.Call):
            arguments = left.argument.items if isinstance(left.argument, n.Bracket) else (left.argument,)
            return replace(left.function, style=""), tuple(arguments), scripts
        if isinstance(left, n.Juxtaposition) and len(left.factors) == 3 and isinstance(left.factors[1], n.Bracket):
            last = left.factors[2]
            scripts = last.scripts if isinstance(last, n.Scripted) else ()
            head = plain(left.factors[0])
            if isinstance(head, n.Name) and isinstance(last.of if isinstance(last, n.Scripted) else last, n.Bracket):
                return head, left.factors[1].items, scripts
        if isinstance(left, n.Juxtaposition) and len(left.factors) == 2:
            head, behind = plain(left.factors[0]), left.factors[1]
            if isinstance(behind, n.Scripted):
                scripts, behind = behind.scripts, behind.of
            if isinstance(head, n.Name) and isinstance(behind, n.Bracket):
                return head, behind.items, scripts
        if isinstance(left, n.Differential) and isinstance(left.of, n.Name):
            return replace(left.of, id=f"d {left.of.id}"), None, scripts
        if isinstance(left, n.Operator) and left.of is not None and isinstance(plain(left.of), n.Name) and not left.scripts:
            of = plain(left.of)
            return (replace(of, id=f"{left.sign} {of.id}"), None, scripts) if isinstance(of, n.Name) else (None, None, scripts)
        if isinstance(left, n.Name):
            return left, None, scripts
        return None, None, scripts

    def add_equation(
        self, left: n.Name, right: n.Node, parameters: tuple[n.Node, ...] | None = None, alias: bool = False
    ) -> None:
        """Know a name by its equation; a primed function is a constraint."""
        primed = "".join(s.mark for s in left.scripts if s.mark.startswith("'"))
        if primed and (self.known.get(base_of(left)) or left.style == "operatorname"):
            return
        found = self.pattern_of(left)
        rows = self.known[found.base]
        same = [k for k in rows if k.pattern == found and k.right is not None and not k.alias]
        if same and not alias and all(k.parameters is None or parameters is None or len(k.parameters) == len(parameters) for k in same):
            return
        component: tuple[str, ...] = ()
        for k in rows:
            extra = found.below[len(k.pattern.below) :]
            if k.axes is not None and k.right is None and self.prefixes(k.pattern, found):
                if extra and len(extra) == len(k.axes) and all(s.letter for s in extra):
                    component = tuple(s.letter for s in extra)
        rows.append(Known(found, right, None, parameters, alias, component, left))

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
        scripts = {flat(a.tree) for t in self.trees for p in parts(t) if isinstance(p, n.Name | n.Scripted) for m in "_^" for a in atoms(p.scripts, m)}
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

    # Sizes.

    def size_of(self, key: str) -> int:
        """The size with this name, chosen when first asked for."""
        if self.reading.scalars:
            return 1
        if key not in self.sizes:
            taken = list(self.sizes.values())
            fresh = [s for s in self.pool if s not in taken]
            self.sizes[key] = fresh[0] if fresh else self.pool[len(taken) % len(self.pool)]
        return self.sizes[key]

    def size(self, tree: n.Node, env: Env) -> int:
        """What a size comes to: n_{l-1}, d + 1, 3."""
        tree = plain(tree)
        if isinstance(tree, n.Number) and tree.text.isdigit():
            return int(tree.text)
        if isinstance(tree, n.Name):
            if tree.id in env and not tree.scripts:
                return env[tree.id]
            if self.recursive and flat(tree) in ("n_l", "N_l") and self.counts_layers(flat(tree)):
                return LAST
            return self.size_of(self.size_key(tree, env))
        if isinstance(tree, n.Sum):
            return sum(self.size(t, env) * (-1 if s == "-" else 1) for s, t in zip(tree.signs, tree.terms, strict=True))
        if isinstance(tree, n.Juxtaposition | n.Product):
            made = 1
            for f in tree.factors:
                made *= self.size(f, env)
            return made
        if isinstance(tree, n.Call) and tree.function.id in ("rows", "cols", "size", "dim", "len"):
            of = plain(tree.argument)
            shape = self.value(of, env).shape
            return shape[-1 if tree.function.id == "cols" else 0]
        if isinstance(tree, n.Fraction):
            return self.size(tree.top, env) // self.size(tree.bottom, env)
        raise Unread("a size that is not understood", tree)

    def counts_layers(self, text: str) -> bool:
        """Whether a name stands above others as a layer."""
        return any(a.text == text for t in self.trees for p in parts(t) if isinstance(p, n.Name) for a in atoms(p.scripts, "^"))

    def size_key(self, tree: n.Name, env: Env) -> str:
        """The key of a size under values of the indices."""
        marks = [f"{m}{p.bracket}{p.number if p.number is not None else p.text}" for m in "_^" for p in self.positions(tree.scripts, m, env)]
        return base_of(tree) + "".join(marks)

    def count(self, letter: str, env: Env) -> int:
        """How many values an index takes that no axis bounds."""
        if letter in self.recursive:
            return LAST
        if letter in self.bounds:
            try:
                return self.size(self.bounds[letter], env)
            except Unread:
                pass
        return max(self.size_of(f"#{letter}"), self.explicit().get(letter, 0))

    def explicit(self) -> dict[str, int]:
        """The largest number that stands in the place of a letter."""
        if self.numbers is None:
            self.numbers = {}
            for t in self.trees:
                for p in parts(t):
                    if not isinstance(p, n.Name) or not p.scripts:
                        continue
                    found = self.pattern_of(p)
                    for k in self.known.get(found.base, ()):
                        for ours, theirs in ((k.pattern.below, found.below), (k.pattern.above, found.above)):
                            for a, b in zip(ours, theirs, strict=False):
                                if a.letter and b.number is not None and k.axes == () and b.number < 12:
                                    self.numbers[a.letter] = max(self.numbers.get(a.letter, 0), b.number)
        return self.numbers

    # Positions in scripts.

    def positions(self, scripts: Sequence[n.Script], mark: str, env: Env) -> tuple[Position, ...]:
        """The atoms of scripts under values of the indices."""
        return tuple(self.position(a.tree, a.bracket, env) for a in atoms(scripts, mark))

    def position(self, tree: n.Node, bracket: str, env: Env) -> Position:
        """One atom under values of the indices."""
        text = flat(tree)
        letters: set[str] = set()
        found = self.whole_number(tree, env, letters)
        if found is None and text in self.lasts:
            found = LAST
        if found is None and text in ("n_l", "n_L", "N_l", "N_L") and self.recursive:
            found = LAST
        return Position(bracket, found, text, frozenset(letters), tree)

    def whole_number(self, tree: n.Node, env: Env, letters: set[str]) -> int | None:
        """The whole number that an index expression comes to, or None."""
        if isinstance(tree, n.Number):
            return int(tree.text) if tree.text.isdigit() else None
        if isinstance(tree, n.Name):
            if not tree.scripts and not tree.accents and tree.id in env:
                letters.add(tree.id)
                return env[tree.id]
            if tree.scripts and flat(tree) in env:
                letters.add(flat(tree))
                return env[flat(tree)]
            if tree.scripts and base_of(tree) in self.classes:
                try:
                    return int(number(self.name(tree, env).scalar) or 0) or None
                except (Unread, Misfit):
                    return None
            if tree.id in ("L", "T", "N", "M", "K", "n", "m", r"\tau") and not tree.scripts and not tree.style.startswith("math"):
                if tree.id in ("L", "T") and self.recursive:
                    return LAST
                return self.sizes.get(tree.id) if tree.id not in self.sizes_named else self.size_of(tree.id)
            return None
        if isinstance(tree, n.Sum):
            values = [self.whole_number(t, env, letters) for t in tree.terms]
            if any(v is None for v in values) or not set(tree.signs) <= {"", "+", "-"}:
                return None
            return sum((v or 0) * (-1 if s == "-" else 1) for s, v in zip(tree.signs, values, strict=True))
        if isinstance(tree, n.Juxtaposition) and len(tree.factors) == 2:
            pair = [self.whole_number(f, env, letters) for f in tree.factors]
            return None if None in pair else (pair[0] or 0) * (pair[1] or 0)
        if isinstance(tree, n.Bracket) and len(tree.items) == 1:
            return self.whole_number(tree.items[0], env, letters)
        return None

    # Tensors.

    def name(self, node: n.Name, env: Env) -> Quantity:
        """What a name stands for."""
        found, above = self.tensor(node, env)
        return self.raised(found, above, node, env)

    def raised(self, found: Quantity, above: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """Powers and transposes that are left above a name."""
        raise NotImplementedError

    def value(self, node: n.Node, env: Env) -> Quantity:
        """What a tree stands for."""
        raise NotImplementedError

    def candidates(self, base: str, below: Sequence[Position], above: Sequence[Position]) -> list[tuple[Known, Match]]:
        """What fits a name, the best first."""
        found: list[tuple[tuple, Known, Match]] = []
        for k in self.known.get(base, ()):
            for rank, strict in enumerate((True, False)):
                fit = match(k.pattern, below, above, strict)
                if fit is None:
                    continue
                exact = sum(1 for s in (*k.pattern.below, *k.pattern.above) if not s.letter)
                left = len(fit.below) + len(fit.above)
                found.append(((not k.alias, rank, left if not k.component else len(k.component), -exact, k.right is None), k, fit))
                break
        return [(k, fit) for _, k, fit in sorted(found, key=lambda f: f[0])]

    def scoped(self, node: n.Name) -> tuple[Quantity, n.Name] | None:
        """The argument that a parameter of a function stands for, and the scripts that are left."""
        if not self.scope:
            return None
        scope = self.scope[-1]
        whole = flat(node)
        if whole in scope:
            return scope[whole], replace(node, scripts=())
        for cut in range(len(node.scripts), -1, -1):
            head = flat(replace(node, scripts=node.scripts[:cut]))
            if head in scope:
                return scope[head], replace(node, scripts=node.scripts[cut:])
        return None

    def tensor(self, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """The tensor or component that a name means, and what is left above it."""
        inside = self.scoped(node)
        if inside is not None:
            made, rest = inside
            below = self.positions(rest.scripts, "_", env)
            return self.component(made, below, node, env), self.positions(rest.scripts, "^", env)
        base = named(node)
        below, above = self.positions(node.scripts, "_", env), self.positions(node.scripts, "^", env)
        failure: Exception | None = None
        for positions in (below, split_digits(below)):
            for k, fit in self.candidates(base, positions, above):
                try:
                    return self.fitted(k, fit, node, env)
                except Misfit as error:
                    failure = failure or (None if "is no part of" in str(error) else error)
            if positions == split_digits(below):
                break
        linked = None if failure is not None else self.linked(node, base, below, above, env) or self.ranged(base, below, above)
        if linked is not None:
            return linked
        if failure is not None:
            raise failure
        return self.unknown(node, base, below, above, env)

    def fitted(self, k: Known, fit: Match, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """The tensor of a known name, its component taken."""
        letters = frozenset(x for m in "_^" for p in self.positions(node.scripts, m, env) for x in p.letters)
        bindings = dict(fit.bindings)
        for parameter in k.parameters or ():
            for p in parts(parameter):
                if isinstance(p, n.Name) and p.id in env and p.id in self.indices:
                    bindings.setdefault(p.id, env[p.id])
        if fit.below and k.right is not None and not k.pattern.below and self.is_own_term(k):
            return self.objective(node, env), fit.above
        if fit.below and k.right is not None and not k.pattern.below:
            summand = self.summand(k, fit, bindings)
            if summand is not None:
                return summand, fit.above
        scalar = any(d.axes == () for d in self.known[k.pattern.base]) or k.pattern.base in SURE_LOSSES
        if scalar and fit.below and k.right is not None and all(isinstance(p.tree, n.Number | n.Text) or p.number is None for p in fit.below):
            raise Misfit(f"{flat(node)} is no part of {k.pattern.base}")
        made = self.known_tensor(k, bindings, letters)
        return self.entry_of(made, fit, node, env)

    def entry_of(self, made: Quantity, fit: Match, node: n.Name, env: Env) -> tuple[Quantity, tuple[Position, ...]]:
        """A component; W^T_{ji} is one of the transpose."""
        turned = [p for p in fit.above if p.text in TRANSPOSES and not p.bracket]
        if turned and len(fit.below) == 2 and made.data.ndim == 2:
            return self.component(q.transposed(made), fit.below, node, env), tuple(p for p in fit.above if p not in turned)
        return self.component(made, fit.below, node, env), fit.above

    def objective(self, name: n.Name, env: Env) -> Quantity:
        """A loss that nothing defines."""
        raise NotImplementedError

    def is_own_term(self, k: Known) -> bool:
        """Whether L is defined as the sum of L_t, and L_t by nothing."""
        for p in parts(k.right) if k.right is not None else ():
            if isinstance(p, n.Big):
                of = plain(p.of)
                if isinstance(of, n.Name) and base_of(of) == k.pattern.base and of.scripts:
                    return not any(x.pattern.below or x.pattern.above for x in self.known[k.pattern.base] if x.right is not None)
        return False

    def summand(self, k: Known, fit: Match, bindings: dict[str, int]) -> Quantity | None:
        """L_t of an L that is a sum over t: its term."""
        right, sign = k.right, ""
        if isinstance(right, n.Sum) and len(right.terms) == 1:
            right, sign = right.terms[0], right.signs[0]
        if isinstance(right, n.Juxtaposition | n.Product):
            right = right.factors[-1]
        if not isinstance(right, n.Big) or right.sign != r"\sum" or len(fit.below) != 1 or fit.below[0].number is None:
            return None
        below = [x for c in right.scripts if c.mark == "_" for x in c.items]
        head = below[0].sides[0] if below and isinstance(below[0], n.Chain) else below[0] if below else None
        if not isinstance(head, n.Name) or head.id != fit.below[0].text and head.id not in fit.below[0].letters:
            return None
        if isinstance(plain(right.of), n.Name) and base_of(plain(right.of)) == k.pattern.base:  # type: ignore[arg-type]
            return None
        key = (k.pattern.base, "term", fit.below[0].number, tuple(sorted(bindings.items())))
        if key not in self.memo:
            made = self.within(replace(k, right=right.of), {**bindings, head.id: fit.below[0].number})
            made = q.negative(made) if sign == "-" else made
            self.memo[key] = q.single(entry(q.total(made.data.reshape(-1))))
        return self.memo[key]

    def known_tensor(self, k: Known, bindings: dict[str, int], letters: frozenset[str]) -> Quantity:
        """The tensor of a declaration or an equation at values of its indices."""
        base = k.pattern.base
        if k.alias and k.right is not None:
            return self.value(k.right, bindings)
        for whole in self.known[base]:
            if k.component and whole.axes is not None and whole.right is None and self.prefixes(whole.pattern, k.pattern):
                fit = match(whole.pattern, *self.as_positions(k.pattern, bindings))
                made = self.known_tensor(whole, dict(fit.bindings) if fit else {}, letters)
                places = [bindings[x] for x in k.component]
                return q.single(self.pick(made, places, letters, base))
        key = (base, k.pattern, tuple(sorted(bindings.items())))
        if key in self.memo:
            return self.memo[key]
        for letter, at in bindings.items():
            low = 0 if letter in self.recursive or (k.right is None and k.axes == ()) else 1
            bounded = k.right is None or letter in self.recursive
            if at < low or (bounded and at > max(self.count(letter, bindings), 1)):
                raise OutOfRange(f"{base} at {letter} = {at}", letters)
        if key in self.working:
            raise Unread(f"{base} is defined by itself")
        self.working.add(key)
        try:
            made = self.made(k, bindings, base)
        except OutOfRange as error:
            raise OutOfRange(str(error), letters | (error.letters - set(bindings))) from None
        finally:
            self.working.discard(key)
        moments = [bindings[s.letter] + s.offset for s in (*k.pattern.above, *k.pattern.below) if s.letter in self.recursive and s.letter in bindings]
        for x in made.data.reshape(-1):
            if moments and x.entry and x.moment is None:
                x.moment = moments[0]
        self.memo[key] = made
        return made

    @staticmethod
    def prefixes(whole: Pattern, found: Pattern) -> bool:
        """Whether `found` is a component of `whole`."""
        def bare(slots: Sequence[Slot]) -> list[Slot]:
            return [replace(s, offset=0) for s in slots]

        return bare(whole.above) == bare(found.above) and bare(whole.below) == bare(found.below[: len(whole.below)])

    def made(self, k: Known, bindings: dict[str, int], base: str) -> Quantity:
        """A tensor made for the first time."""
        if k.right is None and self.is_square_only(k):
            raise Unread(f"only the square of {base} is defined")
        shape = None if k.axes is None else tuple(self.size(a, bindings) for a in k.axes)
        early = any(bindings.get(x, 1) < 1 for x in self.recursive)
        rows = self.known[base]
        if k.right is None and not early:
            for e in rows:
                if e.right is not None and not e.alias and e.component and self.prefixes(k.pattern, e.pattern) and shape is not None:
                    shifts = {s.letter: s.offset for s in (*e.pattern.above, *e.pattern.below) if s.letter and s.letter in bindings}
                    ours = {s.letter: s.offset for s in (*k.pattern.above, *k.pattern.below) if s.letter}
                    moved = {x: v + ours.get(x, 0) - shifts.get(x, 0) for x, v in bindings.items()}
                    if any(moved.get(x, 1) < 1 for x in self.recursive):
                        break
                    return self.by_components(e, moved, shape)
                if e.right is not None and not e.alias and e.pattern == k.pattern:
                    return self.defined(e, bindings, shape)
                same = e.right is not None and not e.alias and len(e.pattern.below) == len(k.pattern.below) and len(e.pattern.above) == len(k.pattern.above)
                if same:
                    fit = match(e.pattern, *self.as_positions(k.pattern, bindings), strict=False)
                    if fit is not None:
                        return self.defined(e, dict(fit.bindings), shape)
        if k.right is not None and not early:
            declared = next((d for d in rows if d.axes is not None and d.pattern == k.pattern), None)
            if declared is None:
                for d in rows:
                    if d.axes is not None and d.right is None:
                        fit = match(d.pattern, *self.as_positions(k.pattern, bindings), strict=False)
                        if fit is not None and not fit.below and not fit.above:
                            return self.known_tensor(d, dict(fit.bindings), frozenset())
            if declared is not None and declared.axes is not None:
                shape = tuple(self.size(a, bindings) for a in declared.axes)
            return self.defined(k, bindings, shape)
        if k.right is None and shape == () and base in SURE_LOSSES and k.name is None and not early and bindings:
            return self.objective(self.name_at(k.pattern, bindings), bindings)
        if shape is None:
            shape = self.early_shape(k, bindings, rows)
        stacked = self.from_stack(base, k, bindings, shape) if not early else None
        if stacked is not None:
            return stacked
        return self.leaf(base, k.pattern, bindings, shape)

    def is_square_only(self, k: Known) -> bool:
        """Whether an equation gives e^2, and none e."""
        rows = [e for e in self.known[k.pattern.base] if e.right is not None]
        return bool(rows) and not k.pattern.above and all([(s.number, s.bracket) for s in e.pattern.above] == [(2, "")] for e in rows)

    @staticmethod
    def name_at(found: Pattern, bindings: Mapping[str, int]) -> n.Name:
        """A name with the letters of its pattern."""
        below = tuple(n.Name(s.letter) if s.letter else n.Text(s.label or str(s.number)) for s in found.below)
        above = tuple(n.Name(s.letter) if s.letter else n.Text(s.label or str(s.number)) for s in found.above)
        scripts = [n.Script(m, items) for m, items in (("_", below), ("^", above)) if items]
        return n.Name(found.base, scripts=tuple(scripts))

    def from_stack(self, base: str, k: Known, bindings: dict[str, int], shape: tuple[int, ...]) -> Quantity | None:
        """x_i from a declared X whose rows or columns it must be; T where t is the same."""
        slots = (*k.pattern.below, *k.pattern.above)
        if len(base) == 1 and base.islower() and len(slots) == 1 and slots[0].letter and len(shape) == 1 and slots[0].letter not in self.recursive:
            for d in self.known.get(base.upper(), ()):
                if d.axes is not None and len(d.axes) == 2 and d.right is None and not d.pattern.letters and not self.defines(n.Name(base.upper())):
                    made = self.known_tensor(d, {}, frozenset())
                    at = bindings[slots[0].letter] + slots[0].offset
                    for axis in (0, 1):
                        if made.shape[1 - axis] == shape[0]:
                            if not 1 <= at <= made.shape[axis]:
                                raise OutOfRange(f"{base} at {at}", frozenset(slots[0].letter))
                            return Quantity(np.take(made.data, at - 1, axis=axis), row=self.reading.row_vectors)
        if len(base) == 1 and base.isupper() and not slots and len(shape) == 1:
            for d in self.known.get(base.lower(), ()):
                if d.axes is not None and not d.pattern.below and not d.pattern.above and len(d.axes) == 1 and d.right is None:
                    made = self.known_tensor(d, {}, frozenset())
                    return made if made.shape == shape else None
        return None

    def early_shape(self, k: Known, bindings: dict[str, int], rows: Sequence[Known]) -> tuple[int, ...]:
        """The shape of the value before the first step: what is declared, else that of the first step."""
        for d in rows:
            fit = match(d.pattern, *self.as_positions(k.pattern, bindings), strict=False) if d.axes is not None else None
            if d.axes is not None and fit is not None and not fit.below and not fit.above:
                return tuple(self.size(a, dict(fit.bindings)) for a in d.axes)
        later = {x: (1 if x in self.recursive and v < 1 else v) for x, v in bindings.items()}
        key = f"{k.pattern.base}{sorted(bindings.items())}"
        if self.fresh:
            self.fresh[-1].setdefault(key, ())
        if key in self.guesses or later == bindings or (k.pattern.base, k.pattern, tuple(sorted(later.items()))) in self.working:
            return self.guesses.get(key, ())
        return self.known_tensor(k, later, frozenset()).shape

    @staticmethod
    def as_positions(found: Pattern, bindings: Mapping[str, int]) -> tuple[tuple[Position, ...], tuple[Position, ...]]:
        """The positions of a pattern at values of its indices."""

        def position(s) -> Position:  # type: ignore[no-untyped-def]
            value = bindings[s.letter] + s.offset if s.letter else s.number
            return Position(s.bracket, value, s.label or str(value))

        return tuple(map(position, found.below)), tuple(map(position, found.above))

    def by_components(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor from an equation of its components."""
        assert e.right is not None
        places = [s.letter for s in e.pattern.below[-len(shape) :]] if shape else []
        made = []
        for at in np.ndindex(*shape):
            env = {**bindings, **{x: i + 1 for x, i in zip(places, at, strict=True)}}
            made.append(entry(self.within(e, env, number=True).scalar))
        return q.array_of(made, shape, row=self.reading.row_vectors and len(shape) == 1)

    def within(self, e: Known, env: Env, number: bool = False) -> Quantity:
        """The right side of an equation, outside of any function that is being evaluated."""
        assert e.right is not None
        outer, self.scope = self.scope, []
        self.depth += 1
        try:
            return self.fitting(e.right, env, number)
        finally:
            self.scope = outer
            self.depth -= 1

    def fitting(self, node: n.Node, env: Env, number: bool = False) -> Quantity:
        """The value of a tree, the shapes of names that nothing declares chosen so that everything fits."""
        self.fresh.append({})
        try:
            try:
                return single_number(self.value(node, env)) if number else self.value(node, env)
            except Misfit as error:
                failure = error
            guessed = list(self.fresh[-1])
            sizes = sorted({s for s in self.sizes.values()} | {int(x) for x in self.literals() if x != "1"})
            shapes = [(), *((s,) for s in sizes), *((a, b) for a in sizes for b in sizes if a != b), *((a, a) for a in sizes)]
            if not guessed or len(guessed) > 3:
                raise failure
            kept = {k: self.guesses.get(k) for k in guessed}
            tries = 0
            for chosen in itertools.product(shapes, repeat=len(guessed)):
                if all(self.guesses.get(k, ()) == c for k, c in zip(guessed, chosen, strict=True)):
                    continue
                tries += 1
                if tries > 150:
                    break
                self.guesses.update(zip(guessed, chosen, strict=True))
                try:
                    return single_number(self.value(node, env)) if number else self.value(node, env)
                except Misfit:
                    continue
            for k, v in kept.items():
                self.guesses[k] = v or ()
            raise failure
        finally:
            self.fresh.pop()

    def averaged(self, right: n.Node) -> n.Node:
        """The sum that a mean is made of, where one divides by the number of its terms."""
        factors = right.factors if isinstance(right, n.Juxtaposition) else ()
        if len(factors) == 2 and isinstance(factors[0], n.Fraction) and isinstance(factors[0].bottom, n.Number):
            inside = plain(factors[1])
            if isinstance(inside, n.Sum) and str(len(inside.terms)) == factors[0].bottom.text:
                return factors[1]
        return right

    def defined(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...] | None) -> Quantity:
        """The value of an equation as entries of a tensor."""
        if self.reading.summed and e.right is not None:
            e = replace(e, right=self.averaged(e.right))
        outer, self.wanted = self.wanted, (e.right, shape)
        try:
            made = self.within(e, bindings)
        finally:
            self.wanted = outer
        if shape is not None and made.shape != shape:
            self.unified(e, bindings, shape, made.shape)
            made = self.reshaped(made, shape, e)
        elif shape is None and made.shape and e.pattern.base in SURE_LOSSES and not has_derivative(e.right or n.Nothing()):
            made = q.single(q.total(made.data.reshape(-1)))
        made = replace(made, data=np.array([entry(x) for x in made.data.reshape(-1)], dtype=object).reshape(made.shape), links=None)
        if len(made.shape) == 1 and shape is not None:
            made = replace(made, row=self.reading.row_vectors)
        return made

    def unified(self, e: Known, bindings: dict[str, int], shape: tuple[int, ...], found: tuple[int, ...]) -> None:
        """Raise Resized where a size that is only a name must be another one."""
        if len(shape) != len(found) or 1 in found:
            return
        for d in self.known[e.pattern.base]:
            fit = match(d.pattern, *self.as_positions(e.pattern, bindings), strict=False) if d.axes is not None else None
            if d.axes is None or fit is None or len(d.axes) != len(shape):
                continue
            for tree, old, new in zip(d.axes, shape, found, strict=True):
                if old != new and isinstance(plain(tree), n.Name) and (plain(tree).scripts or len(self.recursive)):  # type: ignore[attr-defined]
                    raise Resized(self.size_key(plain(tree), dict(fit.bindings)), new)  # type: ignore[arg-type]

    def reshaped(self, made: Quantity, shape: tuple[int, ...], e: Known) -> Quantity:
        """A value in the shape that was declared for it, where only axes of size 1, a sum or equal entries are between them."""
        squeezed = tuple(s for s in made.shape if s != 1)
        if squeezed == tuple(s for s in shape if s != 1):
            return Quantity(made.data.reshape(shape))
        if made.special == "eye" and len(shape) == 2:
            return Quantity(q.spread(made, q.ones(*shape)))
        if shape == () and made.data.size > 1 and not has_derivative(e.right or n.Nothing()):
            return q.single(q.total(made.data.reshape(-1)))
        if made.shape == ():
            return q.array_of([made.scalar] * int(np.prod(shape)), shape)
        if made.shape == shape[::-1] and len(shape) == 2:
            raise Inconsistent(f"{e.pattern.base} is declared {' x '.join(map(str, shape))}, and its equation gives the transpose")
        raise Inconsistent(f"{e.pattern.base} is declared {' x '.join(map(str, shape))}, and its equation gives {made.described}")

    # Components.

    def component(self, made: Quantity, below: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """An entry, a row or a column of a tensor."""
        if not below:
            return made
        if len(below) > made.data.ndim:
            below = split_digits(below) if len(split_digits(below)) == made.data.ndim else below
        elif len(below) < made.data.ndim and len(split_digits(below)) == made.data.ndim:
            below = split_digits(below)
        data = made.data
        if len(below) == data.ndim - data.shape.count(1) and data.ndim > len(below):
            data = data.reshape(tuple(s for s in data.shape if s != 1))
        if data.ndim == 0 and all(p.number is not None for p in below):
            return made
        if len(below) > data.ndim:
            raise Misfit(f"{flat(node)} has {len(below)} indices, and the array {data.ndim} axes")
        if len(below) == 1 and data.ndim == 2 and self.is_column(node, below[0]):
            data = data.T
        index: list[int | slice] = []
        for p, size in zip(below, data.shape, strict=False):
            index.append(self.place(p, size, env))
        cut = data[tuple(index)]
        if isinstance(cut, Scalar):
            return q.single(cut)
        vector = cut.ndim == 1
        return Quantity(np.asarray(cut, dtype=object), row=vector and self.reading.row_vectors)

    def places_two(self, node: n.Name) -> bool:
        """Whether this name has two indices somewhere, which say what one means."""
        return any(isinstance(x, n.Name) and x.id.lower() == node.id.lower() and len(atoms(x.scripts, "_")) == 2 for t in self.trees for x in parts(t))

    def is_column(self, node: n.Node, p: Position) -> bool:
        """Whether one index of a matrix is that of its columns: where the letter stands second in w_{kj}."""
        if not isinstance(node, n.Name) or not isinstance(p.tree, n.Name):
            return False
        first = second = False
        for t in self.trees:
            for x in parts(t):
                if isinstance(x, n.Name) and x.id.lower() == node.id.lower():
                    places = [a.text for a in atoms(x.scripts, "_")]
                    if len(places) == 2:
                        first, second = first or places[0] == p.text, second or places[1] == p.text
        return second and not first

    def place(self, p: Position, size: int, env: Env) -> int | slice:
        """Where an index or a slice points, counted from 1 on paper."""
        if isinstance(p.tree, n.Slice) or p.text in (":", r"\cdot", "*", r"\bullet"):
            if isinstance(p.tree, n.Slice) and (p.tree.start or p.tree.stop):
                raise Unread("a slice with bounds", p.tree)
            return slice(None)
        at = p.number
        if at is None:
            if p.tree is None or not isinstance(p.tree, n.Name) or p.tree.scripts:
                raise Unread(f"the index {p.text} has no value", p.tree)
            at = self.class_of(p.text)
        if at < 1 or at > size:
            raise OutOfRange(f"index {p.text} = {at} beyond {size}", p.letters)
        return at - 1

    def class_of(self, text: str) -> int:
        """The class that a label such as y stands for where it is an index."""
        return 1 + (zlib.crc32(text.encode()) + self.seed) % 2

    @staticmethod
    def pick(made: Quantity, places: Sequence[int], letters: frozenset[str], what: str) -> Scalar:
        """An entry by places counted from 1."""
        if len(places) != made.data.ndim:
            raise Misfit(f"{what} has {made.data.ndim} axes")
        for at, size in zip(places, made.shape, strict=True):
            if at < 1 or at > size:
                raise OutOfRange(f"{what} at {at} beyond {size}", letters)
        return made.data[tuple(at - 1 for at in places)]

    def linked(
        self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env
    ) -> tuple[Quantity, tuple[Position, ...]] | None:
        """x_i of a matrix X, w_{jk} of W, a^{[2](i)} of A^{[2]}: small letters for entries, rows and samples of a capital."""
        if len(node.id) != 1 and not node.id.startswith("\\"):
            return None
        other = base[: len(base) - len(node.id)] + (node.id.upper() if node.id.islower() and len(node.id) == 1 else node.id.swapcase() if len(node.id) == 1 else node.id)
        bare = other.rsplit("~", 1)[-1]
        if other == base or (other not in self.known and (bare not in self.known or len(below) != 1 or not all(k.axes is not None and len(k.axes) == 2 for k in self.known[bare]))):
            return None
        if other not in self.known:
            other = bare
        for positions in (split_digits(below), below):
            for k, fit in self.candidates(other, positions, above):
                made = self.known_tensor(k, dict(fit.bindings), frozenset(x for p in (*below, *above) for x in p.letters))
                rest = list(fit.above)
                sample = next((p for p in rest if p.bracket and p.number is not None), None)
                if sample is not None and made.data.ndim == 2:
                    rest.remove(sample)
                    made = self.sample(made, sample)
                    return self.component(made, fit.below, node, env) if fit.below and made.shape else made, tuple(rest)
                if len(fit.below) == made.data.ndim or (fit.below and made.data.ndim):
                    if len(fit.below) == 1 and made.data.ndim == 2 and 1 not in made.shape and not self.places_two(node):
                        return self.sample(made, fit.below[0]), tuple(rest)
                    return self.component(made, fit.below, node, env), tuple(rest)
                if not fit.below and not below:
                    return made, tuple(rest)
        return None

    def ranged(self, base: str, below: tuple[Position, ...], above: tuple[Position, ...]) -> tuple[Quantity, tuple[Position, ...]] | None:
        """The whole, or a row, of what an equation gives by components."""
        for spelled in dict.fromkeys((base, base[:-1] + base[-1:].upper())):
            for k in self.known.get(spelled, ()):
                slots = k.pattern.below
                if k.right is None or k.alias or len(slots) <= len(below) or not all(s.letter and not s.offset for s in slots[len(below) :]):
                    continue
                fit = match(replace(k.pattern, below=slots[: len(below)]), below, above)
                if fit is None or len(slots) - len(below) > 2:
                    continue
                missing = [s.letter for s in slots[len(below) :]]
                sizes = [self.reach(k, dict(fit.bindings), missing, letter) for letter in missing]
                entries = []
                for at in np.ndindex(*sizes):
                    entries.append(self.known_tensor(k, {**dict(fit.bindings), **{x: i + 1 for x, i in zip(missing, at, strict=True)}}, frozenset(missing)).scalar)
                return q.array_of(entries, tuple(sizes), row=self.reading.row_vectors and len(sizes) == 1), fit.above
        return None

    def reach(self, k: Known, bindings: dict[str, int], missing: Sequence[str], letter: str) -> int:
        """How far an index of an equation goes."""
        for at in range(1, 9):
            try:
                self.known_tensor(k, {**bindings, **dict.fromkeys(missing, 1), letter: at}, frozenset(missing))
            except OutOfRange:
                return at - 1
        return self.count(letter, bindings)

    def sample(self, made: Quantity, at: Position) -> Quantity:
        """One sample of a matrix of samples."""
        axis = 1 if self.reading.samples == "columns" else 0
        if at.number is None or not 1 <= at.number <= made.shape[axis]:
            raise OutOfRange(f"sample {at.text} beyond {made.shape[axis]}", at.letters)
        cut = np.take(made.data, at.number - 1, axis=axis)
        return q.single(cut[0]) if cut.size == 1 else Quantity(cut, row=self.reading.row_vectors)

    # Names that nothing defines.

    def unknown(
        self, node: n.Name, base: str, below: tuple[Position, ...], above: tuple[Position, ...], env: Env
    ) -> tuple[Quantity, tuple[Position, ...]]:
        """A size, a constant, or a random tensor of the shape that was guessed for it."""
        key = flat(node)
        last = self.of_last(base, below, above)
        if last is not None:
            return last
        if not node.accents and self.is_size(node, env):
            return q.value_of(self.size(node, env)), ()
        if node.id == r"\pi" and not node.scripts:
            return q.value_of(np.pi), ()
        if base in SURE_LOSSES and self.is_top(node):
            return self.objective(node, env), ()
        kept = tuple(p for p in above if not (p.text in TRANSPOSES and not p.bracket) and not self.is_power(p))
        rest = tuple(p for p in above if p not in kept)
        for p in (*below, *kept):
            if p.number is None and isinstance(p.tree, n.Slice):
                raise Unread(f"{key} is not known", node)
        found = self.pattern_of(replace(node, scripts=tuple(s for s in node.scripts if s.mark == "_" or (s.mark == "^" and kept))))
        if kept != above:
            found = Pattern(found.base, found.below, tuple(s for s, p in zip(found.above, above, strict=False) if p in kept))
        bindings = {s.letter: p.number - s.offset for s, p in zip((*found.below, *found.above), (*below, *kept), strict=False) if s.letter and p.number is not None}
        missing = [x for x in found.letters if x not in bindings]
        if missing:
            raise Unread(f"the index {missing[0]} of {key} has no value", node)
        instance = f"{base}{sorted(bindings.items())}{''.join(s.label or str(s.number or '') for s in (*found.below, *found.above))}"
        if self.fresh:
            self.fresh[-1].setdefault(instance, ())
        capital = base[:-1] + base[-1:].upper()
        if capital != base and capital in self.raw_names and any(p.bracket for p in kept):
            self.invented.add(key)
        labels = tuple(s.label for s in (*found.below, *found.above) if s.label)
        if (base not in self.given and base not in self.derived_by) or (labels and (base, labels) not in self.given_labels):
            self.invented.add(key)
        shape = self.guesses.get(instance, ())
        for letter, at in bindings.items():
            if letter not in self.recursive and at > self.count(letter, bindings):
                raise OutOfRange(f"{base} at {letter} = {at}", frozenset(x for p in (*below, *above) for x in p.letters))
        return self.leaf(base, found, bindings, shape), rest

    def is_top(self, node: n.Name) -> bool:
        """Whether something is derived that bears this name."""
        said = flat(node)
        return any(isinstance(p, n.Leibniz | n.Operator) and p.of is not None and flat(plain(p.of)) == said for t in self.trees for p in parts(t))

    def of_last(self, base: str, below: Sequence[Position], above: Sequence[Position]) -> tuple[Quantity, tuple[Position, ...]] | None:
        """A name without its layer: that of the last layer."""
        if below or above:
            return None
        for spelled in (base, base.upper() if len(base) == 1 else base):
            rows = [k for k in self.known.get(spelled, ()) if k.pattern.above and not k.pattern.below and len(k.pattern.above) == 1 and not k.alias]
            if rows and all(k.pattern.letters and set(k.pattern.letters) <= self.recursive for k in rows):
                slot = rows[0].pattern.above[0]
                return self.known_tensor(rows[0], {slot.letter: LAST - slot.offset}, frozenset()), ()
            if rows and all(k.pattern.above[0].number == 2 and not k.pattern.above[0].bracket for k in rows):
                square = self.known_tensor(rows[-1], {}, frozenset())
                return q.mapped(sqrt, square), ()
            if len(rows) == 1 and rows[0].pattern.above[0].label:
                return self.known_tensor(rows[0], {}, frozenset()), ()
            numbered = [k for k in rows if k.pattern.above[0].number is not None]
            if rows and numbered == rows:
                return self.known_tensor(max(rows, key=lambda k: k.pattern.above[0].number or 0), {}, frozenset()), ()
        return None

    def is_size(self, node: n.Name, env: Env) -> bool:
        """Whether a name is the size of an axis."""
        return flat(node) in self.sizes_named or (flat(node) in self.sizes and not node.id.startswith("#"))

    @staticmethod
    def is_power(p: Position) -> bool:
        """Whether what stands above is a power rather than a part of the name."""
        return not p.bracket and (isinstance(p.tree, n.Number) or (isinstance(p.tree, n.Sum) and len(p.tree.terms) == 1))

    def leaf(self, base: str, found: Pattern, bindings: Mapping[str, int], shape: tuple[int, ...]) -> Quantity:
        """A tensor of random numbers, the same whenever it is asked for."""
        where = [f"{s.bracket}{bindings.get(s.letter, 0) + s.offset if s.letter else s.number if s.number is not None else s.label}" for s in (*found.below, *found.above)]
        key = f"{base}:{','.join(where)}:{shape}"
        if key in self.leaves:
            return self.leaves[key]
        if base in self.classes and not shape:
            made = q.value_of(self.class_of(key))
            self.classed_values.add(self.class_of(key))
        elif not shape and found.below and found.below[-1].letter:
            last = found.below[-1]
            size = max(self.count(last.letter, bindings), bindings[last.letter] + last.offset)
            series = self.drawn(f"{base}:{','.join(where[: len(found.below) - 1])}|{','.join(where[len(found.below) :])}", (max(size, 8),), base, size)
            made = q.single(Scalar(series[bindings[last.letter] + last.offset - 1], entry=True))
        else:
            values = self.drawn(key, shape, base)
            square = len(shape) == 2 and shape[0] == shape[1]
            if square and (base in self.symmetric or (self.reading.symmetric and base not in self.derived_by)):
                values = (values + np.swapaxes(values, 0, 1)) / 2
            made = q.array_of([Scalar(values[at], entry=True) for at in np.ndindex(*shape)], shape, row=self.reading.row_vectors and len(shape) == 1)
        self.leaves[key] = made
        return made

    def drawn(self, key: str, shape: tuple[int, ...], base: str, used: int | None = None) -> np.ndarray:
        """Numbers of both signs at some points, positive ones at the last; labels that sum to 1 where the reading says so."""
        rng = np.random.default_rng([zlib.crc32(key.encode()), self.seed])
        values = rng.normal(scale=0.9, size=(*shape, POINTS))
        values[..., -POSITIVE:] = rng.uniform(0.15, 0.95, size=(*shape, POSITIVE))
        fixed = dict(self.reading.special).get(base)
        if fixed is not None and not shape:
            return np.full_like(values, float(fixed))
        small = key.startswith(r"\epsilon") or key.startswith(r"\varepsilon")
        if small and self.reading.small:
            return np.full_like(values, 1e-9)
        if small or base in (r"\eta", r"\alpha") and not shape:
            values = np.abs(values) * (0.1 if small else 1) + 0.01
        if self.simplex and base in LABELS and shape and max(shape) > 1:
            positive = np.abs(values) + 0.1
            if used is not None:
                positive = positive[:used]
                values[:used] = positive / positive.sum(axis=0, keepdims=True)
            else:
                axis = 0 if len(shape) == 1 or (self.reading.samples == "columns" and shape[0] > 1) or shape[-1] == 1 else len(shape) - 1
                values = positive / positive.sum(axis=axis, keepdims=True)
        return values

    def constant_of(self, text: str) -> Scalar:
        """A number as it is written."""
        return ONE if text == "1" else ZERO if text == "0" else constant(float(text.replace(",", "")))


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
    return any((isinstance(p, n.Name) and p.id == "e" and p.scripts) or (isinstance(p, n.Call) and p.function.id == "exp") for p in parts(node))


def _logs(node: n.Juxtaposition | n.Product) -> bool:
    """Whether a label multiplies a logarithm here."""
    labels = any(isinstance(plain(f), n.Name) and base_of(plain(f)) in LABELS for f in node.factors)  # type: ignore[arg-type]
    return labels and any(isinstance(f, n.Call) and f.function.id in ("log", "ln") for f in node.factors)


def named(name: n.Name) -> str:
    """What a name is called, its primes included."""
    return base_of(name) + "'" * primes(name.scripts)


def single_number(made: Quantity) -> Quantity:
    """A number; raises Misfit where this is none."""
    if made.data.size != 1:
        raise Misfit(f"a number is needed, and this is {made.described}")
    return made


def assumed_symmetric(claim: n.Node) -> str:
    """M where a claim begins with M = M^T."""
    if isinstance(claim, n.Chain) and len(claim.sides) == 2 and claim.signs == ("=",):
        a, b = (plain(x) for x in claim.sides)
        if isinstance(a, n.Name) and isinstance(b, n.Name) and base_of(a) == base_of(b):
            marks = [flat(i) for x in (*a.scripts, *b.scripts) if x.mark == "^" for i in x.items]
            if marks and marks[-1] in TRANSPOSES:
                return base_of(a)
    return ""
