"""Derivatives of elementwise functions, derived from their laws: nobody types one in.

A law is a scalar formula in plainer functions and brackets. SymPy differentiates it (a bracket has derivative 0, which is
where the conventions at kinks come from); the result is then said in the function's own value where that is cheaper:
sigmoid(x) = 1/(1 + exp(-x)) gives exp(-x) = 1/s - 1, and so s (1 - s). Under a bracket the law's own branch is solved, so
that elu' = [x > 0] + (elu(x) + a) [x <= 0] multiplies no overflowing exp by 0.
"""

from collections.abc import Sequence

from sympy import Add, Dummy, Expr, Function, Integer, Mul, Number, Pow, cancel, exp, factor, fraction, together

from symbackprop.calculus.term import NonNegative, Positive, opposite

RECOGNISED: list[type[Function]] = []
"""Functions whose laws are recognised in a derivative: softplus'(x) = exp(x)/(1 + exp(x)) is sigmoid(x)."""

CALL = 8
"""A call of an elementary function against one addition."""


def slope(value: Expr, law: Expr, x: Expr) -> Expr:
    """d law/d x, in terms of `value` (the function applied to symbols, which `law` spells out) where that is cheaper.

    Not in terms of `value` where the function says so: expm1(x) + 1 is exp(x), but cancels.
    """
    plain = law.diff(x)
    found = [plain, *_recognised(plain, x)]
    if value.own_value:
        found.append(_by_branches(plain, value, law, x))
    return min(found, key=lambda e: (_cost(e, value), str(e)))


def _cost(e: Expr, value: Expr) -> int:
    """Operations to evaluate `e` when `value` is known already."""
    if e == value or not e.args:
        return 0
    inner = sum(_cost(a, value) for a in e.args)
    if isinstance(e, Add | Mul):
        return inner + sum(1 for a in e.args if a != -1) - 1
    if isinstance(e, Positive | NonNegative):
        return inner + 1
    if isinstance(e, Pow):
        return inner + (abs(int(e.exp)) - int(e.exp.is_positive) if e.exp.is_Integer else CALL)
    return inner + getattr(e, "price", CALL)


def _brackets(e: Expr) -> set[Expr]:
    return e.atoms(Positive, NonNegative)


def _by_branches(plain: Expr, value: Expr, law: Expr, x: Expr) -> Expr:
    """Each term in terms of `value`, as the branch of the law that holds under the term's brackets says it."""
    terms = []
    for term in Add.make_args(plain):
        held = {f for f in Mul.make_args(term) if isinstance(f, Positive | NonNegative)}
        decided = {b: Integer(1) for b in held} | {opposite(b): Integer(0) for b in held}
        branch = law.xreplace(decided)
        if _brackets(branch):
            terms.append(term)
            continue
        bare = Mul(*[f for f in Mul.make_args(term) if f not in held])
        terms.append(Mul(_in_value(bare, value, branch, x), *held))
    together_again = Add(*terms)
    if not _brackets(plain):
        whole = _in_value(plain, value, law, x)
        return min((together_again, whole), key=lambda e: (_cost(e, value), str(e)))
    return together_again


def _in_value(e: Expr, value: Expr, branch: Expr, x: Expr) -> Expr:
    """`e` with the branch's formula, or the one transcendental function in it, replaced by what `value` says of it."""
    candidates = [e]
    if isinstance(branch, Mul):
        quotient = cancel(e / branch)
        if fraction(quotient)[1].is_number:
            candidates.append(quotient * value)
    if isinstance(branch, Pow):
        candidates.append(
            e.replace(
                lambda q: q.as_base_exp()[0] == branch.base and (q.as_base_exp()[1] / branch.exp).is_Integer,
                lambda q: value ** (q.as_base_exp()[1] / branch.exp),
            )
        )
    y, atom = Dummy("y"), Dummy("E")
    new = _transcendental(e + branch, x, atom)
    if new is not None:
        top, bottom = fraction(together(branch.xreplace(new)))
        linear = (top - y * bottom).as_poly(atom)
        if linear is not None and linear.degree() == 1:
            slope_, rest = linear.all_coeffs()
            solved = factor(cancel(e.xreplace(new).subs(atom, -rest / slope_)))
            if not solved.has(atom) and fraction(solved)[1].is_number:
                candidates.append(_signed(solved).xreplace({y: value}))
    return min(candidates, key=lambda c: (_cost(c, value), str(c)))


def _transcendental(e: Expr, x: Expr, atom: Expr) -> dict[Expr, Expr] | None:
    """The functions of x in `e` as powers of one `atom`; None if there are none, or several that are not powers of one."""
    calls = sorted((f for f in e.atoms(Function, exp) if f.has(x) and not isinstance(f, Positive | NonNegative)), key=str)
    if not calls:
        return None
    if len(calls) == 1:
        return {calls[0]: atom}
    if all(isinstance(f, exp) for f in calls):
        ratios = [cancel(f.args[0] / calls[0].args[0]) for f in calls]
        if all(r.is_Integer for r in ratios):
            return {f: atom**r for f, r in zip(calls, ratios, strict=True)}
    return None


def _signed(e: Expr) -> Expr:
    """-y (y - 1) as y (1 - y): a minus sign goes into the first sum among the factors."""
    content, rest = e.as_coeff_Mul()
    if not isinstance(content, Number) or content >= 0:
        return e
    factors = list(Mul.make_args(rest))
    for k, f in enumerate(factors):
        if isinstance(f, Add):
            factors[k] = Add(*[-a for a in f.args])
            return Mul(-content, *factors)
    return e


def _recognised(e: Expr, x: Expr) -> Sequence[Expr]:
    """`e` as a number times a function of x whose law the table holds."""
    found = []
    for function in RECOGNISED:
        law = function.law(x)
        if e == law:
            found.append(function(x))
            continue
        atom = Dummy("E")
        new = None if _brackets(law) or _brackets(e) else _transcendental(e + law, x, atom)
        if new is not None:
            ratio = cancel(e.xreplace(new) / law.xreplace(new))
            if ratio.is_number:
                found.append(ratio * function(x))
    return found
