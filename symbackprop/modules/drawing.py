"""Statements that draw parameters to start with, and data for a check that is true to the declared facts."""

from collections.abc import Mapping

from sympy import Expr, Integer, Pow, log

from symbackprop.calculus.facts import COMBINATIONS, kind_of
from symbackprop.calculus.facts.kinds import POSITIVE
from symbackprop.calculus.program import Call, Program, Tensor
from symbackprop.calculus.sizes import enough
from symbackprop.calculus.term import Entry
from symbackprop.code.names import Names
from symbackprop.code.spelling import SIGN, size_text
from symbackprop.modules.initial import Start, start

PRIMES = (5, 3, 7, 2, 11, 13)
"""Sizes for checks: axes that are mixed up then differ in size."""


def shape(t: Tensor, names: Names) -> str:
    """The shape of a tensor as a tuple in the code."""
    sizes = [names.size(a) for a in t.axes]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _number(e: Expr, names: Names) -> str:
    return size_text(e.xreplace(dict(names.sizes))).within(SIGN)


def initial_lines(program: Program, names: Names) -> tuple[list[str], dict[str, Start]]:
    """Statements for each parameter, in order, and the rules they follow; what is declared of a parameter is true of its first value."""
    lines, rules = [], {}
    # In the adjoints a bias, too, meets others in sums.
    forward = program.needed([program.objective])
    for t in program.parameters:
        # A rule of initial.py is true to facts that linear combinations keep, once they are made true; to others the one that they name.
        own = {k.start for f in t.facts if (k := kind_of(f)).closed < COMBINATIONS}
        rule = rules[t.name] = Start(own.pop() if len(own) == 1 else "drawn") if own else start(forward, t)
        name, size = names(t), shape(t, names)
        scalar = not t.axes
        if rule.rule == "drawn":
            lines += _drawn(program, t, names)
        elif rule.rule == "he":
            lines.append(f"{name} = generator.standard_normal({size}) * np.sqrt(2 / {_number(rule.inputs, names)})")
        elif rule.rule == "glorot":
            both = _number(rule.inputs + rule.outputs, names)
            lines.append(f"{name} = generator.uniform(-1, 1, {size}) * np.sqrt(6 / {both})")
        else:
            size = size if not scalar else "()"
            lines.append(f"{name} = np.{rule.rule}({size if len(t.axes) != 1 else names.size(t.axes[0])})")
        if rule.rule not in ("drawn", "zeros"):
            lines += _made_true(t, names)
    return lines, rules


def data_lines(program: Program, tensors: tuple[Tensor, ...], names: Names) -> list[str]:
    """A statement or two for each tensor, drawn true to its facts and inside the domain of what it goes through."""
    lines = []
    for t in tensors:
        lines += _drawn(program, t, names)
    return lines


def _drawn(program: Program, t: Tensor, names: Names) -> list[str]:
    name, size = names(t), shape(t, names)
    if t.role == "index":
        return [f"{name} = generator.integers({_number(_range_of(program, t.name), names)}, size={size})"]
    draws = [draw for f in t.facts if (draw := kind_of(f).draw)]
    if not draws and needs_positive(program, t.name):
        draws = [POSITIVE.draw]
    plain = "generator.random({size})" if t.role == "label" else "generator.standard_normal({size})"
    return [f"{name} = {(*draws, plain)[0].format(size=size)}", *_made_true(t, names)]


def _made_true(t: Tensor, names: Names) -> list[str]:
    """Statements after which what is declared of a tensor is true of an array of random numbers."""
    return [line.format(x=names(t), axis=f.axis) for f in t.facts for line in kind_of(f).then]


def needs_positive(program: Program, name: str) -> bool:
    """Whether a leaf stands under a logarithm, a root, or below a fraction's line."""
    for e in program.users.get(name, ()):
        if isinstance(e.rhs, Call):
            continue
        risky = [f.args[0] for f in e.rhs.atoms(log)] + [f.base for f in e.rhs.atoms(Pow) if not f.exp.is_Integer or f.exp.is_negative]
        if any(a.name == name for x in risky for a in x.atoms(Entry)):
            return True
    return False


def _range_of(program: Program, name: str) -> Expr:
    """How many values an index tensor may take: the size of the axis it picks from."""
    for e in program.users.get(name, ()):
        for a in e.rhs.atoms(Entry) if isinstance(e.rhs, Expr) else ():
            for axis, i in zip(program.tensors[a.name].axes, a.indices, strict=True):
                if any(b.name == name for b in i.atoms(Entry)):
                    return axis
    return Integer(2)


def check_sizes(program: Program) -> Mapping[Expr, int]:
    """A small size for every axis: different primes, the axis of samples first, and no fewer than the model needs."""
    axes = sorted(program.axes, key=lambda a: a != program.samples)
    return enough({a: PRIMES[k % len(PRIMES)] for k, a in enumerate(axes)}, [n.gap for n in program.needs])
