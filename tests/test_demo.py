"""The main job, end to end, and what it calls good."""

import json
from pathlib import Path

import pytest

from symbackprop.commands import demo
from symbackprop.errors import TargetError
from symbackprop.verification.verdict import Report, Verdict

FILES = {"derivation.md", "derivation.html", "derivation.tex", "two_layer.py", "training.svg", "hessian.svg", "report.json"}
FILES |= {"backpropagation_note.checked.md"}
GREEN, WRONG = Report((Verdict("proved", "a"),)), Report((Verdict("wrong", "a"),))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    folder, said = tmp_path_factory.mktemp("demo") / "out", []
    status = demo.run(folder, say=said.append)
    return folder, status, "\n".join(said)


def test_the_main_job_comes_out_good(done: tuple[Path, int, str]) -> None:
    folder, status, said = done
    assert status == 0, said
    assert {p.name for p in folder.iterdir()} == FILES


def test_every_formula_of_the_note_gets_the_verdict_a_reader_must_find(done: tuple[Path, int, str]) -> None:
    claims = json.loads((done[0] / "report.json").read_text())["note"]
    assert [(c["text"], c["verdict"]["status"], c["expected"]) for c in claims if not c["as_expected"]] == []
    assert len(claims) == len(demo.NOTE) and {c["expected"] for c in claims} == {"holds", "holds-if", "wrong"}


def test_a_wrong_formula_comes_with_a_counterexample_or_shapes(done: tuple[Path, int, str]) -> None:
    wrong = [c["verdict"] for c in json.loads((done[0] / "report.json").read_text())["note"] if c["verdict"]["status"] == "wrong"]
    assert [v["subject"] for v in wrong if not (v["counterexample"] or "axes" in v["reason"] or "shape" in v["reason"])] == []


def test_both_runs_learn_the_flowers(done: tuple[Path, int, str]) -> None:
    runs = json.loads((done[0] / "report.json").read_text())["training"]
    assert [r["batch"] for r in runs] == [None, 8]
    assert all(r["losses"][-1] < r["losses"][0] / 4 and r["held_out_accuracy"] > 0.9 for r in runs)
    assert runs[0]["losses"][0] == runs[1]["losses"][0]


def test_the_hessian_is_flat_where_softmax_sees_nothing(done: tuple[Path, int, str]) -> None:
    """A shift of all logits: one direction for each hidden unit, and one for the bias."""
    hessian = json.loads((done[0] / "report.json").read_text())["hessian"]
    values = hessian["eigenvalues"]
    assert len(values) == 43 and values == sorted(values, reverse=True)
    assert values.count(0.0) == 6
    sizes = [abs(v) for v in values if v]
    assert hessian["condition_without_zeros"] == pytest.approx(max(sizes) / min(sizes))


def test_the_report_tells_times_and_versions(done: tuple[Path, int, str]) -> None:
    report = json.loads((done[0] / "report.json").read_text())
    assert set(report["seconds"]) == {"read", "derive", "write", "generate", "verify", "claims", "train", "curvature", "note"}
    assert {"python", "numpy", "sympy"} <= set(report["versions"])


def test_the_terminal_shows_verdicts_claims_and_accuracy(done: tuple[Path, int, str]) -> None:
    said = done[2]
    assert (
        all(c.text in said for c in demo.NOTE) and "held-out accuracy" in said and "counterexample" in said and "condition number" in said
    )


def without(report: str, *keys: str) -> dict:
    return {k: v for k, v in json.loads(report).items() if k not in keys}


def test_the_same_seed_gives_the_same_bytes(done: tuple[Path, int, str], tmp_path: Path) -> None:
    demo.run(tmp_path, say=lambda text: None)
    for name in FILES - {"report.json"}:
        assert (tmp_path / name).read_bytes() == (done[0] / name).read_bytes(), name
    reports = [without((folder / "report.json").read_text(), "seconds", "versions") for folder in (tmp_path, done[0])]
    assert reports[0] == reports[1]


def note(*changed: tuple[int, str]) -> Report:
    """Verdicts as expected, but for the changed ones."""
    statuses = [{"holds": "proved"}.get(c.expected, c.expected) for c in demo.NOTE]
    for place, status in changed:
        statuses[place] = status
    return Report(tuple(Verdict(s, "a", conditions=("b",) if s == "holds-if" else ()) for s in statuses))


@pytest.mark.parametrize(
    "report, verdicts, status",
    [
        (GREEN, note(), 0),
        (WRONG, note(), 1),
        (GREEN, note((0, "proved")), 1),
        (GREEN, note((1, "wrong")), 1),
        (GREEN, note((1, "unknown")), 3),
        (GREEN, note((1, "unknown"), (2, "wrong")), 1),
        (Report(()), note(), 3),
    ],
)
def test_the_status_is_zero_only_if_all_is_as_it_must_be(report: Report, verdicts: Report, status: int) -> None:
    assert demo.exit_status(report, verdicts) == status


def test_the_examples_are_found_in_the_package_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "package" / "commands" / "demo.py"))
    with pytest.raises(TargetError, match="examples are not installed"):
        demo.examples_root()
    for folder in (tmp_path / "examples", tmp_path / "package" / "examples"):
        folder.mkdir(parents=True)
        (folder / "two_layer.toml").touch()
        assert demo.examples_root() == folder


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="can't be made"):
        demo.run(tmp_path / "file" / "out")
