"""Gauss-Newton and Fisher matrices: the objective's curvature in a model's output, pulled back through the model.

The model is split at a tensor O, its output: J = g(O, theta). The generalised Gauss-Newton matrix is (dO/da)^T d2g/dO2 (dO/db), where the
second derivatives of O itself are left out; what g holds of the parameters beside O (a penalty) counts in full. Fisher's matrix takes
the expectation of d2g/dO2 over labels that the model itself draws. Sources: Schraudolph 2002, eq. 3.1; Martens 2020, sections 8 and 9.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Dummy, Expr, Mul, S

from symbackprop.calculus.contract import contract
from symbackprop.calculus.index import Index, free_indices, fresh
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.program import Equation, Program, Tensor
from symbackprop.calculus.term import Entry, Total, entries, substitute
from symbackprop.derivation.forward import forward, pushed
from symbackprop.derivation.reverse import Derived, Step, gradient, jacobian, known_facts, pullback
from symbackprop.derivation.second import Blocks, Products, joined, scalar
from symbackprop.errors import DeriveError, nearest


@dataclass(frozen=True)
class Split:
    """A model split at `at`. `derived` holds dJ/d`at` and, in `direct`, the derivatives of J by parameters beside it, `at` held fixed.

    `cut` is the program of these in which `at` is a leaf. `expected`: labels are those that the model itself draws (Fisher's matrix).
    """

    derived: Derived
    cut: Program
    at: str
    direct: Mapping[str, str]
    expected: bool = False

    @property
    def slope(self) -> str:
        """The tensor that holds dJ/d`at`."""
        return self.derived.adjoints[self.at]

    def needs_expectation(self) -> bool:
        """Whether the curvature in `at` speaks of labels, so that Fisher's matrix is not Gauss-Newton's."""
        made = jacobian(self.cut, self.slope, self.at)
        rhs = made.program[made.adjoints[self.at]].rhs
        return bool(_labels(rhs, self.derived.program))


def split(program: Program, at: str | None, names: Sequence[str], expected: bool = False) -> Split:
    """A model split at `at` (default: its declared output). Raises DeriveError where it can't be split there."""
    scalar(program)
    at = at or program.output
    if at is None:
        raise DeriveError(f"{program.name} has no declared output to split at", fix='name a tensor: at="O"')
    made = program.equation(at)
    if made is None:
        known = [e.name for e in program.equations if e.name != program.objective]
        raise DeriveError(f"'{at}' is no tensor that an equation defines", fix=f"split at one of {', '.join(nearest(at, known) or known)}")
    leaf = replace(made.tensor, role="input")
    rest = tuple(e for e in program.equations if e.name != at)
    # In the order of the program's tensors `at` stays where it is; as a leaf it may be used anywhere.
    cut = replace(program, tensors={**program.tensors, at: leaf}, equations=rest, output=None).needed([program.objective])
    if at not in cut.tensors or at == program.objective:
        why = f"{program.objective} does not depend on '{at}'"
        raise DeriveError(why, fix="split at a tensor between the parameters and the objective")
    beside = [n for n in names if n in cut.tensors]
    cut = _named_apart(cut, program)
    outer = gradient(cut, [at])
    direct = pullback(outer.program, program.objective, beside, S.One, (), "p") if beside else None
    made_by = (direct or outer).program.equations[len(cut.equations) :]
    whole = program.extended(made_by)
    derived = Derived(whole, program.objective, tuple(names), {at: outer.adjoints[at]}, outer.steps, outer.facts, outer.links)
    return Split(derived, cut.extended(made_by), at, {n: direct.adjoints[n] for n in beside} if direct else {}, expected)


def vector_product(model: Split, names: Sequence[str]) -> Products:
    """sum over b of G_ab v_b for each a of `names`: tangent of the output, curvature of the loss in it, and back."""
    whole = model.derived
    moved = forward(whole.program, names, [model.at])
    whole = joined(whole, moved)
    tangents = {name: whole.program.tensors[t] for name, t in moved.tangents.items()}
    curved = pushed(whole.program, tangents, [model.slope, *model.direct.values()])
    whole = _with_mean(joined(whole, curved), model, curved.tangents[model.slope])
    seed = Entry(curved.tangents[model.slope], *whole.program.tensors[model.at].indices)
    back = pullback(whole.program, model.at, names, seed, (), "g", ())
    whole = replace(whole, program=back.program, steps=(*whole.steps, *back.steps), facts={**whole.facts, **back.facts})
    results = {}
    for name in names:
        terms = [back.adjoints[name], *([curved.tangents[model.direct[name]]] if name in model.direct else [])]
        whole, results[name] = _added(whole, terms, name)
    return Products(whole, moved.directions, results)


def blocks(model: Split, names: Sequence[str]) -> Blocks:
    """The blocks of the Gauss-Newton (or Fisher) matrix by `names`."""
    whole = model.derived
    slopes = jacobian(whole.program, model.at, names)
    whole = _grown(whole, slopes)
    whole, curved = _in_cut(whole, model, model.slope)
    whole = _with_mean(whole, model, curved.adjoints[model.at])
    beside: dict[str, Derived] = {}
    for name, p in model.direct.items():
        whole, beside[name] = _in_cut(whole, model, p)
    found: dict[tuple[str, str], str] = {}
    at = whole.program.tensors[model.at]
    for k, a in enumerate(names):
        prefix = free_indices(whole.program.tensors[a].axes, "p")
        there = tuple(fresh(i.axis) for i in at.indices)
        slope = _entry(whole, slopes.adjoints[a], (*there, *prefix))
        seed = Total(Mul(_entry(whole, curved.adjoints[model.at], (*at.indices, *there)), slope), *there)
        if a in model.direct:
            seed += _entry(whole, curved.adjoints[a], (*at.indices, *prefix))
        back = pullback(whole.program, model.at, names[k:], seed, prefix, f"G_{a}", (a,))
        whole = _grown(whole, back)
        for b in names[k:]:
            own = free_indices(whole.program.tensors[b].axes, "i")
            value = _entry(whole, back.adjoints[b], (*prefix, *own))
            if b in beside:
                value += Total(Mul(_entry(whole, beside[b].adjoints[model.at], (*own, *there)), slope), *there)
                if a in model.direct:
                    value += _entry(whole, beside[b].adjoints[a], (*own, *prefix))
                whole, found[a, b] = _defined(whole, value, (*prefix, *own), (a, b))
            else:
                found[a, b] = back.adjoints[b]
    return Blocks(whole, tuple(names), found)


def _in_cut(whole: Derived, model: Split, name: str) -> tuple[Derived, Derived]:
    """The Jacobian of `name` by `at` and the parameters beside it, where `at` is a leaf; and `whole` with its equations."""
    cut = _named_apart(model.cut, whole.program)
    made = jacobian(cut, name, [model.at, *model.direct])
    program = whole.program.extended(made.program.equations[len(cut.equations) :])
    return replace(whole, program=program, facts={**whole.facts, **made.facts}), made


def _named_apart(cut: Program, whole: Program) -> Program:
    """`cut`, so that what is derived from it bears no name that the whole program has already."""
    return cut.with_leaves(t for n, t in whole.tensors.items() if n not in cut.tensors)


def _entry(whole: Derived, name: str, at: Sequence[Index]) -> Expr:
    """The right side of the tensor `name` at the indices `at`."""
    e = whole.program[name]
    return e.at(at)


def _grown(whole: Derived, more: Derived) -> Derived:
    """A derivation over a program that `more` has extended."""
    return replace(
        whole,
        program=more.program,
        steps=(*whole.steps, *more.steps),
        facts={**whole.facts, **more.facts},
        links=(*whole.links, *more.links),
    )


def _added(whole: Derived, names: Sequence[str], of: str) -> tuple[Derived, str]:
    """The sum of some tensors of one shape, by the name of the only one that is not 0, or in an equation of its own."""
    some = [n for n in names if whole.program[n].rhs != 0] or names[:1]
    if len(some) == 1:
        return whole, some[0]
    indices = whole.program.tensors[some[0]].indices
    return _defined(whole, Add(*[_entry(whole, n, indices) for n in some]), indices, (of,))


def _defined(whole: Derived, value: Expr, indices: Sequence[Index], of: tuple[str, ...]) -> tuple[Derived, str]:
    """A new equation, contracted, of the cotangent of a tensor or of a block of two."""
    label = whole.program.fresh_name("_".join(("G", *of)))
    orders = tuple(len(whole.program.tensors[n].axes) for n in of)
    tensor = Tensor(label, tuple(i.axis for i in indices), role="adjoint", orders=orders, cotangent_of=of)
    own = substitute(value, dict(zip(indices, tensor.indices, strict=True)))
    rhs = contract(own, Facts(known_facts(whole.program), whole.program.equations))
    return replace(whole, program=whole.program.extended([Equation(tensor, tensor.indices, rhs)])), tensor.name


def _labels(e: Expr, program: Program) -> list[Entry]:
    return sorted((a for a in entries(e) if program.tensors[a.name].role == "label"), key=str)


def _with_mean(whole: Derived, model: Split, name: str) -> Derived:
    """For Fisher's matrix: labels in the equation of `name` replaced by their mean under the model, at which dJ/d`at` is 0.

    Raises DeriveError where the slope or the curvature is not linear in the labels.
    """
    program = whole.program
    e = program[name]
    held = _labels(e.rhs, program)
    if not model.expected or not held:
        return whole
    slope = program[model.slope]
    mine = _labels(slope.formula, program)
    x = Dummy("x", real=True)
    if len(mine) != 1 or slope.formula.has(Total):
        raise _no_mean(model)
    (label,) = mine
    body = slope.formula.xreplace({label: x})
    factor = body.diff(x)
    if factor.has(x) or factor == 0 or set(label.indices) != set(slope.indices):
        raise _no_mean(model)
    mean = -body.xreplace({x: S.Zero}) / factor
    new = {}
    for a in held:
        y = Dummy("y", real=True)
        if a.name != label.name or e.formula.xreplace({a: y}).diff(y, 2) != 0:
            raise _no_mean(model)
        new[a] = substitute(mean, dict(zip(label.indices, a.indices, strict=True)))
    rhs = contract(e.formula.xreplace(new), Facts(known_facts(program), program.equations))
    rows = tuple(replace(q, rhs=rhs) if q.name == name else q for q in program.equations)
    step = Step("mean of labels", name, e.indices, e.rhs, rhs)
    return replace(whole, program=replace(program, equations=rows), steps=(*whole.steps, step))


def _no_mean(model: Split) -> DeriveError:
    return DeriveError(
        f"the slope of the objective in '{model.at}' is not linear in the labels: their mean under the model can't be read off it",
        fix="gauss_newton() needs no mean",
    )
