"""Files from records: the only user of Jinja, and the only writer of files.

A target is a folder under templates/ with a target.toml (its spellings) and templates, which hold no logic. Same record, same bytes.
"""

import contextlib
import errno
import os
import stat
import tempfile
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from symbackprop.calculus.program import Program
from symbackprop.code.function import function_text
from symbackprop.code.loading import load_source
from symbackprop.code.names import file_name
from symbackprop.code.spelling import Spelling
from symbackprop.derivation.reverse import Derived
from symbackprop.errors import TargetError, UnknownTargetError, nearest
from symbackprop.files import note, was_read
from symbackprop.modules.module import Offer, module_record
from symbackprop.pages.page import DIALECTS, item, page
from symbackprop.pages.pieces.cards import formulas_in
from symbackprop.pages.pieces.fragment import Fragment
from symbackprop.typesetting.blocks import Block, Document


def template_root() -> Path:
    """The folder of the targets: inside the installed package, else that of the checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "templates", here.parent / "templates"):
        if folder.is_dir():
            return folder
    raise TargetError("the templates are not installed", fix="install symbackprop again")


def targets() -> list[str]:
    """The targets there are: the folders that hold a target.toml and a template of a module."""
    return sorted(p.parent.name for p in template_root().glob("*/target.toml") if any(p.parent.glob("module.*.jinja")))


@cache
def spelling(target: str = "numpy") -> Spelling:
    """The spellings of a target. Raises UnknownTargetError."""
    if target not in targets():
        near = ", ".join(nearest(target, targets())) or ", ".join(targets())
        raise UnknownTargetError(f"no target '{target}'", place="targets", fix=f"one of {near}")
    path = template_root() / target / "target.toml"
    try:
        table = tomllib.loads(note(path).read_text(encoding="utf-8"))
        return Spelling(target, f"templates/{target}/target.toml", **table).with_checks()
    except (tomllib.TOMLDecodeError, TypeError, UnicodeDecodeError) as e:
        raise TargetError(f"target.toml can't be read: {e}", place=f"templates/{target}/target.toml") from e


def module_source(derived: Derived, target: str = "numpy", offers: Mapping[str, Offer] | None = None) -> str:
    """The source of the standalone module for a derivation of an objective's gradients, with `offers` beyond, by their words."""
    words = spelling(target)
    return render(target, f"module{words.suffix}.jinja", {"record": module_record(derived, words, offers or {})})


def function_source(program: Program, name: str, target: str = "numpy") -> str:
    """The source of a module with one function, of the leaves of `program` by keyword, that returns the tensor `name`."""
    return function_text(program, name, spelling(target))


def render(target: str, template: str, record: Mapping[str, Any]) -> str:
    """A template of a target, filled in. Raises TargetError where the template asks for what the record has not."""
    environment = Environment(
        loader=FileSystemLoader([template_root() / target, template_root() / "_shared"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=template.endswith((".html.jinja", ".svg.jinja")),
    )
    try:
        return environment.get_template(template).render(**record)
    except TemplateError as e:
        raise TargetError(f"{type(e).__name__}: {e}", place=f"templates/{target}/{template}") from e


def document_text(document: Document, kind: str) -> str:
    """A document as "markdown" (GitHub and Obsidian), "html" (MathML, no script, no network) or "latex" (pdflatex, in Chinese xelatex)."""
    return render(kind, f"derivation.{ENDINGS.get(kind, kind)}.jinja", {"page": page(document, kind)})


def fragment_text(fragment: Fragment) -> str:
    """A fragment as LaTeX for a document that uses amsmath."""
    return render("latex", "fragment.tex.jinja", {"fragment": fragment})


class Carded(ABC):
    """What a notebook shows as a card: a few formulas, with their words, as HTML, Markdown or LaTeX."""

    @abstractmethod
    def card(self) -> Sequence[Block]:
        """What stands on it."""

    def _repr_html_(self) -> str:
        return render("notebook", "card.html.jinja", {"items": [item(b, DIALECTS["html"]) for b in self.card()]})

    def _repr_markdown_(self) -> str:
        return render("markdown", "card.md.jinja", {"items": [item(b, DIALECTS["markdown"]) for b in self.card()]})

    def _repr_latex_(self) -> str:
        return DIALECTS["latex"].block(formulas_in(self.card()))


class Shown:
    """A page within a notebook, in a frame of its own; printed, its Markdown."""

    def __init__(self, document: Document) -> None:
        """`document` is the page."""
        self.document = document

    def _repr_html_(self) -> str:
        return render("notebook", "page.html.jinja", {"page": document_text(self.document, "html"), "title": self.document.title})

    def __str__(self) -> str:
        return document_text(self.document, "markdown")

    _repr_markdown_ = __str__

    def __repr__(self) -> str:
        return f"<page: {self.document.title}>"


ENDINGS = {"markdown": "md", "html": "html", "latex": "tex"}
"""What pages of a kind are called."""


def write(path: str | Path, text: str | bytes) -> Path:
    """Write a file at once or not at all: under another name beside it first, then renamed. Folders are made, links followed.

    A pipe or a device is written to as it is. Raises TargetError where it can't be written (no permission, no space, nothing reads the
    pipe), and nothing half-written is left then; and for a file that was read.
    """
    path = Path(path)
    content = text.encode("utf-8") if isinstance(text, str) else text
    try:
        if was_read(path):
            raise TargetError(f"{path} was read, and is not written over", place="output", fix="name another file or folder (-o)")
        if path.exists() and not path.is_file():
            _into(path, content)
        else:
            _replace(Path(os.path.realpath(path)) if path.is_symlink() else path, content)
    except OSError as e:
        raise TargetError(f"can't write {path}: {e.strerror or e}", place="output", fix=_fix(e)) from e
    return path


def _replace(path: Path, content: bytes) -> None:
    """A plain file with this content in the place of `path`."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _into(path: Path, content: bytes) -> None:
    """Write to a pipe or a character device, which is never replaced; anything else that is no plain file is refused."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OSError(errno.EINVAL, "is no plain file, pipe or character device")
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe that nothing reads is an error, and no wait without end
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _fix(e: OSError) -> str:
    if e.errno == errno.ENXIO:
        return "start what reads the pipe first, or name a file (-o)"
    return "name a folder that is writable and has space (-o)"


def _mode(path: Path) -> int:
    """The permissions of a file that is replaced; of a new one those that the user's mask leaves."""
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


class Module:
    """A generated module: its source, and what to do with it."""

    def __init__(self, name: str, source: str) -> None:
        """`source` is the whole text of the module `name`."""
        self.name = name
        self.source = source

    def _repr_html_(self) -> str:
        return render("notebook", "code.html.jinja", {"name": f"{file_name(self.name)}.py", "source": self.source})

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        return f"<Module {self.name}: {len(self.source.splitlines())} lines>"

    def write(self, folder: str | Path) -> Path:
        """Write <name>.py into `folder` (made if missing) and return its path; nothing is left half-written.

        A name of Python's own modules, or numpy, gets a stroke: such a file would hide what the module imports.
        """
        path = Path(folder) / f"{file_name(self.name)}.py"
        write(path, self.source)
        return path

    def load(self) -> ModuleType:
        """The module, imported from its source."""
        return self._loaded

    @cached_property
    def _loaded(self) -> ModuleType:
        return load_source(self.source, self.name)
