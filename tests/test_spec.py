"""Tables to a spec: what they say, and every wrong key, type or value with its whole message."""

import pytest

from symbackprop.errors import ParseError, SpecError, SymbackpropError, UnknownNameError
from symbackprop.language.nodes import Call, Name
from symbackprop.language.spec import EquationSpec, TensorSpec, spec_from_tables
from symbackprop.language.toml import load_spec

TENSORS = {"X": {"axes": "n d", "role": "input"}, "w": {"axes": "d", "role": "parameter", "latex": "\\mathbf{w}"}}
EQUATIONS = {"Z": "X @ w", "J": "sum(Z)"}


def message(**tables) -> tuple[type, list[str]]:
    with pytest.raises(SymbackpropError) as caught:
        spec_from_tables(**{"tensors": TENSORS, "equations": EQUATIONS, **tables})
    return type(caught.value), str(caught.value).splitlines()


def test_tables_become_a_spec():
    spec = spec_from_tables(TENSORS, EQUATIONS, name="m", objective="J", output="Z", samples="n", axes={"d": 3}, latex={"Z": "z"})
    assert spec.tensors == {"X": TensorSpec("n d"), "w": TensorSpec("d", "parameter", (), "\\mathbf{w}")}
    assert spec.equations == (EquationSpec("Z", Call("matmul", (Name("X"), Name("w"))), "X @ w"), spec.equations[1])
    assert (spec.name, spec.objective, spec.output, spec.samples) == ("m", "J", "Z", "n")
    assert (spec.sizes, spec.latex) == ({"d": 3}, {"Z": "z"})


def test_what_is_left_out_has_a_default():
    spec = spec_from_tables({"x": "n"}, {})
    assert spec.tensors == {"x": TensorSpec("n", "input", ())} and spec.equations == ()
    assert (spec.name, spec.objective, spec.output, spec.samples, spec.sizes, spec.latex) == ("model", None, None, None, {}, {})


@pytest.mark.parametrize(
    "said",
    [
        {"fact": "simplex over c"},
        {"facts": "simplex over c"},
        {"facts": ["simplex over c"]},
        {"fact": ("simplex over c",)},
        {"fact": [], "facts": ["simplex over c"]},
    ],
)
def test_one_fact_or_several_in_any_spelling(said):
    assert spec_from_tables({"Y": {"axes": "n c", **said}}, {}).tensors["Y"].facts == ("simplex over c",)


