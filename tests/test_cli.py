"""The command line: what goes where, exit statuses, and that nothing is left half-written."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symbackprop.commands import cli, options
from symbackprop.errors import SpecError

ROOT = Path(__file__).resolve().parent.parent
TWO_LAYER = str(ROOT / "examples" / "two_layer.toml")
IRIS = str(ROOT / "examples" / "iris.csv")
COMMANDS = ("derive", "generate", "verify", "train", "demo", "ops", "targets")
BOX = ("derive", "norm(A @ x - b)**2", "--shapes", "A: m n; x: n; b: m", "--wrt", "x")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], prog_name="symbackprop")


def process(*arguments: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "symbackprop", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)


def test_every_command_is_listed() -> None:
    said = call("--help").stdout
    assert [name for name in COMMANDS if f"\n  {name} " not in said] == []
    assert "2 wrong usage or input" in " ".join(said.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name: str) -> None:
    said = call(name, "--help")
    assert said.exit_code == 0 and f"  symbackprop {name}" in said.stdout


@pytest.mark.parametrize("wrong", [("verify",), ("verify", TWO_LAYER, "--no-such"), ("no-such",), ("derive", TWO_LAYER, "--lang", "xx")])
def test_wrong_usage_is_two(wrong: tuple[str, ...]) -> None:
    said = call(*wrong)
    assert said.exit_code == 2 and said.stdout == "" and "Traceback" not in said.stderr


def test_an_error_is_a_message_on_stderr_and_two(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('[tensors]\nx = { axes = "n" }\n[equations]\nJ = "sum(xx)"\n')
    said = call("derive", path)
    assert said.exit_code == 2 and said.stdout == ""
    assert "'xx'" in said.stderr and "    fix: " in said.stderr and "Traceback" not in said.stderr


def test_a_mistake_of_ours_is_not_taken_for_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.sources, "load", lambda path: 1 / 0)
    said = call("verify", TWO_LAYER)
    assert said.exit_code == 70 and "a mistake of symbackprop itself: ZeroDivisionError" in said.stderr and said.stdout == ""


def test_interrupted_is_one_line_and_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.sources, "load", interrupted)
    said = call("verify", TWO_LAYER)
    assert (said.exit_code, said.stderr, said.stdout) == (130, "interrupted\n", "")


def heeds_control_c() -> None:
    """In a child: Ctrl-C does what it does in a terminal, though a run in the background is born deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_control_c_ends_a_run_without_a_traceback() -> None:
    with process("train", TWO_LAYER, "--data", IRIS, "--epochs", "100000000", stdout=subprocess.PIPE, preexec_fn=heeds_control_c) as run:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(8)
            run.send_signal(signal.SIGINT)
            out, err = run.communicate(timeout=30)
        finally:
            run.kill()
    assert (run.returncode, out, err.splitlines()[-1]) == (130, "", "interrupted")


def test_the_derivation_is_markdown_on_stdout() -> None:
    said = call("derive", TWO_LAYER)
    assert said.exit_code == 0 and said.stdout.startswith("# ") and "$$" in said.stdout and said.stderr == ""


@pytest.mark.parametrize("name, start", [("page.html", "<!doctype html>"), ("page.tex", "\\documentclass"), ("page.md", "#")])
def test_the_ending_says_the_format(tmp_path: Path, name: str, start: str) -> None:
    assert call("derive", TWO_LAYER, "-o", tmp_path / name).stdout == ""
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert start in text.lower().splitlines()[0] or text.startswith(("#", "%"))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_gets_all_three_pages(tmp_path: Path) -> None:
    call("derive", TWO_LAYER, "-o", tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"derivation.md", "derivation.html", "derivation.tex"}


def test_languages_and_forms_differ() -> None:
    pages = {call("derive", TWO_LAYER, *more).stdout for more in [(), ("--lang", "zh"), ("--form", "index"), ("--form", "matrix")]}
    assert len(pages) == 4


def test_wrt_is_what_is_derived() -> None:
    assert call("derive", TWO_LAYER, "--wrt", "W2,b2").stdout == call("derive", TWO_LAYER, "--wrt", "W2", "--wrt", "b2").stdout
    assert call("derive", TWO_LAYER, "--wrt", "W2,b2").stdout != call("derive", TWO_LAYER).stdout


def test_one_expression_needs_no_file() -> None:
    said = call(*BOX)
    assert said.exit_code == 0, said.stderr
    assert "matrix form:" in said.stdout and "A.T" in said.stdout


def test_the_second_derivative_of_an_expression() -> None:
    said = call(*BOX, "--order", "2")
    assert said.exit_code == 0 and said.stdout != call(*BOX).stdout


