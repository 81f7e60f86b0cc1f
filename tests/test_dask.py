"""Partial sums over Dask arrays: equal to the single call, also when a worker dies; arrays that do not fit are refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.errors import DataError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
da = pytest.importorskip("dask.array", reason="Dask is not installed")


@pytest.fixture(scope="module")
def two_layer():
    module = sbp.generate(sbp.load("examples/two_layer.toml"), also=["partial"]).load()
    rng = np.random.default_rng(0)
    return module, module.initialise(0), rng.standard_normal((1003, 4)), np.eye(3)[rng.integers(0, 3, 1003)]


def same(found, expected):
    assert abs(found[0] - expected[0]) <= 1e-12
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunks", [(1003,), (1, 2, 500, 0, 500), (100,) * 10 + (3,)])
def test_chunks_of_any_width_give_the_single_call(two_layer, chunks):
    module, params, X, Y = two_layer
    lazy = da.from_array(X, chunks=(chunks, -1)), da.from_array(Y, chunks=(chunks, -1))
    same(sbp.dask.loss_and_gradients(module, params, *lazy), module.loss_and_gradients(params, X, Y))
    same(sbp.dask.loss_and_gradients(module, params, lazy[0], Y=Y), module.loss_and_gradients(params, X, Y))


def test_arrays_that_do_not_fit_are_refused(two_layer):
    module, params, X, Y = two_layer
    run, lazy = sbp.dask.loss_and_gradients, da.from_array(X, chunks=(100, -1))
    for given, why in [
        ((lazy, da.from_array(Y, chunks=(200, -1))), "chunks of different sizes"),
        ((da.from_array(X, chunks=(100, 2)), Y), "X is cut along axis 1"),
        ((lazy[lazy[:, 0] > 0], Y), "sizes of the chunks of X are not known"),
        ((lazy, Y[:5]), "Y has shape"),
        ((X, Y), "none of X, Y is a Dask array"),
        ((lazy,), "Y is not given"),
    ]:
        with pytest.raises(DataError, match=why):
            run(module, params, *given)
    with pytest.raises(DataError, match="no partial_sums"):
        run(sbp.generate(sbp.load("examples/two_layer.toml")).load(), params, lazy, Y)


def test_a_worker_that_dies_changes_nothing(two_layer, tmp_path):
    distributed = pytest.importorskip("distributed")
    module, params, X, Y = two_layer
    died = tmp_path / "died"

    def block(x):
        if not died.exists():
            died.touch()
            os._exit(1)
        return x

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster):
        lazy = da.from_array(X, chunks=(100, -1)).map_blocks(block, meta=X[:0])
        same(sbp.dask.loss_and_gradients(module, params, lazy, Y=Y), module.loss_and_gradients(params, X, Y))
    assert died.exists()


def test_nothing_of_dask_is_imported_unless_asked_for():
    run = "import sys, symbackprop as sbp; sbp.load, sbp.dask; print([m for m in sys.modules if m.split('.')[0] in ('dask', 'sympy')])"
    assert subprocess.run([sys.executable, "-c", run.replace("sbp.load, ", "")], capture_output=True, text=True).stdout.strip() == "[]"


def peak():
    """The most memory that this process has held; what its parent held is no part of it."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_data_four_times_the_memory_of_a_worker_trains():
    distributed = pytest.importorskip("distributed")
    n, d, limit = 1_500_000, 100, 300_000_000
    model = sbp.model(
        {"X": {"axes": "n d", "role": "input"}, "y": {"axes": "n", "role": "label"}, "w": {"axes": "d", "role": "parameter"}},
        {"z": "X @ w", "J": "mean(softplus(z) - y * z)"},
        samples="n",
    )
    module = sbp.generate(model, also=["partial"]).load()
    X = da.random.default_rng(0).standard_normal((n, d), chunks=(25_000, -1))
    y = (X @ np.linspace(-1, 1, d) > 0).astype(float)
    assert X.nbytes >= 4 * limit
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=limit, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        w, losses = np.zeros(d), []
        for _ in range(3):
            J, slopes = sbp.dask.loss_and_gradients(module, module.Parameters(w), X, y)
            w = w - slopes.w
            losses.append(float(J))
        assert abs(losses[0] - np.log(2)) < 1e-12 and losses[0] > losses[1] > losses[2]
        assert max(client.run(peak).values()) < limit
