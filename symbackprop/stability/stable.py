"""Laws that keep generated code exact where floating point would overflow, cancel or round to 0: one table, each row a law.

A law turns one expression into an equal one; entries are looked through to the equation that defines them, so that a law
applies where a user (or a derivation) gave a part a name: with p = sigmoid(x), 1 - p is sigmoid(-x).
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from sympy import Add, Expr, Function, Mul, Pow, Rational, S, cosh, erf, exp, expand_mul, log, sinh, tanh

from symbackprop.calculus.factors import less
from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry, NonNegative, Positive, indices_of
from symbackprop.ops.entrywise.elementwise import absolute, expm1, log1p, sigmoid, sign, softplus
from symbackprop.stability import exponents


def _own(name: str, law: Callable[..., Expr]) -> type[Function]:
    """A function of this module; of numbers it is worked out by its `law`."""
    made: Any = type(Function)
    worked_out = classmethod(lambda cls, *args: law(*args) if all(a.is_number for a in args) else None)
    return made(name, (Function,), {"law": staticmethod(law), "eval": worked_out, "__module__": __name__})


SigmoidSlope = _own("sigmoid_slope", lambda x: exp(-x) / (1 + exp(-x)) ** 2)
"""s (1 - s) for s = sigmoid(x), which rounds to 0 where s rounds to 1."""
TanhSlope = _own("tanh_slope", lambda x: 1 - tanh(x) ** 2)
"""1 - tanh(x)^2, which rounds to 0 where tanh rounds to 1."""
LogCosh = _own("log_cosh", lambda x: log(cosh(x)))
"""log(cosh(x)), where cosh overflows."""
Erfc = _own("erfc", lambda x: 1 - erf(x))
"""1 - erf(x), which rounds to 0 where erf rounds to 1. (SymPy's own turns erfc(-x) into 2 - erfc(x), which cancels.)"""
LogErfc = _own("log_erfc", lambda x: log(1 - erf(x)))
"""log(1 - erf(x)), where 1 - erf(x) underflows."""
ErfcSlope = _own("erfc_slope", lambda x: exp(-(x**2)) / (1 - erf(x)))
"""exp(-x^2) / (1 - erf(x)), where both underflow: the slope of log(1 - erf(x)) is -2 / sqrt(pi) times it."""
Sech = _own("sech", lambda x: 1 / cosh(x))
"""1 / cosh(x), where cosh overflows."""
LogAddExp = _own("logaddexp", lambda x, y: log(exp(x) + exp(y)))
"""log(exp(x) + exp(y)), where exp overflows."""
XLogY = _own("xlogy", lambda x, y: x * log(y) if x != 0 else S.Zero)
"""x log(y), and 0 where x is 0: what y^m log(y) is at 0, as its limit there is."""
OWN = (*exponents.OWN, SigmoidSlope, TanhSlope, LogCosh, Erfc, LogErfc, ErfcSlope, Sech, LogAddExp, XLogY)
ELEMENTARY = (Entry, Index, Positive, NonNegative)


class Stable:
    """The laws at work on equations of one program, in order.

    `functions`: those that the target can spell (None: all); a law that ends in a slope that is not among them is left alone.
    """

    def __init__(self, program: Program, equations: Sequence[Equation], functions: Container[str] | None = None) -> None:
        self.program, self.functions = program, functions
        self.made: dict[str, Equation] = {e.name: e for e in equations}
        self.extra: dict[tuple[str, str], Equation] = {}
        self._meanings: dict[Expr, tuple[Equation, Expr]] = {}  # of an entry: the equation that it was found by, and what it is

    def rewritten(self) -> list[Equation]:
        """The equations by the laws; statistics that a law asks for come after the one they are of."""
        done = []
        for name, e in list(self.made.items()):
            if isinstance(e.rhs, Expr):
                self.made[name] = e = replace(e, rhs=self.stable(e.rhs))
            done.append(e)
        extra: dict[str, list[Equation]] = {}
        for (source, _), e in self.extra.items():
            extra.setdefault(source, []).append(e)
        return [x for e in done for x in (e, *extra.get(e.name, ()))]

    def stable(self, e: Expr) -> Expr:
        """`e` by the laws, from the inside out."""
        if not e.args or isinstance(e, ELEMENTARY) or e.is_number:
            return e
        args = [self.stable(a) for a in e.args]
        made = e.func(*args) if any(a is not b for a, b in zip(args, e.args, strict=True)) else e
        for kind, law in LAWS:
            if isinstance(made, kind):
                found = law(made, self)
                if found is not None and self.spells(found):
                    return self.stable(found)
        return made

    def spells(self, e: Expr) -> bool:
        """Whether the target has the functions of this module that `e` holds; other functions are written out where they are missing."""
        return self.functions is None or all(type(f).__name__ in self.functions for f in e.atoms(*OWN))

    def meaning(self, e: Expr) -> Expr:
        """What an entry is by its own equation; any other expression is itself. Its sums have the same bound indices each time."""
        made = self.made.get(e.name) if isinstance(e, Entry) else None
        if made is None or isinstance(made.rhs, Call):
            return e
        by, found = self._meanings.get(e, (None, e))
        if by is not made:
            found = e if indices_of(made.rhs) - set(made.indices) else made.at(e.indices)
            self._meanings[e] = made, found
        return found

    def argument(self, e: Expr, function: type[Function]) -> Expr | None:
        """The z of e = function(z), also where `e` is an entry of that."""
        if isinstance(e, Entry) and not (e.name in self.made and isinstance(self.made[e.name].rhs, function)):
            return None
        found = self.meaning(e)
        return found.args[0] if isinstance(found, function) else None

    def call(self, e: Expr, op: str) -> Call | None:
        """The call that `e` is an entry of, if that is of `op`."""
        made = self.made.get(e.name) if isinstance(e, Entry) else None
        return made.rhs if made is not None and isinstance(made.rhs, Call) and made.rhs.op == op else None

    def statistic(self, source: str, op: str, call: Call, name: str) -> Tensor:
        """The tensor of the statistic `op` with the arguments and options of `call`, which `source` is by its own equation."""
        if (source, op) not in self.extra:
            argument = call.arguments[0]
            axes = (self.made[argument].tensor if argument in self.made else self.program.tensors[argument]).axes
            tensor = Tensor(self.program.fresh_name(name, (e.name for e in self.extra.values())), axes)
            self.extra[source, op] = Equation(tensor, tensor.indices, Call(op, call.arguments, call.options))
        return self.extra[source, op].tensor


def _log(e: Expr, at: Stable) -> Expr | None:
    """log softmax = log-softmax; log sigmoid z = -softplus(-z); log(1 + exp z) = softplus z; log(1 + z) = log1p z; log cosh; log erfc."""
    scale, x = e.args[0].as_coeff_Mul()
    if scale != 1:
        found = _log(log(x), at) if scale.is_positive and isinstance(x, Entry | sigmoid | cosh | Erfc) else None
        return None if found is None else log(scale) + found
    if call := at.call(x, "softmax"):
        return at.statistic(x.name, "log_softmax", call, f"log_{x.name}")[x.indices]
    if (z := at.argument(x, sigmoid)) is not None:
        return -softplus(-z)
    if (z := at.argument(x, cosh)) is not None:
        return LogCosh(z)
    if (z := at.argument(x, Erfc)) is not None:
        return LogErfc(z)
    constant, rest = x.as_coeff_Add()
    if constant != 1 or rest == 0:
        return None
    if (z := at.argument(rest, exp)) is not None:
        return softplus(z)
    return log1p(rest)


def _log1p(e: Expr, at: Stable) -> Expr | None:
    """log1p(exp z) = softplus(z); log1p(-sigmoid z) = -softplus(z)."""
    (x,) = e.args
    if (z := at.argument(x, exp)) is not None:
        return softplus(z)
    z = at.argument(-x, sigmoid)
    return None if z is None else -softplus(z)


def _exp(e: Expr, at: Stable) -> Expr | None:
    """exp(x - logsumexp x) and exp(log-softmax x) are softmax x."""
    (x,) = e.args
    if call := at.call(x, "log_softmax"):
        return at.statistic(x.name, "softmax", call, f"softmax_{call.arguments[0]}")[x.indices]
    if isinstance(x, Add) and len(x.args) == 2:
        for term, other in (x.args, x.args[::-1]):
            call = at.call(-other, "logsumexp")
            if call and isinstance(term, Entry) and term.name == call.arguments[0]:
                axis = call.option("axis")
                if isinstance(axis, int) and (*term.indices[:axis], *term.indices[axis + 1 :]) == (-other).indices:
                    name = (-other).name
                    return at.statistic(name, "softmax", call, f"softmax_{term.name}")[term.indices]
    return None


def _added(e: Expr, at: Stable) -> Expr | None:
    """y + softplus(x - y) = logaddexp(x, y), x + softplus(-x) = softplus(x), and softplus(x) - softplus(-x) = x."""
    for term in e.args:
        times, f = term.as_coeff_Mul()
        if not isinstance(f, softplus):
            continue
        if -times * softplus(-f.args[0]) in e.args:
            return e - term + times * softplus(-f.args[0]) + times * f.args[0]
        y = Add(*[-t for t in Add.make_args(f.args[0]) if t.could_extract_minus_sign() and _holds(e, -times * t)])
        if y != 0:
            x = f.args[0] + y
            return e - term - times * y + times * (softplus(y) if x == 0 else LogAddExp(x, y))
    return None


def _holds(e: Add, part: Expr) -> bool:
    """Whether `part` is a term of `e`, or a positive multiple of one that is no number."""
    number, rest = part.as_coeff_Mul()
    return part in e.args or any(c / number > 0 for c, f in (t.as_coeff_Mul() for t in e.args) if f == rest != 1)


def cancelled(e: Add, at: Stable) -> Expr | None:
    """c (1 - sigmoid z) = c sigmoid(-z), and the like: a number and a term that together come near to 0."""
    number = next((a for a in e.args if a.is_number), None)
    if number is None:
        return None
    for term in e.args:
        if term.is_number:
            continue  # numbers are worked out
        constant, scale, f = _affine(term, at)
        total = number + constant
        found = _less_than_one(f, at, -scale / total) if total != 0 else None
        if found is not None:
            return Add(*[a for a in e.args if a is not number and a is not term], total * found)
    return None


def _affine(term: Expr, at: Stable) -> tuple[Expr, Expr, Expr]:
    """A term as a + c f, where its meaning is that with f a sigmoid, tanh or erf; else with a = 0."""
    scale, f = term.as_coeff_Mul()
    outer, inner = at.meaning(f).as_coeff_Mul()
    constant, rest = inner.as_coeff_Add()
    times, g = rest.as_coeff_Mul()
    return (scale * outer * constant, scale * outer * times, g) if isinstance(g, sigmoid | tanh | erf | Erfc) else (S.Zero, scale, f)


def _less_than_one(f: Expr, at: Stable, times: Expr) -> Expr | None:
    """1 - times f in a spelling that does not cancel."""
    if abs(times) == 1 and isinstance(f, erf):
        return Erfc(times * f.args[0])
    if abs(times) == 1 and isinstance(f, tanh):
        return 2 * sigmoid(-2 * times * f.args[0])
    if 2 * times == 1 and isinstance(f, Erfc):
        return Erfc(-f.args[0]) / 2
    if times == 2:
        return -tanh(f.args[0] / 2) if isinstance(f, sigmoid) else None
    if times != 1:
        return None
    if isinstance(f, sigmoid):
        return sigmoid(-f.args[0])
    if (z := at.argument(f, exp)) is not None:
        return -expm1(z)
    if isinstance(f, Pow) and f.exp == 2 and (z := at.argument(f.base, tanh)) is not None:
        return TanhSlope(z)
    root = at.meaning(f)
    if isinstance(root, Pow) and root.exp == Rational(1, 2):
        constant, rest = root.base.as_coeff_Add()
        return -rest / (1 + f) if constant == 1 else None
    over, under = f.as_numer_denom()
    if under == 1 + over:
        return 1 / under
    return None


def _mul(e: Expr, at: Stable) -> Expr | None:
    """exp z sigmoid(-z) = sigmoid z; sigmoid z sigmoid(-z) is the sigmoid's slope; z sign z = |z|; sinh sech = tanh; exp(-z^2) / erfc z."""
    factors = [f.as_base_exp() for f in e.args]
    factors = [(f, S.One) if isinstance(f, exp) else (base, power) for f, (base, power) in zip(e.args, factors, strict=True)]
    for f, power in factors:
        found = None
        for g, other in factors:
            if isinstance(g, sigmoid) and power.is_Integer and other.is_Integer and power > 0 and other > 0:
                z = -g.args[0]
                if at.argument(f, exp) == z:
                    found = sigmoid(z)
                elif at.argument(f, sigmoid) == z:
                    found = SigmoidSlope(-z if z.could_extract_minus_sign() else z)  # the slope is even
            elif isinstance(f, sign) and g == f.args[0] and other >= 1:
                found = absolute(g)
            elif isinstance(f, sinh) and isinstance(g, Sech) and other.is_Integer and g.args == f.args:
                found = tanh(f.args[0])
            elif isinstance(g, Erfc) and other.is_negative and _gaussian(f, g, -other):
                return less(e, f, g**other) * ErfcSlope(g.args[0]) ** -other
            elif isinstance(g, Add) and other == 1 and any(_gaussian(f, h) for h in g.atoms(Erfc)):
                return less(e, f, g) * Add(*[f * t for t in g.args])
            elif isinstance(f, Add) and isinstance(g, Erfc) and other.is_negative and any(_gaussian(h, g) for h in f.atoms(exp)):
                return less(e, f, g**other) * Add(*[g**other * t for t in f.args])
            if found is not None:
                return less(e, f, g) * found
    return None


def _gaussian(f: Expr, g: Expr, times: Expr = S.One) -> bool:
    """Whether f = exp(-m z^2) for g = erfc(z)."""
    return isinstance(f, exp) and expand_mul(f.args[0] + times * g.args[0] ** 2) == 0


def _times_log(e: Expr, at: Stable) -> Expr | None:
    """x log(x / y) = 0 where x is 0, and x^m log(x) and x (log(x) - log(y)) too."""
    for g, f in permutations(e.args, 2):
        found = [_x_log(g, t) for t in Add.make_args(f)]
        if any(found):
            return less(e, f, g) * Add(*[x or g * t for x, t in zip(found, Add.make_args(f), strict=True)])
    return None


def _x_log(g: Expr, t: Expr) -> Expr | None:
    """The product of `g` and `t`, which is 0 where `g` is since `t` has the logarithm of that."""
    for f in Mul.make_args(t):
        base, power = f.as_base_exp()
        if isinstance(base, log) and power.is_Integer and power.is_positive and vanishes(g, base.args[0]):
            return t / f * XLogY(g, base.args[0]) * base ** (power - 1)
    return None


def vanishes(g: Expr, y: Expr) -> bool:
    """Whether `g`, x or a power of it, is 0 where the logarithm of `y` has no value since x is 0."""
    x, power = g.as_base_exp()
    x, power = (g.args[0].args[0], S.One) if isinstance(g, XLogY) else (x, power)
    x = x.primitive()[1]
    if power.could_extract_minus_sign() or not x.has(Entry) or x.is_positive:
        return False
    ways = (x, -x)  # 2 (x - 1) and 1 - x are 0 where x - 1 is
    return any(b.primitive()[1] in ways and p.is_number and p.is_positive for b, p in (f.as_base_exp() for f in Mul.make_args(y)))


def _pow(e: Expr, at: Stable) -> Expr | None:
    """1 / (1 + exp(z)) = sigmoid(-z); 1 / cosh(z) = sech(z)."""
    base, power = e.args
    if not power.is_Integer or power > 0:
        return None
    if (z := at.argument(base, cosh)) is not None:
        return Sech(z) ** -power
    constant, rest = base.as_coeff_Add()
    if constant == 1 and (z := at.argument(rest, exp)) is not None:
        return sigmoid(-z) ** -power
    return None


LAWS: Sequence[tuple[type, Callable[[Expr, Stable], Expr | None]]] = (
    (log, _log),
    (log, lambda e, at: exponents.log_expm1(e, at.argument)),
    (log1p, _log1p),
    (exp, _exp),
    (Add, _added),
    (Add, cancelled),
    (Pow, _pow),
    (Mul, _mul),
    (Mul, _times_log),
    (Mul, lambda e, at: exponents.scaled_power(e)),
    (Mul, lambda e, at: exponents.twice_exponential(e, at.argument)),
    (Mul, lambda e, at: exponents.over_expm1(e, at.argument)),
)
"""The kind of expression that a law speaks of, and the law: it gives the stable spelling, or None."""


def exponential_laws(e: Expr, at: Stable) -> Expr:
    """`e`, or the sigmoid, softplus or tanh that it spells out in exponentials."""
    for kind, law in LAWS:
        found = law(e, at) if isinstance(e, kind) else None
        if isinstance(found, softplus | tanh) or (isinstance(e, Mul | Pow) and found is not None and found.has(sigmoid)):
            return found
    return e
