"""Which gradient is by what: names as people write them (dX, dx, X_grad, grad_X, grads["W1"], delta_X, nabla_X, dL_dX), else places."""

import re
from collections.abc import Iterator, Sequence

KEY = re.compile(r"""\[\s*['"](\w+)['"]\s*\]\Z""")
UP = r"(?:[JLEC]|loss|cost|err(?:or)?|obj)"
PATTERNS = [
    re.compile(p)
    for p in (
        rf"(?:d|partial|grad)_?{UP}_?(?:_d|d|_wrt_?|_)_?(.+)\Z",
        r"(?:d|D)_?(.+)\Z",
        r"(?:grads?|gradient|nabla|delta|g|jac|der|deriv)_?(?:wrt_|of_)?(.+)\Z",
        r"(.+?)_?(?:grads?|gradient|delta|bar|deriv|der|prime|d)\Z",
        r"(?:grad|nabla|delta|Grad|Delta)(.+)\Z",
    )
]
PRIVATE = re.compile(r"^_[A-Za-z]\w*?__(?=\w)")
"""What Python puts before a private attribute of a class."""
GRADIENTS = re.compile(r"(?i)grad|(^|\.)d[A-Z_]?\w{0,7}$|delta|nabla")
"""What collections of gradients are called."""
UPSTREAM = re.compile(r"(?i)(d_?[a-z]\w*|g|gy|gout\w*|grad_?(out\w*|y)|\w*_?grad(ient)?(_out\w*)?|upstream\w*|up|delta\w*|error|eta)\Z")
CACHES = re.compile(r"(?i)(cache\w*|ctx|context|saved?|tape|mem(ory)?|state|store\w*|stash|residuals?|fwd|\w+_cache|caches)\Z")


def own_name(text: str) -> str:
    """The name that a target or a place in what is returned goes by: dW of self.dW and of grads["dW"]."""
    key = KEY.search(text)
    return key[1] if key else PRIVATE.sub("", text.split(".")[-1].split("[")[0])


def stems(name: str) -> Iterator[str]:
    """What a gradient called `name` may be by."""
    own = own_name(name)
    for pattern in PATTERNS:
        if found := pattern.match(own):
            yield found[1]
    if own != name or KEY.search(name):
        yield own


def variable_of(name: str, known: Sequence[str]) -> str:
    """Which of the `known` variables a gradient called `name` is by, or ""."""
    by_name = {own_name(k): k for k in reversed(known)}
    lower: dict[str, list[str]] = {}
    for own, k in by_name.items():
        lower.setdefault(own.lower().replace("_", ""), []).append(k)
    found = list(stems(name))
    for stem in found:
        if stem in by_name:
            return by_name[stem]
    for stem in found:
        close = lower.get(stem.lower().replace("_", ""), [])
        if len(close) == 1:
            return close[0]
    return ""
