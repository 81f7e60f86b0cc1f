"""Programs evaluated in mpmath with so many digits that nothing cancels, overflows or underflows: what stable code is held to."""

from itertools import product

import mpmath as mp
from sympy import Add, Dummy, Expr, Integer, KroneckerDelta, Mul, Pow

from symbackprop.calculus.index import Index
from symbackprop.calculus.program import Call
from symbackprop.calculus.term import Entry, NonNegative, Positive, Total
from symbackprop.ops import OPS
from symbackprop.verification.oracle.literal import size_of

DIGITS = 900
"""1 - tanh(370)^2 is 1e-321: what float64 can still say, with more than 50 digits to spare."""


class NotFiniteError(Exception):
    """The law has no finite real value here."""


def values(program, numbers, sizes):
    """Every tensor of `program` as {places: number}, from its leaves: `numbers` are arrays by name."""
    mp.mp.dps = DIGITS
    known = {name: {p: mp.mpf(float(a[p])) for p in product(*map(range, a.shape))} for name, a in numbers.items()}
    for e in program.equations:
        if e.name in known:
            continue
        if isinstance(e.rhs, Call) and OPS[e.rhs.op].law is None:
            known[e.name] = _called(e.rhs, known)
            continue
        rows = [e] if isinstance(e.rhs, Expr) else OPS[e.rhs.op].law(e.rhs, program.tensors, e.tensor, lambda s, n=e.name: f"{n} {s}")
        for row in rows:
            shape = [size_of(i.axis, sizes) for i in row.indices]
            known[row.name] = {
                p: _value(row.rhs, dict(zip(row.indices, p, strict=True)), known, sizes) for p in product(*map(range, shape))
            }
    return known


def _called(call, known):
    """A whole-tensor op."""
    first = known[call.arguments[0]]
    if call.op in ("max", "min", "max_selector", "min_selector"):
        return _largest(call, first)
    if call.op in ("prod", "prod_others"):
        return _multiplied(call, first)
    a = _matrix(first)
    both = (a + a.T) / 2 if a.rows == a.cols else None
    try:
        made = {
            "inv": lambda: a**-1,
            "pinv": lambda: (a.T * a) ** -1 * a.T if a.rows >= a.cols else a.T * (a * a.T) ** -1,
            "det": lambda: mp.det(a),
            "logdet": lambda: mp.log(abs(mp.det(a))),
            "sign_of_det": lambda: mp.sign(mp.det(a)),
            "solve": lambda: mp.lu_solve(a, _matrix(known[call.arguments[1]])),
            "cholesky": lambda: mp.cholesky(both),
            "eigvalsh": lambda: mp.eigsy(both, eigvals_only=True),
            "eigenvectors": lambda: mp.eigsy(both)[1],
            "eigenvalue_gaps": lambda: _gaps(mp.eigsy(both, eigvals_only=True)),
        }[call.op]()
    except (ZeroDivisionError, ValueError) as problem:
        raise NotFiniteError(call.op) from problem
    if not isinstance(made, mp.matrix):
        return {(): made}
    flat = call.op == "eigvalsh" or (call.op == "solve" and len(next(iter(known[call.arguments[1]]))) == 1)
    return {(i,) if flat else (i, j): made[i, j] for i in range(made.rows) for j in range(made.cols)}


def _matrix(numbers):
    rows, columns = (1 + max(p[k] if k < len(p) else 0 for p in numbers) for k in (0, 1))
    return mp.matrix([[numbers[(i, j) if (i, j) in numbers else (i,)] for j in range(columns)] for i in range(rows)])


def _gaps(values):
    size = len(values)
    return mp.matrix([[0 if i == j else 1 / (values[i] - values[j]) for j in range(size)] for i in range(size)])


def _multiplied(call, numbers):
    """The product along an axis; without the entries at each choice of places."""
    axis = call.option("axis")
    size = 1 + max(p[axis] for p in numbers)
    made = {}
    for rest in {p[:axis] + p[axis + 1 :] for p in numbers}:
        row = [numbers[(*rest[:axis], k, *rest[axis:])] for k in range(size)]
        for left in product(range(size), repeat=call.option("order") or 0):
            made[(*rest, *left)] = mp.fprod(x for k, x in enumerate(row) if k not in left)
    return made


def _largest(call, numbers):
    """The largest or smallest entry along one axis or of all; as a selector, 1 at the first of them."""
    axis = call.option("axis")
    groups = {}
    for place in sorted(numbers):
        groups.setdefault(() if axis is None else place[:axis] + place[axis + 1 :], []).append(place)
    best = {rest: (min if call.op.startswith("min") else max)(places, key=numbers.get) for rest, places in groups.items()}
    if call.op.endswith("selector"):
        return {place: mp.mpf(place in best.values()) for place in numbers}
    return {rest: numbers[place] for rest, place in best.items()}


def _value(e, at, known, sizes):
    if isinstance(e, Entry):
        return known[e.name][tuple(int(_value(i, at, known, sizes)) for i in e.indices)]
    if isinstance(e, Index):
        return mp.mpf(at[e])
    if isinstance(e, Total):
        ranges = [range(size_of(i.axis, sizes)) for i in e.indices]
        return mp.fsum(_value(e.body, {**at, **dict(zip(e.indices, p, strict=True))}, known, sizes) for p in product(*ranges))
    if e in sizes:
        return mp.mpf(sizes[e])
    if e.is_Rational:
        return mp.mpf(int(e.p)) / int(e.q)
    if isinstance(e, Mul):
        # A bracket that is 0 makes its product 0, whatever the other factors are.
        factors = sorted(e.args, key=lambda f: not isinstance(f, Positive | NonNegative | KroneckerDelta))
        result = mp.mpf(1)
        for f in factors:
            result *= _value(f, at, known, sizes)
            if result == 0 and isinstance(f, Positive | NonNegative | KroneckerDelta):
                return result
        return result
    if e.is_number and not e.args:
        return mp.mpf(mp.mpmathify(e.evalf(DIGITS)))
    parts = [_value(a, at, known, sizes) for a in e.args]
    if isinstance(e, Add):
        return mp.fsum(parts)
    if isinstance(e, Positive):
        return mp.mpf(parts[0] > 0)
    if isinstance(e, NonNegative):
        return mp.mpf(parts[0] >= 0)
    if isinstance(e, KroneckerDelta):
        return mp.mpf(parts[0] == parts[1])
    return _finite(e, parts)


def _finite(e, parts):
    try:
        if isinstance(e, Pow):
            made = parts[0] ** int(e.exp) if isinstance(e.exp, Integer) else mp.power(*parts)
        elif hasattr(type(e), "law"):
            made = _function(type(e))(*parts)
        else:
            made = getattr(mp, type(e).__name__)(*parts)
    except (ZeroDivisionError, ValueError, OverflowError) as problem:
        raise NotFiniteError(str(e)) from problem
    if not isinstance(made, mp.mpf) or not mp.isfinite(made):
        raise NotFiniteError(str(e))
    return made


_functions = {}


def _function(function):
    """The law of a function of ours, taken literally."""
    if function not in _functions:
        x = [Dummy(f"x{k}", real=True) for k in range(function.arity)]
        _functions[function] = (x, function.law(*x))
    x, law = _functions[function]

    def at(*numbers):
        return _value(law, {}, {}, dict(zip(x, numbers, strict=True)))

    return at
