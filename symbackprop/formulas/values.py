"""What a tree means under a reading, as numbers: sums and products by shapes, functions, sums over indices, case distinctions."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas import functions as f
from symbackprop.formulas import quantities as q
from symbackprop.formulas import tape as s
from symbackprop.formulas.names import Env, Known, Names, OutOfRange, Unread
from symbackprop.formulas.quantities import Misfit, Quantity
from symbackprop.formulas.references import Position, atoms, primes
from symbackprop.formulas.sequences import expanded_sum
from symbackprop.formulas.tape import ONE, ZERO, Scalar, constant
from symbackprop.formulas.trees import TRANSPOSES, base_of, flat, operands, parts, plain
from symbackprop.language.latex import nodes as n

MOST = 12
"""How far a sum without bounds is followed."""
COMPARES = {"<": np.less, ">": np.greater, r"\le": np.less_equal, r"\ge": np.greater_equal, "=": np.equal, r"\ne": np.not_equal}


class Values(Names):
    """Evaluates trees."""

    def value(self, node: n.Node, env: Env) -> Quantity:
        """What a tree stands for under values of its indices."""
        method = getattr(self, f"of_{type(node).__name__.lower()}", None)
        if method is None:
            raise Unread(f"{type(node).__name__} has no value here", node)
        self.steps += 1
        if self.steps % 64 == 0 and time.monotonic() > self.deadline:
            raise Unread("this takes too long", node)
        made: Quantity = method(node, env)
        return made

    # Leaves.

    def of_number(self, node: n.Number, env: Env) -> Quantity:
        """A number."""
        return q.single(self.constant_of(node.text))

    def of_name(self, node: n.Name, env: Env) -> Quantity:
        """A name: a tensor, the base of the exponential, ones, the identity, an index as a number."""
        count = primes(node.scripts)
        if count:
            return self.primed(node, None, env)
        if node.id == "e" and not node.accents and not any(x.mark == "_" for x in node.scripts) and any(x.mark == "^" for x in node.scripts):
            if not any(not k.pattern.below for k in self.known.get("e", ())) and self.scoped(node) is None:
                return self.exponential(node, env)
        if not self.is_known(node):
            if node.id == "e" and not node.accents and any(x.mark == "^" for x in node.scripts):
                return self.exponential(node, env)
            if node.id.isdigit() and node.style in ("mathcal", "mathit", "mathrm", "mathsf", "mathtt"):
                return self.raised(q.single(self.constant_of(node.id)), self.positions(node.scripts, "^", env), node, env)
            if node.id == "1" and (node.style or node.scripts):
                return self.ones(node, env)
            if node.id in ("I", r"\mathbb{I}") and not any(x.mark == "_" and not self.is_size_script(x) for x in node.scripts):
                return self.identity(node, env)
            if node.id == r"\delta" and node.scripts and len(atoms(node.scripts, "_")) + len(atoms(node.scripts, "^")) == 2:
                return self.kronecker(node, env)
            if node.id == "0" and node.style:
                return q.single(ZERO)
        if not node.scripts and node.id in env and not self.known.get(base_of(node)):
            return q.value_of(env[node.id])
        return self.name(node, env)

    def is_known(self, node: n.Name) -> bool:
        """Whether something declares or defines this name."""
        return bool(self.known.get(base_of(node))) or self.scoped(node) is not None

    def is_size_script(self, script: n.Script) -> bool:
        """Whether a script says a size."""
        return all(isinstance(i, n.Number) or flat(i) in self.sizes_named for i in script.items)

    def exponential(self, node: n.Name, env: Env) -> Quantity:
        """e to the power of what stands above."""
        above = [x for x in node.scripts if x.mark == "^"]
        if len(above) != 1 or len(above[0].items) != 1:
            raise Unread("the exponent is not understood", node)
        return q.mapped(s.exp, self.value(above[0].items[0], env))

    def ones(self, node: n.Name, env: Env) -> Quantity:
        """A column of ones, or a matrix, by the sizes below."""
        sizes = [self.size(a.tree, env) for a in atoms(node.scripts, "_")]
        turned = any(a.text in TRANSPOSES for a in atoms(node.scripts, "^"))
        if not sizes:
            return replace(q.single(ONE), special="ones", row=turned)
        return replace(q.ones(*sizes), row=turned) if len(sizes) == 1 else q.ones(*sizes)

    def identity(self, node: n.Name, env: Env) -> Quantity:
        """The identity matrix."""
        sizes = [self.size(a.tree, env) for a in atoms(node.scripts, "_")]
        return q.eye(sizes[0]) if sizes else replace(q.single(ONE), special="eye")

    def kronecker(self, node: n.Name, env: Env) -> Quantity:
        """delta_{ij}."""
        places = (*self.positions(node.scripts, "_", env), *self.positions(node.scripts, "^", env))
        if any(p.number is None for p in places):
            raise Unread(f"an index of {flat(node)} has no value", node)
        return q.single(ONE if places[0].number == places[1].number else ZERO)

    def of_accent(self, node: n.Accent, env: Env) -> Quantity:
        """An accent over a name with scripts."""
        inside = plain(node)
        if isinstance(inside, n.Name):
            return self.of_name(inside, env)
        if isinstance(node.of, n.Number):
            return self.value(node.of, env)
        raise Unread("an accent over an expression", node)

    def of_labelled(self, node: n.Labelled, env: Env) -> Quantity:
        """What stands over a brace."""
        return self.value(node.of, env)

    def of_bracket(self, node: n.Bracket, env: Env) -> Quantity:
        """Brackets: of one thing, absolute values, norms, rows of entries."""
        if node.open == r"\lVert":
            return q.single(s.sqrt(f.squared_norm(self.value(node.items[0], env))))
        if node.open == r"\lvert":
            inside = self.value(node.items[0], env)
            return q.single(q.determinant(inside)) if inside.data.ndim == 2 and 1 not in inside.shape else q.mapped(s.absolute, inside)
        if len(node.items) == 1 and len(node.spaced) < 2:
            return self.value(node.items[0], env)
        items = node.items if len(node.items) > 1 else node.spaced
        if len(items) == 2 and node.open == r"\langle":
            a, b = (self.value(i, env) for i in items)
            return q.single(q.inner(a.data, b.data)) if a.shape == b.shape else _misfit(a, b)
        dots = any(isinstance(i, n.Dots) for i in items)
        if dots:
            try:
                whole = n.Sum(tuple(items), ("", *["+"] * (len(items) - 1)), span=node.span)
                items, dots = expanded_sum(whole, lambda tree: self.whole_number(tree, env, set()), self).terms, False
            except Unread:
                items = tuple(i for i in items if not isinstance(i, n.Dots))
        entries = [self.value(i, env) for i in items]
        if not dots and len({e.shape for e in entries}) == 1 and entries[0].data.ndim == 1:
            return Quantity(np.stack([e.data for e in entries], axis=0 if entries[0].row else 1))
        if any(e.shape for e in entries):
            raise Unread("a list of arrays", node)
        made = q.array_of([e.scalar for e in entries], (len(entries),), row=node.open == "[" or self.reading.row_vectors)
        return replace(made, special="open") if dots else made

    def of_matrix(self, node: n.Matrix, env: Env) -> Quantity:
        """A matrix of entries, a column of one column; blocks are stacked."""
        rows = [[self.value(c, env) for c in row] for row in node.rows]
        if any(c.shape for row in rows for c in row):
            raise Unread("a matrix of blocks", node)
        data = [[c.scalar for c in row] for row in rows]
        if len({len(r) for r in data}) != 1:
            raise Unread("rows of different lengths", node)
        made = q.array_of([x for r in data for x in r], (len(data), len(data[0])))
        if made.shape[1] == 1:
            return Quantity(made.data[:, 0])
        return Quantity(made.data[0], row=True) if made.shape[0] == 1 else made

    # Scripts.

    def of_scripted(self, node: n.Scripted, env: Env) -> Quantity:
        """A bracket or quotient with a power, a transpose, components or primes."""
        if isinstance(node.of, n.Differential) and isinstance(node.of.of, n.Name):
            named = replace(node.of.of, scripts=node.of.of.scripts + node.scripts)
            return self.value(replace(node.of, of=named), env)
        if any(x.mark.startswith("'") for x in node.scripts):
            raise Unread("a prime behind a bracket", node)
        below = [x for x in node.scripts if x.mark == "_"]
        if isinstance(node.of, n.Bracket) and node.of.open == r"\lVert":
            kind = flat(below[0].items[0]) if below and below[0].items else "2"
            inside = self.value(node.of.items[0], env)
            if kind == "1":
                made = q.single(s.total(s.absolute(x) for x in inside.data.reshape(-1)))
            elif kind in ("2", "F", r"\mathrm{F}"):
                made = q.single(f.squared_norm(inside))
                above = self.positions(node.scripts, "^", env)
                if [p.text for p in above] == ["2"]:
                    return made
                made = q.mapped(s.sqrt, made)
            else:
                raise Unread(f"the norm {kind}", node)
        elif isinstance(node.of, n.Call) and below and isinstance(node.of.argument, n.Bracket):
            head = replace(node.of.function, style="")
            if self.is_component_of_call(head, node.of.argument, below, env):
                made = self.name(replace(head, scripts=head.scripts + tuple(below)), env)
            else:
                made = self.component(self.value(node.of, env), self.positions(node.scripts, "_", env), head, env)
        elif isinstance(node.of, n.Bracket) and below and isinstance(below[0].items[-1], n.Chain):
            return self.tabulated(node.of, [i for x in below for i in x.items], [i for x in node.scripts if x.mark == "^" for i in x.items], env)
        else:
            made = self.value(node.of, env)
            if below:
                made = self.component(made, self.positions(node.scripts, "_", env), n.Name("?", span=node.span), env)
        return self.raised(made, self.positions(node.scripts, "^", env), node, env)

    def tabulated(self, body: n.Node, below: Sequence[n.Node], above: Sequence[n.Node], env: Env) -> Quantity:
        """(a_{ij})_{i,j=1}^{m,n}: an array by its entries."""
        letters, _, _ = self.indices_of(below)
        if len(above) not in (1, len(letters)):
            raise Unread("the range of these entries", body)
        sizes = [self.bound(above[min(k, len(above) - 1)], env, 0) for k in range(len(letters))]
        entries = [self.value(body, {**env, **{x: i + 1 for x, i in zip(letters, at, strict=True)}}).scalar for at in np.ndindex(*sizes)]
        for k, letter in enumerate(letters):
            if self.is_beyond(body, {**env, **dict.fromkeys(letters, 1), letter: sizes[k] + 1}, letter) is False:
                raise Misfit(f"the index {letter} stops at {sizes[k]} before its axis does")
        return q.array_of(entries, tuple(sizes))

    def raised(self, found: Quantity, above: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """Transposes and powers above something."""
        for p in above:
            if p.text in TRANSPOSES and not p.bracket and not (p.text == "t" and found.data.ndim == 0):
                found = q.transposed(found)
            elif p.text in ("-1", "-T", r"-\top"):
                found = self.inverted(found)
                found = q.transposed(found) if p.text != "-1" else found
            elif p.tree is not None:
                exponent = self.value(p.tree, env)
                found = self.powered(found, exponent, node, bool(p.bracket))
        return found

    def inverted(self, found: Quantity) -> Quantity:
        """The inverse of a matrix; of anything else of each entry."""
        if found.data.ndim == 2 and found.shape[0] == found.shape[1] and found.shape[0] > 1 and not self.reading.elementwise_inverse:
            return q.inverse(found)
        if found.special == "eye":
            return replace(q.single(ONE / found.scalar), special="eye")
        return q.mapped(lambda x: ONE / x, found)

    def powered(self, found: Quantity, exponent: Quantity, node: n.Node, bracketed: bool) -> Quantity:
        """A power: of a number, of each entry; of a square matrix with itself."""
        if exponent.shape:
            raise Unread("an exponent that is no number", node)
        if bracketed:
            raise Unread("what stands above is not understood", node)
        whole = s.number(exponent.scalar)
        if found.data.ndim == 2 and found.shape[0] == found.shape[1] and found.shape[0] > 1 and whole is not None and whole == int(whole) and whole >= 0:
            if whole == 0:
                return q.eye(found.shape[0])
            made = found
            for _ in range(int(whole) - 1):
                made = q.matrix_product(made, found)
            return made
        if found.data.ndim == 1 and whole == 2 and isinstance(plain(node), n.Bracket | n.Scripted | n.Name) and self.reading.inner:
            return q.single(f.squared_norm(found))
        return q.mapped(lambda x: s.power(x, exponent.scalar), found)

    # Sums and products.

    def of_sum(self, node: n.Sum, env: Env) -> Quantity:
        """Terms with signs."""
        if any(isinstance(t, n.Dots) for t in node.terms):
            node = expanded_sum(node, lambda tree: self.whole_number(tree, env, set()), self)
        made: Quantity | None = None
        values = [self.value(term, env) for term in node.terms]
        self.biases(node, values, env)
        for sign, value in zip(node.signs, values, strict=True):
            if sign not in ("", "+", "-"):
                raise Unread(f"the sign {sign}", node)
            value = q.negative(value) if sign == "-" else value
            made = value if made is None else q.plus(made, value, self.reading.loose)
        assert made is not None
        return made

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
        """Factors side by side: applications first, then a product from left to right."""
        head = node.factors[0]
        if isinstance(head, n.Name) and head.id == r"\Delta" and not head.scripts and not self.known.get(r"\Delta") and not self.depth:
            return self.increment(n.Juxtaposition(node.factors[1:], span=node.span) if len(node.factors) > 2 else node.factors[1], env)
        factors = self.applied(node.factors, env)
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
            if isinstance(node, n.Name) and node.id == r"\Sigma" and not node.scripts and at + 1 < len(factors) and not self.known.get(r"\Sigma"):
                rest = factors[at + 1] if at + 2 == len(factors) else n.Juxtaposition(tuple(factors[at + 1 :]), span=node_span(factors[at + 1], factors[-1]))
                made.append(self.value(n.Big(r"\sum", (), rest, span=node.span), env))
                break
            following = factors[at + 1] if at + 1 < len(factors) else None
            if isinstance(node, n.Name) and node.id == "d" and node.style in ("mathbf", "boldsymbol", "mathrm") and isinstance(following, n.Name) and not node.scripts:
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
            raise Unread("nothing but dots", factors[0])
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
        if not isinstance(head, n.Name) or head is not node and not isinstance(node, n.Name):
            return None
        turned = [x for x in head.scripts if x.mark == "^" and len(x.items) == 1 and flat(x.items[0]) in TRANSPOSES and flat(x.items[0]) != "t"]
        if turned and not self.is_scoped(head):
            head = replace(head, scripts=tuple(x for x in head.scripts if x not in turned))
            scripts = (*scripts, *turned)
        below = [x for x in scripts if x.mark == "_"]
        if below and self.is_component_of_call(head, bracket, below, env):
            return self.raised(self.name(replace(head, scripts=head.scripts + tuple(below)), env), self.positions(scripts, "^", env), following, env)
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
            if k.parameters is not None and k.right is not None and len(k.pattern.below) == len(atoms(head.scripts, "_")) + len(atoms(below, "_")):
                if [flat(i) for i in k.parameters] == [flat(i) for i in bracket.items]:
                    return True
        return False

    def call(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """A name before a bracket as a function, or None."""
        raise NotImplementedError

    def primed(self, head: n.Name, bracket: n.Bracket | None, env: Env) -> Quantity:
        """A function with primes."""
        raise NotImplementedError

    def times(self, a: Quantity, b: Quantity) -> Quantity:
        """A product by shapes; chains of whole derivatives are contracted over what they share."""
        chained = self.chained(a, b)
        if chained is not None:
            return chained
        try:
            return q.matrix_product(a, b)
        except Misfit:
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

    def increment(self, of: n.Node, env: Env) -> Quantity:
        """Delta before something: its Laplacian, or an increment."""
        raise NotImplementedError

    def chained(self, a: Quantity, b: Quantity) -> Quantity | None:
        """A product of two whole derivatives by the chain rule, or None."""
        raise NotImplementedError

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
                return q.outer(a, b)
            case r"\cdot" | "." | "@":
                return self.dotted(a, b)
            case r"\times":
                return self.times(a, b)
        raise Unread(f"the sign {sign}", node)

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
            raise Unread("a convolution", node)
        if not a.shape or not b.shape or meaning == "matrix":
            return self.times(a, b)
        if meaning == "hadamard":
            return self.entrywise(a, b)
        return self.entrywise(a, b) if a.shape == b.shape and a.row == b.row else self.times(a, b)

    # Sums over indices.

    def of_big(self, node: n.Big, env: Env) -> Quantity:
        """A sum or product over indices."""
        if node.sign not in (r"\sum", r"\prod"):
            raise Unread(f"{node.sign} has no value here", node)
        made: Quantity | None = None
        for inside in self.ranging(node, env):
            made = inside if made is None else (q.plus(made, inside, self.reading.loose) if node.sign == r"\sum" else self.ordered(node, made, inside))
        if made is None:
            return q.single(ZERO) if node.sign == r"\sum" else replace(q.single(ONE), special="eye")
        return made

    def ordered(self, node: n.Big, made: Quantity, further: Quantity) -> Quantity:
        """The next factor of a product: of matrices the later ones stand on the left, where Jacobians of outputs come first."""
        if made.shape and further.shape:
            return self.times(further, made)
        return self.times(made, further)

    def ranging(self, node: n.Big, env: Env) -> Iterator[Quantity]:
        """The values of the body, one for each value of the indices."""
        below = [i for x in node.scripts if x.mark == "_" for i in x.items]
        above = [i for x in node.scripts if x.mark == "^" for i in x.items]
        letters, start, conditions = self.indices_of(below)
        if not letters:
            letters = self.implied(node.of, env)
            if not letters:
                yield self.whole_sum(node, env)
                return
        stops = [above[min(k, len(above) - 1)] if above else None for k in range(len(letters))]
        yield from self.loop(node, list(zip(letters, start + [None] * len(letters), stops, strict=False)), conditions, env)

    def indices_of(self, below: Sequence[n.Node]) -> tuple[list[str], list[n.Node | None], list[n.Node]]:
        """The letters that a sum runs over, where they start, and the conditions on them."""
        letters: list[str] = []
        start: list[n.Node | None] = []
        conditions: list[n.Node] = []
        shared: n.Node | None = None
        for item in below:
            if isinstance(item, n.Chain):
                head = item.sides[0]
                first = item.sides[1] if item.signs[0] == "=" else None
                if item.signs[0] in (r"\ne", "<", ">", r"\le", r"\ge"):
                    conditions.append(item)
                    if isinstance(head, n.Number) and len(item.sides) > 1:
                        head = item.sides[1]
                elif item.signs[0] not in ("=", r"\in"):
                    raise Unread("the range of this sum", item)
                shared = first
            else:
                head, first = item, None
            for letter in head.items if isinstance(head, n.Listing) else head.factors if isinstance(head, n.Juxtaposition) else (head,):
                if not isinstance(letter, n.Name) or any(not s.mark.startswith("'") for s in letter.scripts):
                    raise Unread("the range of this sum", item)
                if flat(letter) not in letters:
                    letters.append(flat(letter))
                    start.append(first)
        return letters, [x or shared for x in start], conditions

    def implied(self, body: n.Node, env: Env) -> list[str]:
        """The indices of the body that nothing else gives a value: those that a sum without bounds runs over."""
        found: list[str] = []
        bound = {x for p in parts(body) if isinstance(p, n.Big) for x in self.indices_of([i for c in p.scripts if c.mark == "_" for i in c.items])[0]}
        for p in parts(body):
            if isinstance(p, n.Name):
                for c in p.scripts:
                    for a in atoms([c], c.mark) if c.mark in "_^" else ():
                        below = c.mark == "_" or a.bracket
                        if isinstance(a.tree, n.Name) and a.tree.id in self.indices and a.tree.id not in env and a.tree.id not in bound and below:
                            found.append(a.tree.id)
        return list(dict.fromkeys(found))

    def whole_sum(self, node: n.Big, env: Env) -> Quantity:
        """A sum with no index at all: of the entries of an array, over the samples of a matrix."""
        inside = self.value(node.of, env)
        if inside.data.ndim == 1:
            return q.single(s.total(inside.data))
        if inside.data.ndim == 2:
            axis = 1 if self.reading.samples == "columns" else 0
            return Quantity(np.array([s.total(r) for r in np.moveaxis(inside.data, axis, -1)], dtype=object), row=axis == 0)
        return q.scaled(inside, constant(3))

    def loop(self, node: n.Big, ranges: list[tuple[str, n.Node | None, n.Node | None]], conditions: Sequence[n.Node], env: Env) -> Iterator[Quantity]:
        """The values of the body over nested ranges."""
        if not ranges:
            if all(self.true(c, env) for c in conditions):
                yield self.value(node.of, env)
            return
        (letter, start, stop), rest = ranges[0], ranges[1:]
        bare = any(isinstance(p, n.Name) and p.id == letter and not any(c.mark == "_" for c in p.scripts) for p in operands(node.of))
        if start is None and stop is None and bare and letter not in self.index_uses(node.of) and self.known.get(letter):
            whole = self.name(n.Name(letter, span=node.span), env)
            for x in whole.data.reshape(-1):
                self.scope.append({**(self.scope[-1] if self.scope else {}), letter: q.single(x)})
                try:
                    yield self.value(node.of, env)
                finally:
                    self.scope.pop()
            return
        first = 1 if start is None else self.bound(start, env, 1)
        last = None if stop is None or self.reading.unbounded else self.bound(stop, env, MOST)
        if len(letter) > 1 and letter[0] != "\\":
            yield from self.worded(node, env)
            return
        if last is None and not self.is_bounded(node, letter, rest, env):
            last = self.count(letter, env)
        if first == 0 and last is not None and self.is_beyond(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: 0}, letter):
            first, last = 1, last + (self.is_beyond(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: last + 1}, letter) is False)
        seen = False
        beyond: OutOfRange | None = None
        for at in range(first, (MOST if last is None else last) + 1):
            try:
                inside = list(self.loop(node, rest, conditions, {**env, letter: at}))
            except OutOfRange as error:
                if last is None and letter in error.letters:
                    if not seen and at == 1 and first == 1:
                        beyond = error
                        continue
                    if not seen:
                        raise
                    return
                raise
            seen = True
            yield from inside
        if not seen and beyond is not None:
            raise beyond

    def is_beyond(self, body: n.Node, env: Env, letter: str) -> bool:
        """Whether an index is out of range here."""
        try:
            self.value(body, env)
        except OutOfRange as error:
            return letter in error.letters
        except (Unread, Misfit):
            return False
        return False

    def index_uses(self, body: n.Node) -> set[str]:
        """The letters that stand in scripts or arguments of a body."""
        found = {p.id for x in parts(body) if isinstance(x, n.Name | n.Scripted) for c in x.scripts for i in c.items for p in parts(i) if isinstance(p, n.Name)}
        return found | {i.id for x in parts(body) if isinstance(x, n.Bracket) for i in x.items if isinstance(i, n.Name)}

    def worded(self, node: n.Big, env: Env) -> Iterator[Quantity]:
        """A sum over words, such as samples and outputs: over all entries."""
        yield q.single(s.total(self.value(node.of, env).data.reshape(-1)))

    def is_bounded(self, node: n.Big, letter: str, rest: list[tuple[str, n.Node | None, n.Node | None]], env: Env) -> bool:
        """Whether the axes in the body bound an index."""
        try:
            self.value(node.of, {**env, **{x: 1 for x, _, _ in rest}, letter: MOST + 3})
        except OutOfRange as error:
            return letter in error.letters
        except (Unread, Misfit):
            return True
        return False

    def bound(self, node: n.Node, env: Env, otherwise: int) -> int:
        """Where a sum starts or stops."""
        found = self.whole_number(plain(node), env, set())
        if found is not None:
            return found
        try:
            return self.size(node, env)
        except Unread:
            return otherwise

    # Case distinctions.

    def true(self, node: n.Node, env: Env) -> bool:
        """Whether a condition on indices holds."""
        if isinstance(node, n.Chain):
            sides = [self.whole_number(plain(x), env, set()) for x in node.sides]
            if all(x is not None for x in sides):
                return all(bool(COMPARES[c](a, b)) for c, a, b in zip(node.signs, sides, sides[1:], strict=False) if c in COMPARES)
            held = self.holds(node, env)
            if np.all(held) or not np.any(held):
                return bool(np.all(held))
        raise Unread("this condition", node)

    def holds(self, node: n.Node, env: Env) -> np.ndarray:
        """Where a condition holds, point by point."""
        node = plain(node)
        if isinstance(node, n.Chain) and all(x in COMPARES for x in node.signs):
            sides = []
            for side in node.sides:
                whole = self.whole_number(plain(side), env, set())
                sides.append(np.asarray(whole, dtype=float) if whole is not None else self.value(side, env).scalar.value)
            made = np.asarray(True)
            for sign, a, b in zip(node.signs, sides, sides[1:], strict=False):
                made = made & COMPARES[sign](a, b)
            return made
        raise Unread("this condition", node)

    def of_indicator(self, node: n.Indicator, env: Env) -> Quantity:
        """1 where the conditions hold, else 0; of arrays entry by entry."""
        made = q.single(ONE)
        for c in node.conditions:
            c = plain(c)
            if isinstance(c, n.Chain) and len(c.sides) == 2 and c.signs[0] in COMPARES and not self.counted(c, env):
                a, b = (self.value(x, env) for x in c.sides)
                compare = COMPARES[c.signs[0]]
                found = q.zipped(lambda x, y: s.truth(compare(np.asarray(x.value), y.value)), a, b, True)
                made = q.hadamard(made, found)
            else:
                made = q.scaled(made, s.truth(self.holds(c, env)))
        return made

    def counted(self, node: n.Chain, env: Env) -> bool:
        """Whether all sides of a condition are indices."""
        return all(self.whole_number(plain(x), env, set()) is not None for x in node.sides)

    def of_cases(self, node: n.Cases, env: Env) -> Quantity:
        """The first case whose condition holds."""
        made: Quantity | None = None
        for case in reversed(node.rows):
            if not case.conditions and len(node.rows) == 1:
                return self.value(case.value, env)
            where = self.when(case, env)
            if where is not None and not np.any(where):
                if made is None:
                    made = q.single(ZERO)
                continue
            value = self.value(case.value, env)
            if made is None and where is None:
                made = value
            elif where is None or np.all(where):
                made = value
            else:
                other = made if made is not None else q.single(ZERO)
                made = q.zipped(lambda a, b, w=where: s.chosen(w, a, b), value, other)
        if made is None:
            raise Unread("no case", node)
        return made

    def when(self, case: n.Case, env: Env) -> np.ndarray | None:
        """Where a case holds; None for what is left over."""
        found: np.ndarray | None = None
        for c in case.conditions:
            if c.word in ("otherwise", "else", "elsewhere") or (not c.parts and c.word):
                return None
            for part in c.parts:
                here = self.holds(part, env)
                found = here if found is None else found & here
        return found

    def of_dots(self, node: n.Dots, env: Env) -> Quantity:
        """Dots that no sequence surrounds."""
        raise Unread("dots that no sequence surrounds", node)

    def of_chain(self, node: n.Chain, env: Env) -> Quantity:
        """A relation where a value is meant: a condition in brackets, 1 where it holds."""
        return q.single(s.truth(self.holds(node, env)))


def _misfit(a: Quantity, b: Quantity) -> Quantity:
    raise Misfit(f"{a.described} beside {b.described}")


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
        cut = sign == "/" and len(inside) > 1 and (isinstance(inside[0], n.Number) or isinstance(inside[1], n.Bracket | n.Leibniz | n.Big | n.Fraction | n.Call))
        if cut and isinstance(inside[0], n.Name) and isinstance(inside[1], n.Bracket) and len(inside) == 2 and isinstance(plain(inside[1]), n.Name | n.Call | n.Accent):
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


__all__ = ["Known", "Values"]
