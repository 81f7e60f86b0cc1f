"""Stages of a long run: what is being done, on stderr, and how long each took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console


class Stages:
    """Shows stages and remembers the `seconds` of each.

    At a terminal a stage turns while it runs; elsewhere it is one line when it is done. `quiet`: it shows nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self.console = Console(stderr=True, highlight=False)

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Run the body as the stage `what`."""
        start = time.perf_counter()
        turning = self.console.status(what) if not self.quiet and self.console.is_terminal else nullcontext()
        with turning:
            yield
        self.seconds[what] = time.perf_counter() - start

    def done(self, what: str, result: str) -> None:
        """One line that says what the stage `what` gave."""
        if not self.quiet:
            self.console.print(f"{what:<10} {self.seconds[what]:6.2f} s   {result}", markup=False, soft_wrap=True)
            sys.stderr.flush()
