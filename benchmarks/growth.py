"""How the tool's own time grows with what is derived, and what stays in memory.

    python benchmarks/growth.py               prints the tables
    python benchmarks/growth.py --write       and puts them into docs/performance.md

Each family is one expression of k parts, at k = 4, 8, 16, 32: derived, its NumPy and its LaTeX in both forms. A page of second order holds
all blocks of a Hessian. Only ratios say something: x 2 is linear growth, x 4 quadratic, x 8 cubic. Each figure is from fresh processes.
"""

import argparse
import json
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import harness

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
MODELS = PAGE.parent.parent / "examples" / "models"
SIZES = (4, 8, 16, 32)


def vectors(k: int) -> dict[str, str]:
    """The shapes of k vectors."""
    return {f"x{i}": "n" for i in range(k)}


def folded(first: str, step: str, k: int) -> str:
    """`step` applied k - 1 times to `first`; {e} is what it is applied to, {i} counts."""
    e = first
    for i in range(1, k):
        e = step.format(e=e, i=i)
    return e


FAMILIES = {
    "log of a sum of exponentials": lambda k: (f"sum(log({' + '.join(f'exp({x})' for x in vectors(k))}))", vectors(k), "x0"),
    "nested maxima": lambda k: (f"sum({folded('x0', 'maximum({e}, x{i})', k)})", vectors(k), "x0"),
    "product of sums": lambda k: (" * ".join(f"sum({x})" for x in vectors(k)), vectors(k), "x0"),
    "continued fraction": lambda k: (f"sum({folded('x0', 'x{i} / (1 + {e})', k)})", vectors(k), "x0"),
    "A ... A x, by x": lambda k: (f"sum(({folded('A @ x', 'A @ ({e})', k)})**2)", {"A": "n n", "x": "n"}, "x"),
    "A ... A x, by A": lambda k: (f"sum(({folded('A @ x', 'A @ ({e})', k)})**2)", {"A": "n n", "x": "n"}, "A"),
    "matrix_power(A, k)": lambda k: (f"sum(matrix_power(A, {k}))", {"A": "n n"}, "A"),
    "nested tanh(A h)": lambda k: (f"sum({folded('tanh(A @ x)', 'tanh(A @ {e})', k)})", {"A": "n n", "x": "n"}, "x"),
    "nested log(1 + h^2)": lambda k: (f"sum({folded('log(1 + x**2)', 'log(1 + ({e})**2)', k)})", {"x": "n"}, "x"),
}
"""What is derived -> text, shapes, and by which tensor, for k parts."""

STAGES = ("derive", "NumPy", "index form", "matrix form")
LIMIT = 60
"""Seconds after which a size is left out."""

GROWTH = """
import json, sys, time
import symbackprop as sbp
warm = sbp.derivative("sum(x**2)", {"x": "n"}, "x")
warm.numpy, warm.latex("index"), warm.latex("best")
text, shapes, wrt = json.loads(sys.argv[1])
times = [time.process_time()]
made = sbp.derivative(text, shapes, wrt)
times.append(time.process_time())
for stage in (lambda: made.numpy, lambda: made.latex("index"), lambda: made.latex("best")):
    stage()
    times.append(time.process_time())
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
"""

SECOND = """
import importlib.util, json, sys, time
import symbackprop as sbp
from symbackprop.emit import document_text
name, path = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location(name, path)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)
start = time.process_time()
document_text(sbp.derive(example.model).document("both", "en", ["hessian"]), "markdown")
print(json.dumps(time.process_time() - start))
"""

MEMORY = """
import gc, json, sys
import symbackprop as sbp

def pages():
    with open("/proc/self/statm") as held:
        return int(held.read().split()[1])

def derived(number):
    made = sbp.derivative(f"sum(log({number} + exp(A @ x - b)))", {"A": "m n", "x": "n", "b": "m"}, "x")
    made.numpy, made.latex("index"), made.latex("best")

kept = []
for k in range(601):
    derived(k + 1 if json.loads(sys.argv[1]) else 1)
    if k % 200 == 0:
        gc.collect()
        kept.append(4 * pages())
print(json.dumps([(b - a) / 200 for a, b in zip(kept, kept[1:])]))
"""


def found(script: str, argument: object) -> list:
    """What a fresh process prints that runs `script`. Raises TimeoutExpired past the limit."""
    command = [sys.executable, "-c", script, json.dumps(argument)]
    return json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=10 * LIMIT).stdout)


def family_rows(rounds: int) -> list[list[str]]:
    """Of each family the time at each size against that at half the size, and the largest share of the last."""
    rows = []
    for name, of in FAMILIES.items():
        taken = []
        for k in SIZES:
            runs = [found(GROWTH, of(k)) for _ in range(rounds)]
            taken.append([statistics.median(column) for column in zip(*runs, strict=True)])
            if sum(taken[-1]) > LIMIT:
                break
        ratios = [f"x {sum(b) / sum(a):.1f}" for a, b in pairwise(taken)]
        ratios += ["-"] * (len(SIZES) - 1 - len(ratios))
        slowest = STAGES[taken[-1].index(max(taken[-1]))]
        rows.append([name, harness.duration(sum(taken[0])), *ratios, slowest])
    return rows


def second_rows() -> list[list[str]]:
    """Pages of second order of examples/."""
    names = ("logistic_regression", "graph_convolution", "gaussian_process", "convolution_pooled", "convolution")
    times = {name: found(SECOND, [name, str(MODELS / f"{name}.py")]) for name in names}
    first = times[names[0]]
    return [[name.replace("_", " "), harness.duration(seconds), f"{seconds / first:.0f}"] for name, seconds in times.items()]


def memory_rows() -> list[list[str]]:
    """What stays in memory for each derivation, over the first, second and third two hundred."""
    return [
        [what, *[f"{kept:.0f} kB" for kept in found(MEMORY, other)]]
        for what, other in (("the same expression again", False), ("another one each time", True))
    ]


def main() -> int:
    """Measure everything, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    asked = parser.parse_args()
    head = ["what", f"k = {SIZES[0]}", *[f"{a} to {b}" for a, b in pairwise(SIZES)], "most of it"]
    tables = [
        harness.markdown(head, family_rows(asked.rounds)),
        harness.markdown(["page of second order", "scale", "against the first"], second_rows()),
        harness.markdown(["stays in memory for each derivation", "1 to 200", "to 400", "to 600"], memory_rows()),
    ]
    text = "\n\n".join([*tables, f"{harness.machine()}."])
    print(text)
    if asked.write:
        harness.replace_section(PAGE, "growth", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
