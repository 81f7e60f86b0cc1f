"""Layers in terms of other ops, with the names and the argument order of torch.nn.functional."""

from sympy import Expr, S, floor

from symbackprop.errors import AxisError
from symbackprop.laws import guard
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.compose import Composer, Value, composed
from symbackprop.ops.table import OPS, array_op

LAST = {"axis": -1, "keepdims": True}


@composed("layer", source="torch.nn.functional.linear")
def linear(ops: Composer, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """An affine map of the last axis.

    linear(x, W, b) = x @ W.T + b
    """
    made = x @ weight.T
    return made if bias is None else made + bias


def _scaled(made: Value, weight: Value | None, bias: Value | None) -> Value:
    made = made if weight is None else made * weight
    return made if bias is None else made + bias


@composed("layer", source="Ba, Kiros & Hinton 2016")
def layer_norm(ops: Composer, x: Value, weight: Value | None = None, bias: Value | None = None, eps: Expr = 1e-5) -> Value:
    """The last axis brought to mean 0 and variance 1, then scaled and shifted.

    layer_norm(x, w, b) = w (x - mean(x)) / sqrt(var(x) + eps) + b
    """
    x = ops.named(x)
    return _scaled((x - ops.mean(x, **LAST)) / ops.sqrt(ops.var(x, **LAST) + eps), weight, bias)


@composed("layer", source="Zhang & Sennrich 2019")
def rms_norm(ops: Composer, x: Value, weight: Value | None = None, eps: Expr = 1e-5) -> Value:
    """The last axis divided by its root mean square, then scaled.

    rms_norm(x, w) = w x / sqrt(mean(x^2) + eps)
    """
    x = ops.named(x)
    return _scaled(x / ops.sqrt(ops.mean(x**2, **LAST) + eps), weight, None)


@composed("layer", source="Ioffe & Szegedy 2015")
def batch_norm(ops: Composer, x: Value, weight: Value | None = None, bias: Value | None = None, eps: Expr = 1e-5) -> Value:
    """Each feature brought to mean 0 and variance 1 over the first axis (training mode), then scaled and shifted.

    batch_norm(X, w, b) = w (X - mean(X, axis=0)) / sqrt(var(X, axis=0) + eps) + b
    """
    x = ops.named(x)
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


@composed("layer", source="Vaswani et al. 2017, eq. 1")
def scaled_dot_product_attention(ops: Composer, query: Value, key: Value, value: Value, attn_mask: Value | None = None) -> Value:
    """Values averaged with weights that say how well their keys fit a query; a mask is added to the scores.

    attention(Q, K, V) = softmax(Q K^T / sqrt(d) + mask) V
    """
    scores = query @ ops.swapaxes(key, axis1=-1, axis2=-2) / ops.sqrt(query.shape[-1])
    return ops.softmax(scores if attn_mask is None else scores + attn_mask, axis=-1) @ value


@composed("layer", source="Elman 1990; torch.nn.RNNCell")
def rnn_cell(ops: Composer, x: Value, h: Value, w_ih: Value, w_hh: Value, b: Value | None = None) -> Value:
    """One step of a recurrent network.

    rnn_cell(x, h) = tanh(x @ W.T + h @ U.T + b)
    """
    made = x @ w_ih.T + h @ w_hh.T
    return ops.tanh(made if b is None else made + b)


@composed("layer", source="Cho et al. 2014; torch.nn.GRUCell")
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


@composed("layer", source="Hochreiter & Schmidhuber 1997; torch.nn.LSTMCell")
def lstm_cell(ops: Composer, x: Value, h: Value, c: Value, w_ih: Value, w_hh: Value, b: Value | None = None) -> Value:
    """One step of a long short-term memory, as [h, c] along the last axis; weights hold input, forget, cell and output gate.

    c' = f c + i g, h' = o tanh(c'), with i, f, o sigmoids and g a tanh of x @ W.T + h @ U.T + b
    """
    size = c.shape[-1]
    gates = x @ w_ih.T + h @ w_hh.T
    parts = ops.split(ops.named(gates if b is None else gates + b), (size, 2 * size, 3 * size), axis=-1)
    cell = ops.named(ops.sigmoid(parts[1]) * c + ops.sigmoid(parts[0]) * ops.tanh(parts[2]))
    return ops.concatenate((ops.sigmoid(parts[3]) * ops.tanh(cell), cell), axis=-1)


def _windows(draft: Draft, x: Array, sizes: list[Expr], stride: list[Expr], padding: list[Expr]) -> Array:
    """x[..., s i + u - p] over the last axes: axes of places i, then axes of offsets u. Outside of x stand zeros."""
    count = len(sizes)
    front, last = x.axes[: x.rank - count], x.axes[x.rank - count :]
    ready = draft.factor(x)
    places: list[Expr] = []
    for size, k, s, p in zip(last, sizes, stride, padding, strict=True):
        span = size + 2 * p - k
        known = draft.example(span)
        if span.is_negative or (known is not None and known < 0):
            raise draft.error("the window is larger than what it slides over", AxisError, arrays=[x], notes=[draft.described(x)])
        places.append(span + 1 if s == 1 else floor(span / s) + 1)

    def at(indices: Indices) -> Expr:
        lead, rest = indices[: len(front)], indices[len(front) :]
        holds, inner = S.One, []
        for i, u, s, p, size in zip(rest[:count], rest[count:], stride, padding, last, strict=True):
            e = s * i + u - p
            if p != 0:
                holds *= guard(e) * guard(size - 1 - e)
            inner.append(e)
        return holds * ready.at((*lead, *inner))

    return Array((*front, *places, *sizes), at, sums=ready.sums)


def _each(draft: Draft, value: int | Expr | tuple, count: int) -> list[Expr]:
    given = [S(v) for v in value] if isinstance(value, tuple) else [S(value)] * count
    if len(given) != count or not all(v.is_integer for v in given):
        raise draft.error(f"{value} should be a whole number or {count} of them", AxisError)
    return given


def _convolution(draft: Draft, x: Array, weight: Array, bias: Array | None, stride: int | tuple, padding: int | tuple, count: int) -> Array:
    name = f"conv{count}d"
    if x.rank != count + 2 or weight.rank != count + 2:
        notes = [draft.described(x), draft.described(weight)]
        raise draft.error(
            f"{name} takes arrays with {count + 2} axes: (batch, channels, ...), (out, channels, ...)", AxisError, notes=notes
        )
    if x.axes[1] != weight.axes[1]:
        raise draft.clash(x, x.axes[1], weight, weight.axes[1])
    windows = _windows(draft, x, list(weight.axes[2:]), _each(draft, stride, count), _each(draft, padding, count))
    letters = ("ab", "uv") if count == 2 else ("a", "u")
    made = OPS["einsum"].build(draft, f"nc{letters[0]}{letters[1]},oc{letters[1]}->no{letters[0]}", windows, weight)
    if bias is None:
        return made
    aside = OPS["reshape"].build(draft, bias, (*bias.axes, *[1] * count))
    return OPS["add"].build(draft, made, aside)


@array_op("layer", source="torch.nn.functional.conv1d")
def conv1d(draft: Draft, x: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int = 0) -> Array:
    """A convolution (cross-correlation) along the last axis; arrays are (batch, channels, length) and (out, channels, width).

    conv1d(x, w)[n, o, i] = sum_{c,u} x[n, c, stride i + u - padding] w[o, c, u]
    """
    return _convolution(draft, x, weight, bias, stride, padding, 1)


@array_op("layer", source="torch.nn.functional.conv2d")
def conv2d(draft: Draft, x: Array, weight: Array, bias: Array | None = None, stride: int | tuple = 1, padding: int | tuple = 0) -> Array:
    """A convolution (cross-correlation) along the last two axes; arrays are (batch, channels, height, width).

    conv2d(x, w)[n, o, i, j] = sum_{c,u,v} x[n, c, stride i + u - padding, stride j + v - padding] w[o, c, u, v]
    """
    return _convolution(draft, x, weight, bias, stride, padding, 2)


def _pooled(draft: Draft, op: str, x: Array, kernel: int | tuple, stride: int | tuple | None, count: int) -> Array:
    sizes = _each(draft, kernel, count)
    windows = _windows(draft, x, sizes, sizes if stride is None else _each(draft, stride, count), [S.Zero] * count)
    return OPS[op].build(draft, windows, axis=tuple(range(windows.rank - count, windows.rank)))


@array_op("layer", source="torch.nn.functional.avg_pool1d")
def avg_pool1d(draft: Draft, x: Array, kernel_size: int, stride: int | None = None) -> Array:
    """Means over windows along the last axis.

    avg_pool1d(x, k)[i] = mean_u x[stride i + u]
    """
    return _pooled(draft, "mean", x, kernel_size, stride, 1)


@array_op("layer", source="torch.nn.functional.avg_pool2d")
def avg_pool2d(draft: Draft, x: Array, kernel_size: int | tuple, stride: int | tuple | None = None) -> Array:
    """Means over windows along the last two axes.

    avg_pool2d(x, k)[i, j] = mean_{u,v} x[stride i + u, stride j + v]
    """
    return _pooled(draft, "mean", x, kernel_size, stride, 2)


@array_op("layer", source="torch.nn.functional.max_pool1d")
def max_pool1d(draft: Draft, x: Array, kernel_size: int, stride: int | None = None) -> Array:
    """Largest entries of windows along the last axis, the first of equals.

    max_pool1d(x, k)[i] = max_u x[stride i + u]
    """
    return _pooled(draft, "max", x, kernel_size, stride, 1)


@array_op("layer", source="torch.nn.functional.max_pool2d")
def max_pool2d(draft: Draft, x: Array, kernel_size: int | tuple, stride: int | tuple | None = None) -> Array:
    """Largest entries of windows along the last two axes, the first of equals.

    max_pool2d(x, k)[i, j] = max_{u,v} x[stride i + u, stride j + v]
    """
    return _pooled(draft, "max", x, kernel_size, stride, 2)
