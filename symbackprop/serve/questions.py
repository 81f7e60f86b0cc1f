"""What the page may ask: a table of the right form and no larger than a person writes."""

import json
from typing import Any

from symbackprop.errors import ServeError
from symbackprop.serve.answers import ANSWERS

LONGEST = {"text": 20_000, "claim": 4_000, "name": 100, "shape": 200}
MOST_NAMES = 60
KEYS = {"text": str, "claim": str, "kind": str, "shapes": dict, "wrt": list, "order": int, "matlab": bool}
"""The keys of a question, and what each holds."""


def question_of(body: bytes) -> dict[str, Any]:
    """The question that a request holds. Raises ServeError for what is none."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise refused("it is not JSON") from None
    if not isinstance(told, dict) or set(told) != set(KEYS):
        raise refused(f"a question has {', '.join(KEYS)}")
    for key, kind in KEYS.items():
        if type(told[key]) is not kind:
            raise refused(f"{key} is no {kind.__name__}")
    if told["kind"] not in ANSWERS or told["order"] not in (1, 2):
        raise refused(f"kind is one of {', '.join(ANSWERS)}, order 1 or 2")
    words = [("name", n) for n in (*told["shapes"], *told["wrt"])] + [("shape", s) for s in told["shapes"].values()]
    if len(words) > 3 * MOST_NAMES:
        raise refused(f"at most {MOST_NAMES} tensors are shaped")
    for key, word in [*words, ("text", told["text"]), ("claim", told["claim"])]:
        if not isinstance(word, str):
            raise refused(f"a {key} is a text")
        if len(word) > LONGEST[key]:
            raise ServeError(f"the {key} has {len(word)} characters, and {LONGEST[key]} are taken", fix="make it shorter")
    return told


def refused(reason: str) -> ServeError:
    """The error for a request that the page itself never makes."""
    return ServeError(f"this is no question: {reason}", fix="load the page again")
