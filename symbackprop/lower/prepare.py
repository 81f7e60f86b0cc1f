"""From a program to the equations that are worth computing: only what the outputs need, in a numerically stable spelling.

Named statistics are replaced by the stable equations of their records. log(softmax) becomes a log-softmax and log(sigmoid) a
softplus, so that no 0 log 0 and no log of a rounded-off probability is left. A mask [x > 0] is read off relu(x) where that is
kept anyway.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

from sympy import Expr, Function, log

from symbackprop.lower.statistics import stable_equations
from symbackprop.ops.function import Elementwise
from symbackprop.ops.table import op_of
from symbackprop.program import Call, Equation, Program, Tensor
from symbackprop.term import Entry, Positive, indices_of


def prepare(program: Program, outputs: Iterable[str], functions: Container[str] | None = None) -> list[Equation]:
    """The equations that `outputs` need, in order, stable, with calls of primitive ops and with known `functions` only."""
    outputs = list(outputs)
    equations = _stable_logs(program, list(program.equations))
    equations = _masks_of_outputs(equations)
    equations = _needed(equations, outputs)
    taken = {*program.tensors, *[e.name for e in equations]}
    expanded: list[Equation] = []
    tensors = {**program.tensors, **{e.name: e.tensor for e in equations}}
    for e in equations:
        made = stable_equations(e, tensors, taken) if e.call else [e]
        taken |= {m.name for m in made}
        expanded += made
    if functions is not None:
        expanded = [replace(e, rhs=spelled(e.rhs, functions)) if e.rhs is not None else e for e in expanded]
    return _needed(expanded, outputs)


def _needed(equations: Sequence[Equation], outputs: Iterable[str]) -> list[Equation]:
    wanted, kept = set(outputs), []
    for e in reversed(equations):
        if e.name in wanted:
            kept.append(e)
            wanted |= e.uses()
    return kept[::-1]


def _stable_logs(program: Program, equations: Sequence[Equation]) -> list[Equation]:
    """Log of a softmax or a sigmoid that has a name, said by what it was made of."""
    made = {e.name: e for e in equations}
    taken = set(program.tensors)
    extra: dict[str, Equation] = {}

    def stable(e: Expr) -> Expr:
        new = {}
        for f in e.atoms(log):
            found = _log_of(f.args[0], made, extra, taken)
            if found is not None:
                new[f] = found
        return e.xreplace(new) if new else e

    rewritten = [replace(e, rhs=stable(e.rhs)) if e.rhs is not None else e for e in equations]
    placed = []
    for e in rewritten:
        placed.append(e)
        placed += [x for source, x in extra.items() if source == e.name]
    return placed


def _log_of(x: Expr, made: dict[str, Equation], extra: dict[str, Equation], taken: set[str]) -> Expr | None:
    """The stable spelling of log(x), or None where there is none to be had."""
    if isinstance(x, Entry) and x.name in made and (call := made[x.name].call) and call.op == "softmax":
        if x.name not in extra:
            name = f"log_{x.name}"
            while name in taken:
                name += "_"
            taken.add(name)
            tensor = Tensor(name, made[x.name].tensor.axes)
            extra[x.name] = Equation(tensor, tensor.indices, call=Call("log_softmax", call.arguments, call.options))
        return extra[x.name].tensor[x.indices]
    argument = _sigmoid_argument(x, made)
    if argument is not None:
        return -_softplus(-argument)
    argument = _sigmoid_argument(1 - x, made)
    return None if argument is None else -_softplus(argument)


def _softplus(x: Expr) -> Expr:
    return Function("softplus")(x)


def _sigmoid_argument(x: Expr, made: dict[str, Equation]) -> Expr | None:
    """The z of x = sigmoid(z), looked up through one equation."""
    if isinstance(x, Entry) and x.name in made and made[x.name].rhs is not None:
        e = made[x.name]
        if type(e.rhs).__name__ == "sigmoid" and not indices_of(e.rhs) - set(e.indices):
            return e.rhs.args[0].xreplace(dict(zip(e.indices, x.indices, strict=True)))
    return x.args[0] if type(x).__name__ == "sigmoid" else None


def _masks_of_outputs(equations: Sequence[Equation]) -> list[Equation]:
    """[x > 0] as [relu(x) > 0], so that x itself need not be kept."""
    kept: dict[str, str] = {}
    done = []
    for e in equations:
        if e.rhs is not None and kept:
            new = {}
            for mask in e.rhs.atoms(Positive):
                x = mask.args[0]
                if isinstance(x, Entry) and x.name in kept:
                    new[mask] = Positive(Entry(kept[x.name], *x.indices))
            e = replace(e, rhs=e.rhs.xreplace(new)) if new else e
        if e.rhs is not None and type(e.rhs).__name__ == "relu" and isinstance(x := e.rhs.args[0], Entry) and x.indices == e.indices:
            kept.setdefault(x.name, e.name)
        done.append(e)
    return done


def spelled(e: Expr, functions: Container[str]) -> Expr:
    """`e` with every function of the op table that is not among `functions` written out: by its stable law, else by its law."""
    if not e.has(Elementwise):
        return e
    args = [spelled(a, functions) for a in e.args]
    if isinstance(e, Elementwise) and type(e).__name__ not in functions:
        record = op_of(type(e))
        law = record.stable if record is not None and record.stable is not None else type(e).law
        return spelled(law(*args), functions)
    return e.func(*args)
