"""The node tests of the ONNX backend, as they stand in the package onnx: what becomes of each of them here."""

import re
import warnings
from typing import NamedTuple

import numpy as np
import onnx

import symbackprop as sbp
from symbackprop.errors import SymbackpropError, VerifyError
from symbackprop.language.onnx.importing import safe
from symbackprop.language.onnx.nodes.table import NODES
from symbackprop.verification.oracle.literal import evaluate

CONSTANT = "depends on no argument"
PASSED, REFUSED, WRONG = "passed", "refused", "wrong"


class Told(NamedTuple):
    """What became of a test, and why."""

    name: str
    verdict: str
    reason: str = ""


def cases():
    """The tests whose ops all have records."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [c for c in collect_testcases(None) if all(n.op_type in NODES and n.domain == "" for n in c.model.graph.node)]


def with_output(model, k):
    """The model with one of its outputs alone."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.output[:]
    made.graph.output.append(model.graph.output[k])
    return made


def value(model, arrays):
    """The array that an imported model gives, or the scalar, by the literal evaluator."""
    found = evaluate(model.program, arrays)
    return found[model.spec.output if model.spec.upstream else model.spec.objective]


def given(model, file, inputs):
    """The leaves of an imported model: inputs of the file by name, what it came with, and an upstream gradient of ones."""
    arrays = {safe(i.name): np.asarray(a) for i, a in zip(file.graph.input, inputs, strict=False)}
    arrays |= model.values
    return {k: v.astype(np.float64) if v.dtype.kind == "b" else v for k, v in arrays.items() if k in model.program.tensors}


def frozen(file, inputs, whole):
    """The model with what its ops have to know as initializers, the test's own data for it; `whole`: whole numbers too."""
    made = onnx.ModelProto()
    made.CopyFrom(file)
    version = {o.domain: o.version for o in file.opset_import}[""]
    wanted = set()
    for node in made.graph.node:
        formals = onnx.defs.get_schema(node.op_type, version, "").inputs
        record = NODES[node.op_type]
        wanted |= {
            i for i, formal in zip(node.input, formals, strict=False) if formal.name in record.known | (record.either if whole else set())
        }
    rest = []
    for info, array in zip(file.graph.input, inputs, strict=False):
        array = np.asarray(array)
        if info.name in wanted or (whole and array.dtype.kind in "iu" and array.ndim <= 1):
            made.graph.initializer.append(onnx.numpy_helper.from_array(array, info.name))
        else:
            rest.append(info)
    del made.graph.input[:]
    made.graph.input.extend(rest)
    return made


def raised(file):
    """The model with opset 13, where its ops are in this as they were before."""
    version = {o.domain: o.version for o in file.opset_import}.get("", 13)
    since = [{onnx.defs.get_schema(n.op_type, v, "").since_version for v in (version, 13)} for n in file.graph.node] if version < 13 else []
    if since and all(len(s) == 1 for s in since):
        file.opset_import[0].version = 13
    return file


def compared(file, names, inputs, wanted, case, folder):
    """What becomes of one output of a test."""
    path = folder / "case.onnx"
    onnx.save(file, path)
    model = sbp.load(path)
    arrays = given(model, names, inputs)
    if any(t.role == "index" and (arrays[t.name] < 0).any() for t in model.program.leaves if t.name in arrays):
        return Told(case.name, REFUSED, "data: places count from 0")
    if not all(np.isfinite(a).all() for a in (*arrays.values(), wanted) if a.dtype.kind == "f"):
        return Told(case.name, REFUSED, "data: numbers that are not finite")
    if model.spec.upstream:
        arrays[model.spec.upstream] = np.random.default_rng(7).normal(size=wanted.shape)
    try:
        found = value(model, arrays)
    except VerifyError:  # too large a grid: the generated module, then
        module = sbp.generate(sbp.derive(model, [t.name for t in model.program.leaves if t.role == "input"][:1])).load()
        parameters = module.Parameters(*[arrays[n] for n in module.Parameters._fields])
        found = np.asarray(module.loss(parameters, **{k: v for k, v in arrays.items() if k not in module.Parameters._fields}))
        wanted = np.sum(wanted * arrays[model.spec.upstream]) if model.spec.upstream else wanted
    if found.shape != wanted.shape and found.size == wanted.size == 1:
        found = found.reshape(wanted.shape)
    if found.shape == wanted.shape and np.allclose(found, wanted.astype(float), rtol=max(case.rtol, 1e-5), atol=1e-6):
        return Told(case.name, PASSED)
    return Told(case.name, WRONG, f"{found.reshape(-1)[:6]} of {found.shape} is not {wanted.reshape(-1)[:6]} of {wanted.shape}")


def told(case, folder):
    """What becomes of one test: each of its outputs is imported, and compared with what ONNX says.

    Where an op has to know what the test gives as data (axes, a shape), the import is tried again with that as initializers. Of several
    outputs one that is right counts, where none is wrong: places of largest entries are refused.
    """
    inputs, outputs = case.data_sets[0]
    found = []
    for k, wanted in enumerate(outputs):
        verdict = Told(case.name, REFUSED)
        try:
            file = raised(with_output(case.model, k))
            made = [file, frozen(file, inputs, False), frozen(file, inputs, True)]
        except (onnx.defs.SchemaError, TypeError):
            made = [with_output(case.model, k)]
        for one in made:
            try:
                verdict = compared(one, one if len(made) == 1 else file, inputs, np.asarray(wanted), case, folder)
            except SymbackpropError as e:
                verdict = verdict if CONSTANT in e.reason and verdict.reason else Told(case.name, REFUSED, e.reason)
            if verdict.verdict != REFUSED:
                break
        found.append(verdict)
    return next(v for kind in (WRONG, PASSED, REFUSED) for v in found if v.verdict == kind)


GROUPS = {
    "numbers of other kinds": "dtype|whole numbers",
    "-inf": "-inf",
    "nothing in the test is an argument": CONSTANT,
    "depends on data": "depends on data|lengths of keys|in their order|no index array|a part that is resized",
    "an axis of size 0": "empty|kernel of one",
    "data that is not finite": "^data:",
    "what else": "",
}
"""Rows of the table in docs/onnx.md, by what stands in each, and in a reason."""


def grouped(found):
    """How many tests are refused, by what stands in the rows of the page."""
    made = dict.fromkeys(GROUPS, 0)
    for one in found:
        if one.verdict == REFUSED:
            made[next(row for row, pattern in GROUPS.items() if re.search(pattern, one.reason))] += 1
    return made
