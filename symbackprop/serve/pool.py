"""Workers: processes that answer one question at a time, in so much time and memory, and are ended and replaced where they take more."""

import asyncio
import contextlib
import json
import math
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symbackprop.errors import ServeError

LONGEST_ANSWER = 2**25
"""Bytes of an answer; formulas that are longer are read by nobody."""
LOOKS = 0.2
"""Seconds between two looks at whether anybody still waits for an answer."""
PATIENCE = 1.5
"""Seconds that a worker goes on for nobody: a new one takes as long to start."""
GRACE = 5
"""Seconds after which a worker that was to be ended ends by itself: whoever was to do so may be gone."""
SINGLE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
"""A worker has one thread: others hold memory, and there are several workers."""
Gone = Callable[[], Awaitable[bool]]
"""Says whether nobody waits for an answer any more."""
SMALLER = "ask for less (order 1, fewer tensors), or use the command line, which has no limits"


@dataclass
class Pool:
    """`workers` processes of `megabytes` each, which have `seconds` for an answer; at most `waiting` questions wait for one of them."""

    workers: int = 2
    seconds: float = 10
    megabytes: int = 2048
    waiting: int = 40
    idle: asyncio.Queue[asyncio.Task[Process]] = field(default_factory=asyncio.Queue)
    every: set[Process] = field(default_factory=set)
    asked: int = 0
    closed: bool = False

    async def open(self) -> None:
        """Start the workers; they are ready a second or two later."""
        for _ in range(self.workers):
            self.replace()

    async def close(self) -> None:
        """End all workers."""
        self.closed = True
        while not self.idle.empty():
            starting = self.idle.get_nowait()
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, ServeError):
                await starting
        for process in list(self.every):
            await self.end(process)

    def replace(self) -> None:
        """One worker more among those that are idle, or will be."""
        if not self.closed:
            self.idle.put_nowait(asyncio.create_task(self.started()))

    async def started(self) -> Process:
        """A worker that has said that it is ready. Raises ServeError where it does not."""
        own = (str(self.megabytes), str(math.ceil(self.seconds) + GRACE))
        command = (sys.executable, "-P", "-m", "symbackprop.serve.worker", *own)
        environment = {**os.environ, **SINGLE, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LONGEST_ANSWER, env=environment)
        self.every.add(process)
        assert process.stdout is not None
        if not await process.stdout.readline():
            await self.end(process)
            raise ServeError("a worker does not start", fix="see what it said on the terminal")
        return process

    async def end(self, process: Process) -> None:
        """End a worker, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        self.every.discard(process)

    async def ask(self, question: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
        """The answer of the next worker that is free.

        Raises ServeError where that takes too long, too many wait already, or `gone` says that nobody waits for it any more.
        """
        if self.asked >= self.waiting:
            raise ServeError("too many questions at once", fix="wait a moment, and ask again")
        self.asked += 1
        try:
            starting = await self.idle.get()
            if await gone():
                self.idle.put_nowait(starting)
                raise ServeError("nobody waits for this any more")
            return await self.answered(starting, question, gone)
        finally:
            self.asked -= 1

    async def answered(self, starting: asyncio.Task[Process], question: Mapping[str, Any], gone: Gone) -> dict[str, Any]:
        """The answer of one worker, which is idle again afterwards, or replaced."""
        try:
            process = await asyncio.shield(starting)
            line = await self.line(process, question, gone)
            made = json.loads(line)
            if made.get("ended") and "html" not in made:
                raise ServeError("it took too much memory", fix=SMALLER)
        except BaseException:
            self.replace()
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                await self.end(starting.result())
            raise
        if made.pop("ended", False):
            self.replace()
            await self.end(process)
        else:
            self.idle.put_nowait(starting)
        return made

    async def line(self, process: Process, question: Mapping[str, Any], gone: Gone) -> bytes:
        """What the worker writes for a question. Raises ServeError where it takes too long or ends."""
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(question).encode() + b"\n")
        reading = asyncio.create_task(process.stdout.readline())
        clock = asyncio.get_running_loop()
        start = clock.time()
        try:
            while not (await asyncio.wait({reading}, timeout=LOOKS))[0]:
                spent = clock.time() - start
                if spent > self.seconds:
                    raise ServeError(f"it took too long, more than {self.seconds:g} seconds", fix=SMALLER)
                if spent > PATIENCE and await gone():
                    raise ServeError("nobody waits for this any more")
            line = reading.result()
        except ValueError:
            raise ServeError("the answer is too long for a page", fix=SMALLER) from None
        finally:
            reading.cancel()
        if not line:
            raise ServeError("it took too much memory", fix=SMALLER)
        return line
