"""What a value is: a forward value, dJ/dT, a part of it, one of these times a factor, transposed, or lacking a factor or a term.

A label holds at every point that was run; the sizes differ from point to point, so that a factor by chance is none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from symbackprop.backward.deriving.known import Known
from symbackprop.backward.running.pairing import variable_of

ADJOINT, FORWARD, PART, ZERO, FACTOR, TRANSPOSED, LACKS, UNKNOWN = (
    "adjoint",
    "forward",
    "part",
    "zero",
    "factor",
    "transposed",
    "lacks",
    "unknown",
)
NUMBERS = (1, 2, 3, 4, 6, 8)
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "{0}": lambda t: t,
    "(1 - {0})": lambda t: 1 - t,
    "(1 - {0}**2)": lambda t: 1 - t**2,
    "{0} * (1 - {0})": lambda t: t * (1 - t),
    "({0} > 0)": lambda t: (t > 0) * 1.0,
    "1 / {0}": lambda t: 1 / t,
    "{0}**2": lambda t: t**2,
    "(1 - tanh({0})**2)": lambda t: 1 - np.tanh(t) ** 2,
}
"""Factors that backward passes are made of."""


@dataclass(frozen=True)
class Label:
    """What a value is. `of`: the variable T of dJ/dT; `way`: of a part, the statements; a factor; what is lacking."""

    kind: str
    of: str = ""
    way: str = ""

    def words(self, loss: str = "J") -> str:
        """As the margin says it."""
        whole = f"d{loss}/d{self.of}"
        return {
            ADJOINT: whole,
            FORWARD: f"the forward value {self.of}",
            PART: f"the part of {whole} that comes by {self.way}",
            ZERO: "0",
            FACTOR: f"{self.way}{whole}",
            TRANSPOSED: f"({whole}).T",
            LACKS: f"{whole} without {self.way}",
            UNKNOWN: "no value of the derivation",
        }[self.kind]


def close(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-7) -> bool:
    """Whether two arrays are equal, relative to the largest entry."""
    if a.shape != b.shape or not a.size or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return False
    return float(np.max(np.abs(a - b))) <= tolerance * max(float(np.max(np.abs(a))), 1e-300)


def squeezed(a: np.ndarray) -> np.ndarray:
    """Without axes of size 1."""
    return a.reshape([s for s in a.shape if s != 1])


def tolerance_of(known: Known, name: str) -> float:
    """How near to dJ/d`name` a value is it."""
    return max(1e-8, 20 * known.adjoint[name].error) if name in known.adjoint else 1e-8


def label(values: Sequence[np.ndarray], known: Sequence[Known], name: str = "") -> Label:
    """What values, one for each point, are; `name`, that of the variable, says what is expected."""
    if all(not np.any(v) for v in values):
        return Label(ZERO)
    useful = [(np.asarray(v, float), k) for v, k in zip(values, known, strict=True) if np.any(v)]
    wanted = variable_of(name, list(known[0].adjoint)) if name else ""
    for kind, pool in ((ADJOINT, "adjoint"), (FORWARD, "forward"), (PART, "parts")):
        found = _common([{*_equal(v, k, pool)} for v, k in useful])
        if found:
            best = min(found, key=lambda w: (w[0] != wanted, w[0] != name, not w[0].isidentifier(), len(w[0]), w))
            return Label(kind, *best)
    if found := _common([{*_sums(v, k)} for v, k in useful]):
        return Label(PART, *min(found, key=lambda w: (w[0] != wanted, len(w[1]))))
    return nearly(useful, wanted)


def nearly(useful: Sequence[tuple[np.ndarray, Known]], wanted: str = "", only: str = "") -> Label:
    """What a value is that is nothing known as it is; `only`: in terms of this adjoint alone."""
    names = [only] if only else sorted(_common([{*k.adjoint} for _, k in useful]), key=lambda n: (n != wanted, n))
    for how in (_by_factor, _transposed, _lacking_factor, _lacking_term):
        for name in names:
            found = _common([{*how(v, k, name)} for v, k in useful])
            if found:
                return Label(*min(found, key=lambda w: (len(w[2]), w)))
        if how is _by_factor:
            for key in _common([{*k.parts} for _, k in useful]) if not only else ():
                ways = _common([{*_times(v, k.parts[key], k, 1e-7)} for v, k in useful])
                if ways:
                    return Label(FACTOR, key[0], f"{min(ways, key=len)}the part by {key[1]} of ")
    return Label(UNKNOWN)


def _common(found: Sequence[set]) -> set:
    return set.intersection(*found) if found else set()


def _equal(v: np.ndarray, k: Known, pool: str) -> Iterator[tuple]:
    v0 = squeezed(v)
    if pool == "adjoint":
        for name, a in k.adjoint.items():
            same_size = a.value.size == v.size and a.value.ndim != v.ndim
            if close(squeezed(a.value), v0, tolerance_of(k, name)) or (
                same_size and close(a.value.reshape(-1), v.reshape(-1), tolerance_of(k, name))
            ):
                yield (name,)
    elif pool == "forward":
        yield from ((name,) for name, f in k.forward.items() if close(squeezed(f), v0, 1e-10))
    else:
        yield from (key for key, p in k.parts.items() if close(squeezed(p), v0, 1e-7))


def _sums(v: np.ndarray, k: Known) -> Iterator[tuple]:
    """Sums of some, not all, parts of an adjoint."""
    v0 = squeezed(v)
    for name in {n for n, _ in k.parts}:
        parts = [(way, squeezed(p)) for (n, way), p in k.parts.items() if n == name]
        for count in range(2, min(len(parts), 4)):
            for some in combinations(parts, count):
                if some[0][1].shape == v0.shape and close(sum(p for _, p in some), v0):  # type: ignore[arg-type]
                    yield name, " and ".join(w for w, _ in some)


def _times(v: np.ndarray, a: np.ndarray, k: Known, tolerance: float) -> Iterator[str]:
    """Factors, as texts that end in *, by which `v` is `a`."""
    a0, v0 = squeezed(a), squeezed(v)
    if a0.shape != v0.shape or not np.any(a0):
        return
    ratio = ratio_of(v0, a0)
    if ratio and close(ratio * a0, v0, tolerance):
        yield from (f"{text} * " for text in numbers_near(ratio, k.scalars, tolerance))


def ratio_of(v: np.ndarray, a: np.ndarray) -> float:
    """v / a where a is largest."""
    place = np.unravel_index(int(np.argmax(np.abs(a))), a.shape) if a.ndim else ()
    return float(v[place] / a[place])


def numbers_near(ratio: float, scalars: Mapping[str, float], tolerance: float) -> Iterator[str]:
    """How a factor may be written: small numbers, sizes, scalars of the model, their inverses and products of two."""
    bases: dict[str, float] = {"": 1.0}
    for name, value in scalars.items():
        if value not in (0.0, 1.0) and np.isfinite(value):
            bases |= {name: value, f"1/{name}": 1 / value}
    sizes = [(n, s) for n, s in scalars.items() if s > 1 and s == int(s)]
    bases |= {f"({a}*{b})": s * t for (a, s), (b, t) in combinations(sizes[:6], 2)}
    bases |= {f"1/({a}*{b})": 1 / (s * t) for (a, s), (b, t) in combinations(sizes[:6], 2)}
    bases |= {way.format(n): s**power for n, s in sizes[:6] for way, power in (("np.sqrt({})", 0.5), ("1/np.sqrt({})", -0.5))}
    sign = "-" if ratio < 0 else ""
    for text, base in bases.items():
        for top in NUMBERS:
            for below in NUMBERS:
                number = top / below
                if (
                    np.gcd(top, below) == 1
                    and (text or number != 1 or sign)
                    and abs(abs(ratio) - number * base) <= max(tolerance, 1e-9) * number * base
                ):
                    told = f"{top}" if below == 1 else f"{top}/{below}"
                    shown = (told if not text else text if number == 1 else f"{told} * {text}") if text or number != 1 else ""
                    yield f"{sign}{shown}" if shown else "-1"


def _by_factor(v: np.ndarray, k: Known, name: str) -> Iterator[tuple[str, str, str]]:
    for text in _times(v, k.adjoint[name].value, k, tolerance_of(k, name)):
        yield FACTOR, name, "-" if text == "-1 * " else text


def _transposed(v: np.ndarray, k: Known, name: str) -> Iterator[tuple[str, str, str]]:
    a = k.adjoint[name].value
    if a.ndim >= 2 and a.T.shape == v.shape and a.shape != (1, 1):
        if close(a.T, v, tolerance_of(k, name)):
            yield TRANSPOSED, name, ""
        for text in _times(v, a.T, k, tolerance_of(k, name)):
            yield FACTOR, name, f"{text}the transpose of "


def _lacking_factor(v: np.ndarray, k: Known, name: str) -> Iterator[tuple[str, str, str]]:
    a0, v0 = squeezed(k.adjoint[name].value), squeezed(v)
    if a0.shape != v0.shape or not a0.ndim or not np.any(a0):
        return
    for t, f in k.forward.items():
        for how, fun in SHAPES.items():
            w = _spread(fun, f, a0, v0)
            if w is None:
                continue
            ratio = ratio_of(a0, w)
            if ratio and close(ratio * w, a0, tolerance_of(k, name)):
                if abs(ratio - 1) < 1e-7:
                    yield LACKS, name, f"the factor {how.format(t)}"
                for text in numbers_near(ratio, k.scalars, tolerance_of(k, name)):
                    yield LACKS, name, f"the factor {text} * {how.format(t)}"


def _spread(fun: Callable, f: np.ndarray, a0: np.ndarray, v0: np.ndarray) -> np.ndarray | None:
    """v times a factor along all axes or the last; None where that is no candidate."""
    f0 = squeezed(np.asarray(f, float))
    if not f0.ndim or not (f0.shape == a0.shape or f0.shape == a0.shape[-1:]):
        return None
    w = v0 * fun(f0)
    return w if np.all(np.isfinite(w)) and np.any(w) and not np.array_equal(w, v0) else None


def _lacking_term(v: np.ndarray, k: Known, name: str) -> Iterator[tuple[str, str, str]]:
    a0, v0 = squeezed(k.adjoint[name].value), squeezed(v)
    if a0.shape != v0.shape or not a0.ndim:
        return
    rest = a0 - v0
    if float(np.max(np.abs(rest))) < 1e-4 * float(np.max(np.abs(a0))):
        return
    terms = [(t, squeezed(f)) for t, f in k.forward.items()]
    terms += [(f"the part by {way}", squeezed(p)) for (n, way), p in k.parts.items() if n == name]
    for t, f0 in terms:
        if f0.shape != a0.shape or not np.any(f0):
            continue
        ratio = ratio_of(rest, f0)
        if ratio and close(ratio * f0, rest, 1e-6):
            if abs(ratio - 1) < 1e-6:
                yield LACKS, name, f"the term {t}"
            for text in numbers_near(ratio, k.scalars, 1e-6):
                yield LACKS, name, f"the term {t if text == '1' else text + ' * ' + t}"
