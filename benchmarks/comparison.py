"""Who may be timed, and the row of a table: shared by the scripts that compare with a yardstick. Import it when threads are fixed."""

import sys
from collections.abc import Callable, Mapping, Sequence

import harness
import numpy as np

Calls = dict[str, Callable[[], tuple]]


def flat(result: tuple) -> np.ndarray:
    """Loss and gradients in one vector of float64."""
    loss, gradients = result
    return np.concatenate([np.ravel(np.asarray(a, dtype=np.float64)) for a in (loss, *gradients)])


def agreeing(calls: Calls, truth: np.ndarray, allowed: float) -> Calls:
    """Those whose result is right."""
    kept = {}
    for name, call in calls.items():
        error = np.linalg.norm(flat(call()) - truth) / np.linalg.norm(truth)
        if error <= allowed:
            kept[name] = call
        else:
            print(f"{name} is off by {error:.1e} and not timed", file=sys.stderr)
    return kept


def installed(calls: Calls, peers: Mapping[str, Callable], names: Sequence[str], *arguments: object) -> Calls:
    """`calls` with those peers that are installed here, each prepared with the arguments."""
    made = dict(calls)
    for name in names:
        try:
            made[name] = peers[name](*arguments)
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)
    return made


def row(head: Sequence[str], times: Mapping[str, list[float]], names: Sequence[str]) -> list[str]:
    """What stands before, the yardstick's time, and the ratios of the generated module (with its spread) and of the peers."""
    base = times["np_alloc"]
    cells = [*head, harness.duration(float(np.median(base)))]
    for name in ("generated", *names):
        cells.append(f"{harness.ratio(times[name], base):.2f}" if name in times else "-")
    if "generated" in times:
        low, high = harness.spread(times["generated"], base)
        cells[len(head) + 1] = f"**{cells[len(head) + 1]}** ({low:.2f} to {high:.2f})"
    return cells
