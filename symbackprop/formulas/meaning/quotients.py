"""Derivatives as quotients, and the chain rule between them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.objectives import Objectives
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import UnreadError
from symbackprop.formulas.notation.losses import SURE_LOSSES
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import ZERO, Scalar, adjoints
from symbackprop.language.latex import nodes as n


class Quotients(Objectives):
    """Evaluates quotients. `reversed`: a chain of tensors was written from the inside out."""

    reversed = False

    def of_leibniz(self, node: n.Leibniz, env: Env) -> Quantity:
        """A derivative as a quotient."""
        if node.of is None:
            raise UnreadError("a derivative of nothing", node)
        degree = self.degree(node)
        variables, turned = [], False
        for by in node.by:
            variable, repeated, transposed = self.variable(by, degree - len(node.by) + 1, env)
            variables += [variable] * repeated
            turned = turned or transposed
        if len(variables) < degree:
            variables += [variables[-1]] * (degree - len(variables))
        function = plain(node.of)
        if isinstance(function, n.Name) and not function.scripts and len(variables) == 1 and self.is_declared_function(base_of(function)):
            top = self.shaped_function(function, [variables[0]], self.declared_shape(base_of(function), env), env)
            return self.derivative(top, variables, node, turned)
        if (
            isinstance(function, n.Name)
            and degree == 1
            and not self.known.get(base_of(function))
            and base_of(function) not in SURE_LOSSES
            and self.scoped(function) is None
        ):
            slope = self.slope_of(function, env) if base_of(function) in (*f.SQUASHED, *self.used_as_functions()) else None
            if slope is not None and len(variables) == 1:
                return self.derivative(q.mapped(slope, variables[0]), variables, node, turned)
        top = self.derived_thing(node.of, node, env)
        made = self.derivative(top, variables, node, turned)
        for factor, sign in node.beside:
            if sign not in ("", r"\cdot", "*", r"\times"):
                raise UnreadError("what stands beside in the denominator", factor)
            made = self.over(made, self.value(factor, env))
        return made

    @staticmethod
    def degree(node: n.Leibniz) -> int:
        """Of which order."""
        for script in node.scripts:
            if script.mark == "^" and len(script.items) == 1 and isinstance(script.items[0], n.Number):
                return int(script.items[0].text)
        return len(node.by)

    def variable(self, by: n.Node, most: int, env: Env) -> tuple[Quantity, int, bool]:
        """What is derived by, how often, and whether it is transposed."""
        by = plain(by)
        repeated, turned = 1, False
        if isinstance(by, n.Scripted):
            scripts, by = by.scripts, plain(by.of)
            if isinstance(by, n.Name):
                by = replace(by, scripts=by.scripts + scripts)
        if not isinstance(by, n.Name):
            return self.value(by, env), 1, False
        last = by.scripts[-1] if by.scripts else None
        if last is not None and last.mark == "^" and len(last.items) == 1:
            said = flat(last.items[0])
            if said == str(most) and most > 1:
                repeated, by = most, replace(by, scripts=by.scripts[:-1])
            elif said in TRANSPOSES and not isinstance(last.items[0], n.Bracket):
                turned, by = True, replace(by, scripts=by.scripts[:-1])
        made, rest = self.tensor(by, env)
        if rest:
            raise UnreadError("a derivative by a power", by)
        if not all(x.entry for x in made.data.reshape(-1)):
            raise UnreadError(f"a derivative by {flat(by)}, which is no variable", by)
        return made, repeated, turned

    def derivative(self, top: Quantity, variables: Sequence[Quantity], node: n.Node, turned: bool = False, nabla: bool = False) -> Quantity:
        """All derivatives of entries by entries, arranged by the layout."""
        entries = top.data.reshape(-1)
        shape = top.shape
        immediate = self.is_immediate(node, variables)
        for variable in variables:
            made: list[Scalar] = []
            for x in entries:
                slopes = adjoints(x, immediate)
                made += [slopes.get(v, ZERO) if v.entry else self.through(x, v) for v in variable.data.reshape(-1)]
            entries = np.array(made, dtype=object)
            shape = shape + variable.shape
        if shape == () and len(variables) == 1 and s.is_number(entries[0], 0):
            entries = np.array([self.through(top.scalar, variables[0].scalar)], dtype=object)
        self.met(node, any(not s.is_number(x, 0) for x in entries))
        raw = entries.reshape(shape)
        if raw.ndim == 0:
            return replace(q.single(raw.item()), links=(_key(top), _key(variables[0]), 0)) if len(variables) == 1 else q.single(raw.item())
        if len(variables) > 1:
            return Quantity(raw)
        key_top, key_by = _key(top), _key(variables[0])
        links = (key_top, key_by, top.data.ndim)
        return self.arranged(raw, links, turned, nabla, variables[0].row)

    def through(self, top: Scalar, variable: Scalar) -> Scalar:
        """The derivative by a number that `top` is a function of without saying so: y - z instead of r = y - z."""
        inside, outside = adjoints(variable), adjoints(top)
        leaves = [x for x in inside if x.entry and not x.of]
        if not leaves or any(x not in outside for x in leaves) or not variable.of:
            return ZERO
        ratios = [outside[x] / inside[x] for x in leaves]
        first = np.asarray(ratios[0].value)
        if all(np.allclose(np.asarray(r.value), first, rtol=1e-9, equal_nan=True) for r in ratios):
            return ratios[0]
        return ZERO

    def is_immediate(self, node: n.Node, variables: Sequence[Quantity]) -> bool:
        """Whether the reading takes this derivative with other tensors held."""
        if self.reading.same:
            return flat(node) in self.first_sides and id(node) not in self.first_nodes
        if self.reading.parameters:
            return id(node) not in self.first_nodes and all(not x.of for v in variables for x in v.data.reshape(-1))
        return self.reading.immediate

    @property
    def first_sides(self) -> set[str]:
        """The left sides of the claims, as keys."""
        sides = [c.sides[0] for c in self.claims if isinstance(c, n.Chain)]
        return {flat(x) for x in [*sides, *([self.context.continues] if self.context.continues else [])]}

    @property
    def first_nodes(self) -> set[int]:
        """The parts of left sides, by identity."""
        sides = [c.sides[0] for c in self.claims if isinstance(c, n.Chain)]
        return {id(p) for x in [*sides, *([self.context.continues] if self.context.continues else [])] for p in parts(x)}

    def arranged(self, raw: np.ndarray, links: tuple[str, str, int], turned: bool, nabla: bool, row: bool) -> Quantity:
        """A whole derivative in the layout of the reading; what it is kept in its links."""
        outs = links[2]
        ins = raw.ndim - outs
        layout = "numerator" if turned else "gradient" if nabla else self.reading.layout
        made = Quantity(raw, links=links)
        if raw.ndim == 1:
            made = replace(made, row=(layout == "numerator") if outs == 0 else layout == "denominator")
            if layout == "gradient":
                made = replace(made, row=self.reading.row_vectors and outs == 0)
        elif (raw.ndim == 2 and ((layout == "denominator" and outs == ins == 1) or (nabla and outs == ins == 1))) or (
            raw.ndim == 2 and layout == "numerator" and outs == 0 and (self.reading.turned or turned)
        ):
            made = Quantity(raw.T, links=links)
        self.raw[id(made.data)] = raw
        self.kept.append(made.data)
        return made

    @property
    def raw(self) -> dict[int, np.ndarray]:
        """Whole derivatives, outputs before inputs, by the arrays that show them in a layout."""
        if not hasattr(self, "_raw"):
            self._raw: dict[int, np.ndarray] = {}
        return self._raw

    @property
    def kept(self) -> list[np.ndarray]:
        """Keeps those arrays alive, so that their numbers stay theirs."""
        if not hasattr(self, "_kept"):
            self._kept: list[np.ndarray] = []
        return self._kept

    def of_product_rule(self, given: Sequence[Quantity]) -> Quantity:
        """prod(a, b): a product by the chain rule, whatever the layout."""
        made = given[0]
        for further in given[1:]:
            chained = self.chained(made, further, strict=False)
            if chained is None:
                raise UnreadError("a product that only its function knows")
            made = chained
        return made

    def met(self, node: n.Node, depends: bool) -> None:
        """Note whether a derivative was ever anything but 0."""
        if not hasattr(self, "dependence"):
            self.dependence: dict[int, bool] = {}
        self.dependence[id(node)] = self.dependence.get(id(node), False) or depends

    def chained(self, a: Quantity, b: Quantity, strict: bool = True) -> Quantity | None:
        """The chain rule: two whole derivatives contracted over what they share, unless both are matrices of a strict layout."""
        if a.links is None or b.links is None:
            return None
        left, right = self.raw.get(id(a.data), a.data), self.raw.get(id(b.data), b.data)
        if not left.shape and not right.shape:
            return None
        if (left.shape and id(a.data) not in self.raw) or (right.shape and id(b.data) not in self.raw):
            return None
        matrices = left.ndim <= 2 and right.ndim <= 2
        if strict and matrices and self.reading.layout in ("numerator", "denominator") and not self.reading.loose:
            return None
        if a.links[1] == b.links[0]:
            made = (
                q.contracted(Quantity(left), Quantity(right), b.links[2]) if b.links[2] else q.outer(Quantity(left), Quantity(right)).data
            )
            return self.arranged(made, (a.links[0], b.links[1], a.links[2]), False, False, a.row)
        if a.links[0] == b.links[1]:
            self.reversed = self.reversed or left.ndim + right.ndim > 3
            made = (
                q.contracted(Quantity(right), Quantity(left), a.links[2]) if a.links[2] else q.outer(Quantity(right), Quantity(left)).data
            )
            return self.arranged(made, (b.links[0], a.links[1], b.links[2]), False, False, a.row)
        return None


def _key(a: Quantity) -> str:
    """What tells one tensor from another: its entries."""
    return ",".join(str(x.serial) for x in a.data.reshape(-1))
