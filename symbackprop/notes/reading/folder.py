"""Files of a folder: which of them are notes, and which of them a link means. Nothing outside the folder is ever read."""

import contextlib
import os
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from symbackprop.errors import NoteError
from symbackprop.notes.reading.marks import is_checked_copy

FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".ipynb": "notebook",
    ".tex": "latex",
    ".rst": "rst",
}
"""How a file is read, by its ending."""
LOOSE = {".txt"}
"""Endings that are notes only where the file itself is named."""
PREAMBLE = 1_000_000
"""Bytes of a preamble that are too many."""
MANY = 50_000
"""So many entries of a folder are looked through for the note that a link names."""


class Folder:
    """A folder in which links are looked up."""

    def __init__(self, root: str | Path) -> None:
        """`root` and what is below it."""
        self.root = Path(root).absolute()

    @cached_property
    def _real(self) -> Path:
        return self.root.resolve()

    @cached_property
    def _names(self) -> dict[str, Path]:
        """The notes by their names without ending; of several the one least deep."""
        found: dict[str, Path] = {}
        files = sorted(_walk(self.root), key=lambda p: (len(p.parts), str(p)))
        for path in files:
            if path.suffix.lower() in (".md", ".markdown"):
                found.setdefault(_key(path.stem), path)
        return found

    @cached_property
    def preamble(self) -> str:
        """What the vault defines for the formulas of all of its notes, in preamble.sty at its top."""
        path = self.root / "preamble.sty"
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if self.inside(path) and path.stat().st_size < PREAMBLE:
                return path.read_text(encoding="utf-8")
        return ""

    def inside(self, path: Path) -> bool:
        """Whether a path, with all links followed, is a file in the folder."""
        try:
            real = path.resolve()
            return real.is_relative_to(self._real) and real.is_file()
        except (OSError, RuntimeError, ValueError):
            return False

    def find(self, target: str, beside: Path) -> Path | None:
        """The note that a link in the note `beside` names: by its path from there, by its path from the top, or by its name alone."""
        if not target or "\0" in target or len(target) > 1000:
            return None
        names = [target] if target.lower().endswith((".md", ".markdown")) else [f"{target}.md", f"{target}.markdown"]
        for base in (beside.parent, self.root):
            for name in names:
                if self.inside(base / name.lstrip("/")):
                    return Path(os.path.normpath(base / name.lstrip("/")))
        name = target.replace("\\", "/").rpartition("/")[2]
        stem = name.rpartition(".")[0] if name.lower().endswith((".md", ".markdown")) else name
        found = self._names.get(_key(stem))
        return found if found and self.inside(found) else None


def notes_in(paths: Iterable[str | Path]) -> list[Path]:
    """The files that are named, and the notes in the folders that are named, by name. Checked copies in a folder are left out."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            below = sorted(p for p in _walk(path) if p.suffix.lower() in FORMATS and p.suffix.lower() not in LOOSE)
            found |= dict.fromkeys(p for p in below if not p.is_symlink() and not is_checked_copy(p))
        elif path.exists() or path.is_symlink():
            found[path] = None
        else:
            raise NoteError(f"there is no file or folder {path}", place="notes", fix="name a note, or a folder of notes")
    return list(found)


def _walk(root: Path) -> Iterator[Path]:
    """The files below a folder; hidden folders and links to folders are left out."""
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("node_modules", "__pycache__"))
        for file in files:
            seen += 1
            if seen > MANY:
                return
            if not file.startswith("."):
                yield Path(folder) / file


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
