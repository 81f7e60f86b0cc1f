"""What `symbackprop verify` does with notes: each checked by itself, its report written, one status for all."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symbackprop.api import check_note, load
from symbackprop.commands.options import Report, check_ending, is_folder
from symbackprop.commands.tasks.junit import junit, of_note
from symbackprop.emit import write
from symbackprop.errors import NoteError, SpecError
from symbackprop.notes.checked import NoteReport
from symbackprop.notes.reading.folder import notes_in

SUFFIXES = {Report.md: ".checked.md", Report.html: ".html", Report.json: ".json", Report.junit: ".xml"}
SUFFIXES |= dict.fromkeys((Report.text, Report.github), ".txt")
BY_ENDING = {".md": Report.md, ".markdown": Report.md, ".html": Report.html, ".htm": Report.html, ".json": Report.json, ".txt": Report.text}
BY_ENDING |= {".xml": Report.junit}


@dataclass(frozen=True)
class Settings:
    """The options of `verify` that are about notes."""

    model: Path | None = None
    form: Report | None = None
    lang: str = ""
    quiet: bool = False
    output: Path | None = None

    @property
    def format(self) -> Report:
        """What reports are written in: what was said, else what the ending of -o says; in a folder checked copies."""
        if self.form or self.output is None:
            return self.form or Report.text
        return Report.md if is_folder(self.output) else BY_ENDING[self.output.suffix.lower()]


def verify(paths: Sequence[str], settings: Settings, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    """Check the notes that are named, and those in folders that are named.

    0: nothing wrong or undecided; 1: something is wrong; 2: no note could be read; 3: something is undecided, or a note was not read.
    Raises NoteError for a path that is not there, SpecError for settings that do not fit.
    """
    output = settings.output
    check_ending(output, "a report", *BY_ENDING)
    files = notes_in(paths)
    several = len(files) > 1 or Path(paths[0]).is_dir()
    if several and output is not None and not is_folder(output):
        raise SpecError(f"{output} is one file, and there are {len(files)} notes", place="-o", fix="name a folder")
    model = load(settings.model) if settings.model else None
    reports: list[NoteReport] = []
    for k, path in enumerate(files):
        with _Progress(path, k, len(files)) as progress:
            try:
                folder = next((p for p in paths if Path(p).is_dir() and path.is_relative_to(p)), None)
                report = check_note(path, model, folder=folder, lang=settings.lang, progress=progress)
            except NoteError as error:
                progress.clear()
                complain(str(error))
                continue
        reports.append(report)
        if output is not None:
            name = path.relative_to(folder) if folder else Path(path.name)
            to = output / name.with_name(name.stem + SUFFIXES[settings.format]) if is_folder(output) else output
            write(to, _text(report, settings))
        if output is not None or settings.format in (Report.text, Report.github):
            style = "github" if settings.format is Report.github else "text"
            lines = report.lines(style=style, quiet=settings.quiet)
            lines = lines if output is None or settings.quiet else lines[-1:]
            say("\n".join(lines)) if lines else None
    if output is None and settings.format not in (Report.text, Report.github):
        say(_printed(reports, settings, several))
    return status(reports, len(files))


def status(reports: Sequence[NoteReport], files: int) -> int:
    """One exit status for all."""
    found = {r.exit_status for r in reports}
    if 1 in found:
        return 1
    if files and not reports:
        return 2
    return 3 if 3 in found or len(reports) < files else 0


def _text(report: NoteReport, settings: Settings) -> str:
    if settings.format is Report.md:
        return report.markdown()
    if settings.format is Report.html:
        return report.html()
    if settings.format is Report.json:
        return _json(report.record())
    if settings.format is Report.junit:
        return junit([of_note(report.record())])
    return "\n".join(report.lines(style=settings.format.value, quiet=settings.quiet)) + "\n"


def _printed(reports: Sequence[NoteReport], settings: Settings, several: bool) -> str:
    """All reports on stdout; several records are a list."""
    if settings.format is Report.json and several:
        return _json([r.record() for r in reports])
    if settings.format is Report.junit:
        return junit([of_note(r.record()) for r in reports])
    return "\n".join(_text(r, settings) for r in reports)


def _json(what: Any) -> str:
    return json.dumps(what, indent=2, ensure_ascii=False) + "\n"


class _Progress:
    """One line on stderr, where somebody is looking, that says which note is checked and how far."""

    def __init__(self, path: Path, number: int, of: int) -> None:
        self.head = f"[{number + 1}/{of}] {path}" if of > 1 else str(path)
        self.shows = sys.stderr.isatty()

    def __enter__(self) -> "_Progress":
        self.tell(self.head)
        return self

    def __call__(self, done: int, of: int) -> None:
        self.tell(f"{self.head}: {done} of {of} claims")

    def tell(self, text: str) -> None:
        """Show a line in the place of the last one."""
        if self.shows:
            width = os.get_terminal_size(sys.stderr.fileno()).columns if self.shows else 80
            print(f"\r\x1b[K{text[: width - 1]}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Show nothing any more."""
        self.tell("")

    def __exit__(self, *_: object) -> None:
        self.clear()
