"""A person's claims about a model, in NumPy notation: proved, refuted by the smallest counterexample, or left open.

The derivatives a claim speaks of are derived here, without any declared fact, and stand in the model's program beside the
claim's own expressions; so a claim compares two tensors of one program. A fact that the comparison needs becomes a condition
of the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sympy import S

from symbackprop.contract import contract
from symbackprop.derive.reverse import gradient, jacobian
from symbackprop.errors import SymbackpropError
from symbackprop.index import shape_text
from symbackprop.language.elaborate import elaborate_expression
from symbackprop.language.nodes import Call, Claim, Derivative, Dots, Name, Node, Number, Subscript, names_of, walk
from symbackprop.language.syntax import parse_claim
from symbackprop.laws import Facts
from symbackprop.normal import inlined, proved_equal
from symbackprop.program import Fact, Program, Tensor
from symbackprop.term import Entry
from symbackprop.verify.causes import likely_cause, likely_shape_cause, rebuilt
from symbackprop.verify.compare import Comparison, agree_exactly, agree_numerically, smallest_counterexample
from symbackprop.verify.numeric import check_derivatives
from symbackprop.verify.update import check_update
from symbackprop.verify.verdict import Report, Verdict, guarded


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


def check_claims(program: Program, texts: Sequence[str], seed: int = 0) -> Report:
    """One verdict for each claim, such as "dJ/dO == (Yhat - Y) / n" or "W1 <- W1 - eta * dJ/dW1".

    `seed` chooses the random points. Whatever goes wrong with a claim becomes "unknown", with the reason.
    """
    rows = [guarded(text, partial(check_text, program, text, seed)) for text in texts]
    return Report(tuple(rows), f"claims about {program.name}")


def check_text(program: Program, text: str, seed: int = 0) -> Verdict:
    """The verdict on one claim as text; raises what the parser and the elaboration raise."""
    return check_claim(program, parse_claim(text, "claim", program.tensors), seed)


def check_claim(program: Program, claim: Claim, seed: int = 0) -> Verdict:
    """The verdict on one parsed claim."""
    if claim.relation == "<-":
        return check_update(program, claim, state)
    stated = state(program, claim.left, claim.right)
    left, right = (stated.program.tensors[name] for name in (stated.left, stated.right))
    if not same_shape(left, right):
        return _shapes_differ(program, claim, stated, left, right)
    verdict = compare(claim.text, stated, seed)
    if verdict.status != "wrong":
        return verdict
    edited = lambda node: state(program, claim.left, node)  # noqa: E731
    return replace(verdict, cause=likely_cause(stated.with_facts(stated.facts), stated.left, stated.right, claim.right, edited))


def state(program: Program, left: Node, right: Node, constants: Sequence[str] = ()) -> Stated:
    """Both sides in one program, with the derivatives they name; `constants` are further positive scalars they may use.

    Raises what parsing, deriving and elaborating raise: unknown names, axes that do not fit, what has no derivative.
    """
    facts = program.facts
    base = without_facts(program)
    extra = {name: Tensor(name, (), "constant", (Fact("positive", name),)) for name in constants}
    base = replace(base, tensors={**base.tensors, **extra})
    base, named = derived(base, [n for side in (left, right) for n in walk(side) if isinstance(n, Derivative)])
    names = []
    for side in (left, right):
        base, name = elaborate_expression(rebuilt(side, lambda n: _derivative_named(n, named, program)), base)
        names.append(name)
    return Stated(program, base, names[0], names[1], (*facts, *(f for t in extra.values() for f in t.facts)), tuple(named.values()))


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


def same_shape(left: Tensor, right: Tensor) -> bool:
    """Whether the axes agree for all sizes."""
    return len(left.axes) == len(right.axes) and all((a - b).is_zero for a, b in zip(left.axes, right.axes, strict=True))


def _shapes_differ(program: Program, claim: Claim, stated: Stated, left: Tensor, right: Tensor) -> Verdict:
    if not right.axes and not names_of(claim.right) and isinstance(claim.left, Derivative | Name):
        every = Call("add", (claim.right, Call("multiply", (Number(S.Zero), claim.left))))
        verdict = check_claim(program, replace(claim, right=every))
        return replace(verdict, cause="", details=(*verdict.details, "the number on the right is read as standing in every entry"))
    edited = lambda node: state(program, claim.left, node)  # noqa: E731
    cause = likely_shape_cause(stated.with_facts(stated.facts), stated.left, stated.right, claim.right, edited)
    reason = f'the left side has the shape "{shape_text(left.axes)}", the right side "{shape_text(right.axes)}"'
    return Verdict("wrong", claim.text, reason, cause=cause)


def compare(subject: str, stated: Stated, seed: int = 0) -> Verdict:
    """Whether left and right are equal: first whether numbers refute it, then with as few of the declared facts as it takes."""
    needed = set(stated.program.needed([stated.left, stated.right]).tensors)
    facts = [f for f in stated.facts if f.tensor in needed]
    # A positive step size is what the letter means, not a condition on the model.
    always = [f for f in facts if f.kind == "positive" and not stated.program.tensors[f.tensor].axes]
    found = _numbers(stated, facts, seed)
    if found.status == "unknown":
        return Verdict("unknown", subject, found.reason)
    if found.status == "wrong":
        return _refuted(subject, stated, facts)
    kept = list(facts)
    for fact in facts:
        fewer = [f for f in kept if f != fact]
        if fact not in always and _numbers(stated, fewer, seed).status == "holds":
            kept = fewer
    verdict = _strongest(subject, stated, kept, found)
    failed = [v for v in _confirmed(stated, kept) if v.status == "wrong"]
    if failed:
        return Verdict(
            "unknown", subject, f"the derivation of {failed[0].subject} does not pass its own check", details=tuple(failed[0].lines())
        )
    return verdict.under([fact_text(f, stated.program) for f in kept if f not in always])


def _numbers(stated: Stated, facts: Sequence[Fact], seed: int) -> Comparison:
    return agree_numerically(stated.with_facts(facts), stated.left, stated.right, (seed, seed + 1))


def _strongest(subject: str, stated: Stated, facts: Sequence[Fact], found: Comparison) -> Verdict:
    """The strongest that can be said of two sides that agree numerically under `facts`."""
    if _proved(stated, facts):
        return Verdict("proved", subject, "equal normal forms for all sizes")
    with_them = stated.with_facts(facts)
    try:
        exactly = agree_exactly(with_them, stated.left, stated.right)
    except SymbackpropError as error:
        return Verdict("holds", subject, found.reason, details=(f"not as exact algebra: {error.reason}",))
    if exactly.status == "exact":
        return Verdict("exact", subject, exactly.reason)
    return Verdict("holds", subject, found.reason, details=(exactly.reason,))


def _proved(stated: Stated, facts: Sequence[Fact]) -> bool:
    """Whether the normal forms agree, with adjoints and the claim's own expressions put in place, then with everything put in place."""
    program = merged_calls(stated.program)
    law = Facts([*facts, *softmax_facts(program)])
    indices = program.tensors[stated.left].indices
    sides = [Entry(name, *indices) for name in (stated.left, stated.right)]
    own = {e.name: e for e in program.equations if e.name not in stated.model.tensors}
    for definitions in (own, {e.name: e for e in program.equations}):
        left, right = (inlined(side, definitions) for side in sides)
        if proved_equal(left, right, law) or contract(left - right, law) == 0:
            return True
    return False


