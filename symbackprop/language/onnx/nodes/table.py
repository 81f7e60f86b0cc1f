"""The table of ONNX's ops: `NODES` has a record for each, from the files beside this; `REFUSED` says why others have none."""

from collections.abc import Mapping
from types import MappingProxyType

from symbackprop.language.onnx.nodes import (
    attention,
    creation,
    entrywise,
    layers,
    losses,
    moving,
    picking,
    recurrent,
    reductions,
    resizing,
    windows,
)
from symbackprop.language.onnx.nodes.records import RECORDS, Record

ROOMS = (entrywise, reductions, moving, picking, creation, windows, resizing, layers, attention, recurrent, losses)
"""The files that enter records as they are imported."""

NODES: Mapping[str, Record] = MappingProxyType(RECORDS)
"""Each op's record by its name, of the domain ai.onnx."""

QUANTISED = "it computes with quantised numbers"
RANDOM = "it draws random numbers"
DATA = "how many entries it gives depends on data"
SEQUENCE = "sequences and optional values are no arrays"
TEXT = "texts are no arrays of numbers"
PLACES = "it gives places, which nothing is derived by"
BITS = "it computes with the bits of numbers"
FLOW = "a graph inside a graph that runs again and again, or not at all"
COMPLEX = "it computes with complex numbers"

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("If", "Loop", "Scan", "SequenceMap"), FLOW),
        **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"), QUANTISED),
        **dict.fromkeys(("ConvInteger", "MatMulInteger"), QUANTISED),
        **dict.fromkeys(("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"), RANDOM),
        **dict.fromkeys(("NonZero", "NonMaxSuppression", "Unique"), DATA),
        **dict.fromkeys(("ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase"), SEQUENCE),
        **dict.fromkeys(("SequenceInsert", "SequenceLength", "SplitToSequence"), SEQUENCE),
        **dict.fromkeys(("Optional", "OptionalGetElement", "OptionalHasElement"), SEQUENCE),
        **dict.fromkeys(("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"), TEXT),
        **dict.fromkeys(("ArgMax", "ArgMin"), PLACES),
        **dict.fromkeys(("BitCast", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"), BITS),
        **dict.fromkeys(("DFT", "STFT"), COMPLEX),
        "ImageDecoder": "it decodes a picture",
        "IsInf": "real numbers are finite here",
        "IsNaN": "real numbers are numbers here",
    }
)
"""Why an op has no record, where the reason is more than that nobody has written one."""
