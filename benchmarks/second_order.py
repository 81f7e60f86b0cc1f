"""Second order: dense Hessians, products with the Hessian and Gauss-Newton matrix, per-sample gradients.

    python benchmarks/second_order.py --threads 1              prints the tables
    python benchmarks/second_order.py --threads 1 --write      and puts them into docs/performance.md

The generated functions beside careful hand-written NumPy (benchmarks/yardstick_second.py: `ws` with workspaces that every call overwrites,
`pure` with fresh arrays), jitted JAX and PyTorch (torch.func). Every result is compared with the yardstick's in float64 before it is timed.
"""

import argparse
import itertools
import sys
import tracemalloc
from importlib.util import find_spec
from pathlib import Path

import harness

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, choices=[1, 2])
    parser.add_argument("--dtypes", default="float64,float32")
    parser.add_argument("--only", default="", help="a part of the names of the problems")
    parser.add_argument("--peers", default="JAX,PyTorch", help="peers beside the yardstick; those that are not installed are left out")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, default=0.05, help="seconds for each peer in a round")
    parser.add_argument("--write", action="store_true", help="put the tables of one thread into docs/performance.md")
    asked = parser.parse_args()
    for name in [n for n in MODULES if n in asked.peers and find_spec(MODULES[n]) is None]:
        print(f"{name} is not installed", file=sys.stderr)
        asked.peers = asked.peers.replace(name, "")
    return asked


MODULES = {"JAX": "jax", "PyTorch": "torch"}
"""What each peer is imported as."""
ASKED = arguments()
harness.fix_threads(ASKED.threads)

import networks  # noqa: E402 - NumPy may be imported only now, when the number of threads is set
import numpy as np  # noqa: E402
import peers_second as peers  # noqa: E402
import yardstick_second as yardstick  # noqa: E402

import symbackprop as sbp  # noqa: E402

