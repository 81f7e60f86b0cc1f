"""What the tool itself costs: start, the two-layer network, depth, sizes of axes; and the naive way, for scale.

    python benchmarks/derive.py               prints the table
    python benchmarks/derive.py --write       and puts it into docs/performance.md
    python benchmarks/derive.py --hessian     also times the scalar Hessian with SymPy (most of a minute)

Each figure is the median over fresh processes, which take turns, in seconds of CPU; nothing is warm but the file system.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import harness
from layers import LAYERS

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
MODELS = HERE.parent / "examples" / "models"
IDENTITIES = HERE.parent / "tests" / "data" / "identities.json"
DEPTHS = [5, 10, 20, 40, 80]
SMALL, LARGE = [4, 5, 3], [4096, 8192, 1000]

START = {
    "Python itself": ["-c", "pass"],
    "import symbackprop": ["-c", "import symbackprop"],
    "symbackprop --help": ["-m", "symbackprop", "--help"],
}

DERIVATION = """
import json, sys, time
import networks
import symbackprop as sbp
sbp.derive, sbp.generate
dims, write = json.loads(sys.argv[1])
start = time.process_time()
d = sbp.derive(sbp.model(**networks.network(dims)))
derived = time.process_time()
if write:
    d.markdown(), d.html(), d.tex()
written = time.process_time()
sbp.generate(d).source
print(json.dumps([derived - start, written - derived, time.process_time() - written]))
"""

SECOND = """
import json, sys, time
import networks
import symbackprop as sbp
sbp.derive, sbp.generate
what, dims = json.loads(sys.argv[1])
start = time.process_time()
d = sbp.derive(sbp.model(**networks.network(dims)))
if what == "blocks":
    names = d.wrt
    for k, a in enumerate(names):
        for b in names[k:]:
            d.hessian(a, b).latex()
else:
    d.hessian_vector_product()
    sbp.generate(d, also=[what]).source
print(time.process_time() - start)
"""

MODEL = """
import importlib.util, json, sys, time
import symbackprop as sbp
sbp.derive, sbp.generate
folder, name, steps = json.loads(sys.argv[1])
spec = importlib.util.spec_from_file_location(name, f"{folder}/{name}.py")
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)
start = time.process_time()
model = sbp.trace(example.unrolled(steps), parameters=example.PARAMETERS, output="out", samples="n") if steps else example.model
sbp.generate(sbp.derive(model)).source
print(time.process_time() - start)
"""

VERIFICATION = """
import json, sys, time
import layers, networks
import symbackprop as sbp
sbp.derive, sbp.verify
what = json.loads(sys.argv[1])
d = sbp.derive(sbp.model(**(layers.LAYERS[what] if isinstance(what, str) else networks.network(what))))
start = time.process_time()
sbp.verify(d)
print(time.process_time() - start)
"""

EXPRESSIONS = """
import json, sys, time
import symbackprop as sbp
sbp.derivative("sum(x)", {"x": "n"}, "x").numpy
taken = []
for text, shapes, wrt in json.loads(sys.argv[1]):
    start = time.process_time()
    result = sbp.derivative(text, shapes, wrt, order=len(wrt))
    derived = time.process_time()
    result.latex("best"), result.latex("index"), result.numpy
    taken.append((derived - start, time.process_time() - start))
print(json.dumps(taken))
"""

SCALAR = """
import sys, time
import sympy as sp
start = time.process_time()
d, h, c = 4, 5, 3
x, y = sp.symbols(f"x:{d}"), sp.symbols(f"y:{c}")
W1, b1 = sp.Matrix(h, d, sp.symbols(f"u:{h * d}")), sp.Matrix(sp.symbols(f"a:{h}"))
W2, b2 = sp.Matrix(c, h, sp.symbols(f"w:{c * h}")), sp.Matrix(sp.symbols(f"b:{c}"))
hidden = (W1 * sp.Matrix(x) + b1).applyfunc(lambda t: sp.Max(t, 0))
logits = W2 * hidden + b2
exponentials = logits.applyfunc(sp.exp)
J = -sum(y[k] * sp.log(exponentials[k] / sum(exponentials)) for k in range(c))
parameters = [*W1, *b1, *W2, *b2]
gradient = [J.diff(p) for p in parameters]
if sys.argv[1] == "hessian":
    hessian = [[g.diff(q) for q in parameters[k:]] for k, g in enumerate(gradient)]
