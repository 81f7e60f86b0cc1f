"""Random networks of random sizes: every adjoint against differences of the literal evaluation."""

from hypothesis import given
from hypothesis import strategies as st

from symbackprop.calculus.index import axis
from symbackprop.derivation.reverse import gradient
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
from symbackprop.verification.numeric import check_derivatives

ACTIVATIONS = [ReLU(), LeakyReLU(0.2), Tanh(), Sigmoid(), Softplus(), GELU(), SiLU(), ELU(0.7)]
LOSSES = [SoftmaxCrossEntropy, BCEWithLogits, MSE, Huber]


@st.composite
def networks(draw):
    depth = draw(st.integers(1, 3))
    names = [f"d{k}" for k in range(depth + 1)]
    layers = []
    for k in range(depth):
        layers.append(Linear(names[k], names[k + 1], bias=draw(st.booleans())))
        if k < depth - 1 or draw(st.booleans()):
            layers.append(draw(st.sampled_from(ACTIVATIONS)))
    loss = draw(st.sampled_from(LOSSES))(l2=draw(st.sampled_from([None, 0.25, "lam"])))
    sizes = {axis(a): draw(st.integers(1, 3)) for a in ["n", *names]}
    return Sequential(*layers, loss), sizes


@given(networks(), st.integers(0, 1000))
def test_every_adjoint_of_a_random_network(network, seed):
    model, sizes = network
    derived = gradient(elaborate(model.spec()))
    verdicts = check_derivatives(derived.program, seeds=[seed], sizes=sizes)
    assert {v.status for v in verdicts} <= {"holds", "unknown"}, [str(v) for v in verdicts if v.status == "wrong"]
    assert any(v.status == "holds" for v in verdicts)
