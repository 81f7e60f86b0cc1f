"""Functions along an index that stands below them: softmax_j(s_ij), max_j x_ij."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from symbackprop.formulas.meaning.chances import Chances
from symbackprop.formulas.meaning.values import MOST
from symbackprop.formulas.names.evaluator import Env
from symbackprop.formulas.notation.faults import OutOfRangeError, UnreadError
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.numbers import functions as f
from symbackprop.formulas.numbers import quantities as q
from symbackprop.formulas.numbers import tape as s
from symbackprop.formulas.numbers import wholes
from symbackprop.formulas.numbers.quantities import Quantity
from symbackprop.formulas.numbers.tape import ONE, Scalar, constant
from symbackprop.language.latex import nodes as n


def _softmax(entries: Sequence[Scalar]) -> list[Scalar]:
    return list(f.softmax(q.array_of(entries, (len(entries),)), -1).data)


REDUCED: Mapping[str, Callable[[Sequence[Scalar]], Scalar]] = {
    "max": lambda x: reduce(s.larger_first, x),
    "min": lambda x: reduce(s.smaller_first, x),
    "sum": s.total,
    "mean": lambda x: s.total(x) / constant(len(x)),
    "prod": lambda x: reduce(Scalar.__mul__, x, ONE),
    "logsumexp": lambda x: s.log(s.total(map(s.exp, x))),
    "lse": lambda x: s.log(s.total(map(s.exp, x))),
}
"""One number of all entries."""

SPREAD: Mapping[str, Callable[[Sequence[Scalar]], list[Scalar]]] = {
    "softmax": _softmax,
    "logsoftmax": lambda x: [s.log(p) for p in _softmax(x)],
    "log_softmax": lambda x: [s.log(p) for p in _softmax(x)],
    "max_selector": lambda x: wholes.first_of(list(x), True),
    "min_selector": lambda x: wholes.first_of(list(x), False),
    "prod_others": lambda x: [reduce(Scalar.__mul__, (*x[:k], *x[k + 1 :]), ONE) for k in range(len(x))],
}
"""A number for each entry."""


class Along(Chances):
    """Applies functions along an index."""

    def along(self, head: n.Name, bracket: n.Bracket, env: Env) -> Quantity | None:
        """The value of a function with the letter of an axis below it, or None where that says something else."""
        name, below = head.id.lower(), atoms(head.scripts, "_")
        letter = below[0].text if len(below) == 1 else ""
        if not (name in REDUCED or name in SPREAD) or letter not in self.indices or len(bracket.items) != 1:
            return None
        if letter not in self.index_uses(bracket):
            return None
        entries = self.entries_along(letter, bracket.items[0], env)
        if name in REDUCED:
            return q.single(REDUCED[name](entries))
        made = SPREAD[name](entries)
        if letter not in env:
            return q.array_of(made, (len(made),))
        if not 0 <= env[letter] - self.origin < len(made):
            raise OutOfRangeError(f"{letter} = {env[letter]} beyond {len(made)}", frozenset({letter}))
        return q.single(made[env[letter] - self.origin])

    def by_rows(self, name: str, a: Quantity) -> Quantity | None:
        """A function of a vector, and of each row of a matrix where it is said to work so; None for another one."""
        if not (name in REDUCED or name in SPREAD) or not a.shape or (a.data.ndim == 2 and name in REDUCED and not self.rowwise):
            return None
        if name in REDUCED:
            made = [REDUCED[name](list(row)) for row in a.data.reshape(-1, a.shape[-1])]
            return q.array_of(made, a.shape[:-1])
        return q.array_of([x for row in a.data.reshape(-1, a.shape[-1]) for x in SPREAD[name](list(row))], a.shape, a.row)

    @property
    def rowwise(self) -> bool:
        """Whether functions of a matrix are said to work on its rows."""
        return self.context.conventions.by_rows

    def entries_along(self, letter: str, body: n.Node, env: Env) -> list[Scalar]:
        """The values of a body at all values of an index that it bounds."""
        made: list[Scalar] = []
        for at in range(self.origin, MOST + 4):
            try:
                made.append(self.value(body, {**env, letter: at}).scalar)
            except OutOfRangeError as error:
                if letter not in error.letters or not made:
                    raise
                return made
        raise UnreadError(f"how far the index {letter} goes", body)
