"""Syntax trees of LaTeX formulas: what is written, not what is meant.

Whatever may be read in two ways stays as it was written. Nodes compare by what they say; `span`, columns [start, stop) of the text,
is where they stand.
"""

from dataclasses import dataclass, field

from symbackprop.language.latex.tokens import Span


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula; `span` is where it stands in the text."""

    span: Span = field(default=(0, 0), compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Script(Node):
    """What stands below ("_"), above ("^"), or behind as primes ("'", "''", ...) or "!".

    `items` stood between commas and are unread: {[1]T} is the juxtaposition of [1] and T, {jk} that of j and k, which may be two
    indices or a product. What a script means (power, layer, sample, transpose, component) nothing here says.
    """

    mark: str
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Name(Node):
    r"""A letter, a Greek one with its backslash, a word, or a digit in a font of its own. The outermost accent comes first.

    Style "operatorname" is that of a function of the word list, however it was spelled; its id has no backslash.
    """

    id: str
    style: str = ""
    accents: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Dots(Node):
    r"""An ellipsis: \dots, \cdots, \vdots or \ddots."""

    id: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Prose where something of the formula was expected."""

    text: str


@dataclass(frozen=True, slots=True)
class Nothing(Node):
    """The side of a relation that is not written: a continuation, or an index such as _{<t}."""


@dataclass(frozen=True, slots=True)
class Scripted(Node):
    """Scripts on what is no name: a bracket, a quotient, a number."""

    of: Node
    scripts: tuple[Script, ...]


@dataclass(frozen=True, slots=True)
class Accent(Node):
    r"""An accent over more than a name, as in \hat{y_1} or \overline{a + b}."""

    mark: str
    of: Node


@dataclass(frozen=True, slots=True)
class Juxtaposition(Node):
    """Factors with no sign between them: a product or an application, f (x). Scripts of a bracket may belong to the application."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    r"""Factors with the signs between them, from left to right: \cdot, *, \times, \circ, \odot, \otimes, /, and "." for a full stop."""

    factors: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sum(Node):
    r"""Terms, each with the sign before it: "+", "-", \pm ..., and "" for a first term without one. A lone -x is a sum of one."""

    terms: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain(Node):
    r"""Sides of relations in a row: a = b = c, W \in S, w \leftarrow w - g. There is one sign fewer than sides."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """Several things with commas between them and no bracket: i = 1, 2, ..., n."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Signature(Node):
    r"""of : source \to target (or \mapsto)."""

    of: Node
    source: Node
    target: Node
    sign: str


@dataclass(frozen=True, slots=True)
class Bracket(Node):
    r"""What stands in brackets; `open` and `shut` are "(", "[", "\{", "\lvert", "\lVert", ...; `separators` stand between the items.

    `spaced` is the other reading where only spaces part the entries of a row: [-a \; -b] is one entry, or two.
    """

    open: str
    items: tuple[Node, ...]
    separators: tuple[str, ...]
    shut: str
    spaced: tuple[Node, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Fraction(Node):
    """One thing over another."""

    top: Node
    bottom: Node


@dataclass(frozen=True, slots=True)
class Root(Node):
    """A square root, or that of a degree."""

    of: Node
    degree: Node | None = None


@dataclass(frozen=True, slots=True)
class Binomial(Node):
    """n over k in round brackets."""

    top: Node
    bottom: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    r"""A function of the word list with its argument: a Bracket, or what follows bare, which may end sooner than is read here."""

    function: Name
    argument: Node


@dataclass(frozen=True, slots=True)
class Big(Node):
    r"""\sum, \prod, \int, \lim with its scripts; the body goes on to the end of its product."""

    sign: str
    scripts: tuple[Script, ...]
    of: Node


@dataclass(frozen=True, slots=True)
class Differential(Node):
    r"""dx, \partial x. The sign is "\partial", "\mathrm{d}" or "d"; a bare d may be a name, and then this is a product."""

    sign: str
    scripts: tuple[Script, ...]
    of: Node | None


@dataclass(frozen=True, slots=True)
class Leibniz(Node):
    r"""A derivative as a quotient: \partial^{scripts} of / (beside \partial by[0] \partial by[1] ...).

    The sign is also "\delta" where deltas stand above and below.

    `form` is "over" for a fraction, "slash" for one line, "operator" for \frac{\partial}{\partial x} f, whose `of` is the run of factors
    that follows and may end sooner. `beside` is what multiplies in the denominator, with the sign between ("" for none).
    """

    sign: str
    scripts: tuple[Script, ...]
    of: Node | None
    by: tuple[Node, ...]
    form: str = "over"
    beside: tuple[tuple[Node, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Operator(Node):
    r"""\nabla_x f, \partial_x f: the scripts say by what; `of` is the run of factors that follows, may end sooner, and may be missing."""

    sign: str
    scripts: tuple[Script, ...]
    of: Node | None


@dataclass(frozen=True, slots=True)
class Indicator(Node):
    """1_{i = j} or 1[x > 0]: the mark, and the condition below it ("_") or in brackets."""

    mark: Node
    within: str
    conditions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Evaluated(Node):
    """f|_{x = a}."""

    of: Node
    scripts: tuple[Script, ...]


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """start:stop as an index, : alone where both are missing."""

    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True)
class Labelled(Node):
    r"""Something with a label: \underbrace{of}_{label}, \overset{label}{of}. The label may be a claim."""

    mark: str
    of: Node
    label: Node


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    """Rows of entries; `kind` is the environment: bmatrix, pmatrix, matrix, array ..."""

    kind: str
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Condition(Node):
    """When something holds: the word before it ("if", "for", "otherwise", "" for none), and its parts."""

    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Case(Node):
    """One row of a case distinction."""

    value: Node
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Cases(Node):
    """A case distinction, or a system of equations where no row has a condition."""

    rows: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Repair(Node):
    """Something that was mended, and how."""

    what: str


@dataclass(frozen=True, slots=True)
class Statement(Node):
    r"""One claim: most often a Chain, with the conditions at its end. `link` says how it hangs on the one before: "", "\\" (beside it),
    "\Rightarrow" and its like. A chain whose first side is Nothing continues the statement before. Remarks are prose beside it.
    """

    body: Node
    conditions: tuple[Condition, ...] = ()
    link: str = ""
    remarks: tuple[Text, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Formula:
    """A whole display: its statements, what was mended, and the macros that it was read with."""

    statements: tuple[Statement, ...]
    text: str = field(default="", compare=False)
    repairs: tuple[Repair, ...] = field(default=(), compare=False)
    macros: dict[str, tuple[int, str]] = field(default_factory=dict, compare=False, hash=False)
