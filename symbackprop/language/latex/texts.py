"""Words: what a run of letters or a piece of prose is."""

import re
from collections.abc import Collection, Iterator

from symbackprop.language.latex import commands as known

WORD = re.compile(r"[^\W\d_][\w.\-]*\Z")
LONGEST = 24


def kind_of_word(word: str, declared: Collection[str] = ()) -> str:
    """function, text (a word between claims) or name."""
    if word in declared:
        return "name"
    if word in known.FUNCTIONS_SET:
        return "function"
    return "text" if plain(word) in known.IF | known.AND | known.THEN else "name"


def plain(prose: str) -> str:
    """Prose without capitals and without the punctuation round it."""
    return (prose.strip(" \t\n,.:;：，。；、()") or prose.strip()).lower()


def split_run(letters: str, words: Collection[str], declared: Collection[str], called: bool, whole: bool) -> Iterator[tuple[int, int]]:
    """Where the words and the single letters of a run of bare letters start and stop.

    `called`: a bracket follows the run; `whole`: in a script only the whole run may be a word.
    """
    if whole:
        yield from [(0, len(letters))] if letters in words or letters in known.NEVER_BARE else [(k, k + 1) for k in range(len(letters))]
        return
    at = 0
    while at < len(letters):
        size = next((n for n in range(min(LONGEST, len(letters) - at), 1, -1) if letters[at : at + n] in words), 1)
        word, last = letters[at : at + size], at + size == len(letters)
        if word in known.SHORT and word not in declared and not (last and called):
            size = 1
        if size == 1 and called and len(letters) - at <= LONGEST and letters[at:] in known.NEVER_BARE:
            size = len(letters) - at
        if word in known.BARE_TEXT and (at or not last):
            size = 1
        yield at, at + size
        at += size


def cleaned(prose: str) -> str:
    """Prose without comments, commands for space, backslashes and braces."""
    prose = re.sub(r"(?<!\\)%[^\n]*", "", prose)
    prose = re.sub(r"\\[,;:!> ]|[\s~]", " ", prose)
    return " ".join(re.sub(r"[\\{}]", "", prose).split())


def kind_of_prose(prose: str, declared: Collection[str] = ()) -> tuple[str, str]:
    r"""The kind and the text of what stands in \text{...}."""
    bare = prose.strip()
    if any("\u4e00" <= c <= "\u9fff" for c in bare):
        return "text", bare
    if WORD.match(bare):
        return kind_of_word(bare, declared), bare
    if bare.isdecimal():
        return "number", bare
    if bare in (",", "."):
        return ("comma" if bare == "," else "period"), bare
    return "text", bare
