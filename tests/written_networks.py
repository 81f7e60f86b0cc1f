"""Networks, sequences, mixtures, objectives of physics and statistics, as people write them: dictionaries, loops, views, flat vectors."""
# ruff: noqa: F722, F821, RUF059

import math

import numpy as np
from written import written

PARAMS = {"W1": "d h", "b1": "h", "W2": "h c", "b2": "c"}


@written("params", y="c", options={"shapes": {"params": PARAMS}})
def two_layer_loss(params, X: "n d", y: "n index", reg=0.1):
    W1, b1 = params["W1"], params["b1"]
    W2, b2 = params["W2"], params["b2"]
    N, D = X.shape
    hidden = np.maximum(0, X.dot(W1) + b1)
    scores = hidden.dot(W2) + b2
    scores -= np.max(scores, axis=1, keepdims=True)
    probs = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), y]).sum() / N
    loss += reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    grads = {}
    dscores = probs
    dscores[range(N), y] -= 1
    dscores /= N
    grads["W2"] = hidden.T.dot(dscores) + 2 * reg * W2
    grads["b2"] = np.sum(dscores, axis=0)
    dhidden = dscores.dot(W2.T)
    dhidden[hidden <= 0] = 0
    grads["W1"] = X.T.dot(dhidden) + 2 * reg * W1
    return loss, grads


@written("weights biases")
def deep_net(x: "n d", t: "n c", weights: ["d h", "h k", "k c"], biases: ["h", "k", "c"]):
    a, activations = x, [x]
    for W, b in zip(weights, biases, strict=True):
        z = a @ W + b
        a = 1.0 / (1.0 + np.exp(-z))
        activations.append(a)
    return 0.5 * np.sum((activations[-1] - t) ** 2) / x.shape[0]


@written("W1 b1 W2 b2")
def column_net(X: "d m", Y: "1 m", W1: "h d", b1: "h 1", W2: "1 h", b2: "1 1"):
    m = X.shape[1]
    cache = {}
    cache["Z1"] = np.dot(W1, X) + b1
    cache["A1"] = np.tanh(cache["Z1"])
    cache["Z2"] = np.dot(W2, cache["A1"]) + b2
    A2 = 1 / (1 + np.exp(-cache["Z2"]))
    cost = -(1 / m) * np.sum(np.multiply(np.log(A2), Y**2) + np.multiply(np.log(1 - A2), 1 - Y**2))
    cost = float(np.squeeze(cost))
    return cost, cache


@written("Wx Wh b x h0")
def rnn_forward(x: "n 3 d", h0: "n k", Wx: "d k", Wh: "k k", b: "k"):
    N, T, D = x.shape
    H = b.shape[0]
    h = np.zeros((N, T, H))
    prev_h, cache = h0, []
    for t in range(T):
        prev_h = np.tanh(x[:, t, :].dot(Wx) + prev_h.dot(Wh) + b)
        h[:, t, :] = prev_h
        cache.append((x[:, t, :], prev_h))
    return h, cache


@written("U V W", words="v")
def rnn_with_a_last_state(U: "h v", V: "v h", W: "h h", words: "3 index"):
    T = len(words)
    s = np.zeros((T + 1, W.shape[0]))
    s[-1] = np.zeros(W.shape[0])
    o = np.zeros((T, V.shape[0]))
    for t in np.arange(T):
        s[t] = np.tanh(U[:, words[t]] + W.dot(s[t - 1]))
        e = np.exp(V.dot(s[t]))
        o[t] = e / e.sum()
    return [o, s]


@written("Wx Wh b", slow=True)
def lstm_forward(x: "n 2 d", h0: "n k", Wx: "d 4*k", Wh: "k 4*k", b: "4*k"):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    N, T, D = x.shape
    H = h0.shape[1]
    h, prev_h, prev_c = np.zeros((N, T, H)), h0, np.zeros_like(h0)
    for t in range(T):
        a = x[:, t].dot(Wx) + prev_h.dot(Wh) + b
        i, f, o, g = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
        i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
        prev_c = f * prev_c + i * g
        prev_h = o * np.tanh(prev_c)
        h[:, t] = prev_h
    return h


