r"""A formula of a note as pieces: what each of its statements is, a claim about a derivative, an equation of the model, a declaration.

Only what claims something about a derivative or an update is a claim. A name that is said to be a derivative, \delta = \partial L /
\partial z, is defined by that, and what is said of it further is a claim.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symbackprop.errors import FormulaError
from symbackprop.formulas.names.definitions import assumed_symmetric
from symbackprop.formulas.notation.links import EQUAL, is_update
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, parts, plain
from symbackprop.formulas.numbers.functions import ENTRYWISE, SQUASHED
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.macros import Macros
from symbackprop.language.latex.statements import parse
from symbackprop.language.latex.written import write
from symbackprop.notes.judged import Unread
from symbackprop.notes.note import DISPLAY, INLINE, Formula

LOSSES = {"L", "J", "C", "E", "F"}
CLAIMS = ("claim", "shape", "update")
SIGNS = ("\\partial", "\\nabla", "\\frac{d", "\\dfrac{d", "\\mathrm{d}", "\\leftarrow", "\\gets", ":=", "'")
"""What a formula that can't be read has in it where it may well be a claim."""
FOLLOWS = (r"\Rightarrow", r"\implies", r"\Longrightarrow", r"\to")
LONGEST = 20_000
"""Characters of the longest formula that is read."""


@dataclass(frozen=True)
class Piece:
    """Statements of a formula that belong together: one, and those that continue it.

    `kind`: "claim", "shape" (of a derivative), "update", "equation" (of the model), "named" (a name that is said to be a derivative),
    "declared" (a name with its axes, a function with its domain), "nothing". `start` is where it stands in the formula.
    """

    formula: Formula
    statements: tuple[n.Statement, ...]
    latex: str
    kind: str = "nothing"
    start: int = 0
    repairs: tuple[n.Repair, ...] = ()
    block: int = 0
    """The quote in which it stands, 0 for none."""
    order: int = 0
    continues: n.Node | None = None
    """The left side that it goes on from, where it begins with a sign of equality."""
    source: str = "note"
    """Where it comes from: "note", "linked", "block" (of context), "model"."""

    @property
    def body(self) -> n.Node:
        """What the first statement says."""
        return self.statements[0].body

    @property
    def tree(self) -> n.Formula:
        """The piece as a formula of its own."""
        return n.Formula(self.statements, self.latex, self.repairs)


def pieces(formula: Formula, macros: Macros, words: Sequence[str] = ()) -> list[Piece]:
    """The pieces of a formula, kinds not yet known. Raises FormulaError where it can't be read."""
    text = formula.latex
    if len(text) > LONGEST:
        raise FormulaError(f"the formula has {len(text)} characters; those of at most {LONGEST} are read", place="the formula")
    read = parse(text, macros, words)
    groups: list[list[n.Statement]] = []
    for statement in read.statements:
        body = statement.body
        continues = isinstance(body, n.Chain) and isinstance(body.sides[0], n.Nothing)
        if isinstance(body, n.Nothing) and not statement.conditions:
            continue
        follows = groups and statement.link in FOLLOWS and assumed_symmetric(groups[-1][-1].body)
        if groups and (continues or follows or isinstance(body, n.Nothing)):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return [_piece(formula, group, read, len(groups) == 1) for group in groups]


def _piece(formula: Formula, group: list[n.Statement], read: n.Formula, whole: bool) -> Piece:
    start, stop = (0, len(formula.latex)) if whole else (group[0].span[0], max(s.span[1] for s in group))
    repairs = tuple(r for r in read.repairs if start <= r.span[0] <= stop)
    return Piece(formula, tuple(group), formula.latex[start:stop], start=start, repairs=repairs)


def continued(read: Mapping[int, list[Piece]], formulas: Sequence[Formula]) -> dict[int, list[Piece]]:
    """The pieces, each display that begins with a sign of equality with the left side of the display before it."""
    made: dict[int, list[Piece]] = {}
    head: n.Node | None = None
    for formula in formulas:
        group = read.get(formula.number, [])
        first = group[0].body if group else None
        if isinstance(first, n.Chain) and isinstance(first.sides[0], n.Nothing) and first.signs[0] == "=" and head is not None:
            group = [replace(group[0], continues=head), *group[1:]]
        elif formula.kind == DISPLAY:
            last = group[-1].body if group else None
            head = last.sides[0] if isinstance(last, n.Chain) and not isinstance(last.sides[0], n.Nothing) else None
        made[formula.number] = group
    return {number: group for number, group in made.items() if number in read}


def why_unread(latex: str, error: FormulaError) -> Unread | None:
    """Why a formula that may be a claim was not checked; nothing for one that looks like none."""
    if not any(sign in latex for sign in SIGNS):
        return None
    return Unread(error.reason, error.spans[0][0] if error.spans else None)


