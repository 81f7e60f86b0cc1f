r"""How a note spells things, said once for all of its formulas: \Sigma for a sum, arrows over vectors, h_0 beside h^0, x for x_i."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from symbackprop.formulas.notation.context import LETTERS
from symbackprop.formulas.notation.links import free_letters
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import base_of, flat, parts, plain, rebuilt
from symbackprop.language.latex import nodes as n
from symbackprop.notes.pieces import Piece, head_name, head_of, key_of

NEW = {r"\prime", "new", "+"}
"""What stands above the new value of a parameter."""
Change = Callable[[n.Node], n.Node | None]


def respelled(found: Mapping[int, Sequence[Piece]]) -> dict[int, list[Piece]]:
    """The pieces of a note with one spelling for each thing."""
    everything = [p for group in found.values() for p in group]
    changes: list[Change] = [_bare]
    if _is_sum(everything):
        changes.append(_summed)
    wholes = counted_from_zero(everything)
    if wholes:
        changes.append(lambda node: _from_one(node, wholes))

    def change(node: n.Node) -> n.Node | None:
        for each in changes:
            made = each(node)
            if made is not None:
                return made
        return None

    made = {k: [_unsquared(_stepped(_changed(p, change))) for p in group] for k, group in found.items()}
    lacking = dict(_lacking([p for group in made.values() for p in group]))
    return {k: [_indexed(p, lacking) for p in group] for k, group in made.items()}


def _changed(piece: Piece, change: Change) -> Piece:
    return replace(piece, statements=tuple(replace(s, body=rebuilt(s.body, change)) for s in piece.statements))


def _bare(node: n.Node) -> n.Node | None:
    """A name without the arrow that says that it is a vector."""
    if isinstance(node, n.Name) and "vec" in node.accents:
        scripts = tuple(replace(s, items=tuple(rebuilt(i, _bare) for i in s.items)) for s in node.scripts)
        return replace(node, accents=tuple(a for a in node.accents if a != "vec"), style="mathbf", scripts=scripts)
    if isinstance(node, n.Accent) and node.mark == "vec" and isinstance(node.of, n.Name):
        return rebuilt(replace(node.of, style="mathbf"), _bare)
    return None


def _is_sum(pieces: Sequence[Piece]) -> bool:
    r"""Whether \Sigma never stands for anything but a sum: it is before what it sums, wherever it is."""
    seen = False
    for piece in pieces:
        if head_of(piece.body) == r"\Sigma":
            return False
        heads: set[int] = set()
        for s in piece.statements:
            for p in parts(s.body):
                if isinstance(p, n.Juxtaposition) and _sums(p.factors[0]):
                    heads.add(id(p.factors[0]))
                if isinstance(p, n.Name) and p.id == r"\Sigma":
                    seen = True
                    if id(p) not in heads:
                        return False
    return seen


def _sums(head: n.Node) -> bool:
    if not isinstance(head, n.Name) or head.id != r"\Sigma" or head.accents or head.style:
        return False
    return all(s.mark in "_^" for s in head.scripts) and (not head.scripts or head.scripts[0].mark == "_")


def _summed(node: n.Node) -> n.Node | None:
    r"""\Sigma before what it sums as \sum."""
    if not isinstance(node, n.Juxtaposition) or len(node.factors) < 2 or not _sums(node.factors[0]):
        return None
    rest = tuple(rebuilt(f, _summed) for f in node.factors[1:])
    of = rest[0] if len(rest) == 1 else n.Juxtaposition(rest, span=(rest[0].span[0], node.span[1]))
    return n.Big(r"\sum", node.factors[0].scripts, of, span=node.span)  # type: ignore[attr-defined]


def counted_from_zero(pieces: Sequence[Piece]) -> set[str]:
    """The N of sums from 0 to N by which the note divides: these have N terms."""
    upper, divided = set(), set()
    for p in (p for piece in pieces for s in piece.statements for p in parts(s.body)):
        if isinstance(p, n.Big) and _zero_to(p):
            upper.add(_zero_to(p))
        if isinstance(p, n.Fraction):
            divided |= {flat(x) for x in parts(p.bottom) if isinstance(x, n.Name)}
    return upper & divided


def _zero_to(node: n.Big) -> str:
    """N of a sum over i = 0, ..., N."""
    below = [i for s in node.scripts if s.mark == "_" for i in s.items]
    above = [i for s in node.scripts if s.mark == "^" for i in s.items]
    zero = len(below) == 1 and isinstance(below[0], n.Chain) and [flat(x) for x in below[0].sides[1:]] == ["0"]
    return flat(above[0]) if zero and len(above) == 1 and isinstance(above[0], n.Name) else ""


def _from_one(node: n.Node, wholes: set[str]) -> n.Node | None:
    """Such a sum from 1 to N."""
    if not isinstance(node, n.Big) or node.sign != r"\sum" or _zero_to(node) not in wholes:
        return None

    def one(p: n.Node) -> n.Node | None:
        return n.Number("1", span=p.span) if isinstance(p, n.Number) and p.text == "0" else None

    scripts = tuple(replace(s, items=tuple(rebuilt(i, one) for i in s.items)) if s.mark == "_" else s for s in node.scripts)
    return replace(node, scripts=scripts, of=rebuilt(node.of, lambda p: _from_one(p, wholes)))


def _stepped(piece: Piece) -> Piece:
    """w' = w - g as w = w - g: the new value of a parameter bears its name."""
    body = piece.body
    if not isinstance(body, n.Chain) or body.signs[0] not in ("=", ":=", r"\leftarrow"):
        return piece
    left, right = plain(body.sides[0]), plain(body.sides[1])
    if not isinstance(left, n.Name) or not isinstance(right, n.Sum) or len(right.terms) < 2:
        return piece
    kept = tuple(s for s in left.scripts if not s.mark.startswith("'") and not (s.mark == "^" and {flat(i) for i in s.items} <= NEW))
    old = replace(left, scripts=kept)
    if len(kept) == len(left.scripts) or flat(plain(right.terms[0])) != flat(old) or right.signs[0]:
        return piece
    first = replace(piece.statements[0], body=replace(body, sides=(old, *body.sides[1:])))
    return replace(piece, statements=(first, *piece.statements[1:]))


