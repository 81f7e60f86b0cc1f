"""Gradient descent on a generated module: w <- w - eta dJ/dw, on all samples at once or on shuffled mini-batches.

Everything random comes from one seeded generator, so the same seed gives the same parameters. The module is any
object with `initialise`, `loss`, `loss_and_gradients` and `forward` as a generated module has them.
"""

import inspect
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symbackprop.calculus.facts.data import check_facts
from symbackprop.calculus.program import Program
from symbackprop.code.names import arguments, code_names
from symbackprop.commands.data import Array, Data, Scaling, axis_sizes, check_data
from symbackprop.emit import write
from symbackprop.errors import TrainError


@dataclass(frozen=True)
class History:
    """What a run did: `losses[k]` is the loss on all training samples after k epochs, `losses[0]` before the first."""

    losses: tuple[float, ...]
    params: Any
    rate: float
    batch: int | None
    seed: int
    steps: int

    @property
    def epochs(self) -> int:
        """How many times each sample was used."""
        return len(self.losses) - 1


def initial_parameters(module: Any, data: Data, program: Program, seed: int = 0) -> Any:
    """The module's own `initialise(seed, sizes...)`, with sizes from the data and, for inner axes, from the model.

    Raises: TrainError where an axis has no size.
    """
    sizes, axes = axis_sizes(data, program), {called: name for name, called in code_names(program).axes.items()}
    given: dict[str, Any] = {}
    for called, parameter in inspect.signature(module.initialise).parameters.items():
        name = axes.get(called)
        if name is None:
            given |= {"seed": seed} if called == "seed" else {}
        elif name in sizes:
            given[called] = sizes[name]
        elif parameter.default is inspect.Parameter.empty:
            raise TrainError(f"axis '{name}' has no size", place=program.name, fix=f"set {name} under [axes] of the model")
    return module.initialise(**given)


def train(
    module: Any,
    data: Data,
    program: Program,
    *,
    rate: float = 0.1,
    epochs: int = 100,
    batch: int | None = None,
    seed: int = 0,
    params: Any = None,
    shuffle: bool = True,
    progress: Callable[[int, float], None] | None = None,
) -> History:
    """Gradient descent, w <- w - rate dJ/dw for each parameter w.

    J is the loss on all samples (`batch` None) or on the next `batch` samples of an order drawn anew for each epoch.
    `params` are the starting values (default: the module's own initial ones). `progress(epoch, loss)` is called after each epoch.
    The data is not changed, neither are `params`.

    Raises: DataError for data that does not fit; FactError where data, or parameters after an epoch, lack a declared fact; TrainError for
    settings out of range and for a loss that is not finite.
    """
    check_settings(rate, epochs, batch, seed)
    check_data(data, program)
    current = initial_parameters(module, data, program, seed) if params is None else params
    call = Calls(module, program)
    call.check(current)
    generator = np.random.default_rng(seed)
    step = data.count if batch is None else min(batch, data.count)
    losses, steps = [call.loss(current, data)], 0
    for epoch in range(1, epochs + 1):
        whole = step == data.count
        order = generator.permutation(data.count) if shuffle and not whole else np.arange(data.count)
        # Overflow on the way to a loss that is not finite is reported below, once, as an error of ours.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for start in range(0, data.count, step):
                part = data if whole else data.take(order[start : start + step])
                _, gradients = call.loss_and_gradients(current, part)
                current = type(current)(*(w - rate * g for w, g in zip(current, gradients, strict=True)))
                steps += 1
            losses.append(call.loss(current, data))
        if not math.isfinite(losses[-1]):
            raise TrainError(
                f"the loss is {losses[-1]} after epoch {epoch}",
                place="train",
                notes=["losses: " + ", ".join(f"{x:.4g}" for x in losses[-4:])],
                fix=f"take a smaller learning rate than {rate:g}, or standardise the inputs",
            )
        call.check(current)
        if progress is not None:
            progress(epoch, losses[-1])
    return History(tuple(losses), current, rate, batch, seed, steps)


