"""One small function of tensors for each record of an ATen op, with the shapes of its arguments and where these are drawn from."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

aten = torch.ops.aten


class Case(NamedTuple):
    function: Callable
    shapes: tuple[tuple[int, ...], ...]
    drawn: str = "both"


def case(function, *shapes, drawn="both"):
    return Case(function, shapes, drawn)


UNIT = ("acos", "asin", "atanh", "logit", "xlogy")
ABOVE = ("acosh", "log", "log10", "log1p", "log2", "reciprocal", "rsqrt", "sqrt", "tan")
UNARY = "abs acos acosh asin asinh atan atanh ceil cos cosh erf erfc exp exp2 expm1 floor frac log log10 log1p log2 log_sigmoid mish neg"
UNARY += " reciprocal relu relu6 rsqrt selu sigmoid sign silu sin sinh sqrt square tan tanh trunc hardsigmoid hardswish hardshrink"
UNARY += " softshrink softplus hardtanh elu celu leaky_relu gelu deg2rad rad2deg logit"
BINARY = "atan2 hypot logaddexp logaddexp2 maximum minimum fmax fmin mul add sub rsub div fmod remainder xlogy"
COMPARED = "eq ne lt le gt ge"
INDEX = [[2, 0, 1, 2], [0, 1, 1, 0], [1, 1, 2, 0]]


def places():
    return torch.tensor(INDEX)


def mask():
    return torch.tensor([[True, False], [False, True], [True, True]])


def weights(*shape):
    return torch.linspace(0.5, 1.5, math.prod(shape), dtype=torch.float64).reshape(shape)


TAKEN_APART = set(
    [
        "chunk",
        "contiguous",
        "expand_as",
        "flatten",
        "movedim",
        "narrow",
        "softshrink",
        "unflatten",
        "batch_norm",
        "broadcast_to",
        "constant_pad_nd",
    ]
)
TAKEN_APART |= {"hardshrink", "native_batch_norm", "reshape"}
"""Ops that torch says by others before a record is asked for: their cases are run all the same."""
ROUGH = {"hardsigmoid": 1e-7}
"""Where torch is further from its own law: its backward pass has 1/6 in float32."""


def _called(name):
    return lambda *arrays: getattr(aten, name)(*arrays)


def _chosen(name):
    return lambda a, b: torch.where(getattr(aten, name)(a, b), a, 2 * b)


CASES: dict[str, Case] = {}
for _name in UNARY.split():
    _drawn = "unit" if _name in UNIT else "above" if _name in ABOVE else "both"
    CASES[_name] = case(_called(_name), (3, 2), drawn=_drawn)
for _name in BINARY.split():
    CASES[_name] = case(_called(_name), (3, 2), (2,), drawn="unit" if _name == "xlogy" else "both")
for _name in COMPARED.split():
    CASES[_name] = case(_chosen(_name), (3, 2), (2,))

CASES |= {
    "pow": case(lambda a, b: a**b + a**3 + 2**b, (3, 2), (2,), drawn="unit"),
    "true_divide": case(lambda a, b: aten.true_divide(a, b), (3, 2), (2,)),
    "subtract": case(lambda a, b: aten.subtract(a, b, alpha=3), (3, 2), (2,)),
    "sgn": case(lambda a: a * torch.sgn(a), (3, 2)),
    "floor_divide": case(lambda a: a * aten.floor_divide(places(), 2)[:, :2], (3, 2)),
    "logical_and": case(lambda a, b: torch.where((a > 0) & torch.logical_and(b > 0, b < 1), a, b), (3, 2), (3, 2)),
    "logical_or": case(lambda a, b: torch.where(torch.logical_or(a > 0, b > 0), a, b), (3, 2), (3, 2)),
    "logical_not": case(lambda a, b: torch.where(torch.logical_not(a > 0), a, b), (3, 2), (3, 2)),
    "logical_xor": case(lambda a, b: torch.where(torch.logical_xor(a > 0, b > 0), a, b), (3, 2), (3, 2)),
    "__and__": case(lambda a, b: torch.where((a > 0) & (b > 0), a, b), (3, 2), (3, 2)),
    "__or__": case(lambda a, b: torch.where((a > 0) | (b > 0), a, b), (3, 2), (3, 2)),
    "bitwise_and": case(lambda a, b: torch.where(torch.bitwise_and(a > 0, b > 0), a, b), (3, 2), (3, 2)),
    "bitwise_or": case(lambda a, b: torch.where(torch.bitwise_or(a > 0, b > 0), a, b), (3, 2), (3, 2)),
    "bitwise_not": case(lambda a, b: torch.where(~(a > 0), a, b), (3, 2), (3, 2)),
    "lerp": case(lambda a, b: torch.lerp(a, b, 0.3), (3, 2), (3, 2)),
    "addcmul": case(lambda a, b, c: torch.addcmul(a, b, c, value=0.5), (3, 2), (3, 2), (2,)),
    "addcdiv": case(lambda a, b, c: torch.addcdiv(a, b, c, value=0.5), (3, 2), (3, 2), (2,)),
    "clamp": case(lambda a: torch.clamp(a, -0.4, 0.6), (3, 5)),
    "clamp_min": case(lambda a: aten.clamp_min(a, -0.4), (3, 5)),
    "clamp_max": case(lambda a: aten.clamp_max(a, 0.4), (3, 5)),
    "where": case(lambda a, b: torch.where(mask(), a, b), (3, 2), (2,)),
    "masked_fill": case(lambda a: torch.exp(a.masked_fill(mask(), float("-inf"))), (3, 2)),
    "prelu": case(lambda a, b: aten.prelu(a, b), (3, 2, 5), (2,)),
    "threshold": case(lambda a: F.threshold(a, 0.2, 7.0), (3, 5)),
    "glu": case(lambda a: F.glu(a, dim=1), (3, 4)),
    # reductions
    "sum": case(lambda a: a.sum((0, 2), keepdim=True) * a.sum(), (3, 2, 5)),
    "mean": case(lambda a: a.mean(1) * a.mean(), (3, 2, 5)),
    "var": case(lambda a: a.var((1, 2)) + a.var(unbiased=False), (3, 2, 5)),
    "std": case(lambda a: a.std(1) + a.std(0, correction=0).sum(), (3, 2)),
    "var_mean": case(lambda a: torch.stack(torch.var_mean(a, 1)), (3, 2)),
    "std_mean": case(lambda a: torch.stack(torch.std_mean(a, 1)), (3, 2)),
    "prod": case(lambda a: a.prod(1) * a.prod(), (3, 2)),
    "max": case(lambda a, b: a.max(1).values * a.max() + torch.max(a, b)[:, 0], (3, 2), (2,)),
    "min": case(lambda a, b: a.min(1).values * a.min() + torch.min(a, b)[:, 0], (3, 2), (2,)),
    "amax": case(lambda a: a.amax((0, 2)), (3, 2, 5)),
    "amin": case(lambda a: a.amin(1, keepdim=True), (3, 2, 5)),
    "aminmax": case(lambda a: torch.stack(tuple(torch.aminmax(a, dim=1))), (3, 2)),
    "any": case(lambda a: torch.where((a > 0.5).any(1, keepdim=True), a, a * 3), (3, 2)),
    "all": case(lambda a: torch.where((a > 0).all(1, keepdim=True), a, a * 3), (3, 2)),
    "linalg_vector_norm": case(lambda a: torch.linalg.vector_norm(a, 1, dim=1) + torch.linalg.vector_norm(a), (3, 2)),
    "norm": case(lambda a: aten.norm(a, 2, [1]), (3, 2)),
    "cumsum": case(lambda a: a.cumsum(1), (3, 5)),
    "cumprod": case(lambda a: a.cumprod(1), (3, 4)),
    "logsumexp": case(lambda a: a.logsumexp((0, 1), keepdim=True), (3, 2)),
    "softmax": case(lambda a: a.softmax(1), (3, 2, 5)),
    "_softmax": case(lambda a: aten._softmax(a, 0, False), (3, 2)),
    "log_softmax": case(lambda a: a.log_softmax(0), (3, 2)),
    "_log_softmax": case(lambda a: aten._log_softmax(a, 1, False), (3, 2)),
    "trace": case(lambda a: a.trace(), (3, 3)),
    "dist": case(lambda a, b: torch.dist(a, b), (3, 2), (3, 2)),
    "diff": case(lambda a: torch.diff(a, dim=0), (3, 2)),
    # shapes
    "view": case(lambda a: a.view(2, 3).sin(), (3, 2)),
    "reshape": case(lambda a: aten.reshape(a.T, [6]), (3, 2)),
    "_unsafe_view": case(lambda a: aten._unsafe_view(a, [2, 3]), (3, 2)),
    "flatten": case(lambda a: aten.flatten(a, 1, 2), (3, 2, 5)),
    "unflatten": case(lambda a: aten.unflatten(a, 1, [2, 3]), (5, 6)),
    "permute": case(lambda a: a.permute(2, 0, 1), (3, 2, 5)),
    "transpose": case(lambda a: a.transpose(0, -1), (3, 2, 5)),
    "t": case(lambda a: a.t(), (3, 2)),
    "movedim": case(lambda a: aten.movedim(a, [0, 1], [2, 0]), (3, 2, 5)),
    "expand": case(lambda a: a.expand(4, 3, -1), (3, 2)),
    "expand_as": case(lambda a, b: a.expand_as(b) * b, (1, 2), (3, 2)),
    "broadcast_to": case(lambda a: torch.broadcast_to(a, (4, 3, 2)), (3, 2)),
    "squeeze": case(lambda a: a.squeeze(1) * a.squeeze(), (3, 1, 2)),
    "unsqueeze": case(lambda a: a.unsqueeze(-1), (3, 2)),
    "clone": case(lambda a: a.clone() * 2, (3, 2)),
    "contiguous": case(lambda a: a.T.contiguous() * 2, (3, 2)),
    "cat": case(lambda a, b: torch.cat((a, b, a), 1), (3, 2), (3, 5)),
    "stack": case(lambda a, b: torch.stack((a, b), -1), (3, 2), (3, 2)),
    "slice": case(lambda a: a[1:, ::2], (3, 5)),
    "narrow": case(lambda a: aten.narrow(a, 1, 1, 3), (3, 5)),
    "select": case(lambda a: a[:, -2], (3, 5)),
    "split": case(lambda a: torch.cat(a.split(2, 1)[::-1], 1), (3, 5)),
    "split_with_sizes": case(lambda a: torch.cat(a.split([1, 3, 1], 1)[::-1], 1), (3, 5)),
    "chunk": case(lambda a: torch.cat(a.chunk(3, 1)[::-1], 1), (3, 5)),
    "unbind": case(lambda a: a.unbind(1)[1] * a.unbind(1)[0], (3, 2)),
    "flip": case(lambda a: a.flip(0, 1), (3, 2)),
    "roll": case(lambda a: a.roll((1, 2), (0, 1)) + a.roll(1), (3, 5)),
    "repeat": case(lambda a: a.repeat(2, 1, 3), (3, 2)),
    "tile": case(lambda a: aten.tile(a, [2]), (3, 2)),
    "repeat_interleave": case(lambda a: torch.repeat_interleave(a, 2, dim=1), (3, 2)),
    "tril": case(lambda a: a.tril(1) + a.tril(-1), (3, 5)),
    "triu": case(lambda a: a.triu(1) + a.triu(-1), (3, 5)),
    "diagonal": case(lambda a: a.diagonal(1, 0, 2), (3, 2, 5)),
    "diag_embed": case(lambda a: torch.diag_embed(a), (3, 2)),
    "constant_pad_nd": case(lambda a: F.pad(a, (1, 2, -1, 1), value=2.0), (3, 5)),
    "pad": case(lambda a: aten.pad(a, [1, 2], "replicate"), (3, 2, 5)),
    "reflection_pad1d": case(lambda a: aten.reflection_pad1d(a, [2, 1]), (3, 2, 5)),
    "reflection_pad2d": case(lambda a: aten.reflection_pad2d(a, [2, 1, 0, 1]), (3, 2, 4, 5)),
    "replication_pad1d": case(lambda a: aten.replication_pad1d(a, [2, 1]), (3, 2, 5)),
    "replication_pad2d": case(lambda a: aten.replication_pad2d(a, [2, 1, 0, 1]), (3, 2, 4, 5)),
    "unfold": case(lambda a: a.unfold(1, 3, 2), (3, 7)),
    "index": case(lambda a: a[places()] + a[places(), torch.tensor(1)][..., None], (3, 5)),
    "index_select": case(lambda a: a.index_select(1, torch.tensor([1, 0, 1])), (3, 2)),
    "gather": case(lambda a: a.gather(1, places()), (3, 5)),
    "take_along_dim": case(lambda a: aten.take_along_dim(a, places(), 1), (3, 5)),
    "one_hot": case(lambda a: aten.one_hot(places(), 3) * a, (3,)),
    "embedding": case(lambda a: F.embedding(places(), a), (3, 5)),
    "pixel_shuffle": case(lambda a: aten.pixel_shuffle(a, 2), (2, 8, 3, 5)),
    # creation
    "zeros": case(lambda a: torch.cat((a, torch.zeros(3, 2))), (3, 2)),
    "zeros_like": case(lambda a: torch.cat((a, torch.zeros_like(a))), (3, 2)),
    "ones": case(lambda a: a + torch.ones(3, 2), (3, 2)),
    "ones_like": case(lambda a: a / (torch.ones_like(a) + a * a), (3, 2)),
    "new_zeros": case(lambda a: torch.cat((a, a.new_zeros(1, 2))), (3, 2)),
    "new_ones": case(lambda a: torch.cat((a, a.new_ones(1, 2))), (3, 2)),
    "new_full": case(lambda a: torch.cat((a, a.new_full((1, 2), 7.0))), (3, 2)),
    "full": case(lambda a: a * torch.full((3, 2), 2.5), (3, 2)),
    "full_like": case(lambda a: a * torch.full_like(a, 2.5), (3, 2)),
    "fill": case(lambda a: a * aten.fill(a, 2.5), (3, 2)),
    "scalar_tensor": case(lambda a: a * torch.scalar_tensor(2.5), (3, 2)),
    "eye": case(lambda a: a + torch.eye(3, 2), (3, 2)),
    "arange": case(lambda a: a * torch.arange(2) + torch.arange(1, 6, 2)[:, None], (3, 2)),
    "linspace": case(lambda a: a * torch.linspace(0, 1, 5), (3, 5)),
    "_to_copy": case(lambda a: a * (a > 0).double() + a * a.long(), (3, 2)),
    "detach": case(lambda a: a * torch.ones(2).detach(), (3, 2)),
    # products
    "mm": case(lambda a, b: torch.mm(a, b), (3, 2), (2, 5)),
    "bmm": case(lambda a, b: torch.bmm(a, b), (4, 3, 2), (4, 2, 5)),
    "matmul": case(lambda a, b: a @ b, (4, 3, 2), (2, 5)),
    "mv": case(lambda a, b: torch.mv(a, b), (3, 2), (2,)),
    "dot": case(lambda a, b: torch.dot(a, b), (3,), (3,)),
    "vdot": case(lambda a, b: torch.vdot(a, b), (3,), (3,)),
    "linalg_vecdot": case(lambda a, b: torch.linalg.vecdot(a, b), (3, 2), (3, 2)),
    "inner": case(lambda a, b: aten.inner(a, b), (3, 2), (5, 2)),
    "outer": case(lambda a, b: aten.outer(a, b), (3,), (2,)),
    "ger": case(lambda a, b: aten.ger(a, b), (3,), (2,)),
    "addmm": case(lambda a, b, c: torch.addmm(a, b, c, beta=0.5, alpha=2), (5,), (3, 2), (2, 5)),
    "baddbmm": case(lambda a, b, c: torch.baddbmm(a, b, c, alpha=2), (4, 3, 5), (4, 3, 2), (4, 2, 5)),
    "addbmm": case(lambda a, b, c: aten.addbmm(a, b, c), (3, 5), (4, 3, 2), (4, 2, 5)),
    "addmv": case(lambda a, b, c: torch.addmv(a, b, c), (3,), (3, 2), (2,)),
    "addr": case(lambda a, b, c: aten.addr(a, b, c), (3, 2), (3,), (2,)),
    "linear": case(lambda a, b, c: F.linear(a, b, c), (4, 3, 2), (5, 2), (5,)),
    "bilinear": case(lambda a, b, c: aten.bilinear(a, b, c), (3, 2), (3, 4), (5, 2, 4)),
    "einsum": case(lambda a, b: torch.einsum("bij, bkj -> bik", a, b), (4, 3, 2), (4, 5, 2)),
    "tensordot": case(lambda a, b: aten.tensordot(a, b, [1, 2], [0, 1]), (4, 3, 2), (3, 2, 5)),
    "kron": case(lambda a, b: aten.kron(a, b), (3, 2), (2, 2)),
    "linalg_cross": case(lambda a, b: torch.linalg.cross(a, b), (2, 3), (2, 3)),
    "cross": case(lambda a, b: aten.cross(a, b, 0), (3, 2), (3, 2)),
    "inverse": case(lambda a: aten.inverse(a + 3 * torch.eye(3)), (3, 3)),
    "linalg_inv": case(lambda a: aten.linalg_inv(a + 3 * torch.eye(3)), (3, 3)),
    "linalg_inv_ex": case(lambda a: aten.linalg_inv_ex(a + 3 * torch.eye(3))[0], (3, 3)),
    "linalg_det": case(lambda a: aten.linalg_det(a), (3, 3)),
    "det": case(lambda a: aten.det(a), (3, 3)),
    "_linalg_det": case(lambda a: aten._linalg_det(a)[0], (3, 3)),
    "logdet": case(lambda a: aten.logdet(a @ a.T), (3, 3)),
    "linalg_slogdet": case(lambda a: aten.linalg_slogdet(a)[1], (3, 3)),
    "slogdet": case(lambda a: aten.slogdet(a)[1], (3, 3)),
    "_linalg_slogdet": case(lambda a: aten._linalg_slogdet(a)[1], (3, 3)),
    "linalg_solve": case(lambda a, b: aten.linalg_solve(a + 3 * torch.eye(3), b), (3, 3), (3, 2)),
    "_linalg_solve_ex": case(lambda a, b: aten._linalg_solve_ex(a + 3 * torch.eye(3), b)[0], (3, 3), (3, 2)),
    "linalg_solve_ex": case(lambda a, b: aten.linalg_solve_ex(a + 3 * torch.eye(3), b)[0], (3, 3), (3, 2)),
    "linalg_cholesky": case(lambda a: aten.linalg_cholesky(a @ a.T + torch.eye(3)), (3, 3)),
    "linalg_cholesky_ex": case(lambda a: aten.linalg_cholesky_ex(a @ a.T + torch.eye(3))[0], (3, 3)),
    "matrix_power": case(lambda a: aten.matrix_power(a, 3), (3, 3)),
    "linalg_matrix_power": case(lambda a: aten.linalg_matrix_power(a, 3), (3, 3)),
    # windows
    "conv1d": case(lambda a, b, c: aten.conv1d(a, b, c, [2], [1], [2]), (2, 3, 9), (5, 3, 3), (5,)),
    "conv2d": case(lambda a, b: aten.conv2d(a, b, None, [1, 2], [1, 0], [1, 1], 2), (2, 4, 5, 6), (6, 2, 3, 2)),
    "conv3d": case(lambda a, b: aten.conv3d(a, b), (2, 1, 3, 4, 3), (2, 1, 2, 2, 2)),
    "convolution": case(lambda a, b: aten.convolution(a, b, None, [1], [1], [1], False, [0], 1), (2, 3, 5), (4, 3, 2)),
    "avg_pool1d": case(lambda a: aten.avg_pool1d(a, [2]), (2, 3, 6)),
    "avg_pool2d": case(lambda a: F.avg_pool2d(a, 2, 1, 1, count_include_pad=False), (2, 3, 4, 5)),
    "avg_pool3d": case(lambda a: F.avg_pool3d(a, 2, 1), (2, 1, 3, 3, 2)),
    "max_pool1d": case(lambda a: aten.max_pool1d(a, [2]), (2, 3, 6)),
    "max_pool2d": case(lambda a: F.max_pool2d(a, 3, 2, 1), (2, 3, 5, 5)),
    "max_pool2d_with_indices": case(lambda a: aten.max_pool2d_with_indices(a, [2, 2])[0], (2, 3, 4, 4)),
    "adaptive_avg_pool1d": case(lambda a: aten.adaptive_avg_pool1d(a, [2]), (2, 3, 5)),
    "adaptive_avg_pool2d": case(lambda a: F.adaptive_avg_pool2d(a, (1, 2)), (2, 3, 5, 6)),
    "_adaptive_avg_pool2d": case(lambda a: aten._adaptive_avg_pool2d(a, [1, 1]), (2, 3, 5, 6)),
    "adaptive_max_pool1d": case(lambda a: aten.adaptive_max_pool1d(a, [2])[0], (2, 3, 5)),
    "adaptive_max_pool2d": case(lambda a: F.adaptive_max_pool2d(a, (1, 2)), (2, 3, 5, 6)),
    # layers
    "layer_norm": case(lambda a, b, c: F.layer_norm(a, (3, 2), b, c), (4, 3, 2), (3, 2), (3, 2)),
    "native_layer_norm": case(lambda a, b: aten.native_layer_norm(a, [2], b, None, 1e-5)[0], (4, 3, 2), (2,)),
    "rms_norm": case(lambda a, b: F.rms_norm(a, (5,), b), (4, 5), (5,)),
    "group_norm": case(lambda a, b, c: F.group_norm(a, 2, b, c), (3, 4, 5), (4,), (4,)),
    "native_group_norm": case(lambda a, b: aten.native_group_norm(a, b, None, 3, 4, 5, 2, 1e-5)[0], (3, 4, 5), (4,)),
    "instance_norm": case(lambda a, b: aten.instance_norm(a, b, None, None, None, True, 0.1, 1e-5, False), (3, 4, 5), (4,)),
    "batch_norm": case(lambda a, b: aten.batch_norm(a, b, None, None, None, True, 0.1, 1e-5, False), (7, 3, 2), (3,)),
    "native_batch_norm": case(lambda a, b: aten.native_batch_norm(a, b, None, None, None, True, 0.1, 1e-5)[0], (7, 3), (3,)),
    "_native_batch_norm_legit": case(lambda a, b: F.batch_norm(a, None, None, b, training=True), (7, 3), (3,)),
    "_native_batch_norm_legit_no_training": case(
        lambda a, b: aten._native_batch_norm_legit_no_training(a, b, None, weights(3), weights(3), 0.1, 1e-5)[0], (7, 3), (3,)
    ),
    "scaled_dot_product_attention": case(
        lambda a, b, c: F.scaled_dot_product_attention(a, b, c, is_causal=True), (2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 2)
    ),
    "cosine_similarity": case(lambda a, b: aten.cosine_similarity(a, b), (3, 5), (3, 5)),
    "pairwise_distance": case(lambda a, b: aten.pairwise_distance(a, b), (3, 5), (3, 5)),
    # losses
    "mse_loss": case(lambda a, b: F.mse_loss(a, b) + F.mse_loss(a, b, reduction="sum"), (3, 2), (3, 2)),
    "l1_loss": case(lambda a, b: aten.l1_loss(a, b), (3, 2), (3, 2)),
    "huber_loss": case(lambda a, b: F.huber_loss(a, b, delta=0.7), (3, 2), (3, 2)),
    "smooth_l1_loss": case(lambda a, b: F.smooth_l1_loss(a, b, beta=0.7), (3, 2), (3, 2)),
    "binary_cross_entropy": case(lambda a, b: F.binary_cross_entropy(a, b, weight=weights(2)), (3, 2), (3, 2), drawn="unit"),
    "binary_cross_entropy_with_logits": case(lambda a, b: F.binary_cross_entropy_with_logits(a, b, pos_weight=weights(2)), (3, 2), (3, 2)),
    "nll_loss": case(lambda a: aten.nll_loss(a, torch.tensor([2, 0, 1]), weights(5), 1), (3, 5)),
    "nll_loss_nd": case(lambda a: F.nll_loss(a, torch.tensor([2, 0, 1]), ignore_index=0), (3, 5)),
    "nll_loss2d": case(lambda a: aten.nll_loss2d(a, torch.tensor([[2, 0], [1, 1]])[..., None], None, 2), (2, 5, 2, 1)),
    "nll_loss_forward": case(lambda a: aten.nll_loss_forward(a, torch.tensor([2, 0, 1]), None, 1, -100)[0], (3, 5)),
    "cross_entropy_loss": case(lambda a: F.cross_entropy(a, torch.tensor([2, 0, 1]), weight=weights(5)), (3, 5)),
    "kl_div": case(lambda a, b: F.kl_div(a, b, reduction="batchmean"), (3, 2), (3, 2), drawn="unit"),
    "poisson_nll_loss": case(lambda a, b: aten.poisson_nll_loss(a, b, False, False, 1e-8, 1), (3, 2), (3, 2), drawn="unit"),
    "soft_margin_loss": case(lambda a: F.soft_margin_loss(a, weights(3, 2)), (3, 2)),
    "margin_ranking_loss": case(lambda a, b, c: F.margin_ranking_loss(a, b, c, 0.1), (5,), (5,), (5,)),
    "hinge_embedding_loss": case(lambda a: F.hinge_embedding_loss(a, torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)), (3,)),
}

UNCASED = {
    "_batch_norm_no_update",
    "_batch_norm_with_update",
    "_fused_rms_norm",
    "_prelu_kernel",
    "adaptive_avg_pool3d",
    "adaptive_max_pool3d",
    "alias",
    "argmax",
    "argmin",
    "lift_fresh_copy",
    "max_pool1d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "reflection_pad3d",
    "replication_pad3d",
    "broadcast_tensors",
    "to",
    "gru_cell",
    "lstm_cell",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh_cell",
}
"""Records without a case: what others are made of, places that are refused, and sisters of records that have one."""
IN_NETWORKS = {"_native_batch_norm_legit_functional", "dropout", "native_dropout", "gru", "lstm", "rnn_tanh"}
"""Records that whole networks reach."""
