"""Records of ATen ops that are losses. `reduction` is 0 for an array, 1 for its mean, 2 for its sum."""

from collections.abc import Callable
from typing import Any

from symbackprop.language.graphs.ops import Ops
from symbackprop.language.torch.aten.records import aten

NONE, MEAN, SUM = 0, 1, 2
IGNORED = -100
"""The class that torch leaves out unless another is named: labels are taken to be classes."""


def reduced(ops: Ops, each: Any, reduction: int) -> Any:
    """A loss for each entry as it is, their mean, or their sum."""
    return each if reduction == NONE else ops.mean(each) if reduction == MEAN else ops.sum(each)


def _of_residual(law: Callable) -> Callable:
    def loss(ops: Ops, self: Any, target: Any, reduction: int = MEAN) -> Any:
        return reduced(ops, law(ops, ops.subtract(self, target)), reduction)

    return loss


aten("mse_loss")(_of_residual(lambda ops, r: ops.square(r)))
aten("l1_loss")(_of_residual(lambda ops, r: ops.abs(r)))


@aten("huber_loss")
def huber_loss(ops: Ops, self: Any, target: Any, reduction: int = MEAN, delta: float = 1) -> Any:
    """Half a square near 0, a line far from it."""
    r = ops.subtract(self, target)
    far = ops.multiply(delta, ops.subtract(ops.abs(r), delta / 2))
    return reduced(ops, ops.where(ops.less_equal(ops.abs(r), delta), ops.divide(ops.square(r), 2), far), reduction)


@aten("smooth_l1_loss")
def smooth_l1_loss(ops: Ops, self: Any, target: Any, reduction: int = MEAN, beta: float = 1) -> Any:
    """The same, divided by beta."""
    r = ops.subtract(self, target)
    if beta == 0:
        return reduced(ops, ops.abs(r), reduction)
    near = ops.divide(ops.square(r), 2 * beta)
    return reduced(ops, ops.where(ops.less(ops.abs(r), beta), near, ops.subtract(ops.abs(r), beta / 2)), reduction)


@aten("binary_cross_entropy")
def binary_cross_entropy(ops: Ops, self: Any, target: Any, weight: Any = None, reduction: int = MEAN) -> Any:
    """-(y log p + (1 - y) log(1 - p)); torch's logarithms are not below -100."""
    inner = ops.add(ops.multiply(target, ops.log(self)), ops.multiply(ops.subtract(1, target), ops.log(ops.subtract(1, self))))
    each = ops.negative(inner)
    return reduced(ops, each if weight is None else ops.multiply(weight, each), reduction)


@aten("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    ops: Ops, self: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = MEAN
) -> Any:
    """The same of logits."""
    if pos_weight is None:
        each = ops.subtract(ops.softplus(self), ops.multiply(self, target))
    else:
        scaled = ops.add(1, ops.multiply(ops.subtract(pos_weight, 1), target))
        off = ops.multiply(ops.subtract(1, target), self)
        each = ops.add(off, ops.multiply(scaled, ops.softplus(ops.negative(self))))
    return reduced(ops, each if weight is None else ops.multiply(weight, each), reduction)


def _classes(ops: Ops, log_p: Any, target: Any, axis: int) -> Any:
    """The entry of each sample's class."""
    inside = ops.expand_dims(target, axis)
    return ops.squeeze(ops.take_along_axis(log_p, inside, axis=axis), axis)


@aten("nll_loss", "nll_loss_nd", "nll_loss2d", "nll_loss_forward")
def nll_loss(ops: Ops, self: Any, target: Any, weight: Any = None, reduction: int = MEAN, ignore_index: int = IGNORED) -> Any:
    """Log probabilities of classes, with a minus; a class may be left out, and classes may have weights."""
    axis = 0 if self.ndim == 1 else 1
    each = ops.negative(_classes(ops, self, target, axis))
    counted = None if weight is None else ops.take(weight, target, axis=0)
    if ignore_index >= 0:
        kept = ops.where(ops.not_equal(target, ignore_index), 1, 0)
        counted = kept if counted is None else ops.multiply(counted, kept)
    if counted is None:
        return reduced(ops, each, reduction)
    each = ops.multiply(counted, each)
    return ops.divide(ops.sum(each), ops.sum(counted)) if reduction == MEAN else reduced(ops, each, reduction)


@aten("cross_entropy_loss")
def cross_entropy_loss(
    ops: Ops,
    self: Any,
    target: Any,
    weight: Any = None,
    reduction: int = MEAN,
    ignore_index: int = IGNORED,
    label_smoothing: float = 0,
) -> Any:
    """The cross entropy of logits with classes, or with probabilities along the second axis."""
    axis = 0 if self.ndim == 1 else 1
    soft = target.ndim == self.ndim
    if not soft and not label_smoothing:
        if self.ndim == 2 and weight is None and reduction == MEAN and ignore_index < 0:
            return ops.cross_entropy(self, target)
        return nll_loss(ops, ops.log_softmax(self, axis=axis), target, weight, reduction, ignore_index)
    if not soft:
        raise ops.error("label smoothing of classes", "give one_hot(target).double() as the labels, smoothed")
    log_p = ops.log_softmax(self, axis=axis)
    if label_smoothing:
        target = ops.add(ops.multiply(target, 1 - label_smoothing), ops.divide(label_smoothing, self.shape[axis]))
    if weight is not None:
        log_p = ops.multiply(log_p, weight[(slice(None), *[None] * (self.ndim - 2))] if self.ndim > 2 else weight)
    return reduced(ops, ops.negative(ops.sum(ops.multiply(target, log_p), axis=axis)), reduction)


@aten("kl_div")
def kl_div(ops: Ops, self: Any, target: Any, reduction: int = MEAN, log_target: bool = False) -> Any:
    """y (log y - x), of log probabilities x."""
    if log_target:
        return reduced(ops, ops.multiply(ops.exp(target), ops.subtract(target, self)), reduction)
    return reduced(ops, ops.subtract(ops.xlogy(target, target), ops.multiply(target, self)), reduction)


@aten("poisson_nll_loss")
def poisson_nll_loss(ops: Ops, input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int) -> Any:
    """The rate less the count times its logarithm."""
    if full:
        raise ops.error("Stirling's term (full)", "leave full out: it is no part of a gradient")
    each = (
        ops.subtract(ops.exp(input), ops.multiply(target, input))
        if log_input
        else ops.subtract(input, ops.multiply(target, ops.log(ops.add(input, eps))))
    )
    return reduced(ops, each, reduction)


@aten("soft_margin_loss")
def soft_margin_loss(ops: Ops, self: Any, target: Any, reduction: int = MEAN) -> Any:
    """log(1 + exp(-y x))."""
    return reduced(ops, ops.softplus(ops.negative(ops.multiply(target, self))), reduction)


@aten("margin_ranking_loss")
def margin_ranking_loss(ops: Ops, input1: Any, input2: Any, target: Any, margin: float = 0, reduction: int = MEAN) -> Any:
    """max(0, -y (a - b) + margin)."""
    gap = ops.multiply(ops.negative(target), ops.subtract(input1, input2))
    return reduced(ops, ops.relu(ops.add(gap, margin)), reduction)


@aten("hinge_embedding_loss")
def hinge_embedding_loss(ops: Ops, self: Any, target: Any, margin: float = 1, reduction: int = MEAN) -> Any:
    """x where y is 1, max(0, margin - x) where it is -1."""
    off = ops.where(ops.equal(target, -1), ops.relu(ops.subtract(margin, self)), 0)
    return reduced(ops, ops.add(ops.where(ops.equal(target, 1), self, 0), off), reduction)