MESSAGES = {
    "unknown key": (
        {"tensors": {"X": {"axes": "n d", "rol": "input"}}},
        UnknownNameError,
        ["UnknownNameError in tensor X: unknown key 'rol'", "    fix: did you mean role?"],
    ),
    "a key like none": (
        {"tensors": {"X": {"axes": "n d", "zzz": 1}}},
        UnknownNameError,
        ["UnknownNameError in tensor X: unknown key 'zzz'", "    fix: did you mean axes, role, fact, facts, latex?"],
    ),
    "no axes": (
        {"tensors": {"X": {"role": "input"}}},
        SpecError,
        ["SpecError in tensor X: a tensor needs its axes", '    fix: axes = "n d", or axes = "" for a scalar'],
    ),
    "axes not a text": (
        {"tensors": {"X": {"axes": ["n", "d"]}}},
        SpecError,
        ["SpecError in axes of X: a text belongs here, not ['n', 'd']", '    fix: write it in quotes, as in "n d"'],
    ),
    "role not a text": (
        {"tensors": {"X": {"axes": "n", "role": 3}}},
        SpecError,
        ["SpecError in role of X: a text belongs here, not 3", '    fix: write it in quotes, as in "n d"'],
    ),
    "fact not a text": (
        {"tensors": {"X": {"axes": "n", "facts": ["positive", 1]}}},
        SpecError,
        ["SpecError in facts of X: a text belongs here, not 1", '    fix: write it in quotes, as in "n d"'],
    ),
    "latex not a text": (
        {"latex": {"X": None}},
        SpecError,
        ["SpecError in latex of X: a text belongs here, not None", '    fix: write it in quotes, as in "n d"'],
    ),
    "equation not a text": (
        {"equations": {"J": 3}},
        SpecError,
        ["SpecError in equation J: a text belongs here, not 3", '    fix: write it in quotes, as in "n d"'],
    ),
    "name not a text": (
        {"name": 5},
        SpecError,
        ["SpecError in name: a text belongs here, not 5", '    fix: write it in quotes, as in "n d"'],
    ),
    "objective not a text": (
        {"objective": ["J"]},
        SpecError,
        ["SpecError in objective: a text belongs here, not ['J']", '    fix: write it in quotes, as in "n d"'],
    ),
    "tensors not a table": (
        {"tensors": ["X"]},
        SpecError,
        ["SpecError in tensors: it is list, not a table of names", "    fix: write a table [tensors]"],
    ),
    "a tensor not a table": (
        {"tensors": {"X": 3}},
        SpecError,
        ["SpecError in tensor X: it is int, not a table of names", '    fix: X = { axes = "n d" }'],
    ),
    "axes not a table": (
        {"axes": [3]},
        SpecError,
        ["SpecError in axes: it is list, not a table of names", "    fix: write a table [axes]"],
    ),
    "equation not an expression": (
        {"equations": {"J": "sum(X) // 2"}},
        ParseError,
        [
            "ParseError in equation J: this operator is not in the language",
            "    J = sum(X) // 2",
            "        ^^^^^^^^^^^",
            "    fix: write floor(x / y)",
        ],
    ),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_whole_messages(kind):
    tables, error, lines = MESSAGES[kind]
    assert message(**tables) == (error, lines)


@pytest.mark.parametrize("tables", [{"tensors": {3: "n"}}, {"equations": {3: "x"}}, {"axes": {3: 3}}, {"latex": {None: "x"}}])
def test_keys_are_names(tables):
    assert message(**tables)[0] is SpecError


def test_a_file_gives_what_its_tables_give(tmp_path):
    path = tmp_path / "least squares.toml"
    path.write_text('[axes]\nd = 3\n[tensors]\nX = { axes = "n d" }\nw = "d"\n[equations]\nZ = "X @ w"\nJ = "sum(Z)"\n', encoding="utf-8")
    assert load_spec(path) == spec_from_tables({"X": "n d", "w": "d"}, EQUATIONS, name="least_squares", axes={"d": 3})


FILES = {
    b'[tensors]\nX = { axes = "n d" \n': ("it is not TOML: ", " (line 2, column 20)"),
    b'[tensors]\nX = "\xff"\n': ("it is not UTF-8 ", "(line 2, column 6)"),
    b"": ("it has no table [tensors]", ""),
    b'[tensors]\nX = "n"\n': ("it has no table [equations]", ""),
    b'[tensor]\nX = "n"\n': ("unknown key 'tensor'", ""),
    b"x" * 100_000: ("it is not TOML: ", ""),
    b"x = " + b"[" * 10_000: ("it is not TOML: ", ""),
}


@pytest.mark.parametrize("raw", FILES, ids=range(len(FILES)))
def test_a_broken_file_is_named_with_line_and_column(raw, tmp_path):
    path = tmp_path / "model.toml"
    path.write_bytes(raw)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    start, end = FILES[raw]
    assert caught.value.place == str(path) and caught.value.reason.startswith(start) and caught.value.reason.endswith(end)
    assert caught.value.fix and len(str(caught.value)) < 900


def test_a_number_that_is_too_long_is_a_broken_file(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text("[axes]\nn = " + "9" * 5000, encoding="utf-8")
    with pytest.raises(SpecError, match="4300 digits") as caught:
        load_spec(path)
    assert caught.value.place == str(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('\ufeffname = "m"\n[tensors]\nx = "n"\n[equations]\nJ = "sum(x)"\n', encoding="utf-8")
    assert load_spec(path) == spec_from_tables({"x": "n"}, {"J": "sum(x)"}, name="m")


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(SpecError, match="can't read it") as caught:
            load_spec(path)
        assert caught.value.place == str(path)