@written("Wxh Whh Why")
def char_rnn(Wxh: "k v", Whh: "k k", Why: "v k", hprev: "k 1", inputs=(1, 0), targets=(0, 2)):
    xs, hs, ps, loss = {}, {}, {}, 0
    hs[-1] = np.copy(hprev)
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]))
        y = np.dot(Why, hs[t])
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, hs[len(inputs) - 1]


@written("Q K V", options={"shapes": {"mask": "t t"}})
def masked_attention(Q: "b t k", K: "b t k", V: "b t v", mask):
    scores = np.matmul(Q, K.transpose(0, 2, 1)) / math.sqrt(Q.shape[-1])
    scores = np.where(np.abs(mask) > 9, -np.inf, scores)
    scores = scores - scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ V, weights


@written("q k", slow=True)
def causal_heads(q: "t 2*e", k: "t 2*e"):
    T, width = q.shape
    heads = np.zeros((2, T, T))
    for h in range(2):
        size = width // 2
        qh, kh = q[:, h * size : (h + 1) * size], k[:, h * size : (h + 1) * size]
        s = qh @ kh.T / np.sqrt(size)
        s += (1 - np.tri(T)) * -1e9
        e = np.exp(s - s.max(1, keepdims=True))
        heads[h] = e / e.sum(1, keepdims=True)
    return np.einsum("hij,jd->ihd", heads, k).sum(axis=1)


@written("v U", outside="w", others="w")
def negative_sampling(v: "e", U: "w e", outside: "index", others: "3 index"):
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    loss = -np.log(sigmoid(U[outside].dot(v)))
    for k in range(len(others)):
        loss -= np.log(sigmoid(-np.dot(U[others[k]], v)))
    return loss


@written("centers")
def k_means(X: "n d", centers: "k d"):
    distances = np.zeros((X.shape[0], centers.shape[0]))
    distances += np.sum(X**2, axis=1)[:, np.newaxis] + np.sum(centers**2, axis=1) - 2 * X @ centers.T
    return np.mean(np.min(distances, axis=1))


@written("mu log_sigma logits")
def gaussian_mixture(x: "n", mu: "k", log_sigma: "k", logits: "k"):
    weights = np.exp(logits) / np.exp(logits).sum()
    sigma = np.exp(log_sigma)
    density = np.empty((len(x), len(mu)))
    density[:, :] = weights / (sigma * math.sqrt(2 * math.pi)) * np.exp(-0.5 * ((x[:, None] - mu) / sigma) ** 2)
    return -np.sum(np.log(density.sum(axis=1)))


@written("W")
def pca_error(X: "n d", W: "d k"):
    centred = X - np.mean(X, 0)
    back = centred @ W @ W.T
    return np.linalg.norm(centred - back) ** 2 / float(len(X))


@written("theta")
def logistic_regularised(theta: "p", X: "m p", y: "m", lam: ""):
    m = y.size
    h = 1 / (1 + np.exp(-X.dot(theta)))
    J = np.sum(-(y**2) * np.log(h) - (1 - y**2) * np.log(1 - h)) / m
    temp = theta.copy()
    temp[0] = 0
    J += lam / (2 * m) * np.sum(temp**2)
    grad = X.T.dot(h - y) / m
    grad[1:] = grad[1:] + lam / m * theta[1:]
    return J, grad


@written("theta")
def changes_its_argument(theta: "p", X: "m p", y: "m"):
    r = X @ theta - y
    temp = theta
    temp[0] = 0
    return r.dot(r) / 2 + np.sum(np.square(temp))


@written("theta")
def with_a_column_of_ones(theta: "d+1", X: "n d", y: "n"):
    A = np.hstack([np.ones((X.shape[0], 1)), X])
    r = A @ theta - y
    return float(r.T @ r) / (2 * len(y))


@written("theta", options={"shapes": {"theta": "d*h+h"}})
def unrolled(theta, X: "n d", out: "h"):
    d, h = X.shape[1], out.size
    W = theta[: d * h].reshape(d, h)
    v = theta[d * h :]
    return np.sum((np.tanh(X @ W) @ v) ** 2)


