"""Named statistics: whole-tensor calls that stay equations of their own, each with the index equations that define it.

`law(call, tensors, out, fresh)` gives equations of which the last defines the tensor `out`; derivation/ has the derivative
from it. `stable(call, tensors, out, fresh)` gives equal equations that never overflow, in which "max" is a call. `fresh`
makes a name for a helper tensor from a suggestion.
"""

from collections.abc import Callable, Mapping

from sympy import Expr, exp, log

from symbackprop.calculus.index import Index, bound_index
from symbackprop.calculus.program import Call, Equation, Tensor
from symbackprop.calculus.term import Total
from symbackprop.ops.array import Array, Draft
from symbackprop.ops.broadcast import kept
from symbackprop.ops.table import DIFFERENCES, REAL, Op, described, parameters_of, register

Fresh = Callable[[str], str]
Equations = tuple[Equation, ...]


class Parts:
    """What laws are written with: x, the argument; its axes and the place of the axis summed over; helper equations."""

    def __init__(self, call: Call, tensors: Mapping[str, Tensor], out: Tensor, fresh: Fresh) -> None:
        self.x, self.out, self.fresh = tensors[call.arguments[0]], out, fresh
        self.axis = call.option("axis")
        self.rest = self.x.axes[: self.axis] + self.x.axes[self.axis + 1 :]
        self.equations: list[Equation] = []

    def whole(self) -> tuple[Index, ...]:
        """The free indices of a tensor with the argument's axes."""
        return self.x.indices

    def without(self) -> tuple[Expr, ...]:
        """The indices of a reduced tensor at those of the whole."""
        return self.whole()[: self.axis] + self.whole()[self.axis + 1 :]

    def reduced(self, name: str, body: Callable[[tuple[Expr, ...]], Expr]) -> Tensor:
        """A helper: the sum of `body` along the axis."""
        t = Tensor(self.fresh(name), self.rest)
        along = bound_index(0, self.x.axes[self.axis])
        at = (*t.indices[: self.axis], along, *t.indices[self.axis :])
        self.equations.append(Equation(t, t.indices, Total(body(at), along)))
        return t

    def maximum(self, name: str) -> Tensor:
        """A helper: the largest entry along the axis."""
        t = Tensor(self.fresh(name), self.rest)
        self.equations.append(Equation(t, t.indices, Call("max", (self.x.name,), (("axis", self.axis),))))
        return t

    def entrywise(self, name: str, rhs: Expr) -> Tensor:
        """A helper with the argument's axes."""
        t = Tensor(self.fresh(name), self.x.axes)
        self.equations.append(Equation(t, t.indices, rhs))
        return t

    def finish(self, rhs: Expr) -> Equations:
        """All equations, with the one that defines the output at the end."""
        return (*self.equations, Equation(self.out, self.out.indices, rhs))

    def shifted_sum(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """m = max x, z = x - m, E = exp(z), S = sum of E: no exp of a positive number."""
        m = self.maximum("m")
        z = self.entrywise("z", self.x[self.whole()] - m[self.without()])
        e = self.entrywise("E", exp(z[self.whole()]))
        return m, z, e, self.reduced("S", lambda at: e[at])


def _name(suggestion: str) -> str:
    return f"_{suggestion}"


def statistic(*, source: str, stable: Callable[[Parts], Equations], keeps_axis: bool) -> Callable:
    """Make the decorated law a named statistic along one axis. `keeps_axis`: the output has the argument's axes."""

    def made(law: Callable[[Parts], Equations]) -> Callable[[Parts], Equations]:
        name = law.__name__

        def along(draft: Draft, x: Array, axis: int) -> Array:
            return draft.call(name, [x], x.axes if keeps_axis else x.axes[:axis] + x.axes[axis + 1 :], axis=axis)

        def build_whole(draft: Draft, x: Array, axis: int = -1) -> Array:
            return along(draft, x, draft.position(axis, x))

        def build_reduced(draft: Draft, x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
            places = sorted(draft.positions(axis, x), reverse=True)
            reduced = x
            for place in places:
                reduced = along(draft, reduced, place)
            return kept(reduced, x, places) if keepdims else reduced

        summary, formula = described(law)
        build = build_whole if keeps_axis else build_reduced
        register(
            Op(
                name,
                "statistic",
                summary,
                formula,
                source=source,
                law=lambda call, tensors, out, fresh=_name: law(Parts(call, tensors, out, fresh)),
                stable=lambda call, tensors, out, fresh=_name: stable(Parts(call, tensors, out, fresh)),
                domain=(REAL,),
                build=build,
                latex=r"\operatorname{" + name.replace("_", r"\_") + r"}\left(#1\right)",
                parameters=parameters_of(build),
                accuracy=DIFFERENCES,
            )
        )
        return law

    return made


def _stable_softmax(p: Parts) -> Equations:
    _, _, e, total = p.shifted_sum()
    return p.finish(e[p.whole()] / total[p.without()])


def _stable_log_softmax(p: Parts) -> Equations:
    _, z, _, total = p.shifted_sum()
    return p.finish(z[p.whole()] - log(total[p.without()]))


def _stable_logsumexp(p: Parts) -> Equations:
    m, _, _, total = p.shifted_sum()
    return p.finish(m[m.indices] + log(total[total.indices]))


@statistic(source="Bridle 1990", stable=_stable_softmax, keeps_axis=True)
def softmax(p: Parts) -> Equations:
    """Exponentials along an axis, divided by their sum.

    softmax(x)[k] = exp(x[k]) / sum_j exp(x[j])
    """
    z = p.reduced("Z", lambda at: exp(p.x[at]))
    return p.finish(exp(p.x[p.whole()]) / z[p.without()])


@statistic(source="torch.nn.functional.log_softmax", stable=_stable_log_softmax, keeps_axis=True)
def log_softmax(p: Parts) -> Equations:
    """The logarithm of softmax along an axis.

    log_softmax(x)[k] = x[k] - log sum_j exp(x[j])
    """
    z = p.reduced("Z", lambda at: exp(p.x[at]))
    return p.finish(p.x[p.whole()] - log(z[p.without()]))


@statistic(source="scipy.special.logsumexp", stable=_stable_logsumexp, keeps_axis=False)
def logsumexp(p: Parts) -> Equations:
    """The logarithm of the sum of exponentials along an axis.

    logsumexp(x) = log sum_j exp(x[j])
    """
    z = p.reduced("Z", lambda at: exp(p.x[at]))
    return p.finish(log(z[z.indices]))
