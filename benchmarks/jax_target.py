"""The jax target: loss and gradients of examples/models beside jax.grad of the same loss, both under jit, and beside the NumPy target.

    python benchmarks/jax_target.py [--models lstm,convolution]

Every axis is as long as below, in float64 on one thread; results are compared first. Ratios are medians of those of each round.
"""

import argparse
import importlib.util
import os
import sys
from pathlib import Path

import harness

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "models"
SIZES = {"n": 256, "d": 32, "h": 64, "c": 10, "m": 200, "b": 8, "t": 32, "f": 32, "e": 16, "z": 8, "u": 32, "i": 32, "k": 8, "g": 16}


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(sorted(p.stem for p in FOLDER.glob("*.py"))))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--budget", type=float, default=0.1, help="seconds for each in a round")
    return parser.parse_args()


ASKED = arguments()
harness.fix_threads(1)
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax  # noqa: E402 - may be imported only now, when the number of threads is set
import numpy as np  # noqa: E402

import symbackprop as sbp  # noqa: E402

jax.config.update("jax_enable_x64", True)


def model(name: str):
    """The model of a file."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.model


def drawn(program) -> dict[str, np.ndarray]:
    """Arrays for the leaves, true to what is declared."""
    draw, arrays = np.random.default_rng(0), {}
    for t in program.leaves:
        shape = tuple(int(a) if a.is_Integer else SIZES[str(a)] for a in t.axes)
        kinds = {f.kind for f in t.facts}
        made = draw.standard_normal(shape) / (4 if t.role == "parameter" else 1)
        if kinds & {"simplex", "one-hot"}:
            made = np.eye(shape[-1])[draw.integers(0, shape[-1], shape[0])]
        elif "positive" in kinds:
            made = draw.uniform(0.5, 2, shape)
        elif "symmetric" in kinds:
            made = np.triu(draw.integers(0, 2, shape), 1).astype(float)
            made = made + made.T
        elif t.name == "mask":
            made = np.where(np.tri(*shape) > 0, 0.0, -1e9)
        arrays[t.name] = made
    return arrays


def main() -> int:
    """Time all models; 1 where results differ."""
    rows, wrong = [], 0
    for name in ASKED.models.split(","):
        derivation = sbp.derive(model(name))
        numpy, made = (sbp.generate(derivation, target).load() for target in ("numpy", "jax"))
        arrays = drawn(derivation.program)
        params = numpy.Parameters(*[arrays.pop(field) for field in numpy.Parameters._fields])
        held = jax.tree.map(jax.numpy.asarray, (made.Parameters(*params), arrays))
        ours = jax.jit(lambda p, data, f=made: harness.hot(f.loss_and_gradients)(p, **data))
        theirs = jax.jit(lambda p, data, f=made: jax.value_and_grad(harness.hot(f.loss))(p, **data))
        slopes = zip(ours(*held)[1], numpy.gradients(params, **arrays), theirs(*held)[1], strict=True)
        off = max(np.max(np.abs(a - x)) / (1e-300 + np.max(np.abs(x))) for a, b, c in slopes for x in (b, c))
        wrong += not off < 1e-8
        hot = harness.hot(numpy.loss_and_gradients)
        calls = {
            "jax": lambda f=ours, h=held: jax.block_until_ready(f(*h)),
            "grad": lambda f=theirs, h=held: jax.block_until_ready(f(*h)),
            "numpy": lambda f=hot, p=params, a=arrays: f(p, **a),
        }
        times = harness.interleaved(calls, ASKED.rounds, ASKED.budget)
        beside = [f"{harness.ratio(times['jax'], times[other]):.2f}" for other in ("grad", "numpy")]
        rows.append([name, harness.duration(sorted(times["jax"])[ASKED.rounds // 2]), *beside, f"{off:.0e}"])
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(harness.markdown(["model", "jax target", "/ jax.grad", "/ NumPy target", "largest difference"], rows))
    print(f"\n{harness.machine()}; 1 thread, {ASKED.rounds} rounds.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
