"""Local derivatives of one equation by one of the tensors it uses.

Of an index equation they come from `partial`. Of a call they are derived from the law in its op's record: the law's equations are walked
in reverse with everything put in place, and the result is said in the call's own output where that is shorter, by solving the law's last
equation for its argument or for a helper: p = exp(o)/Z gives exp(o) = p Z, and so dp_k/do_l = p_k (delta_kl - p_l). The law of another
statistic with the same helpers may serve too: what a log-sum-exp has for derivative is a softmax. A call
without an index law (an inverse) states its differential in the record, in terms of its arguments, its output and further calls.
"""

from collections.abc import Callable, Mapping, Sequence

from sympy import Add, Dummy, Expr, Mul, S, factor_terms, powsimp, solve

from symbackprop.calculus.contract import contract
from symbackprop.calculus.cost import cost
from symbackprop.calculus.index import Index, free_indices, fresh
from symbackprop.calculus.laws import Facts
from symbackprop.calculus.program import Call, Equation, Program, Tensor
from symbackprop.calculus.term import Entry, Total, delta, indices_of, rename_bound, substitute, tensor_names
from symbackprop.derivation.partial import Partial, in_own_output, partials
from symbackprop.memo import remembered
from symbackprop.ops import OPS

Helper = Callable[..., Tensor]
"""helper(op, arguments, axes, **options): the tensor that this call gives, of an equation that is there already or a new one."""


def local_partials(program: Program, equation: Equation, here: Sequence[Index], name: str, helper: Helper) -> list[Partial]:
    """d equation.tensor[here] / d name, as a list of partials whose sum it is. `helper` gives tensors that a differential needs."""
    if isinstance(equation.rhs, Expr):
        rhs = equation.at(here)
        output, parts = equation.tensor[tuple(here)], partials(rhs, name, program.signs)
        return [Partial(in_own_output(p.coefficient, rhs, output), p.indices, p.bound) for p in parts]
    call = equation.rhs
    found = []
    for place, argument in enumerate(call.arguments):
        differential = OPS[call.op].differential
        if argument == name and differential is not None:
            target = tuple(fresh(a) for a in program.tensors[name].axes)
            local = differential(call, program.tensors, equation.tensor, place, tuple(here), target, helper)
            found.append(Partial(local, target, target))
        elif argument == name:
            found.append(_call_partial(program, equation, here, place, helper))
    return found


def jacobian_of(program: Program, equation: Equation, name: str, helper: Helper, facts: Facts) -> Equation:
    """The Jacobian of one equation by one tensor on its right side, as an equation of its own, its axes first."""
    used = program.tensors[name]
    prefix = free_indices(equation.tensor.axes, "p")
    local = local_partials(program, equation, prefix, name, helper)
    value = contract(Add(*[p.at(used.indices) for p in local]), facts)
    made = Tensor(f"d{equation.name}/d{name}", (*equation.tensor.axes, *used.axes), role="adjoint", derivative=(equation.name, name))
    return Equation(made, (*prefix, *used.indices), value)


def _call_partial(program: Program, equation: Equation, here: Sequence[Index], place: int, helper: Helper) -> Partial:
    """The derivative of a call that has a law by one of its arguments, by the Jacobian on stand-ins."""
    call = equation.rhs
    axes = tuple(program.tensors[a].axes for a in call.arguments)
    stand_ins, target, local = _call_jacobian(call.op, call.options, axes, equation.tensor.axes, place)
    new = dict(zip(free_indices(equation.tensor.axes, "p"), here, strict=True))
    names = dict(zip((*stand_ins, "_out"), (*call.arguments, equation.name), strict=True))
    for sibling in sorted(tensor_names(local) - set(names)):
        names[sibling] = helper(sibling.removeprefix("_"), call.arguments, axes[0], **dict(call.options)).name
    bound = tuple(fresh(i.axis) for i in target)
    local = substitute(local, new | dict(zip(target, bound, strict=True)))
    return Partial(local.xreplace({a: Entry(names[a.name], *a.indices) for a in local.atoms(Entry)}), bound, bound)


