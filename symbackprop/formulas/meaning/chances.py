r"""Densities and means that nothing defines: p_\theta(x | z) is any positive function, \mathbb E_{x \sim p}[...] a sum over draws."""

from collections.abc import Sequence
from dataclasses import replace

from symbackprop.formulas.meaning.functions import Functions
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.references import Pattern
from symbackprop.formulas.notation.trees import base_of, flat, operands, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.language.latex import nodes as n

DENSITIES = {"p", "q", "P", r"\pi", r"\rho"}
DRAWS = 3


class Chances(Functions):
    """Evaluates densities and means. What is known of neither (that densities add up to 1) may refute nothing: these names are invented."""

    def call(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """A mean, a density, or another function."""
        if self.is_mean(head, bracket):
            return self.mean(head, bracket, env)
        if self.is_density(head, bracket):
            return self.density(head, bracket, env)
        return super().call(head, bracket, env)

    def is_chance(self, node: n.Node) -> bool:
        """Whether this is a mean or a density."""
        factors = node.factors if isinstance(node, n.Juxtaposition) and len(node.factors) == 2 else ()
        head, behind = factors or (None, None)
        if not isinstance(head, n.Name) or not isinstance(behind, n.Bracket):
            return False
        return self.is_mean(head, behind) or self.is_density(head, behind)

    def is_mean(self, head: n.Name, bracket: n.Bracket) -> bool:
        r"""Whether \mathbb E[...] is the mean of what stands in the bracket."""
        return head.id == "E" and head.style == "mathbb" and len(bracket.items) == 1

    def is_density(self, head: n.Name, bracket: n.Bracket) -> bool:
        """Whether this is a density that nothing defines: something stands behind a bar or a semicolon, or parameters below it."""
        if head.id not in DENSITIES or self.known.get(base_of(head)) or head.accents or any(x.mark != "_" for x in head.scripts):
            return False
        return bool({"|", ";", r"\mid"} & set(bracket.separators)) or bool(self.parameters_below(head))

    def parameters_below(self, head: n.Name) -> list[n.Name]:
        """The tensors that are named below a function, as in f_\theta."""
        below = [plain(i) for x in head.scripts if x.mark == "_" for i in x.items]
        return [x for x in below if isinstance(x, n.Name) and any(k.axes is not None for k in self.known.get(base_of(x), ()))]

    def density(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity:
        """Any positive function of all arguments and parameters."""
        self.invented.add(f"{flat(head)}()")
        given = [self.chance(i, env) for i in (*bracket.items, *self.parameters_below(head))]
        return q.single(s.exp(f.anything_of(f"{base_of(head)} of {len(bracket.items)}", given) * s.constant(0.3)))

    def chance(self, node: n.Node, env: Env) -> Quantity:
        """An argument; a name that nothing declares is a number."""
        name = plain(node)
        if isinstance(name, n.Name) and self.scoped(name) is None and not self.known.get(base_of(name)) and not name.scripts:
            return self.leaf(base_of(name), Pattern(base_of(name), (), ()), {}, ())
        return self.value(node, env)

    def mean(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity:
        """The mean as a sum over draws, with the weights of the density that is named."""
        names, weight = self.drawn_from(head)
        if not names:
            self.invented.add("E[]")
            names = self.random(bracket)
        if not names:
            raise UnreadError("what this is the mean over", head)
        made: Quantity | None = None
        for k in range(DRAWS):
            drawn = {flat(x): self.draw(x, k, env) for x in names}
            self.scope.append({**(self.scope[-1] if self.scope else {}), **drawn})
            try:
                rate = s.constant(1 / DRAWS) if weight is None else self.density(*weight, env).scalar
                term = q.scaled(self.value(bracket.items[0], env), rate)
            finally:
                self.scope.pop()
            made = term if made is None else q.plus(made, term, self.reading.loose)
        assert made is not None
        return made

    def drawn_from(self, head: n.Name) -> tuple[list[n.Name], tuple[n.Name, n.Bracket] | None]:
        r"""What is drawn, and from which density: x \sim p_\theta, or q(z | x)."""
        names: list[n.Name] = []
        weight: tuple[n.Name, n.Bracket] | None = None
        for item in (i for x in head.scripts if x.mark == "_" for i in x.items):
            if isinstance(item, n.Chain) and item.signs == (r"\sim",):
                names += named_in(item.sides[0])
                source = plain(item.sides[1])
                if isinstance(source, n.Juxtaposition) and self.is_chance(source):
                    weight = source.factors[0], source.factors[1]  # type: ignore[assignment]
                elif isinstance(source, n.Name) and source.id in DENSITIES and self.parameters_below(source):
                    weight = source, n.Bracket("(", tuple(names), (",",) * (len(names) - 1), ")", span=source.span)
            elif isinstance(item, n.Juxtaposition) and self.is_chance(item) and isinstance(item.factors[1], n.Bracket):
                names += named_in(item.factors[1].items[0])
                weight = item.factors[0], item.factors[1]  # type: ignore[assignment]
            else:
                names += named_in(item)
        return names, weight

    def random(self, bracket: n.Bracket) -> list[n.Name]:
        """The names in a mean that nothing is derived by."""
        varied = {base_of(x) for x in self.derived_names()}
        found = [p for p in operands(bracket) if isinstance(p, n.Name) and not p.scripts and base_of(p) not in varied]
        return [p for p in {flat(p): p for p in found}.values() if any(k.axes is not None for k in self.known.get(base_of(p), ()))]

    def derived_names(self) -> list[n.Name]:
        """All that something is derived by."""
        whole = [p for t in self.trees for p in parts(t) if isinstance(p, n.Leibniz | n.Operator)]
        below = [b for p in whole for b in (p.by if isinstance(p, n.Leibniz) else [i for x in p.scripts for i in x.items])]
        return [x for b in below for x in parts(b) if isinstance(x, n.Name)]

    def draw(self, name: n.Name, k: int, env: Env) -> Quantity:
        """One draw."""
        shape = self.chance(name, env).shape
        base = f"{base_of(name)} draw {k}"
        return self.leaf(base, Pattern(base, (), ()), {}, shape)

    def smooth(self, head: n.Name, arguments: Sequence[Quantity], env: Env) -> Quantity:
        r"""A function that nothing defines; f_\theta depends on \theta too, and is a number."""
        parameters = self.parameters_below(head)
        if not parameters:
            return super().smooth(head, arguments, env)
        self.invented.add(f"{flat(head)}()")
        return q.single(f.anything_of(flat(replace(head, scripts=())), [*arguments, *(self.value(p, env) for p in parameters)]))


def named_in(node: n.Node) -> list[n.Name]:
    """A name, or several in a list or in brackets."""
    node = plain(node)
    if isinstance(node, n.Name):
        return [node]
    items = node.items if isinstance(node, n.Listing | n.Bracket) else node.factors if isinstance(node, n.Juxtaposition) else ()
    return [x for i in items for x in named_in(i)]
