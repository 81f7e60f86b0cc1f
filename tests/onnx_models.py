"""Whole models as ONNX graphs, with random initializers: what exporters write."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 20


class Maker:
    """A graph in the making; its numbers are of one dtype."""

    def __init__(self, dtype=np.float64, seed=3):
        self.dtype, self.rng = dtype, np.random.default_rng(seed)
        self.kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.nodes, self.held, self.inputs = [], [], []

    def weight(self, name, *shape, above=False):
        """A random initializer."""
        drawn = self.rng.normal(size=shape) * 0.5
        self.held.append(numpy_helper.from_array((np.abs(drawn) + 0.5 if above else drawn).astype(self.dtype), name))
        return name

    def whole(self, name, entries):
        """An initializer of whole numbers."""
        self.held.append(numpy_helper.from_array(np.array(entries, dtype=np.int64), name))
        return name

    def input(self, name, shape, kind=None):
        """An input; names among its sizes are symbolic."""
        self.inputs.append(helper.make_tensor_value_info(name, kind or self.kind, shape))
        return name

    def add(self, op, *inputs, name="", outputs=1, **attributes):
        """A node, and the name of its first output."""
        made = [f"{name or op}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, [*inputs], made, name=name, **attributes))
        return made[0]

    def model(self, output, rank, opset=OPSET):
        """The model that gives one value."""
        out = helper.make_tensor_value_info(output, self.kind, [None] * rank)
        graph = helper.make_graph(self.nodes, "graph", self.inputs, [out], self.held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def perceptron(dtype=np.float64):
    """Two layers and a cross entropy, for any batch."""
    m = Maker(dtype)
    x, y = m.input("x", ["batch", 4]), m.input("labels", ["batch"], TensorProto.INT64)
    h = m.add("Relu", m.add("Gemm", x, m.weight("fc1.weight", 5, 4), m.weight("fc1.bias", 5), transB=1, name="/fc1/Gemm"))
    z = m.add("Gemm", h, m.weight("fc2.weight", 3, 5), m.weight("fc2.bias", 3), transB=1, name="/fc2/Gemm")
    return m.model(m.add("SoftmaxCrossEntropyLoss", z, y, name="loss"), 0), {"x": (7, 4), "labels": 3}


def convolutions(dtype=np.float64):
    """Convolutions with batch norm and pools."""
    m = Maker(dtype)
    x = m.add("Conv", m.input("image", ["n", 2, 9, 8]), m.weight("c1.weight", 3, 2, 3, 3), m.weight("c1.bias", 3), pads=[1, 1, 1, 1])
    statistics = [
        m.weight("bn.weight", 3),
        m.weight("bn.bias", 3),
        m.weight("bn.running_mean", 3),
        m.weight("bn.running_var", 3, above=True),
    ]
    x = m.add("Relu", m.add("BatchNormalization", x, *statistics, name="bn"))
    x = m.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = m.add("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    x = m.add("Conv", x, m.weight("c2.weight", 4, 3, 2, 2), strides=[1, 2])
    x = m.add("Flatten", m.add("GlobalAveragePool", x))
    return m.model(m.add("Gemm", x, m.weight("head", 4, 5), name="head"), 2), {"image": (2, 2, 9, 8)}


def recurrent(op, dtype=np.float64):
    """A recurrent network, and its last state."""
    m, gates = Maker(dtype), {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    x = m.input("x", [4, "n", 3])
    weights = [m.weight("W", 1, gates * 5, 3), m.weight("R", 1, gates * 5, 5), m.weight("B", 1, gates * 10)]
    options = {"linear_before_reset": 1} if op == "GRU" else {}
    m.add(op, x, *weights, hidden_size=5, outputs=2, name="net", **options)
    last = m.add("Squeeze", "net_0_1", m.whole("axes", [0]))
    return m.model(m.add("MatMul", last, m.weight("head", 5, 2)), 2), {"x": (4, 2, 3)}


def transformer(dtype=np.float64):
    """A block of a transformer for any length, with shapes that are computed as exporters do, and Gelu by Erf."""
    m = Maker(dtype)
    x = m.add("Gather", m.weight("embedding", 11, 6), m.input("tokens", ["n", "t"], TensorProto.INT64))
    normal = m.add("LayerNormalization", x, m.weight("ln.weight", 6), m.weight("ln.bias", 6), epsilon=1e-5, name="ln")
    sizes = [m.add("Gather", m.add("Shape", normal), m.whole(f"place{k}", k)) for k in (0, 1)]
    parts = [m.add("Unsqueeze", s, m.whole(f"axis{k}", [0])) for k, s in enumerate(sizes)]
    split = m.add("Concat", *parts, m.whole("heads", [2, 3]), axis=0)
    q, k, v = (
        m.add("Transpose", m.add("Reshape", m.add("MatMul", normal, m.weight(w, 6, 6)), split), perm=[0, 2, 1, 3])
        for w in ("Wq", "Wk", "Wv")
    )
    scores = m.add("MatMul", q, m.add("Transpose", k, perm=[0, 1, 3, 2]))
    scale = m.add("Constant", value=numpy_helper.from_array(np.array(3**0.5, dtype=dtype)))
    weights = m.add("Softmax", m.add("Div", scores, scale), axis=-1)
    heads = m.add("Transpose", m.add("MatMul", weights, v), perm=[0, 2, 1, 3])
    x = m.add("Add", x, m.add("Reshape", heads, m.whole("merged", [0, 0, -1])))
    h = m.add("MatMul", x, m.weight("W1", 6, 8))
    root = m.add("Constant", value=numpy_helper.from_array(np.array(2**0.5, dtype=dtype)))
    one, half = (m.add("Constant", value=numpy_helper.from_array(np.array(c, dtype=dtype))) for c in (1, 0.5))
    h = m.add("Mul", m.add("Mul", h, m.add("Add", m.add("Erf", m.add("Div", h, root)), one)), half)
    return m.model(m.add("Add", x, m.add("MatMul", h, m.weight("W2", 8, 6)), name="out"), 3), {"tokens": (2, 3)}


MODELS = {
    "perceptron": perceptron,
    "convolutions": convolutions,
    "lstm": lambda dtype=np.float64: recurrent("LSTM", dtype),
    "gru": lambda dtype=np.float64: recurrent("GRU", dtype),
    "rnn": lambda dtype=np.float64: recurrent("RNN", dtype),
    "transformer": transformer,
}


def data(model, shapes, dtype=np.float64, seed=5):
    """Arrays for the inputs of a model: real ones in these shapes, whole ones below 3."""
    rng = np.random.default_rng(seed)
    made = {}
    for info in model.graph.input:
        whole = info.type.tensor_type.elem_type == TensorProto.INT64
        shape = shapes[info.name] if isinstance(shapes[info.name], tuple) else shapes[next(iter(shapes))][:1]
        made[info.name] = rng.integers(0, 3, shape) if whole else rng.normal(size=shape).astype(dtype)
    return made
