"""Records of ONNX ops that are recurrent networks, unrolled over the length of the sequences."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from symbackprop.errors import AxisError
from symbackprop.language.onnx.known import sizes_of
from symbackprop.language.onnx.nodes.records import Nodes, node

LONGEST = 500
"""Steps that a network is unrolled over."""
FUNCTIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "softplus": "softplus", "softsign": "softsign"}
State = tuple[Any, ...]


class Weights(NamedTuple):
    """What one direction of a network has: W and R, the biases beside them, and of an LSTM its peepholes."""

    inward: Any
    again: Any
    bias: Any
    bias_again: Any
    peepholes: Any


def _parts(x: Any, count: int) -> list[Any]:
    """Gates that stand beside each other."""
    size = x.shape[-1] // count
    return [x[..., k * size : (k + 1) * size] for k in range(count)]


def _plus(ops: Nodes, x: Any, bias: Any) -> Any:
    return x if bias is None else ops.add(x, bias)


def lstm_step(ops: Nodes, x: Any, state: State, w: Weights, functions: Sequence[Callable], coupled: int) -> State:
    """One step of a long short-term memory; gates stand in the order input, output, forget, cell."""
    hidden, cell = state
    f, g, h = functions
    gates = _plus(ops, ops.add(ops.matmul(x, w.inward.T), ops.matmul(hidden, w.again.T)), w.bias)
    inward, outward, forget, new = _parts(_plus(ops, gates, w.bias_again), 4)
    into, out, away = (None, None, None) if w.peepholes is None else _parts(w.peepholes, 3)
    seen = lambda gate, hole, c: gate if hole is None else ops.add(gate, ops.multiply(hole, c))  # noqa: E731
    i = f(seen(inward, into, cell))
    kept = ops.subtract(1, i) if coupled else f(seen(forget, away, cell))
    cell = ops.add(ops.multiply(kept, cell), ops.multiply(i, g(new)))
    return ops.multiply(f(seen(outward, out, cell)), h(cell)), cell


def gru_step(ops: Nodes, x: Any, state: State, w: Weights, functions: Sequence[Callable], after: int) -> State:
    """One step of a gated recurrent unit; gates stand in the order update, reset, new."""
    (hidden,) = state
    f, g = functions
    one, weights = _parts(_plus(ops, ops.matmul(x, w.inward.T), w.bias), 3), _rows(w.again, 3)
    biases = [None] * 3 if w.bias_again is None else _parts(w.bias_again, 3)
    again = lambda h, k: _plus(ops, ops.matmul(h, weights[k].T), biases[k])  # noqa: E731
    update, reset = (f(ops.add(one[k], again(hidden, k))) for k in (0, 1))
    inner = ops.multiply(reset, again(hidden, 2)) if after else again(ops.multiply(reset, hidden), 2)
    new = g(ops.add(one[2], inner))
    return (ops.add(ops.multiply(ops.subtract(1, update), new), ops.multiply(update, hidden)),)


def _rows(x: Any, count: int) -> list[Any]:
    size = x.shape[0] // count
    return [x[k * size : (k + 1) * size] for k in range(count)]


def rnn_step(ops: Nodes, x: Any, state: State, w: Weights, functions: Sequence[Callable], _: int) -> State:
    """One step of a network without gates."""
    made = _plus(ops, ops.add(ops.matmul(x, w.inward.T), ops.matmul(state[0], w.again.T)), w.bias)
    return (functions[0](_plus(ops, made, w.bias_again)),)


def unrolled(step: Callable, gates: int, plain: Sequence[str], states: int) -> Callable:
    """The record of a network of some steps, with so many gates, functions and states."""

    def network(
        ops: Nodes,
        X: Any,
        W: Any,
        R: Any,
        B: Any,
        sequence_lens: Any,
        begun: Sequence[Any],
        peepholes: Any,
        options: dict[str, Any],
        flag: int = 0,
    ) -> Any:
        layout, direction = options["layout"], options["direction"]
        x = ops.swapaxes(X, 0, 1) if layout else X
        length, samples, hidden = x.shape[0], x.shape[1], R.shape[2]
        _check(ops, length, sequence_lens, options)
        ways = 2 if direction == "bidirectional" else 1
        named = list(options["activations"] or [*plain] * ways)
        runs = []
        for way in range(ways):
            functions = [_function(ops, name) for name in named[way * len(plain) : (way + 1) * len(plain)]]
            first = tuple(_begun(ops, s, way, samples, hidden, layout) for s in (*begun, *[None] * states)[:states])
            w = _weights(W, R, B, peepholes, way, gates * hidden)
            order = range(length)[::-1] if way or direction == "reverse" else range(length)
            state, made = first, {}
            for t in order:
                state = step(ops, x[t], state, w, functions, flag)
                made[t] = state[0]
            runs.append(([made[t] for t in range(length)], state))
        each = [ops.stack(tuple(run[t] for run, _ in runs), axis=1 if layout else 0) for t in range(length)]
        ends = [ops.stack(tuple(s[k] for _, s in runs), axis=1 if layout else 0) for k in range(states)]
        return ops.stack(tuple(each), axis=1 if layout else 0), *ends

    return network


def _check(ops: Nodes, length: Any, sequence_lens: Any, options: dict[str, Any]) -> None:
    if not isinstance(length, int) or length > LONGEST:
        reason = f"it is unrolled over the length, at most {LONGEST} steps, and this is {length}"
        raise ops.error(reason, "give the first axis of its input a number in the file", AxisError)
    if sequence_lens is not None and any(n != length for n in sizes_of(sequence_lens)):
        raise ops.error("sequences that end before the others (sequence_lens)", "leave sequence_lens out, and mask what the loss takes")
    if options["clip"] or options["activation_alpha"] or options["activation_beta"]:
        raise ops.error("clipped gates, or functions with parameters of their own", "leave clip, activation_alpha and activation_beta out")


def _function(ops: Nodes, name: str) -> Callable:
    if name.lower() not in FUNCTIONS:
        raise ops.error(f"the activation {name}", f"take one of {', '.join(FUNCTIONS)}")
    return getattr(ops, FUNCTIONS[name.lower()])


def _begun(ops: Nodes, state: Any, way: int, samples: Any, hidden: Any, layout: int) -> Any:
    """The state before the first step."""
    return ops.zeros((samples, hidden)) if state is None else state[:, way] if layout else state[way]


def _weights(W: Any, R: Any, B: Any, peepholes: Any, way: int, width: Any) -> Weights:
    """What a direction has of the stacked parameters."""
    one, other = (None, None) if B is None else (B[way][:width], B[way][width:])
    return Weights(W[way], R[way], one, other, None if peepholes is None else peepholes[way])


_LSTM = unrolled(lstm_step, 4, ("Sigmoid", "Tanh", "Tanh"), 2)
_GRU = unrolled(gru_step, 3, ("Sigmoid", "Tanh"), 1)
_RNN = unrolled(rnn_step, 1, ("Tanh",), 1)


@node("LSTM", known=("sequence_lens",))
def lstm(
    ops: Nodes,
    X: Any,
    W: Any,
    R: Any,
    B: Any = None,
    sequence_lens: Any = None,
    initial_h: Any = None,
    initial_c: Any = None,
    P: Any = None,
    activation_alpha: Any = None,
    activation_beta: Any = None,
    activations: Any = None,
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int = 0,
    input_forget: int = 0,
    layout: int = 0,
) -> Any:
    """A long short-term memory."""
    options = _options(activation_alpha, activation_beta, activations, clip, direction, layout)
    return _LSTM(ops, X, W, R, B, sequence_lens, (initial_h, initial_c), P, options, input_forget)


@node("GRU", known=("sequence_lens",))
def gru(
    ops: Nodes,
    X: Any,
    W: Any,
    R: Any,
    B: Any = None,
    sequence_lens: Any = None,
    initial_h: Any = None,
    activation_alpha: Any = None,
    activation_beta: Any = None,
    activations: Any = None,
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int = 0,
    layout: int = 0,
    linear_before_reset: int = 0,
) -> Any:
    """A gated recurrent unit."""
    options = _options(activation_alpha, activation_beta, activations, clip, direction, layout)
    return _GRU(ops, X, W, R, B, sequence_lens, (initial_h,), None, options, linear_before_reset)


@node("RNN", known=("sequence_lens",))
def rnn(
    ops: Nodes,
    X: Any,
    W: Any,
    R: Any,
    B: Any = None,
    sequence_lens: Any = None,
    initial_h: Any = None,
    activation_alpha: Any = None,
    activation_beta: Any = None,
    activations: Any = None,
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int = 0,
    layout: int = 0,
) -> Any:
    """A network without gates."""
    options = _options(activation_alpha, activation_beta, activations, clip, direction, layout)
    return _RNN(ops, X, W, R, B, sequence_lens, (initial_h,), None, options)


def _options(*given: Any) -> dict[str, Any]:
    return dict(zip(("activation_alpha", "activation_beta", "activations", "clip", "direction", "layout"), given, strict=True))
