"""Derivatives of expressions beside careful hand-written NumPy: time and peak memory, at two sizes.

    python benchmarks/expressions.py                     prints the table
    python benchmarks/expressions.py --only kron         rows whose expression has this in it
    python benchmarks/expressions.py --check             values alone, at small sizes
    python benchmarks/expressions.py --write             and puts the table into docs/performance.md

The rows are those of expression_cases.py and expression_models.py. At the second size what grows is twice as long: where the ratio of
times is over GROWS times that at the first, the generated code grows faster than the one by hand. All values are compared first.
"""

import argparse
import re
import sys
import tracemalloc
from pathlib import Path

import harness

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
OVERHEAD = 2**16
"""Bytes that either side may take without being compared."""
GROWS = 1.5


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of the expressions")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=0.01, help="seconds for each side in a round")
    parser.add_argument("--check", action="store_true", help="compare values at small sizes, and time nothing")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


ASKED = arguments()
harness.fix_threads(1)

import numpy as np  # noqa: E402 - NumPy may be imported only now, when the number of threads is set
from expression_cases import ALGEBRA  # noqa: E402
from expression_models import MODELS  # noqa: E402
from expression_row import GROWING, SIZES, Case  # noqa: E402

import symbackprop as sbp  # noqa: E402

Words = dict[str, tuple[list[str], str]]


def words(case: Case) -> Words:
    """Of each tensor its axes, and how it is drawn."""
    found = {}
    for part in case.shapes.split("; "):
        name, _, rest = part.partition(":")
        axes = rest.split()
        drawn = axes.pop() if axes and (axes[-1] in ("+", "spd", "regular") or axes[-1][0] == "<") else ""
        found[name] = (axes, drawn)
    return found


def source_of(case: Case) -> str:
    """What symbackprop writes for a row."""
    shapes = {n: " ".join(axes) for n, (axes, _) in words(case).items()}
    facts = {n: "symmetric" if how == "spd" else "positive" for n, (_, how) in words(case).items() if how in ("spd", "+")}
    places = {n for n, (_, how) in words(case).items() if how[:1] == "<"}
    if places:  # of an expression every tensor is an array of real numbers
        roles = {n: "index" if n in places else "parameter" if n == case.wrt else "input" for n in shapes}
        tensors = {n: {"axes": shape, "role": roles[n]} for n, shape in shapes.items()}
        result = sbp.derive(sbp.model(tensors, {"J": case.text})).gradient(case.wrt)
    else:
        result = sbp.derivative(case.text, shapes, case.wrt, order=case.order, facts=facts)
    return result.numpy


def generated(case: Case):
    """The function that symbackprop writes for a row."""
    source, scope = source_of(case), {}
    exec(source, scope)
    return scope[re.findall(r"^def ([a-z]\w*)", source, re.MULTILINE)[-1]]


def size_of(axis: str, case: Case, scale: float) -> int:
    """How long an axis is; that of a product of two is named by both letters."""
    sizes = {**SIZES, **case.sizes}
    return int(np.prod([max(4, int(sizes[a] * scale)) if a in GROWING or scale < 1 else sizes[a] for a in axis.split("*")]))


def data(case: Case, scale: float) -> dict[str, np.ndarray]:
    """Arrays for the tensors of a row, at its sizes times `scale`: all of them where that is below 1, else those that grow."""
    draw, made = np.random.default_rng(0), {}
    for name, (axes, how) in words(case).items():
        shape = tuple(size_of(a, case, scale) for a in axes)
        x = draw.standard_normal(shape) / np.sqrt(shape[-1] if len(shape) > 1 else 1)
        if how == "+":
            x = np.abs(x) + 0.5
        elif how == "spd":
            x = x @ x.T + np.eye(len(x))
        elif how == "regular":
            x = x + 3 * np.eye(len(x))
        elif how:
            x = draw.integers(0, size_of(how[1:], case, scale), shape)
        made[name] = x
    return made


def calls(case: Case, scale: float):
    """Both sides as calls without arguments, compared."""
    function, arrays = generated(case), data(case, scale)
    sides = []
    for side in (function, case.hand):
        names = side.__code__.co_varnames[: side.__code__.co_argcount + side.__code__.co_kwonlyargcount]
        held = {n: arrays[n] for n in names if n in arrays}
        sizes = {n: size_of(n, case, scale) for n in names if n not in arrays}
        by_name = bool(side.__code__.co_kwonlyargcount)
        sides.append(
            (lambda s, h: lambda: s(**h))(side, {**held, **sizes}) if by_name else (lambda s, h: lambda: s(*h))(side, list(held.values()))
        )
    one, two = (np.asarray(side()) for side in sides)
    if one.shape != two.shape or not np.allclose(one, two, rtol=1e-7, atol=1e-9 * max(1.0, float(np.abs(two).max()))):
        raise AssertionError(f"{case.text} by {case.wrt}: the two sides differ")
    return sides


def peak(call) -> int:
    """The most bytes that a call holds at a time."""
    tracemalloc.start()
    kept = call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return most


def row(case: Case) -> tuple[float, float, float]:
    """Ratios of time at the first and the second size, and of peak memory at the second."""
    times = []
    for scale in (1, 2):
        mine, hand = calls(case, scale)
        found = harness.interleaved({"generated": mine, "hand": hand}, ASKED.rounds, ASKED.budget)
        times.append(harness.ratio(found["generated"], found["hand"]))
    return times[0], times[1], (peak(mine) + OVERHEAD) / (peak(hand) + OVERHEAD)


def main() -> int:
    """Measure, print the table and what its columns come to."""
    chosen = [c for c in (*ALGEBRA, *MODELS) if ASKED.only in c.text]
    if ASKED.check:
        for case in chosen:
            calls(case, 0.1)
        print(f"{len(chosen)} values agree")
        return 0
    rows, found, wrong = [], [], 0
    for case in chosen:
        try:
            one, two, memory = row(case)
        except (AssertionError, sbp.SymbackpropError, MemoryError) as why:
            print(f"{case.text} by {case.wrt}: {why}", file=sys.stderr)
            wrong += 1
            continue
        found.append((one, two, memory))
        name = f"`{case.text}` ({case.wrt}{', second' if case.order == 2 else ''})"
        rows.append([name, f"{one:.2f}", f"{two:.2f}", f"{memory:.2f}"])
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    worst = [max(one, two) for one, two, _ in found]
    said = (
        f"{len(found)} derivatives: at most 1.3 times the time by hand in {np.mean(np.array(worst) <= 1.3):.0%}, at most 1.6 times in "
        f"{np.mean(np.array(worst) <= 1.6):.0%}, at most twice the memory in {np.mean([m <= 2 for _, _, m in found]):.0%}; "
        f"{sum(two > GROWS * one for one, two, _ in found)} grow faster."
    )
    text = "\n\n".join([harness.markdown(["derivative", "time", "at twice the size", "memory"], rows), said, f"{harness.machine()}."])
    print(text)
    if ASKED.write:
        harness.replace_section(PAGE, "expressions", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
