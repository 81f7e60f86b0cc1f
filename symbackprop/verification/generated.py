"""A generated module against the literal evaluation of the formulas it was generated from.

The module is taken as it is, functions and a `Parameters` tuple; its arguments bear the tensors' names. Compared are the loss, the
gradients and the output, in float64 and float32, for several samples and for one. A function must keep the dtype and must not
change what it is given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Program
from symbackprop.code.names import arguments
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.verification.numeric import label
from symbackprop.verification.oracle.literal import Arrays, evaluate, sizes_text
from symbackprop.verification.points.points import Point, Points, own, plain
from symbackprop.verification.verdict import Counterexample, Verdict, broken, guarded

TOLERANCE: Mapping[type, float] = {np.float64: 1e-10, np.float32: 2e-4}
"""Largest difference, relative to the largest entry, by dtype: what sums of a few hundred rounded terms may lose."""

SENSITIVE, CLEAR = 30, 1e-2
"""A larger difference is still rounding within SENSITIVE times what one rounding of the arguments changes: entries that cancel are little
else. Above CLEAR, relative to the largest entry, it can't be told from a mistake: then other points tell, or it is unknown."""


@dataclass
class Seen:
    """What the points so far have said: the largest gap, which tensors were told apart from rounding, and which were not."""

    worst: float = 0.0
    told: set[str] = field(default_factory=set)
    unclear: dict[str, Verdict] = field(default_factory=dict)

    def final(self, name: str, verdict: Verdict | None, gap: float) -> Verdict | None:
        """Note the verdict on a tensor at one point, None where it is right; the verdict if it is the last word."""
        if verdict is None:
            self.told.add(name)
            self.worst = max(self.worst, gap)
        elif verdict.status == "unknown":
            self.unclear.setdefault(name, verdict)
        return verdict if verdict is not None and verdict.status != "unknown" else None

    @property
    def blurred(self) -> Verdict | None:
        """The verdict on a tensor that no point told apart from rounding."""
        return next((v for name, v in self.unclear.items() if name not in self.told), None)


def check_module(derived: Derived, module: ModuleType, seed: int = 0) -> list[Verdict]:
    """A verdict for each of loss, gradients, loss_and_gradients and forward that `module` has, and each dtype."""
    program = derived.program
    subject = "the module"
    try:
        chooser = Points(program, own(program), seed)
        points = [*chooser, *chooser.with_one(program.samples)]
    except SymbackpropError as error:
        return [broken(subject, error)]
    made = []
    for function in ("loss", "gradients", "loss_and_gradients", "forward"):
        if not hasattr(module, function) or (function == "forward" and program.output is None):
            continue
        for dtype in TOLERANCE:
            subject = f"{function}() in {np.dtype(dtype).name}"
            made.append(guarded(subject, partial(_check, subject, derived, module, function, dtype, points)))
    return made


def _check(subject: str, derived: Derived, module: ModuleType, function: str, dtype: type, points: Sequence[Point]) -> Verdict:
    program, seen = derived.program, Seen()
    for arrays, sizes in ((p.arrays, p.sizes) for p in points):
        given = {t.name: arrays[t.name].astype(arrays[t.name].dtype if t.role == "index" else dtype) for t in program.leaves}
        # The literal side starts from the rounded data, so that only the code's own rounding is measured.
        expected = evaluate(program, given, sizes)
        before = {name: a.copy() for name, a in given.items()}
        for name, value in call(module, function, program, given, derived).items():
            value = np.asarray(value)
            if value.shape != expected[name].shape:
                return Verdict("wrong", subject, f"{name} has the shape {value.shape}, not {expected[name].shape}")
            if not np.all(np.isfinite(expected[name])):
                return Verdict("unknown", subject, f"the formula of {name} is not finite at {sizes_text(sizes)}")
            if value.dtype != dtype:
                return Verdict("wrong", subject, f"{name} comes out as {value.dtype}, not {np.dtype(dtype).name}")

            def again(nudged: Arrays, name: str = name) -> np.ndarray:
                return np.asarray(call(module, function, program, nudged, derived)[name])

            verdict, gap = _judged(subject, f"{name} differs", value, expected[name], sizes, partial(_change, again, given))
            if (last := seen.final(name, verdict, gap)) is not None:
                return last
        for name, array in given.items():
            if not np.array_equal(array, before[name]):
                return Verdict("wrong", subject, f"the argument {name} is changed")
    return seen.blurred or _equal(subject, seen.worst, dtype, points)


def check_function(program: Program, name: str, function: Callable[..., np.ndarray], seed: int = 0) -> list[Verdict]:
    """A verdict for each dtype on `function`, which takes the leaves by name and should give the tensor `name` of `program`."""
    subjects = {dtype: f"the code of {label(program.tensors[name])} in {np.dtype(dtype).name}" for dtype in TOLERANCE}
    try:
        points = plain(program, seed)
    except SymbackpropError as error:
        return [broken(s, error) for s in subjects.values()]
    return [guarded(s, partial(_check_function, s, program, name, function, d, points)) for d, s in subjects.items()]