@written("params")
def collaborative(params: "p", Y: "m u", R: "m u", features=3):
    X = params[: Y.shape[0] * features].reshape(Y.shape[0], features)
    theta = params[Y.shape[0] * features :].reshape(Y.shape[1], features)
    error = (X.dot(theta.T) - Y) * (R > 0)
    return 0.5 * np.sum(error**2) + 0.25 * np.sum(X * X)


@written("w")
def huber_of_scikit(w: "p", X: "n d", y: "n", epsilon=1.35, alpha=0.01):
    _, n_features = X.shape
    fit_intercept = n_features + 2 == w.shape[0]
    if fit_intercept:
        intercept = w[-2]
    sigma = np.exp(w[-1])
    w = w[:n_features]
    linear_loss = y - X @ w
    if fit_intercept:
        linear_loss -= intercept
    absolute = np.abs(linear_loss)
    outliers = absolute > epsilon * sigma
    outlier_loss = 2.0 * epsilon * np.sum(absolute[outliers]) - sigma * np.count_nonzero(outliers) * epsilon**2
    inliers = linear_loss[~outliers]
    squared_loss = np.dot(inliers.T, inliers) / sigma
    return X.shape[0] * sigma + squared_loss + outlier_loss + alpha * np.dot(w, w)


@written("x")
def lennard_jones_pairs(x: "4 3"):
    energy = 0.0
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            r6 = np.dot(d, d) ** 3
            energy += 1 / r6**2 - 1 / r6
    return energy * 1e-3


@written("x")
def lennard_jones_flat(x: "q", sigma=0.5):
    if x.ndim == 1:
        x = x.reshape(-1, 3)
    diff = x[:, None, :] - x[None, :, :]
    return np.sum((diff**2).sum(-1) ** 2) / len(x)


@written("x")
def rosenbrock(x: "n"):
    total = np.zeros(x.size - 1)
    total[:] = 100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2
    return sum([total.sum(), 0.0])


@written("log_l X")
def gaussian_process(log_l: "", X: "n d", y: "n", noise=0.5):
    K = np.empty((len(X), len(X)))
    sq = np.sum(X**2, axis=1)
    K[...] = np.exp(-0.5 * (sq[:, None] + sq[None, :] - 2 * X @ X.T) / np.exp(log_l) ** 2)
    K += noise**2 * np.eye(len(X))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    return 0.5 * y @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(X) * np.log(2 * np.pi)


@written("W", draws=True)
def denoising(X: "n d", W: "d h"):
    noisy = X + 0.1 * np.random.normal(size=X.shape)
    code = np.tanh(noisy @ W)
    return np.mean((code @ W.T - X) ** 2)


@written("x")
def views_of_views(x: "4 n"):
    y = x * 1.0
    top = y[:2]
    top[1] *= 3
    turned = y.T
    turned[:, 0] = 2 * turned[:, 1]
    y[3, :] += top[0]
    return y * np.arange(4)[:, None]


@written("x")
def cumulated(x: "5 n"):
    out = np.zeros_like(x)
    running = np.zeros(x.shape[1])
    for i, row in enumerate(x):
        running = 0.9 * running + row
        out[i] = running
    out[[0, 3]] = x[[1, 2]] ** 2
    return out


@written("x y")
def branches_on_sizes(x: "n d", y: "n d"):
    assert x.shape == y.shape and x.ndim == 2
    scale = 1.0 / max(1, x.shape[0]) if x.shape[0] > 0 else 1.0
    z = np.stack([x, y]) if isinstance(x, np.ndarray) else None
    return scale * np.sum(np.abs(z[0] - z[1]) ** 1.5) + max(0.0, z.sum()) * (x.shape[0] / float(x.shape[1]))


@written("w", y="c")
def hinge_with_labels_of_one_hot(w: "d c", X: "n d", y: "n index"):
    labels = -np.ones((len(y), w.shape[1]))
    labels[np.arange(len(y)), y] = 1
    return np.mean(np.maximum(0, 1 - labels * (X @ w)) ** 2)
