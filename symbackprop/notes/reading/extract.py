"""Reading a file of notes: `read` finds its formulas with their places, its macros, links and context blocks."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from symbackprop import files
from symbackprop.errors import FormulaError, NoteError
from symbackprop.language.latex.macros import DEFINES, expanded
from symbackprop.notes.note import Formula, Link, Note
from symbackprop.notes.reading import markdown, rst, tex
from symbackprop.notes.reading.folder import FORMATS, Folder
from symbackprop.notes.reading.marks import stripped
from symbackprop.notes.reading.sheet import Sheet

LARGEST = 50_000_000
"""Bytes of the largest file that is read."""
DEFINITION = re.compile("(?:" + "|".join(re.escape(d) for d in sorted(DEFINES, reverse=True)) + r")(?![A-Za-z])")
BRACES = re.compile(r"\\.|[{}]|\n", re.DOTALL)
LONG = 2000
"""Characters of the longest definition of a macro outside a formula."""
CHINESE, JAPANESE = 0.1, 0.05
"""A note is Chinese where more than this share of its letters are; but not where so many of them are kana."""
HAN, KANA = re.compile("[\u4e00-\u9fff]"), re.compile("[\u3040-\u30ff]")

SCANS: Mapping[str, Callable[[str], Sheet]] = {"markdown": markdown.scan, "latex": tex.scan, "rst": rst.scan}


def read(path: str | Path, folder: Folder | None = None) -> Note:
    """The note in a file, read as its ending says; links are looked up in `folder`, or in the folder of the note.

    Raises NoteError for a file that is missing, no plain file, too large, binary, not UTF-8, or a notebook that is none.
    """
    path = Path(path)
    place = str(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise NoteError(f"notes do not end in '{path.suffix}'", place=place, fix=f"one of {', '.join(FORMATS)}")
    text, bom = _decoded(_content(path, place), place)
    return parse(text, kind, path, folder or Folder(path.parent), bom)


def parse(text: str, kind: str, path: Path, folder: Folder | None = None, bom: bool = False) -> Note:
    """The note in a text of the format `kind`, which stands, or would stand, at `path`."""
    if kind == "notebook":
        text, sheet, formulas = _book(text, str(path))
    else:
        text = stripped(text) if kind == "markdown" else text
        sheet = SCANS[kind](text)
        formulas = sheet.formulas()
    shown = sheet.shown()
    links = [replace(link, path=folder.find(link.target, path) if folder and link.target else None) for link in sheet.links]
    return Note(
        path=path,
        format=kind,
        text=text,
        formulas=tuple(formulas),
        macros=_macros(text, kind, formulas, folder.preamble if folder else ""),
        links=tuple(links),
        contexts=tuple(sheet.contexts),
        language=language(text, shown),
        bom=bom,
        top=sheet.top,
        open=sheet.open,
        root=folder.root if folder else path.parent,
        starts=tuple(sheet.starts),
        shown=tuple(shown),
        titles=tuple(sheet.titles),
    )


def linked(note: Note, link: Link, folder: Folder | None = None) -> Note | None:
    """The note that a link of `note` leads to, read; nothing where it leads to none in the folder."""
    return read(link.path, folder or Folder(note.root)) if link.path else None


def language(text: str, hidden: list[tuple[int, int]]) -> str:
    """The language of the prose: "zh", or "en" for any other."""
    prose, at = [], 0
    for start, stop in hidden:
        prose.append(text[at:start])
        at = max(at, stop)
    words = "".join([*prose, text[at:]])
    letters = sum(map(str.isalpha, words))
    han, kana = len(HAN.findall(words)), len(KANA.findall(words))
    return "zh" if han > CHINESE * letters and kana <= JAPANESE * letters else "en"


def _content(path: Path, place: str) -> bytes:
    try:
        if not path.exists():
            raise NoteError("there is no such file", place=place, fix="name a note, or a folder of notes")
        if not path.is_file():
            raise NoteError("this is no plain file", place=place, fix="name a note, or a folder of notes")
        size = path.stat().st_size
        if size > LARGEST:
            raise NoteError(f"the file has {size} bytes; notes of at most {LARGEST} are read", place=place, fix="cut it into several notes")
        return files.note(path).read_bytes()
    except (OSError, ValueError) as e:
        raise NoteError(f"the file can't be read: {getattr(e, 'strerror', None) or e}", place=place) from None


def _decoded(content: bytes, place: str) -> tuple[str, bool]:
    """The text, and whether a mark of UTF-8 stood before it."""
    fix = "save it as UTF-8"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoteError("nothing of this file was read: it is UTF-16, not UTF-8", place=place, fix=fix)
    zero = content.find(b"\0")
    if zero >= 0:
        raise NoteError(f"nothing of this file was read: it is binary (byte {zero} is 0)", place=place, fix="name a file of text")
    bom = content.startswith(b"\xef\xbb\xbf")
    try:
        return content[3 * bom :].decode("utf-8"), bom
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        reason = f"nothing of this file was read: it is not UTF-8 (line {line}, byte 0x{content[e.start]:02x}{_guess(content)})"
        raise NoteError(reason, place=place, fix=fix) from None


def _guess(content: bytes) -> str:
    """Which other encoding it may be."""
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    wide = [c for c in text if ord(c) > 127]
    return "; perhaps GBK" if wide and len(HAN.findall("".join(wide))) > 0.6 * len(wide) else ""


def _book(text: str, place: str) -> tuple[str, Sheet, list[Formula]]:
    """A notebook as one text, with the formulas of each of its cells."""
    sources, formulas, base = [], [], 0
    titles: list[tuple[int, int, str]] = []
    links, contexts, skipped = [], [], []
    for number, source in _cells(text, place):
        sheet = markdown.scan(source)
        own = sheet.titles
        sheet.titles = [*((-1, level, title) for _, level, title in _path(titles)), *own]
        formulas += sheet.formulas(len(formulas) + 1, base, number)
        titles += [(base + at, level, title) for at, level, title in own]
        links += [replace(link, start=base + link.start) for link in sheet.links]
        contexts += [replace(c, start=base + c.start, stop=base + c.stop) for c in sheet.contexts]
        skipped += [(base + a, base + b) for a, b in sheet.skipped]
        sources.append(source)
        base += len(source) + 2
    whole = Sheet("\n\n".join(sources), links=links, contexts=contexts, titles=titles)
    whole.skipped = sorted(skipped + [(f.start, f.stop) for f in formulas])
    return whole.text, whole, formulas


def _cells(text: str, place: str) -> Iterator[tuple[int, str]]:
    """The number of each Markdown cell, counted from 1 among all cells, with its source. Raises NoteError where this is no notebook."""
    try:
        book = json.loads(text)
    except (ValueError, RecursionError) as e:
        line = f" (line {e.lineno})" if isinstance(e, json.JSONDecodeError) else ""
        raise NoteError(f"this is no notebook: its JSON can't be read{line}", place=place, fix="save it again in Jupyter") from None
    listed = book.get("cells") if isinstance(book, dict) else None
    if listed is None and isinstance(book, dict) and isinstance(book.get("worksheets"), list):
        listed = [c for sheet in book["worksheets"] if isinstance(sheet, dict) for c in sheet.get("cells") or []]
    if not isinstance(listed, list):
        raise NoteError("this is no notebook: it has no cells", place=place, fix="save it again in Jupyter")
    for number, cell in enumerate(listed, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
            source = cell.get("source", "")
            yield (
                number,
                source if isinstance(source, str) else "".join(s for s in source if isinstance(s, str)) if isinstance(source, list) else "",
            )


def _path(titles: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """The titles above what comes behind all of these."""
    path: list[tuple[int, int, str]] = []
    for title in titles:
        path = [t for t in path if t[1] < title[1]] + [title]
    titles[:] = path if len(titles) > 100 else titles
    return path


def _macros(text: str, kind: str, formulas: list[Formula], preamble: str) -> dict[str, tuple[int, str]]:
    """What the vault and the document define: in its formulas, and of a LaTeX document anywhere."""
    pieces = [f.latex for f in formulas if DEFINITION.search(f.latex)]
    if kind == "latex":
        pieces = [*_definitions(text), *pieces]
    pieces = [*_definitions(preamble), *pieces]
    found: dict[str, tuple[int, str]] = {}
    for piece in pieces:
        try:
            found |= expanded(piece, {})[1]
        except FormulaError:
            continue
    return found


def _definitions(text: str) -> Iterator[str]:
    """The lines that define macros, each up to where its braces are closed."""
    match = DEFINITION.search(text)
    while match:
        start, stop, depth = match.start(), min(match.start() + LONG, len(text)), 0
        for sign in BRACES.finditer(text, start, stop):
            depth += {"{": 1, "}": -1}.get(sign.group(), 0)
            if depth <= 0 and sign.group() == "\n":
                stop = sign.start()
                break
        yield text[start:stop]
        match = DEFINITION.search(text, stop)


__all__ = ["Folder", "Note", "linked", "parse", "read"]
