"""What goes to stdout, to files and to stderr."""

import contextlib
import os
import sys
from pathlib import Path

from symbackprop.commands.later import opened_later
from symbackprop.commands.options import is_folder
from symbackprop.errors import TargetError

emit = opened_later("symbackprop.emit")


def complain(message: str) -> None:
    """One message on stderr; a closed stderr is nobody's mistake."""
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Write to stdout. A reader that went away (`| head`) is no error; a full disk is one.

    Raises: TargetError.
    """
    text = text if text.endswith("\n") else text + "\n"
    try:
        if sys.stdout.encoding.lower().replace("-", "") != "utf8" and not text.isascii():
            sys.stdout.buffer.write(text.encode("utf-8"))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python itself still wants to flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise TargetError(f"standard output can't be written: {error.strerror or error}") from error


def deliver(text: str | bytes, output: Path | None, name: str) -> None:
    """Write `text` to the file `output`, to `name` in the folder `output`, or without it to stdout."""
    if output is None and isinstance(text, str):
        say(text)
    elif output is not None:
        emit.write(output / name if is_folder(output) else output, text)
