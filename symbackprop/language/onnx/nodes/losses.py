"""Records of ONNX ops that are losses."""

from typing import Any

from symbackprop.language.onnx.nodes.records import Nodes, node


def _reduced(ops: Nodes, each: Any, reduction: str, counted: Any) -> Any:
    """A loss for each entry as it is, their sum, or their mean: by what is counted where that is not each entry once."""
    if reduction == "none":
        return each
    if reduction == "sum":
        return ops.sum(each)
    if reduction != "mean":
        raise ops.error(f"the reduction {reduction}", "take none, sum or mean")
    return ops.mean(each) if counted is None else ops.divide(ops.sum(each), ops.sum(counted))


@node("NegativeLogLikelihoodLoss")
def nll_loss(ops: Nodes, input: Any, target: Any, weight: Any = None, ignore_index: int | None = None, reduction: str = "mean") -> Any:
    """Log probabilities of classes, along the second axis, with a minus; a class may be left out, and classes may have weights."""
    if ignore_index is None:
        picked = ops.squeeze(ops.take_along_axis(input, ops.expand_dims(target, 1), axis=1), 1)
        counted = None if weight is None else ops.take(weight, target, axis=0)
        each = ops.negative(picked if counted is None else ops.multiply(counted, picked))
        return _reduced(ops, each, reduction, counted)
    code = ops.moveaxis(ops.one_hot(target, input.shape[1]), target.ndim, 1)
    kept = ops.expand_dims(ops.where(ops.not_equal(target, ignore_index), 1, 0), 1)
    share = ops.multiply(code, kept)
    if weight is not None:
        share = ops.multiply(share, weight[(slice(None), *[None] * (input.ndim - 2))])
    return _reduced(ops, ops.negative(ops.sum(ops.multiply(share, input), axis=1)), reduction, ops.sum(share, axis=1))


@node("SoftmaxCrossEntropyLoss")
def cross_entropy_loss(
    ops: Nodes, scores: Any, labels: Any, weights: Any = None, ignore_index: int | None = None, reduction: str = "mean"
) -> Any:
    """The cross entropy of logits with classes, and the logarithm of the softmax."""
    log_p = ops.log_softmax(scores, axis=1)
    if scores.ndim == 2 and weights is None and ignore_index is None and reduction == "mean":
        return ops.cross_entropy(scores, labels), log_p
    return nll_loss(ops, log_p, labels, weights, ignore_index, reduction), log_p
