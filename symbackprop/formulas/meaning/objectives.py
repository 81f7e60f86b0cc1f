"""What is derived; a loss that nothing defines is any smooth function of what the equations end in."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.formulas.meaning.calls import Calls
from symbackprop.formulas.names.definitions import LAST
from symbackprop.formulas.names.evaluator import Env, Known
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.losses import LOSSES, SURE_LOSSES
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.language.latex import nodes as n

TOPS = ("J", "C", "L", "E", r"\ell", "Loss", "loss", "cost", "Cost", r"\mathcal{L}", r"\xi")


class Objectives(Calls):
    """Finds what is derived."""

    def derived_thing(self, node: n.Node, whole: n.Node, env: Env) -> Quantity:
        """What is derived; a loss that nothing defines is any smooth function of what the equations end in."""
        inside = plain(node)
        if (
            isinstance(inside, n.Call)
            and not self.known.get(base_of(replace(inside.function, style="")))
            and inside.function.id.lower() in ("loss", "cost")
        ):
            inside = replace(inside.function, style="")
        if self.is_chance(inside):
            return self.value(inside, env)
        name = self.called(inside)
        if name is not None and self.scoped(name) is None:
            base = base_of(name)
            rows = self.known.get(base, [])
            free = rows and all(k.right is None and k.axes == () for k in rows) and base not in self.signatures
            longer = [k for k in rows if k.right is not None and not k.pattern.letters]
            if (
                isinstance(inside, n.Name)
                and not inside.scripts
                and len(longer) == 1
                and not any(k.right is not None and not k.pattern.below for k in rows)
            ):
                return self.known_tensor(longer[0], {}, frozenset())
            if free and isinstance(inside, n.Name) and not self.is_used_base(base):
                return self.objective(name, env)
            own = self.applied_as(name) if not rows and isinstance(inside, n.Name) else None
            if own is not None:
                return self.value(own, env)
            if not rows:
                if base in self.signatures:
                    return self.component(self.anything_declared(name, env), self.positions(name.scripts, "_", env), name, env)
                if isinstance(inside, n.Name) or ((base in SURE_LOSSES or base in LOSSES) and not self.of_defined(inside)):
                    return self.objective(name, env)
            elif (
                isinstance(inside, n.Name)
                and self.definition(name, env) is not None
                and any(k.parameters and not k.pattern.letters for k in self.known[base])
            ):
                return self.name(name, env)
        return self.value(node, env)

    def applied_as(self, name: n.Name) -> n.Node | None:
        """C(x) where a name with a label is applied to a variable somewhere: then its derivative is one of that function."""
        if not name.scripts:
            return None
        for tree in self.trees:
            for p in parts(tree):
                for a, b in zip(p.factors, p.factors[1:], strict=False) if isinstance(p, n.Juxtaposition) else ():
                    applied = isinstance(a, n.Name) and flat(a) == flat(name) and isinstance(b, n.Bracket)
                    if applied and all(isinstance(i, n.Name) and self.known.get(base_of(i)) for i in b.items):  # type: ignore[attr-defined]
                        return n.Juxtaposition((a, b), span=a.span)
        return None

    def is_used_base(self, base: str) -> bool:
        """Whether an equation uses this name."""
        rights = [k.right for group in self.known.values() for k in group if k.right is not None and not has_derivative(k.right)]
        return any(isinstance(p, n.Name) and base_of(p) == base for r in rights for p in operands(r))

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
                made.append(
                    self.tensor(
                        replace(by, scripts=tuple(x for x in by.scripts if not (x.mark == "^" and flat(x.items[0]) in (*TRANSPOSES, "2")))),
                        env,
                    )[0]
                )
            except (UnreadError, MisfitError, OutOfRangeError):
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
                raise UnreadError(f"nothing says what {flat(name)} is", name)
            self.memo[key] = q.single(s.entry(self.loss_of(base_of(name), marks, ends)))
        return self.memo[key]

    def loss_of(self, base: str, marks: str, ends: Sequence[Quantity]) -> s.Scalar:
        """Any smooth number of these tensors."""
        return f.anything_of(base + marks, ends)

    def ends(self, inside: Env, base: str = "") -> list[Quantity]:
        """The tensors that the forward equations end in: those that no equation uses at the same layer or time."""
        made: list[Quantity] = []
        rows = [
            k
            for group in self.known.values()
            for k in group
            if k.right is not None and not k.alias and k.parameters is None and not has_derivative(k.right)
        ]
        rows = [k for k in rows if k.pattern.base != base and not (base and self.leads_to(k, base))]
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
        return self.leads_to(k, k.pattern.base)

    def leads_to(self, k: Known, base: str) -> bool:
        """Whether an equation needs a name, itself or by others."""
        reached: set[str] = set()
        pending = [k]
        while pending:
            right = pending.pop().right
            for p in operands(right) if right is not None else ():
                if isinstance(p, n.Name) and base_of(p) not in reached:
                    reached.add(base_of(p))
                    pending += [
                        x for x in self.known.get(base_of(p), ()) if x.right is not None and not x.alias and not has_derivative(x.right)
                    ]
        return base in reached

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
                ranges.append(list(range(self.origin, self.count(letter, {}) + self.origin)))
        made = []
        for at in np.ndindex(*[len(r) for r in ranges]):
            bindings = {x: r[i] for x, r, i in zip(free, ranges, at, strict=True)}
            shift = {x.letter: x.offset for x in (*k.pattern.above, *k.pattern.below) if x.letter}
            bindings = {x: v - (shift.get(x, 0) if v == LAST and x in self.recursive else 0) for x, v in bindings.items()}
            if k.component:
                whole = next(
                    (
                        d
                        for d in self.known[k.pattern.base]
                        if d.axes is not None and d.right is None and self.prefixes(d.pattern, k.pattern)
                    ),
                    None,
                )
                if whole is not None:
                    made.append(self.known_tensor(whole, {x: v for x, v in bindings.items() if x in whole.pattern.letters}, frozenset()))
                    continue
            try:
                made.append(self.known_tensor(k, bindings, frozenset()))
            except OutOfRangeError:
                continue
        return made

    def loss(self, env: Env) -> Quantity:
        """The objective: what is called so, or a smooth function of all that the equations end in."""
        rows = [k for base in TOPS for k in self.known.get(base, ()) if not k.pattern.letters and not k.pattern.below]
        for k in rows:
            if k.right is not None:
                made = self.known_tensor(k, {}, frozenset())
                if made.data.size == 1:
                    return q.single(made.scalar)
        undefined = [k.pattern.base for k in rows if k.right is None and k.axes == ()]
        tops = [plain(p.of) for t in self.trees for p in parts(t) if isinstance(p, n.Leibniz | n.Operator) and p.of is not None]
        written = [x for x in tops if isinstance(x, n.Name) and not x.scripts and base_of(x) in TOPS and not self.known.get(base_of(x))]
        return self.objective(n.Name(undefined[0]) if undefined else next(iter(written), n.Name("J")), env)
