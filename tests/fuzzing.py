"""What must hold of the derivative of a random expression or model: it agrees with differences of NumPy's values in every form."""

import gc
import math
import random
import re
import signal
import time
from contextlib import contextmanager

import matrix_language
import numpy as np
import sympy
from hypothesis import HealthCheck, Phase, settings
from numpy_values import KinkedNumpy, arrays_of, values

import symbackprop as sbp
from symbackprop.errors import NotationError, SymbackpropError
from symbackprop.matrix.form import matrix_numpy
from symbackprop.verification.oracle.literal import evaluate

STEP = 2.0**-9
SECONDS, SECONDS_TO_REFUSE = 5, 1
INVERSES = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
RELATIONS = {
    sympy.StrictGreaterThan: np.greater,
    sympy.GreaterThan: np.greater_equal,
    sympy.StrictLessThan: np.less,
    sympy.LessThan: np.less_equal,
}


FUZZ = settings().max_examples > 100
"""Whether the profile `fuzz` is on."""


def many(count, fuzz=20_000):
    """As many examples as said, always the same; in the profile `fuzz` more, and new ones."""
    return settings(
        max_examples=fuzz if FUZZ else count,
        derandomize=not FUZZ,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # to explain, it traces every line, which takes long
        suppress_health_check=list(HealthCheck),
    )


class HangError(Exception):
    """More than SECONDS of CPU for one case."""


class Seeded:
    """Decisions from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def number(self, low, high):
        return self.random.randint(low, high)


class Drawn:
    """Decisions by hypothesis: smaller is simpler."""

    def __init__(self, draw, integers):
        self.draw, self.integers = draw, integers

    def number(self, low, high):
        return self.draw(self.integers(low, high))


@contextmanager
def limited(seconds=SECONDS):
    """Stop what takes longer than some seconds of CPU."""

    def stop(*_):
        raise HangError(f"more than {seconds} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def uncollected():
    """No garbage collection meanwhile: a full one, over what all cases before have left, can take more than a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def usable(case, arrays):
    """Whether NumPy's own value is finite and of a size that differences can tell apart."""
    try:
        with np.errstate(all="raise", under="ignore"):
            found, _ = values(case, arrays)
    except (FloatingPointError, ZeroDivisionError, np.linalg.LinAlgError):
        return False
    return all(np.all(np.isfinite(v)) and np.max(np.abs(v), initial=0) < 1e6 for v in found.values())


def difference(f, base):
    """The derivative of f, which gives (value, sides), at `base`: (values, tolerance; NaN where a step crosses a kink)."""
    value, sides = f(base)
    slope, doubt = np.zeros((*value.shape, *base.shape)), np.zeros((*value.shape, *base.shape))
    for place in np.ndindex(base.shape):
        rough = []
        crossed = False
        for step in (STEP, STEP / 2):
            found = []
            for k in (1, -1, 2, -2):
                moved = base.copy()
                moved[place] += k * step
                there, at = f(moved)
                crossed |= at != sides
                found.append(there)
            rough.append((8 * (found[0] - found[1]) - (found[2] - found[3])) / (12 * step))
        slope[(..., *place)] = np.nan if crossed else rough[1]
        doubt[(..., *place)] = np.abs(rough[0] - rough[1])
    scale = np.max(np.abs(value), initial=1)
    return slope, 5 * doubt + 1e-8 * (np.abs(slope) + scale)


def agrees(what, found, slope, tolerance):
    """Raise unless `found` is the slope within the tolerance; return how many entries could be compared."""
    found = np.asarray(found, float)
    assert found.shape == slope.shape, f"{what} has shape {found.shape}, not {slope.shape}"
    clear = np.isfinite(slope) & (tolerance < 1e-3 * (1 + np.abs(slope)))
    bad = clear & ~(np.abs(found - slope) <= tolerance)
    if bad.any():
        at = tuple(int(k) for k in np.argwhere(bad)[0])
        raise AssertionError(f"{what}{at} is {found[at]}, by differences {slope[at]} (+- {tolerance[at]:.1g})")
    return int(clear.sum())


def balanced(latex):
    """Whether braces, \\left and \\right, \\begin and \\end pair."""
    depth = 0
    for token in re.findall(r"\\[{}]|[{}]", latex):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    pairs = (r"\\left(?![A-Za-z])", r"\\right(?![A-Za-z])"), (r"\\begin\{", r"\\end\{")
    return depth == 0 and latex.strip() != "" and all(len(re.findall(a, latex)) == len(re.findall(b, latex)) for a, b in pairs)


