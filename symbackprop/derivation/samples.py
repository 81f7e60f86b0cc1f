"""Per-sample gradients: the derivative of the objective of each sample by itself, for all samples at once.

J of one sample s is J of a batch of that sample alone: J[s] holds what J holds, with the sum over samples taken at s and their number
1; so the mean of the J[s] is J where J is a mean, and a penalty counts in full in each. Every tensor that depends on samples or parameters
gets the axis of samples, the gradient of sum_s J[s] by a copy of the parameters for each sample is the wanted one, and what is the same for
all samples loses the axis again. Where one sample's value depends on the others (batch norm), there is no such thing: a typed error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Mul, Pow, S

from symbackprop.calculus.contract import contract
from symbackprop.calculus.cost import cost
from symbackprop.calculus.index import Index, bound_index, free_indices, fresh
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry, Total, indices_of, substitute
from symbackprop.derivation.reverse import Derived, gradient, known_facts
from symbackprop.derivation.second import scalar
from symbackprop.errors import DeriveError
from symbackprop.ops.table import OPS


@dataclass(frozen=True)
class PerSample:
    """`gradients`: parameter -> the tensor dJ[s]/d parameter, samples first; `norms`: the tensor of their Euclidean norms, one a sample.

    `wide` is the derivation before what is the same for all samples lost their axis, as its steps speak of it.
    """

    derived: Derived
    gradients: Mapping[str, str]
    norms: str
    wide: Derived


def per_sample_gradients(program: Program, names: Sequence[str]) -> PerSample:
    """The gradients of each sample's objective by `names`.

    Raises DeriveError where the objective is no scalar, the model has no axis of samples, or samples are coupled.
    """
    scalar(program)
    if program.samples is None:
        raise DeriveError(f"{program.name} has no axis of samples", fix='declare it: samples = "n"')
    each = _Each(program, names)
    whole = each.program()
    for e in whole.equations:
        if isinstance(e.rhs, Call) and not OPS[e.rhs.op].stacks and program.samples in e.tensor.axes:
            reason = f"'{e.name}' is {e.rhs.op} of a matrix of which each sample would have its own, and {e.rhs.op} takes one alone"
            raise DeriveError(reason, place=f"equation {e.name}", source=e.text, fix="leave out what that matrix depends on: wrt=[...]")
    derived = gradient(whole, [each.copies[n] for n in names])
    return _with_norms(_without_copies(derived, each), {n: derived.adjoints[each.copies[n]] for n in names}, derived)


def are_coupled(program: Program, names: Sequence[str]) -> bool:
    """Whether the objective's part of one sample depends on other samples, so that no sample has a gradient of its own by `names`."""
    try:
        _Each(program, names).program()
    except DeriveError:
        return True
    return False


