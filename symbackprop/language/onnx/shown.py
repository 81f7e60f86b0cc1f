"""How what stands in a file is shown in messages: names as short printable texts, nodes by name and op, element types by their names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

LONGEST = 60

TYPES: Mapping[int, str] = MappingProxyType(
    {
        1: "float32",
        2: "uint8",
        3: "int8",
        4: "uint16",
        5: "int16",
        6: "int32",
        7: "int64",
        8: "string",
        9: "bool",
        10: "float16",
        11: "float64",
        12: "uint32",
        13: "uint64",
        14: "complex64",
        15: "complex128",
        16: "bfloat16",
        17: "float8e4m3fn",
        18: "float8e4m3fnuz",
        19: "float8e5m2",
        20: "float8e5m2fnuz",
        21: "uint4",
        22: "int4",
        23: "float4e2m1",
    }
)
"""ONNX's element types; newer ones are quantised too."""
NARROW = frozenset((2, 3, 4, 5, 12, 13))
"""Whole numbers that wrap around early, or have no sign."""


def shown(text: str, longest: int = LONGEST) -> str:
    """A text of a file on one line, without what a terminal would take for commands, and not longer than that."""
    made = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return made if len(made) <= longest else made[: longest - 3] + "..."


def at(place: str, node: Any) -> dict[str, Any]:
    """Where an error stands."""
    name = node.name or next((o for o in node.output if o), "")
    return {"place": f"{place}, node '{shown(name)}' ({shown(node.op_type)})"}


def type_name(kind: int) -> str | None:
    """What an element type is called; None for none."""
    return TYPES.get(kind) or (f"type {kind}" if kind else None)