@remembered
def _call_jacobian(op: str, options: tuple, axes: tuple, out_axes: tuple, place: int) -> tuple[tuple[str, ...], tuple[Index, ...], Expr]:
    """The Jacobian of a call on stand-in tensors: (their names, the argument's indices, d _out[p] / d argument[i])."""
    stand_ins = tuple(f"_in{k}" for k in range(len(axes)))
    tensors = {s: Tensor(s, a) for s, a in zip(stand_ins, axes, strict=True)}
    out = Tensor("_out", out_axes)
    call = Call(op, stand_ins, options)
    law = OPS[op].equations(call, tensors, out)
    target = free_indices(axes[place], "i")
    value = _expanded(law, stand_ins[place], out, target)
    siblings = [e for e in _siblings(call, tensors) if e[:-1] == law[:-1]]
    return stand_ins, target, _in_outputs(value, [law[-1], *(s[-1] for s in siblings)], stand_ins)


def _siblings(call: Call, tensors: Mapping[str, Tensor]) -> list[Sequence[Equation]]:
    """The laws of the other statistics of the same argument that keep its axes: softmax, where a log-softmax is derived."""
    others = [o for o in OPS.values() if o.kind == "statistic" and o.law and o.name != call.op and "keepdims" not in o.parameters]
    return [o.equations(call, tensors, Tensor(f"_{o.name}", tensors[call.arguments[0]].axes)) for o in others]


def _expanded(law: Sequence[Equation], name: str, out: Tensor, target: tuple[Index, ...]) -> Expr:
    """d out[p] / d name[target] with every adjoint of the law's equations put in place."""
    prefix = free_indices(out.axes, "p")
    parts: dict[str, list[Expr]] = {out.name: [Mul(*[delta(a, b) for a, b in zip(prefix, out.indices, strict=True)])]}
    for equation in reversed(law):
        adjoint = contract(Add(*parts.get(equation.name, [S.Zero])))
        here = tuple(fresh(i.axis) for i in equation.indices)
        rhs = equation.at(here)
        seed = substitute(adjoint, dict(zip(equation.tensor.indices, here, strict=True)))
        for used in sorted(equation.uses()):
            goal = target if used == name else free_indices(_axes(law, used, rhs), "i")
            for p in partials(rhs, used):
                parts.setdefault(used, []).append(Total(Mul(seed, rename_bound(p.at(goal))), *here))
    return contract(Add(*parts.get(name, [S.Zero])))


def _axes(law: Sequence[Equation], name: str, rhs: Expr) -> tuple[Expr, ...]:
    made = next((e.tensor.axes for e in law if e.name == name), None)
    if made is not None:
        return made
    return tuple(i.axis for i in next(a for a in rhs.atoms(Entry) if a.name == name).indices)


def _in_outputs(value: Expr, lasts: Sequence[Equation], stand_ins: Sequence[str]) -> Expr:
    """`value` with the last equation of a law solved for one of its entries: the cheapest that needs no helper tensor."""
    candidates = [value]
    y = Dummy("y", positive=True)
    for last in lasts:
        for a in sorted(last.formula.atoms(Entry), key=str):
            x = Dummy("x", real=True)
            body = last.formula.xreplace({a: x})
            if indices_of(body) | set(last.indices) != set(a.indices) or any(b.name == a.name for b in body.atoms(Entry)):
                continue  # the solution would hold an index that the entry has not
            for solution in solve(body - y, x):
                candidates.append(_replaced(value, a, solution.xreplace({y: last.tensor[last.indices]})))
    outputs = {last.name for last in lasts}
    clean = [c for c in candidates if tensor_names(c) <= {*stand_ins, *outputs}]
    return min(clean or candidates, key=lambda c: (cost(c), str(c)))


def _replaced(value: Expr, a: Entry, solution: Expr) -> Expr:
    """`value` with every entry of a's tensor replaced by the solution at its own indices."""
    new = {}
    for b in value.atoms(Entry):
        if b.name == a.name:
            move = {i: e for i, e in zip(a.indices, b.indices, strict=True) if isinstance(i, Index)}
            new[b] = solution.xreplace(move)
    return contract(powsimp(factor_terms(value.xreplace(new))))
