"""Loss and gradients: the generated module against the hand-written yardstick, HIPS autograd, JAX and PyTorch.

    python benchmarks/gradient.py --threads 1              prints the table
    python benchmarks/gradient.py --threads 1 --write      and puts it into docs/performance.md

Every peer's result is compared with the yardstick's in float64 before anything is timed; one that differs is not timed.
"""

import argparse
import sys
from pathlib import Path

import harness

GOALS = {"4-5-3": 1.15}
GOAL = 1.05
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, choices=[1, 2])
    parser.add_argument("--dtypes", default="float64,float32")
    parser.add_argument("--networks", default="", help="names, comma between; default: all")
    parser.add_argument("--peers", default="autograd,JAX,PyTorch", help="peers beside the yardstick")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--budget", type=float, default=0.02, help="seconds for each peer in a round")
    parser.add_argument("--write", action="store_true", help="put the table of one thread into docs/performance.md")
    return parser.parse_args()


ASKED = arguments()
harness.fix_threads(ASKED.threads)

import comparison  # noqa: E402 - NumPy may be imported only now, when the number of threads is set
import networks  # noqa: E402
import numpy as np  # noqa: E402
import peers  # noqa: E402
import yardstick  # noqa: E402

import symbackprop as sbp  # noqa: E402


def generated(dims: list[int]):
    """The generated module of a network."""
    return sbp.generate(sbp.derive(sbp.model(**networks.network(dims)))).load()


def tolerance(dims: list[int], dtype: str) -> float:
    """What rounding may do, relative to the norm; in float32 single units of a deep network fall to the other side of a kink."""
    if dtype == "float64":
        return 1e-6
    return 2e-2 if len(dims) > 10 else 2e-4


def contestants(module, X: np.ndarray, Y: np.ndarray, P: list[np.ndarray]) -> dict:
    """Name: the function to time."""
    parameters, call = module.Parameters(*P), harness.hot(module.loss_and_gradients)
    calls = {"np_alloc": yardstick.np_alloc(X, Y, P), "generated": lambda: call(parameters, X, Y)}
    return comparison.installed(calls, peers.PEERS, [n for n in ASKED.peers.split(",") if n], X, Y, P)


def main() -> int:
    """Time all cases; 1 if a goal is missed by more than the noise."""
    wanted = ASKED.networks.split(",") if ASKED.networks else list(networks.NETWORKS)
    names = [n for n in ASKED.peers.split(",") if n]
    rows, missed = [], []
    for title in wanted:
        dims, counts = networks.NETWORKS[title]
        module = generated(dims)
        for samples in counts:
            for dtype in ASKED.dtypes.split(","):
                X, Y, P = networks.data(dims, samples, dtype)
                wide = [np.asarray(a, np.float64) for a in (X, Y, *P)]
                truth = comparison.flat(yardstick.np_alloc(wide[0], wide[1], wide[2:])())
                calls = comparison.agreeing(contestants(module, X, Y, P), truth, tolerance(dims, dtype))
                times = harness.interleaved(calls, ASKED.rounds, ASKED.budget)
                row = comparison.row([title, str(samples), dtype], times, names)
                if "generated" not in times:
                    missed.append(f"{title} n={samples} {dtype}: wrong")
                elif harness.ratio(times["generated"], times["np_alloc"]) > GOALS.get(title, GOAL):
                    missed.append(f"{title} n={samples} {dtype}")
                rows.append(row)
                print(" ".join(row), file=sys.stderr)
    head = ["network", "n", "dtype", "yardstick", "generated / yardstick", *(f"{name} / yardstick" for name in names)]
    table = harness.markdown(head, rows)
    text = f"{table}\n\n{harness.machine()}; {ASKED.threads} thread{'s' if ASKED.threads > 1 else ''}, {ASKED.rounds} rounds."
    print(text)
    if missed:
        print("above the goal: " + "; ".join(missed), file=sys.stderr)
    if ASKED.write and ASKED.threads == 1:
        harness.replace_section(PAGE, f"gradient, threads {ASKED.threads}", text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
