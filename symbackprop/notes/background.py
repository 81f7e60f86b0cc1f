"""What the claims of a note rest on: the equations, declarations and conventions of the note, of what it links to, and of a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symbackprop.errors import FormulaError, NoteError
from symbackprop.formulas.notation.context import Context, Conventions, Declared
from symbackprop.formulas.notation.references import atoms
from symbackprop.formulas.notation.trees import TRANSPOSES, base_of, flat, has_derivative, operands, parts, plain
from symbackprop.formulas.trial import is_zero
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.macros import Macros
from symbackprop.notes import shapes
from symbackprop.notes.blocks import Stated
from symbackprop.notes.letters import SELDOM_NUMBERS, hints, is_number, spelled
from symbackprop.notes.note import Formula, Note
from symbackprop.notes.pieces import Piece, bases, declarations, head_name, head_of, is_space, key_of, names_in, pieces, shown, sorted_out
from symbackprop.notes.reading.extract import linked
from symbackprop.notes.reading.folder import Folder
from symbackprop.notes.spelling import spelled_twice

FAR = 10**6
FIRST = ("block", "model", "note", "linked")
"""Whose definition of a name counts first."""
MOST_LINKS = 50


@dataclass(frozen=True)
class Shape:
    """A declaration of a name with its axes."""

    declared: Declared
    piece: Piece

    @property
    def base(self) -> str:
        """What the name is called."""
        return base_of(self.declared.name)


@dataclass
class Background:
    """Definitions and declarations, and what a piece needs of them."""

    definitions: list[Piece]
    shapes: list[Shape]
    aliases: tuple[tuple[n.Node, n.Node], ...] = ()
    macros: Macros = field(default_factory=dict)
    words: tuple[str, ...] = ()
    all_trees: Sequence[n.Node] = ()
    """Everything that the note writes: how it spells names says what they are."""
    used: dict[int, Piece] = field(default_factory=dict)
    """Definitions that a claim was judged with, by their order: what the inferred context shows."""

    def __post_init__(self) -> None:
        self.told: dict[int, tuple[Declared, ...]] = {}
        self.spelled = spelled(self.all_trees)
        self.hints = hints(self.all_trees, self.spelled)
        self.by_base: dict[str, list[Piece]] = {}
        for d in self.definitions:
            self.by_base.setdefault(head_of(d.body).lower(), []).append(d)
        self.needs = {id(d): set(names_in(d)) for d in self.definitions}
        self.targets = {base_of(a).lower(): set(bases(b)) for a, b in self.aliases if isinstance(a, n.Name)}

    def context(self, piece: Piece, said: Conventions, inferring: bool = True) -> Context:
        """What `piece` rests on; `inferring`: with shapes that nothing declares, as far as they can be told."""
        chosen = self.chosen(piece)
        self.used |= {d.order: d for d in chosen}
        needed = set(names_in(piece)) | {b for d in chosen for b in self.needs[id(d)]}
        statements = tuple(_short(s) for d in chosen for s in d.statements)
        declared = tuple(s.declared for s in self.declared(piece, needed, chosen))
        more = self.inferred(piece, chosen, declared) if inferring else ()
        return Context(statements, (*declared, *more), self.aliases, said, dict(self.macros), piece.continues, self.words)

    def inferred(self, piece: Piece, chosen: Sequence[Piece], declared: Sequence[Declared]) -> tuple[Declared, ...]:
        """Shapes of the names of a piece that nothing declares."""
        if id(piece) not in self.told:
            equations = [s.body for d in chosen for s in d.statements]
            claims = [s.body for s in piece.statements]
            defined = {head_of(d.body) for d in chosen if d.kind == "equation"}
            self.told[id(piece)] = shapes.inferred(self.hints, self.spelled, equations, claims, declared, defined)
        return self.told[id(piece)]

    def open_names(self, piece: Piece, context: Context) -> list[str]:
        """The names of a piece that nothing declares or defines, as LaTeX."""
        known = {base_of(d.name).lower() for d in context.declared} | {head_of(s.body).lower() for s in context.statements}
        found: dict[str, n.Name] = {}
        for s in piece.statements:
            for p in operands(s.body):
                if isinstance(p, n.Name) and base_of(p).lower() not in known and not is_number(p) and not is_space(p):
                    found.setdefault(base_of(p), p)
        return [f"${shown(p)}$" for p in found.values()]

    def numbers(self, piece: Piece, context: Context) -> list[str]:
        """The names, as LaTeX, that a piece and its definitions multiply and that nothing says are arrays, though they are written so."""
        known = {base_of(d.name).lower() for d in context.declared} | {head_of(s.body).lower() for s in context.statements}
        found: dict[str, n.Name] = {}
        for tree in (*(s.body for s in piece.statements), *(s.body for s in context.statements)):
            for p in operands(tree):
                for f in p.factors if isinstance(p, n.Juxtaposition) else ():
                    written = isinstance(f, n.Name) and f.id in SELDOM_NUMBERS and not any(s.mark == "_" for s in f.scripts)
                    if isinstance(f, n.Name) and written and base_of(f).lower() not in known:
                        found.setdefault(base_of(f), replace(f, scripts=()))
        return [f"${shown(p)}$" for p in found.values()]

    def chosen(self, piece: Piece) -> list[Piece]:
        """The definitions that a piece needs, one for each name, the likeliest first."""
        wanted = self.closure(piece, names_in(piece))
        tops = {base_of(name).lower() for name in objectives(piece)}
        if tops - {head_of(d.body).lower() for d in wanted}:
            reached = {base for p in (piece, *(d for d in wanted if d.kind == "named")) for base in variables(p)}
            while True:
                further = {head_of(d.body).lower() for d in self.definitions if self.needs[id(d)] & reached} - reached
                if not further:
                    break
                reached |= further
            wanted = self.closure(piece, reached | names_in(piece))
        return wanted

    def closure(self, piece: Piece, start: set[str]) -> list[Piece]:
        """The definitions of some names and of what they need in turn."""
        todo, seen, found = list(start), set(), {}
        while todo:
            base = todo.pop()
            if base in seen:
                continue
            seen.add(base)
            todo += self.targets.get(base, ())
            for d in self.best(piece, base):
                found[id(d)] = d
                todo += self.needs[id(d)]
        return sorted(found.values(), key=lambda d: self.rank(d, piece))

    def best(self, piece: Piece, base: str) -> Iterator[Piece]:
        """The definitions of a name that count for a piece: for each way in which it is written the nearest."""
        rows: dict[str, Piece] = {}
        local = {s.base.lower() for s in self.shapes if piece.block and s.piece.block == piece.block}
        candidates = self.by_base.get(base, ())
        outside = any(not d.block for d in candidates)
        for d in candidates:
            if d.block not in (0, piece.block) and (outside or d.kind == "named"):
                continue
            if base in local and d.block != piece.block:
                continue
            if self.is_own(d, piece) and piece.kind not in ("named", "equation"):
                continue
            key = self.key(d)
            if key not in rows or self.rank(d, piece) < self.rank(rows[key], piece):
                rows[key] = d
        yield from self.meant(rows, piece)

    def key(self, d: Piece) -> str:
        """What a definition defines: e where it gives e^2, unless such a number is a layer's."""
        key = key_of(d)
        return key.removesuffix("^2") if head_of(d.body) not in self.spelled.layered else key

    def meant(self, rows: dict[str, Piece], piece: Piece) -> list[Piece]:
        """Of definitions with and without something above the name, those that fit how the piece and its section write it."""
        found = list(rows.values())
        near = [d for d in found if d.formula.headings == piece.formula.headings and d.source == piece.source]
        kept = {written_above(d.body) for d in near}
        return [d for d in found if d in near or not near or written_above(d.body) in kept]

    @staticmethod
    def is_own(d: Piece, piece: Piece) -> bool:
        """Whether a definition is the piece itself."""
        return d.source == piece.source and d.formula is piece.formula and d.start == piece.start

    def rank(self, d: Piece, piece: Piece) -> tuple[int, ...]:
        """The smaller, the likelier `d` is meant in `piece`: in the same quote, under the same headings, before it, near it."""
        block = 0 if d.block == piece.block else 1 if not d.block else 2
        common = 0
        for a, b in zip(d.formula.headings, piece.formula.headings, strict=False):
            if a != b:
                break
            common += 1
        common = 0 if d.source == "linked" else common
        own = 0 if self.is_own(d, piece) else 1 if d.formula is piece.formula else 2
        place = FIRST.index(d.source) if d.source in ("block", "model") else len(FIRST)
        return (place, own, block, -common, d.source == "linked", d.order > piece.order, abs(piece.order - d.order))

    def declared(self, piece: Piece, needed: set[str], chosen: Sequence[Piece]) -> list[Shape]:
        """The declarations of the names that are needed, for each the nearest."""
        defined = {head_of(d.body) for d in chosen}
        rows: dict[str, Shape] = {}
        for s in self.shapes:
            if s.base.lower() not in needed:
                continue
            if s.piece.block and s.piece.block != piece.block and s.base in defined:
                continue
            key = flat(s.declared.name)
            if key not in rows or self.rank(s.piece, piece) < self.rank(rows[key].piece, piece):
                rows[key] = s
        return sorted(rows.values(), key=lambda s: self.rank(s.piece, piece))

    def twice(self) -> dict[str, list[Piece]]:
        """Names that the note defines more than once, in different ways."""
        rows: dict[str, list[Piece]] = {}
        for d in self.definitions:
            if d.source == "note" and d.kind == "equation":
                rows.setdefault(key_of(d), []).append(d)
        return {k: g for k, g in rows.items() if len({flat(d.body) for d in g}) > 1}


