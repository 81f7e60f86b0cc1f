"""docs/architecture.md shows the house as it stands: its picture is what the imports come to."""

import re

from tests.test_house import PACKAGE, ROOT, TREES, imported

PAGE = ROOT / "docs" / "architecture.md"
JOINED = {"__init__": "api", "expressions": "results", "result": "results"}
"""Modules at the root that are drawn as one with another."""
BELOW = {"errors", "files", "memo", "version", "__main__"}
"""What lies below every room, or starts the program."""

Edges = set[tuple[str, str]]


def room(module: str) -> str:
    """The room of a dotted module."""
    head = module.split(".")[1]
    return JOINED.get(head, head)


def imports() -> Edges:
    """Which room imports which."""
    found = {(room(module), room(other)) for module, tree in TREES.items() for other, _ in imported(tree, TREES)}
    return {(a, b) for a, b in found if a != b and not {a, b} & BELOW}


def reduced(edges: Edges) -> Edges:
    """The edges between two rooms that no other path joins."""
    next_to: dict[str, set[str]] = {}
    for a, b in edges:
        next_to.setdefault(a, set()).add(b)

    def below(a: str) -> set[str]:
        return next_to.get(a, set()).union(*[below(b) for b in next_to.get(a, ())])

    return {(a, b) for a, b in edges if not any(b in below(c) for c in next_to[a] - {b})}


def drawn(text: str) -> Edges:
    """The arrows of the first Mermaid picture of a page."""
    picture = re.search(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\s*(\w+) --> (\w+)$", picture[1], re.MULTILINE)) if picture else set()


def test_the_picture_is_what_the_imports_come_to() -> None:
    assert drawn(PAGE.read_text(encoding="utf-8")) == reduced(imports())


def test_control_a_missing_and_a_needless_arrow_are_seen() -> None:
    assert reduced({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
    assert drawn("```mermaid\nflowchart BT\n    a --> b\n```\n") == {("a", "b")}


def test_every_room_stands_in_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rooms = {m.split(".")[1] for m in TREES if m.count(".") > 1}
    assert {r for r in rooms if f"| `{r}/` |" not in text} == set()
    assert f"import {PACKAGE}" in text
