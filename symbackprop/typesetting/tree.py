"""The typeset tree: what a formula is made of before it is LaTeX or MathML.

Writers build nodes with the functions at the end of this module; latex.py and mathml.py print them. Brackets are nobody's
business but `fenced_below`'s: a child whose level is lower than its place demands is put in brackets, by one table of levels.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar

from symbackprop.memo import remembered
from symbackprop.typesetting.symbols import GREEK


class Level(IntEnum):
    """How tightly a node binds, loosest first. A big sum takes in all that follows it in its product."""

    RELATION = 0
    SUM = 1
    HADAMARD = 2
    PREFIX = 3
    PRODUCT = 4
    APPLY = 5
    POWER = 6
    ATOM = 7


@dataclass(frozen=True)
class Node:
    """Base of all nodes. `level` is the node's row in the precedence table."""

    level: ClassVar[Level] = Level.ATOM


@dataclass(frozen=True)
class Number(Node):
    """A non-negative number, in digits."""

    text: str


@dataclass(frozen=True)
class Letter(Node):
    """A name: one letter, the name of a Greek letter, or a word; style "italic", "upright" or "bold", of names in LaTeX also others."""

    text: str
    style: str = "italic"


@dataclass(frozen=True)
class Mark(Node):
    """A sign that stands for itself: "nabla", "top", "dots", "vdots", "partial", "real", "theta" ..."""

    name: str


@dataclass(frozen=True)
class Text(Node):
    """Words between formulas."""

    text: str


@dataclass(frozen=True)
class Group(Node):
    """What is one name though it is made of several."""

    body: Node


@dataclass(frozen=True)
class Accent(Node):
    """A letter with a hat, a bar or a tilde."""

    base: Node
    kind: str = "hat"


@dataclass(frozen=True)
class Labelled(Node):
    """A name with a label above (a layer) and subscripts (indices)."""

    base: Node
    sub: tuple[Node, ...] = ()
    sup: Node | None = None


@dataclass(frozen=True)
class Power(Node):
    """base to the exponent."""

    level: ClassVar[Level] = Level.POWER
    base: Node
    exponent: Node


@dataclass(frozen=True)
class Transposed(Node):
    """The transpose of base."""

    level: ClassVar[Level] = Level.POWER
    base: Node


@dataclass(frozen=True)
class Frac(Node):
    """top over bottom."""

    top: Node
    bottom: Node


@dataclass(frozen=True)
class Derivative(Node):
    """d top / d bottoms, with partial signs; two bottoms make a second derivative."""

    top: Node
    bottoms: tuple[Node, ...]


@dataclass(frozen=True)
class Held(Node):
    """The derivative of one equation by one thing that it speaks of, others held: in brackets, with these below."""

    whole: Derivative
    others: tuple[Node, ...]


@dataclass(frozen=True)
class Root(Node):
    """The square root of body."""

    body: Node


@dataclass(frozen=True)
class Fenced(Node):
    """body between fences: "()", "[]", "abs" for bars, "norm" for double bars, "floor"."""

    body: Node
    fence: str = "()"


@dataclass(frozen=True)
class Half(Node):
    """What stands on the first line of a bracket that goes on on the next (`opens`), or on its last: behind, or before, one fence."""

    body: Node
    fence: str = "()"
    opens: bool = True
    tall: bool = False


@dataclass(frozen=True)
class Apply(Node):
    """A function of arguments; `bare` leaves out the brackets, as in log x."""

    function: Node
    arguments: tuple[Node, ...]
    bare: bool = False

    @property
    def level(self) -> Level:  # type: ignore[override]
        """Without brackets it binds looser than a power."""
        return Level.APPLY if self.bare else Level.ATOM


@dataclass(frozen=True)
class Sequence(Node):
    """Nodes side by side with nothing between them, as in an indicator 1[x > 0]."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Sum(Node):
    """A big sum over index from lower to upper, without bounds where these are None; or a big product, with the sign "prod"."""

    level: ClassVar[Level] = Level.PREFIX
    index: Node
    lower: Node | None
    upper: Node | None
    body: Node
    sign: str = "sum"


@dataclass(frozen=True)
class Product(Node):
    """Factors side by side, or with a dot between them."""

    level: ClassVar[Level] = Level.PRODUCT
    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Hadamard(Node):
    """Elementwise product: the first operand, then (mark, operand) with mark "odot" or "oslash"."""

    level: ClassVar[Level] = Level.HADAMARD
    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Add(Node):
    """Signed terms; a lone negative term is a negation."""

    level: ClassVar[Level] = Level.SUM
    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True)
class Relation(Node):
    """Nodes joined by relation marks: a = b, a > b, a <- b, a in b."""

    level: ClassVar[Level] = Level.RELATION
    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Table(Node):
    """Rows of cells: kind "bmatrix", "cases" or "aligned"."""

    rows: tuple[tuple[Node, ...], ...]
    kind: str = "bmatrix"


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly under `node`."""
    found: list[Node] = []

    def gather(value: object) -> None:
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            for v in value:
                gather(v)

    for value in vars(node).values():
        gather(value)
    return tuple(found)