def written_above(body: n.Node) -> int:
    """How much stands above the name that an equation defines."""
    name = head_name(body)
    return len([a for a in atoms(name.scripts, "^") if a.text not in TRANSPOSES]) if name is not None else 0


def _short(statement: n.Statement) -> n.Statement:
    """An equation as a definition: of a name that is said to be a derivative no more than that; of a_i^T b = \\sum_k ... the sum."""
    body = statement.body
    if not isinstance(body, n.Chain) or len(body.sides) < 3:
        return statement
    first, *others = body.sides[1:]
    if has_derivative(first):
        return replace(statement, body=n.Chain(body.sides[:2], body.signs[:1], span=body.span))
    entries = next((o for o in others if has_sum(o)), None)
    if entries is not None and not has_sum(first):
        return replace(statement, body=n.Chain((body.sides[0], entries), ("=",), span=body.span))
    return statement


def has_sum(node: n.Node) -> bool:
    """Whether a sum over an index stands in it: then it says what is meant entry by entry."""
    return any(isinstance(p, n.Big) and p.sign == r"\sum" for p in parts(node))


def variables(piece: Piece) -> Iterator[str]:
    """The bases of the names that a piece derives by, in small letters."""
    for s in piece.statements:
        for p in parts(s.body):
            if isinstance(p, n.Leibniz | n.Operator):
                yield from (base for by in derived_by(p) for base in bases(by))


