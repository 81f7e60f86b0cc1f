"""Losses in terms of other ops, with the names and the argument order of torch.nn.functional where it has them; means over all entries."""

from sympy import Expr

from symbackprop.ops.composed.compose import Composer, Value, composed
from symbackprop.ops.entrywise.arithmetic import SQUARE
from symbackprop.ops.table import DIFFERENCES

WITHIN = "{} gives inf, and nan where the other argument agrees with it: 0 log 0 has no limit there"
"""Why a loss of probabilities ends short of their ends."""


def _log_p(ops: Composer, input: Value) -> Value:
    return ops.named(ops.log_softmax(input, axis=-1))


@composed("loss", source="torch.nn.functional.cross_entropy", accuracy=DIFFERENCES)
def cross_entropy(ops: Composer, input: Value, target: Value, weight: Value | None = None, label_smoothing: Expr = 0) -> Value:
    """The mean cross entropy of logits with labels: probabilities over the last axis, or classes of an index array.

    cross_entropy(O, Y) = -mean_i sum_k Y[i, k] log_softmax(O)[i, k]
    """
    log_p = _log_p(ops, input)
    classes = target.rank < input.rank
    labels = ops.one_hot(target, num_classes=input.shape[-1]) if classes else target
    smooth = (
        labels if label_smoothing == 0 else labels * (1 - ops.positive(label_smoothing)) + label_smoothing / ops.positive(input.shape[-1])
    )
    if classes and weight is not None:
        # As torch has it: the mean over samples weighted by the weights of their classes.
        return -ops.sum(weight * smooth * log_p) / ops.sum(ops.take(weight, target, axis=0))
    each = ops.sum((smooth if weight is None else weight * smooth) * log_p, axis=-1)
    return -ops.mean(each)


@composed("loss", source="torch.nn.functional.nll_loss")
def nll_loss(ops: Composer, input: Value, target: Value) -> Value:
    """The mean negative log likelihood of classes, from log probabilities.

    nll_loss(L, y) = -mean_i L[i, y[i]]
    """
    return -ops.mean(ops.sum(ops.one_hot(target, num_classes=input.shape[-1]) * input, axis=-1))


@composed("loss", source="torch.nn.functional.binary_cross_entropy", accuracy=WITHIN.format("a probability of 0 or 1"))
def binary_cross_entropy(ops: Composer, input: Value, target: Value) -> Value:
    """The mean cross entropy of probabilities with labels between 0 and 1.

    binary_cross_entropy(p, y) = -mean(y log p + (1 - y) log(1 - p))
    """
    return -ops.mean(target * ops.log(input) + (1 - target) * ops.log(1 - input))


@composed("loss", source="torch.nn.functional.binary_cross_entropy_with_logits", accuracy=DIFFERENCES)
def binary_cross_entropy_with_logits(ops: Composer, input: Value, target: Value) -> Value:
    """The mean cross entropy of logits with labels between 0 and 1.

    binary_cross_entropy_with_logits(x, y) = mean(softplus(x) - x y)
    """
    return ops.mean(ops.softplus(input) - input * target)


@composed("loss", source="torch.nn.functional.mse_loss")
def mse_loss(ops: Composer, input: Value, target: Value) -> Value:
    """The mean squared error.

    mse_loss(x, y) = mean((x - y)^2)
    """
    return ops.mean((input - target) ** 2)


@composed("loss", source="torch.nn.functional.l1_loss")
def l1_loss(ops: Composer, input: Value, target: Value) -> Value:
    """The mean absolute error.

    l1_loss(x, y) = mean(|x - y|)
    """
    return ops.mean(ops.abs(input - target))


@composed("loss", source="Huber 1964; torch.nn.functional.huber_loss")
def huber_loss(ops: Composer, input: Value, target: Value, delta: Expr = 1) -> Value:
    """The mean of squares near 0 and of absolute values beyond delta.

    huber_loss(x, y) = mean(where(|d| <= delta, d^2 / 2, delta (|d| - delta / 2))), d = x - y
    """
    gap = ops.named(input - target)
    size = ops.abs(gap)
    return ops.mean(ops.where(ops.less_equal(size, delta), gap**2 / 2, ops.positive(delta) * (size - ops.positive(delta) / 2)))


