"""Context blocks: what an author says of names and conventions, read; and what was inferred, written in the same form."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbackprop.errors import FormulaError
from symbackprop.formulas.notation.context import Conventions, Declared, read_aliases, read_conventions
from symbackprop.formulas.notation.trees import rebuilt
from symbackprop.language.latex import nodes as n
from symbackprop.language.latex.macros import Macros
from symbackprop.language.latex.statements import parse
from symbackprop.language.latex.written import write

KEYS = {"superscript", "layout", "vectors", "samples", "reduction", "alias", "star", "circle", "labels", "symmetric", "derivatives", "vec"}
ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde"}
ACCENTED = re.compile(r"(?<![A-Za-z\\])([A-Za-z])(hat|bar|tilde)(?![A-Za-z])")
ONE_HOT = re.compile(r"\s*(?:\b(?:one-?hot|simplex|sums? to (?:1|one))\b.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Stated:
    """What context blocks state. `unread`: entries that are not understood, with the reason."""

    statements: tuple[n.Statement, ...] = ()
    declared: tuple[Declared, ...] = ()
    aliases: tuple[tuple[n.Node, n.Node], ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def stated(texts: Iterable[str], macros: Macros) -> Stated:
    """What some context blocks state: names with their axes, equations, conventions."""
    reader = _Reader(macros)
    for text in texts:
        for entry in _entries(text):
            try:
                reader.entry(entry)
            except FormulaError as error:
                reader.unread.append(f"{entry}: {error.reason}")
    return reader.stated()


def _entries(text: str) -> list[str]:
    """Entries stand on lines of their own or between semicolons; # and % begin comments."""
    lines = [re.split(r"(?<!\\)[#%]", line)[0] for line in text.splitlines()]
    return [entry.strip() for line in lines for entry in line.split(";") if entry.strip()]


class _Reader:
    def __init__(self, macros: Macros) -> None:
        self.macros = macros
        self.statements: list[n.Statement] = []
        self.declared: list[Declared] = []
        self.aliases: dict[str, str] = {}
        self.said: dict[str, Any] = {}
        self.words: list[str] = []
        self.unread: list[str] = []

    def entry(self, text: str) -> None:
        """One entry: `key: value`, `name: sizes`, or an equation."""
        head, colon, rest = text.partition(":")
        if colon and not rest.startswith("=") and "=" not in head:
            if head.strip().lower() in KEYS:
                self.convention(head.strip().lower(), rest.strip())
            else:
                self.shape(head.strip(), rest.strip())
            return
        self.statements += self.parsed(text)

    def parsed(self, text: str) -> Sequence[n.Statement]:
        text = ACCENTED.sub(lambda m: rf"{ACCENTS[m[2]]} {m[1]}", text)
        return parse(text, self.macros, tuple(self.words)).statements

    def shape(self, name: str, sizes: str) -> None:
        """`W^1: 5,d`, `b: 5`, `y: 3 one-hot`, `J:` for a number."""
        if ONE_HOT.search(sizes):
            self.said["y"] = "one-hot"
        sizes = ONE_HOT.sub("", sizes).replace("×", ",").replace(r"\times", ",")
        if re.fullmatch(r"[A-Za-z]{2,}", name) and not ACCENTED.fullmatch(name):
            self.words.append(name)
        tree = self.parsed(name)[0].body
        if isinstance(tree, n.Accent) and isinstance(tree.of, n.Name):
            tree = replace(tree.of, accents=(tree.mark, *tree.of.accents))
        if not isinstance(tree, n.Name):
            raise FormulaError(f"{name} is no name", place="the context block")
        axes = [size for size in re.split(r"[,\s]+", sizes) if size]
        self.declared.append(Declared(tree, tuple(self.parsed(size)[0].body for size in axes)))

    def convention(self, key: str, value: str) -> None:
        """`layout: numerator`, `alias: h_0 = h^0`, and so on."""
        if key == "alias":
            for pair in value.split(","):
                name, _, target = pair.partition("=")
                self.aliases[name.strip()] = target.strip()
        elif key in ("star", "circle"):
            self.said.setdefault("ops", {})["*" if key == "star" else r"\circ"] = value
        elif key == "samples":
            self.said["samples"] = f"samples are {value}"
        elif key == "labels":
            self.said["y"] = value
        else:
            self.said[key] = value

    def stated(self) -> Stated:
        """Everything that was read."""
        aliases = read_aliases(self.aliases, self.macros, tuple(self.words), self.unread)
        return Stated(tuple(self.statements), tuple(self.declared), aliases, self.said, tuple(self.words), tuple(self.unread))


def written(
    statements: Iterable[n.Statement], declared: Iterable[Declared], aliases: Iterable[tuple[n.Node, n.Node]], said: Conventions
) -> str:
    """A context block, without its fence."""
    lines = [f"{_tex(d.name)}: {', '.join(map(_tex, d.axes))}".rstrip() for d in declared]
    lines += [write(n.Formula((replace(s, link="", body=rebuilt(s.body, _upright)),))) for s in statements]
    names = {"layout": said.layout, "samples": said.samples, "reduction": said.reduction, "star": said.star, "circle": said.circle}
    names["vectors"] = None if said.row_vectors is None else "rows" if said.row_vectors else "columns"
    names["labels"] = "sum to 1" if said.one_hot else None
    names["superscript"] = "layer" if said.layers else None
    names["vec"] = "rows" if said.vec_rows else None
    lines += [f"{key}: {value}" for key, value in names.items() if value]
    lines += [f"alias: {_tex(a)} = {_tex(b)}" for a, b in aliases]
    return "\n".join(" ".join(line.split()) for line in dict.fromkeys(lines) if ";" not in line and "#" not in line)


def _tex(node: n.Node) -> str:
    return write(n.Formula((n.Statement(rebuilt(node, _upright)),)))


def _upright(node: n.Node) -> n.Node | None:
    """A name without its font, which says nothing here."""
    if not isinstance(node, n.Name) or node.style not in ("boldsymbol", "mathbf") or node.id.isdigit():
        return None
    return replace(node, style="", scripts=tuple(replace(s, items=tuple(rebuilt(i, _upright) for i in s.items)) for s in node.scripts))


def conventions(said: Mapping[str, Any]) -> Conventions:
    """Conventions as short texts say them."""
    return read_conventions({k: v for k, v in said.items()})


__all__ = ["Stated", "conventions", "stated", "written"]
