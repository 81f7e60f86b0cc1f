"""Whole messages: what a person reads who makes a mistake. One screen, the place, a caret, the fix, and no traceback."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symbackprop import emit
from symbackprop.commands import cli

ROOT = Path(__file__).resolve().parent.parent
TWO_LAYER = (ROOT / "examples" / "two_layer.toml").read_text(encoding="utf-8")

SPECS = [
    (
        "an unknown name",
        "relu(H0)",
        "relu(H9)",
        """UnknownNameError in equation H: nothing defines 'H9'
    H = relu(H9)
             ^^
    fix: did you mean H0?""",
    ),
    (
        "an unknown op",
        "relu(H0)",
        "rellu(H0)",
        """UnknownOpError in equation H: there is no op 'rellu'
    H = rellu(H0)
        ^^^^^
    fix: did you mean relu or relu6 or elu?""",
    ),
    (
        "an op that has no derivative",
        "relu(H0)",
        "sort(H0)",
        """UnknownOpError in equation H: op 'sort' puts entries in order: its derivative would be a permutation that no formula shows
    H = sort(H0)
        ^^^^
    fix: write x[places], with an index array as an argument""",
    ),
    (
        "an unknown axis",
        "simplex over c",
        "simplex over q",
        """FactError in tensor Y: Y has no axis 'q'
    simplex over q
    Y is n c
    fix: name one of the tensor's axes""",
    ),
    (
        "an axis out of range",
        "axis=-1",
        "axis=5",
        """AxisError in equation Yhat: there is no axis 5
    Yhat = softmax(O, axis=5)
           ^^^^^^^
    O is n c
    fix: axes go from 0 to 1, or from -2 to -1""",
    ),
    (
        "an unknown key",
        'role = "label"',
        'rol = "label"',
        """UnknownNameError in tensor Y: unknown key 'rol'
    fix: did you mean role?""",
    ),
    (
        "an unknown role",
        'role = "label"',
        'role = "labl"',
        """SpecError in tensor Y: there is no role 'labl'
    fix: use label""",
    ),
    (
        "an unknown fact",
        "simplex over",
        "simplx over",
        """FactError in tensor Y: there is no fact 'simplx'
    simplx over c
    fix: use simplex""",
    ),
    (
        "two sizes for one axis",
        'axes = "c h"',
        'axes = "c d"',
        """AxisError in equation O: axis 'h' has two sizes, h and d
    O = H @ W2.T + b2
        ^   ^
    H is n h (h = 5), W2 is c d (d = 4)
    fix: give W2 the shape "c h" with h = 5""",
    ),
    (
        "an objective that is no scalar",
        'objective = "J"',
        'objective = "O"',
        """SpecError in model two_layer: objective O is not a scalar, it has axes n c
    O = H @ W2.T + b2
    fix: take a sum or a mean of it, or name another equation as the objective""",
    ),
    (
        "an objective that is not there",
        'objective = "J"',
        'objective = "K"',
        """UnknownNameError in model two_layer: objective 'K' is no equation
    fix: use one of H0, H, O, Yhat, J""",
    ),
    (
        "equations in a circle",
        "relu(H0)",
        "relu(O)",
        """SpecError in equation O: equations need each other: H -> O -> H
    O = H @ W2.T + b2
        ^
    fix: break the cycle""",
    ),
    (
        "a tensor never used",
        "[equations]",
        'Z = { axes = "n d" }\n[equations]',
        """SpecError in model two_layer: tensor 'Z' is never used
    fix: use it in an equation, or remove it""",
    ),
    (
        "a keyword as a name",
        "W2",
        "lambda",
        """ParseError in equation O: this is not an expression
    O = H @ lambda.T + b2
            ^
    fix: lambda is a word of Python itself: choose another name, such as lam or lambda_""",
    ),
    (
        "a product without a sign",
        "relu(H0)",
        "relu(2H0)",
        """ParseError in equation H: this is not an expression
    H = relu(2H0)
             ^
    fix: a product has a sign: 2 * H0""",
    ),
    (
        "a product of matrices without a sign",
        "relu(H0)",
        "relu(H0 W2)",
        """ParseError in equation H: this is not an expression
    H = relu(H0 W2)
             ^
    fix: a product has a sign: H0 * W2, of matrices H0 @ W2""",
    ),
    (
        "an op as a name",
        "W2",
        "softmax",
        """SpecError in model two_layer: 'softmax' can't name a tensor: it is the name of an op
    fix: choose another name""",
    ),
    (
        "an axis as a name",
        "W2",
        "h",
        """SpecError in model two_layer: 'h' can't name a tensor: it is the name of an axis
    fix: choose another name""",
    ),
    (
        "an import",
        "relu(H0)",
        "__import__('os')",
        """ParseError in equation H: '__import__' is not a name of the language
    H = __import__('os')
        ^^^^^^^^^^
    fix: names are letters, digits and _""",
    ),
    (
        "an attribute",
        "relu(H0)",
        "H0.__class__.__bases__",
        """ParseError in equation H: attribute .__bases__ is not in the language
    H = H0.__class__.__bases__
        ^^^^^^^^^^^^^^^^^^^^^^
    fix: of attributes there are .T, .shape, .size and .ndim; methods are called: X.sum()""",
    ),
    (
        "a function without a name",
        "relu(H0)",
        "(lambda: 0)()",
        """ParseError in equation H: only a function that has a name can be called
    H = (lambda: 0)()
         ^^^^^^^^^
    fix: a product has a sign, * or, of matrices, @; a function is called by its name""",
    ),
    (
        "100,000 characters",
        "relu(H0)",
        "H0 + " * 20000 + "H0",
        """ParseError in equation H: 100002 characters, the most is 20000
    H = H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 + H0 ...
    fix: split it into several equations""",
    ),
    (
        "10,000 signs",
        "relu(H0)",
        "-" * 10000 + "H0",
        """ParseError in equation H: this is longer or deeper than 100 levels
    ...----------------------------------------------------------------------------------------------------...
                                                         ^
    fix: split it into several equations""",
    ),
    (
        "10,000 calls",
        "relu(H0)",
        "relu(" * 10000 + "H0" + ")" * 10000,
        """ParseError in equation H: 60002 characters, the most is 20000
    H = relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(relu(rel...
    fix: split it into several equations""",
    ),
    (
        "an open bracket",
        "relu(H0)",
        "relu(H0",
        """ParseError in equation H: this is not an expression
    H = relu(H0
            ^
    fix: close each bracket that is opened""",
    ),
    (
        "a size that is no number",
        "c = 3",
        'c = "3"',
        """AxisError in axes: the size of 'c' is '3', not a positive whole number
    fix: write c = 4""",
    ),
    (
        "a size below one",
        "c = 3",
        "c = -3",
        """AxisError in axes: the size of 'c' is -3, not a positive whole number
    fix: write c = 4""",
    ),
    (
        "no equations",
        "[equations]",
        "[latex]",
        """SpecError in model.toml: it has no table [equations]
    fix: add [equations]""",
    ),
]
"""What is wrong, what it stands in the place of in the two-layer model, and what is said."""


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two-layer model in an empty folder, as the current one."""
    (tmp_path / "model.toml").write_text(TWO_LAYER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    """A command; whatever it is, a mistake gives status 2, nothing on stdout, one screen on stderr."""
    said = CliRunner().invoke(cli.app, arguments, prog_name="symbackprop")
    assert (said.exit_code, said.stdout) == (2, ""), said.output
    assert "Traceback" not in said.stderr and len(said.stderr.splitlines()) < 12
    assert max(map(len, said.stderr.splitlines())) < 140
    return said


@pytest.mark.parametrize("old, new, message", [s[1:] for s in SPECS], ids=[s[0] for s in SPECS])
def test_a_mistake_in_a_model(desk: Path, old: str, new: str, message: str) -> None:
    assert old in TWO_LAYER
    (desk / "model.toml").write_text(TWO_LAYER.replace(old, new, -1 if old == "W2" else 1), encoding="utf-8")
    assert call("derive", "model.toml", "-o", "page.md").stderr == message + "\n"
    assert [p.name for p in desk.iterdir()] == ["model.toml"]


def test_a_model_that_is_not_utf8(desk: Path) -> None:
    (desk / "model.toml").write_bytes(TWO_LAYER.encode() + b"\n# \xff\n")
    assert call("verify", "model.toml").stderr == (
        f"SpecError in model.toml: it is not UTF-8 (line {TWO_LAYER.count(chr(10)) + 2}, column 3)\n    fix: save it as UTF-8\n"
    )


def test_a_model_that_is_not_toml(desk: Path) -> None:
    (desk / "model.toml").write_text(TWO_LAYER.replace("[equations]", "[equations", 1), encoding="utf-8")
    first, *rest = call("verify", "model.toml").stderr.splitlines()
    line = 1 + TWO_LAYER[: TWO_LAYER.index("[equations]")].count("\n")
    # What is said in the middle is Python's, and differs from version to version.
    assert first.startswith("SpecError in model.toml: it is not TOML: ") and first.endswith(f"(line {line}, column 11)")
    assert rest == ["    [equations", "              ^", '    fix: write tables such as [axes], and values such as axes = "n d"']


def test_a_model_that_is_not_there() -> None:
    assert call("verify", "none.toml").stderr == (
        "SpecError in none.toml: can't read it: No such file or directory\n    fix: give the path of a TOML file\n"
    )


def test_a_disk_that_is_full(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(emit.os, "fsync", full)
    assert call("derive", "model.toml", "-o", "page.md").stderr == (
        "TargetError in output: can't write page.md: No space left on device\n    fix: name a folder that is writable and has space (-o)\n"
    )
    assert [p.name for p in desk.iterdir()] == ["model.toml"]


def test_a_folder_that_is_a_file(desk: Path) -> None:
    (desk / "file").touch()
    assert call("generate", "model.toml", "-o", "file/net.py").stderr == (
        "TargetError in output: can't write file/net.py: File exists\n    fix: name a folder that is writable and has space (-o)\n"
    )


def test_an_unknown_target() -> None:
    assert call("generate", "model.toml", "--target", "nunpy").stderr == (
        "UnknownTargetError in targets: no target 'nunpy'\n    fix: one of numpy\n"
    )


def test_an_expression_without_shapes() -> None:
    assert call("derive", "norm(A @ x)").stderr == (
        "SpecError in the expression: an expression needs the shapes of its tensors (or the file does not exist)\n"
        '    norm(A @ x)\n    fix: add --shapes "A: m n; x: n", or name a TOML file\n'
    )


def test_shapes_that_are_none() -> None:
    assert call("derive", "norm(A @ x)", "--shapes", "A m n; x: n").stderr == (
        "ParseError in --shapes: 'A m n' is not NAME: SHAPES\n    A m n; x: n\n    ^^^^^\n    fix: write as in \"A: m n; x: n; b: m\"\n"
    )
