"""Models of ONNX files: values are those of onnx's own evaluation, gradients those of its differences."""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx.reference import ReferenceEvaluator  # noqa: E402
from onnx.reference.op_run import OpRun  # noqa: E402
from onnx_models import MODELS, Maker, data, perceptron  # noqa: E402

import symbackprop as sbp  # noqa: E402
from symbackprop.language.onnx.importing import safe  # noqa: E402
from symbackprop.verification.oracle import literal  # noqa: E402

CLOSE, STEP = 1e-10, 1e-6


class Erf(OpRun):
    """In double, where onnx's own evaluation rounds to float32."""

    op_domain = ""

    def _run(self, x):
        return (np.vectorize(math.erf, otypes="d")(x),)


def evaluated(file, arrays):
    return ReferenceEvaluator(file, new_ops=[Erf]).run(None, arrays)[0]


def loaded(file, folder):
    path = folder / "model.onnx"
    onnx.save(file, path)
    return sbp.load(path)


def sides(file, arrays, folder, seed=9):
    """The objective of onnx's own evaluation as a function of initializers; ours and its gradients, and the model."""
    model = loaded(file, folder)
    module = sbp.generate(sbp.derive(model)).load()
    given = {safe(k): v for k, v in arrays.items()} | model.values
    fields = module.Parameters._fields
    out = evaluated(file, arrays)
    upstream = np.random.default_rng(seed).normal(size=np.shape(out)) if model.spec.upstream else None
    given |= {} if upstream is None else {model.spec.upstream: upstream}
    rest = {k: v for k, v in given.items() if k in module.AXES and k not in fields}
    loss, gradients = module.loss_and_gradients(module.Parameters(*[given[f] for f in fields]), **rest)

    def reference(name, entry, step):
        moved = onnx.ModelProto()
        moved.CopyFrom(file)
        for tensor in moved.graph.initializer:
            if safe(tensor.name) == name:
                array = onnx.numpy_helper.to_array(tensor).copy()
                array[entry] += step
                tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
        made = evaluated(moved, arrays)
        return np.sum(made if upstream is None else made * upstream)

    return model, reference, loss, dict(zip(fields, gradients, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_values_and_gradients_are_those_of_onnx(name, tmp_path):
    file, shapes = MODELS[name]()
    model, reference, loss, gradients = sides(file, data(file, shapes), tmp_path)
    any_name = next(iter(gradients))
    assert abs(loss - reference(any_name, (0,) * gradients[any_name].ndim, 0)) < CLOSE * max(1, abs(loss))
    assert {safe(t.name) for t in file.graph.initializer if t.data_type == onnx.TensorProto.DOUBLE} == {*model.values}
    for parameter, gradient in gradients.items():
        rng = np.random.default_rng(2)
        for _ in range(3):
            entry = tuple(int(rng.integers(n)) for n in gradient.shape)
            slope = (reference(parameter, entry, STEP) - reference(parameter, entry, -STEP)) / (2 * STEP)
            assert abs(slope - gradient[entry]) < 2e-6 * max(1, abs(slope)), (parameter, entry)


@pytest.mark.slow
def test_a_file_of_float32(tmp_path):
    file, shapes = perceptron(np.float32)
    _, reference, loss, gradients = sides(file, data(file, shapes, np.float32), tmp_path)
    assert gradients.keys() == {"fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"}
    assert abs(loss - reference("fc1_bias", (0,), 0)) < 1e-5


@pytest.mark.slow
def test_control_a_slip_in_a_record_is_seen(tmp_path, monkeypatch):
    from symbackprop.language.onnx.nodes.records import RECORDS

    right = RECORDS["Gemm"]
    slipped = right._replace(law=lambda ops, A, B, C=None, transB=0: right.law(ops, A, B, C, 1.0, 1.01, 0, transB))
    monkeypatch.setitem(RECORDS, "Gemm", slipped)
    file, shapes = perceptron()
    _, reference, loss, _ = sides(file, data(file, shapes), tmp_path)
    assert abs(loss - reference("fc1_bias", (0,), 0)) > 1e-4


def test_names_axes_and_roles_are_those_of_the_file(tmp_path):
    file, _ = perceptron()
    model = loaded(file, tmp_path)
    assert model.name == "model"
    roles = {name: (t.axes, t.role) for name, t in model.spec.tensors.items()}
    assert roles["x"] == ("batch 4", "input") and roles["fc1_weight"] == ("5 4", "parameter") and roles["labels"][0] == "batch"
    assert model.spec.tensors["fc1_weight"].latex == r"W^{\mathrm{fc1}}"
    assert {"fc1_Gemm", "fc2_Gemm"} <= {e.name for e in model.spec.equations}
    assert np.array_equal(model.values["fc1_bias"], onnx.numpy_helper.to_array(file.graph.initializer[1]))


def test_statistics_that_were_kept_are_constants(tmp_path):
    file, _ = MODELS["convolutions"]()
    tensors = loaded(file, tmp_path).spec.tensors
    assert tensors["bn_running_mean"].role == tensors["bn_running_var"].role == "constant" and tensors["bn_weight"].role == "parameter"


def test_an_array_is_multiplied_with_an_upstream_gradient(tmp_path):
    model = loaded(MODELS["rnn"]()[0], tmp_path)
    assert model.spec.upstream and model.spec.output


def test_sizes_that_follow_from_others_are_found(tmp_path):
    m = Maker()
    past, now = m.input("past", ["n", "p", 2]), m.input("now", ["n", "t", 2])
    whole = m.add("Concat", past, now, axis=1)
    model = loaded(m.model(m.add("Mul", whole, m.input("mask", ["n", "total", 2])), 3), tmp_path)
    assert model.spec.tensors["mask"].axes in ("n p+t 2", "n t+p 2")


def test_dropout_in_training_takes_its_mask_as_an_input(tmp_path):
    m = Maker()
    m.held.append(onnx.numpy_helper.from_array(np.array(0.25), "ratio"))
    m.held.append(onnx.numpy_helper.from_array(np.array(True), "training"))
    x = m.add("Dropout", m.input("x", ["n", 3]), "ratio", "training", name="drop")
    model = loaded(m.model(m.add("MatMul", x, m.weight("W", 3, 2)), 2), tmp_path)
    assert model.spec.tensors["drop_mask"].axes == "n 3"


def test_functions_of_the_model_are_put_in_place(tmp_path):
    m = Maker()
    x = m.input("x", ["n", 3])
    body = [onnx.helper.make_node("Mul", ["a", "a"], ["s"]), onnx.helper.make_node("Add", ["s", "a"], ["b"])]
    call = onnx.helper.make_node("Bent", [m.weight("w", 3)], ["bent"], domain="mine")
    m.nodes.append(call)
    file = m.model(m.add("Mul", x, "bent"), 2)
    opset = onnx.helper.make_opsetid("", 20)
    file.functions.append(onnx.helper.make_function("mine", "Bent", ["a"], ["b"], body, [opset]))
    file.opset_import.append(onnx.helper.make_opsetid("mine", 1))
    _, reference, loss, gradients = sides(file, {"x": np.array([[1.0, -2, 0.5]])}, tmp_path)
    slope = (reference("w", (1,), STEP) - reference("w", (1,), -STEP)) / (2 * STEP)
    assert abs(loss - reference("w", (0,), 0)) < CLOSE and abs(slope - gradients["w"][1]) < 1e-6


@pytest.mark.slow
def test_the_command_line_takes_onnx_files(tmp_path):
    onnx.save(perceptron()[0], tmp_path / "net.onnx")
    for command in (["derive", "net.onnx"], ["generate", "net.onnx", "-o", "net.py"]):
        run = subprocess.run([sys.executable, "-m", "symbackprop", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    assert "fc1" in (tmp_path / "net.py").read_text()


@pytest.mark.slow
def test_verification_of_an_imported_model(tmp_path):
    assert sbp.verify(loaded(perceptron()[0], tmp_path)).ok


def test_the_python_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parent.parent / "docs" / "onnx.md").read_text(encoding="utf-8")
    exec(compile(re.search(r"```py\n(.*?)```", page, re.DOTALL)[1], "<page>", "exec"), {})
    told = capsys.readouterr().out
    assert r"\mathrm{fc\_Gemm}" in told and "Parameters(fc_weight=" in told


OLDER = {
    "ReduceMean": ({"axes": [1], "keepdims": 0}, ()),
    "ReduceMax": ({"axes": [-1]}, ()),
    "ReduceL2": ({"axes": [0, 2]}, ()),
    "ReduceSum": ({}, (("int64", [1]),)),
    "Softmax": ({"axis": 1}, ()),
    "Pad": ({"mode": "reflect"}, (("int64", [0, 1, 0, 0, 0, 1]),)),
    "Squeeze": ({}, (("int64", [0]),)),
    "Resize": ({"mode": "linear"}, (("float64", []), ("float32", [1, 1, 1.5]))),
    "BatchNormalization": ({}, (("float64", [1.0, 2, 3]), ("float64", [0.1, 0, 1]), ("float64", [0.5, 0, 1]), ("float64", [1, 2, 0.5]))),
    "Clip": ({}, (("float64", -0.3), ("float64", 0.4))),
}


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize("op", sorted(OLDER))
def test_ops_as_older_opsets_have_them(op, opset, tmp_path):
    if (op, opset) == ("BatchNormalization", 13):
        pytest.skip("onnx's own evaluation takes one output for training there, against the text of the op")
    attributes, rest = OLDER[op]
    m = Maker()
    names = []
    for k, (dtype, entries) in enumerate(rest):
        m.held.append(onnx.numpy_helper.from_array(np.array(entries, dtype=dtype), f"p{k}"))
        names.append(f"p{k}" if np.size(entries) else "")
    x = np.random.default_rng(4).normal(size=(1, 3, 4))
    made = m.add(op, m.input("x", [1, 3, 4]), *names, **attributes)
    wanted = evaluated(m.model(made, 0, opset), {"x": x})
    file = m.model(made, wanted.ndim, opset)
    model = loaded(file, tmp_path)
    arrays = {"x": x, **model.values}
    if model.spec.upstream:
        arrays[model.spec.upstream] = np.ones(wanted.shape)
    found = literal.evaluate(model.program, arrays)[model.spec.output or model.spec.objective]
    assert np.allclose(found.reshape(wanted.shape), wanted, rtol=1e-6, atol=1e-9)
