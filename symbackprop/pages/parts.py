"""A formula in matrix form with its named parts: which parts keep their names, and which stand in place.

A part is put in place where that makes the whole shorter, counted in tokens of NumPy notation with the definitions of the parts that
keep a name; so what is used once or says little disappears, and what is long and used twice is said once.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sympy import Expr, S

from symbackprop.calculus.contract import contract
from symbackprop.calculus.facts import kind_of
from symbackprop.calculus.normal import inlined
from symbackprop.calculus.program import Call, Equation, Fact, Program, Tensor
from symbackprop.calculus.term import tensor_names
from symbackprop.errors import NotationError
from symbackprop.matrix.building import parts_of, scale
from symbackprop.matrix.form import matrix_form
from symbackprop.matrix.lengths import LONGEST, lengths
from symbackprop.matrix.nodes import Inverse, Leaf, Scalar, Value
from symbackprop.matrix.polish import size
from symbackprop.matrix.sameness import Known, is_symmetric
from symbackprop.matrix.shorter import shortened
from symbackprop.matrix.slices import has_unnamed_slices, placed
from symbackprop.typesetting import tree
from symbackprop.typesetting.latex import latex
from symbackprop.typesetting.names import Names
from symbackprop.typesetting.wording import refusal

ROUNDS = 3
"""How often all parts are tried; a part may be worth putting in place only when another one is."""
NAMING = 2
"""The tokens that a definition takes beside its right side: a name and a sign of equality."""


LETTERS = (
    ("\\alpha", "\\beta", "\\gamma", "\\rho", "\\tau", "\\kappa", "\\omega"),
    tuple("rsuvwzgpq"),
    tuple("RSUVWZGPQMTEFNH"),
)
"""Letters for scalars, vectors and matrices that have no name."""


@dataclass(frozen=True)
class Part:
    """A tensor and what it is: a value, or where it has no matrix form the key of the reason."""

    equation: Equation
    value: Value | None
    why: str = ""

    @property
    def name(self) -> str:
        """The tensor's name."""
        return self.equation.name


@dataclass(frozen=True)
class Formula:
    """A tensor in matrix form, its parts before it in order, and the facts that this form rests on."""

    parts: tuple[Part, ...]
    whole: Part
    program: Program
    facts: tuple[Fact, ...] = ()

    @property
    def size(self) -> int:
        """The tokens of the whole in NumPy notation, definitions counted in."""
        return sum(_size(p) for p in self.parts) + _size(self.whole) - NAMING


def formula(program: Program, name: str, shown: Collection[str] = ()) -> Formula:
    """The tensor `name` in matrix form. Parts that are `shown` elsewhere are neither put in place nor defined."""
    known = Known({f.tensor: f for f in program.facts if kind_of(f).mirrored})
    needed = program.needed([name])
    parts = _parts(needed, name, shown, known)
    if known.used and parts == _parts(needed, name, shown, Known()):
        known.used.clear()  # a fact that changes nothing
    facts = tuple(sorted(known.used, key=str))
    return Formula(tuple(parts[:-1]), parts[-1], lettered(needed, [p.equation for p in parts[:-1]], program), facts)


def _parts(program: Program, name: str, shown: Collection[str], known: Known) -> list[Part]:
    """The parts that keep a name, and the whole at the end."""
    parts: list[Part] = []
    for e in _flattened([e for e in program.equations if e.name == name or e.name not in shown], name):
        flat = {p.name: Leaf(p.value.shape, p.name) for p in parts if p.value is not None and S.One in p.equation.tensor.axes}
        try:
            value = placed(matrix_form(e, program, known), flat)  # a part has no axes of size one
        except NotationError as error:
            parts.append(Part(e, None, error.why))
            continue
        parts.append(Part(e, _multiple(value, parts) if e.name != name else value))
        if len(e.indices) == 2 and is_symmetric(value, known):
            known.learn(e.name)
    return _put_in_place(parts, known)


