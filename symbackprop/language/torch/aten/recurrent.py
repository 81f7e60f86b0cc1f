"""Records of ATen ops that are recurrent networks, unrolled over the length of the example."""

from collections.abc import Callable, Sequence
from typing import Any

from symbackprop.errors import AxisError
from symbackprop.language.graphs.ops import Ops
from symbackprop.language.torch.aten.layers import dropout
from symbackprop.language.torch.aten.products import linear
from symbackprop.language.torch.aten.records import aten

State = tuple[Any, ...]
Step = Callable[[Ops, Any, State, Sequence[Any]], State]


def _parts(ops: Ops, gates: Any, count: int) -> list[Any]:
    """Gates that stand beside each other."""
    size = gates.shape[-1] // count
    return [gates[..., k * size : (k + 1) * size] for k in range(count)]


def lstm_step(ops: Ops, entering: Any, state: State, weights: Sequence[Any]) -> State:
    """One step of a long short-term memory, from W x + b."""
    hidden, cell = state
    inward, forget, new, outward = _parts(ops, ops.add(entering, linear(ops, hidden, *weights)), 4)
    kept = ops.multiply(ops.sigmoid(forget), cell)
    cell = ops.add(kept, ops.multiply(ops.sigmoid(inward), ops.tanh(new)))
    return ops.multiply(ops.sigmoid(outward), ops.tanh(cell)), cell


def gru_step(ops: Ops, entering: Any, state: State, weights: Sequence[Any]) -> State:
    """One step of a gated recurrent unit."""
    (hidden,) = state
    one, other = _parts(ops, entering, 3), _parts(ops, linear(ops, hidden, *weights), 3)
    reset, update = (ops.sigmoid(ops.add(one[k], other[k])) for k in (0, 1))
    new = ops.tanh(ops.add(one[2], ops.multiply(reset, other[2])))
    return (ops.add(ops.multiply(ops.subtract(1, update), new), ops.multiply(update, hidden)),)


def plain_step(op: str) -> Step:
    """One step of a network without gates."""

    def step(ops: Ops, entering: Any, state: State, weights: Sequence[Any]) -> State:
        return (getattr(ops, op)(ops.add(entering, linear(ops, state[0], *weights))),)

    return step


STEPS: dict[str, Step] = {"lstm": lstm_step, "gru": gru_step, "rnn_tanh": plain_step("tanh"), "rnn_relu": plain_step("relu")}


def unrolled(step: Step, several: bool) -> Callable:
    """The record of a network of some steps; `several`: its state is a list of arrays."""

    def network(
        ops: Ops,
        input: Any,
        hx: Any,
        params: Sequence[Any],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool = False,
    ) -> Any:
        x = ops.swapaxes(input, 0, 1) if batch_first else input
        length = x.shape[0]
        if not isinstance(length, int):
            reason = f"it is unrolled over the length, and this is symbolic, {length}"
            raise ops.error(reason, "let dynamic= give the length a number", AxisError)
        states = list(hx) if several else [hx]
        each, ways = (4 if has_biases else 2), (2 if bidirectional else 1)
        outputs, last = [x[t] for t in range(length)], []
        for layer in range(num_layers):
            made = []
            for way in range(ways):
                place = layer * ways + way
                weights = params[place * each : (place + 1) * each]
                run = _run(ops, step, outputs[::-1] if way else outputs, tuple(s[place] for s in states), weights)
                made.append([s[0] for s in (run[::-1] if way else run)])
                last.append(run[-1])
            outputs = [ops.concatenate(pair, axis=pair[0].ndim - 1) if ways == 2 else pair[0] for pair in zip(*made, strict=True)]
            if dropout and train and layer < num_layers - 1:
                outputs = _dropped(ops, outputs, dropout)
        whole = ops.stack(tuple(outputs), axis=1 if batch_first else 0)
        ends = [ops.stack(tuple(s[k] for s in last), axis=0) for k in range(len(states))]
        return whole, *ends

    return network


def _run(ops: Ops, step: Step, inputs: Sequence[Any], state: State, weights: Sequence[Any]) -> list[State]:
    """The states after each step."""
    half = len(weights) // 2
    made = []
    for x in inputs:
        state = step(ops, linear(ops, x, weights[0], *weights[2 : 2 + half - 1]), state, (weights[1], *weights[2 + half - 1 :]))
        made.append(state)
    return made


def _dropped(ops: Ops, outputs: Sequence[Any], p: float) -> list[Any]:
    """What dropout leaves, by one mask for all steps' places."""
    whole = dropout(ops, ops.stack(tuple(outputs), axis=0), p)
    return [whole[t] for t in range(len(outputs))]


for _name, _step in STEPS.items():
    aten(_name)(unrolled(_step, _name == "lstm"))


def _cell(step: Step, several: bool) -> Callable:
    def cell(ops: Ops, input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        state = tuple(hx) if several else (hx,)
        hidden = (w_hh,) if b_hh is None else (w_hh, b_hh)
        made = step(ops, linear(ops, input, w_ih, b_ih), state, hidden)
        return made if several else made[0]

    return cell


for _name, _step in STEPS.items():
    aten(f"{_name}_cell")(_cell(_step, _name == "lstm"))
