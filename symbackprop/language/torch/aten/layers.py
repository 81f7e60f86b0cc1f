"""Records of ATen ops that are layers: normalisations, embeddings, dropout, attention."""

import math
from collections.abc import Sequence
from typing import Any

from symbackprop.errors import AxisError
from symbackprop.language.graphs.norms import affine, normal, of_channels, with_statistics
from symbackprop.language.graphs.ops import Ops, same_size
from symbackprop.language.torch.aten.records import aten


@aten("layer_norm", "native_layer_norm")
def layer_norm(ops: Ops, input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """The last axes brought to mean 0 and variance 1."""
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    return affine(ops, normal(ops, input, axes, eps), weight, bias)


@aten("rms_norm", "_fused_rms_norm")
def rms_norm(ops: Ops, input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """The last axes divided by their root mean square."""
    if eps is None:
        eps = {"float64": 2.0**-52, "float32": 2.0**-23}[ops.precision]
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    size = ops.sqrt(ops.add(ops.mean(ops.square(input), axis=axes, keepdims=True), eps))
    return affine(ops, ops.divide(input, size), weight, None)


@aten("group_norm", "native_group_norm")
def group_norm(
    ops: Ops,
    input: Any,
    weight: Any = None,
    bias: Any = None,
    N: Any = None,
    C: Any = None,
    HxW: Any = None,
    group: int | None = None,
    num_groups: int | None = None,
    eps: float = 1e-5,
) -> Any:
    """Groups of channels brought to mean 0 and variance 1, in each sample."""
    groups = num_groups if group is None else group
    apart = ops.reshape(input, (input.shape[0], groups, input.shape[1] // groups, *input.shape[2:]))
    made = ops.reshape(normal(ops, apart, tuple(range(2, apart.ndim)), eps), input.shape)
    return affine(ops, made, of_channels(weight, input.ndim), of_channels(bias, input.ndim))


@aten("instance_norm")
def instance_norm(
    ops: Ops,
    input: Any,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_var: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    cudnn_enabled: bool = False,
) -> Any:
    """Each channel of each sample brought to mean 0 and variance 1."""
    if not use_input_stats:
        return with_statistics(ops, input, weight, bias, running_mean, running_var, eps)
    made = normal(ops, input, tuple(range(2, input.ndim)), eps)
    return affine(ops, made, of_channels(weight, input.ndim), of_channels(bias, input.ndim))


@aten("batch_norm", "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_functional", "_batch_norm_with_update")
def batch_norm(
    ops: Ops,
    input: Any,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_var: Any = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    cudnn_enabled: bool = False,
) -> Any:
    """Each channel brought to mean 0 and variance 1 over the batch, or by the statistics that were kept."""
    if not training and running_mean is not None:
        return with_statistics(ops, input, weight, bias, running_mean, running_var, eps)
    made = normal(ops, input, tuple(k for k in range(input.ndim) if k != 1), eps)
    return affine(ops, made, of_channels(weight, input.ndim), of_channels(bias, input.ndim))


@aten("_native_batch_norm_legit_no_training", "_batch_norm_no_update")
def batch_norm_kept(
    ops: Ops, input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float = 0.1, eps: float = 1e-5
) -> Any:
    """The same by the statistics that were kept."""
    return with_statistics(ops, input, weight, bias, running_mean, running_var, eps)


@aten("embedding")
def embedding(ops: Ops, weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """Rows of a table at places."""
    if padding_idx >= 0:
        raise ops.error("a row that gets no gradient (padding_idx)", "leave padding_idx out, and mask what the objective takes of it")
    if scale_grad_by_freq:
        raise ops.error("gradients scaled by how often a row is taken (scale_grad_by_freq)", "leave it out")
    return ops.take(weight, indices, axis=0)


@aten("dropout", "native_dropout")
def dropout(ops: Ops, input: Any, p: float, train: bool | None = True) -> Any:
    """Entries that a named mask keeps, scaled so that the mean stays."""
    if train is False or p == 0:
        return input
    return ops.divide(ops.multiply(input, ops.mask(input)), 1 - p)


@aten("scaled_dot_product_attention")
def scaled_dot_product_attention(
    ops: Ops,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Values averaged with weights that say how well their keys fit a query."""
    if enable_gqa and not same_size(query.shape[-3], key.shape[-3]):
        times = query.shape[-3] // key.shape[-3]
        key, value = (ops.repeat(x, times, axis=x.ndim - 3) for x in (key, value))
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    width = query.shape[-1]
    if scale is None:
        scores = ops.divide(scores, math.isqrt(width) if _is_square(width) else ops.sqrt(width))
    else:
        scores = ops.multiply(scores, scale)
    if is_causal:
        seen = ops.tril(ops.ones((query.shape[-2], key.shape[-2])))
        scores = ops.where(ops.greater(seen, 0), scores, -math.inf)
    elif attn_mask is not None:
        kept = attn_mask.dtype.kind == "b"
        scores = ops.where(attn_mask, scores, -math.inf) if kept else ops.add(scores, attn_mask)
    weights = ops.softmax(scores, axis=scores.ndim - 1)
    return ops.matmul(dropout(ops, weights, dropout_p), value)


def _is_square(n: Any) -> bool:
    return isinstance(n, int) and math.isqrt(n) ** 2 == n


@aten("pixel_shuffle")
def pixel_shuffle(ops: Ops, self: Any, upscale_factor: int) -> Any:
    """Channels as places between the places."""
    r = upscale_factor
    *front, channels, height, width = self.shape
    if not isinstance(channels, int):
        raise ops.error("channels whose number is symbolic", "let dynamic= give it", AxisError)
    apart = ops.reshape(self, (*front, channels // r**2, r, r, height, width))
    k = len(front)
    turned = ops.transpose(apart, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return ops.reshape(turned, (*front, channels // r**2, height * r, width * r))


@aten("cosine_similarity")
def cosine_similarity(ops: Ops, x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of an angle; of shorter vectors than eps that of eps."""
    norms = [ops.maximum(ops.sqrt(ops.sum(ops.square(x), axis=dim)), eps) for x in (x1, x2)]
    return ops.divide(ops.sum(ops.multiply(x1, x2), axis=dim), ops.multiply(*norms))


@aten("pairwise_distance")
def pairwise_distance(ops: Ops, x1: Any, x2: Any, p: float = 2, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of a difference, to which eps is added."""
    gap = ops.abs(ops.add(ops.subtract(x1, x2), eps))
    along = {"axis": gap.ndim - 1, "keepdims": keepdim}
    if p != 2:
        raise ops.error(f"a distance of the order {p}", "write it with sums and powers")
    return ops.sqrt(ops.sum(ops.square(gap), **along))
