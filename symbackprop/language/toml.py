"""Models as TOML files."""

import re
import tomllib
from pathlib import Path

from symbackprop.errors import SpecError
from symbackprop.files import note
from symbackprop.language.spec import ModelSpec, check_keys, spec_from_tables

KEYS = ("name", "objective", "output", "samples", "axes", "tensors", "equations", "latex", "style", "page")


def load_spec(path: str | Path) -> ModelSpec:
    """The spec in a TOML file; without a `name` the model is called after the file.

    Raises SpecError naming file, line and column where the file can't be read, and UnknownNameError for an unknown key.
    """
    path = Path(path)
    place = str(path)
    if path.suffix in (".py", ".ipynb"):
        fix = "name the TOML file of the model; in Python a function is traced, sbp.trace(f), and a generated module has self_check()"
        raise SpecError("it is Python, not the tables of a model", place=place, fix=fix)
    try:
        raw = note(path).read_bytes()
    except (OSError, ValueError) as e:
        raise SpecError(f"can't read it: {getattr(e, 'strerror', None) or e}", place=place, fix="give the path of a TOML file") from None
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as e:
        before = raw[: e.start]
        line, column = before.count(b"\n") + 1, e.start - (before.rfind(b"\n") + 1) + 1
        raise SpecError(f"it is not UTF-8 (line {line}, column {column})", place=place, fix="save it as UTF-8") from None
    return spec_of_text(text, place, _identifier(path.stem))


def spec_of_text(text: str, place: str = "the model", name: str = "model") -> ModelSpec:
    """The spec that the text of a TOML file states; `name` is that of a model without one.

    Raises SpecError naming line and column where it can't be read, and UnknownNameError for an unknown key.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise _broken(text, str(e), place) from None
    check_keys(table, KEYS, place)
    for key in ("tensors", "equations"):
        if key not in table:
            raise SpecError(f"it has no table [{key}]", place=place, fix=f"add [{key}]")
    return spec_from_tables(**{"name": name, **table})


def _broken(text: str, reason: str, place: str) -> SpecError:
    """An error that shows the line which is not TOML."""
    at = re.search(r"\(at line (\d+), column (\d+)\)", reason)
    lines = text.splitlines() or [""]
    line, column = (int(at[1]), int(at[2])) if at else (len(lines), len(lines[-1]) + 1)
    source = lines[min(line, len(lines)) - 1]
    what = reason.split(" (at ")[0]
    return SpecError(
        f"it is not TOML: {what} (line {line}, column {column})",
        place=place,
        source=source,
        spans=[(column - 1, column)] if source else [],
        fix='write tables such as [axes], and values such as axes = "n d"',
    )


def _identifier(stem: str) -> str:
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    return name if name[:1].isalpha() or name[:1] == "_" else f"model_{name}"