@remembered
def is_tall(node: Node) -> bool:
    """Whether the node is higher than a line, so that its brackets must grow."""
    return isinstance(node, Frac | Derivative | Sum | Table) or any(is_tall(c) for c in children(node))


def begins_with_word(node: Node) -> bool:
    """Whether what stands first is a word, from which what stands before it must be set apart."""
    match node:
        case Letter(text, style):
            return style != "function" and not (len(text.rstrip("'")) == 1 or text in GREEK)
        case Labelled(base) | Accent(base) | Power(base) | Transposed(base):
            return begins_with_word(base)
        case Product(factors):
            return begins_with_word(factors[0])
    return False


def ends_with_word(node: Node) -> bool:
    """Whether what stands last is a word without a label or an index."""
    if isinstance(node, Product):
        return ends_with_word(node.factors[-1])
    return isinstance(node, Letter | Accent) and begins_with_word(node)


def is_short(node: Node) -> bool:
    """Whether an index is one letter, with primes or without, or one digit: several of them need no commas."""
    return (isinstance(node, Number) and len(node.text) == 1) or (isinstance(node, Letter) and not begins_with_word(node))


def fenced_below(node: Node, level: Level) -> Node:
    """`node`, in brackets if it binds less tightly than `level`."""
    return Fenced(node) if node.level < level else node


def power_base(node: Node) -> Node:
    """`node` as the base of a power: what has a superscript or a fraction bar of its own goes into brackets."""
    plain = isinstance(node, Letter | Number | Accent | Fenced) or (isinstance(node, Labelled) and node.sup is None)
    return node if plain else Fenced(node)


# --- building ---------------------------------------------------------------------------------------------------------

ONE = Number("1")


def product(*factors: Node) -> Node:
    """The product of factors: ones dropped, products flattened, brackets where they are needed.

    A big sum or a bare function may stand without brackets only at the end.
    """
    flat: list[Node] = []
    for f in factors:
        flat += f.factors if isinstance(f, Product) else (f,)
    flat = [f for f in flat if f != ONE]
    if not flat:
        return ONE
    if len(flat) == 1:
        return flat[0]
    last = len(flat) - 1
    return Product(tuple(_factor(f, at_end=k == last) for k, f in enumerate(flat)))


def _factor(node: Node, at_end: bool) -> Node:
    if isinstance(node, Apply) and node.bare and not at_end:
        return replace(node, bare=False)
    if at_end and node.level in (Level.PREFIX, Level.APPLY):
        return node
    return fenced_below(node, Level.POWER)


def add(*terms: tuple[int, Node]) -> Node:
    """The sum of signed terms; a term that is itself a sum is bracketed only after a minus sign."""
    flat: list[tuple[int, Node]] = []
    for sign, term in terms:
        if isinstance(term, Add) and (sign > 0 or len(term.terms) == 1):
            flat += [(sign * s, t) for s, t in term.terms]
        else:
            flat.append((sign, fenced_below(term, Level.HADAMARD)))
    if len(flat) == 1 and flat[0][0] > 0:
        return flat[0][1]
    return Add(tuple(flat))


def negative(node: Node) -> Node:
    """-node."""
    return add((-1, node))


def hadamard(first: Node, *rest: tuple[str, Node]) -> Node:
    """Elementwise products and quotients, read from left to right; each operand may be a product."""
    if not rest:
        return first
    head = first if isinstance(first, Hadamard) else _operand(first)
    if isinstance(head, Hadamard):
        return Hadamard(head.first, head.rest + tuple((m, _operand(n)) for m, n in rest))
    return Hadamard(head, tuple((m, _operand(n)) for m, n in rest))


def _operand(node: Node) -> Node:
    return fenced_below(node, Level.PRODUCT)


def power(base: Node, exponent: Node) -> Node:
    """base^exponent."""
    return Power(power_base(base), exponent)


def transposed(base: Node) -> Node:
    """The transpose; of a transpose, the base. A fraction bar goes into brackets."""
    if isinstance(base, Transposed):
        return base.base
    if isinstance(base, Frac | Derivative):
        return Transposed(Fenced(base))
    return Transposed(fenced_below(base, Level.ATOM))


def big_sum(index: Node, lower: Node | None, upper: Node | None, body: Node) -> Node:
    """The sum over one index; a body that is a sum is bracketed."""
    return Sum(index, lower, upper, fenced_below(body, Level.PREFIX))


def relation(first: Node, *rest: tuple[str, Node]) -> Node:
    """first = second, and so on."""
    return Relation(first, tuple(rest))


def apply(function: Node, *arguments: Node, bare: bool = False) -> Node:
    """function(arguments); bare only for one argument that is a name or an entry."""
    plain = len(arguments) == 1 and isinstance(arguments[0], Letter | Accent | Labelled)
    return Apply(function, tuple(arguments), bare and plain)


def indicator(condition: Node) -> Node:
    """1[condition]: one where it holds, else zero."""
    return Sequence((Letter("1", "bold"), Fenced(condition, "[]")))
