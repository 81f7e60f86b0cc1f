"""Update rules: whether the step goes against the gradient, and is the gradient."""

import numpy as np

from symbackprop.formulas.meaning.meaning import Meaning
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.links import Link, free_letters
from symbackprop.formulas.notation.losses import LOSSES
from symbackprop.formulas.notation.trees import base_of, flat, has_derivative, parts, plain
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers.quantities import MisfitError, Quantity
from symbackprop.formulas.numbers.tape import ZERO, adjoints
from symbackprop.formulas.outcome import Outcome
from symbackprop.language.latex import nodes as n

GAINS = {"R", "U", "V", r"\ell", "l"}
"""Names of what is rather made large: a return, a utility, a likelihood."""


def stepped(link: Link, names: Meaning) -> Outcome:
    """Compare the step with the gradient of the objective."""
    letters = free_letters((link.left, link.right), names.indices)
    seen = 0
    ratios: list[np.ndarray] = []
    for start in (2, 1, 3):
        env = dict.fromkeys(letters, start)
        try:
            left = names.fitting(link.left, env)
            right = names.fitting(link.right, env)
        except OutOfRangeError:
            continue
        step = right if link.sign == "+=" else q.negative(right) if link.sign == "-=" else q.plus(right, q.negative(left), True)
        gradient = slope(link, names, left, env)
        rate = rates(link, names, env)
        if step.data.size != gradient.data.size or (step.data.ndim == 2 and step.shape != gradient.shape):
            return Outcome("shape", f"the step is {step.described}, the parameter {left.described}", where=env, names=names)
        a = np.array([np.broadcast_to(x.value, np.shape(rate)) for x in step.data.reshape(-1)], dtype=float)
        b = np.array([np.broadcast_to(x.value, np.shape(rate)) for x in gradient.data.reshape(-1)], dtype=float)
        with np.errstate(all="ignore"):
            ratio = np.where(np.abs(b) > 1e-9, a / b, np.nan)
        if np.any((np.abs(b) <= 1e-9) & (np.abs(a) > 1e-7)):
            return Outcome("differs", "the step is no multiple of the gradient", where=env, names=names)
        ratios.append(ratio / rate)
        seen += 1
        if not letters:
            break
    if not seen:
        raise UnreadError("no value of the indices lies in the range of everything", link.left)
    return verdict(np.concatenate([r.reshape(-1) for r in ratios]), names)


def verdict(ratios: np.ndarray, names: Meaning) -> Outcome:
    """What the ratios of step to gradient, divided by the learning rate, say."""
    known = ratios[np.isfinite(ratios)]
    if not known.size:
        raise UnreadError("the gradient is 0 wherever it was tried")
    if np.ptp(known) > 1e-6 * np.abs(known).max():
        return Outcome("differs", "the step is no multiple of the gradient", names=names)
    ratio = float(known[0])
    if abs(ratio) < 1e-9:
        raise UnreadError("the step is 0")
    if abs(ratio + 1) < 1e-6:
        return Outcome("equal", names=names, ratio=-1.0)
    return Outcome("uphill" if ratio > 0 else "factor", names=names, ratio=ratio)


def slope(link: Link, names: Meaning, left: Quantity, env: dict[str, int]) -> Quantity:
    """The gradient of the objective by the parameter."""
    top: Quantity | None = None
    tops = {flat(plain(p.of)) for p in parts(link.right) if isinstance(p, n.Leibniz | n.Operator) and p.of is not None}
    if len(tops) > 1:
        top = names.loss(env)
    for p in parts(link.right):
        if isinstance(p, n.Leibniz | n.Operator) and p.of is not None and top is None:
            made = names.derived_thing(p.of, p, env)
            if made.data.size == 1:
                top = penalised(link, p.of, names) or made
                break
    if top is None:
        top = names.loss(env)
    if not all(x.entry for x in left.data.reshape(-1)):
        raise UnreadError("an update of what is no variable", link.left)
    slopes = adjoints(top.scalar)
    entries = [slopes.get(x, ZERO) for x in left.data.reshape(-1)]
    if all(x is ZERO for x in entries):
        raise UnreadError("the objective does not depend on this parameter", link.left)
    return q.array_of(entries, left.shape)


def penalised(link: Link, of: n.Node, names: Meaning) -> Quantity | None:
    """The objective that an equation makes of a derived one and a penalty, where the step has a term without a derivative."""
    term = link.right.terms[1] if isinstance(link.right, n.Sum) and len(link.right.terms) == 2 else link.right
    inside = [x for p in factors(term) if isinstance(p, n.Sum) for x in p.terms]
    terms = [x for x in inside or list(getattr(link.right, "terms", (link.right,))) if flat(x) != flat(link.left)]
    head = names.called(plain(of))
    if head is None or all(has_derivative(x) for x in terms):
        return None
    for k in [k for rows in names.known.values() for k in rows if not k.alias and not k.pattern.letters]:
        inner = {base_of(p) for p in parts(k.right) if isinstance(p, n.Name)} if k.right is not None else set()
        if k.pattern.base.split("~")[-1] in LOSSES and base_of(head) in inner:
            return names.known_tensor(k, {}, frozenset())
    return None


def rates(link: Link, names: Meaning, env: dict[str, int]) -> np.ndarray:
    """The learning rate: the names in the step that nothing declares and that are factors of it."""
    rate = np.ones(7)
    right = link.right
    terms = right.terms[1:] if isinstance(right, n.Sum) and link.sign not in ("+=", "-=") else (right,)
    for term in terms[:1]:
        for p in factors(term):
            if (
                isinstance(p, n.Name)
                and (not names.is_known(p) or names.is_free_number(p))
                and base_of(p) not in LOSSES
                and flat(p) not in names.sizes_named
                and p.id not in env
            ):
                try:
                    value = names.value(p, env)
                except (UnreadError, MisfitError):
                    continue
                if not value.shape and value.scalar.entry and not value.scalar.of:
                    rate = rate * value.scalar.value
    return rate


def factors(node: n.Node) -> list[n.Node]:
    """The factors of a product, those above a fraction bar among them."""
    node = plain(node)
    if isinstance(node, n.Juxtaposition | n.Product):
        return [x for f in node.factors for x in factors(f)]
    if isinstance(node, n.Fraction):
        return factors(node.top)
    if isinstance(node, n.Sum) and len(node.terms) == 1:
        return factors(node.terms[0])
    return [node]


def is_loss(link: Link, names: Meaning) -> bool:
    """Whether the objective is something to be made small."""
    tops = [plain(p.of) for p in parts(link.right) if isinstance(p, n.Leibniz | n.Operator) and p.of is not None]
    bases = {base_of(t) for t in tops if isinstance(t, n.Name)}
    return names.context.conventions.descent or not bases & GAINS
