"""Models as lists of layers.

`Sequential` writes the equations that its layers stand for, in the language, and reads them like any other model. Names: the
input is X, the labels Y. With one hidden layer the tensors are those of a two-layer net as it is usually written: H0 before the
activation, H after it, O the output. With more, layer l has Z{l} before and A{l} after its activation, and the last is O.
Parameters are W1, b1, W2, b2, ... The probabilities of a classifier are Yhat, the objective is J.
"""

from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import ClassVar

from symbackprop.calculus.index import IDENTIFIER
from symbackprop.errors import AxisError, SpecError
from symbackprop.language.spec import ModelSpec, spec_from_tables

SAMPLES = "n"


@dataclass(frozen=True)
class Linear:
    """X W^T + b with W of shape (outputs, inputs). Source: Rumelhart, Hinton, Williams 1986, eq. 1."""

    inputs: str
    outputs: str
    bias: bool = True


@dataclass(frozen=True)
class Activation:
    """An elementwise function after a linear layer: the op of the language that `op` names, with the fields of the layer as its options."""

    op: ClassVar[str]

    def text(self, argument: str) -> str:
        """The call in the language."""
        return _call(self.op, argument, *[getattr(self, f.name) for f in fields(self)])


@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0), with derivative 0 at 0. Source: Nair, Hinton 2010."""

    op = "relu"


@dataclass(frozen=True)
class LeakyReLU(Activation):
    """x where x > 0, else slope x. Source: Maas, Hannun, Ng 2013."""

    op = "leaky_relu"
    slope: float = 0.01


@dataclass(frozen=True)
class Tanh(Activation):
    """The hyperbolic tangent."""

    op = "tanh"


@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    op = "sigmoid"


@dataclass(frozen=True)
class Softplus(Activation):
    """log(1 + exp(x)). Source: Dugas et al. 2001."""

    op = "softplus"


@dataclass(frozen=True)
class GELU(Activation):
    """x Phi(x), exact. Source: Hendrycks, Gimpel 2016, eq. 1."""

    op = "gelu"


@dataclass(frozen=True)
class SiLU(Activation):
    """x sigmoid(x). Source: Elfwing, Uchibe, Doya 2018."""

    op = "silu"


@dataclass(frozen=True)
class ELU(Activation):
    """x where x > 0, else alpha (exp(x) - 1). Source: Clevert, Unterthiner, Hochreiter 2016, eq. 15."""

    op = "elu"
    alpha: float = 1.0


@dataclass(frozen=True)
class Loss:
    """The last entry: the op that `op` names of the output O and the labels Y, plus 0.5 l2 times the sum of squares of all weights.

    `l2` is a number, or the name of a scalar constant; it is given by name, as in MSE(l2=0.01). Without it there is no penalty.
    """

    op: ClassVar[str]
    l2: float | str | None = field(default=None, kw_only=True)

    def equations(self, classes: str) -> dict[str, str]:
        """The equations from the output O to the objective J."""
        return {"J": _call(self.op, "O", "Y", *[getattr(self, f.name) for f in fields(self) if f.name != "l2"])}

    def fact(self, classes: str) -> dict[str, str]:
        """The fact that the labels have."""
        return {}


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """-(1/n) sum_sk Y log softmax(O), in nats, summed over classes, mean over samples, as cross_entropy is.

    Y: one-hot or soft labels that sum to 1. Source: Bishop 2006, eq. 4.108.
    """

    op = "cross_entropy"

    def equations(self, classes: str) -> dict[str, str]:
        """Yhat, the probabilities, and J."""
        return {"Yhat": "softmax(O, axis=-1)", "J": "-sum(Y * log(Yhat)) / n"}

    def fact(self, classes: str) -> dict[str, str]:
        """Labels are a simplex over the classes."""
        return {"fact": f"simplex over {classes}"}


@dataclass(frozen=True)
class BCEWithLogits(Loss):
    """The mean of softplus(O) - Y O, in nats, over all samples and outputs. Source: Bishop 2006, eq. 4.90."""

    op = "binary_cross_entropy_with_logits"


@dataclass(frozen=True)
class MSE(Loss):
    """The mean of (O - Y)^2 over all samples and outputs."""

    op = "mse_loss"


@dataclass(frozen=True)
class Huber(Loss):
    """The mean of 0.5 r^2 where |r| <= delta, else delta (|r| - 0.5 delta), r = O - Y, over all samples and outputs. Source: Huber 1964."""

    op = "huber_loss"
    delta: float = 1.0


class Sequential:
    """A network as a list of Linear layers, activations between them, and a loss at the end."""

    def __init__(self, *layers: Linear | Activation | Loss, name: str = "network") -> None:
        """Raises SpecError where the list is no network, AxisError where sizes of neighbours differ."""
        self.name = name
        if not layers or not isinstance(layers[-1], Loss):
            raise SpecError("the last layer has to be a loss", place="Sequential", fix="end with SoftmaxCrossEntropy() or MSE()")
        if not isinstance(layers[0], Linear):
            raise SpecError("the first layer has to be Linear", place="Sequential", fix='begin with Linear("d", "h")')
        body: list[Linear | Activation] = []
        for k, layer in enumerate(layers[:-1]):
            if not isinstance(layer, Linear | Activation):
                raise SpecError(f"layer {k + 1} is {layer!r}", place="Sequential", fix="Linear and activations, then one loss")
            body.append(layer)
        self.body, self.loss = body, layers[-1]
        self._check_sizes()

    @property
    def linear(self) -> list[Linear]:
        """The layers that have weights."""
        return [layer for layer in self.body if isinstance(layer, Linear)]

    def _check_sizes(self) -> None:
        for layer in self.linear:
            for axis in (layer.inputs, layer.outputs):
                if not (isinstance(axis, str) and (IDENTIFIER.match(axis) or axis.isdigit())):
                    raise AxisError(
                        f"{axis!r} is not an axis", place="Sequential", fix='a name or number in quotes, as in Linear("d", "h")'
                    )
                if axis == SAMPLES:
                    fix = f"call the axis of Linear something else than {SAMPLES}"
                    raise AxisError(f"'{SAMPLES}' is the axis of the samples", place="Sequential", fix=fix)
        for one, two in pairwise(self.linear):
            if one.outputs != two.inputs:
                raise AxisError(
                    f'Linear("{one.inputs}", "{one.outputs}") gives "{one.outputs}", the next takes "{two.inputs}"',
                    place="Sequential",
                    fix=f'Linear("{one.outputs}", "{two.outputs}")',
                )

    def spec(self) -> ModelSpec:
        """The model that the layers stand for."""
        linear, loss = self.linear, self.loss
        classes = linear[-1].outputs
        labels = {"axes": f"n {classes}", "role": "label", **loss.fact(classes)}
        tensors: dict[str, dict] = {"X": {"axes": f"n {linear[0].inputs}"}, "Y": labels}
        equations: dict[str, str] = {}
        self._write_layers(tensors, equations)
        equations |= loss.equations(classes)
        if loss.l2 is not None:
            if loss.l2 in (*tensors, *equations):
                reason = f"l2 can't be called '{loss.l2}': the network has that"
                raise SpecError(reason, place="Sequential", fix='take another name, as in l2="lam"')
            squares = " + ".join(f"sum(W{k + 1}**2)" for k in range(len(linear)))
            equations["J"] += f" + 0.5 * {loss.l2} * ({squares})"
            if isinstance(loss.l2, str):
                tensors[loss.l2] = {"axes": "", "role": "constant"}
        return spec_from_tables(tensors, equations, name=self.name, objective="J", output="O", samples=SAMPLES)

    def _write_layers(self, tensors: dict[str, dict], equations: dict[str, str]) -> None:
        last, number = "X", 0
        stages = self._stages()
        for layer, name in zip(self.body, stages, strict=True):
            if isinstance(layer, Linear):
                number += 1
                tensors[f"W{number}"] = {"axes": f"{layer.outputs} {layer.inputs}", "role": "parameter"}
                text = f"{last} @ W{number}.T"
                if layer.bias:
                    tensors[f"b{number}"] = {"axes": layer.outputs, "role": "parameter"}
                    text += f" + b{number}"
            else:
                text = layer.text(last)
            equations[name] = text
            last = name

    def _stages(self) -> list[str]:
        """The name of what each layer gives; the last one is O."""
        plain = [type(layer) is Linear for layer in self.body] == [True, False, True]
        names, level = [], 0
        for layer in self.body:
            if isinstance(layer, Linear):
                level += 1
                names.append("H0" if plain else f"Z{level}")
            else:
                base = "H" if plain else f"A{level}"
                names.append(base if base not in names else f"{base}_{sum(n.startswith(base) for n in names) + 1}")
        return [*names[:-1], "O"]


def _call(op: str, *arguments: str | float) -> str:
    """A call in the language: names as they are, numbers as Python writes them."""
    return f"{op}({', '.join(a if isinstance(a, str) else repr(a) for a in arguments)})"
