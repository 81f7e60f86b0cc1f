"""What the words between the formulas say about conventions; where they say both, nothing follows."""

import re
from typing import Any

from symbackprop.notes.note import Note

SAID: tuple[tuple[str, str, str, re.Pattern], ...] = tuple(
    (key, value, told, re.compile(pattern, re.IGNORECASE))
    for key, value, told, pattern in (
        ("layout", "numerator", "layout", r"numerator[- ]layout|分子布局"),
        ("layout", "denominator", "layout", r"denominator[- ]layout|分母布局"),
        ("vectors", "column", "vectors", r"(?:are|as|is an?|be|assume\w*|all) column[- ]vectors?|(?:是|均为|都是|默认为?|看作)列向量"),
        ("vectors", "row", "vectors", r"(?:are|as|is an?|be|assume\w*|all) row[- ]vectors?|(?:是|均为|都是|默认为?|看作)行向量"),
        (
            "samples",
            "samples are rows",
            "samples",
            r"(?:each|every|one) row (?:\S+ ){0,4}(?:sample|example|data ?point|observation)|每一?行\S{0,6}样本",
        ),
        (
            "samples",
            "samples are columns",
            "samples",
            r"(?:each|every|one) column (?:\S+ ){0,4}(?:sample|example|data ?point|observation)|每一?列\S{0,6}样本",
        ),
        ("reduction", "single", "single", r"(?:single|one) (?:training )?(?:sample|example|data ?point|instance)|单样本|单个样本"),
        ("vec", "rows", "vec rows", r"lists the entries of a matrix row by row|按行依次列出矩阵"),
        ("y", "one-hot", "labels", r"one[- ]?hot|独热"),
        ("superscript", "layer", "layers", r"\blayers?\b|层"),
    )
)
"""A convention, its value, the sentence for it in notes/words.py, and the words that say it."""


def conventions(note: Note) -> dict[str, Any]:
    """Conventions that the prose of a note states, in the form of a context's."""
    prose, at = [], 0
    for start, stop in note.shown:
        prose.append(note.text[at:start])
        at = max(at, stop)
    words = " ".join(" ".join([*prose, note.text[at:]]).split())
    found: dict[str, list[str]] = {}
    for key, value, _, pattern in SAID:
        if pattern.search(words):
            found.setdefault(key, []).append(value)
    return {key: values[0] for key, values in found.items() if len(values) == 1}
