"""The section of a derivation on gradient descent: the step by each parameter, by all samples, and by a few of them."""

from symbackprop.calculus.program import Call
from symbackprop.calculus.term import Total
from symbackprop.derivation.samples import are_coupled
from symbackprop.pages import folding
from symbackprop.pages.teller import Teller
from symbackprop.typesetting import tree
from symbackprop.typesetting.blocks import Block, Formulas, Heading, Paragraph
from symbackprop.typesetting.index_form import letter
from symbackprop.typesetting.names import indexed


def descent(teller: Teller) -> list[Block]:
    """The step downhill; full batch and stochastic."""
    names, say, eta = teller.writer.names, teller.say, step_length(teller)
    top = names(teller.derived.output)
    wanted = [names(n) for n in teller.derived.wrt if teller.program.tensors[n].role == "parameter"]
    if not wanted:
        return []
    blocks: list[Block] = [
        Heading(say["update"]),
        Paragraph(teller.line("update lead", eta=eta)),
        *folding.formulas([down(eta, x, tree.Derivative(top, (x,))) for x in wanted], say["all parameters"]),
    ]
    if teller.program.samples is None:
        return [*blocks, Paragraph(teller.line("one sample"))]
    kind = over_samples(teller)
    return [*blocks, *(coupled(teller) if kind == "coupled" else batches(teller, kind) if kind else [])]


def step_length(teller: Teller) -> tree.Node:
    """The letter of the length of a step."""
    return teller.unused("eta", "alpha", "epsilon")


def down(eta: tree.Node, x: tree.Node, slope: tree.Node) -> tree.Node:
    """x <- x - eta slope."""
    return tree.relation(x, ("<-", tree.add((1, x), (-1, tree.product(eta, slope)))))


def coupled(teller: Teller) -> list[Block]:
    """The step by a batch where samples depend on each other: it stands for itself."""
    top, theta, batch = teller.writer.names(teller.derived.output), teller.unused("theta", "phi", "psi"), teller.unused("B", "S", "M")
    own, size = indexed(top, (batch,)), teller.writer.expression(teller.program.samples)
    lead = teller.line("stochastic coupled", objective=top, batch=batch, own=own, n=size)
    step = down(step_length(teller), theta, tree.Derivative(own, (theta,)))
    return [Heading(teller.say["stochastic"], 3), Paragraph(lead), Formulas((step,))]


def batches(teller: Teller, kind: str) -> list[Block]:
    """The step by all samples and by a few, where the objective is the "mean" or the "sum" of theirs."""
    top, theta, eta = teller.writer.names(teller.derived.output), teller.unused("theta", "phi", "psi"), step_length(teller)
    s, size = letter(teller.writer.letters.choice(teller.program.samples)[0]), teller.writer.expression(teller.program.samples)
    batch, count = teller.unused("B", "S", "M"), teller.unused("m", "b", "k")
    each = tree.Derivative(indexed(top, (s,)), (theta,))
    over, some = tree.big_sum(s, tree.ONE, size, each), tree.Sum(tree.relation(s, ("in", batch)), None, None, each)
    full = tree.product(tree.Frac(tree.ONE, size), over) if kind == "mean" else over
    few = tree.product(tree.Frac(tree.ONE if kind == "mean" else size, count), some)
    whole = tree.relation(tree.Derivative(top, (theta,)), ("=", full))
    return [
        Heading(teller.say["full batch"], 3),
        Paragraph(teller.line(f"full batch {kind}")),
        Formulas((whole, down(eta, theta, full))),
        Heading(teller.say["stochastic"], 3),
        Paragraph(teller.line("stochastic lead", batch=batch, size=count, n=size)),
        Formulas((down(eta, theta, few),)),
    ]


def over_samples(teller: Teller) -> str | None:
    """Whether the objective is the "mean" or the "sum" of one loss for each sample, or neither as it stands.

    It is "coupled" where a sample's loss can depend on other samples, so that no sample has a gradient of its own.
    """
    program, samples = teller.derived.program, teller.program.samples
    if are_coupled(program, [n for n in teller.derived.wrt if samples not in program.tensors[n].axes]):
        return "coupled"
    e = program.equation(teller.derived.output)
    if e is None or isinstance(e.rhs, Call) or e.tensor.axes:
        return None
    coefficient, totals = e.rhs.as_independent(Total, as_Add=False)
    if not isinstance(totals, Total) or not any(i.axis == samples for i in totals.indices) or totals.body.has(samples):
        return None
    if not coefficient.has(samples):
        return "sum"
    return "mean" if not (coefficient * samples).has(samples) else None