@composed("loss", source="Cortes & Vapnik 1995")
def hinge_loss(ops: Composer, input: Value, target: Value) -> Value:
    """The mean shortfall of scores from a margin of 1; labels are 1 and -1.

    hinge_loss(s, y) = mean(relu(1 - y s))
    """
    return ops.mean(ops.relu(1 - target * input))


@composed("loss", source="Lin et al. 2017, eq. 5", accuracy=DIFFERENCES)
def focal_loss(ops: Composer, input: Value, target: Value, gamma: Expr = 2, alpha: Expr | None = None) -> Value:
    """The binary cross entropy of logits, less weighty where it is small already; labels are 0 and 1.

    focal_loss(x, y) = mean((1 - p_y)^gamma (softplus(x) - x y)), p_y = y p + (1 - y)(1 - p), p = sigmoid(x)
    """
    p = ops.sigmoid(input)
    missing = p + target - 2 * (p * target)
    each = missing**gamma * (ops.softplus(input) - input * target)
    return ops.mean(each if alpha is None else (alpha * target + (1 - ops.positive(alpha)) * (1 - target)) * each)


@composed("loss", source="Kullback & Leibler 1951", accuracy=f"{DIFFERENCES}; {WITHIN.format('a probability q of 0')}")
def kl_divergence(ops: Composer, p: Value, q: Value) -> Value:
    """The divergence of a distribution from another, summed over all entries.

    kl_divergence(p, q) = sum(p (log p - log q))
    """
    return ops.sum(p * (ops.log(p) - ops.log(q)))


@composed("loss", source="torch.nn.functional.poisson_nll_loss")
def poisson_nll_loss(ops: Composer, input: Value, target: Value) -> Value:
    """The mean negative log likelihood of counts, from logarithms of rates, without the terms in the counts alone.

    poisson_nll_loss(x, y) = mean(exp(x) - y x)
    """
    return ops.mean(ops.exp(input) - target * input)


@composed("loss", source="torch.nn.functional.gaussian_nll_loss")
def gaussian_nll_loss(ops: Composer, input: Value, target: Value, var: Value) -> Value:
    """The mean negative log likelihood of normal values, without the constant.

    gaussian_nll_loss(m, y, v) = mean(log v + (m - y)^2 / v) / 2
    """
    return ops.mean(ops.log(var) + (input - target) ** 2 / var) / 2


@composed("loss", source="van den Oord, Li & Vinyals 2018, eq. 4", accuracy=DIFFERENCES)
def info_nce(ops: Composer, query: Value, key: Value, temperature: Expr = 0.1) -> Value:
    """The mean cross entropy of finding for each query its own key among all keys.

    info_nce(Q, K) = -mean(diag(log_softmax(Q @ K.T / temperature)))
    """
    return -ops.mean(ops.diagonal(ops.named(ops.log_softmax(query @ key.T / temperature, axis=-1))))


@composed("loss", source="Schroff, Kalenichenko & Philbin 2015", accuracy=SQUARE.format("a distance"))
def triplet_margin_loss(ops: Composer, anchor: Value, positive: Value, negative: Value, margin: Expr = 1) -> Value:
    """The mean shortfall by which an anchor is not nearer to its like than to another, by a margin.

    triplet_margin_loss(a, p, n) = mean(relu(|a - p| - |a - n| + margin))
    """
    near, far = (ops.norm(anchor - other, axis=-1) for other in (positive, negative))
    return ops.mean(ops.relu(near - far + margin))


@composed("loss", source="torch.nn.functional.cosine_similarity", accuracy=SQUARE.format("a length"))
def cosine_similarity(ops: Composer, x1: Value, x2: Value, axis: int = -1) -> Value:
    """The cosine of the angle between vectors along an axis.

    cosine_similarity(x, y) = x . y / (|x| |y|)
    """
    return ops.sum(x1 * x2, axis=axis) / (ops.norm(x1, axis=axis) * ops.norm(x2, axis=axis))