@dataclass
class _Each:
    """The model for each sample by itself: `wide` are the tensors that have got the axis of samples in front."""

    model: Program
    names: Sequence[str]
    wide: set[str] = field(default_factory=set)
    reduced: set[str] = field(default_factory=set)
    copies: dict[str, str] = field(default_factory=dict)
    made: list[Equation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.samples = self.model.samples
        for t in self.model.leaves:
            if t.axes.count(self.samples) > 1:
                raise self.coupled(f"'{t.name}' has the axis of samples twice", None)

    def coupled(self, why: str, e: Equation | None) -> DeriveError:
        """The error for samples that depend on each other."""
        place = f"equation {e.name}" if e is not None else ""
        return DeriveError(
            f"samples are coupled: {why}",
            place=place,
            source=e.text if e is not None else "",
            fix="per-sample gradients exist where each sample's value depends on that sample alone",
        )

    def program(self) -> Program:
        """The program of the sum of the objectives of all samples."""
        model = self.model
        tensors = dict(model.tensors)
        for name in self.names:
            own = model.tensors[name]
            label = model.fresh_name(f"{name}_each", self.copies.values())
            copy = Tensor(label, (self.samples, *own.axes), copy_of=name)
            self.copies[name] = label
            tensors[label] = copy
            self.made.append(Equation(copy, copy.indices, own[copy.indices[1:]]))
        for e in model.needed([model.objective]).equations:
            one = self.one(e)
            tensors[one.name] = one.tensor
            self.made.append(one)
        total = Tensor(model.fresh_name(f"{model.objective}_total", self.copies.values()), ())
        r = bound_index(0, self.samples)
        self.made.append(Equation(total, (), Total(Entry(model.objective, *([r] if model.objective in self.wide else [])), r)))
        tensors[total.name] = total
        return replace(model, tensors=tensors, equations=tuple(self.made), objective=total.name, output=None)

    def one(self, e: Equation) -> Equation:
        """An equation of the model, for each sample."""
        place = [k for k, a in enumerate(e.tensor.axes) if a == self.samples]
        if len(place) > 1:
            raise self.coupled(f"'{e.name}' has the axis of samples twice", e)
        if place:
            if e.uses() & self.reduced:
                raise self.coupled(f"'{e.name}' depends on {', '.join(sorted(e.uses() & self.reduced))}, which all samples make", e)
            return self.call(e, place[0]) if isinstance(e.rhs, Call) else replace(e, rhs=self.body(e, e.rhs, e.indices[place[0]]))
        depends = e.uses() & {*self.wide, *self.names} or any(self.samples in self.model.tensors[n].axes for n in e.uses())
        if not depends:
            return e
        if any(self.samples in self.model.tensors[n].axes for n in e.uses()) or e.uses() & self.reduced:
            self.reduced.add(e.name)
        self.wide.add(e.name)
        tensor = replace(e.tensor, axes=(self.samples, *e.tensor.axes), facts=())
        if isinstance(e.rhs, Call):
            return replace(self.call(e, None), tensor=tensor, indices=tensor.indices)
        rhs = e.at(tensor.indices[1:])
        return replace(e, tensor=tensor, indices=tensor.indices, rhs=self.body(e, rhs, tensor.indices[0]))

    def body(self, e: Equation, rhs: Expr, sample: Index) -> Expr:
        """A right side at one sample: its sums over samples taken there, with the number of samples 1."""
        if not self.is_affine(rhs):
            raise self.coupled(f"'{e.name}' is no plain sum over samples", e)
        made = self.at(e, rhs, sample)
        if indices_of(made) - set(e.indices) - {sample} - set(free_indices((self.samples, *e.tensor.axes))):
            raise self.coupled(f"'{e.name}' speaks of other samples", e)
        return made

    def is_affine(self, rhs: Expr) -> bool:
        """Whether `rhs` holds at most one sum over samples, or one tensor made by such sums, in each of its terms."""
        for term in Add.make_args(rhs):
            held = [f for f in Mul.make_args(term) if self.is_summed(f)]
            if len(held) > 1 or any(isinstance(f, Pow) for f in held):
                return False
            if held and not isinstance(held[0], Entry | Total) and not (isinstance(held[0], Add) and self.is_affine(held[0])):
                return False
            if held and isinstance(held[0], Total) and not self.is_affine(held[0].body):
                return False
        return True

    def is_summed(self, f: Expr) -> bool:
        """Whether a factor is summed over samples, or speaks of a tensor that is."""
        sums = any(i.axis == self.samples for t in f.atoms(Total) for i in t.indices)
        return sums or any(a.name in self.reduced for a in f.atoms(Entry))

    def at(self, e: Equation, rhs: Expr, sample: Index) -> Expr:
        """`rhs` at one sample."""
        if isinstance(rhs, Total):
            over = [i for i in rhs.indices if i.axis == self.samples]
            if len(over) > 1 or (over and self.samples in e.tensor.axes):
                raise self.coupled(f"'{e.name}' sums over samples for each sample", e)
            inner = rhs.body.xreplace({i: sample for i in over})
            return Total(self.at(e, inner, sample), *[i for i in rhs.indices if i not in over])
        if isinstance(rhs, Entry):
            return self.entry(e, rhs, sample)
        if rhs == self.samples:
            return S.One
        if not rhs.args:
            return rhs
        return rhs.func(*[self.at(e, a, sample) for a in rhs.args])

    def entry(self, e: Equation, a: Entry, sample: Index) -> Expr:
        """An entry at one sample."""
        if a.name in self.copies:
            return Entry(self.copies[a.name], sample, *a.indices)
        if a.name in self.wide:
            return Entry(a.name, sample, *a.indices)
        for i, axis in zip(a.indices, self.model.tensors[a.name].axes, strict=True):
            if axis == self.samples and i != sample:
                raise self.coupled(f"'{e.name}' speaks of other samples in {a.name}", e)
        return a

    def call(self, e: Equation, place: int | None) -> Equation:
        """A call for each sample: of tensors that have the axis of samples, not along it."""
        call = e.rhs
        given = [self.model.tensors[n] for n in call.arguments]
        turned = tuple(self.copies.get(n, n) for n in call.arguments)
        widened = [n in self.wide or n in self.copies for n in call.arguments]
        record = OPS.get(call.op)
        along = call.option("axis")
        if place is not None:
            own = [t.axes.index(self.samples) if self.samples in t.axes else None for t in given]
            if any(widened) or own != [place] * len(own) or along == place or (record and record.kind != "statistic" and along is None):
                raise self.coupled(f"{call.op} mixes samples, or mixes them with what all share", e)
            return e
        if any(self.samples in t.axes for t in given):
            raise self.coupled(f"{call.op} runs over the axis of samples", e)
        if not isinstance(along, int) and not all(widened):
            raise self.coupled(f"{call.op} of what only some samples share", e)
        options = tuple((k, v + 1 if k == "axis" and isinstance(v, int) else v) for k, v in call.options)
        return replace(e, rhs=replace(call, arguments=turned, options=options))


def _without_copies(derived: Derived, each: _Each) -> Derived:
    """The derivation with the axis of samples taken off what is the same for all of them: a copy of W for each sample is W."""
    same = _shared(derived.program.equations, each)
    rows: list[Equation] = []
    for e in derived.program.equations:
        short = same.get(e.name)
        if short is None:
            rows.append(_at_one(e, same))
        elif not isinstance(short.rhs, Entry):
            rows.append(short)
    made = {e.name for e in derived.program.equations}
    tensors = {n: t for n, t in derived.program.tensors.items() if n not in made} | {e.name: e.tensor for e in rows}
    return replace(derived, program=_renamed(replace(derived.program, tensors=tensors, equations=tuple(rows)), each))


def _shared(equations: Sequence[Equation], each: _Each) -> dict[str, Equation]:
    """What is the same for all samples, as equations without their axis; what a call takes beside what is not keeps it."""
    held: set[str] = set()
    while True:
        same: dict[str, Equation] = {}
        for e in equations:
            if e.tensor.axes[:1] == (each.samples,) and e.name not in held and (short := _short(e, same, each)) is not None:
                same[e.name] = short
        calls = [e.rhs for e in equations if isinstance(e.rhs, Call) and e.name not in same]
        mixed = {n for call in calls for n in call.arguments if n in same}
        if not mixed:
            return same
        held |= mixed


def _short(e: Equation, same: Mapping[str, Equation], each: _Each) -> Equation | None:
    """An equation without the axis of samples, where it is the same for all of them; None where it is not."""
    axes = e.tensor.axes[1:]
    if isinstance(e.rhs, Call):
        if not all(n in same for n in e.rhs.arguments):
            return None
        # Of a copy for each sample the call is one of the tensor itself.
        taken = [same[n] for n in e.rhs.arguments]
        if any(isinstance(one.rhs, Entry) and one.rhs.indices != one.indices for one in taken):
            return None
        turned = tuple(one.rhs.name if isinstance(one.rhs, Entry) else one.name for one in taken)
        options = tuple((k, v - 1 if k == "axis" and isinstance(v, int) else v) for k, v in e.rhs.options)
        tensor = replace(e.tensor, axes=axes)
        return replace(e, tensor=tensor, indices=tensor.indices, rhs=replace(e.rhs, arguments=turned, options=options))
    if e.name not in each.wide and e.name not in each.copies.values():
        return None
    rhs = _at_one(e, same).formula
    if rhs.has(e.indices[0]):
        return None
    tensor = replace(e.tensor, axes=axes)
    return replace(e, tensor=tensor, indices=tensor.indices, rhs=substitute(rhs, dict(zip(e.indices[1:], tensor.indices, strict=True))))


def _at_one(e: Equation, same: Mapping[str, Equation]) -> Equation:
    """An equation that speaks of tensors without the axis they have lost."""
    if isinstance(e.rhs, Call):
        return e
    new = {}
    for a in e.rhs.atoms(Entry):
        if a.name in same:
            one = same[a.name]
            new[a] = one.at(a.indices[1:]) if isinstance(one.rhs, Entry) else Entry(one.name, *a.indices[1:])
    return replace(e, rhs=e.rhs.xreplace(new)) if new else e


def _renamed(program: Program, each: _Each) -> Program:
    """The adjoints of the copies as what they are: derivatives of J[s] by the parameters."""
    rows = []
    tensors = dict(program.tensors)
    for e in program.equations:
        back = next((n for n, c in each.copies.items() if e.tensor.derivative[1:] == (c,)), None)
        if back is not None:
            own = each.model.tensors[back]
            tensor = replace(e.tensor, derivative=(each.model.objective, back), orders=(1, len(own.axes)))
            tensors[e.name] = tensor
            e = replace(e, tensor=tensor)
        rows.append(e)
    return replace(program, tensors=tensors, equations=tuple(rows))


def _with_norms(derived: Derived, gradients: Mapping[str, str], wide: Derived) -> PerSample:
    """The squared norms as sums of squares: of an outer product that is a product of two sums, and the gradients need not be made."""
    program = derived.program
    facts = Facts(known_facts(program), program.equations)
    sample = Index("i0", program.samples)
    terms = []
    for name in gradients.values():
        e = program[name]
        bound = tuple(fresh(i.axis) for i in e.indices[1:])
        at = dict(zip(e.indices, (sample, *bound), strict=True))
        direct = contract(Total(Mul(substitute(e.rhs, at), substitute(e.rhs, at)), *bound), facts)
        named = contract(Total(Entry(name, sample, *bound) ** 2, *bound), facts)
        terms.append(direct if cost(direct) < cost(e.rhs) + cost(named) else named)
    square = Tensor(program.fresh_name("squared"), (program.samples,), role="part")
    program = program.extended([Equation(square, square.indices, contract(Add(*terms), facts))])
    norm = Tensor(program.fresh_name("norm"), (program.samples,), role="part", latex=r"\mathrm{norm}")
    program = program.extended([Equation(norm, norm.indices, Pow(square[norm.indices], S.Half))])
    return PerSample(replace(derived, program=program), gradients, norm.name, wide)
