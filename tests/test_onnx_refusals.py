"""ONNX files that are broken, hostile or beyond the language: a typed error on one screen, and nothing read outside their folder."""

import contextlib

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx_models import Maker, perceptron  # noqa: E402

import symbackprop as sbp  # noqa: E402
from symbackprop.errors import AxisError, SpecError, UnknownOpError  # noqa: E402


def refused(file, folder, kind=SpecError):
    """What is said of a file, or of bytes."""
    path = folder / "bad.onnx"
    path.write_bytes(file if isinstance(file, bytes) else file.SerializeToString())
    with pytest.raises(kind) as told:
        sbp.load(path)
    text = str(told.value)
    assert len(text.splitlines()) <= 8 and max(map(len, text.splitlines())) <= 500 and text.isprintable() is ("\n" not in text)
    assert all(line.isprintable() for line in text.splitlines()) and told.value.place
    return text


def small(*nodes, shape=("n", 3), kind=TensorProto.DOUBLE, held=(), opset=20, output="y", outputs=None):
    """x to y by some nodes."""
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    graph = helper.make_graph(nodes, "g", inputs, outputs or [helper.make_tensor_value_info(output, kind, None)], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def node(op, inputs=("x",), outputs=("y",), **options):
    return helper.make_node(op, list(inputs), list(outputs), **options)


def test_control_a_sound_file_is_read(tmp_path):
    onnx.save(small(node("Relu")), tmp_path / "sound.onnx")
    assert sbp.load(tmp_path / "sound.onnx").program


NOISE = np.random.default_rng(1).bytes(64)


@pytest.mark.parametrize("data", [b"", b"[tensors]\nx = 1\n", b"\x00" * 100, b"\x08\x0a" * 50, NOISE, "模型".encode()], ids=range(6))
def test_what_is_no_onnx_file(data, tmp_path):
    assert "no ONNX model" in refused(data, tmp_path)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file(part, tmp_path):
    data = perceptron()[0].SerializeToString()
    refused(data[: int(len(data) * part)], tmp_path)


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    for name in ("none.onnx", "folder.onnx"):
        with pytest.raises(SpecError, match="can't read it"):
            sbp.load(tmp_path / name)


def test_a_huge_file_is_not_read(tmp_path):
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(3 * 2**30)
    with pytest.raises(SpecError, match="GiB"):
        sbp.load(tmp_path / "huge.onnx")


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    onnx.save(small(node("Relu")), tmp_path / "sound.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(SpecError, match="onnx is not installed") as told:
        sbp.load(tmp_path / "sound.onnx")
    assert "symbackprop[onnx]" in told.value.fix


# External data.


def external(location, folder, length=24, **told):
    """A file whose initializer has its data elsewhere."""
    tensor = numpy_helper.from_array(np.arange(3.0), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": length, **told}.items():
        tensor.external_data.add(key=key, value=str(value))
    return small(node("Mul", ("x", "w")), held=[tensor])


def test_data_beside_the_file_is_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(np.arange(4.0).tobytes())
    (tmp_path / "m.onnx").write_bytes(external("w.bin", tmp_path, offset=8).SerializeToString())
    assert np.array_equal(sbp.load(tmp_path / "m.onnx").values["w"], [1.0, 2, 3])


@pytest.mark.parametrize("location", ["../w.bin", "{outside}", "a/../../w.bin", "", "..\\w.bin", "C:\\w.bin", "w\0.bin", "."])
def test_data_outside_of_the_folder_is_not_read(location, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(np.arange(3.0).tobytes())
    refused(external(location.format(outside=tmp_path / "w.bin"), inside), inside)


def test_data_behind_a_link_is_not_read(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "w.bin").write_bytes(np.arange(3.0).tobytes())
    (inside / "w.bin").symlink_to(tmp_path / "w.bin")
    (inside / "sub").symlink_to(tmp_path)
    assert "behind a link" in refused(external("w.bin", inside), inside)
    assert "behind a link" in refused(external("sub/w.bin", inside), inside)


@pytest.mark.parametrize("told", [{"length": 16}, {"offset": -8}, {"offset": 8}, {"offset": "x"}, {"length": 2**40}])
def test_data_of_another_length(told, tmp_path):
    (tmp_path / "w.bin").write_bytes(np.arange(3.0).tobytes())
    refused(external("w.bin", tmp_path, **{"length": 24, **told}), tmp_path)


# Ops, opsets, graphs.


@pytest.mark.parametrize("op", ["NonZero", "Unique", "ArgMax", "DFT"])
def test_an_op_that_can_not_be_derived_is_named(op, tmp_path):
    text = refused(small(node(op, name="here")), tmp_path, UnknownOpError)
    assert f"'{op}' of domain ai.onnx can't be derived" in text and "node 'here'" in text


def test_an_op_of_another_domain_is_named(tmp_path):
    file = small(node("FusedThing", domain="com.vendor", name="here"))
    file.opset_import.append(helper.make_opsetid("com.vendor", 1))
    text = refused(file, tmp_path, UnknownOpError)
    assert "'FusedThing' of domain com.vendor" in text and "node 'here'" in text


@pytest.mark.parametrize("opset", [7, 12, 10_000])
def test_opsets_that_are_not_known(opset, tmp_path):
    assert f"opset {opset} is" in refused(small(node("Relu"), opset=opset), tmp_path)


def test_control_flow(tmp_path):
    branch = helper.make_graph([node("Identity")], "b", [], [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)])
    condition = numpy_helper.from_array(np.array(True), "c")
    file = small(node("If", ("c",), then_branch=branch, else_branch=branch), held=[condition])
    assert "'If'" in refused(file, tmp_path, UnknownOpError)


def test_nodes_in_a_circle(tmp_path):
    assert "circle" in refused(small(node("Add", ("x", "b"), ("a",)), node("Add", ("a", "x"), ("b",)), node("Relu", ("b",))), tmp_path)


def test_one_name_for_two_values(tmp_path):
    assert "two results are called 'y'" in refused(small(node("Relu"), node("Sigmoid")), tmp_path)
    assert "two results are called 'x'" in refused(small(node("Relu", outputs=("x",)), output="x"), tmp_path)


def test_what_nothing_makes(tmp_path):
    assert "nothing makes 'z'" in refused(small(node("Add", ("x", "z"))), tmp_path)


def test_a_function_that_calls_itself_or_many(tmp_path):
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]

    def with_functions(bodies):
        file = small(node("f9", domain="mine"))
        file.opset_import.append(opsets[1])
        file.functions.extend(helper.make_function("mine", n, ["x"], ["y"], body, opsets) for n, body in bodies.items())
        return file

    assert "calls itself" in refused(with_functions({"f9": [node("f9", domain="mine")]}), tmp_path)
    bodies = {"f0": [node("Relu")]}
    for k in range(1, 10):
        chain = [node(f"f{k - 1}", ("x" if j == 0 else f"t{j}",), ("y" if j == 9 else f"t{j + 1}",), domain="mine") for j in range(10)]
        bodies[f"f{k}"] = chain
    assert "more than 100,000 nodes" in refused(with_functions(bodies), tmp_path)


# Numbers and shapes.


@pytest.mark.parametrize(
    "kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.COMPLEX64, TensorProto.STRING, TensorProto.FLOAT8E5M2]
)
def test_numbers_that_are_not_in_the_language(kind, tmp_path):
    refused(small(node("Identity"), kind=kind), tmp_path)


def test_arithmetic_of_narrow_whole_numbers(tmp_path):
    assert "uint8" in refused(small(node("Add", ("x", "x")), kind=TensorProto.UINT8), tmp_path)


def test_sequences(tmp_path):
    file = small(node("Identity"))
    file.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("x", TensorProto.DOUBLE, None))
    refused(file, tmp_path)


def test_two_precisions(tmp_path):
    assert "dtypes are mixed" in refused(small(node("Cast", outputs=("z",), to=1), node("Cast", ("z",), to=11)), tmp_path)


def test_a_missing_shape(tmp_path):
    assert "the shape of input 'x' is missing" in refused(small(node("Relu"), shape=None), tmp_path, AxisError)


def test_shapes_that_do_not_fit(tmp_path):
    refused(small(node("Add", ("x", "w")), held=[numpy_helper.from_array(np.ones(4), "w")]), tmp_path)


def test_a_shape_that_depends_on_data(tmp_path):
    file = small(node("Reshape", ("x", "s")))
    file.graph.input.append(helper.make_tensor_value_info("s", TensorProto.INT64, [2]))
    assert "shape depends on data: 's'" in refused(file, tmp_path)


def test_an_initializer_without_its_data(tmp_path):
    tensor = numpy_helper.from_array(np.ones(3), "w")
    tensor.dims[0] = 5
    refused(small(node("Mul", ("x", "w")), shape=("n", 5), held=[tensor]), tmp_path)
    tensor.dims[0] = -1
    refused(small(node("Mul", ("x", "w")), held=[tensor]), tmp_path)


def test_a_bomb_of_sizes_is_not_built(tmp_path):
    shape = numpy_helper.from_array(np.array([2**40]), "s")
    huge = small(node("ConstantOfShape", ("s",), ("z",)), node("Add", ("x", "z")), held=[shape], shape=(1,))
    path = tmp_path / "huge.onnx"
    path.write_bytes(huge.SerializeToString())
    with contextlib.suppress(SpecError):
        assert sbp.load(path).program  # zeros of any size are an index formula


def test_a_network_of_endless_length(tmp_path):
    m = Maker()
    m.add("RNN", m.input("x", [2**40, 1, 2]), m.weight("W", 1, 3, 2), m.weight("R", 1, 3, 3), hidden_size=3, outputs=2)
    assert "unrolled" in refused(m.model("RNN_0_1", 3), tmp_path, AxisError)


HOSTILE = [
    "__import__('os').system('x')",
    "a\n\x1b[31m",
    "}}{{ 7*7 }}",
    "\\input{/etc/passwd}",
    "<script>",
    "lambda",
    "J",
    "np",
    "é" * 5,
    "x" * 5000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_made_safe(name, tmp_path):
    path = tmp_path / "hostile.onnx"
    file = small(
        node("Mul", (name, "w"), ("z",), name=name), node("Sin", ("z",), (name + "y",)), held=[numpy_helper.from_array(np.ones(3), "w")]
    )
    file.graph.input[0].name = name
    file.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    file.graph.output[0].name = name + "y"
    file.graph.name = name
    path.write_bytes(file.SerializeToString())
    model = sbp.load(path)
    derivation = sbp.derive(model)
    names = [*model.program.tensors, *map(str, model.program.axes)]
    assert all(n.isidentifier() and n.isascii() and len(n) < 80 for n in names)
    source = sbp.generate(derivation).source
    page = sbp.derive(model).gradient("w").latex()
    assert "system" not in source.replace("import_os_system_x", "") and not {"{{", "<", "passwd}"} & {*page}
    compile(source, "module", "exec")


def test_the_same_name_twice_after_that_gets_two(tmp_path):
    path = tmp_path / "twice.onnx"
    held = [numpy_helper.from_array(np.ones(3) * k, name) for k, name in ((2, "a.b"), (3, "a/b"))]
    path.write_bytes(small(node("Mul", ("x", "a.b"), ("z",)), node("Mul", ("z", "a/b")), held=held).SerializeToString())
    assert sorted(v[0] for v in sbp.load(path).values.values()) == [2.0, 3.0]


def test_training_of_old_batch_norm(tmp_path):
    held = [numpy_helper.from_array(np.ones(3), name) for name in "sbmv"]
    file = small(node("BatchNormalization", ("x", *"sbmv"), ("y", "a", "c", "d", "e")), held=held, opset=13)
    assert "opsets before 14" in refused(file, tmp_path)
