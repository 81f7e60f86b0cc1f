"""Reverse mode over index equations: a walk from the last equation to the first.

The adjoint of a tensor U is dJ/dU[u] = sum over the equations T that use U of sum_t dJ/dT[t] * dT[t]/dU[u] (chain rule). For a Jacobian of
a tensor J[p], the indices p go in front of every adjoint and the walk starts from deltas. The result is a program again.

Adjoints are named (dO) or put in place, whichever makes their consumers cheaper: an adjoint that is shared wants a name,
one that cancels wants to be put in place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from sympy import Add, Expr, KroneckerDelta, Mul, S, nan, zoo

from symbackprop.calculus.canonical import Alike, relabelled
from symbackprop.calculus.contract import Rule, Trace, contract
from symbackprop.calculus.cost import cost
from symbackprop.calculus.index import Index, free_indices, fresh
from symbackprop.calculus.laws import NO_FACTS, Facts
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Total, delta, indices_of, substitute
from symbackprop.calculus.workbench import Workbench
from symbackprop.derivation.local import jacobian_of
from symbackprop.derivation.masks import Masks
from symbackprop.derivation.naming import with_parts_named
from symbackprop.derivation.smooth import Model
from symbackprop.errors import DeriveError, NotDifferentiableError, nearest


@dataclass(frozen=True)
class Step:
    """One line of a derivation: `rule` turned `before` into `after`, both expressions for `quantity`[indices]."""

    rule: Rule
    quantity: str
    indices: tuple[Index, ...]
    before: Expr
    after: Expr
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Derived:
    """A program with its adjoints. `adjoints` maps a tensor's name to that of the tensor that holds its derivative.

    `facts` says which facts fired where an adjoint was contracted; `links` are the Jacobians of single equations (dYhat/dO) that
    the chain rule multiplies.
    """

    program: Program
    output: str
    wrt: tuple[str, ...]
    adjoints: Mapping[str, str]
    steps: tuple[Step, ...]
    facts: Mapping[str, tuple[Fact, ...]]
    links: tuple[Equation, ...]

    @cached_property
    def facts_behind(self) -> Mapping[str, tuple[Fact, ...]]:
        """For each tensor that an equation defines, the facts that fired in it or in one that it is computed from."""
        found: dict[str, tuple[Fact, ...]] = {}
        for e in self.program.equations:
            below = [f for name in sorted(e.uses()) for f in found.get(name, ())]
            found[e.name] = tuple(dict.fromkeys((*below, *self.facts.get(e.name, ()))))
        return found


@dataclass
class _Walk:
    """What the walk has found so far: for each tensor the contributions to its adjoint, and the same stated with links.

    Links are contracted by `definitions` alone: facts fire where links are multiplied, so that the lines show it.
    """

    program: Program
    output: str
    prefix: tuple[Index, ...]
    label: str = ""
    rows: tuple[str, ...] | None = None
    facts: Facts = NO_FACTS
    definitions: Facts = NO_FACTS
    parts: dict[str, list[Expr]] = field(default_factory=dict)
    chains: dict[str, list[Expr]] = field(default_factory=dict)
    links: dict[str, Equation] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    fired: dict[str, tuple[Fact, ...]] = field(default_factory=dict)
    adjoints: dict[str, str] = field(default_factory=dict)
    behind: dict[str, set[Fact]] = field(default_factory=dict)
    known: Alike = field(default_factory=Alike)

    def __post_init__(self) -> None:
        self.masks = Masks(self.program)
        self.model = Model(self.program.equations, self.program.signs)
        self.facts = Facts(known_facts(self.program), self.program.equations)
        self.definitions = Facts((), self.program.equations)
        self.helper = Workbench(self.program, self.equations).call
        for e in self.program.equations if self.prefix else ():
            if e.tensor.is_derived:
                self.know(e)

    def adjoint(self, name: str) -> Tensor:
        """The tensor of the adjoint of `name`; one of a walk with a label is no plain derivative, and bears the label."""
        own = self.program.tensors[name]
        axes = (*[i.axis for i in self.prefix], *own.axes)
        taken = [e.name for e in self.equations]
        if self.label:
            of = () if self.rows is None else (*self.rows, name)
            made = self.program.fresh_name(f"{self.label}_{name}", taken)
            return Tensor(made, axes, role="adjoint", orders=(len(self.prefix), len(own.axes)) if self.rows else (), cotangent_of=of)
        top = self.program.tensors[self.output]
        base = f"d{name}" if self.output == self.program.objective else f"d{self.output}_d{name}"
        # dW2 by W1 is the second derivative of J by W2 and W1.
        derivative = (*top.derivative, name) if top.derivative else (self.output, name)
        orders = (*(top.orders or (len(top.axes),)), len(own.axes))
        return Tensor(self.program.fresh_name(base, taken), axes, role="adjoint", derivative=derivative, orders=orders)

    def know(self, e: Equation) -> None:
        """Remember a derived equation, so that what equals it, its axes turned or not, is said by its name; not one that repeats itself."""
        if isinstance(e.rhs, Expr) and cost(e.rhs) and indices_of(e.rhs) >= set(e.indices):
            self.known.learn(e.tensor[e.indices], e.rhs)

    def same(self, e: Expr) -> Entry | None:
        """The entry of a tensor that is there already and equals `e`."""
        return self.known.entry(e, sorted(indices_of(e), key=lambda i: i.name))


def gradient(program: Program, wrt: Sequence[str] | None = None) -> Derived:
    """dJ/dT for the objective J and each T of `wrt` (default: every parameter) and every intermediate between.

    The derivative has the shape of T. Raises DeriveError if a name is unknown.
    """
    wrt = tuple(wrt) if wrt is not None else tuple(t.name for t in program.parameters)
    return _reverse(program, program.objective, wrt)


def jacobian(program: Program, output: str, wrt: str | Sequence[str]) -> Derived:
    """d output[p] / d T[i], output axes first, for `wrt` or each T of it: more tensors at the end of the program."""
    return _reverse(program, output, (wrt,) if isinstance(wrt, str) else tuple(wrt))


def pullback(
    program: Program, output: str, wrt: Sequence[str], seed: Expr, prefix: Sequence[Index], label: str, rows: tuple[str, ...] | None = None
) -> Derived:
    """sum over o of seed[p, o] * d output[o] / d T[i] for each T of `wrt`: what a cotangent of the output is for the tensors before it.

    `seed` is an index expression at the indices `prefix` (which go in front) and those of the output's tensor. Adjoints are called label_T;
    `rows` names the tensor whose indices the prefix is, () for a plain cotangent, None where they are no cotangents to speak of.
    """
    return _reverse(program, output, tuple(wrt), _Walk(program, output, tuple(prefix), label, rows), seed)


def _reverse(program: Program, output: str, wrt: tuple[str, ...], walk: _Walk | None = None, seed: Expr | None = None) -> Derived:
    for name in (output, *wrt):
        if name not in program.tensors:
            known = ", ".join(nearest(name, list(program.tensors))) or ", ".join(program.tensors)
            raise DeriveError(f"'{name}' is not a tensor of {program.name}", fix=f"did you mean {known}?")
        if program.tensors[name].role == "index":
            raise DeriveError(f"'{name}' holds places, which are whole numbers: nothing has a derivative by it")
    top = program.tensors[output]
    if walk is None:
        walk = _Walk(program, output, free_indices(top.axes, "p"))
        seed = Mul(*[delta(a, b) for a, b in zip(walk.prefix, top.indices, strict=True)])
    reach = _reaches(program, wrt)
    walk.parts[output] = [seed]
    for equation in reversed(program.needed([output]).equations):
        if equation.name in walk.parts:
            adjoint = _adjoint(walk, equation.tensor)
            if equation.name in reach:
                _push(walk, equation, adjoint, reach)
    for name in wrt:
        if name not in walk.adjoints:
            _adjoint(walk, program.tensors[name])
    made = program.extended(walk.equations)
    return Derived(made, output, wrt, walk.adjoints, tuple(walk.steps), walk.fired, tuple(walk.links.values()))


def _reaches(program: Program, wrt: Sequence[str]) -> set[str]:
    """The names of the tensors that depend on one of `wrt`, these included."""
    reach = set(wrt)
    for e in program.equations:
        if e.uses() & reach:
            reach.add(e.name)
    return reach


def known_facts(program: Program) -> list[Fact]:
    """Declared facts, and that a softmax sums to 1 over its axis, which follows from its law."""
    return [*program.facts, *softmax_facts(program)]


def softmax_facts(program: Program) -> list[Fact]:
    """That a softmax sums to 1 over its axis: it follows from its law and is no condition."""
    made = [e for e in program.equations if isinstance(e.rhs, Call) and e.rhs.op == "softmax"]
    return [Fact("simplex", e.name, e.rhs.option("axis")).along(e.tensor.axes) for e in made]


def _adjoint(walk: _Walk, tensor: Tensor) -> Expr:
    """The adjoint of `tensor`, contracted and recorded as an equation."""
    raw = Add(*walk.parts.get(tensor.name, [S.Zero]))
    indices = (*walk.prefix, *tensor.indices)
    trace = Trace()
    value = contract(raw, walk.facts, trace)
    equation = walk.program.equation(tensor.name)
    known = S.Zero if equation is None or isinstance(equation.rhs, Call) else equation.at(tensor.indices)
    if (smooth := walk.model.smoothed(value, known)) != value:
        value = contract(smooth, walk.facts)
        trace.note("limit", value)
    read = _read(value, walk.program)
    if read != value and cost(read := contract(read, walk.facts)) < cost(value):
        value = read
        trace.note("merged entry", value)
    made = walk.adjoint(tensor.name)
    if value.has(zoo, nan):
        reason = f"the derivative by {tensor.name} divides by 0, whatever the arrays hold"
        raise NotDifferentiableError(reason, place=f"model {walk.program.name}", fix="divide by what is not 0 everywhere")
    _write_steps(walk, tensor, made.name, indices, trace)
    walk.adjoints[tensor.name] = made.name
    walk.fired[made.name] = tuple(sorted(trace.facts | walk.behind.get(tensor.name, set()), key=str))
    walk.equations.append(Equation(made, indices, value))
    walk.model.learn(walk.equations[-1])
    walk.masks.learn(made.name, indices, value)
    return value


def _read(value: Expr, program: Program) -> Expr:
    """`value` with what was merged for its entries at places of merged axes: kron(A, B)[p i + k, q j + l] is A[i, j] B[k, l]."""
    put = {}
    for a in value.atoms(Entry):
        made = program.equation(a.name)
        if made is not None and isinstance(made.rhs, Expr) and made.rhs.has(KroneckerDelta) and any(isinstance(i, Add) for i in a.indices):
            entry = contract(made.at(a.indices))
            if not entry.has(KroneckerDelta, Total):
                put[a] = entry
    return value.xreplace(put)


def _write_steps(walk: _Walk, tensor: Tensor, name: str, indices: tuple[Index, ...], trace: Trace) -> None:
    """The lines from the chain rule, stated with the links, to the contracted adjoint. Deltas of index bookkeeping are solved silently."""
    if tensor.name not in walk.chains:
        return
    before = relabelled(Add(*walk.chains[tensor.name]))
    for rule, line in trace.lines:
        after = relabelled(line)
        if after != before:
            facts = tuple(sorted(trace.facts, key=str)) if rule == "fact" else ()
            walk.steps.append(Step(rule, name, indices, before, after, facts))
            before = after


def _push(walk: _Walk, equation: Equation, value: Expr, reach: set[str]) -> None:
    """Add the contributions of `equation` to the adjoints of the tensors it uses, with its adjoint named or in place."""
    if value == 0:
        return
    here = tuple(fresh(i.axis) for i in equation.indices)
    named = walk.equations[-1].tensor[(*walk.prefix, *here)]
    links = []
    for name in sorted(equation.uses() & reach):
        link = jacobian_of(walk.program, equation, name, walk.helper, walk.definitions)
        if link.rhs != 0:
            walk.links[link.name] = link
            links.append((name, link))
    ways = _Ways(walk, value, named, dict(zip(equation.tensor.indices, here, strict=True)))
    local = {name: substitute(link.rhs, dict(zip(link.indices, here, strict=False))) for name, link in links}
    said = walk.masks.beside(ways.best(list(local.values()), here), local.values())
    facts = walk.fired[named.name] if not said.has(named) else ()  # what is put in place takes along what it rests on
    for name, link in links:
        walk.behind.setdefault(name, set()).update(facts)
        chain = Total(named * link.tensor[(*here, *walk.program.tensors[name].indices)], *here)
        walk.chains.setdefault(name, []).append(chain)
        walk.parts.setdefault(name, []).append(Total(Mul(said, local[name]), *here))


class _Ways:
    """The ways to say an adjoint in the adjoints that it contributes to: by its name, put in place, or in place with parts of it named."""

    def __init__(self, walk: _Walk, value: Expr, named: Entry, here: Mapping[Index, Index]) -> None:
        self.walk, self.value, self.named, self.here = walk, value, named, here

    def best(self, local: Sequence[Expr], bound: Sequence[Index]) -> Expr:
        """The way that makes the contributions, the adjoint times each of `local`, cheapest."""
        placed = self.placed(self.value)
        if cost(self.value) == 0 or not self.value.has(Entry, Index) or _has_zeros(self.value):
            return placed
        if self.walk.prefix and (same := self.walk.same(self.value)) is not None:
            return self.placed(same)
        made: list[Equation] = []
        parted = self.placed(with_parts_named(self.value, partial(self.part, made)))
        ways = [
            (cost(self.value) + self.costs(self.named, local, bound), 4 if self.walk.prefix else 1, self.named, []),
            (self.costs(placed, local, bound), 0 if _is_scaled_entry(self.value) else 2, placed, []),
        ]
        if made:
            ways.append((sum(cost(e.rhs) for e in made) + self.costs(parted, local, bound), 3, parted, made))
        if self.walk.prefix and _is_outer(parted):
            del ways[0]
        _, _, said, new = min(ways, key=lambda way: way[:2])
        self.walk.equations += new
        for e in new:
            self.walk.fired[e.name] = self.walk.fired[self.named.name]
        for e in new if said != self.named else self.walk.equations[-1:]:
            self.walk.know(e)
        return said

    def placed(self, value: Expr) -> Expr:
        return substitute(value, self.here)

    def costs(self, said: Expr, local: Sequence[Expr], bound: Sequence[Index]) -> int:
        return sum(cost(contract(Total(Mul(said, e), *bound), self.walk.facts)) for e in local)

    def part(self, made: list[Equation], e: Expr) -> Entry:
        """The entry of an equation for `e`, one that is there or a new one in `made`."""
        if (same := self.walk.same(e)) is not None:
            return same
        indices = sorted(indices_of(e), key=lambda i: (i not in self.here, i.name))
        name = self.walk.program.fresh_name("Q", [q.name for q in (*self.walk.equations, *made)])
        tensor = Tensor(name, tuple(i.axis for i in indices), role="part")
        made.append(Equation(tensor, tensor.indices, relabelled(e.xreplace(dict(zip(indices, tensor.indices, strict=True))))))
        return Entry(name, *indices)


def _is_scaled_entry(e: Expr) -> bool:
    """Whether `e` is an entry times numbers and sizes: a name for that would say nothing."""
    return len(e.atoms(Entry)) == 1 and all(isinstance(f, Entry) or not f.atoms(Entry, Index) for f in Mul.make_args(e))


def _has_zeros(value: Expr) -> bool:
    """Whether `value` is 0 but where free indices are equal; a delta with a summed index says where a merged axis has its entries."""
    free = indices_of(value)
    return all(any(indices_of(d) <= free for d in Mul.make_args(t) if isinstance(d, KroneckerDelta)) for t in Add.make_args(value))


def _is_outer(value: Expr) -> bool:
    """Whether each factor has fewer indices than the whole product: a name would store an array larger than all that it is made of."""
    whole = indices_of(value)
    return not isinstance(value, Add) and all(indices_of(f) < whole for f in Mul.make_args(value))