def lettered(program: Program, equations: Sequence[Equation], whole: Program) -> Program:
    """`program` with letters for those of `equations` that nobody named: capital ones for matrices, Greek ones for scalars.

    `whole` is the program that it is taken from: what a derivative is of or by need not be in `program`.
    """
    unnamed = {e.name for e in whole.equations if not e.text and not e.tensor.latex}

    last = {t.cotangent_of: n for n, t in whole.tensors.items() if t.cotangent_of}

    def clear(name: str) -> bool:
        tensor = whole.tensors.get(name)
        if tensor and tensor.cotangent_of and last[tensor.cotangent_of] != name:
            return False  # a part of what is carried back there
        behind = (tensor.derivative or tensor.cotangent_of or tensor.tangent_of) if tensor else ()
        return all(map(clear, behind)) if behind else name not in unnamed

    spelled = Names(program).spelled.values()
    # On paper nobody could tell a power of an entry of W from an entry of W^2.
    numbered = {latex(n.base) for n in spelled if isinstance(n, tree.Labelled) and n.sup is not None}
    taken = {latex(n) for n in spelled} | numbered | {str(a) for a in program.axes}
    made: dict[str, Tensor] = {}
    # A first part of what is carried back somewhere has a letter even where only steps speak of it.
    first = [e for e in program.equations if e.tensor.cotangent_of and not clear(e.name) and e not in equations]
    for e in (*equations, *first):
        if clear(e.name) or e.tensor.latex or is_inverse(e):
            continue
        pool = LETTERS[min(sum(a != 1 for a in e.tensor.axes), 2)]
        # S for softmax and other statistics.
        ranked = sorted(pool, key=lambda c: c not in "Ss") if isinstance(e.rhs, Call) else pool
        letter = next((c for c in ranked if c not in taken), None)
        if letter is not None:
            taken.add(letter)
            made[e.name] = replace(e.tensor, latex=letter)
    named = tuple(replace(e, tensor=made.get(e.name, e.tensor)) for e in program.equations)
    return replace(program, tensors={**program.tensors, **made}, equations=named)


def is_inverse(e: Equation) -> bool:
    """Whether an equation only says that a helper, X^{-1}, is the inverse of X."""
    return e.tensor.role == "helper" and isinstance(e.rhs, Call) and e.rhs.op == "inv"


def _multiple(value: Value, parts: Sequence[Part]) -> Value:
    """`value`, or what it is of an earlier part that it is a multiple of."""
    c, scalars, x = parts_of(value)
    for p in parts:
        if p.value is not None and not isinstance(x, Leaf | Scalar):
            d, others, y = parts_of(p.value)
            if y == x and not scalars and not others and (c / d).is_Rational:
                return scale(c / d, [], Leaf(p.value.shape, p.name))
    return value


def _flattened(equations: Sequence[Equation], name: str) -> list[Equation]:
    """The equations with tensors of more than two axes put in place, where these stand in no function and that can still be read."""
    wide = {e.name: e for e in equations if e.name != name and isinstance(e.rhs, Expr) and sum(a != 1 for a in e.tensor.axes) > 2}
    long = lengths(equations, wide)
    made = []
    for e in equations:
        if isinstance(e.rhs, Expr) and e.uses() & wide.keys() and long[e.name] <= LONGEST:
            e = replace(e, rhs=contract(inlined(e.rhs, wide)))
        made.append(e)
    used = {name}
    kept = []
    for e in reversed(made):
        if e.name in used:
            used |= e.uses()
            kept.append(e)
    return kept[::-1]


def _put_in_place(parts: list[Part], known: Known) -> list[Part]:
    """The parts that keep a name, and the whole at the end."""
    for name in [p.name for p in parts[:-1]]:
        part = next(p for p in parts if p.name == name)
        if _says_nothing(part, parts):
            with suppress(NotationError):
                parts = [placed_in(p, part, known) if name in names_of(p) else p for p in parts if p is not part]
    for _ in range(ROUNDS):
        before = parts
        for part in reversed(parts[:-1]):
            if part.value is None:
                continue
            users = [p for p in parts if part.name in names_of(p)]
            if any(p.value is None for p in users):
                continue
            try:
                new = {p.name: placed_in(p, part, known) for p in users}
            except NotationError:
                continue
            if sum(map(_size, new.values())) <= sum(map(_size, users)) + _size(part):
                parts = [new.get(p.name, p) for p in parts if p is not part]
        if parts == before:
            break
    return parts


def _says_nothing(part: Part, parts: Sequence[Part]) -> bool:
    """Whether a part is the inverse of what has a name, or another name of it."""
    plain = isinstance(part.value, Inverse | Leaf)
    return plain and not any(p.value is None and part.name in names_of(p) for p in parts)


def placed_in(user: Part, part: Part, known: Known) -> Part:
    """`user` with a part put in place. Raises NotationError where a row is then taken of what has no name."""
    assert user.value is not None and part.value is not None  # what has no matrix form is put nowhere
    value = shortened(placed(user.value, {part.name: part.value}), known)
    if has_unnamed_slices(value):
        raise refusal("slice")
    return replace(user, value=value)


def names_of(part: Part) -> set[str]:
    """The names of the tensors that a part speaks of."""
    return part.equation.uses() if part.value is None else _names_in(part.value)


def _names_in(x: Value) -> set[str]:
    own = {x.name} if isinstance(x, Leaf) else set()
    for e in (getattr(x, "expr", None), getattr(x, "coefficient", None), getattr(x, "exponent", None)):
        own |= tensor_names(e) if e is not None else set()
    return own.union(*map(_names_in, x.children))


def _size(part: Part) -> int:
    return NAMING + (0 if part.value is None else size(part.value))
