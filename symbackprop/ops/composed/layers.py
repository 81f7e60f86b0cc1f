"""Layers in terms of other ops, with the names and the argument order of torch.nn.functional."""

from sympy import Expr

from symbackprop.ops.composed.compose import Composer, Value, composed
from symbackprop.ops.table import DIFFERENCES

LAST = {"axis": -1, "keepdims": True}


@composed("layer", source="torch.nn.functional.linear")
def linear(ops: Composer, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """An affine map of the last axis.

    linear(x, W, b) = x @ W.T + b
    """
    made = x @ weight.T
    return made if bias is None else made + bias


def _statistics(ops: Composer, x: Value, axis: int) -> None:
    """What the field calls mean and variance."""
    ops.called(ops.mean(x, axis=axis), "mu", r"\mu{}")
    ops.called(ops.var(x, axis=axis), "sigma2", r"\sigma^{{2}}{}")


def _scaled(made: Value, weight: Value | None, bias: Value | None) -> Value:
    made = made if weight is None else made * weight
    return made if bias is None else made + bias


@composed("layer", source="Ba, Kiros & Hinton 2016", accuracy=DIFFERENCES)
def layer_norm(ops: Composer, x: Value, weight: Value | None = None, bias: Value | None = None, eps: Expr = 1e-5) -> Value:
    """The last axis brought to mean 0 and variance 1, then scaled and shifted.

    layer_norm(x, w, b) = w (x - mean(x)) / sqrt(var(x) + eps) + b
    """
    x = ops.named(x)
    _statistics(ops, x, -1)
    return _scaled((x - ops.mean(x, **LAST)) / ops.sqrt(ops.var(x, **LAST) + eps), weight, bias)


@composed("layer", source="Zhang & Sennrich 2019")
def rms_norm(ops: Composer, x: Value, weight: Value | None = None, eps: Expr = 1e-5) -> Value:
    """The last axis divided by its root mean square, then scaled.

    rms_norm(x, w) = w x / sqrt(mean(x^2) + eps)
    """
    x = ops.named(x)
    ops.called(ops.mean(x**2, axis=-1), "rms2", r"\mathrm{{RMS}}^{{2}}{}")
    return _scaled(x / ops.sqrt(ops.mean(x**2, **LAST) + eps), weight, None)


@composed("layer", source="Ioffe & Szegedy 2015", accuracy=DIFFERENCES)
def batch_norm(ops: Composer, x: Value, weight: Value | None = None, bias: Value | None = None, eps: Expr = 1e-5) -> Value:
    """Each feature brought to mean 0 and variance 1 over the first axis (training mode), then scaled and shifted.

    batch_norm(X, w, b) = w (X - mean(X, axis=0)) / sqrt(var(X, axis=0) + eps) + b
    """
    x = ops.named(x)
    _statistics(ops, x, 0)
    first = {"axis": 0, "keepdims": True}
    return _scaled((x - ops.mean(x, **first)) / ops.sqrt(ops.var(x, **first) + eps), weight, bias)


@composed("layer", source="Srivastava et al. 2014")
def dropout(ops: Composer, x: Value, mask: Value, p: Expr = 0.5) -> Value:
    """Entries kept where a given mask is 1, and scaled so that the mean stays.

    dropout(x, mask, p) = x mask / (1 - p)
    """
    return x * mask / (1 - ops.positive(p))


@composed("layer", source="torch.nn.functional.embedding")
def embedding(ops: Composer, input: Value, weight: Value) -> Value:
    """The rows of a table at the places of an index array.

    embedding(words, W)[i, j] = W[words[i], j]
    """
    return ops.take(weight, input, axis=0)


@composed("layer", source="Vaswani et al. 2017, eq. 1", accuracy=DIFFERENCES)
def scaled_dot_product_attention(ops: Composer, query: Value, key: Value, value: Value, attn_mask: Value | None = None) -> Value:
    """Values averaged with weights that say how well their keys fit a query; a mask is added to the scores.

    scaled_dot_product_attention(Q, K, V) = softmax(Q @ K.T / sqrt(d) + mask) @ V
    """
    scores = query @ ops.swapaxes(key, axis1=-1, axis2=-2) / ops.sqrt(query.shape[-1])
    return ops.softmax(scores if attn_mask is None else scores + attn_mask, axis=-1) @ value


@composed("layer", source="Elman 1990; torch.nn.RNNCell")
def rnn_cell(ops: Composer, x: Value, h: Value, w_ih: Value, w_hh: Value, b: Value | None = None) -> Value:
    """One step of a recurrent network.

    rnn_cell(x, h, W, U, b) = tanh(x @ W.T + h @ U.T + b)
    """
    made = x @ w_ih.T + h @ w_hh.T
    return ops.tanh(made if b is None else made + b)


@composed("layer", source="Cho et al. 2014; torch.nn.GRUCell", accuracy=DIFFERENCES)
def gru_cell(ops: Composer, x: Value, h: Value, w_ih: Value, w_hh: Value, b_ih: Value, b_hh: Value) -> Value:
    """One step of a gated recurrent unit; weights hold reset, update and new gate one below the other.

    gru_cell(x, h) = (1 - z) n + z h, n = tanh(W x + b + r (U h + c)), r and z sigmoids of W x + b + U h + c
    """
    size = h.shape[-1]
    cuts = (size, 2 * size)
    one, other = (ops.split(ops.named(side), cuts, axis=-1) for side in (x @ w_ih.T + b_ih, h @ w_hh.T + b_hh))
    reset, update = (ops.sigmoid(one[k] + other[k]) for k in (0, 1))
    new = ops.tanh(one[2] + reset * other[2])
    update = ops.named(update)
    return (1 - update) * new + update * h


@composed("layer", source="Hochreiter & Schmidhuber 1997; torch.nn.LSTMCell", accuracy=DIFFERENCES)
def lstm_cell(ops: Composer, x: Value, h: Value, c: Value, w_ih: Value, w_hh: Value, b: Value | None = None) -> Value:
    """One step of a long short-term memory, as [h, c] along the last axis; weights hold input, forget, cell and output gate.

    c' = f c + i g, h' = o tanh(c'), with i, f, o sigmoids and g a tanh of x @ W.T + h @ U.T + b
    """
    size = c.shape[-1]
    gates = x @ w_ih.T + h @ w_hh.T
    parts = ops.split(ops.named(gates if b is None else gates + b), (size, 2 * size, 3 * size), axis=-1)
    cell = ops.named(ops.sigmoid(parts[1]) * c + ops.sigmoid(parts[0]) * ops.tanh(parts[2]))
    return ops.concatenate((ops.sigmoid(parts[3]) * ops.tanh(cell), cell), axis=-1)
