"""What `symbackprop verify FILE.py:NAME` does: hand-written backward passes, in a process of their own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from symbackprop.backward.child import Request, checked
from symbackprop.commands.notes import BY_ENDING, SUFFIXES
from symbackprop.commands.options import NAMED, Report, check_ending, is_folder
from symbackprop.commands.pages import pairs
from symbackprop.commands.tasks.junit import junit, of_report
from symbackprop.emit import write
from symbackprop.errors import SpecError


@dataclass(frozen=True)
class Settings:
    """The options of `verify` that are about backward passes."""

    forward: str = ""
    shapes: str | None = None
    pairs: str = ""
    given: str = ""
    form: Report | None = None
    limit: float = 20
    output: Path | None = None


def verify(what: str, settings: Settings, say: Callable[[str], None], complain: Callable[[str], None]) -> int:
    """Check the pass FILE.py:NAME. Its status; 2 where it could not be checked."""
    check_ending(settings.output, "a report", *BY_ENDING)
    found = NAMED.match(what)
    if found is None or not found[2]:
        raise SpecError(f"{what} names no function", place="verify", fix=f"write {what.rstrip(':')}:backward --forward forward")
    output = settings.output
    file = output is not None and not is_folder(output)
    form = settings.form or (BY_ENDING[output.suffix.lower()] if output is not None and file else Report.md if output else Report.text)
    request = Request(
        found[1],
        settings.forward or found[2],
        found[2] if settings.forward else "",
        pairs(settings.shapes, "shapes") if settings.shapes is not None else None,
        pairs(settings.pairs, "pairs") if settings.pairs else {},
        pairs(settings.given, "given") if settings.given else {},
        Report.json.value if form is Report.junit else form.value,
        settings.limit,
    )
    status, text = checked(request)
    if form is Report.junit and status != 2:
        text = junit([of_report(json.loads(text), what)])
    if status == 2:
        complain(text)
    elif output is None:
        say(text)
    else:
        write(output if file else output / f"{Path(found[1]).stem}.{found[2]}{SUFFIXES[form].replace('.checked', '')}", text)
    return status
