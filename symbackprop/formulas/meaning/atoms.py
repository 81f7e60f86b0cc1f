"""Names, numbers, brackets and matrices, and the powers and transposes on them."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.names.names import Names
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.references import ENTRYWISE, Position, atoms, primes
from symbackprop.formulas.notation.sequences import expanded_sum
from symbackprop.formulas.notation.trees import INVERSES, TRANSPOSES, base_of, flat, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers import wholes
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import ONE, ZERO
from symbackprop.language.latex import nodes as n

EMPTY = n.Name("?")
"""What has no name."""


class Atoms(Names):
    """Evaluates the smallest parts."""

    def value(self, node: n.Node, env: Env) -> Quantity:
        """What a tree stands for under values of its indices."""
        method = getattr(self, f"of_{type(node).__name__.lower()}", None)
        if method is None:
            raise UnreadError(f"{type(node).__name__} has no value here", node)
        self.steps += 1
        if self.steps % 64 == 0 and time.process_time() > self.deadline:
            raise UnreadError("this takes too long", node)
        made: Quantity = method(node, env)
        return made

    def of_number(self, node: n.Number, env: Env) -> Quantity:
        """A number."""
        return q.single(self.constant_of(node.text))

    def of_name(self, node: n.Name, env: Env) -> Quantity:
        """A name: a tensor, the base of the exponential, ones, the identity, an index as a number."""
        count = primes(node.scripts)
        if count:
            return self.primed(node, None, env)
        if (
            (
                node.id == "e"
                and not node.accents
                and not any(x.mark == "_" for x in node.scripts)
                and any(x.mark == "^" for x in node.scripts)
            )
            and not any(not k.pattern.below for k in self.known.get("e", ()))
            and self.scoped(node) is None
        ):
            return self.exponential(node, env)
        if node.id == r"\delta" and self.is_known(node) and len(atoms(node.scripts, "_")) == 2 and not self.has_two_indices(node):
            return self.kronecker(node, env)
        if not self.is_known(node):
            if node.id == "e" and node.style in ("mathbf", "boldsymbol") and len(atoms(node.scripts, "_")) == 1:
                return self.unit(node, env)
            if node.id == "e" and not node.accents and any(x.mark == "^" for x in node.scripts):
                return self.exponential(node, env)
            if node.id.isdigit() and node.style in ("mathcal", "mathit", "mathrm", "mathsf", "mathtt"):
                return self.raised(q.single(self.constant_of(node.id)), self.positions(node.scripts, "^", env), node, env)
            if node.id == "1" and (node.style or node.scripts):
                return self.ones(node, env)
            if node.id in ("I", r"\mathbb{I}") and not any(x.mark == "_" and not self.is_size_script(x) for x in node.scripts):
                return self.identity(node, env)
            if node.id == "K" and len(atoms(node.scripts, "_")) == 2:
                rows, columns = (self.size(a.tree, env) for a in atoms(node.scripts, "_"))
                return self.raised(
                    wholes.commutation(rows, columns, self.reading.vec_rows), self.positions(node.scripts, "^", env), node, env
                )
            if node.id in (r"\delta", "I", r"\mathbb{I}") and node.scripts and self.is_kronecker(node):
                return self.kronecker(node, env)
            if node.id == "0" and node.style:
                return q.single(ZERO)
        if not node.scripts and node.id in env and not self.known.get(base_of(node)):
            return q.value_of(env[node.id])
        return self.name(node, env)

    def has_two_indices(self, node: n.Name) -> bool:
        """Whether what is known by this name has two indices, or something above it: then it is no Kronecker delta."""
        rows = self.known.get(base_of(node), ())
        above = any(x.mark == "^" for x in node.scripts)
        return above or any(k.pattern.above or len(k.pattern.below) + len(k.axes or ()) > 1 for k in rows) or self.scoped(node) is not None

    def is_known(self, node: n.Name) -> bool:
        """Whether something declares or defines this name; fonts tell names apart only where all names are said to be arrays."""
        if self.context.conventions.arrays:
            return self.scoped(node) is not None or any(
                base_of(d.name) == base_of(node) and d.name.style == node.style for d in self.context.declared
            )
        return bool(self.known.get(base_of(node))) or self.scoped(node) is not None

    def is_size_script(self, script: n.Script) -> bool:
        """Whether a script says a size."""
        names = [base_of(p) for i in script.items for p in parts(i) if isinstance(p, n.Name)]
        return all(isinstance(i, n.Number) or flat(i) in self.sizes_named for i in script.items) or (
            bool(names) and set(names) <= self.sizes_named
        )

    def exponential(self, node: n.Name, env: Env) -> Quantity:
        """e to the power of what stands above."""
        above = [x for x in node.scripts if x.mark == "^"]
        if len(above) != 1 or len(above[0].items) != 1:
            raise UnreadError("the exponent is not understood", node)
        return q.mapped(s.exp, self.value(above[0].items[0], env))

    def ones(self, node: n.Name, env: Env) -> Quantity:
        """A column of ones, or a matrix, by the sizes below."""
        places = self.positions(node.scripts, "_", env)
        if len(places) == 2 and all(p.number is not None for p in places) and any(p.letters for p in places):
            return q.single(ONE if places[0].number == places[1].number else ZERO)
        items = [i for x in node.scripts if x.mark == "_" for i in x.items]
        product = len(items) == 1 and self.context.conventions.arrays
        sizes = [self.size(i, env) for i in (items if product else [a.tree for a in atoms(node.scripts, "_")])]
        turned = any(a.text in TRANSPOSES for a in atoms(node.scripts, "^"))
        if not sizes:
            return replace(q.single(ONE), special="ones", row=turned)
        return replace(q.ones(*sizes), row=turned) if len(sizes) == 1 else q.ones(*sizes)

    def unit(self, node: n.Name, env: Env) -> Quantity:
        """A column of the identity matrix, as long as what stands beside it, else as the sum over its letter, or as the whole."""
        (p,) = self.positions(node.scripts, "_", env)
        place = p.number if p.number is not None or p.tree is None else self.size(p.tree, env)
        rows, columns = [self.upto[p.text]] * 2 if p.text in self.upto else self.whole
        made = replace(q.single(ONE), special=f"unit {place} {rows} {columns}")
        return self.raised(made, self.positions(node.scripts, "^", env), node, env)

    def identity(self, node: n.Name, env: Env) -> Quantity:
        """The identity matrix."""
        sizes = [self.size(i, env) for x in node.scripts if x.mark == "_" for i in x.items]
        return q.eye(sizes[0]) if sizes else replace(q.single(ONE), special="eye")

    @staticmethod
    def is_kronecker(node: n.Name) -> bool:
        """Whether two indices stand at a delta, 2 j behind a comma among them."""
        two = [i for x in node.scripts if x.mark == "_" for i in x.items]
        return len(two) == 2 or len(atoms(node.scripts, "_")) + len(atoms(node.scripts, "^")) == 2

    def kronecker(self, node: n.Name, env: Env) -> Quantity:
        """delta_{ij}."""
        items = [i for x in node.scripts if x.mark == "_" for i in x.items]
        whole = [self.position(i, "", env) for i in items] if len(items) == 2 else []
        places = tuple(whole) or (*self.positions(node.scripts, "_", env), *self.positions(node.scripts, "^", env))
        if any(p.number is None for p in places):
            raise UnreadError(f"an index of {flat(node)} has no value", node)
        return q.single(ONE if places[0].number == places[1].number else ZERO)

    def of_accent(self, node: n.Accent, env: Env) -> Quantity:
        """An accent over a name with scripts."""
        inside = plain(node)
        if isinstance(inside, n.Name):
            return self.of_name(inside, env)
        if isinstance(node.of, n.Number):
            return self.value(node.of, env)
        raise UnreadError("an accent over an expression", node)

    def of_labelled(self, node: n.Labelled, env: Env) -> Quantity:
        """What stands over a brace."""
        return self.value(node.of, env)

    def of_bracket(self, node: n.Bracket, env: Env) -> Quantity:
        """Brackets: of one thing, absolute values, norms, rows of entries."""
        if node.open == r"\lVert":
            return q.single(s.sqrt(f.squared_norm(self.value(node.items[0], env))))
        if node.open == r"\lvert":
            inside = self.value(node.items[0], env)
            square = inside.data.ndim == 2 and inside.shape[0] == inside.shape[1] > 1 and not self.context.conventions.bars
            return q.single(wholes.determinant(inside)) if square else q.mapped(s.absolute, inside)
        if node.open in (r"\lfloor", r"\lceil"):
            inside = self.value(node.items[0], env)
            floor = f.ENTRYWISE["floor"]
            return q.mapped(floor, inside) if node.open == r"\lfloor" else q.negative(q.mapped(floor, q.negative(inside)))
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
            except UnreadError:
                items = tuple(i for i in items if not isinstance(i, n.Dots))
        entries = [self.value(i, env) for i in items]
        if not dots and len({e.shape for e in entries}) == 1 and entries[0].data.ndim == 1:
            return Quantity(np.stack([e.data for e in entries], axis=0 if entries[0].row else 1))
        if any(e.shape for e in entries):
            return joined(entries, node)
        made = q.array_of([e.scalar for e in entries], (len(entries),), row=node.open == "[" or self.reading.row_vectors)
        return replace(made, special="open") if dots else made

    def of_matrix(self, node: n.Matrix, env: Env) -> Quantity:
        """A matrix of entries, a column of one column; blocks are stacked."""
        rows = [[self.value(c, env) for c in row] for row in node.rows]
        if any(c.shape for row in rows for c in row):
            return self.blocks(rows, node)
        data = [[c.scalar for c in row] for row in rows]
        if len({len(r) for r in data}) != 1:
            raise UnreadError("rows of different lengths", node)
        made = q.array_of([x for r in data for x in r], (len(data), len(data[0])))
        if made.shape[1] == 1:
            return Quantity(made.data[:, 0])
        return Quantity(made.data[0], row=True) if made.shape[0] == 1 else made

    def blocks(self, rows: Sequence[Sequence[Quantity]], node: n.Node) -> Quantity:
        """Arrays beside and above each other."""
        arrays = [[c.data if c.data.ndim == 2 else c.data.reshape((1, -1) if c.row else (-1, 1)) for c in row] for row in rows]
        try:
            made = np.block(arrays)
        except ValueError:
            raise MisfitError("blocks that do not fit beside each other") from None
        vector = len(rows[0]) == 1 and all(c.data.ndim == 1 and not c.row for row in rows for c in row)
        return Quantity(made[:, 0] if vector else made)

    def of_scripted(self, node: n.Scripted, env: Env) -> Quantity:
        """A bracket or quotient with a power, a transpose, components or primes."""
        if isinstance(node.of, n.Differential) and isinstance(node.of.of, n.Name):
            named = replace(node.of.of, scripts=node.of.of.scripts + node.scripts)
            return self.value(replace(node.of, of=named), env)
        if any(x.mark.startswith("'") for x in node.scripts):
            name = node.of.items[0] if isinstance(node.of, n.Bracket) and len(node.of.items) == 1 else None
            if not isinstance(name, n.Name) or any(k.axes is not None for k in self.known.get(base_of(name), ())):
                raise UnreadError("a prime behind a bracket", node)
            return self.value(replace(name, scripts=name.scripts + node.scripts), env)
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
                raise UnreadError(f"the norm {kind}", node)
        elif isinstance(node.of, n.Call) and below and isinstance(node.of.argument, n.Bracket):
            head = replace(node.of.function, style="")
            if self.is_component_of_call(head, node.of.argument, below, env):
                made = self.name(replace(head, scripts=head.scripts + tuple(below)), env)
            else:
                made = self.component(self.value(node.of, env), self.positions(node.scripts, "_", env), head, env)
        elif isinstance(node.of, n.Bracket) and below and isinstance(below[0].items[-1], n.Chain):
            return self.tabulated(
                node.of, [i for x in below for i in x.items], [i for x in node.scripts if x.mark == "^" for i in x.items], env
            )
        else:
            made = self.value(node.of, env)
            inverted = [p for p in self.positions(node.scripts, "^", env) if p.text in INVERSES]
            if below and inverted and made.data.ndim == 2:
                return self.component(self.raised(made, inverted, node, env), self.positions(node.scripts, "_", env), EMPTY, env)
            if below:
                made = self.component(made, self.positions(node.scripts, "_", env), EMPTY, env)
        return self.raised(made, self.positions(node.scripts, "^", env), node, env)

    def tabulated(self, body: n.Node, below: Sequence[n.Node], above: Sequence[n.Node], env: Env) -> Quantity:
        """(a_{ij})_{i,j=1}^{m,n}: an array by its entries."""
        letters, _, _ = self.indices_of(below)
        if len(above) not in (1, len(letters)):
            raise UnreadError("the range of these entries", body)
        sizes = [self.bound(above[min(k, len(above) - 1)], env, 0) for k in range(len(letters))]
        entries = [
            self.value(body, {**env, **{x: i + self.origin for x, i in zip(letters, at, strict=True)}}).scalar for at in np.ndindex(*sizes)
        ]
        for k, letter in enumerate(letters):
            if self.is_beyond(body, {**env, **dict.fromkeys(letters, 1), letter: sizes[k] + 1}, letter) is False:
                raise MisfitError(f"the index {letter} stops at {sizes[k]} before its axis does")
        return q.array_of(entries, tuple(sizes))

    def raised(self, found: Quantity, above: Sequence[Position], node: n.Node, env: Env) -> Quantity:
        """Transposes and powers above something."""
        for p in above:
            if p.bracket == ENTRYWISE[0] and p.tree is not None:
                found = q.mapped(partial(s.power, exponent=self.value(p.tree, env).scalar), found)
            elif p.text in TRANSPOSES and not p.bracket and not (p.text == "t" and found.data.ndim == 0):
                found = q.transposed(found)
            elif p.text in INVERSES:
                found = self.inverted(found)
                found = q.transposed(found) if p.text != "-1" else found
            elif p.tree is not None:
                exponent = self.value(p.tree, env)
                found = self.powered(found, exponent, node, bool(p.bracket))
        return found

    def inverted(self, found: Quantity) -> Quantity:
        """The inverse of a matrix; of anything else of each entry."""
        if found.data.ndim == 2 and found.shape[0] == found.shape[1] and found.shape[0] > 1 and not self.reading.elementwise_inverse:
            return wholes.inverse(found)
        if found.special == "eye":
            return replace(q.single(ONE / found.scalar), special="eye")
        return q.mapped(lambda x: ONE / x, found)

    def powered(self, found: Quantity, exponent: Quantity, node: n.Node, bracketed: bool) -> Quantity:
        """A power: of a number, of each entry; of a square matrix with itself."""
        if exponent.shape:
            raise UnreadError("an exponent that is no number", node)
        if bracketed:
            raise UnreadError("what stands above is not understood", node)
        whole = s.number(exponent.scalar)
        if (
            found.data.ndim == 2
            and found.shape[0] == found.shape[1]
            and found.shape[0] > 1
            and whole is not None
            and whole == int(whole)
            and whole >= 0
        ):
            if whole == 0:
                return q.eye(found.shape[0])
            made = found
            for _ in range(int(whole) - 1):
                made = q.matrix_product(made, found)
            return made
        if found.data.ndim == 1 and whole == 2 and isinstance(plain(node), n.Bracket | n.Scripted | n.Name) and self.reading.inner:
            return q.single(f.squared_norm(found))
        return q.mapped(lambda x: s.power(x, exponent.scalar), found)


def joined(entries: Sequence[Quantity], node: n.Node) -> Quantity:
    """Vectors and numbers one after the other, as in [h, x] or [w^T, b]."""
    if any(e.data.ndim > 1 for e in entries) or len({e.row for e in entries if e.shape}) != 1:
        raise UnreadError("a list of arrays", node)
    data = np.concatenate([e.data.reshape(-1) for e in entries])
    return Quantity(data, row=next(e.row for e in entries if e.shape))


def _misfit(a: Quantity, b: Quantity) -> Quantity:
    raise MisfitError(f"{a.described} beside {b.described}")
