"""Derivatives in formulas: quotients, nabla, differentials and d as a part of names, each derived here from the forward equations."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas import functions as f
from symbackprop.formulas import quantities as q
from symbackprop.formulas import tape as s
from symbackprop.formulas.calls import Calls, differentiated
from symbackprop.formulas.names import LAST, LOSSES, SURE_LOSSES, Env, Known, OutOfRange, Unread
from symbackprop.formulas.quantities import Misfit, Quantity
from symbackprop.formulas.references import Position
from symbackprop.formulas.tape import ZERO, Scalar, adjoints
from symbackprop.formulas.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain
from symbackprop.language.latex import nodes as n


class Meaning(Calls):
    """Everything that a formula can say. `reversed`: a chain of tensors was written from the inside out."""

    reversed = False

    # Quotients.

    def of_leibniz(self, node: n.Leibniz, env: Env) -> Quantity:
        """A derivative as a quotient."""
        if node.of is None:
            raise Unread("a derivative of nothing", node)
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
        if isinstance(function, n.Name) and degree == 1 and not self.known.get(base_of(function)) and base_of(function) not in SURE_LOSSES and self.scoped(function) is None:
            slope = self.slope_of(function, env) if base_of(function) in (*f.SQUASHED, *self.used_as_functions()) else None
            if slope is not None and len(variables) == 1:
                return self.derivative(q.mapped(slope, variables[0]), variables, node, turned)
        top = self.derived_thing(node.of, node, env)
        made = self.derivative(top, variables, node, turned)
        for factor, sign in node.beside:
            if sign not in ("", r"\cdot", "*", r"\times"):
                raise Unread("what stands beside in the denominator", factor)
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
            raise Unread("a derivative by a power", by)
        if not all(x.entry for x in made.data.reshape(-1)):
            raise Unread(f"a derivative by {flat(by)}, which is no variable", by)
        return made, repeated, turned

    def derived_thing(self, node: n.Node, whole: n.Node, env: Env) -> Quantity:
        """What is derived; a loss that nothing defines is any smooth function of what the equations end in."""
        inside = plain(node)
        if isinstance(inside, n.Call) and not self.known.get(base_of(replace(inside.function, style=""))) and inside.function.id.lower() in ("loss", "cost"):
            inside = replace(inside.function, style="")
        name = self.called(inside)
        if name is not None and self.scoped(name) is None:
            base = base_of(name)
            rows = self.known.get(base, [])
            free = rows and all(k.right is None and k.axes == () for k in rows) and base not in self.signatures
            longer = [k for k in rows if k.right is not None and not k.pattern.letters]
            if isinstance(inside, n.Name) and not inside.scripts and len(longer) == 1 and not any(k.right is not None and not k.pattern.below for k in rows):
                return self.known_tensor(longer[0], {}, frozenset())
            if free and isinstance(inside, n.Name) and not self.is_used_base(base):
                return self.objective(name, env)
            if not rows:
                if base in self.signatures:
                    return self.component(self.anything_declared(name, env), self.positions(name.scripts, "_", env), name, env)
                if isinstance(inside, n.Name) or ((base in SURE_LOSSES or base in LOSSES) and not self.of_defined(inside)):
                    return self.objective(name, env)
            elif isinstance(inside, n.Name) and self.definition(name, env) is not None and any(k.parameters and not k.pattern.letters for k in self.known[base]):
                return self.name(name, env)
        return self.value(node, env)

    def of_defined(self, node: n.Node) -> bool:
        """Whether a function stands before what equations define: l(o_t, y_t) is that function of these, J(W, b) the whole loss."""
        bracket = node.factors[1] if isinstance(node, n.Juxtaposition) else None
        bracket = bracket.of if isinstance(bracket, n.Scripted) else bracket
        items = bracket.items if isinstance(bracket, n.Bracket) else ()
        return any(isinstance(plain(i), n.Name) and self.defines(plain(i)) for i in items)  # type: ignore[arg-type]

    @staticmethod
    def called(node: n.Node) -> n.Name | None:
        """The name of f, of f(x) or of f(x)_i with what is below."""
        if isinstance(node, n.Name):
            return node
        scripts: tuple[n.Script, ...] = ()
        if isinstance(node, n.Juxtaposition) and len(node.factors) == 2 and isinstance(node.factors[0], n.Name):
            behind = node.factors[1]
            if isinstance(behind, n.Scripted):
                scripts, behind = behind.scripts, behind.of
            if isinstance(behind, n.Bracket):
                return replace(node.factors[0], scripts=node.factors[0].scripts + scripts)
        return None

    def is_used_base(self, base: str) -> bool:
        """Whether an equation uses this name."""
        rights = [k.right for group in self.known.values() for k in group if k.right is not None and not has_derivative(k.right)]
        return any(isinstance(p, n.Name) and base_of(p) == base for r in rights for p in operands(r))

    def anything_declared(self, name: n.Name, env: Env) -> Quantity:
        """A function that only its signature declares, of the variables that it is derived by."""
        arguments = self.arguments_of(name, env)
        _, target = self.signatures[base_of(name)]
        power = [x for x in getattr(plain(target), "scripts", ()) if x.mark == "^"]
        if not power:
            return q.single(f.anything_of(base_of(name), arguments))
        return f.vector_of(base_of(name), arguments, self.size(power[0].items[0], env))

    def arguments_of(self, name: n.Name, env: Env) -> list[Quantity]:
        """The variables that a function nobody defined is derived by, wherever it is derived."""
        found: dict[tuple[int, ...], Quantity] = {}
        base = base_of(name)
        for tree in self.trees:
            for p in parts(tree):
                if isinstance(p, n.Leibniz) and p.of is not None:
                    by = list(p.by)
                elif isinstance(p, n.Operator) and p.of is not None:
                    by = [i for x in p.scripts if x.mark == "_" for i in x.items]
                else:
                    continue
                head = self.called(plain(p.of)) if p.of is not None else None
                if head is None or base_of(head) != base:
                    continue
                for b in by:
                    b = plain(b)
                    if isinstance(b, n.Name):
                        for made in self.wholes(b):
                            found.setdefault(tuple(x.serial for x in made.data.reshape(-1)), made)
        return list(found.values())

    def wholes(self, by: n.Name) -> list[Quantity]:
        """The whole tensors that a variable of a derivative is a part of."""
        base = base_of(by)
        rows = [k for k in self.known.get(base, ()) if not k.pattern.letters and not k.alias]
        if rows:
            return [self.known_tensor(rows[0], {}, frozenset())]
        made = []
        for at in range(1, 6):
            env = {x: at for x in self.pattern_of(by).letters}
            try:
                made.append(self.tensor(replace(by, scripts=tuple(x for x in by.scripts if not (x.mark == "^" and flat(x.items[0]) in (*TRANSPOSES, "2")))), env)[0])
            except (Unread, Misfit, OutOfRange):
                break
            if not env:
                break
        return made

    def objective(self, name: n.Name, env: Env) -> Quantity:
        """A loss that nothing defines: a smooth function of all that the equations end in, or of what it is derived by."""
        below = self.positions(name.scripts, "_", env)
        above = tuple(p for p in self.positions(name.scripts, "^", env) if not self.is_power(p))
        marks = "".join(f"{p.bracket}{p.number if p.number is not None else p.text}," for p in (*below, *above))
        key = ("objective", base_of(name), marks)
        if key not in self.memo:
            slots = (*self.pattern_of(name).below, *self.pattern_of(name).above)
            inside = {x.letter: (p.number or 0) - x.offset for x, p in zip(slots, (*below, *above), strict=False) if x.letter}
            ends = self.ends(inside, base_of(name)) or self.arguments_of(name, env)
            if not ends:
                raise Unread(f"nothing says what {flat(name)} is", name)
            self.memo[key] = q.single(s.entry(f.anything_of(base_of(name) + marks, ends)))
        return self.memo[key]

    def ends(self, inside: Env, base: str = "") -> list[Quantity]:
        """The tensors that the forward equations end in: those that no equation uses at the same layer or time."""
        made: list[Quantity] = []
        rows = [k for group in self.known.values() for k in group if k.right is not None and not k.alias and k.parameters is None and not has_derivative(k.right)]
        rows = [k for k in rows if k.pattern.base != base]
        for k in rows:
            if self.is_used(k, rows):
                continue
            made += self.members(k, inside)
        return made

    def is_used(self, k: Known, rows: Sequence[Known]) -> bool:
        """Whether another equation uses this name at the same layer or time."""
        for other in rows:
            if other is k or other.right is None:
                continue
            for p in operands(other.right):
                if isinstance(p, n.Name) and base_of(p).lower() == k.pattern.base.lower():
                    found = self.pattern_of(p)
                    slots = (*found.above, *found.below)
                    ours = {x.letter: x.offset for x in (*k.pattern.above, *k.pattern.below) if x.letter in self.recursive}
                    theirs = {x.letter: x.offset for x in (*other.pattern.above, *other.pattern.below) if x.letter in self.recursive}
                    back = any(x.letter in theirs and theirs[x.letter] - x.offset != 0 and x.letter in ours for x in slots)
                    labels = [(x.number, x.label) for x in slots if not x.letter]
                    mine = [(x.number, x.label) for x in (*k.pattern.above, *k.pattern.below) if not x.letter]
                    if not back and (not labels or not mine or labels[: len(mine)] == mine):
                        return True
        return False

    def returns(self, k: Known) -> bool:
        """Whether an equation leads back to its own name at an earlier layer or time."""
        reached: set[str] = set()
        pending = [k]
        while pending:
            right = pending.pop().right
            for p in operands(right) if right is not None else ():
                if isinstance(p, n.Name) and base_of(p) not in reached:
                    reached.add(base_of(p))
                    pending += [x for x in self.known.get(base_of(p), ()) if x.right is not None and not x.alias and not has_derivative(x.right)]
        return k.pattern.base in reached

    def members(self, k: Known, inside: Env) -> list[Quantity]:
        """All tensors of an equation: the last layer, every time, every sample."""
        free = [x for x in k.pattern.letters if x not in k.component]
        returns = self.returns(k)
        ranges = []
        for letter in free:
            if letter in inside:
                ranges.append([inside[letter]])
            elif letter in self.recursive:
                every = (letter in ("t", r"\tau") and not self.reading.final) or not returns
                ranges.append(list(range(1, LAST + 1)) if every else [LAST])
            else:
                ranges.append(list(range(1, self.count(letter, {}) + 1)))
        made = []
        for at in np.ndindex(*[len(r) for r in ranges]):
            bindings = {x: r[i] for x, r, i in zip(free, ranges, at, strict=True)}
            shift = {x.letter: x.offset for x in (*k.pattern.above, *k.pattern.below) if x.letter}
            bindings = {x: v - (shift.get(x, 0) if v == LAST and x in self.recursive else 0) for x, v in bindings.items()}
            if k.component:
                whole = next((d for d in self.known[k.pattern.base] if d.axes is not None and d.right is None and self.prefixes(d.pattern, k.pattern)), None)
                if whole is not None:
                    made.append(self.known_tensor(whole, {x: v for x, v in bindings.items() if x in whole.pattern.letters}, frozenset()))
                    continue
            try:
                made.append(self.known_tensor(k, bindings, frozenset()))
            except OutOfRange:
                continue
        return made

    # The derivative itself.

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
        self.assumed = True
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
        elif raw.ndim == 2 and ((layout == "denominator" and outs == ins == 1) or (nabla and outs == ins == 1)):
            made = Quantity(raw.T, links=links)
        elif raw.ndim == 2 and layout == "numerator" and outs == 0 and (self.reading.turned or turned):
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
                raise Unread("a product that only its function knows")
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
            made = q.contracted(Quantity(left), Quantity(right), b.links[2]) if b.links[2] else q.outer(Quantity(left), Quantity(right)).data
            return self.arranged(made, (a.links[0], b.links[1], a.links[2]), False, False, a.row)
        if a.links[0] == b.links[1]:
            self.reversed = self.reversed or left.ndim + right.ndim > 3
            made = q.contracted(Quantity(right), Quantity(left), a.links[2]) if a.links[2] else q.outer(Quantity(right), Quantity(left)).data
            return self.arranged(made, (b.links[0], a.links[1], b.links[2]), False, False, a.row)
        return None

    # Nabla and other operators.

    def of_operator(self, node: n.Operator, env: Env) -> Quantity:
        """A gradient, or a derivative that is written as an operator."""
        by = [i for x in node.scripts if x.mark == "_" for i in x.items]
        whole = plain(node.of) if node.of is not None else None
        if not by and isinstance(whole, n.Name) and self.known.get(f"{node.sign} {base_of(whole)}"):
            return self.name(replace(whole, id=f"{node.sign} {whole.id}"), env)
        if node.sign == r"\Delta":
            raise Unread("an increment", node)
        if node.of is None:
            raise Unread("an operator of nothing", node)
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
            raise Unread("an increment of an array", of)
        return replace(q.single(Scalar(np.full(1, np.nan), entry=True)), special="laplacian")

    def derived_at(self, node: n.Operator | n.Leibniz, inside: n.Evaluated, by: n.Node, env: Env) -> Quantity:
        """nabla_z g(z) at z = f(x)."""
        conditions = [i for x in inside.scripts if x.mark == "_" for i in x.items]
        at = conditions[0] if len(conditions) == 1 else None
        if not isinstance(at, n.Chain) or len(at.sides) != 2 or flat(plain(at.sides[0])) != flat(by):
            raise Unread("a value at a point", inside)
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
        if isinstance(inside, n.Juxtaposition) and len(inside.factors) == 2 and isinstance(inside.factors[1], n.Bracket) and len(inside.factors[1].items) == 1:
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
        raise Unread("a gradient that does not say by what", node)

    def of_evaluated(self, node: n.Evaluated, env: Env) -> Quantity:
        """f'(a) as a derivative at x = a."""
        of = node.of
        conditions = [i for x in node.scripts if x.mark == "_" for i in x.items]
        if isinstance(of, n.Leibniz) and len(of.by) == 1 and of.of is not None and len(conditions) == 1 and isinstance(conditions[0], n.Chain):
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
        raise Unread("a value at a point", node)

    # d before a name.

    def of_differential(self, node: n.Differential, env: Env) -> Quantity:
        """dX: what the context defines, a differential, or short for the derivative of the loss by X."""
        of = plain(node.of) if node.of is not None else None
        if not isinstance(of, n.Name):
            if of is not None and self.is_differential():
                return self.total_differential(self.value(of, env), env)
            raise Unread("d of what is no name", node)
        named = replace(of, id=f"d {of.id}")
        if self.known.get(base_of(named)):
            return self.name(named, env)
        if self.is_differential():
            made, rest = self.tensor(of, env)
            direction = self.direction(of, made, env)
            return self.raised(direction if direction is not None else self.total_differential(made, env), rest, node, env)
        return self.adjoint(of, node, env)

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
                if isinstance(of, n.Name) and (self.defines(of) and inside and not any(self.defines(plain(p.of)) for p in inside if isinstance(plain(p.of) if p.of else None, n.Name))):
                    return True
                if of is not None and not isinstance(of, n.Name):
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
        names = {flat(plain(p.of)): plain(p.of) for c in self.claims for p in parts(c) if isinstance(p, n.Differential) and p.of is not None}
        for of in names.values():
            if not isinstance(of, n.Name):
                continue
            variable, _ = self.tensor(of, env)
            direction = self.direction(of, variable, env)
            if direction is None:
                continue
            for k, x in enumerate(made.data.reshape(-1)):
                slopes = adjoints(x)
                for v, d in zip(variable.data.reshape(-1), direction.data.reshape(-1), strict=True):
                    entries[k] = entries[k] + slopes.get(v, ZERO) * d
        return q.array_of(entries, made.shape, made.row)

    def adjoint(self, of: n.Name, node: n.Node, env: Env) -> Quantity:
        """dX for the derivative of the loss by X; of what the conventions say so, times the number of samples."""
        loss = self.loss(env)
        variable, rest = self.tensor(of, env)
        if not all(x.entry for x in variable.data.reshape(-1)):
            raise Unread(f"d{flat(of)}, and {flat(of)} is no variable", node)
        made = self.derivative(loss, [variable], node)
        factor = self.factor(of)
        if factor:
            made = q.scaled(made, s.constant(self.size_of(factor)))
        return self.raised(made, rest, node, env)

    def factor(self, of: n.Name) -> str:
        """The size that d of this name is multiplied by, by the conventions."""
        for found in re.finditer(r"d\\?([A-Za-z]+)[^,;.()]*?means?\s+([A-Za-z_]+)\s*(?:\*|\\cdot|times)", self.context.conventions.derived):
            if found.group(1).lower() == of.id.lower():
                return found.group(2)
        return ""

    def loss(self, env: Env) -> Quantity:
        """The objective: what is called so, or a smooth function of all that the equations end in."""
        for base in ("J", "C", "L", "E", r"\ell", "Loss", "loss", "cost", "Cost", r"\mathcal{L}", r"\xi"):
            for k in self.known.get(base, ()):
                if not k.pattern.letters and not k.pattern.below:
                    made = self.known_tensor(k, {}, frozenset())
                    if made.data.size == 1:
                        return q.single(made.scalar)
        return self.objective(n.Name("J"), env)


def _key(a: Quantity) -> str:
    """What tells one tensor from another: its entries."""
    return ",".join(str(x.serial) for x in a.data.reshape(-1))
