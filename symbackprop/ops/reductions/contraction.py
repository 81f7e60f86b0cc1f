"""Contractions: products of entries, summed over shared indices."""

from collections.abc import Sequence
from string import ascii_letters

from sympy import Expr, Mul

from symbackprop.calculus.contract import contract
from symbackprop.calculus.term import delta
from symbackprop.errors import AxisError, ParseError
from symbackprop.ops.array import Array, Draft, Indices
from symbackprop.ops.broadcast import broadcast, mapped
from symbackprop.ops.table import array_op


@array_op("contraction")
def matmul(draft: Draft, a: Array, b: Array) -> Array:
    """The matrix product; axes before the last two are broadcast.

    matmul(A, B)[i, k] = sum_j A[i, j] B[j, k]
    """
    for side in (a, b):
        if not side.rank:
            raise draft.error("@ needs arrays with axes, not a scalar", AxisError, arrays=[side], fix="multiply by a scalar with *")
    left, right = draft.factor(a), draft.factor(b)
    inner, other = left.axes[-1], right.axes[-2] if right.rank > 1 else right.axes[0]
    if inner != other:
        raise draft.clash(left, inner, right, other, _transposed(left, right))
    # The entry of a leading part is its own tuple of indices: what broadcasting makes of them is all that is asked.
    parts = [Array(side.axes[:-2], lambda at: at).said(side) for side in (left, right)]
    lead, readers = broadcast(draft, parts)
    rows, columns = left.axes[-2:-1], right.axes[-1:] if right.rank > 1 else ()

    def at(indices: Indices) -> Expr:
        along = draft.bound(inner)
        front, row = indices[: len(lead)], indices[len(lead) : len(lead) + len(rows)]
        column = indices[len(lead) + len(rows) :]
        first = left.at((*(readers[0](front) if left.rank > 1 else ()), *row, along))
        second = right.at((*(readers[1](front) if right.rank > 1 else ()), along, *column))
        return draft.total(first * second, [along])

    return Array((*lead, *rows, *columns), at, sums=True)


def _transposed(a: Array, b: Array) -> str:
    """The fix for a forgotten .T, where one would do."""
    if b.rank == 2 and b.axes[-1] == a.axes[-1] and b.text.isidentifier():
        return f"write {b.text}.T"
    if a.rank == 2 and a.axes[-2] == (b.axes[-2] if b.rank > 1 else b.axes[0]) and a.text.isidentifier():
        return f"write {a.text}.T"
    return ""


@array_op("contraction")
def dot(draft: Draft, a: Array, b: Array) -> Array:
    """NumPy's dot: a product with scalars, else a sum over the last axis of a and the last but one of b.

    dot(a, b) = sum_i a[i] b[i]
    """
    if not (a.rank and b.rank):
        return mapped(lambda x, y: x * y, linear=True)(draft, a, b)
    if a.rank > 2 or b.rank > 2:
        names = "abcdefghijklmnopqrstuvwxyz"
        left, right = names[: a.rank - 1], names[a.rank : a.rank + b.rank - 1]
        column = right[:-1] + "z" + right[-1:] if b.rank > 1 else "z"
        return einsum(draft, f"{left}z,{column}->{left}{right}", a, b)
    return matmul(draft, a, b)


@array_op("contraction")
def inner(draft: Draft, a: Array, b: Array) -> Array:
    """The sum of products along the last axis of both arrays; a product, if one is a scalar.

    inner(A, B)[i, j] = sum_k A[i, k] B[j, k]
    """
    if not (a.rank and b.rank):
        return mapped(lambda x, y: x * y, linear=True)(draft, a, b)
    return tensordot(draft, a, b, ((a.rank - 1,), (b.rank - 1,)))


@array_op("contraction")
def outer(draft: Draft, a: Array, b: Array) -> Array:
    """All products of an entry of one vector and an entry of another.

    outer(a, b)[i, j] = a[i] b[j]
    """
    for side in (a, b):
        if side.rank > 1:
            raise draft.error("outer takes vectors", AxisError, arrays=[side], notes=[draft.described(side)], fix="use einsum")
    left, right = draft.term(a), draft.term(b)
    return Array(
        (*left.axes, *right.axes),
        lambda at: left.at(at[: left.rank]) * right.at(at[left.rank :]),
        sums=left.sums or right.sums,
        composite=left.composite or right.composite,
    )


@array_op("contraction")
def trace(draft: Draft, x: Array) -> Array:
    """The sum of the diagonal of a matrix.

    trace(A) = sum_i A[i, i]
    """
    if x.rank != 2:
        raise draft.error("trace takes a matrix", AxisError, arrays=[x], notes=[draft.described(x)], fix="use einsum")
    ready = draft.term(x)

    def at(_: Indices) -> Expr:
        rows, columns = (draft.bound(a) for a in x.axes)
        if x.axes[0] == x.axes[1]:
            return draft.total(ready.at((rows, rows)), [rows])
        return contract(draft.total(ready.at((rows, columns)) * delta(rows, columns), [rows, columns]))

    return Array((), at, sums=True, composite=ready.composite)