print(time.process_time() - start)
"""


def processor_time(arguments: list[str]) -> float:
    """Seconds of CPU of a fresh Python process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_rows(rounds: int) -> list[list[str]]:
    """CPU beyond Python's own start, the differences taken round by round."""
    times: dict[str, list[float]] = {name: [] for name in START}
    for _ in range(rounds + 1):
        for name, arguments in START.items():
            times[name].append(processor_time(arguments))
    own = times.pop("Python itself")
    # The first round fills the caches: of compiled modules, of the file system.
    extra = {name: statistics.median(a - b for a, b in zip(ts[1:], own[1:], strict=True)) for name, ts in times.items()}
    goals = {"import symbackprop": "0.7 s", "symbackprop --help": "0.5 s"}
    return [[f"`{name}`, CPU beyond Python's own", harness.duration(seconds), goals[name]] for name, seconds in extra.items()]


def output(script: str, argument: str) -> str:
    """What a fresh process prints that runs `script`."""
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run([sys.executable, "-c", script, argument], check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout


def stages(dims: list[int], write: bool = True) -> list[float]:
    """Seconds of deriving, of writing all three pages, and of generating."""
    return json.loads(output(DERIVATION, json.dumps([dims, write])))


def derivation_rows(rounds: int) -> list[list[str]]:
    """The two-layer network, and the same with large axes, in turns."""
    small, large = [], []
    for _ in range(rounds):
        small.append(stages(SMALL))
        large.append(stages(LARGE))
    parts = [statistics.median(column) for column in zip(*small, strict=True)]
    total = statistics.median(map(sum, small))
    ratio = statistics.median(sum(a) / sum(b) for a, b in zip(large, small, strict=True))
    said = ", ".join(f"{harness.duration(s)} {w}" for s, w in zip(parts, ("derive", "write", "generate"), strict=True))
    return [
        [f"two layers, derived, written, generated ({said})", harness.duration(total), "1.5 s"],
        [f"the same with axes of {', '.join(map(str, LARGE))}, against {', '.join(map(str, SMALL))}", f"x {ratio:.2f}", "x 1"],
    ]


def depth_rows(rounds: int) -> list[list[str]]:
    """Derive and generate at growing depth."""
    rows, previous = [], []
    for depth in DEPTHS:
        found = []
        for _ in range(rounds if depth < 40 else max(1, rounds // 2)):
            derived, _, generated = stages([7] * depth + [3], write=False)
            found.append(derived + generated)
        goal = "10 s" if depth == 80 else ""
        if previous:
            growth = statistics.median(found) / statistics.median(previous)
            rows.append(
                [f"{depth} layers, derived and generated", f"{harness.duration(statistics.median(found))}, x {growth:.2f}", goal or "x 2.3"]
            )
        else:
            rows.append([f"{depth} layers, derived and generated", harness.duration(statistics.median(found)), goal])
        previous = found
    rows[-1][2] = "10 s, x 2.3"
    return rows


def second_rows(rounds: int) -> list[list[str]]:
    """All blocks of the Hessian of two layers, derived and in LaTeX; products with it, derived and generated, at growing depth."""

    def taken(what: str, dims: list[int]) -> float:
        return statistics.median(float(output(SECOND, json.dumps([what, dims]))) for _ in range(max(1, rounds // 2)))

    rows = [["all blocks of the Hessian of two layers, derived, in LaTeX", harness.duration(taken("blocks", SMALL)), "3 s"]]
    times = {depth: taken("hvp", [7] * depth + [3]) for depth in (5, 10, 20, 40)}
    for depth, seconds in times.items():
        grown = f", x {seconds / times[depth // 2]:.2f}" if depth // 2 in times else ""
        goals = [goal for goal in ("10 s" if depth == 20 else "", "x 2.3" if grown else "") if goal]
        rows.append(
            [f"{depth} layers, Hessian-vector product, derived and generated", f"{harness.duration(seconds)}{grown}", ", ".join(goals)]
        )
    return rows


def model_rows(rounds: int) -> list[list[str]]:
    """Derive and generate models of examples/: the transformer block, and an LSTM of some length and of ten times that."""
    made = {
        (name, steps): statistics.median(float(output(MODEL, json.dumps([str(MODELS), name, steps]))) for _ in range(max(1, rounds // 2)))
        for name, steps in (("transformer_block", 0), ("lstm", 5), ("lstm", 50))
    }
    block, short, long = made.values()
    return [
        ["the transformer block of examples/, all parameters, derived and generated", harness.duration(block), "10 s"],
        ["the LSTM of examples/ over 5 steps", harness.duration(short), "10 s"],
        ["over 50 steps", f"{harness.duration(long)}, x {long / short:.1f}", "x 10"],
    ]


def verify_rows(rounds: int) -> list[list[str]]:
    """Verify one layer of each kind with its generated code, and networks of growing depth."""

    def taken(what: str | list[int]) -> float:
        return statistics.median(float(output(VERIFICATION, json.dumps(what))) for _ in range(max(1, rounds // 2)))

    rows = [[f"{name}, verified", harness.duration(taken(name)), "5 s"] for name in LAYERS]
    return rows + [[f"{depth} layers, verified", harness.duration(taken([7] * depth + [3])), "10 s"] for depth in (10, 20, 40)]


def expressions() -> tuple[str, list]:
    """What is asked for, and (text, shapes, wrt) of each: published identities where their data lies here, else an example of each op."""
    if IDENTITIES.exists():
        cases = json.loads(IDENTITIES.read_text(encoding="utf-8"))
        asked = [(c["expr"], {k: " ".join(v["shape"]) for k, v in c["inputs"].items()}, (c["wrt"] * 2)[: c["order"]]) for c in cases]
        return f"{len(asked)} published identities", asked
    from symbackprop.ops import OPS
    from symbackprop.ops.examples import example

    shown = [example(op) for name, op in OPS.items() if op.name == name]
    return f"{len(shown)} expressions, an example of each op", [(e.text, e.shapes, [next(iter(e.shapes))]) for e in shown]


def expression_rows() -> list[list[str]]:
    """Median and largest over many expressions: to derive, and with LaTeX in both forms and NumPy."""
    what, asked = expressions()
    derived, whole = zip(*json.loads(output(EXPRESSIONS, json.dumps(asked))), strict=True)
    return [
        [
            f"{what}: derived, median (largest)",
            f"{harness.duration(statistics.median(derived))} ({harness.duration(max(derived))})",
            "0.2 s",
        ],
        ["with LaTeX and NumPy", f"{harness.duration(statistics.median(whole))} ({harness.duration(max(whole))})", "(5 s)"],
    ]


def scalar_rows(hessian: bool) -> list[list[str]]:
    """Every entry written out in scalars and differentiated by SymPy, at 4-5-3, one sample."""
    wanted = ["gradient", "hessian"] if hessian else ["gradient"]
    return [[f"for scale: scalar {what} by SymPy, 4-5-3", harness.duration(float(output(SCALAR, what))), ""] for what in wanted]


def main() -> int:
    """Time everything, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hessian", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    asked = parser.parse_args()
    rows = [*start_rows(asked.rounds), *derivation_rows(asked.rounds), *depth_rows(asked.rounds), *model_rows(asked.rounds)]
    rows += [*verify_rows(asked.rounds), *second_rows(asked.rounds), *expression_rows(), *scalar_rows(asked.hessian)]
    text = f"{harness.markdown(['what', 'measured', 'goal'], rows)}\n\n{harness.machine()}."
    print(text)
    if asked.write:
        harness.replace_section(PAGE, "derive", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
