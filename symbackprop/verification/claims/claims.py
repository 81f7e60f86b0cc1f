"""A person's claims about a model, in NumPy notation: proved, refuted by the smallest counterexample, or left open.

The derivatives a claim speaks of are derived here, without any declared fact, and stand in the model's program beside the
claim's own expressions; so a claim compares two tensors of one program. A fact that the comparison needs becomes a condition
of the verdict. Numbers come first: a proof that they contradict is a fault of ours, and is said as that.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from sympy import S

from symbackprop.calculus.facts import SUMS, kind_of
from symbackprop.calculus.index import shape_text
from symbackprop.calculus.program import Fact, Program, Tensor
from symbackprop.errors import AxisError, ContradictionError, SpecError, SymbackpropError
from symbackprop.language.nodes import Call, Claim, Derivative, Number, names_of, walk
from symbackprop.language.syntax import parse_claim
from symbackprop.verification.claims.causes import likely_cause, likely_shape_cause
from symbackprop.verification.claims.compare import Comparison, agree_exactly, agree_numerically
from symbackprop.verification.claims.counterexample import Found, exact_counterexample, smallest_counterexample
from symbackprop.verification.claims.reading import meant
from symbackprop.verification.claims.stated import Ground, Stated, both, ground
from symbackprop.verification.claims.update import check_update
from symbackprop.verification.numeric import check_derivatives
from symbackprop.verification.oracle.literal import infer_sizes
from symbackprop.verification.points.draws import random_arrays
from symbackprop.verification.points.sizes import prime_sizes
from symbackprop.verification.proofs import proved, quickly_proved
from symbackprop.verification.verdict import Report, Verdict, broken, guarded


def check_claims(program: Program, texts: str | Sequence[str], seed: int = 0) -> Report:
    """One verdict for each claim, or for the one, such as "dJ/dO == (Yhat - Y) / n" or "W1 <- W1 - eta * dJ/dW1".

    `seed` chooses the random points. A text that is no claim about the model, for a typo or an unknown name, is a SpecError; whatever else
    goes wrong becomes "unknown", with the reason.
    """
    each = [texts] if isinstance(texts, str) else texts
    claims = [meant(parse_claim(text, "the claim", program.tensors), program) for text in each]
    with np.errstate(all="ignore"):
        return Report(tuple(check_claim(program, c, seed) for c in claims), f"claims about {program.name}")


def check_claim(program: Program, claim: Claim, seed: int = 0) -> Verdict:
    """The verdict on one parsed claim. Raises SpecError where it states nothing."""
    if claim.relation == "<-":
        return check_update(program, claim, seed)
    try:
        base = ground(program, (claim.left, claim.right))
    except SymbackpropError as error:
        return broken(claim.text, error)
    try:
        stated = both(base, claim.left, claim.right, claim.text)
    except AxisError as error:
        if not error.misfit:
            raise
        return guarded(claim.text, partial(_no_shape, base, claim, error, seed))
    except SpecError:
        raise
    except Exception as error:
        return broken(claim.text, error)
    return guarded(claim.text, partial(_judged, base, stated, claim, seed))


def _judged(base: Ground, stated: Stated, claim: Claim, seed: int) -> Verdict:
    left, right = (stated.program.tensors[name] for name in (stated.left, stated.right))
    if not same_shape(left, right):
        return _shapes_differ(base, claim, stated, left, right, seed)
    verdict = compare(claim.text, stated, seed)
    if verdict.status != "wrong":
        return verdict
    try:
        return replace(verdict, cause=likely_cause(base, stated, claim, seed))
    except Exception as error:  # what refutes stands, whatever the search for a cause runs into
        return replace(verdict, details=(*verdict.details, f"no cause was found: {type(error).__name__}"))


def same_shape(left: Tensor, right: Tensor) -> bool:
    """Whether the axes agree for all sizes."""
    return len(left.axes) == len(right.axes) and all((a - b).is_zero for a, b in zip(left.axes, right.axes, strict=True))


def _shapes_differ(base: Ground, claim: Claim, stated: Stated, left: Tensor, right: Tensor, seed: int) -> Verdict:
    if not right.axes and not names_of(claim.right) and not any(isinstance(n, Derivative) for n in walk(claim.right)):
        every = Call("add", (claim.right, Call("multiply", (Number(S.Zero), claim.left))))
        verdict = check_claim(base.model, replace(claim, right=every), seed)
        return replace(verdict, cause="", details=(*verdict.details, "the number on the right is read as standing in every entry"))
    cause = likely_shape_cause(base, stated, claim, seed)
    reason = f'the left side has the shape "{shape_text(left.axes)}", the right side "{shape_text(right.axes)}"'
    return Verdict("wrong", claim.text, reason, cause=cause)


def _no_shape(base: Ground, claim: Claim, error: AxisError, seed: int) -> Verdict:
    """Wrong: a side of which the axes do not fit together is equal to nothing."""
    return Verdict("wrong", claim.text, error.reason, cause=likely_shape_cause(base, None, claim, seed), details=error.notes)


def compare(subject: str, stated: Stated, seed: int = 0) -> Verdict:
    """Whether left and right are equal: first whether numbers refute it, then with as few of the declared facts as it takes."""
    needed = set(stated.program.needed([stated.left, stated.right]).tensors)
    facts = [f for f in stated.facts if f.tensor in needed]
    # The sign of a scalar, as of a step size, is what the letter means, not a condition on the model.
    always = [f for f in facts if kind_of(f).closed == SUMS and not stated.program.tensors[f.tensor].axes]
    found = _numbers(stated, facts, seed)
    if found.status == "unknown":
        return Verdict("unknown", subject, found.reason)
    if found.status == "wrong":
        return _refuted(subject, stated, facts, found)
    kept = list(facts)
    for fact in facts:
        fewer = [f for f in kept if f != fact]
        if fact not in always:
            without = _numbers(stated, fewer, seed)
            if without.status == "holds" and set(without.conditions) <= set(found.conditions):
                kept, found = fewer, without
    verdict = _strongest(subject, stated, kept, found)
    if verdict.status == "wrong":
        return verdict
    _confirm(stated, kept)
    return verdict.under([*(fact_text(f, stated.program) for f in kept if f not in always), *(p.said for p in found.conditions)])


def _numbers(stated: Stated, facts: Sequence[Fact], seed: int) -> Comparison:
    return agree_numerically(stated.with_facts(facts), stated.left, stated.right, stated.model.tensors, seed)


def _strongest(subject: str, stated: Stated, facts: Sequence[Fact], found: Comparison) -> Verdict:
    """The strongest that can be said of two sides that agree numerically under `facts`; wrong where exact arithmetic tells them apart."""
    if proved(stated.program, stated.left, stated.right, facts, stated.model.tensors):
        return Verdict("proved", subject, "equal normal forms for all sizes", details=(f"compared {found.reason}",))
    with_them = stated.with_facts(facts)
    try:
        exactly = agree_exactly(with_them, stated.left, stated.right, found.sizes[0] if found.sizes else None)
        apart = exact_counterexample(with_them, stated.left, stated.right) if exactly.rational else None
    except SymbackpropError as error:
        return Verdict("holds", subject, found.reason, details=(f"not as exact algebra: {error.reason}",))
    if exactly.status == "exact":
        return Verdict("exact", subject, exactly.reason, details=(f"and {found.reason}",))
    if apart is not None:
        return Verdict("wrong", subject, "the sides differ by less than rounding, but in exact arithmetic they do", counterexample=apart)
    if exactly.rational:
        return Verdict("unknown", subject, f"equal {found.reason}, but {exactly.reason}")
    return Verdict("holds", subject, found.reason, details=(exactly.reason,))


def _refuted(subject: str, stated: Stated, facts: Sequence[Fact], found: Comparison) -> Verdict:
    program = stated.with_facts(facts)
    if quickly_proved(stated.program, stated.left, stated.right, facts, stated.model.tensors):
        example = smallest_counterexample(program, stated.left, stated.right, found.point)
        raise ContradictionError(
            "the normal form proves what numbers refute: a fault of this program, please report it",
            source=subject,
            notes=[f"the sides {found.reason}", *([str(example.example)] if example else [])],
        )
    example = smallest_counterexample(program, stated.left, stated.right, found.point)
    if example is None:
        return Verdict("unknown", subject, f"the sides {found.reason}, but no counterexample can be shown")
    _confirm(stated, facts, example)
    return Verdict("wrong", subject, "the sides differ", counterexample=example.example)


def _confirm(stated: Stated, facts: Sequence[Fact], example: Found | None = None) -> None:
    """Check the derivatives that the claim names against differences: a verdict must not rest on a slip of ours.

    At the points of `points`, or where the claim is refuted. Raises ContradictionError where one does not pass.
    """
    if not stated.derivatives:
        return
    program = stated.with_facts(facts).needed(_with_bases(stated.program, stated.derivatives))
    arrays = None
    if example is not None:
        sizes = {a: example.sizes[a] for a in program.axes if a in example.sizes}
        given = {n: a for n, a in example.arrays.items() if n in program.tensors}
        missing = [t.name for t in program.leaves if t.name not in given]
        if missing:
            known = infer_sizes(program, given, sizes)
            drawn = random_arrays(program, {**prime_sizes(program), **known})
            given |= {n: drawn[n] for n in missing}
        arrays = given
    failed = [v for v in check_derivatives(program, stated.derivatives, arrays=arrays) if v.status == "wrong"]
    if failed:
        raise ContradictionError(
            f"the derivation of {failed[0].subject} does not pass its own check: a fault of this program, please report it",
            notes=failed[0].lines(),
        )


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
    return f"{fact.tensor} {kind_of(fact).said or f'is {fact.kind}'}{along}"
