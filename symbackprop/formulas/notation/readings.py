"""A reading: what a formula means where notation leaves a choice."""

from dataclasses import dataclass, replace

from symbackprop.formulas.notation.context import Conventions


@dataclass(frozen=True)
class Reading:
    """One choice for each ambiguity.

    layout: of Jacobians and of derivatives of scalars. row_vectors: a vector that is declared with one axis is a row. loose: a row may
    stand for a column. samples: the axis of samples in matrices. star, circle: what * and \\circ mean. simplex: labels sum to 1.
    hot: labels are one-hot, hit: and a free index is the class. unit: vectors have norm 1.
    before: da of an activation is the derivative by what it is applied to.
    diagonal: a vector beside a matrix is its diagonal. immediate: derivatives by equations alone. summed: a mean over the terms of one
    sample is their sum. last: a generic layer is the last one. inner: two columns side by side are their inner product. flat: products
    from left to right, no sign binding closer. applied: f * (z) is f(z). symmetric: the matrices of quadratic forms
    that are taken for symmetric. zero: indices count from 0. padded: what lies beyond an axis is 0. kronecker: \\otimes of two vectors
    is one too. vec_rows: vec lists rows, not columns. interval: parameters that lie between 0 and 1.
    """

    layout: str = "gradient"
    row_vectors: bool = False
    loose: bool = False
    samples: str = "rows"
    star: str = "auto"
    circle: str = "hadamard"
    times: str = "matrix"
    kronecker: bool = False
    vec_rows: bool = False
    simplex: bool = False
    hot: bool = False
    hit: bool = False
    unit: bool = False
    before: bool = False
    diagonal: bool = False
    immediate: bool = False
    summed: bool = False
    last: bool = False
    inner: bool = False
    flat: bool = False
    applied: bool = False
    small: bool = False
    dot: bool = False
    final: bool = False
    einstein: bool = False
    scope: bool = False
    unbounded: bool = False
    others: bool = False
    entropy: bool = False
    identity: bool = False
    special: tuple[tuple[str, int], ...] = ()
    symmetric: tuple[str, ...] = ()
    zero: bool = False
    padded: bool = False
    slash: bool = False
    turned: bool = False
    scalars: bool = False
    same: bool = False
    parameters: bool = False
    elementwise_inverse: bool = False
    interval: tuple[str, ...] = ()


def usual(said: Conventions) -> Reading:
    """The reading that the conventions say, and the usual one where they say nothing."""
    layout = said.layout if said.layout in ("numerator", "denominator") else "gradient"
    return Reading(
        layout=layout,
        row_vectors=bool(said.row_vectors),
        samples=said.samples or "rows",
        star=said.star or "auto",
        circle=said.circle or "hadamard",
        times=said.times or "matrix",
        kronecker=said.kronecker,
        vec_rows=said.vec_rows,
        simplex=said.one_hot,
        elementwise_inverse=said.elementwise_inverse,
    )


def varied(reading: Reading, **changes: object) -> Reading:
    """The reading with other choices."""
    return replace(reading, **changes)  # type: ignore[arg-type]
