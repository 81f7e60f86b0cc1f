"""Shapes that nobody gave, guessed from letters (A is a matrix, x a vector, lam a number) and from use.

Each name has so many axes as its letter suggests, each of a size of its own; the expression is read, and sizes that meet become one. Where
it can't be read so, the next likely numbers of axes are tried. A guess is for a person to correct: nothing is proved on it unseen.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, product

from sympy import Expr

from symbackprop.calculus.index import axis, letters, parse_shape, shape_text
from symbackprop.calculus.program import Tensor
from symbackprop.errors import AxisError, SpecError, UnknownNameError, UnknownOpError
from symbackprop.language.elaborate import stands_for
from symbackprop.language.nodes import Call, Name, Node, Number, names_of, walk
from symbackprop.language.reader import Reader
from symbackprop.language.syntax import parse
from symbackprop.ops.array import Draft
from symbackprop.ops.entrywise.elementwise import CONSTANTS

GREEK = "alpha gamma delta epsilon zeta eta kappa nu xi rho sigma tau chi omega"
NUMBERS = frozenset([*GREEK.split(), "eps", "lam", "lmbda", "lambda_", "lr"])
"""Names that are mostly those of numbers; theta, beta and mu are as often vectors."""
COUNTS = ("n", "N", "m")
"""Letters that are sizes, if nothing but a number would do where they stand."""
SIZED = ("eye", "ones", "zeros", "full", "arange", "reshape", "one_hot")
"""Ops whose arguments are sizes."""
SCALES = ("multiply", "divide")
"""Ops that a size scales something by."""
SQUARE = ("trace",)
"""Ops of square matrices that take others too."""
JOINS = ("add", "subtract", "multiply")
"""What stands beside a number in these is mostly a number too: w @ x + b."""
EITHER = ("mu", "beta", "theta")
"""Names of vectors that are numbers where they scale a number."""
DATA = ("X", "H", "Z", "Phi")
"""Matrices whose rows are samples."""
LETTERS = {True: "ndhckmpqr", False: "mnkpqrhdc"}
"""Letters of axes, where the first matrix holds samples, and where not."""
ATTEMPTS = 200


def guessed_shapes(text: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """A shape string for each tensor of an expression, in order of appearance; those that are `given` stay as they are.

    Raises ParseError for what is no expression, and where no shapes fit the error of the likeliest ones.
    """
    node = parse(text)
    given = dict(given or {})
    fixed = {name: parse_shape(shape, f"the shape of {name}") for name, shape in given.items()}
    named = {a for shape in given.values() for a in letters(shape)}
    names = [n for n in names_of(node) if n not in CONSTANTS and (n in fixed or n not in named)]
    first: SpecError | None = None
    for ranks in islice(_likely(node, [n for n in names if n not in fixed]), ATTEMPTS):
        try:
            return _Guess(text, node, names, fixed, ranks).shapes()
        except (UnknownNameError, UnknownOpError) as error:
            raise first or error from None
        except SpecError as error:
            first = first or error
    raise first or SpecError("no shapes fit this expression", source=text, fix="give the shapes")


def _likely(node: Node, names: Sequence[str]) -> Iterator[dict[str, int | None]]:
    """Numbers of axes for each name, None for the size of an axis, the likeliest first."""
    counts = _counts(node)
    choices = [(None, 0) if name in counts else likely_ranks(name) for name in names]
    ways = sorted(product(*[range(len(c)) for c in choices]), key=lambda way: (sum(k * k for k in way), way)) if len(names) < 8 else [()]
    for way in ways:
        yield {name: c[k] for name, c, k in zip(names, choices, way or [0] * len(names), strict=True)}


def likely_ranks(name: str) -> tuple[int, ...]:
    """How many axes a name is likely to have, the likeliest first."""
    stem = name.rstrip("0123456789").rstrip("_").lower() if len(name) > 1 else name
    if stem in NUMBERS:
        return (0, 1, 2)
    return (2, 1, 3, 0) if name[0].isupper() else (1, 0, 2, 3)


def _counts(node: Node) -> set[str]:
    """The names that are sizes by their use: arguments of what makes arrays; letters that do nothing but divide, or count as factors."""
    uses: dict[str, list[bool]] = {}
    sized: set[str] = set()
    calls = [part for part in walk(node) if isinstance(part, Call)]
    roots = [part.args[1] for part in calls if part.op == "divide" and isinstance(part.args[1], Call) and part.args[1].op == "sqrt"]
    for part in calls:
        for k, argument in enumerate(part.args):
            if isinstance(argument, Name):
                divides = (k == 1 and part.op == "divide") or any(part is root for root in roots)
                uses.setdefault(argument.id, []).append(divides or (part.op in SCALES and argument.id in COUNTS))
        if part.op in SIZED:
            sized |= {n for a in part.args[part.op == "reshape" :] for n in names_of(a)}
    return sized | {name for name, found in uses.items() if all(found) and len(name) == 1 and name.isalpha()}


@dataclass
class _Guess:
    """One try: `ranks` says how many axes each name has that is not `fixed`; `same` what letters of sizes turned out to stand for."""

    text: str
    node: Node
    names: Sequence[str]
    fixed: Mapping[str, tuple[Expr, ...]]
    ranks: Mapping[str, int | None]
    same: dict[Expr, Expr] = field(default_factory=dict)

    def shapes(self) -> dict[str, str]:
        """The shape strings. Raises SpecError where the expression can't be read."""
        sizes = [name for name, rank in self.ranks.items() if rank is None]
        letter = self.pool(self.ranks, {*self.names, *sizes})
        axes = {}
        for name in self.names:
            rank = self.ranks.get(name)
            if name in self.fixed or rank is not None:
                axes[name] = self.fixed[name] if name in self.fixed else tuple(next(letter) for _ in range(rank or 0))
        self.free = {a for name in axes if name not in self.fixed for a in axes[name]}
        try:
            self.read(axes, sizes)
        except AxisError:
            if not sizes:
                raise
            self.placed(axes, sizes)  # a size that is known may be what was missing
            self.read(axes, sizes)
        self.placed(axes, sizes)
        axes = {name: self.now(shape) for name, shape in axes.items()}
        named = self.named(axes, {*self.names, *sizes})
        return {name: shape_text([a.xreplace(named) for a in shape]) for name, shape in axes.items()}

    def now(self, shape: Sequence[Expr]) -> tuple[Expr, ...]:
        """A shape, with what is known of its sizes put in."""
        return tuple(a.xreplace(self.same) for a in shape)

    def read(self, axes: Mapping[str, tuple[Expr, ...]], sizes: Sequence[str]) -> None:
        """Read the expression, and again as long as two sizes meet that can be one."""
        while True:
            draft = Draft({name: Tensor(name, self.now(shape), "parameter") for name, shape in axes.items()}, (), {})
            draft.infers = draft.tensors
            reader = Reader(draft, [*sizes, *{w for shape in self.fixed.values() for w in letters(shape_text(shape))}])
            reader.locate("the expression", self.text)
            try:
                draft.define(draft.fresh_name("value"), reader.value(self.node))
            except AxisError:
                if draft.met is None or not self.joined(*draft.met):
                    raise
            else:
                if not self.made_likely(reader):
                    return

    def made_likely(self, reader: Reader) -> bool:
        """Whether sizes became one that nothing but habit makes one. Raises SpecError for what is no error, but unlikely."""
        once = Counter(part.id for part in walk(self.node) if isinstance(part, Name))
        for part in walk(self.node):
            arrays = [reader.read[a] for a in part.args if a in reader.read] if isinstance(part, Call) else []
            if not isinstance(part, Call) or len(arrays) != len(part.args):
                continue
            if part.op in SQUARE and arrays[0].rank == 2 and arrays[0].axes[0] != arrays[0].axes[1] and self.joined(*arrays[0].axes):
                return True
            for name, beside, other in zip(part.args, part.args[::-1], arrays[::-1], strict=True) if part.op in JOINS else ():
                if not isinstance(name, Name) or once[name.id] > 1 or (part.op == "multiply" and name.id not in EITHER):
                    continue
                if self.ranks.get(name.id) and not other.rank and not isinstance(beside, Number):
                    raise SpecError(f"{name.id} stands beside a number", source=self.text)
        return False

    def joined(self, a: Expr, b: Expr) -> bool:
        """Whether two sizes that met can be one: then they are from now on."""
        for letter, other in ((b, a), (a, b)):
            if letter in self.free and not other.has(letter):
                return self.learn({letter: other})
        stands = stands_for((a, b))
        return stands is not None and set(stands) <= self.free and self.learn(stands)

    def learn(self, new: Mapping[Expr, Expr]) -> bool:
        """Put what letters stand for into what is known."""
        self.same = {letter: value.xreplace(dict(new)) for letter, value in self.same.items()} | dict(new)
        return True

    def placed(self, axes: Mapping[str, tuple[Expr, ...]], sizes: Sequence[str]) -> None:
        """Give each size that the text speaks of to an axis that is free to have it: a count to the first, another to a matrix's last.

        Raises AxisError where there is none.
        """
        for name in sizes:
            now = [self.now(shape) for shape in axes.values()]
            if any(a.has(axis(name)) for shape in now for a in shape):
                continue
            rows = [a for shape in now for a in shape if a in self.free]
            last = [shape[-1] for shape in now if len(shape) > 1 and shape[-1] in self.free]
            if not rows:
                raise AxisError(f"no tensor has an axis '{name}'", source=self.text, fix=f'give a tensor the shape "{name}"')
            self.learn({rows[0] if name in COUNTS or not last else last[0]: axis(name)})

    def named(self, axes: Mapping[str, tuple[Expr, ...]], taken: set[str]) -> dict[Expr, Expr]:
        """The letters that sizes have in the end, in the order of the alphabet of sizes: those of matrices first."""
        ordered = sorted(axes, key=lambda name: len(axes[name]) < 2)
        wanted = dict.fromkeys(s for name in ordered for a in axes[name] for s in sorted(a.free_symbols, key=str) if s in self.free)
        kept = {str(s) for shape in axes.values() for a in shape for s in a.free_symbols} - set(map(str, wanted))
        matrix = {name: len(axes[name]) for name in ordered if len(set(axes[name])) > 1}
        return dict(zip(wanted, self.pool(matrix, taken | kept), strict=False))

    def pool(self, ranks: Mapping[str, int | None], taken: set[str]) -> Iterator[Expr]:
        """Sizes by letters that nothing else has; `ranks` says how many axes tensors have."""
        matrix = next((name for name in self.names if (ranks.get(name) or 0) > 1), "X")
        taken = taken | {w for shape in self.fixed.values() for w in letters(shape_text(shape))}
        return (axis(name) for k in count() for c in LETTERS[matrix.startswith(DATA)] if (name := f"{c}{k or ''}") not in taken)
