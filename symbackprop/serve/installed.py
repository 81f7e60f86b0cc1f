"""Whether the extra is there, asked before anything is imported that needs it."""

from importlib import util

from symbackprop.errors import ServeError

NEEDED = ("starlette", "uvicorn")


def check_installed() -> None:
    """Raise ServeError where the extra is missing."""
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        raise ServeError(f"{' and '.join(missing)} missing", place="serve", fix='pip install "symbackprop[serve]"')