REGRESSIONS = {
    "logistic": (
        {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
        {"J": "sum(softplus(-y * (X @ w))) / n"},
    ),
    "softmax": (
        {
            "X": {"axes": "n d", "role": "input"},
            "Y": {"axes": "n c", "role": "label", "fact": "simplex over c"},
            "W": {"axes": "d c", "role": "parameter"},
        },
        {"O": "X @ W", "J": "-sum(Y * log_softmax(O, axis=1)) / n"},
    ),
    "quadratic": ({"A": {"axes": "d d", "role": "input"}, "x": {"axes": "d", "role": "parameter"}}, {"J": "x @ A @ x"}),
    "factorisation": (
        {
            "T": {"axes": "m n", "role": "input"},
            "V": {"axes": "n k", "role": "input"},
            "U": {"axes": "m k", "role": "parameter"},
        },
        {"J": "sum((T - U @ V.T)**2)"},
    ),
}
"""Tensors and equations of the problems with one parameter."""

SIZES = [
    ("logistic", {"n": 1000, "d": 50}),
    ("logistic", {"n": 1000, "d": 200}),
    ("logistic", {"n": 1000, "d": 500}),
    ("softmax", {"n": 1000, "d": 50, "c": 10}),
    ("softmax", {"n": 1000, "d": 200, "c": 10}),
    ("quadratic", {"d": 1000}),
    ("quadratic", {"d": 4000}),
    ("factorisation", {"m": 200, "n": 100, "k": 5}),
    ("factorisation", {"m": 400, "n": 200, "k": 5}),
]
NETWORKS = [([4, 5, 3], 32), ([10, 16, 3], 256)]
PRODUCTS = [([64, 128, 10], 256), ([64, 128, 10], 4096), ([784, 512, 256, 10], 1024)]
SLOW_IN_TORCH = 1200
"""Parameters beyond which torch.func takes minutes for a dense Hessian."""


def drawn(kind: str, size: dict[str, int], dtype: str) -> list[np.ndarray]:
    """The parameter and the data of a problem, in the order of peers.loss_of."""
    draw = np.random.default_rng(0)
    n, d = size.get("n", 0), size.get("d", 0)
    if kind == "logistic":
        made = [draw.standard_normal(d) / np.sqrt(d), draw.standard_normal((n, d)), np.sign(draw.standard_normal(n))]
    elif kind == "softmax":
        labels = np.eye(size["c"])[draw.integers(0, size["c"], n)]
        made = [draw.standard_normal((d, size["c"])) / np.sqrt(d), draw.standard_normal((n, d)), labels]
    elif kind == "quadratic":
        made = [draw.standard_normal(d), draw.standard_normal((d, d))]
    else:
        made = [draw.standard_normal((a, b)) for a, b in ((size["m"], size["k"]), (size["m"], n), (n, size["k"]))]
    return [a.astype(dtype) for a in made]


def regression(kind: str, size: dict[str, int], dtype: str) -> dict:
    """The calls of a dense Hessian of one parameter."""
    tensors, equations = REGRESSIONS[kind]
    model = sbp.model(tensors, equations, samples="n" if kind in ("logistic", "softmax") else None)
    module = sbp.generate(sbp.derive(model), also=["hessian"]).load()
    parameter, *data = drawn(kind, size, dtype)
    params, call = module.Parameters(parameter), harness.hot(module.hessian)
    hand = {
        "logistic": lambda: yardstick.logistic(data[0], data[1], parameter),
        "softmax": lambda: yardstick.softmax(data[0], parameter),
        "quadratic": lambda: yardstick.quadratic(data[0]),
        "factorisation": lambda: yardstick.factorisation(parameter, data[1]),
    }[kind]()
    calls = {**hand, "generated": lambda: call(params, *data)}
    if "JAX" in ASKED.peers:
        calls["JAX"] = peers.jax_hessian(kind, parameter, data)
    if "PyTorch" in ASKED.peers and parameter.size <= SLOW_IN_TORCH:
        calls["PyTorch"] = peers.torch_hessian(kind, parameter, data)
    return calls


def network_module(dims: list[int], also: list[str]):
    """The generated module of a network."""
    return sbp.generate(sbp.derive(sbp.model(**networks.network(dims))), also=also).load()


def network_hessian(dims: list[int], samples: int, dtype: str) -> dict:
    """The calls of the dense Hessian of a network."""
    module = network_module(dims, ["hessian"])
    X, Y, P = networks.data(dims, samples, dtype)
    params, call = module.Parameters(*P), harness.hot(module.hessian)
    calls = {**yardstick.two_layers(X, Y, P), "generated": lambda: call(params, X, Y)}
    if "JAX" in ASKED.peers:
        calls["JAX"] = peers.jax_network_hessian(X, Y, P)
    if "PyTorch" in ASKED.peers:
        calls["PyTorch"] = peers.torch_network_hessian(X, Y, P)
    return calls


def products(dims: list[int], samples: int, dtype: str, gauss_newton: bool) -> dict:
    """The calls of products with a vector; `again`: one more product at the same point."""
    module = network_module(dims, ["ggn" if gauss_newton else "hvp"])
    X, Y, P = networks.data(dims, samples, dtype)
    draw = np.random.default_rng(5)
    V = [draw.standard_normal(a.shape).astype(dtype) for a in P]
    params, v = module.Parameters(*P), module.Parameters(*V)
    kind = "gauss_newton" if gauss_newton else "hessian"
    whole, gradients = harness.hot(getattr(module, f"{kind}_vector_product")), harness.hot(module.gradients)
    at_point = getattr(module, f"{kind}_operator")(params, X, Y)
    calls = {**yardstick.products(X, Y, P, V, gauss_newton), "generated": lambda: whole(params, X, Y, v), "again": lambda: at_point(v)}
    calls["gradient"] = lambda: gradients(params, X, Y)
    if "JAX" in ASKED.peers:
        calls["JAX"] = peers.jax_product(X, Y, P, V, gauss_newton)
    if "PyTorch" in ASKED.peers:
        calls["PyTorch"] = peers.torch_product(X, Y, P, V, gauss_newton)
    return calls


def per_sample(dims: list[int], samples: int, dtype: str) -> dict:
    """The calls of per-sample gradients; `norms`: only their norms."""
    module = network_module(dims, ["per-sample"])
    X, Y, P = networks.data(dims, samples, dtype)
    params = module.Parameters(*P)
    each, norms = harness.hot(module.per_sample_gradients), harness.hot(module.per_sample_gradient_norms)
    calls = {**yardstick.per_sample(X, Y, P), "generated": lambda: each(params, X, Y)}
    calls["norms"] = lambda: norms(params, X, Y)
    if "JAX" in ASKED.peers:
        calls["JAX"] = peers.jax_per_sample(X, Y, P)
    if "PyTorch" in ASKED.peers:
        calls["PyTorch"] = peers.torch_per_sample(X, Y, P)
    return calls


def flat(result: object) -> np.ndarray:
    """A result in one vector of float64."""
    parts = result if isinstance(result, list | tuple) else [result]
    return np.concatenate([np.ravel(np.asarray(a, dtype=np.float64)) for a in parts])


def agreeing(calls: dict, truth: np.ndarray, tolerance: float) -> dict:
    """The calls whose result is right, those that give something else too; one that is wrong is left out, and said."""
    kept = {}
    for name, call in calls.items():
        if name not in ("gradient", "norms"):
            gap = np.linalg.norm(flat(call()) - truth) / np.linalg.norm(truth)
            if not gap <= tolerance:
                print(f"{name} is off by {gap:.1e}: not timed", file=sys.stderr)
                continue
        kept[name] = call
    return kept


def timed(title: str, make, dtype: str, columns: list[tuple[str, str]]) -> list[str]:
    """A row: the generated function's time, and ratios (name, base) of medians over rounds."""
    wide = make("float64")
    truth = flat(wide.get("ws", wide.get("pure"))()).copy()
    calls = agreeing(make(dtype), truth, 1e-6 if dtype == "float64" else 5e-3)
    times = harness.interleaved(calls, ASKED.rounds, ASKED.budget)
    cells = [title, dtype, harness.duration(float(np.median(times["generated"]))) if "generated" in times else "wrong"]
    for name, base in columns:
        cells.append(f"{harness.ratio(times[name], times[base]):.3g}" if name in times and base in times else "-")
    print(" | ".join(cells), file=sys.stderr)
    return cells


def peak(call) -> float:
    """Peak of traced memory of one call, in numbers of 8 bytes, the result included."""
    call()
    tracemalloc.start()
    call()
    found = tracemalloc.get_traced_memory()[1] / 8
    tracemalloc.stop()
    return found


def memory() -> list[list[str]]:
    """Peaks against what a result and the activations take."""
    rows = []
    for kind, size in SIZES:
        calls = regression(kind, size, "float64")
        count = calls["generated"]().size
        rows.append([f"Hessian, {name_of(kind, size)}", f"{peak(calls['generated']) / count:.2f} P²"])
    for dims, n in NETWORKS:
        calls = network_hessian(dims, n, "float64")
        count = calls["generated"]().size
        rows.append([f"Hessian, {text_of(dims, n)}", f"{peak(calls['generated']) / count:.2f} P²"])
    for dims, n in PRODUCTS:
        parameters = sum(a * b + b for a, b in itertools.pairwise(dims))
        activations = n * sum(dims[1:])
        for gauss_newton, name in ((False, "Hessian-vector"), (True, "Gauss-Newton-vector")):
            calls = products(dims, n, "float64", gauss_newton)
            rows.append(
                [f"{name} product, {text_of(dims, n)}", f"{peak(calls['generated']) / (parameters + activations):.2f} (P + activations)"]
            )
        if n <= 256:
            calls = per_sample(dims, n, "float64")
            rows.append([f"per-sample gradients, {text_of(dims, n)}", f"{peak(calls['generated']) / (n * parameters):.2f} n P"])
            rows.append([f"their norms, {text_of(dims, n)}", f"{peak(calls['norms']) / (parameters + activations):.2f} (P + activations)"])
    return rows


def name_of(kind: str, size: dict[str, int]) -> str:
    """A problem and its sizes."""
    return f"{kind}, {', '.join(f'{a} = {k}' for a, k in size.items())}"


def text_of(dims: list[int], samples: int) -> str:
    """A network and its samples."""
    return f"{'-'.join(map(str, dims))}, n = {samples}"


def main() -> None:
    """All tables."""
    dense = [("generated", "ws"), ("generated", "pure"), ("generated", "JAX"), ("generated", "PyTorch")]
    rows, rows_of_products = [], []
    for dtype in ASKED.dtypes.split(","):
        for kind, size in SIZES:
            if ASKED.only in name_of(kind, size):
                rows.append(timed(name_of(kind, size), lambda d, k=kind, s=size: regression(k, s, d), dtype, dense))
        for dims, n in NETWORKS:
            if ASKED.only in text_of(dims, n):
                rows.append(timed(text_of(dims, n), lambda d, s=dims, n=n: network_hessian(s, n, d), dtype, dense))
        several = [("generated", "ws"), ("generated", "JAX"), ("generated", "PyTorch"), ("generated", "gradient"), ("again", "generated")]
        for dims, n in PRODUCTS:
            for gauss_newton, name in ((False, "Hessian"), (True, "Gauss-Newton")):
                if ASKED.only in text_of(dims, n):
                    title = f"{name}, {text_of(dims, n)}"
                    rows_of_products.append(timed(title, lambda d, s=dims, n=n, g=gauss_newton: products(s, n, d, g), dtype, several))
        dims, n = PRODUCTS[0]
        if ASKED.only in text_of(dims, n):
            title = f"per sample, {text_of(dims, n)}"
            made = timed(title, lambda d, s=dims, n=n: per_sample(s, n, d), dtype, [*dense, ("norms", "generated")])
            rows_of_products.append([*made[:4], *made[5:7], "-", "-"])
    head = ["Hessian", "dtype", "generated", "/ workspace", "/ pure", "/ JAX", "/ PyTorch"]
    tables = {"hessians": (head, rows)}
    head = ["product", "dtype", "generated", "/ workspace", "/ JAX", "/ PyTorch", "/ gradient", "again / first"]
    tables["products"] = (head, rows_of_products)
    tables["memory"] = (["peak of one call, result included", "memory"], memory() if not ASKED.only else [])
    for name, (head, body) in tables.items():
        text = f"{harness.markdown(head, body)}\n\n{harness.machine()}; {ASKED.threads} thread, {ASKED.rounds} rounds." if body else ""
        print(text)
        if ASKED.write and ASKED.threads == 1 and body:
            harness.replace_section(PAGE, name, text)


if __name__ == "__main__":
    main()
