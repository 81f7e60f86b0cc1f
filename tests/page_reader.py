"""Reads a page back: each equation that it displays is looked up by its left side and evaluated from its LaTeX alone.

What the tensors are is known from the literal evaluator; what the page says of them is read by the readers of index and matrix form.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from round_trip import key_of, matrix_of, read_index, read_matrix

from symbackprop.kinds.table import sections
from symbackprop.pages.beyond import Told, authored_in, gradient_shown
from symbackprop.pages.descent import descent
from symbackprop.pages.document import Composer
from symbackprop.pages.network import nearest_parameter
from symbackprop.pages.parts import is_inverse
from symbackprop.pages.second import of_block, second_derivatives
from symbackprop.pages.written import left_side
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Chain, Fold, Formulas, Grid
from symbackprop.typesetting.latex import latex
from symbackprop.verification.oracle.literal import evaluate, size_of
from symbackprop.verification.points.draws import random_arrays

SIZES = (2, 3, 4, 5, 2, 3, 4, 5, 2, 3)
"""The sizes of a program's axes, in order."""


@dataclass
class PageReader:
    """The equations of one derivation as a page writes them: what each left side is, and what has been read so far."""

    composer: object
    sizes: dict
    seed: int = 0
    damage: object = None
    read: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    entries: list = field(default_factory=list)
    sides: list = field(default_factory=list)

    def __post_init__(self):
        derived, writer = self.composer.derived, self.composer.writer
        links = {e.name: e for e in derived.links}
        assert all(e in links.values() for e in derived.links), "one link has two values"
        whole = derived.program.extended(list(links.values()))
        self.known = evaluate(whole, random_arrays(whole, self.sizes, self.seed), self.sizes)
        self.dims = {str(a): s for a, s in self.sizes.items()}
        self.values, self.lefts, self.corners = {}, {}, {}
        for name, tensor in whole.tensors.items():
            value = np.asarray(self.known[name], float) + (tensor.role == "index")  # letters count from 1
            self.values[key_of(writer.names(name))] = value
        for e in whole.equations:
            letters = list(writer.free(e.indices).values())
            self.lefts[latex(writer.entry(e.name, e.indices))] = (e, letters)
            if e not in derived.links:
                self.lefts.setdefault(latex(left_side(e, writer)), (e, None))
        top = derived.output
        for name, made in derived.adjoints.items() if top in whole.tensors else ():
            if whole.tensors[made].derivative == (top, name) and whole.tensors[name].axes and not whole.tensors[top].axes:
                corner = tree.Derivative(writer.names(top), (self.composer.corner(name),))
                self.corners[latex(corner)] = self.known[made].item(0)

    def block(self, block):
        match block:
            case Formulas((first, second, *_) as nodes) if is_rest(second) and not isinstance(first, tree.Relation):
                self.equation(latex(first), tree.Sequence(tuple(n for line in nodes[1:] for n in of_line(line))))
            case Formulas(nodes):
                for node in nodes:
                    self.node(node)
            case Grid(header, rows):
                if header and isinstance(header[0][0], tree.Derivative):
                    self.one_entry(rows)
                for row in rows:
                    self.row(row)
            case Chain(left, rows):
                lines = [latex(node) for node, _ in rows]
                assert rows and all(a != b for a, b in pairwise(lines)), f"a line twice: {lines}"
                by_mean = [k for k, (_, rule) in enumerate(rows) if self.composer.say["rule mean of labels"] in rule]
                for node, _ in rows[by_mean[0] if by_mean else 0 :]:  # before it stand the labels, whose mean is what is known
                    self.equation(latex(left), node)
            case Fold(_, blocks, formula):
                for inner in blocks:
                    self.block(inner)
                if formula is not None:
                    self.node(formula)

    def row(self, row):
        """A row of a table: an equation, or a name; its shape; and what it is as a matrix."""
        nodes = [next((part for part in line if isinstance(part, tree.Node)), None) for line in row]
        first = nodes[0]
        if first is None:
            return
        self.node(first)
        if len(row) < 3 or nodes[2] is None:
            return
        left = latex(first.first if isinstance(first, tree.Relation) else first)
        if left in self.lefts:
            e, letters = self.lefts[left]
            if not e.tensor.axes or (letters and not isinstance(first, tree.Relation)):
                self.equation(left, nodes[2])
                return
            shape = self.stated(nodes[1], e)
            got = self.matrix(self.damaged(left, latex(nodes[2])), shape)
            self.compare(left, nodes[2], got, np.reshape(self.known[e.name], got.shape))

    def matrix(self, text, shape):
        """A matrix of the shape that the page states; vectors are columns."""
        value = matrix_of(text, self.values, self.dims, (*shape, 1)[:2])
        rows, columns = (*shape, 1, 1)[:2]
        assert value.shape == (rows, columns) or text == "0", f"{text} is {value.shape}, the page says {shape}"
        return value if value.shape == (rows, columns) else np.zeros((rows, columns))

    def stated(self, node, e):
        """The rows and columns that a table states."""
        if node is None:
            return ()
        sides = (node.first, *[n for _, n in node.rest])
        return tuple(round(read_matrix(latex(s).replace(r"\times", " "), {}, self.dims, (1, 1)).item()) for s in sides)

    def one_entry(self, rows):
        """The links on the way to one entry: matrices of the shapes that are stated, whose product the entry is."""
        if len(rows) == 1:
            return  # in index form there are shapes alone
        made = np.eye(1)
        for shape, matrix in zip(*rows, strict=True):
            stated = self.stated(shape[0], None)
            made = made @ self.matrix(latex(matrix[0]), stated)
        self.entries.append(made.item())

    def damaged(self, left, text):
        return self.damage(left, text) if self.damage else text

    @property
    def defined(self):
        """What the equations that have been read define."""
        return {self.lefts[left][0].name for left, _ in self.read if left in self.lefts}

    @property
    def spoken_of(self):
        """The tensors that the equations speak of, but for those that say themselves what they are: leaves, derivatives, what has a bar."""
        program, names = self.composer.derived.program, self.composer.writer.names
        plain = {t.name for t in program.leaves} | {n for n, t in program.tensors.items() if t.derivative or t.tangent_of or t.copy_of}
        plain |= {n for n, t in program.tensors.items() if len(t.cotangent_of) == 1 and not t.latex}
        plain |= {e.name for e in program.equations if is_inverse(e)}
        spelled = {latex(names(n)): n for n in program.tensors}
        return {spelled[text] for node in self.sides for text in names_in(node) if text in spelled} - plain

    def compare(self, left, right, got, wanted):
        self.sides.append(right)
        self.read.append((left, latex(right)))
        np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-9, err_msg=f"{left} = {latex(right)}")

    def node(self, node):
        if isinstance(node, tree.Relation) and node.rest and node.rest[0][0] == "=" and not speaks_of_all(node):
            for _, right in node.rest:
                self.equation(latex(node.first), right)

    def equation(self, left, right):
        """One equation: the array that its right side is, and the one that its left side is."""
        text = latex(right)
        if left in self.corners and is_product_of_links(right):
            return
        if left in self.corners:
            got = read_index(self.damaged(left, text), self.values, self.dims, [], ())
            self.compare(left, right, got, self.corners[left])
            return
        if left not in self.lefts:
            self.unknown.append(f"{left} = {text}")
            return
        e, letters = self.lefts[left]
        wanted = np.asarray(self.known[e.name], float)
        self.compare(left, right, self.value(self.damaged(left, text), e, letters), wanted)

    def value(self, text, e, letters):
        shape = tuple(size_of(a, self.sizes) for a in e.tensor.axes)
        if letters:
            return read_index(text, self.values, self.dims, letters, shape)
        if not shape:
            try:
                return read_index(text, self.values, self.dims, [], shape)
            except (AssertionError, KeyError, ValueError):
                pass
        kept = [size for size in shape if size != 1]
        if len(kept) > 2:
            cut = sum(s != 1 for s in shape[: (e.tensor.orders or (len(shape) - 2,))[0]])
            kept = [int(np.prod(kept[:cut])), int(np.prod(kept[cut:]))]
        return read_matrix(text, self.values, self.dims, tuple(kept)).reshape(shape)


