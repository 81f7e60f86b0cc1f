"""The table of ATen ops, and the door where PyTorch is not installed: nothing here needs it."""

import inspect
import subprocess
import sys

import pytest

import symbackprop as sbp
from symbackprop.errors import SpecError
from symbackprop.language.graphs.naming import identifier, latex
from symbackprop.language.torch.aten.records import aten
from symbackprop.language.torch.aten.table import ATEN


def test_the_table_has_the_ops_of_networks():
    assert len(ATEN) >= 250
    assert {"linear", "conv2d", "layer_norm", "lstm", "scaled_dot_product_attention", "einsum", "index", "where"} <= ATEN.keys()


@pytest.mark.parametrize("name", sorted(ATEN))
def test_a_record_takes_the_ops_and_arguments_by_name(name):
    assert name.isidentifier()
    kinds = {p.kind for p in inspect.signature(ATEN[name]).parameters.values()}
    assert next(iter(inspect.signature(ATEN[name]).parameters)) == "ops" and kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


def test_an_op_has_one_record():
    with pytest.raises(ValueError, match="two records of relu"):
        aten("relu")(lambda ops, self: self)


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SpecError, match="PyTorch is not installed") as told:
        sbp.from_torch(None, ())
    assert "symbackprop[torch]" in told.value.fix


def test_torch_is_not_imported_unless_asked_for():
    code = "import sys, symbackprop.api; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_paths_and_no_two_are_one():
    taken = {"n"}
    assert identifier("fc1.weight", taken) == "fc1_weight"
    assert identifier("0.weight", taken) == "layer0_weight"
    assert identifier("fc1_weight", taken) not in ("fc1_weight", "n")


def test_weights_are_the_w_of_their_layer():
    assert latex("fc1.weight", ()) == r"W^{\mathrm{fc1}}"
    assert latex("attn.in_proj_bias", ()) == r"b_{\mathrm{inproj}}^{\mathrm{attn}}"
    assert latex("scale", ()) is None and latex("weight", ["W"]) is None