class Calls:
    """The functions of a generated module, called with data by the names of the model. Facts are checked here, once, not in each call."""

    def __init__(self, module: Any, program: Program) -> None:
        self.module, self.program = module, program
        self.names = arguments(program)

    def loss(self, params: Any, data: Data) -> float:
        """The objective."""
        return float(self.called("loss", params, data))

    def loss_and_gradients(self, params: Any, data: Data) -> Any:
        """The objective and its gradients."""
        return self.called("loss_and_gradients", params, data)

    def forward(self, params: Any, data: Data) -> Array:
        """The output."""
        return np.asarray(self.called("forward", params, data))

    def called(self, function: str, params: Any, data: Data) -> Any:
        """A function of the module, with those of the arrays that it takes."""
        call = getattr(self.module, function)
        wanted = inspect.signature(call).parameters
        given = {self.names[n]: a for n, a in data.arrays.items() if self.names[n] in wanted}
        return call(params, **given, **({"check": False} if "check" in wanted else {}))

    def check(self, params: Any) -> None:
        """Raise FactError where parameters lack what is declared of them."""
        held = {t.name: np.asarray(getattr(params, self.names[t.name])) for t in self.program.parameters}
        check_facts(self.program.parameters, held, "train")


def check_settings(rate: float, epochs: int, batch: int | None, seed: int) -> None:
    """Raise TrainError unless rate > 0, epochs >= 1, batch >= 1 (or None) and seed >= 0."""
    if not (math.isfinite(rate) and rate > 0):
        raise TrainError(f"the learning rate is {rate:g}", place="train", fix="give a positive number, as 0.1")
    for name, value, least in (("epochs", epochs, 1), ("batch", batch, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise TrainError(f"{name} is {value}", place="train", fix=f"give a whole number of at least {least}")


def split(data: Data, part: float = 1 / 3, seed: int = 0) -> tuple[Data, Data]:
    """(training, held out): `part` of the samples of each class is held out, drawn by `seed`; order is kept within each.

    Raises: TrainError where a part would be empty.
    """
    generator = np.random.default_rng(seed)
    kinds = data.kinds()
    held: list[int] = []
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        held += generator.permutation(members)[: round(len(members) * part)].tolist()
    chosen = np.zeros(data.count, dtype=bool)
    chosen[held] = True
    if chosen.all() or not chosen.any():
        raise TrainError(
            f"{data.count} samples can't be split into training and held-out", place=data.source or "data", fix="give more samples"
        )
    return data.take(np.flatnonzero(~chosen)), data.take(np.flatnonzero(chosen))


def standardise(data: Data, program: Program, *others: Data) -> tuple[Data, ...]:
    """Each column of each input to mean 0 and deviation 1 over the samples of `data`; `others` by the same numbers."""
    scaling: dict[str, Scaling] = {}
    for name, axis in data.along.items():
        values = data.arrays[name]
        if program.tensors[name].role == "input" and values.ndim > 1:
            deviation = values.std(axis=axis, keepdims=True)
            scaling[name] = Scaling(values.mean(axis=axis, keepdims=True), np.where(deviation > 0, deviation, 1.0))
    return tuple(
        replace(d, arrays={n: scaling[n](a) if n in scaling else a for n, a in d.arrays.items()}, scaling=scaling) for d in (data, *others)
    )


def accuracy(module: Any, params: Any, data: Data, program: Program) -> float | None:
    """The share of samples whose largest output stands at their class; None where the model has no classes or no output."""
    if data.label is None or not data.classes or program.output is None:
        return None
    scores = Calls(module, program).forward(params, data)
    axes = program.tensors[program.output].axes
    if scores.ndim != 2 or program.samples not in axes:
        return None
    return float(np.mean(np.argmax(scores, axis=1 - axes.index(program.samples)) == data.kinds()))


def save_parameters(path: str | Path, params: Any, scaling: Mapping[str, Scaling] | None = None) -> None:
    """Write the parameters, by name, as an .npz file, with `<input>_mean` and `<input>_deviation` where inputs were scaled.

    Raises: TargetError where it can't be written; there is never half a file.
    """
    held = dict(params._asdict())
    for name, scale in (scaling or {}).items():
        held |= {f"{name}_mean": scale.mean, f"{name}_deviation": scale.deviation}
    stream = io.BytesIO()
    np.savez(stream, **held)
    write(path, stream.getvalue())
