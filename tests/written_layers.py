"""Layers and losses as people write them: caches, masks, writes into entries, arrays of symbolic sizes, integer labels."""
# ruff: noqa: F722, F821, B006, RUF015, RUF059

import numpy as np
from written import written


@written("W b x")
def affine_forward(x: "n c h w", W: "c*h*w m", b: "m"):
    rows = x.reshape(x.shape[0], -1)
    out = np.dot(rows, W) + b
    cache = (x, W, b)
    return out, cache


@written("W b")
def affine_with_a_letter_for_the_product(x: "n c h", W: "p m", b: "m"):
    out = x.reshape(len(x), -1) @ W
    out += b
    return out


@written("x")
def relu_by_mask(x: "n d"):
    mask = x <= 0
    out = x.copy()
    out[mask] = 0
    return out, mask


@written("x")
def relu_by_product(x: "n d"):
    return np.sum(x * (x > 0) ** 2)


@written("x")
def leaky_relu_by_entries(x: "n d", slope=0.1):
    out = np.array(x)
    out[x < 0] *= slope
    return out


@written("x")
def hard_tanh(x: "n d"):
    out = np.zeros_like(x)
    inside = np.logical_and(x > -1, x < 1)
    out[inside] = x[inside]
    out[x >= 1] = 1.0
    out[x <= -1] = -1.0
    return out


@written("x gamma beta")
def batchnorm_train(x: "n d", gamma: "d", beta: "d", bn_param={"mode": "train"}):
    mode, eps = bn_param["mode"], bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    out, cache = None, None
    if mode == "train":
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        x_hat = (x - mu) / np.sqrt(var + eps)
        out = gamma * x_hat + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        cache = (x_hat, gamma, var, eps)
    else:
        raise ValueError(f"mode {mode}")
    bn_param["running_mean"] = running_mean
    return out, cache


@written("x gamma beta")
def layernorm(x: "n d", gamma: "d", beta: "d", eps=1e-5):
    mean = np.mean(x, axis=1, keepdims=True)
    std = np.sqrt(np.mean((x - mean) ** 2, axis=1, keepdims=True) + eps)
    norm = (x - mean) / std
    return gamma * norm + beta, (mean, std, norm)


@written("x gamma", slow=True)
def group_norm(x: "n 6 h w", gamma: "6", G=2):
    N, C, H, W = x.shape
    grouped = x.reshape(N * G, -1).T
    mu = np.mean(grouped, axis=0)
    out = ((grouped - mu) / np.sqrt(np.var(grouped, axis=0) + 1e-5)).T.reshape(N, C, H, W)
    return out * gamma[None, :, None, None]


@written("scores", y="c")
def softmax_loss(scores: "n c", y: "n index"):
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    Z = np.sum(np.exp(shifted), axis=1, keepdims=True)
    log_probs = shifted - np.log(Z)
    probs = np.exp(log_probs)
    N = scores.shape[0]
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


@written("W", y="c")
def softmax_loss_with_eye(W: "d c", X: "n d", y: "n index", reg: ""):
    P = np.exp(X.dot(W))
    P /= P.sum(axis=1)[:, None]
    Y = np.eye(W.shape[1])[y]
    return -(Y * np.log(P)).sum() / len(X) + 0.5 * reg * np.sum(W * W)


@written("W", y="c")
def svm_loss(W: "d c", X: "n d", y: "n index", reg: ""):
    num_train = X.shape[0]
    scores = X @ W
    correct = scores[range(num_train), list(range(2))[0] * 0 + y].reshape(num_train, 1)
    margins = np.maximum(0, scores - correct + 1.0)
    margins[range(num_train), y] = 0
    loss = margins.sum() / num_train + reg * (W**2).sum()
    binary = margins
    binary[margins > 0] = 1
    binary[np.arange(num_train), y] -= np.sum(binary, axis=1)
    dW = X.T.dot(binary) / num_train + 2 * reg * W
    return loss, dW


@written("scores", y="c")
def svm_in_columns(scores: "c n", y: "n index"):
    m = scores.shape[1]
    margins = np.maximum(0, scores - scores[y, np.arange(m)] + 1)
    margins[y, np.arange(m)] = 0
    return np.mean(np.sum(margins, axis=0))


@written("x", y="d")
def logistic_of_selected(x: "n d", t: "n"):
    p = 1 / (1 + np.exp(-x.sum(axis=1)))
    on = t > 0
    return -np.mean(np.log(p[on])) - np.sum(np.log(1 - p[~on])) / len(t)


