"""Source text as the formatter would leave it: lists on one line where they fit, else one item a line."""

from collections.abc import Sequence

WIDTH = 120


def bracketed(before: str, items: Sequence[str], after: str, indent: int = 0) -> list[str]:
    """`before` + items + `after`, e.g. "f(", [...], ")": on one line, or the items on the next, or one item a line."""
    line = f"{before}{', '.join(items)}{after}"
    if indent + len(line) <= WIDTH:
        return [line]
    inner = ", ".join(items)
    if indent + 4 + len(inner) <= WIDTH and after[0] == ")" and before.endswith("(") and before[:-1].rstrip()[-1:].isalnum():
        return [before, f"    {inner}", after]
    return [before, *[f"    {item}," for item in items], after]


def wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Words in lines of at most WIDTH - 8 columns, the first after `first`, the others after `rest`."""
    lines, line = [], first
    for word in text.split():
        if len(line) + len(word) + 1 > WIDTH - 8 and line.strip():
            lines.append(line.rstrip())
            line = rest
        line += word + " "
    return [*lines, line.rstrip()]