@array_op("contraction")
def einsum(draft: Draft, subscripts: str, *operands: Array) -> Array:
    """Einstein's summation over any number of arrays, labels repeated or not; `...` stands for axes that are left in front.

    einsum("ij,jk->ik", A, B)[i, k] = sum_j A[i, j] B[j, k]
    """
    terms, output = _labels(draft, _spelled_out(draft, subscripts, operands), operands)
    ready = [draft.factor(a) for a in operands]
    owner: dict[str, Array] = {}
    sizes: dict[str, Expr] = {}
    for labels, array in zip(terms, ready, strict=True):
        for label, size in zip(labels, array.axes, strict=True):
            if sizes.setdefault(label, size) != size:
                raise draft.clash(owner[label], sizes[label], array, size)
            owner.setdefault(label, array)
    rest = [label for label in sizes if label not in output]

    def at(indices: Indices) -> Expr:
        place = dict(zip(output, indices, strict=True)) | {label: draft.bound(sizes[label]) for label in rest}
        body = Mul(*[a.at(tuple(place[k] for k in labels)) for labels, a in zip(terms, ready, strict=True)])
        return draft.total(body, [place[label] for label in rest])

    return Array([sizes[label] for label in output], at, sums=bool(rest) or any(a.sums for a in ready))


@array_op("contraction")
def tensordot(draft: Draft, a: Array, b: Array, axes: int | tuple = 2) -> Array:
    """The sum of products over the last axes of one array and the first of another, or over the axes given for both.

    tensordot(A, B, axes=1)[i, k] = sum_j A[i, j] B[j, k]
    """
    mine, its = _met(draft, a, b, axes)
    names = "abcdefghijklmnopqrstuvwxyz"
    left, right = names[: a.rank], list(names[a.rank : a.rank + b.rank])
    for k, m in zip(mine, its, strict=True):
        right[m] = left[k]
    output = [c for k, c in enumerate(left) if k not in mine] + [c for k, c in enumerate(right) if k not in its]
    return einsum(draft, f"{left},{''.join(right)}->{''.join(output)}", a, b)


def _met(draft: Draft, a: Array, b: Array, axes: int | tuple) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The places of the axes of both arrays that `axes` of tensordot speaks of. Raises AxisError where these are not as many."""
    mine: tuple[int, ...] = ()
    its: tuple[int, ...] = (0,)
    if isinstance(axes, tuple) and len(axes) == 2:
        mine, its = (draft.positions(side, x) for side, x in zip(axes, (a, b), strict=True))
    elif isinstance(axes, int) and 0 <= axes <= min(a.rank, b.rank):
        mine, its = tuple(range(a.rank - axes, a.rank)), tuple(range(axes))
    if len(mine) != len(its):
        notes = [draft.described(a), draft.described(b)]
        fix = "give how many last axes meet first ones, or a pair of tuples of axes"
        raise draft.error(f"axes={axes} does not fit", AxisError, notes=notes, fix=fix)
    return mine, its


def _spelled_out(draft: Draft, subscripts: str, operands: Sequence[Array]) -> str:
    """The subscripts with labels for `...`: the same for all operands, counted from the last."""
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if "..." not in text or len(terms) != len(operands):
        return text
    free = [c for c in ascii_letters if c not in text]
    counts = [a.rank - len(t.replace("...", "")) for t, a in zip(terms, operands, strict=True) if "..." in t]
    most = max(counts, default=0)
    if min(counts, default=-1) < 0 or most > len(free):
        raise draft.error(f"einsum can't read '{subscripts}'", ParseError, fix="write one letter for each axis that ... does not stand for")
    rest = "".join(free[:most])
    made = [t.replace("...", rest[most - (a.rank - len(t.replace("...", ""))) :]) for t, a in zip(terms, operands, strict=True)]
    if not arrow:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        return f"{','.join(made)}->{rest}{''.join(once)}"
    if "..." not in output and most:
        raise draft.error("einsum needs '...' in its output", ParseError, notes=[subscripts], fix="name the axes, to sum over them")
    return f"{','.join(made)}->{output.replace('...', rest)}"


def _labels(draft: Draft, subscripts: str, operands: Sequence[Array]) -> tuple[list[str], str]:
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if not all(c.isalpha() for c in text.replace("->", "").replace(",", "")):
        raise draft.error(f"einsum can't read '{subscripts}'", ParseError, fix='write one letter for each axis, as in "ij,jk->ik"')
    if len(terms) != len(operands):
        raise draft.error(f"einsum has {len(terms)} groups of labels for {len(operands)} arrays", ParseError, notes=[subscripts])
    for labels, array in zip(terms, operands, strict=True):
        if len(labels) != array.rank:
            reason = f"'{labels}' labels {len(labels)} axes, {array.text or 'the array'} has {array.rank}"
            raise draft.error(reason, AxisError, arrays=[array], notes=[draft.described(array)])
    if not arrow:
        output = "".join(sorted(c for c in set(left) if c != "," and left.count(c) == 1))
    for label in output:
        if label not in left or output.count(label) > 1:
            reason = f"einsum can't have '{label}' in its output"
            raise draft.error(reason, ParseError, notes=[subscripts], fix="name each label of an input once")
    return terms, output
