"""The table of ONNX's ops, and the door where onnx is not installed: nothing here needs it."""

import inspect
import subprocess
import sys

import pytest

from symbackprop.language.onnx.importing import safe
from symbackprop.language.onnx.nodes.records import node
from symbackprop.language.onnx.nodes.table import NODES, REFUSED
from symbackprop.language.onnx.shown import shown


def test_the_table_has_the_ops_of_networks():
    assert len(NODES) >= 140 and not NODES.keys() & REFUSED.keys()
    assert {"Gemm", "Conv", "LSTM", "LayerNormalization", "Attention", "Einsum", "Gather", "Resize"} <= NODES.keys()


@pytest.mark.parametrize("name", sorted(NODES))
def test_a_record_is_what_the_schema_says(name):
    onnx = pytest.importorskip("onnx")
    record, opsets = NODES[name], (13, 18, 28)
    parameters = list(inspect.signature(record.law).parameters)
    schemas = [onnx.defs.get_schema(name, v, "") for v in opsets if _has(onnx, name, v)]
    assert schemas and parameters[0] == "ops"
    formals = [{i.name for i in s.inputs} for s in schemas]
    for flagged in (record.known, record.either, record.numbers, record.constants, record.unread):
        assert flagged <= set().union(*formals)
    count = max(len(s.inputs) for s in schemas)
    assert set(parameters[1 + count :]) <= set().union(*[{*s.attributes} for s in schemas])


def _has(onnx, name, version):
    try:
        return onnx.defs.get_schema(name, version, "") is not None
    except onnx.defs.SchemaError:
        return False


def test_an_op_has_one_record():
    with pytest.raises(ValueError, match="two records of Relu"):
        node("Relu")(lambda ops, X: X)


def test_onnx_is_not_imported_unless_asked_for():
    code = "import sys, symbackprop.api; assert 'onnx' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_made_safe():
    assert safe("/fc1/Gemm_output_0") == "fc1_Gemm_output_0" and safe("0.weight") == "t0_weight" and safe("lambda") == "lambda_"
    assert safe("权重") == "" and len(safe("x" * 9000)) <= 61 and shown("a\x1b[31m\n") == "a?[31m?"