class IndexValues:
    """The value of SymPy's index expressions over all values of their indices, each index along an axis of its own."""

    def __init__(self, e, free, known, sizes):
        self.letters = {i: k for k, i in enumerate([*free, *sorted(e.atoms(sympy.Idx) - set(free), key=str)])}
        self.known, self.sizes, self.free = known, sizes, free

    def along(self, i):
        count = int(i.upper.xreplace({s: self.sizes[s.name] for s in i.upper.free_symbols})) + 1
        return np.arange(count).reshape([count if k == self.letters[i] else 1 for k in range(len(self.letters))])

    def of(self, e):
        if isinstance(e, sympy.Idx):
            return self.along(e)
        if isinstance(e, sympy.Heaviside):
            return np.heaviside(self.of(e.args[0]), float(e.args[1]))
        if isinstance(e, sympy.Sum):
            body = np.asarray(self.of(e.function))
            for i, low, high in e.limits:
                assert low == 0 and high == i.upper, (e, i.upper)
                shape = list(np.broadcast_shapes(body.shape, (1,) * len(self.letters)))
                shape[self.letters[i]] = self.along(i).size
                body = np.broadcast_to(body, shape).sum(axis=self.letters[i], keepdims=True)
            return body
        if isinstance(e, sympy.Indexed):
            array = self.known[str(e.base)]
            return array[tuple(np.clip(self.of(i), 0, size - 1).astype(int) for i, size in zip(e.indices, array.shape, strict=True))]
        if isinstance(e, sympy.KroneckerDelta):
            return np.equal(self.of(e.args[0]), self.of(e.args[1])).astype(float)
        if isinstance(e, sympy.Piecewise):
            value = np.asarray(0.0)
            for piece, condition in reversed(e.args):
                value = np.where(self.of(condition), self.of(piece), value)
            return value
        if e in (sympy.true, sympy.false):
            return np.asarray(bool(e))
        if isinstance(e, sympy.And):
            return math.prod(self.of(a) for a in e.args)
        if isinstance(e, sympy.Or):
            return np.logical_or.reduce(np.broadcast_arrays(*[self.of(a) for a in e.args]))
        if isinstance(e, sympy.Not):
            return np.logical_not(self.of(e.args[0]))
        if isinstance(e, sympy.ITE):
            return np.where(*[self.of(a) for a in e.args])
        for relation, compared in RELATIONS.items():
            if isinstance(e, relation):
                return compared(self.of(e.args[0]), self.of(e.args[1]))
        if isinstance(e, sympy.Symbol):
            return np.asarray(self.sizes[e.name] if e.name in self.sizes else self.known[e.name])
        if not e.args:
            return np.asarray(float(e))
        args = [self.of(a) for a in e.args]
        if e.is_Add:
            return sum(args[1:], args[0])
        if e.is_Mul:
            return math.prod(args)
        if e.is_Pow:
            return args[0] ** (int(e.exp) if e.exp.is_Integer and e.exp >= 0 else args[1].astype(float))
        return self.named(e.func.__name__)(*args)

    def named(self, name):
        names = KinkedNumpy().names()
        native = {"Abs": np.abs, "absolute": np.abs, **{f"a{name}": getattr(np, f"arc{name}") for name in INVERSES}}
        return native.get(name) or names[name]


def index_values(e, indices, known, sizes, shape):
    reader = IndexValues(e, indices, known, sizes)
    value = np.asarray(reader.of(e), float)
    full = [*shape, *[1] * (len(reader.letters) - len(indices))]
    return np.broadcast_to(value.reshape(value.shape or (1,) * len(full)), full).reshape(shape)


def texts_in_order(result):
    """Raise unless the LaTeX in both forms is balanced and of this package's words only."""
    for form in ("index", "best"):
        latex = result.latex(form)
        assert balanced(latex), f"{form}: {latex}"
        for part in result.latex_parts(form):
            assert balanced(part), f"{form}: {part}"


def forms_agree(result, case, arrays, slope, tolerance):
    """The index form and the matrix form, evaluated literally, are the derivative too."""
    sizes = {s: v for s, v in case.sizes.items()}
    everything = evaluate(result.program, {t.name: arrays[t.name] for t in result.program.leaves}, by_symbol(result.derived.program, sizes))
    agrees("the literal value", everything[result.name], slope, tolerance)
    known = {n: v for n, v in everything.items() if n not in result.parts and n != result.name}
    for name, (indices, e) in result.parts.items():
        known[name] = index_values(
            e, indices, known | {n: everything[n] for n in everything if n not in known}, sizes, everything[name].shape
        )
    agrees("the index form", index_values(result.index, result.indices, known, sizes, slope.shape), slope, tolerance)
    try:
        text = matrix_numpy(result.equation, result.program)
    except NotationError:
        return
    names = {**KinkedNumpy().names(), **matrix_language.names(), "np": np, **sizes, **everything}
    text = re.sub(r"(?<![\d.])\d{16,}(?![\d.])", lambda m: m.group() + ".0", text)
    value = np.asarray(eval(text, names), float)
    value = value.reshape(slope.shape) if value.size == slope.size else np.broadcast_to(value, slope.shape) if value.ndim == 0 else value
    agrees(f"the matrix form {text}", value, slope, tolerance)


