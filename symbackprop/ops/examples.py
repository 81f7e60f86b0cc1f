"""One call of each op that is more than a function of numbers, with the shapes of its tensors: what docs and tests show of it.

Sizes are letters where the op takes any, and differ. A function of numbers, applied entry by entry, needs no example.
"""

from dataclasses import dataclass

from symbackprop.ops.table import Op


@dataclass(frozen=True)
class Example:
    """A call in the notation of the language, and the shape of each tensor in it."""

    text: str
    shapes: dict[str, str]


def _given(text: str, shapes: str = "") -> Example:
    pairs = (part.split(":") for part in shapes.split(";") if part)
    return Example(text, {name.strip(): axes.strip() for name, axes in pairs})


EXAMPLES: dict[str, Example] = {
    # elementwise, with numbers for the other arguments
    "clip": _given("clip(x, -1, 2)", "x:"),
    # structural
    "transpose": _given("transpose(A)", "A: m n"),
    "swapaxes": _given("swapaxes(T, 0, 1)", "T: m n k"),
    "diagonal": _given("diagonal(A)", "A: n n"),
    "diag": _given("diag(v)", "v: n"),
    "tril": _given("tril(A)", "A: n n"),
    "triu": _given("triu(A, 1)", "A: n n"),
    "eye": _given("A + eye(n)", "A: n n"),
    "ones": _given("x * ones((m, n))", "x: n; y: m"),
    "zeros": _given("concatenate((x, zeros(m)))", "x: n; y: m"),
    "full": _given("x * full((m, n), c)", "x: n; y: m; c:"),
    "ones_like": _given("x @ ones_like(x)", "x: n"),
    "zeros_like": _given("stack((x, zeros_like(x)))", "x: n"),
    "expand_dims": _given("expand_dims(x, 0)", "x: n"),
    "squeeze": _given("squeeze(A, axis=1)", "A: n 1"),
    "reshape": _given("reshape(A, m * n)", "A: m n"),
    "ravel": _given("ravel(A)", "A: m n"),
    "moveaxis": _given("moveaxis(T, 0, -1)", "T: m n k"),
    "tile": _given("tile(x, 3)", "x: n"),
    "repeat": _given("repeat(x, 3)", "x: n"),
    "broadcast_to": _given("broadcast_to(x, (m, n))", "x: n; y: m"),
    "concatenate": _given("concatenate((x, y))", "x: n; y: m"),
    "stack": _given("stack((x, y))", "x: n; y: n"),
    "hstack": _given("hstack((A, B))", "A: m n; B: m k"),
    "vstack": _given("vstack((A, B))", "A: m n; B: k n"),
    "column_stack": _given("column_stack((x, A))", "x: n; A: n m"),
    "diff": _given("diff(x)", "x: n"),
    "split": _given("split(x, (2,))[1]", "x: n"),
    "flip": _given("flip(x)", "x: n"),
    "roll": _given("roll(x, 1)", "x: n"),
    "pad": _given("pad(x, (2, 1))", "x: n"),
    "sliding_window_view": _given("sliding_window_view(x, 2)", "x: n"),
    "arange": _given("x * arange(n)", "x: n"),
    "take": _given("take(W, words, axis=0)", "W: v d; words: n"),
    "take_along_axis": _given("take_along_axis(A, places, axis=1)", "A: m n; places: m k"),
    "one_hot": _given("one_hot(classes, c) * X", "X: n c; classes: n"),
    # contraction
    "kron": _given("kron(A, B)", "A: m n; B: p q"),
    "matmul": _given("matmul(A, B)", "A: m n; B: n k"),
    "dot": _given("dot(a, b)", "a: n; b: n"),
    "inner": _given("inner(A, B)", "A: m n; B: k n"),
    "outer": _given("outer(a, b)", "a: m; b: n"),
    "trace": _given("trace(A)", "A: n n"),
    "einsum": _given('einsum("ij,jk,kl->il", A, B, C)', "A: m n; B: n k; C: k l"),
    "vdot": _given("vdot(A, B)", "A: m n; B: m n"),
    "matrix_power": _given("matrix_power(A, 3)", "A: n n"),
    "tensordot": _given("tensordot(T, A, axes=1)", "T: m n k; A: k l"),
    # condition
    "greater": _given("where(greater(x, y), x, z)", "x: n; y: n; z: n"),
    "greater_equal": _given("where(greater_equal(x, y), x, z)", "x: n; y: n; z: n"),
    "less": _given("where(less(x, y), x, z)", "x: n; y: n; z: n"),
    "less_equal": _given("where(less_equal(x, y), x, z)", "x: n; y: n; z: n"),
    "equal": _given("where(equal(x, y), x, z)", "x: n; y: n; z: n"),
    "not_equal": _given("where(not_equal(x, y), x, z)", "x: n; y: n; z: n"),
    "logical_and": _given("where(logical_and(x > 0, y > 0), x, y)", "x: n; y: n"),
    "logical_or": _given("where(logical_or(x > 0, y > 0), x, y)", "x: n; y: n"),
    "logical_not": _given("where(logical_not(x > y), x, y)", "x: n; y: n"),
    "where": _given("where(x > 0, x * y, y)", "x: n; y: n"),
    # reduction
    "sum": _given("sum(X, axis=1)", "X: m n"),
    "mean": _given("mean(X, axis=1)", "X: m n"),
    "var": _given("var(X, axis=1)", "X: m n"),
    "std": _given("std(X, axis=1)", "X: m n"),
    "ptp": _given("ptp(X, axis=1)", "X: m n"),
    "average": _given("average(x, weights=w)", "x: n; w: n"),
    "norm": _given("norm(X, axis=1)", "X: m n"),
    "cumsum": _given("cumsum(x)", "x: n"),
    "cumprod": _given("cumprod(x)", "x: n"),
    # statistic
    "softmax": _given("softmax(X, axis=-1)", "X: m n"),
    "log_softmax": _given("log_softmax(X, axis=-1)", "X: m n"),
    "logsumexp": _given("logsumexp(X, axis=-1)", "X: m n"),
    # whole tensor
    "inv": _given("inv(A)", "A: n n"),
    "det": _given("det(A)", "A: n n"),
    "logdet": _given("logdet(A)", "A: n n"),
    "sign_of_det": _given("sign_of_det(A) * trace(A)", "A: n n"),
    "slogdet": _given("slogdet(A)[1]", "A: n n"),
    "pinv": _given("pinv(A)", "A: m n"),
    "solve": _given("solve(A, b)", "A: n n; b: n"),
    "cholesky": _given("cholesky(A)", "A: n n"),
    "max": _given("max(X, axis=1)", "X: m n"),
    "min": _given("min(X, axis=1)", "X: m n"),
    "max_selector": _given("max_selector(X, axis=1) * Y", "Y: m n; X: m n"),
    "min_selector": _given("min_selector(X, axis=1) * Y", "Y: m n; X: m n"),
    "prod": _given("prod(X, axis=1)", "X: m n"),
    "prod_others": _given("prod_others(x)", "x: n"),
    "eigvalsh": _given("eigvalsh(A)", "A: n n"),
    "eigh": _given("eigh(A)[0]", "A: n n"),
    "eigenvectors": _given("eigenvectors(A) ** 2", "A: n n"),
    "eigenvalue_gaps": _given("eigenvalue_gaps(A)", "A: n n"),
    # layer
    "linear": _given("linear(X, W, b)", "X: n d; W: h d; b: h"),
    "layer_norm": _given("layer_norm(X, w, b)", "X: n d; w: d; b: d"),
    "rms_norm": _given("rms_norm(X, w)", "X: n d; w: d"),
    "batch_norm": _given("batch_norm(X, w, b)", "X: n d; w: d; b: d"),
    "dropout": _given("dropout(X, M, 0.5)", "X: n d; M: n d"),
    "embedding": _given("embedding(words, W)", "W: v d; words: n"),
    "scaled_dot_product_attention": _given("scaled_dot_product_attention(Q, K, V)", "Q: m d; K: n d; V: n e"),
    "rnn_cell": _given("rnn_cell(X, H, W, U, b)", "X: n d; H: n h; W: h d; U: h h; b: h"),
    "gru_cell": _given("gru_cell(X, H, W, U, b, c)", "X: n d; H: n 2; W: 6 d; U: 6 2; b: 6; c: 6"),
    "lstm_cell": _given("lstm_cell(X, H, C, W, U, b)", "X: n d; H: n 2; C: n 2; W: 8 d; U: 8 2; b: 8"),
    "conv1d": _given("conv1d(X, W, b)", "X: n c t; W: o c 3; b: o"),
    "conv2d": _given("conv2d(X, W, b)", "X: n c p q; W: o c 3 3; b: o"),
    "avg_pool1d": _given("avg_pool1d(X, 2)", "X: n c t"),
    "avg_pool2d": _given("avg_pool2d(X, 2)", "X: n c p q"),
    "max_pool1d": _given("max_pool1d(X, 2)", "X: n c t"),
    "max_pool2d": _given("max_pool2d(X, 2)", "X: n c p q"),
    # loss
    "cross_entropy": _given("cross_entropy(O, Y)", "O: n c; Y: n c"),
    "nll_loss": _given("nll_loss(L, classes)", "L: n c; classes: n"),
    "binary_cross_entropy": _given("binary_cross_entropy(p, y)", "p: n; y: n"),
    "binary_cross_entropy_with_logits": _given("binary_cross_entropy_with_logits(x, y)", "x: n; y: n"),
    "mse_loss": _given("mse_loss(x, y)", "x: n; y: n"),
    "l1_loss": _given("l1_loss(x, y)", "x: n; y: n"),
    "huber_loss": _given("huber_loss(x, y)", "x: n; y: n"),
    "hinge_loss": _given("hinge_loss(s, y)", "s: n; y: n"),
    "focal_loss": _given("focal_loss(x, y)", "x: n; y: n"),
    "kl_divergence": _given("kl_divergence(p, q)", "p: n; q: n"),
    "poisson_nll_loss": _given("poisson_nll_loss(x, y)", "x: n; y: n"),
    "gaussian_nll_loss": _given("gaussian_nll_loss(m, y, v)", "m: n; y: n; v: n"),
    "info_nce": _given("info_nce(Q, K)", "Q: n d; K: n d"),
    "triplet_margin_loss": _given("triplet_margin_loss(a, p, q)", "a: n d; p: n d; q: n d"),
    "cosine_similarity": _given("cosine_similarity(X, Y)", "X: n d; Y: n d"),
}


def example(op: Op) -> Example:
    """The example of an op; a function of numbers is applied to as many scalars as it must have."""
    if op.name in EXAMPLES or op.kind != "elementwise":
        return EXAMPLES[op.name]
    names = "xyz"[: max(1, sum(p.default is p.empty for p in op.parameters.values()))]
    return Example(f"{op.name}({', '.join(names)})", dict.fromkeys(names, ""))
