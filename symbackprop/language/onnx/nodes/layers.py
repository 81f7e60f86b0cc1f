"""Records of ONNX ops that are layers: products, normalisations, dropout."""

from collections.abc import Sequence
from typing import Any

from symbackprop.language.graphs.norms import affine, normal, of_channels, with_statistics
from symbackprop.language.graphs.ops import places
from symbackprop.language.onnx.nodes.records import Nodes, node


@node("MatMul", whole=True)
def matmul(ops: Nodes, A: Any, B: Any) -> Any:
    """A product of matrices, or of stacks of them."""
    return ops.matmul(A, B)


@node("Gemm")
def gemm(ops: Nodes, A: Any, B: Any, C: Any = None, alpha: float = 1.0, beta: float = 1.0, transA: int = 0, transB: int = 0) -> Any:
    """Alpha A B + beta C, of matrices or their transposes."""
    made = ops.matmul(A.T if transA else A, B.T if transB else B)
    made = made if alpha == 1 else ops.multiply(alpha, made)
    if C is None or beta == 0:
        return made
    return ops.add(made, C if beta == 1 else ops.multiply(beta, C))


@node("Einsum")
def einsum(ops: Nodes, Inputs: Sequence[Any], equation: str) -> Any:
    """A sum of products, as its letters say."""
    return ops.einsum(equation.replace(" ", ""), *Inputs)


@node("Det")
def det(ops: Nodes, X: Any) -> Any:
    """The determinant."""
    return ops.det(X)


@node("BatchNormalization", constants=("input_mean", "input_var"))
def batch_normalization(
    ops: Nodes,
    X: Any,
    scale: Any,
    B: Any,
    input_mean: Any,
    input_var: Any,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Any:
    """Each channel brought to mean 0 and variance 1 over the batch, or by the statistics that were kept."""
    if ops.version < 14 and ops.count > 1:
        raise ops.error("training as opsets before 14 have it, told by the number of outputs", "convert the file to opset 14 or later")
    if not training_mode:
        return with_statistics(ops, X, scale, B, input_mean, input_var, epsilon)
    axes = tuple(k for k in range(X.ndim) if k != 1)
    made = affine(ops, normal(ops, X, axes, epsilon), of_channels(scale, X.ndim), of_channels(B, X.ndim))
    kept = [(input_mean, ops.mean(X, axis=axes)), (input_var, ops.var(X, axis=axes))]
    return made, *[ops.add(ops.multiply(momentum, old), ops.multiply(1 - momentum, new)) for old, new in kept]


@node("InstanceNormalization")
def instance_normalization(ops: Nodes, input: Any, scale: Any, B: Any, epsilon: float = 1e-5) -> Any:
    """Each channel of each sample brought to mean 0 and variance 1."""
    made = normal(ops, input, tuple(range(2, input.ndim)), epsilon)
    return affine(ops, made, of_channels(scale, input.ndim), of_channels(B, input.ndim))


@node("LayerNormalization")
def layer_normalization(ops: Nodes, X: Any, Scale: Any, B: Any = None, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Any:
    """The last axes brought to mean 0 and variance 1."""
    axes = tuple(range(places(axis, X.ndim)[0], X.ndim))
    made = affine(ops, normal(ops, X, axes, epsilon), Scale, B)
    if ops.count == 1:
        return made
    mean, var = ops.mean(X, axis=axes, keepdims=True), ops.var(X, axis=axes, keepdims=True)
    return made, mean, ops.divide(1, ops.sqrt(ops.add(var, epsilon)))


@node("RMSNormalization")
def rms_normalization(ops: Nodes, X: Any, scale: Any, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Any:
    """The last axes divided by their root mean square."""
    axes = tuple(range(places(axis, X.ndim)[0], X.ndim))
    size = ops.sqrt(ops.add(ops.mean(ops.square(X), axis=axes, keepdims=True), epsilon))
    return affine(ops, ops.divide(X, size), scale, None)


@node("GroupNormalization")
def group_normalization(ops: Nodes, X: Any, scale: Any, bias: Any, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1) -> Any:
    """Groups of channels brought to mean 0 and variance 1; scaled for each group before opset 21, for each channel since."""
    n, channels = X.shape[:2]
    apart = ops.reshape(X, (n, num_groups, channels // num_groups, *X.shape[2:]))
    made = normal(ops, apart, tuple(range(2, apart.ndim)), epsilon)
    if ops.version < 21:
        return ops.reshape(affine(ops, made, of_channels(scale, apart.ndim), of_channels(bias, apart.ndim)), X.shape)
    return affine(ops, ops.reshape(made, X.shape), of_channels(scale, X.ndim), of_channels(bias, X.ndim))


@node("MeanVarianceNormalization")
def mean_variance_normalization(ops: Nodes, X: Any, axes: Sequence[int] = (0, 2, 3)) -> Any:
    """Axes brought to mean 0 and deviation 1; 1e-9 is added to the deviation."""
    along = {"axis": places(tuple(axes), X.ndim), "keepdims": True}
    return ops.divide(ops.subtract(X, ops.mean(X, **along)), ops.add(ops.std(X, **along), 1e-9))


@node("Dropout", known=("training_mode",), numbers=("ratio",))
def dropout(ops: Nodes, data: Any, ratio: Any = 0.5, training_mode: Any = None, seed: int | None = None) -> Any:
    """Entries that a named mask keeps, scaled so that the mean stays; out of training all of them."""
    ratio = 0.5 if ratio is None else ratio
    if training_mode is None or not training_mode.reshape(())[()] or (isinstance(ratio, int | float) and ratio == 0):
        return data, ops.not_equal(ops.filled(data.shape, 1), 0)
    kept = ops.mask(data)
    return ops.divide(ops.multiply(data, kept), ops.subtract(1, ratio)), ops.not_equal(kept, 0)