def test_the_blocks_of_a_hessian() -> None:
    said = call("derive", TWO_LAYER, "--wrt", "O", "--order", "2", "--form", "index")
    assert said.exit_code == 0, said.stderr
    assert r"\frac{\partial^{2} J}{\partial O_{sk} \partial O_{tl}} = " in said.stdout and "delta" in said.stdout


def test_what_else_is_derived_stands_on_the_page(tmp_path: Path) -> None:
    said = call("derive", TWO_LAYER, "--with", "hvp,vjp", "--with", "jacobian", "-o", tmp_path)
    assert said.exit_code == 0, said.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"derivation.md", "derivation.html", "derivation.tex"}
    text = (tmp_path / "derivation.md").read_text(encoding="utf-8")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[2:5] == [
        "## The Hessian times a vector",
        "## The Jacobian of the output",
        "## A vector times the Jacobian of the output",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("derive", TWO_LAYER, "--order", "3"), "--order 2 gives the Hessian"),
        (("derive", TWO_LAYER, "--with", "hvq"), "one of hvp"),
        ((*BOX, "--with", "hvp"), "only a model has these"),
        (("verify", TWO_LAYER, "--with", "hesian"), "one of hessian"),
        (("verify", TWO_LAYER, "--with", "hvp", "--claim", "dJ/dO == Yhat"), "give --claim or --with"),
    ],
)
def test_what_can_not_be_had_is_refused(arguments: tuple[str, ...], said: str) -> None:
    made = call(*arguments)
    assert (made.exit_code, made.stdout) == (2, "") and said in made.stderr and "Traceback" not in made.stderr


def test_an_expression_has_a_third_derivative() -> None:
    said = call("derive", "sum(x ** 4)", "--shapes", "x: n", "--order", "3")
    assert said.exit_code == 0 and r"\partial^{3}" in said.stdout


def test_more_is_verified_on_request() -> None:
    said = call("verify", TWO_LAYER, "--with", "jvp,vjp")
    assert said.exit_code == 0 and "self_check() of jvp, vjp" in said.stdout


def test_the_words_of_help_are_those_of_the_program() -> None:
    for name, words in (
        ("derive", options.kinds.on_pages()),
        ("generate", options.kinds.in_modules()),
        ("verify", options.kinds.in_modules()),
    ):
        assert f"withcommas:{','.join(words)}." in "".join(call(name, "--help").stdout.split())


def test_a_file_that_is_not_there_is_not_taken_for_an_expression() -> None:
    said = call("derive", "no_such.toml")
    assert said.exit_code == 2 and "no_such.toml" in said.stderr


@pytest.mark.parametrize("shapes", ["A m n", "A: m n; A: n", ": m", "A.b: m"])
def test_shapes_that_are_none_are_pointed_at(shapes: str) -> None:
    said = call("derive", "sum(A)", "--shapes", shapes)
    assert said.exit_code == 2 and "^" in said.stderr and "in --shapes" in said.stderr


def test_the_source_of_a_module_runs(tmp_path: Path) -> None:
    source = call("generate", TWO_LAYER).stdout
    assert call("generate", TWO_LAYER, "-o", tmp_path / "net.py").exit_code == 0
    assert call("generate", TWO_LAYER, "-o", tmp_path).exit_code == 0
    assert source == (tmp_path / "net.py").read_text() == (tmp_path / "two_layer.py").read_text()
    assert call("generate", TWO_LAYER, "--target", "no_such").exit_code == 2


def test_a_good_model_is_zero() -> None:
    said = call("verify", TWO_LAYER)
    assert said.exit_code == 0, said.stdout
    assert "dJ/dW1" in said.stdout or "W1" in said.stdout


@pytest.mark.parametrize(
    "claims, status",
    [
        (["dJ/dO == (Yhat - Y) / n"], 0),
        (["dJ/dO == Yhat - Y"], 1),
        (["dJ/dO == (Yhat - Y) / n", "W1 <- W1 + eta * dJ/dW1"], 1),
        (["W1 <- W1 - eta * dJ/dW1"], 0),
    ],
)
def test_claims_decide_the_status(claims: list[str], status: int) -> None:
    said = call("verify", TWO_LAYER, *(part for claim in claims for part in ("--claim", claim)))
    assert said.exit_code == status, said.stdout + said.stderr
    assert ("wrong" in said.stdout) == (status == 1)


@pytest.mark.parametrize(
    "claim", ["dJ/dO == Yhatt / n", "dJ/dQ == Yhat", "dJ/dO == (Yhat", "dJ/dO == sofmax(O)", "dJ/dO == sum(Yhat, axis=7)"]
)
def test_a_typo_in_a_claim_is_two_on_one_screen(claim: str) -> None:
    said = call("verify", TWO_LAYER, "--claim", "dJ/dO == (Yhat - Y) / n", "--claim", claim)
    assert said.exit_code == 2 and not said.stdout.strip(), said.stdout
    assert claim in said.stderr and "^" in said.stderr and "Traceback" not in said.stderr and len(said.stderr.splitlines()) <= 8