def _unsquared(piece: Piece) -> Piece:
    """e^2 = (a - b)^2 as e = a - b: the sign of e is that of what is squared."""
    body = piece.body
    if not isinstance(body, n.Chain) or set(body.signs) != {"="}:
        return piece
    left, *rights = body.sides
    if (
        not isinstance(left, n.Name)
        or not _is_square(left.scripts)
        or not all(isinstance(r, n.Scripted) and _is_square(r.scripts) for r in rights)
    ):
        return piece
    name = replace(left, scripts=left.scripts[:-1])
    sides = (name, *(r.of for r in rights if isinstance(r, n.Scripted)))
    return replace(piece, statements=(replace(piece.statements[0], body=replace(body, sides=sides)), *piece.statements[1:]))


def _is_square(scripts: Sequence[n.Script]) -> bool:
    return bool(scripts) and scripts[-1].mark == "^" and [flat(i) for i in scripts[-1].items] == ["2"]


def _lacking(pieces: Sequence[Piece]) -> Iterator[tuple[str, n.Node]]:
    r"""Names that are defined without the index of their components, \hat x = (x_i - \mu)/\sigma, which other formulas give them."""
    used: dict[str, set[str]] = {}
    for piece in pieces:
        for s in piece.statements:
            for p in parts(s.body):
                here = plain(p) if isinstance(p, n.Accent) else p
                below = atoms(here.scripts, "_") if isinstance(here, n.Name) else []
                if len(below) == 1 and isinstance(here, n.Name):
                    used.setdefault(base_of(here), set()).add(below[0].text)
    for piece in pieces:
        body = piece.body
        name = head_name(body)
        if name is None or name.scripts or not isinstance(body, n.Chain) or body.signs != ("=",):
            continue
        letters = free_letters(body.sides[1:], frozenset(LETTERS))
        if len(letters) == 1 and letters[0] in used.get(base_of(name), ()) and isinstance(plain(body.sides[0]), n.Name):
            yield base_of(name), n.Name(letters[0])


def _indexed(piece: Piece, lacking: Mapping[str, n.Node]) -> Piece:
    """A piece with the index that such names lack, where that index is free in it."""
    free = set(free_letters([s.body for s in piece.statements], frozenset(LETTERS)))

    def give(node: n.Node) -> n.Node | None:
        if not isinstance(node, n.Name) or node.scripts or base_of(node) not in lacking:
            return None
        letter = lacking[base_of(node)]
        return replace(node, scripts=(n.Script("_", (letter,)),)) if flat(letter) in free else None

    return _changed(piece, give) if lacking else piece


def spelled_twice(found: Sequence[Piece], declared: set[str]) -> Iterator[tuple[n.Node, n.Node]]:
    """h_0 for h^0: a number below that is no component's, components being counted from 1, and is defined above."""
    names = [p for piece in found for s in piece.statements for p in parts(s.body) if isinstance(p, n.Name) and len(p.scripts) == 1]
    names = [p for p in names if len(p.scripts[0].items) == 1 and flat(p.scripts[0].items[0]) == "0"]
    defined = {key_of(p) for p in found if p.kind == "equation" and head_name(p.body)} | declared
    made = {}
    for p in names:
        other = replace(p, scripts=(n.Script("^", p.scripts[0].items),))
        if p.scripts[0].mark == "_" and flat(other) in defined and flat(p) not in defined:
            made.setdefault(flat(p), (p, other))
    yield from made.values()
