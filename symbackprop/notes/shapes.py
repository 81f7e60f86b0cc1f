"""Shapes of names that nothing declares, from how they are written and from the equations: W x + b with a capital W and a bold x.

Ranks come from fonts, transposes and subscripts, sizes from what is multiplied and added. Nothing here is sure: what contradicts itself
is left open, and a claim is called wrong only where it is so without these shapes too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from symbackprop.formulas.notation.context import Declared
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, plain
from symbackprop.formulas.numbers.functions import ENTRYWISE
from symbackprop.language.latex import nodes as n
from symbackprop.notes.letters import (
    LIKE_LOSSES,
    Hints,
    Key,
    Spelled,
    entrywise,
    has_sum,
    is_capital,
    is_function,
    is_number,
    names_in_trees,
)

SAME = {*ENTRYWISE, "softmax", "softmin", "logsoftmax", "layernorm"}
NUMBERS = {"tr", "trace", "det", "norm", "sum", "mean", "logdet", "logsumexp", "max", "min", "dim", "rank"}
ONE = "1"
Size = str
Shape = tuple[Size, ...]


@dataclass
class Shapes:
    """Shapes by name; sizes are equal where `same` leads them to one."""

    given: dict[Key, Shape] = field(default_factory=dict)
    found: dict[Key, Shape] = field(default_factory=dict)
    names: dict[Key, n.Name] = field(default_factory=dict)
    same: dict[Size, Size] = field(default_factory=dict)
    count: int = 0
    spelled: Spelled = field(default_factory=Spelled)
    sizes: dict[Size, n.Node] = field(default_factory=dict)
    bounded: dict[Key, Size] = field(default_factory=dict)
    """How far the one index of a name goes."""

    # Sizes.

    def fresh(self) -> Size:
        """A size that nothing is known of."""
        self.count += 1
        return f"?{self.count}"

    def root(self, size: Size) -> Size:
        """The size that stands for all that are equal to one."""
        while size in self.same:
            size = self.same[size]
        return size

    def equal(self, a: Size, b: Size) -> None:
        """Two sizes are one; of two that have names nothing follows."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return
        if a.startswith("?"):
            self.same[a] = b
        elif b.startswith("?"):
            self.same[b] = a

    def alike(self, a: Shape | None, b: Shape | None) -> None:
        """Two shapes are one, if they have as many axes."""
        if a is not None and b is not None and len(a) == len(b):
            for x, y in zip(a, b, strict=True):
                self.equal(x, y)

    # Names.

    def shape(self, name: n.Name) -> Shape | None:
        """The shape of a name as it is written, transposes included."""
        key, above = self.spelled.key(name)
        self.named(key, name)
        made = self.given.get(key) or self.found.get(key)
        if made is None and key in self.given:
            made = ()
        if made is None and key.below:
            whole = self.given.get(replace(key, below=0)) or self.found.get(replace(key, below=0))
            made = whole[key.below :] if whole is not None and len(whole) >= key.below else None
        if made is None:
            return None
        return turned(made) if any(a.text in TRANSPOSES for a in above) else made

    def named(self, key: Key, name: n.Name) -> None:
        """Remember how a name is written, best without a sum among its indices."""
        if key not in self.names or (has_sum(self.names[key]) and not has_sum(name)):
            self.names[key] = name

    def assign(self, node: n.Node, shape: Shape | None) -> None:
        """A side, a term or a factor turns out to have a shape: so has the name that it is, or all of its terms."""
        node = plain(node)
        if shape is None:
            return
        if isinstance(node, n.Name) and not is_number(node):
            key, above = self.spelled.key(node)
            if any(a.text in TRANSPOSES for a in above):
                shape = turned(shape)
            if len(shape) > 2 or self.shape(node) is not None or key in self.given:
                return
            self.named(key, node)
            self.found[key] = shape if not (len(shape) == 2 and ONE in shape) else tuple(s for s in shape if s != ONE)
        elif isinstance(node, n.Sum):
            for term in node.terms:
                self.assign(term, shape)
        elif isinstance(node, n.Call) and node.function.id.lower() in SAME:
            self.assign(node.argument, shape)
        elif isinstance(node, n.Product) and set(node.signs) <= {r"\odot", r"\circ"}:
            for factor in node.factors:
                self.assign(factor, shape)

    # Trees.

    def infer(self, node: n.Node) -> Shape | None:
        """The shape of a tree, if it can be told; on the way names get theirs."""
        made = self._infer(plain(node))
        return made if made is None or len(made) <= 2 else None

    def _infer(self, node: n.Node) -> Shape | None:
        match node:
            case n.Number() | n.Indicator():
                return ()
            case n.Name():
                return () if is_number(node) else self.shape(node)
            case n.Sum():
                return self.added(node.terms)
            case n.Product() if set(node.signs) & {r"\odot", r"\circ"} and not set(node.signs) - {r"\odot", r"\circ", "*", r"\cdot"}:
                return self.added(node.factors)
            case n.Juxtaposition() | n.Product():
                return self.multiplied(node.factors)
            case n.Fraction():
                top, _ = self.infer(node.top), self.infer(node.bottom)
                return top
            case n.Call():
                inside = self.infer(node.argument)
                name = node.function.id.lower()
                return () if name in NUMBERS else inside if name in SAME else None
            case n.Bracket() if node.open in (r"\lVert", r"\lvert", r"\langle"):
                for item in node.items:
                    self.infer(item)
                return ()
            case n.Bracket() if len(node.items) == 1:
                return self.infer(node.items[0])
            case n.Big():
                self.bound(node)
                return self.infer(node.of)
            case n.Root():
                return self.infer(node.of)
            case n.Scripted():
                return self.scripted(node)
            case n.Leibniz() | n.Operator():
                return self.derived(node)
            case n.Differential() if node.of is not None:
                return self.infer(node.of)
        return None

    def bound(self, node: n.Big) -> None:
        """In a sum over i = 1, ..., N of x_i the axis of x has size N."""
        below = [i for s in node.scripts if s.mark == "_" for i in s.items]
        above = [i for s in node.scripts if s.mark == "^" for i in s.items]
        if len(below) != 1 or len(above) != 1 or not isinstance(below[0], n.Chain) or not isinstance(above[0], n.Name):
            return
        letter, size = flat(below[0].sides[0]), flat(above[0])
        for name in names_in_trees([node.of]):
            texts = [a.text for a in atoms(name.scripts, "_")]
            key = replace(self.spelled.key(name)[0], below=0)
            shape = self.given.get(key) or self.found.get(key) or ()
            if texts.count(letter) == 1 and len(texts) == max(len(shape), 1):
                self.sizes[size] = above[0]
                self.bounded[replace(key, below=1)] = size
                if shape:
                    self.equal(shape[texts.index(letter)], size)

    def closed(self) -> None:
        """Names of which only entries are written, one index below them, are as long as that index goes."""
        for key, size in self.bounded.items():
            whole, name = replace(key, below=0), self.names.get(key)
            if name is not None and not {whole, key} & {*self.given, *self.found}:
                self.found[whole] = (size,)
                self.names[whole] = replace(name, scripts=tuple(s for s in name.scripts if s.mark != "_"))

    def scripted(self, node: n.Scripted) -> Shape | None:
        """(A B)^T, (x - y)^2, (A^{-1})_{ij}."""
        inside = self.infer(node.of)
        below = [a for a in atoms(node.scripts, "_")]
        above = [a.text for a in atoms(node.scripts, "^")]
        if inside is None or below:
            return None
        return turned(inside) if set(above) & TRANSPOSES else inside

    def derived(self, node: n.Leibniz | n.Operator) -> Shape | None:
        """The derivative of a number has the shape of the variable; of a vector by a vector it is a matrix."""
        by = list(node.by) if isinstance(node, n.Leibniz) else [i for s in node.scripts if s.mark == "_" for i in s.items]
        top = plain(node.of) if node.of is not None else None
        over = self.infer(top) if top is not None else None
        if len(by) != 1:
            return None
        under = self.infer(by[0])
        if isinstance(top, n.Name) and over is None and base_of(top) in LIKE_LOSSES:
            over = ()
        if over == ():
            return under
        return (*over, *under) if over is not None and under is not None and len(over) == len(under) == 1 else None

    def added(self, terms: Sequence[n.Node]) -> Shape | None:
        """Terms have one shape; numbers may stand among them."""
        shapes = [self.infer(t) for t in terms]
        arrays = [s for s in shapes if s]
        for other in arrays[1:]:
            self.alike(arrays[0], other)
        known = arrays[0] if arrays else () if shapes and all(s == () for s in shapes) else None
        if arrays:
            for t, s in zip(terms, shapes, strict=True):
                if s is None:
                    self.assign(t, known)
        return known

    def multiplied(self, factors: Sequence[n.Node]) -> Shape | None:
        """Factors from left to right; a name beside a matrix is a column, or a matrix where it is a capital."""
        if len(factors) == 2 and is_function(factors[0]) and isinstance(factors[1], n.Bracket):
            inside = self.infer(factors[1])
            return () if base_of(plain(factors[0])) in LIKE_LOSSES else inside if entrywise(factors[0]) else None  # type: ignore[arg-type]
        made: Shape | None = ()
        before: n.Node | None = None
        for k, factor in enumerate(factors):
            here = self.infer(factor)
            if here is None and made is not None:
                here = self.guessed(factor, made)
            if made is None and here is not None and before is not None and k == 1:
                made = self.guessed_before(before, here)
            if made is None or here is None:
                made = None
                before = factor if k == 0 else None
                continue
            made = self.product(made, here)
            before = factor if k == 0 else None
        return made

    def guessed(self, factor: n.Node, left: Shape) -> Shape | None:
        """What stands behind a matrix or a row."""
        name = plain(factor)
        if not isinstance(name, n.Name) or is_number(name) or not left or len(left) > 2:
            return None
        _, above = self.spelled.key(name)
        if any(a.text in TRANSPOSES for a in above):
            return None
        if len(left) == 2:
            shape: Shape = (left[1], self.fresh()) if is_capital(name) else (left[1],)
            self.assign(name, shape)
            return self.shape(name)
        return None

    def guessed_before(self, name: n.Node, right: Shape) -> Shape | None:
        """What stands before a column: a capital is a matrix, a transposed letter a row."""
        name = plain(name)
        if not isinstance(name, n.Name) or is_number(name) or len(right) != 1:
            return None
        _, above = self.spelled.key(name)
        turned_ = any(a.text in TRANSPOSES for a in above)
        if is_capital(name) or (name.id == "w" and above):
            self.assign(name, (self.fresh(), right[0]))
        elif turned_:
            self.assign(name, (ONE, right[0]))
        return self.shape(name)

    def product(self, a: Shape, b: Shape) -> Shape | None:
        """The shape of a product."""
        if not a or not b:
            return a or b
        if len(a) == 1 and len(b) == 1:
            self.equal(a[0], b[0])
            return ()
        if len(a) == 2 and len(b) == 1:
            self.equal(a[1], b[0])
            return (a[0],) if a[0] != ONE else ()
        if len(a) == 1 and len(b) == 2:
            if b[0] == ONE:
                return (a[0], b[1])
            self.equal(a[0], b[0])
            return (b[1],)
        if len(a) == len(b) == 2:
            self.equal(a[1], b[0])
            return tuple(x for x in (a[0], b[1]) if x != ONE) if ONE in (a[0], b[1]) and a[0] == b[1] else (a[0], b[1])
        return None

    def related(self, tree: n.Node) -> None:
        """The sides of an equation have one shape."""
        if not isinstance(tree, n.Chain):
            self.infer(tree)
            return
        sides = [s for s, sign in zip(tree.sides, ("=", *tree.signs), strict=True) if sign not in (r"\in", r"\to")]
        shapes = [self.infer(s) for s in sides]
        known = next((s for s in shapes if s is not None), None)
        for side, shape in zip(sides, shapes, strict=True):
            if shape is None:
                self.assign(side, known)
            elif known:
                self.alike(known, shape)