def derived_by(node: n.Leibniz | n.Operator) -> list[n.Node]:
    """What a derivative is by."""
    return list(node.by) if isinstance(node, n.Leibniz) else [i for s in node.scripts if s.mark == "_" for i in s.items]


def objectives(piece: Piece) -> list[n.Name]:
    """The names that are derived in a piece."""
    found = []
    for s in piece.statements:
        for p in parts(s.body):
            of = plain(p.of) if isinstance(p, n.Leibniz | n.Operator | n.Differential) and p.of is not None else None
            if isinstance(of, n.Name):
                found.append(of)
    return found


def gathered(
    note: Note, own: Sequence[Piece], stated: Stated, model: Sequence[Piece], axes: Sequence[Declared], folder: Folder | None
) -> Background:
    """The background of a note: its own pieces, its context blocks, the equations of a model, and what stands under linked headings."""
    given = [Piece(_nowhere(), (s,), "", "equation", order=k, source="block") for k, s in enumerate(stated.statements)]
    further = list(behind_links(note, folder))
    everything = [*given, *model, *own, *further]
    definitions = [p for p in everything if p.kind in ("equation", "named") and head_name(p.body) is not None]
    solved = solutions(own)
    definitions = [d for d in definitions if d.source != "note" or d.order < solved.get(head_of(d.body), FAR)]
    made = [Shape(d, Piece(_nowhere(), (), "", "declared", source="block")) for d in stated.declared]
    made += [Shape(d, Piece(_nowhere(), (), "", "declared", source="model")) for d in axes]
    for p in everything:
        if p.kind == "declared":
            made += [Shape(Declared(name, axes), p) for name, axes in declarations(p)]
    signatures = [p for p in everything if p.kind == "declared" and isinstance(p.body, n.Signature)]
    aliases = (*stated.aliases, *spelled_twice(everything, {flat(s.declared.name) for s in made}))
    trees = [s.body for p in everything for s in p.statements]
    return Background([*definitions, *signatures], made, aliases, note.macros, stated.words, trees)


