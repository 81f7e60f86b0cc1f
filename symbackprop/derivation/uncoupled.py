"""A model cut at its sums over samples, where these are uncoupled: each sum's terms speak of one sample alone.

A mean is a sum over the number of samples, which a part of them does not know. So that number, and scalars that all samples make (the
sum of weights), are taken out of the sums, through the tensors between. Every precondition is looked for in the equations; where one
does not hold, a typed error names the tensor that couples the samples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Mul, Pow, S, preorder_traversal

from symbackprop.calculus.contract import contract
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program, Tensor, needed
from symbackprop.calculus.term import Entry, Total, indices_of, rename_bound, substitute, tensor_names
from symbackprop.errors import DeriveError
from symbackprop.ops.table import OPS


@dataclass
class Cut:
    """The model in two parts: `apart` are the equations for each sample and of what has no samples, `joint` those of what all samples make.

    `sums` are the equations of the sums over samples that `joint` speaks of, by their names. `moved` depend on what the gradients are by.
    Of the tensors, `each` have a part for each sample, and `whole` are made by all; `scaled` says by what that all make a tensor for
    each sample is to be multiplied, and what it is called without that. Raises DeriveError where samples are coupled.
    """

    model: Program
    moved: set[str]
    apart: list[Equation] = field(default_factory=list)
    joint: list[Equation] = field(default_factory=list)
    sums: dict[str, Equation] = field(default_factory=dict)
    each: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    scaled: dict[str, tuple[Expr, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples = self.model.samples
        model = self.model.needed([self.model.objective])
        for t in model.leaves:
            self.leaf(t)
        found: dict[str, Equation] = {}
        for e in model.equations:
            self.read(e, found)
        for e in needed(list(found.values()), [model.objective]):
            joint = e if isinstance(e.rhs, Call) else replace(e, rhs=self.cut(e, e.rhs))
            self.joint.append(replace(joint, rhs=self.gathered(joint.formula)) if e.name == model.objective else joint)
        used = {name for e in self.joint for name in e.uses()}
        self.sums = {name: e for name, e in self.sums.items() if name in used}

    def coupled(self, why: str, e: Equation | None = None) -> DeriveError:
        """The error for samples that depend on each other."""
        place, source = (f"equation {e.name}", e.text) if e is not None else ("", "")
        fix = "sums over chunks exist where the objective is a sum or mean over samples of what depends on that sample alone"
        return DeriveError(f"samples are coupled: {why}", place=place, source=source, fix=fix)

    def leaf(self, t: Tensor) -> None:
        """Note whether a leaf has a part for each sample."""
        self.check_axes(t)
        if self.samples in t.axes:
            self.each.add(t.name)
            for f in t.facts:
                if f.axis == t.axes.index(self.samples) or (f.axis is None and kind_of(f).square):
                    raise self.coupled(f"'{t.name}' is {f.kind} over all samples")

    def check_axes(self, t: Tensor, e: Equation | None = None) -> None:
        """Refuse a tensor whose axes hold samples otherwise than one by one."""
        if t.axes.count(self.samples) > 1:
            raise self.coupled(f"'{t.name}' has a value for each pair of samples", e)
        for a in t.axes:
            if a != self.samples and self.samples in a.free_symbols:
                raise self.coupled(f"'{t.name}' has an axis of {a} entries", e)

    def read(self, e: Equation, found: dict[str, Equation]) -> None:
        """Sort an equation by what it speaks of; what all samples make goes to `found`."""
        self.check_axes(e.tensor, e)
        if isinstance(e.rhs, Call):
            self.check_call(e, e.rhs)
        else:
            new = {
                a: Mul(self.scaled[a.name][0], Entry(self.scaled[a.name][1], *a.indices))
                for a in e.rhs.atoms(Entry)
                if a.name in self.scaled
            }
            e = replace(e, rhs=e.rhs.xreplace(new))
        if self.samples in e.tensor.axes:
            self.apart.append(e if isinstance(e.rhs, Call) else self.one(e))
            self.each.add(self.apart[-1].name)
        elif e.uses() & (self.each | self.whole) or (isinstance(e.rhs, Expr) and self.counts(e.rhs)):
            self.whole.add(e.name)
            found[e.name] = e if isinstance(e.rhs, Call) else replace(e, rhs=self.inlined(e.rhs, found))
        else:
            self.apart.append(e)

    def counts(self, e: Expr) -> bool:
        """Whether an expression holds the number of samples, or a sum over them."""
        return any(a == self.samples or (isinstance(a, Total) and self.over(a)) for a in preorder_traversal(e))

    def over(self, total: Total) -> list[Index]:
        """The indices of a sum that run over samples, or over what their number makes."""
        return [i for i in total.indices if self.samples in i.axis.free_symbols]

    def check_call(self, e: Equation, call: Call) -> None:
        """Refuse a call that mixes samples."""
        given = [self.model.tensors[name] for name in call.arguments]
        if mixed := [name for name in call.arguments if name in self.scaled]:
            raise self.coupled(f"{call.op} is of '{mixed[0]}', which depends on {self.cause(self.scaled[mixed[0]][0])}", e)
        if self.samples not in e.tensor.axes:
            if any(self.samples in t.axes for t in given):
                raise self.coupled(f"{call.op} runs over the axis of samples", e)
            return
        place, along = e.tensor.axes.index(self.samples), call.option("axis")
        alike = all(self.samples in t.axes and t.axes.index(self.samples) == place for t in given)
        record = OPS.get(call.op)
        stacked = record is not None and record.kind == "whole tensor" and record.stacks and all(place < len(t.axes) - 2 for t in given)
        if not alike or along == place or not (isinstance(along, int) or stacked):
            raise self.coupled(f"{call.op} takes all samples at once", e)

    def one(self, e: Equation) -> Equation:
        """An equation for each sample, without what all samples make as a factor."""
        self.check_own(e, e.formula, e.indices[e.tensor.axes.index(self.samples)])
        scale, rest = self.unscaled(e, e.formula)
        if scale == 1:
            return e
        tensor = Tensor(self.model.fresh_name(f"{e.name}_unscaled", self.each), e.tensor.axes)
        self.scaled[e.name] = scale, tensor.name
        self.moved |= {tensor.name} if e.name in self.moved else set()
        return Equation(tensor, e.indices, rest)

    def check_own(self, e: Equation, rhs: Expr, sample: Index) -> None:
        """Refuse what speaks of other samples than this one, or of where it stands."""
        if rhs == sample:
            raise self.coupled(f"'{e.name}' depends on where a sample stands", e)
        if isinstance(rhs, Total) and self.over(rhs):
            raise self.coupled(f"'{e.name}' sums over samples for each sample", e)
        for a in rhs.args[1:] if isinstance(rhs, Entry) else rhs.args[:1] if isinstance(rhs, Total) else rhs.args:
            self.check_own(e, a, sample) if a != sample or not isinstance(rhs, Entry) else None
        if isinstance(rhs, Entry):
            for i, a in zip(rhs.indices, self.shape(rhs.name), strict=True):
                if (a == self.samples) != (i == sample):
                    raise self.coupled(f"'{e.name}' speaks of other samples in '{rhs.name}'", e)

    def shape(self, name: str) -> tuple[Expr, ...]:
        """The axes of a tensor."""
        found = next((e.tensor for e in self.apart if e.name == name), None) or self.model.tensors[name]
        return found.axes

    def cause(self, e: Expr) -> str:
        """What all samples make in an expression, in words."""
        names = sorted(tensor_names(e) & self.whole, key=lambda name: (name not in self.model.authored, name))
        return f"'{names[0]}', which all samples make" if names else f"the number of samples {self.samples}"

    def speaks(self, e: Expr) -> bool:
        """Whether an expression holds the number of samples, or what all of them make."""
        return any(a == self.samples or (isinstance(a, Entry) and a.name in self.whole) for a in preorder_traversal(e))

    def unscaled(self, e: Equation, rhs: Expr) -> tuple[Expr, Expr]:
        """Two factors of `rhs`: one that all samples make together, and one that speaks of nothing of the kind."""
        if not self.speaks(rhs):
            return S.One, rhs
        if not indices_of(rhs) and not tensor_names(rhs) & self.each and not rhs.has(Total):
            return rhs, S.One
        if isinstance(rhs, Mul):
            pairs = [self.unscaled(e, a) for a in rhs.args]
            return Mul(*[p[0] for p in pairs]), Mul(*[p[1] for p in pairs])
        if isinstance(rhs, Pow) and rhs.exp.is_Integer:
            scale, rest = self.unscaled(e, rhs.base)
            return scale**rhs.exp, rest**rhs.exp
        if isinstance(rhs, Total):
            scale, rest = self.unscaled(e, rhs.body)
            return scale, Total(rest, *rhs.indices)
        if isinstance(rhs, Add):
            parts = self.by_scale(e, rhs)
            if len(parts) == 1:
                return next(iter(parts.items()))
        raise self.coupled(f"'{e.name}' of each sample depends on {self.cause(e.formula)}", e)

    def by_scale(self, e: Equation, rhs: Expr) -> dict[Expr, Expr]:
        """The terms of `rhs` by the factor that all samples make."""
        found: dict[Expr, list[Expr]] = {}
        for term in Add.make_args(rhs):
            scale, rest = self.unscaled(e, term)
            found.setdefault(scale, []).append(rest)
        return {scale: Add(*rests) for scale, rests in found.items()}

    def inlined(self, rhs: Expr, found: Mapping[str, Equation]) -> Expr:
        """What all samples make, with what it is a plain sum of in place, so that its sums over samples meet."""
        names = {name for name in tensor_names(rhs) & found.keys() & self.moved if isinstance(found[name].rhs, Expr)}
        if not names or not self.is_affine(rhs, names):
            return rhs
        rhs = rename_bound(rhs)
        return contract(rhs.xreplace({a: found[a.name].at(a.indices) for a in rhs.atoms(Entry) if a.name in names}))

    def is_affine(self, rhs: Expr, names: Iterable[str]) -> bool:
        """Whether each term of `rhs` has at most one factor of the tensors `names`, or summed over samples."""
        if isinstance(rhs, Add | Mul):
            held = [a for a in rhs.args if tensor_names(a) & set(names) or any(self.over(t) for t in a.atoms(Total))]
            return (isinstance(rhs, Add) or len(held) <= 1) and all(self.is_affine(a, names) for a in held)
        if isinstance(rhs, Total):
            return self.is_affine(rhs.body, names)
        return isinstance(rhs, Entry) or not tensor_names(rhs) & set(names)

    def cut(self, e: Equation, rhs: Expr) -> Expr:
        """`rhs` with a tensor for each sum over samples in it."""
        if isinstance(rhs, Entry) and rhs.name in self.each:
            raise self.coupled(f"'{e.name}' speaks of one sample by its place", e)
        if not isinstance(rhs, Total):
            return rhs.func(*[self.cut(e, a) for a in rhs.args]) if rhs.args and not isinstance(rhs, Entry) else rhs
        over = self.over(rhs)
        if not over:
            return Total(self.cut(e, rhs.body), *rhs.indices)
        if len(over) > 1:
            raise self.coupled(f"'{e.name}' sums over pairs of samples", e)
        if over[0].axis != self.samples:
            raise self.coupled(f"'{e.name}' sums over {over[0].axis} of the samples", e)
        self.check_own(e, rhs.body, over[0])
        return Add(*[Mul(scale, self.sum(e, Total(rest, *rhs.indices))) for scale, rest in self.by_scale(e, rhs.body).items()])

    def sum(self, e: Equation, total: Expr) -> Entry:
        """The entry of a tensor that is a sum over samples; one with axes would be one with a gradient for each entry."""
        free = tuple(sorted(indices_of(total), key=str))
        moves = tensor_names(total) & self.moved
        if free and moves:
            top = self.model.objective
            raise self.coupled(f"'{e.name}' is made by all samples from '{min(moves)}', and '{top}' is no sum over samples of it", e)
        # What is gathered below is the objective's sum.
        own = "term" if moves and e.name == self.model.objective else "sum"
        tensor = Tensor(self.model.fresh_name(f"{e.name}_{own}", self.sums), tuple(i.axis for i in free))
        rhs = substitute(total, dict(zip(free, tensor.indices, strict=True)))
        self.sums[tensor.name] = Equation(tensor, tensor.indices, rhs)
        return Entry(tensor.name, *free)

    def moves(self, name: str) -> bool:
        """Whether a sum depends on what the gradients are by."""
        return name in self.sums and bool(self.sums[name].uses() & self.moved)

    def gathered(self, rhs: Expr) -> Expr:
        """The objective with sums that are scaled alike as one, so that there is one gradient to add up."""
        parts: dict[Expr, list[Expr]] = {}
        others = []
        for term in self.terms(rhs):
            factors = Mul.make_args(term)
            held = [f for f in factors if any(self.moves(name) for name in tensor_names(f))]
            if len(held) == 1 and isinstance(held[0], Entry):
                scale = Mul(*[f for f in factors if f is not held[0] and (self.speaks(f) or tensor_names(f) & self.sums.keys())])
                rest = [f for f in factors if f is not held[0] and not (self.speaks(f) or tensor_names(f) & self.sums.keys())]
                parts.setdefault(scale, []).append(Mul(*rest, self.sums[held[0].name].formula))
            else:
                others.append(term)
        made = []
        for scale, terms in parts.items():
            tensor = Tensor(self.model.fresh_name(f"{self.model.objective}_sum", self.sums), ())
            self.sums[tensor.name] = Equation(tensor, (), Add(*terms))
            made.append(Mul(scale, Entry(tensor.name)))
        return Add(*made, *others)

    def terms(self, rhs: Expr) -> list[Expr]:
        """The terms of a sum, with products over sums that move multiplied out."""
        found = []
        for term in Add.make_args(rhs):
            factors = Mul.make_args(term)
            inner = next((f for f in factors if isinstance(f, Add) and any(self.moves(name) for name in tensor_names(f))), None)
            rest = Mul(*[f for f in factors if f is not inner])
            found += [term] if inner is None else [t for a in inner.args for t in self.terms(Mul(rest, a))]
        return found
