"""The derivation as a document: the model, the gradient, every link, the steps, the results, the update rule."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from sympy import Expr, S

from symbackprop.calculus.program import Equation, Tensor
from symbackprop.calculus.term import Entry, NonNegative, substitute
from symbackprop.derivation.kinks import kinks
from symbackprop.derivation.reverse import Derived, Step
from symbackprop.errors import NotationError
from symbackprop.matrix.building import transpose, vec
from symbackprop.matrix.polish import polished
from symbackprop.matrix.tex import Typesetter
from symbackprop.pages import folding
from symbackprop.pages.closed import closed_index, closed_matrix
from symbackprop.pages.descent import descent
from symbackprop.pages.network import network, path
from symbackprop.pages.parts import is_inverse
from symbackprop.pages.second import second_derivatives
from symbackprop.pages.teller import Teller
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Chain, Document, Fold, Formulas, Grid, Heading, Line, Paragraph
from symbackprop.typesetting.functions import function
from symbackprop.typesetting.index_form import letter
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.widths import ems

FORMS = ("both", "index", "matrix")
ABREAST = 5
"""So many links stand beside each other in a table; more stand one below the other."""
LONGEST = 10
"""A path through more tensors makes a product that no page is wide enough for."""
TIP = 42.0
"""An equation that is wider than this, in ems, is not told where a reader points at a name."""
WIDEST = 200.0
"""An entry with all in place that is wider than this (in ems), some five lines, tells nobody anything."""


def compose(derived: Derived, form: str = "both", lang: str = "en") -> Document:
    """The document of a gradient in `form` ("index", "matrix", "both") and `lang` ("en", "zh")."""
    if form not in FORMS:
        raise NotationError(f"'{form}' is not a form", fix=f"one of {', '.join(FORMS)}")
    return Composer.of(derived, form, lang).document()


def holds(node: tree.Node, part: tree.Node) -> bool:
    """Whether `part` stands somewhere in `node`."""
    return node == part or any(holds(child, part) for child in tree.children(node))


class Composer(Teller):
    """The sections, one method each."""

    @cached_property
    def ones(self) -> dict[Expr, Expr]:
        """The derivative of the objective by itself, which nobody wants to see."""
        scalars = [(n, t.derivative) for n, t in self.program.tensors.items() if t.derivative and not t.axes]
        return {Entry(n): S.One for n, of in scalars if set(of) == {of[0]}}

    @property
    def adjoints(self) -> list[Equation]:
        """The derived equations worth showing: that of the objective by itself is not."""
        own = self.derived.adjoints.get(self.derived.output)
        names = set(self.derived.adjoints.values()) - {own}
        return [e for e in self.derived.program.equations if e.name in names]

    @property
    def forward(self) -> list[Equation]:
        """The model's own equations."""
        return [e for e in self.derived.program.equations if not e.tensor.is_derived]

    # --- sections ------------------------------------------------------------------------------------------------------

    def document(self) -> Document:
        """All sections in order."""
        blocks = [*self.model(), *self.gradient(), *self.steps(), *self.results(), *descent(self), *second_derivatives(self)]
        title = self.say["title"].replace("{model}", self.program.name.replace("_", " "))
        return Document(title, self.subtitle(), self.lang, tuple(blocks), self.say["made by"], self.legend())

    def legend(self, derived: bool = True) -> tuple[tuple[tree.Node, Line], ...]:
        """What is told of a name where a reader points at it: its equation, its shape, its role; of derivatives too where `derived`."""
        made: list[tuple[tree.Node, Line]] = []
        for t in self.derived.program.tensors.values():
            e = self.derived.program.equation(t.name)
            node = self.writer.names(t.name)
            if (t.is_derived and not derived) or (e is not None and is_inverse(e)):
                continue
            role: Line = (self.say["comma"], self.say[f"role {t.role}"]) if e is None else ()
            shown = self.best(e) if e is not None else node
            made.append((node, (shown if ems(shown) <= TIP else node, "\u2003", *self.shape(t.axes), *role)))
        return tuple(made)

    def subtitle(self) -> Line:
        """For which sizes the formulas hold."""
        program = self.derived.program
        sizes = self.listed([(self.writer.expression(a),) for a in program.axes])
        if not sizes:
            return (self.say["subtitle plain"],)
        needs = self.listed([(self.writer.condition(NonNegative(need.gap), {}),) for need in program.needs])
        return self.line("subtitle needs", sizes=sizes, needs=needs) if needs else self.line("subtitle", sizes=sizes)

    def model(self) -> list[Block]:
        """Equations, picture, shapes, conventions."""
        forward, told = self.forward, [e for e in self.forward if not is_inverse(e)]
        blocks: list[Block] = [
            Heading(self.say["model"]),
            Paragraph(self.line("model lead", objective=self.writer.names(self.derived.output))),
            *folding.formulas([self.as_stated(e, self.form == "index") for e in told], self.say["all equations"]),
            network(self.derived.program, self.writer, forward),
        ]
        if self.form == "both":
            index = Formulas(tuple(self.as_stated(e, index=True) for e in told))
            blocks.append(Fold((self.say["index form of the model"],), (index,), aside=self.say["model"]))
        header = tuple((self.say[k],) for k in ("tensor", "shape", "role", "known"))
        rows: list[tuple[Line, ...]] = []
        behind = self.derived.program.needed([self.derived.output]).tensors
        for t in self.derived.program.tensors.values():
            if not t.is_derived:
                known = self.listed([self.fact(f) for f in t.facts])
                role = "intermediate" if t.role == "helper" and t.name in behind else t.role
                rows.append(((self.writer.names(t.name),), self.shape(t.axes), (self.say[f"role {role}"],), known))
        if not any(known for *_, known in rows):
            header, rows = header[:-1], [r[:-1] for r in rows]
        blocks.append(Fold((self.say["tensors"],), (Grid(header, tuple(rows)),)))
        blocks.append(Fold((self.say["notation"],), tuple(Paragraph(p) for p in self.conventions())))
        return blocks

    def as_stated(self, e: Equation, index: bool) -> tree.Node:
        """An equation of the model; where a statistic was recognised, its author's words are in front: p = e / sum(e) = softmax(S)."""
        matrix = None if index else self.matrix(e)
        node = matrix or self.writer.equation(e)
        program = self.derived.program.stated
        own = program.equation(e.name) if program is not None else None
        if program is None or own is None or not own.text or own.rhs == e.rhs or not isinstance(node, tree.Relation):
            return node
        write = closed_index if matrix is None else closed_matrix
        try:
            return tree.relation(node.first, ("=", write(program, e.name, program.authored - {e.name}, self.writer)), *node.rest)
        except NotationError:
            return node

    def conventions(self) -> list[Line]:
        """How to read the formulas."""
        axes = [a for a in self.derived.program.axes if self.writer.letters.choice(a)]
        ends = [(letter(self.writer.letters.choice(a)[0]), self.writer.expression(a)) for a in axes]
        letters = [(tree.relation(tree.ONE, ("<=", i), ("<=", size)),) for i, size in ends]
        made = [self.line("notation indices", letters=self.listed(letters))]
        if self.form != "index":
            ones = tree.Labelled(tree.Letter("1", "bold"), (self.writer.expression(axes[0]),) if axes else ())
            indicator = tree.indicator(tree.Mark("cdot"))
            made.append(self.line("notation matrix", ones=ones, odot=tree.Mark("odot"), oslash=tree.Mark("oslash"), indicator=indicator))
        return [*made, self.line("notation layout"), *self.held_told()]

    def held_told(self) -> list[Line]:
        """What the derivative of one equation is called where others count more ways, by an example."""
        link = next((e.tensor for e in self.derived.links if e.tensor.held), None)
        if link is None:
            return []
        output, variable = (self.writer.names(n) for n in link.derivative)
        held = self.listed([(self.writer.names(n),) for n in link.held])
        return [self.line("notation held", output=output, variable=variable, direct=self.writer.names(link.name), held=held)]

    def gradient(self) -> list[Block]:
        """The list of all partial derivatives, one entry down to the links, and the links."""
        parameters = [self.derived.program.tensors[n] for n in self.derived.wrt]
        if not parameters:
            return []
        top = self.writer.names(self.derived.output)
        first, last = parameters[0], parameters[-1]
        corners = [self.corner(first.name), self.corner(first.name, second=True)] if first.axes else [self.corner(first.name)]
        final = self.writer.names(last.name, tuple(self.writer.expression(a) for a in last.axes))
        shown = [tree.Derivative(top, (x,)) for x in corners] + [tree.Mark("dots"), tree.Derivative(top, (final,))]
        nabla = tree.Sequence((tree.Mark("nabla"), top))
        blocks: list[Block] = [
            Heading(self.say["gradient"]),
            Paragraph(self.line("gradient lead")),
            Formulas((tree.relation(nabla, ("=", tree.Apply(tree.Sequence(()), tuple(shown)))),)),
            *self.one_entry(first.name),
        ]
        return [*blocks, *self.links()]

    def corner(self, name: str, second: bool = False) -> tree.Node:
        """The first entry of a tensor, or the one after it."""
        order = len(self.program.tensors[name].axes)
        return self.writer.names(name, tuple(tree.Number("2" if second and k == order - 1 else "1") for k in range(order)))

    def one_entry(self, name: str) -> list[Block]:
        """The chain rule for the first entry, where one path leads to it: a product of links, and its closed form."""
        way = path(self.derived.program, self.derived.output, name)
        if way is None or not 3 <= len(way) <= LONGEST:
            return []
        names = self.writer.names
        top, corner = names(way[0]), self.corner(name)
        pairs = [tree.Derivative(names(a), (names(b),)) for a, b in pairwise(way[:-1])]
        links = [*pairs, tree.Derivative(names(way[-2]), (corner,))]
        axes = [self.program.tensors[n].axes for n in way]
        inputs = [*axes[1:-1], ()]
        shapes: list[Line] = [(self.jacobian_shape(a, b),) for a, b in zip(axes[:-1], inputs, strict=True)]
        matrices = self.path_matrices(way)
        indices = dict.fromkeys(self.program.tensors[self.derived.adjoints[name]].indices, S.Zero)
        closed = substitute(self.in_place(self.derived.adjoints[name]), indices)
        whole = tree.Derivative(top, (corner,))
        blocks: list[Block] = [
            Heading(self.say["entry"], 3),
            Paragraph(self.line("entry lead", parameter=names(name))),
            Formulas((tree.relation(whole, ("=", tree.product(*links))),)),
        ]
        if any(len(a) > 1 for a in axes[1:-1]):
            blocks.append(Paragraph(self.line("entry sums")))
        named: list[Line] = [(link,) for link in links]
        columns = [named, shapes]
        if matrices:
            columns.append([(m,) for m in matrices])
        if len(named) <= ABREAST:
            blocks.append(Grid(tuple(named), tuple(map(tuple, columns[1:]))))
        else:
            header = tuple((self.say[k],) for k in ("link", "shape", "matrix form")[: len(columns)])
            blocks.append(Grid(header, tuple(zip(*columns, strict=True))))
        unit, stacked = tree.Labelled(tree.Letter("e", "bold"), (tree.ONE,)), function("vec")
        said = [self.line(key, sign=s) for key, s in (("entry unit", unit), ("entry vec", stacked)) if any(holds(m, s) for m in matrices)]
        blocks += [Paragraph(self.sentences(said))] if said else []
        inside = self.writer.expression(closed)
        if ems(inside) <= WIDEST:
            blocks += [Paragraph(self.line("entry closed")), Formulas((tree.relation(whole, ("=", inside)),))]
        return blocks

    def path_matrices(self, way: Sequence[str]) -> list[tree.Node]:
        """The Jacobian of each link on `way` as a matrix, the last one by the first entry; empty where one has no matrix form."""
        found = {e.tensor.derivative: e for e in self.derived.links}
        made = []
        for a, b in pairwise(way):
            e = found.get((a, b))
            if e is None or self.form == "index":
                return []
            if b == way[-1]:
                order = len(self.program.tensors[a].axes)
                first = dict.fromkeys(e.indices[order:], S.Zero)
                e = Equation(Tensor(e.name, e.tensor.axes[:order]), e.indices[:order], substitute(e.rhs, first))
            try:
                value = self.value(e)
            except NotationError:
                return []
            if b == way[-1]:
                value = vec(value)
            elif a == way[0] and not self.program.tensors[a].axes:
                # What stands first is a row, though the derivative of a scalar has the shape of the variable.
                value = transpose(vec(value))
            made.append(Typesetter(self.writer).node(polished(value)))
        return made

    def jacobian_shape(self, outputs: Sequence[Expr], inputs: Sequence[Expr]) -> tree.Node:
        """Rows by columns; several axes on one side stand in brackets."""
        sides = []
        for axes in (outputs, inputs):
            node = self.times(axes) if axes else tree.ONE
            sides.append(tree.Fenced(node) if len(axes) > 1 else node)
        return tree.relation(sides[0], ("times", sides[1]))

    def links(self) -> list[Block]:
        """A table of the Jacobians of single equations."""
        rows: list[tuple[Line, ...]] = []
        for e in self.derived.links:
            outputs = self.program.tensors[e.tensor.derivative[0]].axes
            inputs = e.tensor.axes[len(outputs) :]
            right = self.matrix(e, whole=False)
            # The derivative of a scalar, or by one, has the shape of the other.
            shape: Line = (self.jacobian_shape(outputs, inputs),) if outputs and inputs else self.shape(outputs or inputs)
            row = ((self.writer.equation(e),), shape, (right,) if right is not None else ("–",))
            rows.append(row)
        if not rows:
            return []
        header = tuple((self.say[k],) for k in ("link", "shape", "matrix form"))
        if self.form == "index" or 2 * sum(r[2] == ("–",) for r in rows) > len(rows):
            header, rows = header[:2], [r[:2] for r in rows]
            return [Fold((self.say["links"],), (Grid(header, tuple(rows)),))]
        return [Fold((self.say["links"],), (Grid(header, tuple(rows)), *self.told(self.derived.links)))]

    def steps(self) -> list[Block]:
        """The derivation of each adjoint, folded under its result."""
        lead: list[Block] = [Heading(self.say["steps"]), Paragraph(self.line("steps lead"))]
        return [*lead, *self.walked(self.adjoints, self.derived.steps)]

    def walked(self, equations: Sequence[Equation], steps: Sequence[Step]) -> list[Block]:
        """The steps that lead to each of some equations, folded under it; a named part has none."""
        every: dict[str, list[Step]] = {}
        for s in steps:
            every.setdefault(s.quantity, []).append(s)
        told: list[Block] = []
        for e in equations:
            taken = every.get(e.name)
            if not taken and e.tensor.role == "part":
                told += [Paragraph((self.say["named part"], self.say["colon"].rstrip())), Formulas((self.writer.equation(e),))]
                continue
            if not taken:
                told.append(Formulas((self.best(e),)))
                continue
            chain = self.chain(e, taken)
            summary = self.listed([(rule[0],) for _, rule in chain.rows])
            told.append(Fold(summary, (chain,), self.headline(e)))
        count = str(len(told))
        return folding.groups(told, lambda a, b: self.line("group", first=str(a), last=str(b), count=count))

    def headline(self, e: Equation) -> tree.Node:
        """What stands above the steps of an equation."""
        return self.best(e)

    def chain(self, e: Equation, taken: Sequence[Step]) -> Chain:
        """before = after = ..., with the rules."""
        left = self.writer.entry(e.name, e.indices)

        def node(value: Expr) -> tree.Node:
            value = value.xreplace(self.ones)
            return self.writer.expression(value, e.indices)

        rows: list[tuple[tree.Node, Line]] = []
        start = node(taken[0].before)
        local = latex(start) == latex(left)
        if not local:
            rows.append((start, (self.say["rule chain rule"],)))
        shown = latex(start)
        for s in taken:
            before, shown = shown, latex(node(s.after))
            if shown == before:
                continue  # the order of factors, which one does not see
            key = s.rule if s.rule != "chain rule" else "local derivative" if local else "substitution"
            rule = self.say[f"rule {key}"]
            if s.facts:
                told: Line = self.listed([self.fact(f) for f in s.facts])
                rows.append((node(s.after), (rule, self.say["colon"], *told)))
            else:
                rows.append((node(s.after), (rule,)))
        return Chain(left, tuple(rows))

    def results(self) -> list[Block]:
        """A table of all derivatives: matrix form, NumPy; the index form below."""
        header = [(self.say["result"],), (self.say["shape"],)]
        if self.form != "index":
            header.append((self.say["matrix form"],))
        if self.form == "index":
            header.append((self.say["index form"],))
        header.append((self.say["numpy"],))
        rows = []
        for e in self.adjoints:
            value = self.matrix(e, whole=False) if self.form != "index" else None
            left = self.writer.names(e.name) if value is not None else self.writer.entry(e.name, e.indices)
            right = value if value is not None else self.writer.right_side(e)
            rows.append(((left,), self.shape(e.tensor.axes), (right,), self.numpy(e)))
        blocks: list[Block] = [
            Heading(self.say["results"]),
            Paragraph(self.line("results lead", objective=self.writer.names(self.derived.output))),
            *folding.grid(tuple(header), rows, self.say["all results"]),
        ]
        refused = [(e.name, why) for e in self.adjoints if self.form != "index" and (why := self.why(e))]
        blocks += [Paragraph(line) for line in self.refusals(refused)]
        for e in self.adjoints:
            if facts := self.derived.facts.get(e.name, ()):
                told = self.listed([self.fact(f) for f in facts])
                blocks.append(Paragraph(self.line("uses", result=self.writer.names(e.name), facts=told)))
        blocks += self.kinked(kinks(self.derived.program, [self.derived.output], self.derived.wrt))
        if self.form == "both":
            index = Formulas(tuple(self.writer.equation(e) for e in self.adjoints))
            blocks.append(Fold((self.say["results index"],), (index,), aside=self.say["results"]))
        return blocks
