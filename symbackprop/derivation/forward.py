"""Forward mode over index equations: a walk from the first equation to the last.

The tangent of a tensor T is its directional derivative along tangents of some tensors: the sum, over the tensors U that T's
equation uses, of dT[t]/dU[u] * tangent of U[u]. It has the axes of T and costs about as much as T; the result is a program again.
Over a gradient program it gives Hessian-vector products. Source: Wengert 1964; Pearlmutter 1994, eq. 3, for the products.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Add, Expr, Mul, S

from symbackprop.calculus.canonical import relabelled
from symbackprop.calculus.contract import Trace, contract
from symbackprop.calculus.index import fresh
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.calculus.term import Entry, Total
from symbackprop.calculus.workbench import Workbench
from symbackprop.derivation.local import jacobian_of, local_partials
from symbackprop.derivation.reverse import Step, known_facts
from symbackprop.derivation.smooth import Model
from symbackprop.errors import DeriveError


@dataclass(frozen=True)
class Tangents:
    """A program with tangents. `directions`: tensor -> the leaf that holds its direction; `tangents`: tensor -> its tangent.

    `steps`, `facts` and `links` are those of the walk, as in a reverse one.
    """

    program: Program
    directions: Mapping[str, str]
    tangents: Mapping[str, str]
    steps: tuple[Step, ...] = ()
    facts: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict)
    links: tuple[Equation, ...] = ()


def forward(program: Program, wrt: Sequence[str], outputs: Sequence[str]) -> Tangents:
    """The tangents of `outputs` along directions of `wrt`, new leaves in the shapes of `wrt`.

    Raises DeriveError where a name of `wrt` is not a leaf, or an output is unknown.
    """
    leaves = {t.name for t in program.leaves}
    for name in wrt:
        if name not in leaves:
            raise DeriveError(f"'{name}' is not a leaf of {program.name}", fix=f"directions belong to {', '.join(sorted(leaves))}")
    directions: dict[str, Tensor] = {}
    for name in wrt:
        label = program.fresh_name(f"v_{name}", [t.name for t in directions.values()])
        directions[name] = Tensor(label, program.tensors[name].axes, role="direction", tangent_of=(name,))
    made = pushed(program.with_leaves(directions.values()), directions, outputs)
    return replace(made, directions={name: t.name for name, t in directions.items()})


def pushed(program: Program, given: Mapping[str, Tensor], outputs: Sequence[str]) -> Tangents:
    """The tangents of `outputs` where those of some tensors, leaves or not, are `given`.

    An output that depends on none of these has the tangent 0, in an equation of its own.
    """
    for name in outputs:
        if name not in program.tensors:
            raise DeriveError(f"'{name}' is not a tensor of {program.name}")
    walk = _Walk(program, dict(given))
    for equation in program.needed(outputs).equations:
        if equation.name not in given:
            walk.push(equation)
    for name in outputs:
        if name not in walk.tangents:
            walk.define(program.tensors[name], S.Zero)
    names = {name: t.name for name, t in walk.tangents.items()}
    return Tangents(program.extended(walk.made), {}, names, tuple(walk.steps), walk.fired, tuple(walk.links))


@dataclass
class _Walk:
    """What the walk has found so far."""

    program: Program
    tangents: dict[str, Tensor]
    made: list[Equation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    fired: dict[str, tuple[Fact, ...]] = field(default_factory=dict)
    links: list[Equation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.facts = Facts(known_facts(self.program), self.program.equations)
        self.definitions = Facts((), self.program.equations)
        self.model = Model(self.program.equations, self.program.signs)
        self.helper = Workbench(self.program, self.made).call

    def push(self, equation: Equation) -> None:
        """The tangent of one equation's tensor at its own indices, from those of the tensors it uses."""
        terms: list[Expr] = []
        chains: list[Expr] = []
        for name in sorted(equation.uses() & set(self.tangents)):
            tangent = self.tangents[name]
            for one in local_partials(self.program, equation, equation.indices, name, self.helper):
                terms.append(Total(Mul(one.coefficient, Entry(tangent.name, *one.indices)), *one.bound))
            link = jacobian_of(self.program, equation, name, self.helper, self.definitions)
            self.links.append(link)
            inner = tuple(fresh(i.axis) for i in link.indices[len(equation.indices) :])
            chains.append(Total(Mul(link.tensor[(*equation.indices, *inner)], Entry(tangent.name, *inner)), *inner))
        trace = Trace()
        value = contract(Add(*terms), self.facts, trace)
        if (smooth := self.model.smoothed(value)) != value:
            value = contract(smooth, self.facts)
            trace.note("limit", value)
        if value != 0:
            self.define(equation.tensor, value)
            self.tell(equation, relabelled(Add(*chains)), trace)

    def define(self, tensor: Tensor, value: Expr) -> None:
        """The equation of a tangent."""
        label = self.program.fresh_name(f"r_{tensor.name}", [e.name for e in self.made])
        of = tensor.derivative or (tensor.name,)
        own = Tensor(label, tensor.axes, role="tangent", orders=tensor.orders, tangent_of=of)
        self.made.append(Equation(own, own.indices, value))
        self.model.learn(self.made[-1])
        self.tangents[tensor.name] = own

    def tell(self, equation: Equation, before: Expr, trace: Trace) -> None:
        """The lines from the chain rule, stated with the links, to the contracted tangent."""
        name = self.tangents[equation.name].name
        self.fired[name] = tuple(sorted(trace.facts, key=str))
        for rule, line in trace.lines:
            after = relabelled(line)
            if after != before:
                facts = self.fired[name] if rule == "fact" else ()
                self.steps.append(Step(rule, name, equation.indices, before, after, facts))
                before = after