def _check_function(
    subject: str, program: Program, name: str, function: Callable[..., np.ndarray], dtype: type, points: Sequence[Point]
) -> Verdict:
    needed, seen = program.needed([name]), Seen()
    for arrays, sizes in ((p.arrays, p.sizes) for p in points):
        given = {t.name: arrays[t.name].astype(arrays[t.name].dtype if t.role == "index" else dtype) for t in program.leaves}
        expected = evaluate(needed, {n: a for n, a in given.items() if n in needed.tensors}, sizes)[name]
        value = np.asarray(function(**given))
        # A derivative that no entry of a tensor stands in has no dtype to keep.
        keeps = any(t.role != "index" for t in needed.leaves)
        if value.shape != expected.shape or (keeps and value.dtype != dtype):
            return Verdict("wrong", subject, f"{value.dtype} of shape {value.shape}, not {np.dtype(dtype).name} of shape {expected.shape}")
        if not np.all(np.isfinite(expected)):
            return Verdict("unknown", subject, "the formula is not finite at the point that was drawn")
        change = partial(_change, lambda nudged: np.asarray(function(**nudged)), given)
        verdict, gap = _judged(subject, "differs", value, expected, sizes, change)
        if (last := seen.final(name, verdict, gap)) is not None:
            return last
    return seen.blurred or _equal(subject, seen.worst, dtype, points)


def _equal(subject: str, worst: float, dtype: type, points: Sequence[Point]) -> Verdict:
    if not points:
        return Verdict("unknown", subject, "no point was found where the model has a value")
    where = "; ".join(dict.fromkeys(sizes_text(p.sizes) for p in points))
    allowed = f"tolerance {TOLERANCE[dtype]:.0e}" if worst <= TOLERANCE[dtype] else "what rounding of the arguments changes"
    return Verdict("holds", subject, f"equal to the literal formulas, relative difference {worst:.1g} ({allowed}), at {where}")


def _judged(
    subject: str, what: str, value: np.ndarray, expected: np.ndarray, sizes: Mapping[Expr, int], change: Callable[[], float]
) -> tuple[Verdict | None, float]:
    """A verdict where `value` is not what is `expected`, and the relative gap. `change`: how much one rounding of the arguments changes."""
    place, gap, scale = largest_gap(value, expected)
    if gap <= TOLERANCE[value.dtype.type] * scale:
        return None, gap / scale
    said = f"{what} from the formula by {gap:.3g}"
    if np.isfinite(gap) and gap <= SENSITIVE * change():
        if gap <= CLEAR * scale:
            return None, gap / scale
        return Verdict("unknown", subject, f"{said}, which rounding alone may do where entries cancel, at {sizes_text(sizes)}"), gap / scale
    example = Counterexample({str(a): s for a, s in sizes.items()}, {}, place, f"{value[place]:.9g}", f"{expected[place]:.9g}")
    return Verdict("wrong", subject, said, counterexample=example), gap / scale


def _change(function: Callable[[Arrays], np.ndarray], given: Arrays) -> float:
    """The largest change of an entry where each argument moves by one unit in the last place, up or down at random."""
    rng, value, most = np.random.default_rng(0), function(given), 0.0
    for _ in range(3):
        nudged = {name: _nudged(array, rng) for name, array in given.items()}
        most = max(most, float(np.abs(function(nudged) - value).max(initial=0)))
    return most


def _nudged(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if not np.issubdtype(array.dtype, np.floating):
        return array
    return np.nextafter(array, np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype))


def largest_gap(a: np.ndarray, b: np.ndarray) -> tuple[tuple[int, ...], float, float]:
    """(where the two differ most, by how much, the scale of the second); where shapes differ, or a value is NaN, the gap is infinite."""
    if a.shape != b.shape:
        return (), np.inf, 1.0
    gap = np.array(np.abs(a.astype(float) - b))
    gap[np.isnan(gap)] = np.inf
    if not gap.size:
        return (), 0.0, 1.0
    place = tuple(int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape))
    return place, float(gap[place]), max(float(np.abs(b).max()), 1e-3)


def call(module: ModuleType, function: str, program: Program, arrays: Mapping[str, np.ndarray], derived: Derived) -> dict[str, Any]:
    """What `function` of the module gives, by the names of the program's tensors (dW1, J, O)."""
    names = tensors_of(module, function, program)
    fields = module.Parameters._fields
    params = module.Parameters(**{f: arrays[names[f]] for f in fields})
    call_of = getattr(module, function)
    result = call_of(params, **{name: arrays[names[name]] for name in data_of(call_of)})
    if function == "loss":
        return {program.objective: result}
    if function == "forward" and program.output is not None:
        return {program.output: result}
    grads = result[1] if function == "loss_and_gradients" else result
    made = {derived.adjoints[name]: g for name, g in zip(derived.wrt, grads, strict=True)}
    return made | ({program.objective: result[0]} if function == "loss_and_gradients" else {})


def call_product(module: ModuleType, function: str, program: Program, arrays: Arrays, v: Arrays) -> dict[str, np.ndarray]:
    """What a product with the vector `v`, given by the parameters' names, comes to: a part for each."""
    names = tensors_of(module, function, program)
    call_of, fields = getattr(module, function), module.Parameters._fields
    data = {name: arrays[names[name]] for name in data_of(call_of) if name != "v"}
    made = call_of(module.Parameters(**{f: arrays[names[f]] for f in fields}), **data, v=module.Parameters(*[v[names[f]] for f in fields]))
    return {names[f]: np.asarray(part) for f, part in zip(fields, made, strict=True)}


def data_of(function: Callable) -> list[str]:
    """The data that a function of a module takes: its arguments after the parameters, those that say how aside."""
    return [name for name, p in list(signature(function).parameters.items())[1:] if p.default is p.empty]


def tensors_of(module: ModuleType, function: str, program: Program) -> dict[str, str]:
    """The tensor that each argument of a function, and each field, stands for. Raises VerifyError for one that is none of the model's."""
    found = {called: name for name, called in arguments(program).items()}
    for name in (*module.Parameters._fields, *data_of(getattr(module, function))):
        if name not in found and name != "v":
            raise VerifyError(f"the module's argument '{name}' is no tensor of the model", notes=[f"tensors: {', '.join(found.values())}"])
    return found
