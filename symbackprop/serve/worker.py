"""A process that answers questions, one line of JSON for each: `python -m symbackprop.serve.worker MEGABYTES SECONDS`.

It has nothing but what it reads: no file is opened for a question, and whoever started it ends it when an answer takes too long.
"""

import json
import os
import signal
import sys
from typing import Any, TextIO

from symbackprop.errors import ServeError
from symbackprop.serve.answers import answer, wrong

try:
    import resource
except ImportError:  # there is none on Windows, where time alone is limited
    resource = None  # type: ignore[assignment]

WARM = {"text": "norm(A @ x - b)**2", "shapes": {}, "wrt": [], "order": 1, "kind": "derive", "matlab": False}
"""What is derived before the first question, so that this is not the slow one."""


def limit(megabytes: int) -> None:
    """Take no more memory than this, and leave nothing behind on the disk."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answered(line: str) -> dict[str, Any]:
    """The record of the answer to a line; a mistake of our own is told as one, and names no place on this machine."""
    try:
        return answer(json.loads(line))
    except MemoryError:
        return {"ended": True}
    except RecursionError:
        return wrong(ServeError("it is nested too deep", fix="split it into the equations of a model"))
    except Exception as error:
        told = wrong(ServeError(f"a mistake of symbackprop itself, {type(error).__name__}", fix="please report the expression"))
        return told | {"ended": True}  # whatever went wrong, the next question has a new process


def serve(questions: TextIO, answers: TextIO, seconds: int) -> None:
    """Answer until there are no more questions. An answer that takes longer than `seconds` ends the process, should nobody else do so."""
    for line in questions:
        if resource is not None:
            signal.alarm(seconds)
        made = answered(line)
        if resource is not None:
            signal.alarm(0)
        print(json.dumps(made), file=answers, flush=True)
        if made.get("ended"):
            return


def main() -> None:
    """Answer what comes on stdin. What else is printed goes to stderr, so that answers stay alone on stdout."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends its workers
    megabytes, seconds = map(int, sys.argv[1:3])
    answer(WARM)
    limit(megabytes)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    serve(sys.stdin, answers, seconds)


if __name__ == "__main__":
    main()
