"""Statements that draw parameters to start with, and data for a check that is true to the declared facts."""

from collections.abc import Mapping

from sympy import Expr, Integer, Pow, log

from symbackprop.lower.initial import Start, start
from symbackprop.lower.names import Names
from symbackprop.lower.spelling import SIGN, size_text
from symbackprop.program import Call, Program, Tensor
from symbackprop.sizes import enough
from symbackprop.term import Entry

PRIMES = (5, 3, 7, 2, 11, 13)
"""Sizes for checks: axes that are mixed up then differ in size."""


DRAWN = {"simplex", "one-hot", "orthogonal", "unit"}
"""Facts that no rule of initial.py is true to: a parameter that has one starts at random."""


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
        kinds = {f.kind for f in t.facts}
        rule = rules[t.name] = Start("drawn") if kinds & DRAWN else Start("ones") if "positive" in kinds else start(forward, t)
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
        if "symmetric" in kinds and rule.rule in ("he", "glorot"):
            lines.append(f"{name} = ({name} + {name}.T) / 2")
    return lines, rules


def data_lines(program: Program, tensors: tuple[Tensor, ...], names: Names) -> list[str]:
    """A statement or two for each tensor, drawn true to its facts and inside the domain of what it goes through."""
    lines = []
    for t in tensors:
        lines += _drawn(program, t, names)
    return lines


def _drawn(program: Program, t: Tensor, names: Names) -> list[str]:
    name, size = names(t), shape(t, names)
    facts = {f.kind: f for f in t.facts}
    if t.role == "index":
        return [f"{name} = generator.integers({_number(_range_of(program, t.name), names)}, size={size})"]
    if "one-hot" in facts:
        axis = facts["one-hot"].axis
        return [f"{name} = generator.random({size})", f"{name} = ({name} == {name}.max(axis={axis}, keepdims=True)).astype(float)"]
    if "simplex" in facts:
        return [f"{name} = generator.random({size})", f"{name} /= {name}.sum(axis={facts['simplex'].axis}, keepdims=True)"]
    if "orthogonal" in facts:
        return [f"{name} = np.linalg.qr(generator.standard_normal({size}))[0]"]
    if "positive" in facts or needs_positive(program, t.name):
        draw = f"{name} = 0.5 + generator.random({size})"
    elif t.role == "label":
        draw = f"{name} = generator.random({size})"
    else:
        draw = f"{name} = generator.standard_normal({size})"
    lines = [draw]
    if "symmetric" in facts:
        lines.append(f"{name} = ({name} + {name}.T) / 2")
    if "unit" in facts:
        lines.append(f"{name} /= np.linalg.norm({name}, axis={facts['unit'].axis}, keepdims=True)")
    return lines


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
