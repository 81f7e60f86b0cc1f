"""The node tests of the ONNX backend: none is wrong, and the page says how many pass; gradients of each op against differences."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx_nodes import PASSED, REFUSED, WRONG, cases, frozen, given, grouped, raised, told, with_output  # noqa: E402

import symbackprop as sbp  # noqa: E402
from symbackprop.errors import SymbackpropError  # noqa: E402
from symbackprop.language.onnx.nodes.table import NODES  # noqa: E402
from symbackprop.verification.oracle.literal import evaluate  # noqa: E402

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).resolve().parent.parent / "docs" / "onnx.md").read_text(encoding="utf-8")
STEP, MOST = 1e-6, 1500


@pytest.fixture(scope="module")
def all_cases():
    return cases()


def test_none_is_wrong_and_the_page_tells_how_many_pass(all_cases, tmp_path):
    found = [told(case, tmp_path) for case in all_cases]
    assert [f for f in found if f.verdict == WRONG] == []
    assert sum(f.verdict == PASSED for f in found) > 0.6 * len(found)
    version = re.search(r"onnx (\d+\.\d+\.\d+)", PAGE)[1]
    if onnx.__version__ == version:
        counts = [sum(f.verdict == kind for f in found) for kind in (PASSED, REFUSED)]
        assert f"{len(found)} tests: **{counts[0]} passed, {counts[1]} refused, 0 wrong**" in PAGE
        rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
        for row, count in grouped(found).items():
            assert any(row in line and line.endswith(f"| {count} |") for line in rows), (row, count)


def test_control_a_slip_is_wrong(all_cases, tmp_path, monkeypatch):
    from symbackprop.language.onnx.nodes.records import RECORDS

    monkeypatch.setitem(RECORDS, "Cosh", RECORDS["Sinh"])
    assert told(next(c for c in all_cases if c.name == "test_cosh"), tmp_path).verdict == WRONG


def gaps(case, folder):
    """How far the gradients of a test are from differences of the literal evaluator; None where there is nothing to derive."""
    inputs, outputs = case.data_sets[0]
    file = raised(with_output(case.model, 0))
    path = folder / "case.onnx"
    onnx.save(frozen(file, inputs, False), path)
    model = sbp.load(path)
    names = [t.name for t in model.program.leaves if t.role in ("input", "parameter") and t.name != model.spec.upstream]
    arrays = given(model, file, inputs)
    names = [n for n in names if n in arrays and np.asarray(arrays[n]).dtype.kind == "f" and np.size(arrays[n]) <= MOST]
    if not names or not all(np.isfinite(a).all() for a in arrays.values()):
        return None
    rng = np.random.default_rng(3)
    arrays = {n: np.asarray(a, dtype=float) if np.asarray(a).dtype.kind == "f" else a for n, a in arrays.items()}
    if model.spec.upstream:
        arrays[model.spec.upstream] = rng.normal(size=np.shape(outputs[0]))
    top = model.spec.objective
    made = []
    for name in names[:3]:
        result = sbp.derive(model, [name]).gradient(name)
        found = evaluate(result.program, arrays)[result.name]
        entry = tuple(int(rng.integers(n)) for n in np.shape(arrays[name]))
        values = []
        for step in (-2 * STEP, -STEP, STEP, 2 * STEP):
            moved = {**arrays, name: arrays[name].copy()}
            moved[name][entry] += step
            values.append(float(evaluate(model.program, moved)[top]))
        near, far = (values[2] - values[1]) / (2 * STEP), (values[3] - values[0]) / (4 * STEP)
        if abs(near - far) < 1e-4 * max(1, abs(near)):  # else a kink is near
            made.append(abs(near - found[entry]) / max(1, abs(near)))
    return max(made, default=None)


def test_gradients_of_each_op_are_those_of_differences(all_cases, tmp_path):
    """Of each op two tests whose graph is one node of it."""
    reached, wrong = {}, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in all_cases:
            ops = [n.op_type for n in case.model.graph.node]
            if len(ops) != 1 or reached.get(ops[0], 0) >= 2:
                continue
            try:
                gap = gaps(case, tmp_path)
            except (SymbackpropError, TypeError):
                continue
            if gap is not None:
                reached[ops[0]] = reached.get(ops[0], 0) + 1
                if not gap < 1e-4:
                    wrong.append((case.name, gap))
    assert wrong == []
    assert len(reached) >= 90, sorted(NODES.keys() - reached.keys())