def sorted_out(found: Sequence[Piece], defined: frozenset[str] = frozenset()) -> list[Piece]:
    """The pieces with their kinds; `defined` are the bases of names that equations from elsewhere define."""
    made = [replace(p, kind=_kind(p)) for p in found]
    local = {(p.block, base_of(name)) for p in made if p.kind == "declared" and p.block for name, _ in declarations(p)}
    used = {b for p in made if p.kind == "equation" for side in p.body.sides[1:] for b in exact_bases(side)}  # type: ignore[attr-defined]
    heads = {(p.block, h) for p in made if p.kind == "equation" and (h := head_of(p.body))} | {(0, h) for h in defined}
    named = {(p.block, h) for p in made if p.kind == "named" and (h := head_of(p.body))}
    return [_settled(p, heads, named, used, local) for p in made]


Places = set[tuple[int, str]]
"""The quote and the base of names."""


def _settled(piece: Piece, heads: Places, named: Places, used: set[str], local: Places) -> Piece:
    r"""The kind of a piece where a name is both said to be a derivative and given by an equation.

    What other equations use is the model's, and that it is a derivative is a claim; else it is the other way round: \delta = \partial L /
    \partial z says what \delta is, \delta = y - t is the claim. A letter of losses may be both, a loss and a Jacobian.
    """
    head = head_of(piece.body)
    here = {(0, head), (piece.block, head)}
    if not head or head in LOSSES or (piece.block, head) in local:
        return piece
    if piece.kind == "named" and heads & here and head in used:
        return replace(piece, kind="claim")
    if piece.kind == "equation" and named & here and head not in used:
        return replace(piece, kind="claim")
    return piece


def _kind(piece: Piece) -> str:
    """What a piece is, seen by itself."""
    body = piece.body
    if isinstance(body, n.Signature):
        return "declared"
    if not isinstance(body, n.Chain):
        return "nothing"
    if len(piece.statements) > 1 and assumed_symmetric(body):
        return _kind(replace(piece, statements=piece.statements[1:]))
    sides = [side for s in piece.statements if isinstance(s.body, n.Chain) for side in s.body.sides]
    derived = any(map(has_derivative, sides)) or any(map(has_prime, sides))
    if body.signs[0] in (r"\in",):
        return "shape" if has_derivative(body.sides[0]) else "declared" if is_space(body.sides[-1]) else "nothing"
    if is_update(body.sides[0], body.sides[1], body.signs[0]) and body.signs[0] != r"\to":
        return "update" if derived or body.signs[0] != ":=" else "nothing"
    if body.signs[0] not in EQUAL | {r"\propto"}:
        return "claim" if has_derivative(body.sides[0]) and r"\to" not in body.signs else "nothing"
    head = head_of(body)
    if head and not derived:
        number = isinstance(plain(body.sides[-1]), n.Number)
        return "nothing" if _of_itself(body) or (number and piece.formula.kind == INLINE) else "equation"
    if head and is_derivative(body.sides[1]) and not has_prime(body.sides[0]):
        return "named"
    return "claim" if derived else "nothing"


def is_primed(body: n.Node) -> bool:
    """Whether a relation says what f'(x) is."""
    return isinstance(body, n.Chain) and has_prime(body.sides[0]) and not has_derivative(body.sides[0])


def _of_itself(body: n.Chain) -> bool:
    """Whether the left side stands on the right too, as it is or transposed: this defines nothing."""
    name = head_name(body)
    left = flat(name) if name is not None else ""
    for side in body.sides[1:]:
        for p in parts(side):
            if isinstance(p, n.Name):
                kept = tuple(s for s in p.scripts if not (s.mark == "^" and all(flat(i) in TRANSPOSES for i in s.items)))
                if flat(replace(p, scripts=kept)) == left:
                    return True
    return False


def is_space(node: n.Node) -> bool:
    """Whether this is a space of numbers: R, R^n, R^{n x d}."""
    node = plain(node)
    return isinstance(node, n.Name) and node.id in ("R", r"\R", r"\Re") and node.style in ("mathbb", "", "mathbf")


def has_prime(node: n.Node) -> bool:
    r"""Whether a derivative of a function is written with a prime: f'(x), \sigma'."""
    for p in parts(node):
        if isinstance(p, n.Call) and _primed(p.function):
            return True
        if isinstance(p, n.Name) and _primed(p) and (base_of(p) in SQUASHED or p.id in ENTRYWISE):
            return True
        if isinstance(p, n.Juxtaposition):
            for head, behind in zip(p.factors, p.factors[1:], strict=False):
                if isinstance(head, n.Name) and _primed(head) and isinstance(behind, n.Bracket) and behind.open == "(":
                    return True
    return False


def _primed(name: n.Name) -> bool:
    return any(s.mark.startswith("'") or (s.mark == "^" and any(flat(i) == r"\prime" for i in s.items)) for s in name.scripts)


