"""The same network through the four doors gives the same program, up to the names of intermediates."""
# ruff: noqa: F722, F821

from pathlib import Path

import numpy as np
import pytest

import symbackprop as sbp
from symbackprop.calculus.program import Call, Equation, Program
from symbackprop.calculus.term import Entry
from symbackprop.errors import AxisError, SpecError
from symbackprop.language.elaborate import elaborate
from symbackprop.language.layers import (
    ELU,
    GELU,
    MSE,
    BCEWithLogits,
    Huber,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    Softplus,
    Tanh,
)
from symbackprop.language.spec import spec_from_tables
from symbackprop.language.toml import load_spec
from symbackprop.language.tracing.trace import trace_spec
from symbackprop.verification.oracle.literal import evaluate

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def meaning(program: Program) -> tuple:
    """All of a program but the names of its intermediates and what users wrote."""
    numbers = {e.name: f"#{k}" for k, e in enumerate(program.equations)}

    def renamed(e: Equation) -> tuple:
        if isinstance(e.rhs, Call):
            said = (e.rhs.op, tuple(numbers.get(a, a) for a in e.rhs.arguments), e.rhs.options)
        else:
            said = e.rhs.xreplace({a: Entry(numbers.get(a.name, a.name), *a.indices) for a in e.rhs.atoms(Entry)})
        return e.tensor.axes, e.indices, said

    leaves = {(t.name, t.axes, t.role, t.facts) for t in program.leaves}
    ends = numbers[program.objective], numbers.get(program.output)
    return leaves, tuple(renamed(e) for e in program.equations), ends


def differ(one: Program, two: Program) -> bool:
    return meaning(one) != meaning(two)


def tables(shapes: dict[str, str], equations: dict[str, str], **options) -> Program:
    """A program from tables: X and Y are data, the others parameters."""
    roles = {"X": "input", "Y": "label"}
    declared = {name: {"axes": axes, "role": roles.get(name, "parameter")} for name, axes in shapes.items()}
    for name, fact in options.pop("facts", {}).items():
        declared[name]["fact"] = fact
    return elaborate(spec_from_tables(declared, equations, **{"objective": "J", "output": "O", "samples": "n", **options}))


def traced(function, **options) -> Program:
    wrt = [name for name in function.__annotations__ if name not in "XY"]
    spec = trace_spec(function, **{"parameters": wrt, "output": "O", "samples": "n", **options})
    labels = {"Y": spec.tensors["Y"].__class__(spec.tensors["Y"].axes, "label", spec.tensors["Y"].facts)}
    return elaborate(spec.__class__(**{**vars(spec), "tensors": {**spec.tensors, **labels}}))


def layers(*parts) -> Program:
    return elaborate(Sequential(*parts).spec())