@written("x")
def huber(x: "n", delta=0.7):
    r = np.abs(x)
    small = r <= delta
    loss = np.zeros(len(x))
    loss[small] = 0.5 * x[small] ** 2
    loss[~small] = delta * (r[~small] - 0.5 * delta)
    return loss.mean()


@written("x w b", slow=True)
def conv_by_loops(x: "1 2 4 3", w: "2 2 3 2", b: "2", conv_param={"stride": 1, "pad": 1}):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    pad, stride = conv_param["pad"], conv_param["stride"]
    out_h = int(1 + (H + 2 * pad - HH) / stride)
    out_w = 1 + (W + 2 * pad - WW) // stride
    out = np.zeros((N, F, out_h, out_w))
    padded = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant", constant_values=0)
    for n in range(N):
        for f in range(F):
            for i in range(out_h):
                for j in range(out_w):
                    window = padded[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


@written("x w")
def conv1d_over_places(x: "n 6", w: "3"):
    N, L = x.shape
    K = w.size
    out = np.empty((N, L - K + 1))
    for i in range(L - K + 1):
        out[:, i] = x[:, i : i + K] @ w
    return np.sum(out**2)


@written("x")
def maxpool_by_loops(x: "n 2 4 4"):
    N, C, H, W = x.shape
    out = np.zeros((N, C, H // 2, W // 2))
    for i in range(H // 2):
        for j in range(W // 2):
            out[:, :, i, j] = np.max(x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(2, 3))
    return out


@written("x")
def maxpool_by_reshape(x: "n c 2*h 2*w"):
    N, C, H, W = x.shape
    cells = x.reshape(N, C, H // 2, 2, W // 2, 2)
    return cells.max(axis=3).max(axis=4)


@written("x")
def average_pool_in_place(x: "n 2*d"):
    half = x.shape[1] // 2
    out = np.zeros((x.shape[0], half))
    out += x[:, :half]
    out += x[:, half:]
    out /= 2.0
    return out


@written("x")
def im2col(x: "2 5 4"):
    C, H, W = x.shape
    cols = np.zeros((C * 2 * 2, (H - 1) * (W - 1)))
    for i in range(H - 1):
        for j in range(W - 1):
            cols[:, i * (W - 1) + j] = x[:, i : i + 2, j : j + 2].reshape(-1)
    return cols


@written("x")
def col2im_adds(x: "4 3"):
    out = np.zeros((6, 4))
    for i in range(2):
        for j in range(2):
            out[i : i + 4, j : j + 3] += x * (i + 2 * j + 1)
    return out


@written("x")
def padded_by_hand(x: "n d"):
    N, D = x.shape
    wide = np.zeros((N + 2, D + 2))
    wide[1:-1, 1:-1] = x
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * x


@written("x")
def reflected(x: "n 4"):
    return np.pad(x, ((0, 0), (2, 1)), mode="reflect")[:, ::2] * np.pad(x, ((0, 0), (1, 1)), "edge")[:, 1:5]


@written("x", draws=True)
def inverted_dropout(x: "n d", p=0.6):
    mask = (np.random.rand(*x.shape) < p) / p
    out = x * mask
    out = out.astype(x.dtype, copy=False)
    return out, mask


@written("mu log_var", draws=True)
def reparametrised(mu: "n d", log_var: "n d"):
    eps = np.random.standard_normal(size=mu.shape)
    z = mu + np.exp(0.5 * log_var) * eps
    kl = -0.5 * np.sum(1 + log_var - np.square(mu) - np.exp(log_var))
    return np.sum(z**2) + kl


@written("E", words="v")
def embedding_rows(E: "v e", words: "n t index"):
    return E[words].mean(axis=1)


@written("E x", words="v")
def scattered(E: "v e", x: "n e", words: "n index"):
    total = np.zeros_like(E)
    np.add.at(total, words, x)
    return np.sum(total * E)


@written("p", y="c")
def cross_entropy_of_columns(p: "c m", y: "m index"):
    A = np.exp(p) / np.exp(p).sum(axis=0)
    return -np.log(A[y, range(A.shape[1])]).mean()


@written("x")
def largest_of_each_row(x: "n c"):
    best = np.argmax(x, axis=1)
    return np.sum(x[np.arange(len(x)), best] ** 2)
