"""Elementwise functions of our own as SymPy functions: what a record of the op table becomes.

Each is real, carries its law, and differentiates by `slope.slope`, once for each argument.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sympy import Dummy, Expr, Function, I, Pow, S, nan, oo, zoo

from symbackprop.ops.slope import slope


class Elementwise(Function):
    """Base of the functions made from the op table. A class has `law`, its formula, and `arity`.

    `price`: operations of one evaluation. `own_value`: its derivative may be said in its own value. `stepwise`: it is constant but for
    jumps, so that its derivative is 0. `even_powers`: what stands for it under an even power. `mirrored`: its value at -x, by x and its
    value at x.
    """

    is_real = True
    is_finite = True
    arity = 1
    price = 8
    own_value = True
    stepwise = False
    law: Callable[..., Expr]
    rewrite_rule: Callable[..., Expr | None] | None = None
    even_powers: Callable[[Expr], Expr] | None = None
    mirrored: Callable[[Expr, Expr], Expr] | None = None

    @classmethod
    def eval(cls, *args: Expr) -> Expr | None:
        """A plainer expression where there is one: the record's own rule, or the law at rational numbers if that is rational."""
        if cls.rewrite_rule is not None:
            plainer = cls.rewrite_rule(*args)
            if plainer is not None:
                return plainer
        if all(a.is_Rational for a in args):
            value = cls.law(*args)
            return value if value.is_Rational else None
        return None

    def fdiff(self, argindex: int = 1) -> Expr:
        """The derivative by one argument, derived from the law."""
        if self.stepwise:
            return S.Zero
        arguments, formula = _slope(type(self), argindex)  # type: ignore[arg-type]  # a class, which can be hashed
        return formula.xreplace(dict(zip(arguments, self.args, strict=True)))

    def _eval_power(self, exponent: Expr) -> Expr | None:
        even_powers = type(self).even_powers
        return even_powers(*self.args) ** exponent if even_powers is not None and exponent.is_even else None

    def _eval_evalf(self, prec):
        return type(self).law(*self.args)._evalf(prec)


@cache
def _slope(function: type[Elementwise], argindex: int) -> tuple[tuple[Expr, ...], Expr]:
    arguments = tuple(Dummy(f"x{k}", real=True) for k in range(function.arity))
    return arguments, slope(function(*arguments), function.law(*arguments), arguments[argindex - 1])


def new_function(name: str, module: str, law: Callable[..., Expr], arity: int, **facts: Any) -> type[Elementwise]:
    """The SymPy function of a record: `facts` are its assumptions (is_positive=True), price, own_value, stepwise, rewrite_rule,
    even_powers and mirrored.
    """
    facts = {k: staticmethod(v) if callable(v) else v for k, v in facts.items() if v is not None}
    body = {"law": staticmethod(law), "arity": arity, "nargs": arity, "__doc__": law.__doc__, "__module__": module, **facts}
    metaclass: Any = type(Elementwise)
    return metaclass(name, (Elementwise,), body)


def written_out(e: Expr) -> Expr:
    """`e` with every function of ours replaced by its law, down to SymPy's own functions and brackets."""
    if not e.has(Elementwise):
        return e
    args = [written_out(a) for a in e.args]
    return written_out(e.law(*args)) if isinstance(e, Elementwise) else e.func(*args)


OWN: dict[type[Function], type[Function]] = {}
"""Functions that SymPy's own rules write, sqrt(x^2) as Abs(x), whose derivatives leave the language, and ours that stand for them."""


def in_own_words(e: Expr) -> Expr:
    """`e` with functions of ours for those of SymPy that are none of the language."""
    for theirs, ours in OWN.items():
        if e.has(theirs):
            e = e.replace(theirs, ours)
    return e


def is_unreal(e: Expr) -> bool:
    """Whether an expression holds a quotient by 0, or what is no real number whatever the entries of tensors are."""
    if e.has(zoo, nan, oo, I):
        return True
    parts = e.atoms(Function, Pow)
    unreal = any(a.is_extended_real is False for a in parts if not isinstance(a, Elementwise))
    return unreal or any(is_unreal(written_out(a)) for a in parts if isinstance(a, Elementwise) and a.is_number)