def solutions(pieces: Sequence[Piece]) -> dict[str, int]:
    """Names whose derivative is set to 0, and where: an equation of such a name behind that is what follows, no equation of the model."""
    found: dict[str, int] = {}
    for piece in pieces:
        sides = [side for s in piece.statements if isinstance(s.body, n.Chain) for side in s.body.sides]
        if any(is_zero(side) for side in sides) and piece.kind == "claim":
            for p in (p for side in sides for p in parts(side)):
                for name in map(plain, derived_by(p) if isinstance(p, n.Leibniz | n.Operator) else ()):
                    if isinstance(name, n.Name):
                        found.setdefault(base_of(name), piece.order)
    return found


def _nowhere() -> Formula:
    return Formula(0, "", 0, 0, 0, 0)


def behind_links(note: Note, folder: Folder | None) -> Iterator[Piece]:
    """The pieces under the headings that the note links to."""
    seen: set[tuple] = set()
    for link in note.links:
        key = (link.path, link.heading)
        if link.path is None or not link.heading or key in seen or len(seen) >= MOST_LINKS:
            continue
        seen.add(key)
        try:
            other = linked(note, link, folder)
        except NoteError:
            continue
        if other is None or other.path == note.path:
            continue
        found: list[Piece] = []
        for formula in other.under(link.heading):
            try:
                found += pieces(formula, {**other.macros, **note.macros})
            except FormulaError:
                continue
        for k, p in enumerate(sorted_out(found)):
            yield replace(p, source="linked", order=-FAR + 1000 * len(seen) + k)


def numbered(note: Note, found: Mapping[int, Sequence[Piece]]) -> list[Piece]:
    """The pieces of a note in order, each with the quote in which it stands."""
    made, block, end = [], 0, -1
    for formula in note.formulas:
        here = note.place(formula.start)[0]
        quoted = bool(formula.quote.strip())
        if quoted and not _is_quoted(note, end, here):
            block += 1
        end = note.place(max(formula.stop - 1, 0))[0] if quoted else -1
        for k, piece in enumerate(found.get(formula.number, ())):
            made.append(replace(piece, block=block if quoted else 0, order=formula.number * 100 + k))
    return made


def _is_quoted(note: Note, first: int, last: int) -> bool:
    """Whether all lines from one to another are in a quote."""
    if first < 0:
        return False
    starts = [note.starts[line - 1] for line in range(first, last + 1)]
    return all(note.text[at : at + 200].lstrip(" \t").startswith(">") for at in starts)
