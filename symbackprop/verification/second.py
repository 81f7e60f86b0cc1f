"""Verdicts on results that belong together (products, curvature, per-sample gradients) and on what a module offers beyond the gradient."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType

import numpy as np
from sympy import Expr

from symbackprop.calculus.program import Fact, Program, Tensor
from symbackprop.derivation.curvature import Split, blocks, split
from symbackprop.derivation.reverse import Derived
from symbackprop.derivation.second import Products
from symbackprop.verification.claims.claims import fact_text
from symbackprop.verification.generated import call_product, check_function, largest_gap
from symbackprop.verification.oracle.literal import Arrays, evaluate, sizes_text
from symbackprop.verification.oracles import Curved, Oracle, Sizes
from symbackprop.verification.points.draws import UNIT
from symbackprop.verification.points.points import Point, Points, own, plain
from symbackprop.verification.verdict import Counterexample, Verdict, guarded

POINTS = 8
"""Random points that are tried at each choice of sizes for some whose steps cross no kink."""
ENOUGH = (2, 1, 1)
"""How many of these are compared, at the first sizes and the others."""


def check_result(derived: Derived, name: str, tensor: str, oracle: Oracle, what: str, code: Callable, seed: int = 0) -> list[Verdict]:
    """A verdict for the result `name`, a tensor of the derivation's program, against `oracle`, and for its `code` in each dtype."""
    subject = f"{what}: {name}"
    first = guarded(subject, partial(_check, derived.program, name, tensor, oracle, subject, seed))
    conditions = [fact_text(f, derived.program) for f in facts_behind(derived, tensor)]
    return [first.under(conditions), *check_function(derived.program, tensor, code, seed)]


def facts_behind(derived: Derived, name: str) -> list[Fact]:
    """The declared facts that fired in the derivative `name` or in one that it is computed from."""
    return sorted(set(derived.facts_behind.get(name, ())) & set(derived.program.facts), key=str)


def _check(whole: Program, name: str, tensor: str, oracle: Oracle, subject: str, seed: int) -> Verdict:
    program = whole.needed([tensor])

    def values(arrays: Arrays, sizes: Sizes) -> Arrays:
        return {name: evaluate(program, {n: a for n, a in arrays.items() if n in program.tensors}, sizes)[tensor]}

    return _against(whole, subject, oracle, values, seed)


def _against(program: Program, subject: str, oracle: Oracle, values: Callable[[Arrays, Sizes], Arrays], seed: int) -> Verdict:
    """A verdict on `values` of arrays of the program's leaves, against `oracle`, at points whose steps cross no kink."""
    worst, skipped, where = 0.0, 0, []
    chooser = Points(program, own(program), seed)
    for enough, sizes in zip(ENOUGH, list(dict.fromkeys(tuple(p.sizes.items()) for p in chooser)), strict=False):
        taken = 0
        for point in chooser.at(dict(sizes), [(UNIT, k) for k in range(POINTS)]):
            expected = oracle(point.arrays, point.sizes)
            if expected is None:
                skipped += 1
                continue
            for name, found in values(point.arrays, point.sizes).items():
                value, tolerance = expected[name]
                part = f"the part of {name} " if len(expected) > 1 else ""
                if found.shape != value.shape:
                    return Verdict("wrong", subject, f"{part}has the shape {found.shape}, not {value.shape}")
                place, gap, _ = largest_gap(found, value)
                if not gap <= tolerance + 1e-6 * np.abs(value).max(initial=0):
                    example = _example(point.sizes, place, found, value)
                    return Verdict("wrong", subject, f"{part}differs from the model by {gap:.3g}", counterexample=example)
                worst = max(worst, gap)
            taken += 1
            if taken == enough:
                where.append(sizes_text(point.sizes))
                break
    details = (f"{skipped} points lay too near to a kink and were skipped",) if skipped else ()
    if not where:
        return Verdict("unknown", subject, "every step crossed a kink", details=details)
    return Verdict("holds", subject, f"against differences of the model, largest gap {worst:.1g}, at {'; '.join(where)}", details=details)


def _example(sizes: Mapping[Expr, int], place: tuple[int, ...], left: np.ndarray, right: np.ndarray) -> Counterexample:
    return Counterexample({str(a): k for a, k in sizes.items()}, {}, place, f"{left[place]:.9g}", f"{right[place]:.9g}")


def check_curvature(model: Split, products: Products, seed: int = 0) -> Verdict:
    """Whether the blocks of a curvature matrix, times a vector, are the products that were derived by themselves."""
    subject = "blocks times a vector are the products"
    names = list(products.results)
    made = blocks(model, names)

    def compare() -> Verdict:
        points = plain(products.derived.program, seed)
        wrong = next((found for found in map(at, points) if found is not None), None)
        if wrong is not None:
            return wrong
        if not points:
            return Verdict("unknown", subject, "no point was found where the model has a value")
        return Verdict("holds", subject, f"to 1e-9 at {'; '.join(dict.fromkeys(sizes_text(p.sizes) for p in points))}")

    def at(point: Point) -> Verdict | None:
        whole, arrays, sizes = products.derived.program, point.arrays, point.sizes
        leaves = {t.name: arrays[t.name] for t in made.derived.program.leaves if t.name in arrays}
        held = evaluate(made.derived.program.needed(made.blocks.values()), leaves, sizes)
        expected = evaluate(whole.needed(products.results.values()), arrays, sizes)
        for a in names:
            value = expected[products.results[a]]
            total = np.zeros(value.shape)
            for b in names:
                v = arrays[products.directions[b]]
                if (a, b) in made.blocks:
                    total = total + np.tensordot(held[made.blocks[a, b]], v, v.ndim)
                else:
                    total = total + np.tensordot(v, held[made.blocks[b, a]], v.ndim)
            place, gap, scale = largest_gap(total, value)
            if not gap <= 1e-9 * scale:
                example = _example(sizes, place, total, value)
                return Verdict("wrong", subject, f"they differ for {a} by {gap:.3g}", counterexample=example)
        return None

    return guarded(subject, compare)


def check_gauss_newton(derived: Derived, module: ModuleType, seed: int = 0) -> list[Verdict]:
    """Whether `gauss_newton_vector_product` of a module is that product, by differences of the model."""
    subject, program = "gauss_newton_vector_product()", derived.program
    directions = {n: program.fresh_name(f"v_{n}") for n in derived.wrt}
    vectors = [Tensor(d, program.tensors[n].axes, role="direction") for n, d in directions.items()]

    def values(arrays: Arrays, sizes: Sizes) -> Arrays:
        return call_product(module, "gauss_newton_vector_product", program, arrays, {n: arrays[d] for n, d in directions.items()})

    def run() -> Verdict:
        oracle = Curved(split(program, None, derived.wrt), derived.wrt, directions)
        return _against(program.with_leaves(vectors), subject, oracle, values, seed)

    return [guarded(subject, run)]


def check_extras(module: ModuleType, functions: Sequence[str], seed: int = 0) -> list[Verdict]:
    """A verdict for what a module offers beyond the gradient: its own self_check, which compares with differences, at several seeds."""
    subject = f"self_check() of {', '.join(functions)}"

    def run() -> Verdict:
        for s in (seed, seed + 1, seed + 2):
            try:
                module.self_check(s)
            except AssertionError as e:
                return Verdict("wrong", subject, str(e))
        return Verdict("holds", subject, "against differences of the module's own gradients and output, at three random points")

    return [guarded(subject, run)]
