"""Statistics and functions that a model spells out, recognised under whatever names it gave their parts.

With E = exp(O), S = E.sum(axis=1) and P = E / S, the entries of E overflow although those of P do not, and so do the adjoints
of E and S. So code is generated from the same model said better, P = softmax(O), and its gradients are derived from that.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from sympy import Expr, Mul, Pow, exp, log

from symbackprop.derive.reverse import Derived, gradient, jacobian
from symbackprop.index import Index
from symbackprop.lower.stable import ELEMENTARY, Stable, exponential_laws
from symbackprop.program import Call, Equation, Program, Tensor
from symbackprop.term import Entry, Total, indices_of


def restated(derived: Derived) -> Derived:
    """The same derivatives of the same model, derived again if parts of it are recognised; not where they are by such parts."""
    program = derived.program
    outputs = [program.objective, derived.output, *([program.output] if program.output else [])]
    model = program.needed([*outputs, *derived.wrt])
    better = recognised(model, outputs)
    if better is model or not set(derived.wrt) <= set(better.tensors):
        return derived
    leaves = {t.name: t for t in program.leaves}  # in the order of declaration, used or not
    better = replace(better, tensors={**leaves, **better.tensors})
    return gradient(better, derived.wrt) if derived.output == better.objective else jacobian(better, derived.output, derived.wrt[0])


def recognised(program: Program, outputs: Sequence[str]) -> Program:
    """What `outputs` need of `program`, with softmax, logsumexp, sigmoid and softplus where it spells them out.

    The program itself where it does not.
    """
    reader = _Reader(program)
    for e in program.equations:
        reader.read(e)
    if tuple(reader.equations) == program.equations:
        return program
    tensors = {**program.tensors, **{e.name: e.tensor for e in reader.equations}}
    better = replace(program, tensors=tensors, equations=tuple(reader.equations))
    return better.needed(outputs)


class _Reader:
    """Reads equations in order; those that a recognised part needs are written before the one that holds it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.equations: list[Equation] = []
        self.laws = Stable(program, program.equations)

    def read(self, e: Equation) -> None:
        """Add `e`, said better where it can be."""
        if e.rhs is not None:
            whole = self.softmax(e.rhs, e.indices)
            if whole is not None and whole[0] == 1 and whole[1] == e.indices:
                e = replace(e, rhs=None, call=whole[2])
            else:
                e = replace(e, rhs=self.better(e.rhs, e.indices))
        self.equations.append(e)

    def better(self, e: Expr, free: Sequence[Index]) -> Expr:
        """`e` with what is recognised in it, from the inside out."""
        if not e.args or isinstance(e, ELEMENTARY):
            return e
        inner = (*free, *e.indices) if isinstance(e, Total) else free
        args = [self.better(a, inner) for a in e.args]
        made = e.func(*args) if any(a is not b for a, b in zip(args, e.args, strict=True)) else e
        if isinstance(made, Mul) and (found := self.softmax(made, free)) is not None:
            rest, indices, call = found
            return rest * self.call(call, [i.axis for i in indices])[indices]
        if isinstance(made, log) and (lse := self.logsumexp(made.args[0])) is not None:
            return lse
        return exponential_laws(made, self.laws)

    def call(self, call: Call, axes: Sequence[Expr]) -> Tensor:
        """The tensor of a call: one that is there, or a new one."""
        found = next((e.tensor for e in self.equations if e.call == call), None)
        if found is None:
            found = self.new(f"{call.op}_{call.arguments[0]}", axes, call=call)
        return found

    def new(self, name: str, axes: Sequence[Expr], rhs: Expr | None = None, call: Call | None = None) -> Tensor:
        """A new equation; its tensor."""
        tensor = Tensor(self.program.fresh_name(name, [e.name for e in self.equations]), tuple(axes))
        self.equations.append(Equation(tensor, tensor.indices, rhs=rhs, call=call))
        return tensor

    def sum_of_exponentials(self, e: Expr) -> tuple[Expr, Expr, tuple[Index, ...]] | None:
        """`e` = c sum_r exp(z) as (c, z, r), `e` being an entry of such a sum."""
        whole = self.laws.meaning(e)
        scale, total = whole.as_independent(Total, as_Add=False)
        if not isinstance(total, Total) or scale.has(Entry) or indices_of(scale):
            return None
        z = self.laws.argument(total.body, exp)
        return (scale, z, total.indices) if z is not None and set(total.indices) <= indices_of(z) else None

    def argument(self, z: Expr, indices: Sequence[Index]) -> str:
        """The name of the tensor whose entry at `indices` is `z`: its own, or that of a new one."""
        if isinstance(z, Entry) and z.indices == tuple(indices):
            return z.name
        axes = tuple(i.axis for i in indices)
        own = Tensor("", axes).indices
        rhs = z.xreplace(dict(zip(indices, own, strict=True)))
        same = next((e.name for e in self.equations if e.rhs == rhs and e.indices == own), None)
        return same or self.new("z", axes, rhs=rhs).name

    def softmax(self, e: Expr, free: Sequence[Index]) -> tuple[Expr, tuple[Index, ...], Call] | None:
        """`e` = c exp(z_k) / sum_r exp(z_r) as (c, the indices of the softmax, its call); of several sums, the last."""
        for below in Mul.make_args(e):
            if not (isinstance(below, Pow) and below.exp == -1 and (found := self.sum_of_exponentials(below.base))):
                continue
            scale, summed, bound = found
            for above in Mul.make_args(e):
                z = self.laws.argument(above, exp)
                places = self.places(summed, bound, z, below) if z is not None else None
                if places is None:
                    continue
                indices = tuple(i for i in free if i in indices_of(z))
                rest = e / above / below / scale
                name = self.argument(z, indices)
                while len(places) > 1:
                    # softmax over k and l: that over l, times that of the sums over l over k.
                    last = places.pop()
                    call = Call("softmax", (name,), (("axis", indices.index(last)),))
                    rest *= self.call(call, [i.axis for i in indices])[indices]
                    call = Call("logsumexp", (name,), (("axis", indices.index(last)),))
                    indices = tuple(i for i in indices if i != last)
                    name = self.call(call, [i.axis for i in indices]).name
                return rest, indices, Call("softmax", (name,), (("axis", indices.index(places[0])),))
        return None

    def places(self, summed: Expr, bound: Sequence[Index], z: Expr, below: Expr) -> list[Index] | None:
        """The indices that `z` has in place of the bound ones of `summed`, if it is that at other places."""
        free = [k for k in sorted(indices_of(z), key=str) if not below.has(k)]
        for chosen in permutations(free, len(bound)):
            same = all(k.axis == r.axis for k, r in zip(chosen, bound, strict=True))
            if same and summed.xreplace(dict(zip(bound, chosen, strict=True))) == z:
                return list(chosen)
        return None

    def logsumexp(self, e: Expr) -> Expr | None:
        """log of c sum_r exp(z)."""
        found = self.sum_of_exponentials(e)
        if found is None:
            return None
        scale, z, bound = found
        outer = tuple(dict.fromkeys(i for i in e.indices if i in indices_of(z)))
        indices = (*outer, *bound)
        name = self.argument(z, indices)
        while len(indices) > len(outer):
            indices = indices[:-1]
            name = self.call(Call("logsumexp", (name,), (("axis", len(indices)),)), [i.axis for i in indices]).name
        return Entry(name, *outer) + log(scale)
