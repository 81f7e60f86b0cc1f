"""Names that people try and the language has not: why, and what to write instead.

To add one, write a row: names, why, what to write instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Absent:
    """Why the language has a name not ("" if other ops say it as well), and what to write instead."""

    why: str
    instead: str


POSITIONS = "gives positions, which have no derivative"
ORDER = "puts entries in order: its derivative would be a permutation that no formula shows"
RAGGED = "gives an array whose shape depends on the values"
FREE = "gives factors that are not unique, which have no derivative of their own"

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("argmax argmin argsort argpartition nonzero argwhere searchsorted digitize", POSITIONS, "give an argument with the role of an index"),
    ("sort partition median percentile quantile topk", ORDER, "write x[places], with an index array as an argument"),
    ("unique histogram bincount compress extract", RAGGED, "multiply by where(condition, 1, 0), or by one_hot(classes, c)"),
    ("svd svdvals", FREE, "write sqrt(eigvalsh(A.T @ A)) for the singular values, largest last"),
    ("qr", FREE, "write cholesky(A.T @ A).T for R"),
    ("eig eigvals schur", FREE, "write eigvalsh(A) or eigh(A) for a symmetric matrix"),
    ("lu lu_factor", FREE, "write solve(A, b), det(A) or inv(A)"),
    (
        "expm logm sqrtm funm",
        "has an integral for a derivative, which no index form says",
        "apply the function to eigvalsh(A) of a symmetric matrix",
    ),
    ("matrix_rank any all count_nonzero isclose allclose isnan isinf isfinite", "gives no real numbers", "write where(condition, 1, 0)"),
    (
        "nansum nanmean nanmax nanmin nanvar nanstd nanprod",
        "leaves out what is nan",
        "write sum(where(mask > 0, x, 0)), with a mask of what counts",
    ),
    ("round rint around fix", "rounds halves to even numbers, which has no law here", "write floor(x + 0.5)"),
    ("heaviside", "", "write where(x > 0, 1, 0)"),
    ("mod remainder fmod floor_divide", "", "write x - y * floor(x / y)"),
    ("lstsq", "", "write solve(A.T @ A, A.T @ b)"),
    ("cond", "", "write norm(A) * norm(inv(A))"),
    ("multi_dot", "", "write A @ B @ C"),
    ("block bmat", "", "write vstack((hstack((A, B)), hstack((C, D))))"),
    ("dstack", "", "write stack((A, B), axis=-1)"),
    ("array_split hsplit vsplit", "", "write split(x, 2, axis=0)"),
    ("cov", "", "write (X - mean(X, axis=0)).T @ (X - mean(X, axis=0)) / (n - 1), rows being samples"),
    ("corrcoef", "", "write the covariance, divided by outer(std(X, axis=0), std(X, axis=0))"),
    ("convolve correlate", "", "write conv1d(X, W), or a sum of slices times weights"),
    ("cross", "", "write stack((x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]))"),
    ("tr Tr", "", "write trace(A)"),
    ("ln", "", "write log(x)"),
    ("lg", "", "write log10(x)"),
    ("Det", "", "write det(A)"),
    ("logabsdet log_det", "", "write logdet(A), the logarithm of the size of det(A)"),
    ("vec", "", "write ravel(A), row by row, or ravel(A.T), column by column"),
    ("adj adjoint hermitian conj", "", "write A.T: arrays are of real numbers"),
    ("frobenius", "", "write norm(A)"),
    ("cbrt", "", "write sign(x) * abs(x) ** (1 / 3)"),
    ("full_like empty_like", "", "write c * ones_like(x)"),
    ("empty", "", "write zeros(n)"),
    ("linspace", "", "write a + (b - a) * arange(n) / (n - 1)"),
    ("meshgrid", "", "write x[:, None] and y[None, :]"),
    ("insert append", "", "write concatenate((x, y))"),
    ("rot90", "", "write flip(A.T, axis=0)"),
    ("erfc", "", "write 1 - erf(x), which is computed as it should be"),
    ("gamma gammaln lgamma digamma loggamma beta betaln erfinv", "is not in the language", "give its value as an argument"),
    ("expit", "", "write sigmoid(x)"),
    ("logit", "", "write log(x / (1 - x))"),
    ("ndtr", "", "write 0.5 * (1 + erf(x / sqrt(2)))"),
    ("log_ndtr", "", "write log(0.5 * (1 + erf(x / sqrt(2)))), which is computed as it should be"),
    ("xlogy", "", "write x * log(y)"),
    ("xlog1py", "", "write x * log1p(y)"),
    ("rsqrt", "", "write 1 / sqrt(x)"),
    ("gradient", "", "write (x[2:] - x[:-2]) / 2"),
    ("interp", "", "write (1 - t) * y[places] + t * y[places + 1], with an index array as an argument"),
    ("atleast_2d", "", "write x[None, :]"),
    ("nan_to_num", "", "write where(mask > 0, x, 0), with a mask as an argument"),
    ("rollaxis", "", "write moveaxis(x, 2, 0)"),
    ("unsqueeze", "", "write x[..., None], or expand_dims(x, 0)"),
    ("view", "", "write reshape(x, (n, d))"),
    ("permute", "", "write transpose(x, (1, 0, 2))"),
    ("cat", "", "write concatenate((x, y), axis=0)"),
    ("mm bmm mv", "", "write A @ B"),
    ("sub", "", "write x - y"),
    ("mul", "", "write x * y"),
    ("div", "", "write x / y"),
    ("index_select gather", "", "write take(x, places, axis=0), or take_along_axis"),
    ("masked_fill", "", "write where(mask > 0, value, x)"),
    (
        "astype float int double detach item tolist asarray array contiguous copy clone",
        "",
        "leave it out: every array is one of real numbers",
    ),
    ("range list tuple print zip map enumerate", "is Python's, not the language's", "write the expression out on whole arrays"),
)


ABSENT: Mapping[str, Absent] = MappingProxyType({name: Absent(why, instead) for names, why, instead in _ROWS for name in names.split()})