def merged_calls(program: Program) -> Program:
    """`program` with every second equation that is the same call of the same tensors said as a copy of the first."""
    seen: dict = {}
    equations = []
    for e in program.equations:
        if e.call is not None and e.call in seen:
            e = replace(e, call=None, rhs=Entry(seen[e.call], *e.indices))
        elif e.call is not None:
            seen[e.call] = e.name
        equations.append(e)
    return replace(program, equations=tuple(equations))


def softmax_facts(program: Program) -> list[Fact]:
    """That a softmax sums to 1 over its axis: it follows from its law and is no condition."""
    return [Fact("simplex", e.name, e.call.option("axis")) for e in program.equations if e.call and e.call.op == "softmax"]


def _refuted(subject: str, stated: Stated, facts: Sequence[Fact]) -> Verdict:
    found = smallest_counterexample(stated.with_facts(facts), stated.left, stated.right)
    if found is None:
        return Verdict("unknown", subject, "the sides differ at random points, but no small counterexample was found")
    failed = [v for v in _confirmed(stated, facts, found.arrays) if v.status == "wrong"]
    if failed:
        return Verdict("unknown", subject, f"the derivation of {failed[0].subject} does not pass its own check")
    return Verdict("wrong", subject, "the sides differ", counterexample=found.example)


def _confirmed(stated: Stated, facts: Sequence[Fact], arrays=None) -> list[Verdict]:
    """The derivatives that the claim names, against finite differences at one point: a refutation must not rest on a slip of ours."""
    if not stated.derivatives:
        return []
    program = stated.with_facts(facts).needed(_with_bases(stated.program, stated.derivatives))
    if arrays is not None:
        arrays = {t.name: arrays[t.name] for t in program.leaves}
    return check_derivatives(program, stated.derivatives, seeds=(7,), arrays=arrays)


def _with_bases(program: Program, names: Sequence[str]) -> list[str]:
    """`names` and the tensors whose derivatives they are, so that they can be checked."""
    found = list(names)
    for name in names:
        found += [n for n in program.tensors[name].derivative if n in program.tensors]
        prefix = program.tensors[name].derivative[:-1]
        found += [t.name for t in program.tensors.values() if t.derivative == prefix]
    return found


def fact_text(fact: Fact, program: Program) -> str:
    """A fact as a condition that a person reads."""
    axes = program.tensors[fact.tensor].axes
    along = f" over {axes[fact.axis]}" if fact.axis is not None else ""
    said = {
        "simplex": f"{fact.tensor} sums to 1{along}",
        "one-hot": f"{fact.tensor} is one-hot{along}",
        "unit": f"{fact.tensor} has length 1{along}",
    }
    return said.get(fact.kind, f"{fact.tensor} is {fact.kind}")
