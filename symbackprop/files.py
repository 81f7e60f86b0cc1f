"""Which files were read: none of them is ever written over."""

from pathlib import Path

_READ: dict[Path, None] = {}


def note(path: str | Path) -> Path:
    """Remember that a file is read."""
    path = Path(path)
    _READ[path.absolute()] = None
    return path


def was_read(path: str | Path) -> bool:
    """Whether `path` is a file that was read, under this name or another (a link, a path by another way)."""
    return any(_same(path, other) for other in _READ)


def _same(path: str | Path, other: Path) -> bool:
    try:
        return other.samefile(path)
    except (OSError, ValueError):
        return False
