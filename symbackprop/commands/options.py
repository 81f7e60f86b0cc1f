"""What the command line's arguments mean: formats, words of options, endings of files, expressions that begin with a minus."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperOption

from symbackprop.commands.later import opened_later
from symbackprop.errors import SpecError

kinds = opened_later("symbackprop.kinds.table")


class Form(StrEnum):
    """How a formula is written."""

    index = "index"  # type: ignore[assignment]  # the word a user types, whatever str.index is
    matrix = "matrix"
    both = "both"


class Language(StrEnum):
    """The language of a page's words."""

    en = "en"
    zh = "zh"


class Format(StrEnum):
    """What a page is written in; the value is the ending of its file."""

    markdown = "markdown"
    html = "html"
    tex = "tex"
    pdf = "pdf"


class Report(StrEnum):
    """What a report on notes is written in."""

    text = "text"
    github = "github"
    md = "md"
    html = "html"
    json = "json"
    junit = "junit"


NOTES = (".md", ".markdown", ".ipynb", ".tex", ".rst", ".txt")
"""How the files of notes end."""
KINDS = {Format.markdown: "markdown", Format.html: "html", Format.tex: "latex", Format.pdf: "latex"}
ENDINGS = {Format.markdown: ".md", Format.html: ".html", Format.tex: ".tex", Format.pdf: ".pdf"}
PAGES = {
    **{ending: format for format, ending in ENDINGS.items()},
    ".markdown": Format.markdown,
    ".txt": Format.markdown,
    ".htm": Format.html,
}
"""The format that the ending of a file says."""


class OfExpressions(TyperCommand):
    """A command whose argument may be an expression, also one that begins with a minus."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's, with such an expression set apart from the options."""
        return super().parse_args(
            ctx, minus_apart(args, {o: not getattr(p, "is_flag", False) for p in self.get_params(ctx) for o in p.opts})
        )


class OfKinds(TyperCommand):
    """A command whose help names kinds of derivatives: {pages} those of pages, {modules} those of modules."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Typer's, with the names put in; they are looked up when this help is asked for."""
        for option in self.params:
            if isinstance(option, TyperOption) and option.help and "{" in option.help:
                option.help = option.help.format(pages=", ".join(kinds.on_pages()), modules=", ".join(kinds.in_modules()))
        super().format_options(ctx, formatter)


class OfModels(OfKinds, OfExpressions):
    """Such a command, of a model or an expression."""


def minus_apart(args: Sequence[str], options: Mapping[str, bool]) -> list[str]:
    """The arguments with an expression that begins with a minus at the end, behind "--", if there is no other argument.

    `options` says of each whether a value follows it. One word, such as -x, is an expression only where --shapes is given.
    """
    rest, found, waiting = [], [], list(args)
    while waiting:
        word = waiting.pop(0)
        name = word.split("=", 1)[0]
        if name in options and (name == word or name.startswith("--")):
            rest += [word, *(waiting[:1] if options[name] and name == word else [])]
            waiting = waiting[1:] if options[name] and name == word else waiting
        elif re.fullmatch(r"-o[\w./~-]+", word) or re.fullmatch(r"--[\w-]*(=.*)?", word):
            rest.append(word)
        elif len(word) > 1 and word.startswith("-") and (not re.fullmatch(r"-[A-Za-z]\w*", word) or "--shapes" in args):
            found.append(word)
        else:
            return list(args)
    return [*rest, "--", *found] if len(found) == 1 and "--" not in rest else list(args)


def are_notes(given: Sequence[str]) -> bool:
    """Whether the first argument names a note or a folder of notes, not a model or an expression."""
    return given[0].lower().endswith(NOTES) or (not given[0].lower().endswith(".toml") and Path(given[0]).is_dir())


NAMED = re.compile(r"(.+\.py)(?::([\w.]*))?\Z")
"""A Python file, and what is named in it."""


def are_passes(given: Sequence[str]) -> bool:
    """Whether the first argument names a function of a Python file."""
    return re.search(r"\.py(:[\w.]*)?\Z", given[0]) is not None


def words(given: Sequence[str] | None) -> list[str]:
    """The words of an option that may be given several times, and with commas."""
    return [word.strip() for one in given or () for word in one.split(",") if word.strip()]


def is_folder(output: Path) -> bool:
    """Whether -o names a folder: one that is there, or a new one, whose name has no ending."""
    return output.is_dir() or not (output.suffix or output.exists())


def check_ending(output: Path | None, what: str, *endings: str) -> None:
    """Raise SpecError where -o names a file that would hold something else than its ending says."""
    ending = output.suffix.lower() if output is not None and not is_folder(output) else ""
    if ending and ending not in endings:
        raise SpecError(f"{output} is no name for {what}", place="-o", fix=f"let its name end in {' or '.join(endings)}")
