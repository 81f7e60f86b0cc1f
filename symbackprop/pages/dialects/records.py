"""A page as plain records of strings: what the templates print."""

from dataclasses import dataclass

LATIN, IDEOGRAPHS = 0x17F, 0x2E80
"""Behind the first all letters are other ones; behind the second they are those of East Asia."""


@dataclass(frozen=True)
class Shape:
    """A box of the picture: its corner, its middle, its name and label, its shape, its kind, and the key that arrows go by."""

    name: str
    key: str
    label: str
    shape: str
    kind: str
    x: int
    y: int
    middle: int


@dataclass(frozen=True)
class Item:
    """One block as strings. `kind` says which of the other fields are filled."""

    kind: str
    text: str = ""
    label: str = ""
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    items: tuple["Item", ...] = ()
    shapes: tuple[Shape, ...] = ()
    arrows: tuple[tuple[str, ...], ...] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Page:
    """A whole page: title, a line below it, language ("en", "zh"), blocks, a last line, who wrote it, and when.

    `legend`: what is told of names, by their classes.
    """

    title: str
    subtitle: str
    lang: str
    items: tuple[Item, ...]
    foot: str
    legend: tuple[tuple[str, str], ...] = ()
    byline: str = ""

    @property
    def many_scripts(self) -> bool:
        """Whether letters stand in it that pdflatex has not: Chinese ones, or in its head any but Latin ones."""
        head, body = self.title + self.byline, repr(self.items)
        return self.lang == "zh" or any(ord(c) > LATIN for c in head) or any(ord(c) > IDEOGRAPHS for c in body)
