"""Records of ONNX ops of transformers: attention, and positions as rotations."""

import math
from typing import Any

from symbackprop.language.graphs.ops import same_size
from symbackprop.language.onnx.nodes.records import Nodes, node

WITH_BIAS, AFTER_SOFTMAX = 2, 3
"""What the last output of Attention holds, by qk_matmul_output_mode; 0 and 1 are the products, with a soft cap or without it."""


def _heads(ops: Nodes, x: Any, count: int | None) -> Any:
    """An array (batch, sequence, heads * size) with the heads as an axis of their own, the second."""
    if x.ndim == 4:
        return x
    if not count:
        raise ops.error("arrays of three axes whose number of heads is not told", "give q_num_heads and kv_num_heads")
    return ops.swapaxes(ops.reshape(x, (*x.shape[:2], count, x.shape[2] // count)), 1, 2)


@node("Attention")
def attention(
    ops: Nodes,
    Q: Any,
    K: Any,
    V: Any,
    attn_mask: Any = None,
    past_key: Any = None,
    past_value: Any = None,
    nonpad_kv_seqlen: Any = None,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
) -> Any:
    """Values averaged with weights that say how well their keys fit a query."""
    if nonpad_kv_seqlen is not None or left_window_size >= 0 or right_window_size >= 0:
        raise ops.error("lengths of keys as data (nonpad_kv_seqlen), or a window over them", "give a mask")
    q, k, v = _heads(ops, Q, q_num_heads), _heads(ops, K, kv_num_heads), _heads(ops, V, kv_num_heads)
    if past_key is not None:
        k, v = ops.concatenate((past_key, k), axis=2), ops.concatenate((past_value, v), axis=2)
    present = (k, v)
    heads, own = q.shape[1], k.shape[1]
    if not same_size(heads, own):
        k, v = (ops.repeat(x, heads // own, axis=1) for x in (k, v))
    width = q.shape[3]
    products = ops.matmul(q, ops.swapaxes(k, 2, 3))
    if scale is not None:
        scores = ops.multiply(products, scale)
    else:
        root = math.isqrt(width) if isinstance(width, int) and math.isqrt(width) ** 2 == width else ops.sqrt(width)
        scores = ops.divide(products, root)
    if softcap:
        scores = ops.multiply(softcap, ops.tanh(ops.divide(scores, softcap)))
    told = scores
    scores, seen = _masked(ops, scores, attn_mask, is_causal, past_key)
    weights = ops.softmax(scores, axis=3)
    if seen is not None and attn_mask is not None:  # who sees nothing gets nothing
        weights = ops.where(seen, weights, 0)
    made = ops.matmul(weights, v)
    if Q.ndim == 3:
        turned = ops.swapaxes(made, 1, 2)
        made = ops.reshape(turned, (*turned.shape[:2], turned.shape[2] * turned.shape[3]))
    told = scores if qk_matmul_output_mode == WITH_BIAS else weights if qk_matmul_output_mode == AFTER_SOFTMAX else told
    return made, *present, told


def _masked(ops: Nodes, scores: Any, mask: Any, causal: int, past: Any) -> tuple[Any, Any]:
    """Scores of pairs that may not be seen as -inf, and which pairs may."""
    seen = None
    if mask is not None:
        if not same_size(mask.shape[-1], scores.shape[-1]):
            raise ops.error("a mask of fewer keys than there are", "give it as many")
        seen = mask if mask.dtype.kind == "b" else None
        scores = scores if seen is not None else ops.add(scores, mask)
    if causal:
        before = 0 if past is None else past.shape[2]
        queries, keys = ops.arange(scores.shape[2]), ops.arange(scores.shape[3])
        ahead = ops.less_equal(keys, ops.add(ops.expand_dims(queries, 1), before))
        seen = ahead if seen is None else ops.logical_and(seen, ahead)
    return (scores if seen is None else ops.where(seen, scores, -math.inf)), seen


@node("RotaryEmbedding")
def rotary_embedding(
    ops: Nodes,
    X: Any,
    cos_cache: Any,
    sin_cache: Any,
    position_ids: Any = None,
    interleaved: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
) -> Any:
    """Pairs of entries turned by angles that say where they stand."""
    x = ops.swapaxes(_heads(ops, X, num_heads), 1, 2)
    width = rotary_embedding_dim or x.shape[3]
    cos, sin = (c if position_ids is None else ops.take(c, position_ids, axis=0) for c in (cos_cache, sin_cache))
    cos, sin = (ops.expand_dims(c, 2) for c in (cos, sin))
    half = width // 2
    one, two = (x[..., 0:width:2], x[..., 1:width:2]) if interleaved else (x[..., :half], x[..., half:width])
    real = ops.subtract(ops.multiply(cos, one), ops.multiply(sin, two))
    imaginary = ops.add(ops.multiply(sin, one), ops.multiply(cos, two))
    if interleaved:
        made = ops.reshape(ops.stack((real, imaginary), axis=4), (*x.shape[:3], width))
    else:
        made = ops.concatenate((real, imaginary), axis=3)
    if not same_size(width, x.shape[3]):
        made = ops.concatenate((made, x[..., width:]), axis=3)
    return ops.swapaxes(made, 1, 2) if X.ndim == 4 else ops.reshape(made, X.shape)