def by_symbol(program, sizes):
    return {a: sizes[str(a)] for a in program.axes if str(a) in sizes}


def check_expression(case, order=1):
    """The derivative of an expression in every form against differences. "holds", "refused: ..." or "skipped"; raises otherwise."""
    arrays = arrays_of(case)
    if not usable(case, arrays):
        return "skipped"
    try:
        with limited():
            result = sbp.derivative(case.text, case.shapes, case.wrt if order == 1 else (case.wrt, case.wrt), order=order, facts=case.facts)
            texts_in_order(result)
            found = result.evaluate(**arrays, **sizes_asked(case, arrays))
    except SymbackpropError as error:
        assert len(str(error).splitlines()) < 25
        return f"refused: {error.reason}"

    def value(moved):
        found, sides = values(case, {**arrays, case.wrt: moved})
        return found[list(found)[-1]], sides

    if order == 1:
        slope, tolerance = difference(value, arrays[case.wrt])
    else:
        first = sbp.derivative(case.text, case.shapes, case.wrt, facts=case.facts)
        asked = sizes_asked(case, arrays)
        slope, tolerance = difference(
            lambda moved: (first.evaluate(**{**arrays, case.wrt: moved}, **asked), value(moved)[1]), arrays[case.wrt]
        )
    compared = agrees("the generated code", found, slope, tolerance)
    forms_agree(result, case, arrays, slope, tolerance)
    return "holds" if compared else "skipped"


def sizes_asked(case, arrays):
    used = set(" ".join(case.shapes.values()).split())
    return {name: size for name, size in case.sizes.items() if name in used}


def check_model(case):
    """Every gradient of a model, by the results and by the generated module, against differences of its objective."""
    arrays = arrays_of(case)
    if not usable(case, arrays):
        return "skipped"
    tensors = {n: {"axes": s, "role": "parameter", **({"fact": case.facts[n]} if n in case.facts else {})} for n, s in case.shapes.items()}
    try:
        with limited():
            model = sbp.model(tensors, case.equations, name="random_model", axes=sizes_asked(case, arrays))
            derivation = sbp.derive(model)
            module = sbp.generate(derivation).load()
            page = derivation.markdown()
    except SymbackpropError as error:
        assert len(str(error).splitlines()) < 25
        return f"refused: {error.reason}"
    assert page
    params = module.Parameters(**arrays)
    sizes = {name: size for name, size in case.sizes.items()}
    loss, gradients = module.loss_and_gradients(params, **asked_by(module.loss_and_gradients, sizes))
    wanted = values(case, arrays)[0]["J"]
    assert np.isclose(loss, wanted, rtol=1e-9, atol=1e-9), f"the loss is {loss}, by NumPy {wanted}"
    compared = 0
    for name in case.shapes:

        def value(moved, name=name):
            found, sides = values(case, {**arrays, name: moved})
            return found["J"], sides

        slope, tolerance = difference(value, arrays[name])
        compared += agrees(f"the module's gradient by {name}", getattr(gradients, name), slope, tolerance)
        result = derivation.gradient(name)
        texts_in_order(result)
        agrees(f"the gradient by {name}", result.evaluate(**arrays, **sizes_asked(case, arrays)), slope, tolerance)
        forms_agree(result, case, arrays, slope, tolerance)
    return "holds" if compared else "skipped"


def asked_by(function, sizes):
    names = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
    return {n: s for n, s in sizes.items() if n in names}


@uncollected()
def check_text(text, shapes, wrt):
    """Whatever the text is, it is derived in time, with LaTeX and code, or refused in one screen, soon, by an error of ours."""
    start = time.process_time()
    try:
        with limited():
            result = sbp.derivative(text, shapes, wrt)
            texts_in_order(result)
            assert "def " in result.numpy
            result.index  # noqa: B018 - made when asked for
    except SymbackpropError as error:
        assert time.process_time() - start < SECONDS_TO_REFUSE, text
        said = str(error).splitlines()
        assert len(said) < 20 and max(map(len, said)) < 300, str(error)
        return "refused"
    return "derived"