def two_layer(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
    hidden = sbp.relu(X @ W1.T + b1)
    O = hidden @ W2.T + b2
    return -np.sum(Y * np.log(sbp.softmax(O, axis=-1))) / X.shape[0]


def two_layer_named(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
    Z = X @ W1.T + b1
    H = sbp.relu(Z)
    O = H @ W2.T + b2
    P = sbp.softmax(O)
    loss = -np.sum(Y * np.log(P)) / X.shape[0]
    return loss


SHAPES = {"X": "n d", "Y": "n c", "W1": "h d", "b1": "h", "W2": "c h", "b2": "c"}
FACTS = {"Y": "simplex over c"}
EQUATIONS = {
    "Z": "X @ W1.T + b1",
    "H": "np.maximum(Z, 0)",
    "O": "H @ W2.T + b2",
    "Yhat": "softmax(O)",
    "J": "-(Y * np.log(Yhat)).sum() / n",
}


def test_four_doors_one_program():
    from_file = elaborate(load_spec(EXAMPLES / "two_layer.toml"))
    others = {
        "tables": tables(SHAPES, EQUATIONS, facts=FACTS),
        "function": traced(two_layer_named, facts=FACTS),
        "function with parts that have no name": traced(two_layer, facts=FACTS),
        "layers": layers(Linear("d", "h"), ReLU(), Linear("h", "c"), SoftmaxCrossEntropy()),
    }
    assert [door for door, program in others.items() if differ(from_file, program)] == []


@pytest.mark.parametrize(
    "other",
    [
        {"facts": {}},
        {"facts": FACTS, "output": "H"},
        {"facts": FACTS, "equations": {**EQUATIONS, "J": "sum(Y * log(Yhat)) / n"}},
        {"facts": FACTS, "equations": {**EQUATIONS, "H": "tanh(Z)"}},
        {"facts": FACTS, "equations": {**EQUATIONS, "Yhat": "softmax(O, axis=0)"}},
        {"facts": FACTS, "shapes": {**SHAPES, "W2": "c h", "b2": "1"}},
    ],
)
def test_another_network_is_another_program(other):
    shapes, equations = other.pop("shapes", SHAPES), other.pop("equations", EQUATIONS)
    assert differ(elaborate(load_spec(EXAMPLES / "two_layer.toml")), tables(shapes, equations, **other))


def test_the_public_doors_give_the_same_program():
    spec = load_spec(EXAMPLES / "two_layer.toml")
    wrt = ["W1", "b1", "W2", "b2"]
    declared = {name: {"axes": t.axes, "role": t.role, "facts": t.facts} for name, t in spec.tensors.items()}
    models = [
        sbp.load(EXAMPLES / "two_layer.toml"),
        sbp.model(tensors=declared, equations=EQUATIONS, output="O"),
        sbp.trace(two_layer, parameters=wrt, facts=FACTS, output="O"),
    ]
    assert [differ(models[0].program, m.program) for m in models] == [False] * 3


ACTIVATIONS = {
    ReLU(): sbp.relu,
    LeakyReLU(0.2): lambda z: sbp.leaky_relu(z, 0.2),
    Tanh(): np.tanh,
    Sigmoid(): sbp.sigmoid,
    Softplus(): sbp.softplus,
    GELU(): sbp.gelu,
    SiLU(): sbp.silu,
    ELU(1.5): lambda z: sbp.elu(z, alpha=1.5),
}


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=str)
def test_each_activation_of_a_list_is_the_function_of_its_name(layer):
    function = ACTIVATIONS[layer]

    def network(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "c h", b2: "c"):
        H = function(X @ W1.T + b1)
        O = H @ W2.T + b2
        return np.mean((O - Y) ** 2)

    one = layers(Linear("d", "h"), layer, Linear("h", "c"), MSE())
    assert not differ(one, traced(network))
    assert differ(one, layers(Linear("d", "h"), ELU(0.5), Linear("h", "c"), MSE()))


def _cross_entropy(O, Y):
    return -np.sum(Y * np.log(sbp.softmax(O, axis=-1))) / O.shape[0]


LOSSES = {
    BCEWithLogits: sbp.binary_cross_entropy_with_logits,
    MSE: sbp.mse_loss,
    Huber: lambda O, Y: sbp.huber_loss(O, Y, 2.5),
    SoftmaxCrossEntropy: _cross_entropy,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("l2", [None, 0.01])
def test_each_loss_of_a_list_is_its_formula(loss, l2):
    options = {"delta": 2.5} if loss is Huber else {}

    def network(X: "n d", Y: "n c", W1: "h d", b1: "h", W2: "k h", b2: "k", W3: "c k"):
        A1 = np.tanh(X @ W1.T + b1)
        A2 = np.tanh(A1 @ W2.T + b2)
        O = A2 @ W3.T
        if l2 is None:
            return LOSSES[loss](O, Y)
        return LOSSES[loss](O, Y) + 0.5 * l2 * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))

    parts = [Linear("d", "h"), Tanh(), Linear("h", "k"), Tanh(), Linear("k", "c", bias=False)]
    one = layers(*parts, loss(l2=l2, **options))
    two = traced(network, facts=FACTS if loss is SoftmaxCrossEntropy else {})
    rng = np.random.default_rng(0)
    sizes = {"n": 2, "d": 3, "h": 5, "k": 7, "c": 11}
    arrays = {t.name: rng.standard_normal([sizes[str(a)] for a in t.axes]) for t in one.leaves}
    assert not differ(one, two)
    assert np.isclose(value(one, arrays), network(**arrays), rtol=1e-12)
    assert not np.isclose(value(one, {**arrays, "Y": -arrays["Y"]}), network(**arrays), rtol=1e-3)


def test_the_softmax_cross_entropy_of_a_list_is_that_of_the_op_table():
    O, Y = np.random.default_rng(1).standard_normal((3, 5)), np.eye(5)[[4, 0, 2]]
    assert np.isclose(_cross_entropy(O, Y), sbp.cross_entropy(O, Y), rtol=1e-12)


def test_the_first_number_of_a_loss_is_its_own_and_not_the_penalty():
    assert Huber(2.5) == Huber(delta=2.5) != Huber(l2=2.5)
    with pytest.raises(TypeError):
        MSE(0.01)


WRONG = {
    "samples": (lambda: layers(Linear("d", "n"), MSE()), AxisError, "'n' is the axis of the samples"),
    "neighbours": (lambda: layers(Linear("d", "h"), Linear("k", "c"), MSE()), AxisError, 'Linear("d", "h") gives "h", the next takes "k"'),
    "penalty": (lambda: layers(Linear("d", "c"), MSE(l2="X")), SpecError, "l2 can't be called 'X': the network has that"),
    "penalty O": (lambda: layers(Linear("d", "c"), MSE(l2="O")), SpecError, "l2 can't be called 'O': the network has that"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_network_is_refused(kind):
    make, error, reason = WRONG[kind]
    with pytest.raises(error) as caught:
        make()
    assert caught.value.reason == reason and caught.value.place == "Sequential" and caught.value.fix


def value(program: Program, arrays: dict[str, np.ndarray]) -> float:
    return float(evaluate(program, arrays)[program.objective])
