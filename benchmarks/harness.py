"""How everything here is timed: one process, fixed threads, rounds in random order, the median of the per-round ratios.

Ratios are taken inside a round, so that a machine that slows down for a while slows both sides. The garbage collector is
off while the clock runs. With one thread the clock is the process's CPU time, so that a neighbour on the machine costs little
but cache. With two threads it is the wall's, and the machine must be idle: OpenBLAS's workers wait for each other at
barriers, and one busy process multiplies their times.
"""

import gc
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import metadata
from inspect import signature
from pathlib import Path

SAMPLE = 2e-3
"""Seconds that one sample lasts at least."""
REPORTED = ("numpy", "sympy", "autograd", "jax", "jaxlib", "torch", "scikit-learn")


def hot(function: Callable) -> Callable:
    """A function of a generated module as a hot loop calls it: what is declared of the data is not checked in every call."""
    return partial(function, check=False) if "check" in signature(function).parameters else function


def fix_threads(threads: int) -> None:
    """Start this script again with the number of threads in the environment; must run before NumPy is imported."""
    assert "numpy" not in sys.modules
    count = str(threads)
    wanted = {
        "OPENBLAS_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false" if threads == 1 else "",
        "SYMBACKPROP_BENCH_THREADS": count,
    }
    if os.environ.get("SYMBACKPROP_BENCH_THREADS") != count:
        # A kernel that somebody chose for OpenBLAS by hand would slow NumPy's products, and nobody else's.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        os.execve(sys.executable, [sys.executable, *sys.argv], kept | wanted)
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def several_threads() -> bool:
    """Whether this run was started with more than one thread."""
    return os.environ.get("SYMBACKPROP_BENCH_THREADS", "1") != "1"


def sample(call: Callable[[], object], repeats: int) -> float:
    """Seconds per call over `repeats` calls."""
    clock, turns = time.perf_counter if several_threads() else time.process_time, range(repeats)
    start = clock()
    for _ in turns:
        call()
    return (clock() - start) / repeats


def calibrated(call: Callable[[], object]) -> tuple[int, float]:
    """How many calls make a sample, and the seconds of one call."""
    call()
    repeats, seconds = 1, sample(call, 1)
    while seconds * repeats < SAMPLE:
        repeats = max(2 * repeats, int(0.7 * SAMPLE / max(seconds, 1e-9)))
        seconds = sample(call, repeats)
    return repeats, seconds


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int, budget: float) -> dict[str, list[float]]:
    """Seconds per call of each, one median a round; in a round each gets `budget` seconds, in random order."""
    # OpenBLAS's workers spin for about 0.1 s after a product and would halve the next library's speed.
    pause, warm = (0.16, 0.08) if several_threads() else (0.005, 0.002)
    plan = {name: calibrated(call) for name, call in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    order, dice = list(calls), random.Random(0)
    for _ in range(rounds):
        dice.shuffle(order)
        gc.collect()
        for name in order:
            call, (repeats, seconds) = calls[name], plan[name]
            time.sleep(pause)
            gc.disable()
            start = time.perf_counter()
            while True:
                call()
                if time.perf_counter() - start > warm:
                    break
            samples = max(1, min(25, int(budget / (seconds * repeats))))
            found[name].append(statistics.median(sample(call, repeats) for _ in range(samples)))
            gc.enable()
    return found


def ratio(seconds: Sequence[float], base: Sequence[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(seconds, base, strict=True))


def spread(seconds: Sequence[float], base: Sequence[float]) -> tuple[float, float]:
    """The smallest and the largest ratio of a round."""
    ratios = [a / b for a, b in zip(seconds, base, strict=True)]
    return min(ratios), max(ratios)


def duration(seconds: float) -> str:
    """Seconds with a unit that suits them, three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def machine() -> str:
    """What the figures depend on: processor, Python, versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line for line in cpuinfo.read_text().splitlines() if line.startswith("model name"))
        processor = next(lines, f":{processor}").split(":")[1].strip()
    parts = [f"{processor}, {os.cpu_count()} cores", f"Python {platform.python_version()}"]
    for name in REPORTED:
        try:
            parts.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(parts)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, columns padded so that the source reads as well as the page."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def replace_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the marks <!-- name --> and <!-- /name --> of a Markdown page."""
    old = page.read_text(encoding="utf-8")
    start, stop = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, found, rest = old.partition(start)
    _, closed, tail = rest.partition(stop)
    if not (found and closed):
        sys.exit(f"{page} has no section {start} ... {stop}")
    page.write_text(f"{head}{start}\n\n{text}\n\n{stop}{tail}", encoding="utf-8")
