"""A csv file as a table of cells: what its columns stand apart by, whether it has a header, what its numbers are written with.

What was understood is said, and nothing is guessed where it could be otherwise.
"""

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from symbackprop.errors import DataError

MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}
"""What columns may stand apart by."""
SAMPLE = 65536
DECIMAL = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?\Z")
THOUSANDS = re.compile(r"[-+]?\d{1,3},\d{3}\Z")


@dataclass(frozen=True)
class Table:
    """The names of columns, the lines with their numbers in the file, and what was understood, in words."""

    header: list[str]
    lines: list[tuple[int, list[str]]]
    told: str


def read_table(path: Path, headed: bool | None = None, label: str | None = None) -> Table:
    """The table of a csv file; `headed` says whether the first line names the columns, None to look: it does if `label` stands there.

    Raises DataError, with the line, for what is no table: other encodings, lines of other lengths, no samples.
    """
    text = _text(path)
    mark = _mark(text)
    try:
        reader = csv.reader(io.StringIO(text), delimiter=mark, skipinitialspace=True)
        lines = [(reader.line_num, [c.strip() for c in cells]) for cells in reader if any(c.strip() for c in cells)]
    except csv.Error as error:
        raise DataError(f"this is not a csv file: {error}", place=str(path), fix="save it as a csv file") from error
    if not lines:
        raise DataError("the file is empty", place=str(path), fix="give a header line and at least one sample")
    told = [MARKS[mark]]
    if mark != "," and _decimal_commas(lines, path):
        lines = [(k, [c.replace(",", ".") if DECIMAL.match(c) else c for c in cells]) for k, cells in lines]
        told.append("decimal commas")
    if headed is None:
        headed = True if label in lines[0][1] else has_header([cells for _, cells in lines])
    if headed is None:
        why = "the first line may be the names of columns, as pandas calls them, or a sample"
        raise DataError(why, place=str(path), source=mark.join(lines[0][1]), fix="say --header or --no-header, or name the columns")
    told.append("a header" if headed else "no header")
    header = lines.pop(0)[1] if headed else [f"column {k + 1}" for k in range(len(lines[0][1]))]
    for number, cells in lines:
        if len(cells) != len(header):
            what = f"the header has {len(header)}" if headed else f"line {lines[0][0]} has {len(header)}"
            raise DataError(
                f"line {number} has {len(cells)} cells, {what}",
                place=str(path),
                source=mark.join(cells),
                fix=f"give each line as many cells as the {'header' if headed else 'first'}",
            )
    if not lines:
        raise DataError("no samples: there is only a header", place=str(path), fix="give at least one sample")
    return Table(header, lines, ", ".join(told))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"the file is not UTF-8 (byte {error.start})", place=str(path), fix="save the file as UTF-8") from error


def _mark(text: str) -> str:
    """What columns stand apart by: what csv.Sniffer finds, if it takes the first lines apart alike, else what does."""
    sample = text[:SAMPLE] if len(text) <= SAMPLE else text[: text.rfind("\n", 0, SAMPLE) + 1] or text[:SAMPLE]
    sniffed: list[str] = []
    with suppress(csv.Error):  # one column, or lines that differ
        sniffed.append(csv.Sniffer().sniff(sample, delimiters="".join(MARKS)).delimiter)
    widths = {mark: _widths(sample, mark) for mark in MARKS}
    for mark in (*sniffed, *MARKS):
        # Decimal commas take lines apart too: 1,5;2,5 is two numbers.
        other = next((m for m in MARKS if m not in (",", mark) and len(widths[m]) == 1 and max(widths[m]) > 1), None)
        if len(widths[mark]) == 1 and max(widths[mark]) > 1:
            return other if mark == "," and other else mark
    return max(MARKS, key=lambda m: (max(widths[m], default=0) > 1, m == ","))


def _widths(sample: str, mark: str) -> set[int]:
    try:
        return {len(cells) for cells in csv.reader(io.StringIO(sample), delimiter=mark, skipinitialspace=True) if cells}
    except csv.Error:
        return set()


def _decimal_commas(lines: Sequence[tuple[int, list[str]]], path: Path) -> bool:
    """Whether numbers are written with commas; DataError where these could be thousands."""
    found = [(k, c) for k, cells in lines for c in cells if DECIMAL.match(c)]
    if found and all(THOUSANDS.match(c) for _, c in found):
        number, cell = found[0]
        fix = f"write it as {cell.replace(',', '.')} or {cell.replace(',', '')}"
        raise DataError(f"line {number}: {cell} may be a fraction or thousands", place=str(path), fix=fix)
    return bool(found)


def has_header(rows: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first line names columns: a word stands in it above numbers, or no number at all. None where it can be both.

    The numbers 0, 1, 2, ... are what pandas calls columns, beside a word that no line below has; alone they may be a sample.
    """
    first, rest = rows[0], rows[1:]
    numbers = [c for c in first if is_number(c)]
    if not numbers or not rest:
        return not numbers
    words = [k for k, c in enumerate(first) if c and not is_number(c)]
    below = {k: [row[k] for row in rest if k < len(row)] for k in words}
    if any(all(map(is_number, below[k])) for k in words):
        return True
    counted = len(numbers) > 1 and numbers == [str(k) for k in range(len(numbers))]
    if not counted or any(first[k] in below[k] for k in words):
        return False
    return True if words else None


def is_number(cell: str) -> bool:
    """Whether a cell is a number (nan and inf included)."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