def turned(shape: Shape) -> Shape:
    """The shape of a transpose: that of a column is one row."""
    return (ONE, shape[0]) if len(shape) == 1 else (shape[1:] if len(shape) == 2 and shape[0] == ONE else shape[::-1])


def inferred(
    hint: Hints, spelling: Spelled, equations: Sequence[n.Node], claims: Sequence[n.Node], declared: Sequence[Declared], defined: set[str]
) -> tuple[Declared, ...]:
    """Declarations of the names that nothing declares or defines, as far as their shapes can be told.

    What goes from layer to layer, or step to step, is declared too: nothing defines where it begins.
    """
    made = Shapes(spelled=spelling)
    for d in declared:
        key, _ = spelling.key(d.name)
        made.sizes |= {flat(axis): axis for axis in d.axes}
        made.given[key] = tuple(map(flat, d.axes))
    for name in names_in_trees([*equations, *claims]):
        key, _ = spelling.key(name)
        rank = 2 if key in hint.matrices else 1 if key in hint.vectors else hint.components.get(key, 0)
        if rank and key not in made.given and key not in made.found:
            made.found[key] = tuple(made.fresh() for _ in range(rank))
    for trees in (equations, equations, equations, claims, equations, claims, equations):
        for tree in trees:
            made.related(tree)
    made.closed()
    stepped = {base_of(name) for name in names_in_trees(equations) if has_sum(name)}
    return tuple(_declarations(made, defined - stepped))


def _declarations(made: Shapes, defined: set[str]) -> Iterator[Declared]:
    numbered: dict[Size, n.Node] = {}

    def axis(size: Size) -> n.Node:
        size = made.root(size)
        if size in made.sizes:
            return made.sizes[size]
        if size not in numbered:
            numbered[size] = n.Name("s", scripts=(n.Script("_", (n.Number(str(len(numbered) + 1)),)),))
        return numbered[size]

    for key, shape in made.found.items():
        name = made.names.get(key)
        if name is None or not shape or key.base in defined or ONE in shape or (key.below and replace(key, below=0) in made.found):
            continue
        layered = key.base in made.spelled.layered
        kept = tuple(s for s in name.scripts if s.mark == "_" or not _turns(s, layered))
        yield Declared(replace(name, scripts=kept), tuple(axis(s) for s in shape))


def _turns(script: n.Script, layered: bool) -> bool:
    """Whether this is a transpose or a power, no part of the name."""
    powers = n.Sum if layered else n.Number
    return script.mark != "^" or any(flat(i) in TRANSPOSES or isinstance(i, powers) for i in script.items)
