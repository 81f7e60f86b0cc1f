"""Operators and differentials: nabla, derivatives at a point, d before a name."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.calls import differentiated
from symbackprop.formulas.meaning.quotients import Quotients, _key
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.references import Position
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain, upright
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import ZERO, Scalar, adjoints
from symbackprop.language.latex import nodes as n

TANGENTS, COTANGENTS = {"dot"}, {"bar", "overline"}


class Meaning(Quotients):
    """Everything that a formula can say."""

    def of_operator(self, node: n.Operator, env: Env) -> Quantity:
        """A gradient, or a derivative that is written as an operator."""
        by = [i for x in node.scripts if x.mark == "_" for i in x.items]
        whole = plain(node.of) if node.of is not None else None
        if not by and isinstance(whole, n.Name) and self.known.get(f"{node.sign} {base_of(whole)}"):
            return self.name(replace(whole, id=f"{node.sign} {whole.id}"), env)
        if node.sign == r"\Delta":
            raise UnreadError("an increment", node)
        if node.of is None:
            raise UnreadError("an operator of nothing", node)
        above = self.positions(tuple(x for x in node.scripts if x.mark == "^"), "^", env)
        if not by:
            return self.gradient_by_all(node, above, env)
        if isinstance(whole, n.Evaluated) and len(by) == 1:
            return self.derived_at(node, whole, plain(by[0]), env)
        variables = [self.variable(b, 1, env)[0] for b in by]
        twice = [p for p in above if p.text == "2"]
        if twice:
            variables = variables * (2 if len(variables) == 1 else 1)
        of, rest = node.of, ()
        top = self.derived_thing(of, node, env)
        made = self.derivative(top, variables, node, nabla=node.sign == r"\nabla")
        return self.raised(made, [p for p in above if p not in twice], node, env) if not rest else made

    def increment(self, of: n.Node, env: Env) -> Quantity:
        """Delta before a number is its Laplacian by all variables, or an increment; either way a number."""
        inside = self.derived_thing(of, of, env)
        if inside.shape:
            raise UnreadError("an increment of an array", of)
        return replace(q.single(Scalar(np.full(1, np.nan), entry=True)), special="laplacian")

    def derived_at(self, node: n.Operator | n.Leibniz, inside: n.Evaluated, by: n.Node, env: Env) -> Quantity:
        """nabla_z g(z) at z = f(x)."""
        conditions = [i for x in inside.scripts if x.mark == "_" for i in x.items]
        at = conditions[0] if len(conditions) == 1 else None
        if not isinstance(at, n.Chain) or len(at.sides) != 2 or flat(plain(at.sides[0])) != flat(by):
            raise UnreadError("a value at a point", inside)
        place = self.value(at.sides[1], env)
        fresh = replace(place, data=np.array([s.entry(x) for x in place.data.reshape(-1)], dtype=object).reshape(place.shape), links=None)
        self.scope.append({**(self.scope[-1] if self.scope else {}), flat(by): fresh})
        try:
            top = self.value(inside.of, env)
        finally:
            self.scope.pop()
        return self.derivative(top, [fresh], node, nabla=node.sign == r"\nabla")

    def gradient_by_all(self, node: n.Operator, above: Sequence[Position], env: Env) -> Quantity:
        """A gradient that does not say by what: by the argument of a function, else by nothing that is known."""
        inside = plain(node.of) if node.of is not None else None
        if (
            isinstance(inside, n.Juxtaposition)
            and len(inside.factors) == 2
            and isinstance(inside.factors[1], n.Bracket)
            and len(inside.factors[1].items) == 1
        ):
            by = plain(inside.factors[1].items[0])
            if isinstance(by, n.Name) and node.of is not None:
                variable = self.variable(by, 1, env)[0]
                twice = [p for p in above if p.text == "2"]
                made = self.derivative(self.derived_thing(node.of, node, env), [variable] * (2 if twice else 1), node, nabla=True)
                return self.raised(made, [p for p in above if p not in twice], node, env)
        name = self.called(inside) if inside is not None else None
        found = self.definition(name, env) if name is not None else None
        if found is not None and found[0].parameters and len(found[0].parameters) == 1 and name is not None:
            variable = self.variable(found[0].parameters[0], 1, env)[0]
            return self.derivative(self.name(name, env), [variable], node, nabla=True)
        if inside is not None and not self.derived_thing(node.of or inside, node, env).shape:
            return replace(q.array_of([], (0,)), special="open")
        raise UnreadError("a gradient that does not say by what", node)

    def of_evaluated(self, node: n.Evaluated, env: Env) -> Quantity:
        """f'(a) as a derivative at x = a."""
        of = node.of
        conditions = [i for x in node.scripts if x.mark == "_" for i in x.items]
        if (
            isinstance(of, n.Leibniz)
            and len(of.by) == 1
            and of.of is not None
            and len(conditions) == 1
            and isinstance(conditions[0], n.Chain)
        ):
            head, by = self.called(plain(of.of)), plain(of.by[0])
            at = conditions[0]
            if head is not None and len(at.sides) == 2 and flat(plain(at.sides[0])) == flat(by):
                slope = self.slope_of(head, env)
                if slope is not None:
                    return q.mapped(differentiated(slope, self.degree(of)), self.value(at.sides[1], env))
            if isinstance(at, n.Chain) and len(at.sides) == 2 and flat(plain(at.sides[0])) == flat(by):
                return self.derived_at(of, n.Evaluated(of.of, node.scripts, span=node.span), by, env)
        if isinstance(of, n.Operator) and of.of is not None and len(conditions) == 1:
            by_all = [i for x in of.scripts if x.mark == "_" for i in x.items]
            if len(by_all) == 1:
                return self.derived_at(of, n.Evaluated(of.of, node.scripts, span=node.span), plain(by_all[0]), env)
        raise UnreadError("a value at a point", node)

    def of_differential(self, node: n.Differential, env: Env) -> Quantity:
        """dX: what the context defines, a differential, or short for the derivative of the loss by X."""
        of = plain(node.of) if node.of is not None else None
        if self.context.conventions.arrays and node.sign == "d":
            factors = (n.Name("d", scripts=node.scripts, span=node.span), *([node.of] if node.of is not None else []))
            return self.value(n.Juxtaposition(factors, span=node.span) if len(factors) > 1 else factors[0], env)
        whole = isinstance(node.of, n.Bracket) and isinstance(of, n.Name) and bool(of.scripts)  # d(X^{-1}) is no power of dX
        if not isinstance(of, n.Name) or whole:
            if of is not None and self.is_differential():
                return self.total_differential(self.value(of, env), env)
            raise UnreadError("d of what is no name", node)
        named = replace(of, id=f"d {of.id}")
        places = self.positions(named.scripts, "_", env), self.positions(named.scripts, "^", env)
        if self.candidates(base_of(named), *places):
            return self.name(named, env)
        if self.is_differential():
            made, rest = self.tensor(of, env)
            direction = self.direction(of, made, env)
            return self.raised(direction if direction is not None else self.total_differential(made, env), rest, node, env)
        return self.adjoint(of, node, env)

    def name(self, node: n.Name, env: Env) -> Quantity:
        r"""A name; \dot X that nothing defines is the derivative of X along a direction, \bar X that of the loss by X."""
        mark = node.accents[0] if node.accents else ""
        if mark not in TANGENTS | COTANGENTS or self.known.get(base_of(node)) or mark not in self.differentiating:
            return super().name(node, env)
        bare = replace(node, accents=node.accents[1:])
        if mark in COTANGENTS:
            return self.adjoint(bare, node, env)
        made, rest = self.tensor(bare, env)
        direction = self.direction(bare, made, env)
        return self.raised(direction if direction is not None else self.total_differential(made, env), rest, node, env)

    @property
    def differentiating(self) -> set[str]:
        """The accents that stand for derivatives: over a name that an equation defines and another one, and over none of the context."""
        if not hasattr(self, "_differentiating"):
            given = {a for s in self.context.statements for p in parts(s.body) if isinstance(p, n.Name) for a in p.accents}
            over: dict[str, set[str]] = {}
            for claim in self.claims:
                for p in parts(claim):
                    if isinstance(p, n.Name) and p.accents and p.accents[0] not in given:
                        over.setdefault(p.accents[0], set()).add(base_of(replace(p, accents=p.accents[1:])))
            self._differentiating = {
                a for a, bases in over.items() if len(bases) > 1 and any(k.right is not None for b in bases for k in self.known.get(b, ()))
            }
        return self._differentiating

    def is_differential(self) -> bool:
        """Whether d means a differential here: a side is a sum of products with d of a variable, and the left side is d too."""
        if self.context.conventions.layout == "differential":
            return True
        if self.context.conventions.derived:
            return False
        for claim in self.claims:
            if isinstance(claim, n.Chain) and isinstance(plain(claim.sides[0]), n.Differential) and len(claim.sides) > 1:
                left = plain(claim.sides[0])
                of = plain(left.of) if isinstance(left, n.Differential) and left.of is not None else None
                inside = [p for p in parts(claim.sides[-1]) if isinstance(p, n.Differential)]
                if isinstance(of, n.Name) and (
                    self.defines(of)
                    and inside
                    and not any(self.defines(x) for p in inside if p.of is not None and isinstance(x := plain(p.of), n.Name))
                ):
                    return True
                if of is not None and (not isinstance(of, n.Name) or isinstance(getattr(left, "of", None), n.Bracket)):
                    return True
        return False

    def direction(self, of: n.Name, made: Quantity, env: Env) -> Quantity | None:
        """The differential of a variable that nothing defines: a direction, drawn once."""
        if any(x.of for x in made.data.reshape(-1)):
            return None
        key = ("direction", _key(made))
        if key not in self.memo:
            values = self.drawn(f"d{flat(of)}", made.shape, "")
            self.memo[key] = q.array_of([Scalar(values[at], entry=True) for at in np.ndindex(*made.shape)], made.shape, made.row)
        return self.memo[key]

    def total_differential(self, made: Quantity, env: Env) -> Quantity:
        """The derivative along the directions of all variables whose differential the claims name."""
        entries = [ZERO] * made.data.size
        found = [plain(p.of) for c in self.claims for p in parts(c) if isinstance(p, n.Differential) and p.of is not None]
        found += [
            replace(p, accents=p.accents[1:])
            for c in self.claims
            for p in parts(c)
            if isinstance(p, n.Name) and p.accents and p.accents[0] in TANGENTS & self.differentiating
        ]
        names = [p for x in found if isinstance(p := upright(x), n.Name)]
        if all(self.defines(p) for p in names):
            names += self.varying(names, env)
        seen: set[str] = set()
        for of in {flat(p): p for p in names}.values():
            variable, _ = self.tensor(of, env)
            direction = self.direction(of, variable, env)
            if direction is None or _key(variable) in seen:
                continue
            seen.add(_key(variable))
            for k, x in enumerate(made.data.reshape(-1)):
                slopes = adjoints(x)
                for v, d in zip(variable.data.reshape(-1), direction.data.reshape(-1), strict=True):
                    entries[k] = entries[k] + slopes.get(v, ZERO) * d
        return q.array_of(entries, made.shape, made.row)

    def varying(self, named: Sequence[n.Name], env: Env) -> list[n.Name]:
        """The variables that intermediates on the right depend on, by whose differentials all is told; without such, all variables."""
        free = [d.name for d in self.context.declared if d.axes and not d.name.scripts and not self.defines(d.name)]
        heads = [plain(c.sides[0]) for c in self.claims if isinstance(c, n.Chain)]
        lefts = {flat(plain(x.of)) for x in heads if isinstance(x, n.Differential) and x.of is not None}
        inner = [x for p in named if flat(p) not in lefts for x in self.tensor(p, env)[0].data.reshape(-1)]
        reached = {v for x in inner for v in adjoints(x)}
        return [p for p in free if not inner or reached & set(self.tensor(p, env)[0].data.reshape(-1))]

    def adjoint(self, of: n.Name, node: n.Node, env: Env) -> Quantity:
        """dX for the derivative of the loss by X; of what the conventions say so, times the number of samples."""
        loss = self.loss(env)
        variable, rest = self.tensor(of, env)
        if not all(x.entry for x in variable.data.reshape(-1)):
            raise UnreadError(f"d{flat(of)}, and {flat(of)} is no variable", node)
        made = self.derivative(loss, [variable], node)
        if self.reading.before:
            made = self.before(of, made, env)
        factor = self.factor(of)
        if factor:
            made = q.scaled(made, s.constant(self.size_of(factor)))
        return self.raised(made, rest, node, env)

    def before(self, of: n.Name, made: Quantity, env: Env) -> Quantity:
        """The derivative by what an activation is applied to, from that by the activation; of anything else what it is."""
        here = self.candidates(base_of(of), self.positions(of.scripts, "_", env), self.positions(of.scripts, "^", env))
        for k, fit in here:
            right = plain(k.right) if k.right is not None else None
            head, inside = (right.function, right.argument) if isinstance(right, n.Call) else (None, None)
            if isinstance(right, n.Juxtaposition) and len(right.factors) == 2 and isinstance(right.factors[1], n.Bracket):
                head, inside = right.factors  # type: ignore[assignment]
            slope = self.slope_of(replace(head, style=""), {**env, **dict(fit.bindings)}) if isinstance(head, n.Name) else None
            if slope is not None and inside is not None:
                rate = q.mapped(differentiated(slope, 1), self.value(inside, {**env, **dict(fit.bindings)}))
                if rate.shape == made.shape:
                    return q.array_of(
                        [a * b for a, b in zip(made.data.reshape(-1), rate.data.reshape(-1), strict=True)], made.shape, made.row
                    )
        return made

    def factor(self, of: n.Name) -> str:
        """The size that d of this name is multiplied by, by the conventions."""
        derived = self.context.conventions.derived
        for found in re.finditer(r"([A-Za-z_]+)\s*(?:\*|\\cdot)?\s*d[A-Za-z]\s*/\s*d\\?([A-Za-z]+)", derived):
            if found.group(2).lower() == of.id.lower() and found.group(1) in self.sizes_named:
                return found.group(1)
        for found in re.finditer(r"d\\?([A-Za-z]+)[^,;.()]*?means?\s+([A-Za-z_]+)\s*(?:\*|\\cdot|times)", derived):
            if found.group(1).lower() == of.id.lower() and found.group(2) in self.sizes_named:
                return found.group(2)
        return ""
