"""Sums and products by shapes."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.meaning.atoms import Atoms
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.references import atoms, primes
from symbackprop.formulas.notation.sequences import expanded_sum
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers import wholes
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import ONE, Scalar
from symbackprop.language.latex import nodes as n


class Products(Atoms):
    """Evaluates sums and products."""

    def of_sum(self, node: n.Sum, env: Env) -> Quantity:
        """Terms with signs."""
        if any(isinstance(t, n.Dots) for t in node.terms):
            node = expanded_sum(node, lambda tree: self.whole_number(tree, env, set()), self)
        made: Quantity | None = None
        values = [self.value(term, env) for term in node.terms]
        self.biases(node, values, env)
        for sign, value in zip(node.signs, values, strict=True):
            if sign not in ("", "+", "-"):
                raise UnreadError(f"the sign {sign}", node)
            value = q.negative(value) if sign == "-" else value
            made = value if made is None else q.plus(made, value, self.reading.loose)
        return made if made is not None else q.single(s.ZERO)

    def biases(self, node: n.Sum, values: list[Quantity], env: Env) -> None:
        """A name that nothing declares, added to vectors, is a vector."""
        shapes = {v.shape for v in values if v.data.ndim == 1}
        if len(shapes) != 1 or not self.fresh:
            return
        for k, (term, value) in enumerate(zip(node.terms, values, strict=True)):
            if isinstance(term, n.Name) and not value.shape and value.scalar.entry and not value.scalar.of and term.id[0] != "\\":
                before = set(self.fresh[-1])
                instances = [x for x in before if x.startswith(base_of(term)) and not self.guesses.get(x)]
                if len(instances) == 1:
                    self.guesses[instances[0]] = next(iter(shapes))
                    values[k] = self.value(term, env)

    def of_fraction(self, node: n.Fraction, env: Env) -> Quantity:
        """A quotient: of numbers, or of an array by a number or entry by entry."""
        return self.over(self.value(node.top, env), self.value(node.bottom, env))

    def over(self, top: Quantity, bottom: Quantity) -> Quantity:
        """One thing over another."""
        if not bottom.shape:
            return q.scaled(top, ONE / bottom.scalar)
        return q.zipped(Scalar.__truediv__, top, bottom, self.reading.loose)

    def of_root(self, node: n.Root, env: Env) -> Quantity:
        """A root of a number, or of each entry."""
        inside = self.value(node.of, env)
        if node.degree is None:
            return q.mapped(s.sqrt, inside)
        degree = self.value(node.degree, env).scalar
        return q.mapped(lambda x: s.power(x, ONE / degree), inside)

    def of_juxtaposition(self, node: n.Juxtaposition, env: Env) -> Quantity:
        """Factors side by side; a bracket that is 0 stands guard over an index that is out of range."""
        try:
            return self.side_by_side(node, env)
        except OutOfRangeError:
            if any(isinstance(x, n.Indicator) and s.number(self.value(x, env).scalar) == 0 for x in node.factors):
                return q.single(s.ZERO)
            raise

    def side_by_side(self, node: n.Juxtaposition, env: Env) -> Quantity:
        """Applications first, then a product from left to right."""
        head = node.factors[0]
        if isinstance(head, n.Name) and head.id == r"\Delta" and not head.scripts and not self.known.get(r"\Delta") and not self.depth:
            return self.increment(n.Juxtaposition(node.factors[1:], span=node.span) if len(node.factors) > 2 else node.factors[1], env)
        factors = self.applied(node.factors, env)
        for at in reversed(range(len(factors) - 1)):
            factors[at] = q.sized(factors[at], factors[at + 1], True)
        made = factors[0]
        for at, factor in enumerate(factors[1:], 1):
            made = self.times(made, factor)
            if at == len(factors) - 1:
                break
        return made

    def applied(self, factors: Sequence[n.Node], env: Env) -> list[Quantity]:
        """The values of factors, functions taken together with their arguments."""
        made: list[Quantity] = []
        at = 0
        factors = renamed(factors)
        while at < len(factors):
            node = factors[at]
            if (
                isinstance(node, n.Name)
                and node.id == r"\Sigma"
                and not node.scripts
                and at + 1 < len(factors)
                and not self.known.get(r"\Sigma")
            ):
                rest = (
                    factors[at + 1]
                    if at + 2 == len(factors)
                    else n.Juxtaposition(tuple(factors[at + 1 :]), span=node_span(factors[at + 1], factors[-1]))
                )
                made.append(self.value(n.Big(r"\sum", (), rest, span=node.span), env))
                break
            following = factors[at + 1] if at + 1 < len(factors) else None
            if (
                isinstance(node, n.Name)
                and node.id == "d"
                and node.style in ("mathbf", "boldsymbol", "mathrm")
                and isinstance(following, n.Name)
                and not node.scripts
            ):
                made.append(self.value(n.Differential("d", (), following, span=node_span(node, following)), env))
                at += 2
                continue
            if isinstance(node, n.Dots):
                at += 1
                continue
            found = self.application(node, following, env)
            if found is not None:
                made.append(found)
                at += 2
                continue
            made.append(self.value(node, env))
            at += 1
        if not made:
            raise UnreadError("nothing but dots", factors[0])
        return made

    def application(self, node: n.Node, following: n.Node | None, env: Env) -> Quantity | None:
        """A function with the bracket behind it, or None where these are two factors."""
        if following is None or not isinstance(node, n.Name | n.Scripted):
            return None
        scripts: tuple[n.Script, ...] = ()
        bracket = following
        if isinstance(following, n.Scripted):
            scripts, bracket = following.scripts, following.of
        if not isinstance(bracket, n.Bracket) or bracket.open not in ("(", "[", r"\{"):
            return None
        head = plain(node)
        if not isinstance(head, n.Name) or (head is not node and not isinstance(node, n.Name)):
            return None
        turned = [
            x for x in head.scripts if x.mark == "^" and len(x.items) == 1 and flat(x.items[0]) in TRANSPOSES and flat(x.items[0]) != "t"
        ]
        if turned and not self.is_scoped(head):
            head = replace(head, scripts=tuple(x for x in head.scripts if x not in turned))
            scripts = (*scripts, *turned)
        below = [x for x in scripts if x.mark == "_"]
        if below and self.is_component_of_call(head, bracket, below, env):
            return self.raised(
                self.name(replace(head, scripts=head.scripts + tuple(below)), env), self.positions(scripts, "^", env), following, env
            )
        made = self.call(head, bracket, env)
        if made is None:
            return None
        if below:
            made = self.component(made, self.positions(scripts, "_", env), head, env)
        return self.raised(made, self.positions(scripts, "^", env), following, env)

    def is_scoped(self, head: n.Name) -> bool:
        """Whether this is a parameter of a function that is being evaluated."""
        return self.scoped(head) is not None

    def is_component_of_call(self, head: n.Name, bracket: n.Bracket, below: Sequence[n.Script], env: Env) -> bool:
        """Whether f(x)_i is what an equation f(x)_i = ... defines."""
        for k in self.known.get(base_of(head), ()):
            if (
                k.parameters is not None
                and k.right is not None
                and len(k.pattern.below) == len(atoms(head.scripts, "_")) + len(atoms(below, "_"))
            ) and [flat(i) for i in k.parameters] == [flat(i) for i in bracket.items]:
                return True
        return False

    def times(self, a: Quantity, b: Quantity) -> Quantity:
        """A product by shapes; chains of whole derivatives are contracted over what they share."""
        chained = self.chained(a, b)
        if chained is not None:
            return chained
        try:
            return q.matrix_product(a, b)
        except MisfitError:
            if self.reading.diagonal:
                if a.data.ndim == 1 and b.data.ndim == 2 and a.shape[0] == b.shape[0]:
                    return q.matrix_product(q.diagonal(a), b)
                if b.data.ndim == 1 and a.data.ndim == 2 and a.shape[1] == b.shape[0]:
                    return q.matrix_product(a, q.diagonal(b))
            if a.shape == b.shape and a.data.ndim == 1 and a.row == b.row:
                if self.reading.inner:
                    return q.single(q.inner(a.data, b.data))
                return q.hadamard(a, b)
            if self.depth and a.shape == b.shape and a.data.ndim == 2:
                return q.hadamard(a, b)
            if self.reading.loose and a.data.ndim == 1 and b.data.ndim == 1 and a.shape == b.shape:
                return q.single(q.inner(a.data, b.data))
            if self.reading.loose and a.data.ndim == 1 and b.data.ndim == 2 and not a.row and a.shape[0] == b.shape[0]:
                return q.matrix_product(q.transposed(a), b)
            raise

    def of_product(self, node: n.Product, env: Env) -> Quantity:
        """Factors with signs between them, from left to right."""
        factors, signs = list(node.factors), list(node.signs)
        head = factors[0]
        if self.reading.scope and isinstance(head, n.Leibniz) and head.form == "operator" and head.of is not None:
            inside = n.Product((head.of, *factors[1:]), tuple(signs), span=(head.of.span[0], node.span[1]))
            return self.value(replace(head, of=inside, span=node.span), env)
        if self.reading.applied and "*" in signs:
            factors, signs = self.applications(factors, signs)
        if self.reading.flat:
            return self.flattened(factors, signs, env)
        if not self.reading.slash:
            factors, signs = slashed(factors, signs)
        made = self.value(factors[0], env)
        for sign, factor in zip(signs, factors[1:], strict=True):
            if isinstance(factor, n.Dots):
                continue
            if sign == "":
                made = self.times(made, self.value(factor, env))
                continue
            made = self.signed(sign, made, self.value(factor, env), node)
        return made

    @staticmethod
    def applications(factors: list[n.Node], signs: list[str]) -> tuple[list[n.Node], list[str]]:
        """f * (z) as f(z)."""
        made, kept = [factors[0]], []
        for sign, factor in zip(signs, factors[1:], strict=True):
            head, inside = _bare(made[-1]), _bare(factor)
            if sign == "*" and isinstance(inside, n.Bracket) and isinstance(head, n.Name) and primes(head.scripts):
                made[-1] = n.Juxtaposition((head, inside), span=node_span(head, inside))
            else:
                made.append(factor)
                kept.append(sign)
        return made, kept

    def flattened(self, factors: Sequence[n.Node], signs: Sequence[str], env: Env) -> Quantity:
        """From left to right, factors side by side binding no closer than signs."""
        made: Quantity | None = None
        for sign, factor in zip(["", *signs], factors, strict=True):
            inside = factor.factors if isinstance(factor, n.Juxtaposition) else (factor,)
            for k, value in enumerate(self.applied(inside, env)):
                made = value if made is None else self.times(made, value) if k else self.signed(sign, made, value, factor)
        assert made is not None
        return made

    def signed(self, sign: str, a: Quantity, b: Quantity, node: n.Node) -> Quantity:
        """A product with a sign."""
        match sign:
            case "/" | r"\div" | "./" | r"\oslash":
                return self.over(a, b)
            case r"\odot" | ".*":
                return self.entrywise(a, b)
            case r"\circ":
                return self.entrywise(a, b) if self.reading.circle == "hadamard" else self.times(a, b)
            case "*" | r"\bullet" | r"\star":
                return self.starred(a, b, node)
            case r"\otimes":
                return wholes.kronecker(a, b) if self.reading.kronecker or 2 in (a.data.ndim, b.data.ndim) else q.outer(a, b)
            case r"\cdot" | "." | "@":
                return self.dotted(a, b)
            case r"\times":
                if self.reading.times == "hadamard" or (a.shape == b.shape and a.data.ndim == 2 and a.shape[0] != a.shape[1]):
                    return self.entrywise(a, b)
                return self.times(a, b)
        raise UnreadError(f"the sign {sign}", node)

    def entrywise(self, a: Quantity, b: Quantity) -> Quantity:
        """Entry by entry; ones and numbers spread."""
        if self.reading.diagonal and {a.data.ndim, b.data.ndim} == {1, 2}:
            vector, matrix = (a, b) if a.data.ndim == 1 else (b, a)
            if matrix.shape == (vector.shape[0], vector.shape[0]):
                return q.hadamard(vector, replace(q.diagonal(matrix), row=vector.row))
        return q.hadamard(a, b, self.reading.loose)

    def dotted(self, a: Quantity, b: Quantity) -> Quantity:
        """A dot: a matrix product where shapes fit, the inner product of two columns."""
        chained = self.chained(a, b)
        if chained is not None:
            return chained
        if a.data.ndim == b.data.ndim == 1 and a.shape == b.shape and a.row == b.row:
            return q.hadamard(a, b) if self.reading.dot else q.single(q.inner(a.data, b.data))
        return self.times(a, b)

    def starred(self, a: Quantity, b: Quantity, node: n.Node) -> Quantity:
        """An asterisk."""
        meaning = self.reading.star
        if meaning in ("correlation", "convolution") and (a.shape or b.shape):
            raise UnreadError("a convolution", node)
        if not a.shape or not b.shape or meaning == "matrix":
            return self.times(a, b)
        if meaning == "hadamard":
            return self.entrywise(a, b)
        return self.entrywise(a, b) if a.shape == b.shape and a.row == b.row else self.times(a, b)


def _bare(node: n.Node) -> n.Node:
    """What a label or a brace stands around."""
    while isinstance(node, n.Labelled):
        node = node.of
    return node


def renamed(factors: Sequence[n.Node]) -> list[n.Node]:
    """g[1]'(z) as g^{[1]}'(z)."""
    made: list[n.Node] = []
    at = 0
    while at < len(factors):
        node = factors[at]
        following = factors[at + 1] if at + 1 < len(factors) else None
        scripts: tuple[n.Script, ...] = ()
        inside = following
        if isinstance(following, n.Scripted):
            scripts, inside = following.scripts, following.of
        numbered = isinstance(inside, n.Bracket) and inside.open == "[" and len(inside.items) == 1 and isinstance(inside.items[0], n.Number)
        behind = factors[at + 2] if at + 2 < len(factors) else None
        if isinstance(node, n.Name) and numbered and isinstance(behind, n.Bracket | n.Scripted) and inside is not None:
            made.append(replace(node, scripts=(*node.scripts, n.Script("^", (inside,), span=inside.span), *scripts)))
            at += 2
        else:
            made.append(node)
            at += 1
    return made


def slashed(factors: list[n.Node], signs: list[str]) -> tuple[list[n.Node], list[str]]:
    """1/d (...) as (1/d)(...): behind a slash stands one factor, unless only names follow, as in x/ab."""
    made, kept = [factors[0]], []
    for sign, factor in zip(signs, factors[1:], strict=True):
        inside = factor.factors if isinstance(factor, n.Juxtaposition) else ()
        cut = (
            sign == "/"
            and len(inside) > 1
            and (isinstance(inside[0], n.Number) or isinstance(inside[1], n.Bracket | n.Leibniz | n.Big | n.Fraction | n.Call))
        )
        if (
            cut
            and isinstance(inside[0], n.Name)
            and isinstance(inside[1], n.Bracket)
            and len(inside) == 2
            and isinstance(plain(inside[1]), n.Name | n.Call | n.Accent)
        ):
            cut = False
        if cut:
            rest = inside[1] if len(inside) == 2 else n.Juxtaposition(inside[1:], span=(inside[1].span[0], factor.span[1]))
            made += [inside[0], rest]
            kept += [sign, ""]
        else:
            made.append(factor)
            kept.append(sign)
    return made, kept


def node_span(a: n.Node, b: n.Node) -> tuple[int, int]:
    """From the start of the first to the end of the second."""
    return a.span[0], b.span[1]