def names_in(node):
    """The names in a formula, without their indices, as LaTeX; a derivative says by itself what it is."""
    if isinstance(node, tree.Derivative | tree.Held) or (isinstance(node, tree.Labelled) and isinstance(node.base, tree.Fenced)):
        return set()
    own = {latex(node)} if isinstance(node, tree.Letter | tree.Accent | tree.Labelled) else set()
    if isinstance(node, tree.Labelled):
        return own | {latex(tree.Labelled(node.base, node.sub[:k], node.sup)) for k in range(len(node.sub) + 1)}
    return own.union(*map(names_in, tree.children(node)))


def is_rest(node):
    """Whether a line goes on with an equation."""
    return isinstance(node, tree.Relation) and node.first == tree.Sequence(())


def of_line(node):
    """What a line that goes on with an equation holds: its sign, but for that of equality, and its term."""
    ((mark, term),) = node.rest
    return (term,) if mark == "=" else (tree.Mark(mark), term)


def is_product_of_links(node):
    """Whether a formula is a product of Jacobians without indices, with sums between neighbours that are not written."""
    return isinstance(node, tree.Product) and all(isinstance(f, tree.Derivative) for f in node.factors)


def speaks_of_all(node):
    """Whether a formula speaks of all parameters at once, of the nabla, or of a vector made of them."""
    return node in (tree.Letter("theta"), tree.Mark("nabla")) or any(map(speaks_of_all, tree.children(node)))


def readers(derivation, also=(), form="both", lang="en", seed=0, damage=None):
    """The readers of the page of a derivation, with `also`, when they have read all that it displays."""
    first = derivation.derived

    def sizes(program):
        return dict(zip(program.axes, SIZES, strict=False))

    def reading(teller, blocks):
        reader = PageReader(teller, sizes(teller.derived.program), seed, damage)
        for block in blocks:
            reader.block(block)
        return reader

    page = Composer.of(first, form, lang)
    if not also:
        parts = [(page, [*page.model(), *page.gradient(), *page.steps(), *page.results(), *descent(page)])]
        parts += [(of_block(page, name), blocks) for name, blocks in seconds(page)]
        return [reading(*part) for part in parts]
    told_of = sections(derivation, also)
    shown = gradient_shown(first, told_of)
    parts = [(page, [*page.model(), *[Formulas((page.best(e),)) for e in shown], *page.walked(shown, first.steps)])]
    for section in told_of:
        told = Told.of_section(page, section, {*authored_in(first.program), *(e.name for e in shown)})
        parts += [(told, told.section_blocks()), (told.stepper, [*told.copies_blocks(), *told.steps_blocks()])]
    return [reading(*part) for part in parts]


def undefined(made):
    """The names that the equations of a page speak of and that none defines."""
    return sorted(set().union(*[r.spoken_of for r in made]) - set().union(*[r.defined for r in made]))


def seconds(page):
    """The blocks on second derivatives of a page of the gradient, each with what it is by."""
    made = second_derivatives(page)
    output = page.derived.program.output
    names = [output, nearest_parameter(page.derived.program, output)] if made else []
    formulas = [b for b in made if isinstance(b, Formulas)]
    return [(name, [b]) for name, b in zip(names, formulas, strict=False)]