def is_derivative(node: n.Node) -> bool:
    """Whether a side is one derivative and nothing else."""
    node = plain(node)
    if isinstance(node, n.Scripted):
        node = plain(node.of)
    if isinstance(node, n.Sum) and len(node.terms) == 1:
        node = plain(node.terms[0])
    return isinstance(node, n.Leibniz | n.Operator)


def left_of(body: n.Node) -> n.Node | None:
    """The left side of a relation, the function of f: A -> B."""
    return plain(body.sides[0]) if isinstance(body, n.Chain) else plain(body.of) if isinstance(body, n.Signature) else None


def head_name(body: n.Node) -> n.Name | None:
    """The name on the left side of an equation: that of x, of x_i, of f(x); nothing where the left side is no name."""
    left = left_of(body)
    if left is None:
        return None
    if isinstance(left, n.Scripted):
        left = plain(left.of)
    if isinstance(left, n.Call):
        return left.function if left.function.style != "operatorname" or left.function.id not in ("log", "exp", "ln") else None
    if isinstance(left, n.Juxtaposition):
        behind = [f.of if isinstance(f, n.Scripted) else f for f in left.factors[1:]]
        if not all(isinstance(f, n.Bracket) and f.open == "(" for f in behind):
            return None
        left = plain(left.factors[0])
    if not isinstance(left, n.Name) or left.id.isdigit() or left.id in (r"\nabla", r"\Delta", r"\partial"):
        return None
    return left


def head_of(body: n.Node) -> str:
    """The base of the name on the left side, its primes included; "" for none."""
    name = head_name(body)
    return "" if name is None else base_of(name) + "'" * _primed(name)


def key_of(piece: Piece) -> str:
    """What an equation defines: the name with its scripts."""
    name = head_name(piece.body)
    assert name is not None
    scripts: tuple[n.Script, ...] = ()
    left = left_of(piece.body)
    if isinstance(left, n.Juxtaposition) and isinstance(left.factors[-1], n.Scripted):
        scripts = left.factors[-1].scripts
    return flat(replace(name, scripts=name.scripts + scripts))


def names_in(piece: Piece) -> set[str]:
    """The bases of all names of a piece, in small letters: x and X may be a row and its matrix."""
    own = {low for s in piece.statements for tree in (s.body, *(c for c in s.conditions)) for low in bases(tree)}
    return own | set(bases(piece.continues)) if piece.continues is not None else own


def exact_bases(tree: n.Node) -> Iterator[str]:
    """The bases of the names in a tree."""
    for p in parts(tree):
        if isinstance(p, n.Name):
            yield base_of(p)


def bases(tree: n.Node) -> Iterator[str]:
    """The bases of the names in a tree, in small letters."""
    for p in parts(tree):
        if isinstance(p, n.Name):
            yield base_of(p).lower()
        elif isinstance(p, n.Accent) and isinstance(p.of, n.Name):
            yield base_of(plain(p)).lower()  # type: ignore[arg-type]


def declarations(piece: Piece) -> list[tuple[n.Name, tuple[n.Node, ...]]]:
    """The names that a piece declares, with their axes."""
    body = piece.body
    if not isinstance(body, n.Chain):
        return []
    space = plain(body.sides[-1])
    above = [i for s in getattr(space, "scripts", ()) if s.mark == "^" for i in s.items]
    if len(above) > 1 or any(isinstance(p, n.Text) for i in above for p in parts(i)):
        return []
    product = plain(above[0]) if above else None
    axes: tuple[n.Node, ...] = (product,) if product is not None else ()
    if isinstance(product, n.Product) and set(product.signs) <= {r"\times", "*", r"\cdot"}:
        axes = product.factors
    left = plain(body.sides[0])
    names = left.items if isinstance(left, n.Listing) else (left,)
    return [(name, axes) for name in map(plain, names) if isinstance(name, n.Name)]


def sizes_in(found: Iterable[Piece]) -> Iterator[str]:
    """The numbers that stand as sizes in what some pieces say of shapes."""
    for piece in found:
        for s in piece.statements:
            for p in parts(s.body):
                if isinstance(p, n.Name) and is_space(p):
                    yield from (x.text for script in p.scripts for i in script.items for x in parts(i) if isinstance(x, n.Number))


def words_of(piece: Piece, node: n.Node | None) -> str:
    """A part of a piece as its author wrote it; as it is understood where macros have moved it."""
    if node is None:
        return ""
    text = piece.formula.latex[slice(*node.span)].strip()
    try:
        [statement] = parse(text).statements
    except (FormulaError, ValueError):
        return shown(node)
    return text if flat(statement.body) == flat(node) else shown(node)


def shown(node: n.Node | None) -> str:
    """A tree as LaTeX."""
    return "" if node is None else write(n.Formula((n.Statement(node),)))
