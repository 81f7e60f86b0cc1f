"""A claim as two tensors of one program, with the derivatives that it names derived here, without any declared fact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symbackprop.calculus.program import Equation, Fact, Program, Tensor
from symbackprop.derivation.reverse import gradient, jacobian
from symbackprop.errors import SpecError, VerifyError
from symbackprop.language.elaborate import elaborate_expression, equations_of
from symbackprop.language.nodes import Derivative, Dots, Name, Node, Subscript, walk
from symbackprop.stability.recognise import opened
from symbackprop.verification.claims.reading import rebuilt


@dataclass(frozen=True)
class Ground:
    """A model's program without facts, with derivatives: what the expressions of a claim about it are built on.

    `model` is the program that the claim is about; `facts` are those declared, `named` the tensor of each derivative.
    """

    model: Program
    program: Program
    facts: tuple[Fact, ...]
    named: dict[Derivative, str]

    def with_expression(self, node: Node, text: str = "") -> tuple["Ground", str]:
        """With the equations of one more expression, and the tensor that holds its value. Raises what the elaboration raises."""
        program, name = elaborate_expression(self.said(node), self.program, text=text, place="the claim")
        return replace(self, program=program), name

    def equations_of(self, node: Node) -> tuple[list[Equation], str]:
        """The equations that one more expression needs, and the tensor that holds its value."""
        return equations_of(self.said(node), self.program)

    def said(self, node: Node) -> Node:
        """A node with the tensors that hold them for derivatives."""
        return rebuilt(node, lambda n: _derivative_named(n, self.named, self.model))


@dataclass(frozen=True)
class Stated:
    """A claim as two tensors of one program that knows no facts. `facts` are those declared, `derivatives` the adjoints it names.

    `model` is the program that the claim is about.
    """

    model: Program
    program: Program
    left: str
    right: str
    facts: tuple[Fact, ...]
    derivatives: tuple[str, ...]

    def with_facts(self, facts: Sequence[Fact]) -> Program:
        """The program with these facts on its leaves, for drawing data."""
        return with_facts(self.program, facts)


def ground(program: Program, sides: Sequence[Node], constants: Sequence[str] = ()) -> Ground:
    """What claims with these sides are built on; `constants` are further positive scalars they may use.

    A tensor that a side differentiates by is one that the objective depends on as its author has it.
    Raises what deriving raises; what is no fault of the claim's is no SpecError.
    """
    wanted = [n for side in sides for n in walk(side) if isinstance(n, Derivative)]
    program = opened(program, {name for d in wanted for name in d.wrt})
    base = without_facts(program)
    extra = {name: Tensor(name, (), "constant", (Fact("positive", name),)) for name in constants}
    base = replace(base, tensors={**base.tensors, **extra})
    try:
        base, named = derived(base, wanted)
    except SpecError as error:
        raise VerifyError(f"deriving failed: {error.reason}", place=error.place) from error
    return Ground(program, base, (*program.facts, *(f for t in extra.values() for f in t.facts)), named)


def state(program: Program, left: Node, right: Node, constants: Sequence[str] = (), text: str = "") -> Stated:
    """Both sides in one program, with the derivatives they name; `constants` are further positive scalars they may use.

    Raises what deriving and elaborating raise: unknown names, axes that do not fit, what has no derivative.
    """
    return both(ground(program, (left, right), constants), left, right, text)


def both(base: Ground, left: Node, right: Node, text: str = "") -> Stated:
    """Both sides on one ground."""
    base, first = base.with_expression(left, text)
    base, second = base.with_expression(right, text)
    return Stated(base.model, base.program, first, second, base.facts, tuple(base.named.values()))


def without_facts(program: Program) -> Program:
    """`program` with no declared facts."""
    return with_facts(program, ())


def with_facts(program: Program, facts: Sequence[Fact]) -> Program:
    """`program` with `facts` and no others."""
    new = {name: replace(t, facts=tuple(f for f in facts if f.tensor == name)) for name, t in program.tensors.items()}
    equations = tuple(replace(e, tensor=new[e.name]) for e in program.equations)
    return replace(program, tensors=new, equations=equations)


def derived(program: Program, wanted: Sequence[Derivative]) -> tuple[Program, dict[Derivative, str]]:
    """`program` with all derivatives in `wanted`, and the name of the tensor that holds each."""
    named: dict[Derivative, str] = {}
    firsts = {d.wrt[0] for d in wanted if d.of == program.objective}
    adjoints = {}
    if firsts:
        made = gradient(program, sorted(firsts))
        program, adjoints = made.program, dict(made.adjoints)
    for d in wanted:
        if d in named:
            continue
        top, rest = d.of, d.wrt
        if d.of == program.objective:
            top, rest = adjoints[d.wrt[0]], d.wrt[1:]
        for name in rest:
            made = jacobian(program, top, name)
            program, top = made.program, made.adjoints[name]
        named[d] = top
    return program, named


def _derivative_named(node: Node, named: dict[Derivative, str], program: Program) -> Node:
    """A Derivative as the name of its tensor; dh0/dW1[0, 0] picks the entry of W1, whatever axes h0 has."""
    if isinstance(node, Derivative):
        return Name(named[node], span=node.span)
    if isinstance(node, Subscript) and isinstance(node.value, Derivative):
        rank = sum(len(program.tensors[name].axes) for name in node.value.wrt)
        items = (Dots(), *node.items) if len(node.items) == rank and program.tensors[node.value.of].axes else node.items
        return Subscript(Name(named[node.value], span=node.span), items, span=node.span)
    return node