def test_a_lost_transpose_is_one() -> None:
    said = call("verify", TWO_LAYER, "--claim", "dJ/dH == dJ/dO @ W2.T")
    assert said.exit_code == 1 and "transpose: 'W2' for 'W2.T'" in said.stdout and "W2 is c h" in said.stdout


def test_an_unknown_verdict_is_three(monkeypatch: pytest.MonkeyPatch) -> None:
    from symbackprop.verification.verdict import Report, Verdict

    unknown, wrong = Verdict("unknown", "a", "no idea"), Verdict("wrong", "b", "not so")
    monkeypatch.setattr(cli.api, "verify", lambda derivation, also: Report((unknown,)))
    assert call("verify", TWO_LAYER).exit_code == 3
    monkeypatch.setattr(cli.api, "verify", lambda derivation, also: Report((unknown, wrong)))
    assert call("verify", TWO_LAYER).exit_code == 1


def test_verdicts_as_json(tmp_path: Path) -> None:
    call("verify", TWO_LAYER, "--claim", "dJ/dO == Yhat - Y", "-o", tmp_path / "verdicts.json")
    assert json.loads((tmp_path / "verdicts.json").read_text())["verdicts"][0]["status"] == "wrong"


def test_training_says_losses_and_accuracy(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    said = call("train", TWO_LAYER, "--data", IRIS, "--epochs", "30", "--batch", "16", "--hold", "0.33", "--standardise", "-o", path)
    assert said.exit_code == 0, said.stderr
    assert "held out 48" in said.stdout and "after 30 epochs" in said.stdout and "accuracy" in said.stdout
    assert path.stat().st_size > 0


def test_the_same_seed_trains_the_same() -> None:
    runs = [call("train", TWO_LAYER, "--data", IRIS, "--epochs", "5", "--batch", "16", "--seed", s).stdout for s in "112"]
    assert runs[0] == runs[1] != runs[2]


def test_every_op_and_target_is_listed() -> None:
    assert {"softmax", "einsum", "relu"} <= {line.split()[0] for line in call("ops").stdout.splitlines()}
    assert "numpy" in call("targets").stdout.split()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs the permissions of a POSIX system")
@pytest.mark.parametrize(
    "arguments", [("derive", TWO_LAYER), ("generate", TWO_LAYER), ("verify", TWO_LAYER, "--claim", "J == J"), ("demo",)]
)
def test_a_place_that_cannot_be_written_is_two(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("kept")
    said = call(*arguments, "-o", tmp_path / "file" / "below.txt")
    assert said.exit_code == 2 and "TargetError" in said.stderr and "Traceback" not in said.stderr
    assert (tmp_path / "file").read_text() == "kept" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_behind_stdout_is_two() -> None:
    with Path("/dev/full").open("w") as full:
        run = process("ops", stdout=full)
        _, err = run.communicate(timeout=30)
    assert run.returncode == 2 and err.startswith("TargetError: standard output can't be written")


def test_a_reader_that_goes_away_is_no_error() -> None:
    run = process("ops", stdout=subprocess.PIPE)
    run.stdout.close()
    assert run.wait(30) == 0 and run.stderr.read() == ""
    run.stderr.close()


def test_an_output_that_knows_no_chinese_gets_utf8() -> None:
    run = process(
        "derive",
        TWO_LAYER,
        "--lang",
        "zh",
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "ascii:surrogateescape"},
        encoding="utf-8",
    )
    raw, err = run.communicate(timeout=30)
    assert run.returncode == 0, err
    assert any("\udc80" <= ch <= "\udcff" or ord(ch) > 127 for ch in raw)


def test_what_is_opened_later_is_not_run_before() -> None:
    text = "import sys, symbackprop.commands.cli; print('symbackprop.api' in sys.modules, hasattr(sys.modules.get('sympy'), 'Symbol'))"
    said = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "False"]
    with pytest.raises(ModuleNotFoundError):
        cli.opened_later("symbackprop.no_such")


def test_help_costs_less_than_half_a_second_beyond_python() -> None:
    def cost(*arguments: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    bare = min(cost("-c", "pass") for _ in range(3))
    assert min(cost("-m", "symbackprop", "--help") for _ in range(3)) - bare < 0.5


def test_errors_of_commands_are_typed() -> None:
    with pytest.raises(SpecError, match="shapes of its tensors"):
        cli.pages.expression_page("x", "", "", [], 1, "both")
