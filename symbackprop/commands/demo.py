"""The main job on the two-layer classifier: derive, write, generate, verify, judge a note's formulas, train on Iris, show the curvature.

One run writes a folder; the same seed gives the same bytes, the times and versions in report.json aside.
"""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import numpy as np

from symbackprop.api import Model, check, check_note, derive, generate, load, verify
from symbackprop.commands.data import Data, load_data
from symbackprop.commands.hessian_picture import Spectrum, hessian_picture, spectrum
from symbackprop.commands.picture import training_chart
from symbackprop.commands.stages import Stages
from symbackprop.commands.train import History, accuracy, initial_parameters, split, standardise, train
from symbackprop.emit import render, write
from symbackprop.errors import TargetError
from symbackprop.notes.checked import NoteReport
from symbackprop.verification.verdict import GREEN, Report, Verdict, guarded

PARTS = ("sympy", "numpy", "jinja2", "opt_einsum")
"""The libraries whose versions the report names."""


@dataclass(frozen=True)
class NoteClaim:
    """A formula of the note: what it is about, the model it speaks of, the claim in NumPy notation, and what a reader must find.

    `expected` is "holds", "holds-if" or "wrong"; a verdict that is another is a mistake of this program.
    """

    about: str
    model: str
    text: str
    expected: str


NOTE = (
    NoteClaim("the objective of one sample, with its 1/3", "one_sample", "J == -sum(y * log(yhat)) / 3", "wrong"),
    NoteClaim("the objective of one sample, without", "one_sample", "J == -sum(y * log(yhat))", "holds"),
    NoteClaim("cross entropy by prediction", "one_sample", "dJ/dyhat == -y / yhat", "holds"),
    NoteClaim("the same for a batch, 1/n forgotten", "two_layer", "dJ/dYhat == -Y / Yhat", "wrong"),
    NoteClaim("the same for a batch, summed over samples", "two_layer", "dJ/dYhat == -sum(Y / Yhat, axis=0)", "wrong"),
    NoteClaim("softmax's Jacobian", "one_sample", "dyhat/do == diag(yhat) - outer(yhat, yhat)", "holds"),
    NoteClaim("softmax with cross entropy", "one_sample", "dJ/do == yhat - y", "holds-if"),
    NoteClaim("the same, for a mean over n samples", "two_layer", "dJ/dO == (Yhat - Y) / n", "holds-if"),
    NoteClaim("the same for a batch, 1/n forgotten", "two_layer", "dJ/dO == Yhat - Y", "wrong"),
    NoteClaim("the output layer", "one_sample", "do/dh == W2", "holds"),
    NoteClaim("ReLU's Jacobian as printed, delta forgotten", "one_sample", "dh/dh0 == outer(ones(m), where(h0 > 0, 1, 0))", "wrong"),
    NoteClaim("ReLU's Jacobian, with its delta", "one_sample", "dh/dh0 == diag(where(h0 > 0, 1, 0))", "holds"),
    NoteClaim("the linear layer by one weight", "one_sample", "dh0/dW1[0, 0] == x[0] * eye(m)[0]", "holds"),
    NoteClaim(
        "the chain rule down to one weight",
        "one_sample",
        "dJ/dW1[0, 0] == (dJ/dyhat) @ (dyhat/do) @ (do/dh) @ (dh/dh0) @ (dh0/dW1[0, 0])",
        "holds",
    ),
    NoteClaim("the chain multiplied out", "one_sample", "dJ/dW1 == outer((W2.T @ (yhat - y)) * where(h0 > 0, 1, 0), x)", "holds-if"),
    NoteClaim("the update as printed: uphill", "one_sample", "W1 <- W1 + eta * dJ/dW1", "wrong"),
    NoteClaim("the update downhill", "one_sample", "W1 <- W1 - eta * dJ/dW1", "holds"),
    NoteClaim("the batch: a sum over samples", "two_layer", "dJ/dW2 == (Yhat - Y).T @ H", "wrong"),
    NoteClaim("the batch: their mean", "two_layer", "dJ/dW2 == (Yhat - Y).T @ H / n", "holds-if"),
)
"""The formulas of a reader's note on backpropagation, as printed there, and next to a wrong one the right one."""

WRITTEN = "backpropagation_note.md"
"""The note itself, in Chinese, which is checked as it is."""
MISTAKES = frozenset({4, 13, 17, 19, 27})
"""The numbers of its wrong formulas; nothing else in it may be wrong or undecided."""


@dataclass(frozen=True)
class Run:
    """A way to train: its name, learning rate, and samples in a step (None: all)."""

    name: str
    rate: float
    batch: int | None


@dataclass(frozen=True)
class Outcome:
    """What a demo found: verdicts on derivation and claims, runs with their held-out accuracy, eigenvalues, the checked note."""

    report: Report
    note: Report
    written: NoteReport
    runs: Sequence[tuple[Run, History, float | None]]
    curvature: Spectrum


RUNS = (Run("full batch", 0.5, None), Run("mini-batches of 8", 0.1, 8))
EPOCHS = 100


def examples_root() -> Path:
    """The folder of examples: inside the installed package, else beside it in the checkout.

    Raises: TargetError where there is neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples", package.parent / "examples"):
        if (folder / "two_layer.toml").is_file():
            return folder
    raise TargetError("the examples are not installed", place=str(package), fix="install symbackprop from its wheel or its checkout")


def _nothing(text: str) -> None:
    """Say nothing."""


def run(folder: str | Path = "demo-output", *, seed: int = 0, say: Callable[[str], None] = print, quiet: bool = False) -> int:
    """Do the main job, write `folder`, `say` the tables, show the stages on stderr (`quiet`: neither); the result is an exit status.

    0: everything came out as it must; 1: something is wrong that should hold, or the other way round; 3: something is unknown.
    Raises: TargetError where the folder can't be written.
    """
    folder, stages, say = Path(folder), Stages(quiet), _nothing if quiet else say
    make_folder(folder)
    with stages.stage("read"):
        models = {name: load(examples_root() / f"{name}.toml") for name in ("two_layer", "one_sample")}
        model = models["two_layer"]
    stages.done("read", ", ".join(f"{name}.toml" for name in models))
    with stages.stage("derive"):
        derivation = derive(model)
    stages.done("derive", f"{len(derivation.steps)} steps, gradients of {', '.join(derivation.wrt)}")
    with stages.stage("write"):
        for ending, text in (("md", derivation.markdown()), ("html", derivation.html()), ("tex", derivation.tex())):
            write(folder / f"derivation.{ending}", text)
    stages.done("write", "derivation.md, derivation.html, derivation.tex")
    with stages.stage("generate"):
        generated = generate(derivation, also=["hessian"])
        path, module = generated.write(folder), generated.load()
    stages.done("generate", f"{path.name}, {len(generated.source.splitlines())} lines")
    with stages.stage("verify"):
        report = verify(derivation, seed=seed, also=["hessian"])
    stages.done("verify", counted(report))
    with stages.stage("claims"):
        note = judge(models, seed)
    stages.done("claims", counted(note))
    with stages.stage("train"):
        samples = flowers(model, seed)
        runs = train_twice(model, module, samples, seed)
    stages.done("train", f"{len(runs)} runs of {EPOCHS} epochs")
    with stages.stage("curvature"):
        trained = runs[0][1].params
        hessian = module.hessian(trained, **samples[0].arrays)
        bends = spectrum(hessian)
    stages.done("curvature", f"{len(bends.values)} x {len(bends.values)}, condition number {bends.condition:.2g}")
    title = "Iris: loss on the training flowers"
    chart = training_chart(title, [(legend(r, share), history.losses) for r, history, share in runs])
    write(folder / "training.svg", render("svg", "training.svg.jinja", vars(chart)))
    picture = hessian_picture(
        f"Iris: the Hessian after {EPOCHS} epochs", hessian, list(zip(trained._fields, map(np.size, trained), strict=True))
    )
    write(folder / "hessian.svg", render("svg", "hessian.svg.jinja", vars(picture)))
    with stages.stage("note"):
        written = check_note(examples_root() / WRITTEN)
        write(folder / WRITTEN.replace(".md", ".checked.md"), written.markdown())
    stages.done("note", f"{len(written.verdicts)} formulas")
    outcome = Outcome(report, note, written, runs, bends)
    write(folder / "report.json", report_text(outcome, seed, stages.seconds))
    say(summary(outcome, folder))
    return max(exit_status(report, note), 0 if mistakes(written) == MISTAKES else 1)


def make_folder(folder: Path) -> None:
    """Make `folder` if it is missing. Raises TargetError where that can't be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"can't be made: {error.strerror or error}", place=str(folder), fix="name another folder with -o") from error


def judge(models: Mapping[str, Model], seed: int) -> Report:
    """A verdict on each formula of the note, in its order. What can't be put to the verifier is unknown."""

    def verdict(claim: NoteClaim) -> Verdict:
        return guarded(claim.text, lambda: check(models[claim.model], claim.text, seed=seed).verdicts[0])

    return Report(tuple(verdict(claim) for claim in NOTE))


def flowers(model: Model, seed: int) -> tuple[Data, Data]:
    """Iris in two parts, to train with and held out, each column scaled to mean 0 and deviation 1 by the first."""
    training, held = split(load_data(examples_root() / "iris.csv", model.program), 1 / 3, seed)
    training, held = standardise(training, model.program, held)
    return training, held


def train_twice(model: Model, module: ModuleType, samples: tuple[Data, Data], seed: int) -> list[tuple[Run, History, float | None]]:
    """Each run of RUNS from the same initial parameters, with its accuracy on what is held out."""
    program = model.program
    training, held = samples
    start = initial_parameters(module, training, program, seed)
    made = []
    for r in RUNS:
        history = train(module, training, program, rate=r.rate, epochs=EPOCHS, batch=r.batch, seed=seed, params=start)
        made.append((r, history, accuracy(module, history.params, held, program)))
    return made


def as_expected(claim: NoteClaim, verdict: Verdict) -> bool:
    """Whether `verdict` is what a reader must find; proved, exact and holds are the same to a reader."""
    found = "holds" if verdict.status in GREEN and verdict.status != "holds-if" else verdict.status
    return found == claim.expected


def mistakes(written: NoteReport) -> frozenset[int]:
    """The numbers of the formulas of a note that are wrong or undecided."""
    judged = written.judged.verdicts
    return frozenset(number for number, found in judged.items() if any(v.status in ("wrong", "unknown") for v in found))


def exit_status(report: Report, note: Report) -> int:
    """0 if the derivation is good and the note's formulas came out as they must, 1 if something differs, 3 if it is unknown."""
    differs = [v for c, v in zip(NOTE, note.verdicts, strict=True) if not as_expected(c, v)]
    if report.exit_status == 1 or any(v.status != "unknown" for v in differs):
        return 1
    return 3 if differs else report.exit_status


def counted(report: Report) -> str:
    """How many verdicts of each kind, in words."""
    return ", ".join(f"{count} {status}" for status, count in report.counts().items()) or "nothing was checked"


def percent(share: float | None) -> str:
    """A share as a percentage with one digit."""
    return "unknown" if share is None else f"{100 * share:.1f} %"


def legend(r: Run, share: float | None) -> str:
    """A run's line in the picture's legend."""
    return f"{r.name}, rate {r.rate:g} (held out: {percent(share)})"


def summary(outcome: Outcome, folder: Path) -> str:
    """The tables that the terminal shows in the end."""
    lines = ["", outcome.report.table(), "", "The note's formulas", "-------------------"]
    for claim, verdict in zip(NOTE, outcome.note.verdicts, strict=True):
        mark = "" if as_expected(claim, verdict) else f"   (expected: {claim.expected})"
        lines.append(f"{verdict.status:<9} {claim.about} ({claim.model}){mark}")
        lines.append(f"          {claim.text}")
        lines += [f"            {line}" for line in told(verdict)]
    lines += ["", "Training on Iris, a third held out", "----------------------------------"]
    for r, history, share in outcome.runs:
        losses = f"loss {history.losses[0]:.4f} -> {history.losses[-1]:.4f}"
        lines.append(f"{r.name:<18} rate {r.rate:<4g} {history.steps:>5} steps   {losses}   held-out accuracy {percent(share)}")
    bends = outcome.curvature
    lines += ["", "The Hessian of the trained network", "----------------------------------"]
    lines.append(f"{len(bends.values)} x {len(bends.values)}, eigenvalues from {bends.values[0]:.3g} to {bends.values[-1]:.3g}")
    lines.append(
        f"{bends.positive} above 0, {bends.negative} below, {bends.zero} zero to rounding (softmax does not see a shift of all logits)"
    )
    lines.append(f"condition number without the zeros: {bends.condition:.2g}")
    lines += ["", f"A note in Chinese, {WRITTEN}", "----------------------------------"]
    lines += outcome.written.lines(lang="en", quiet=True)
    lines += outcome.written.lines(lang="en")[-1:]
    lines.append(f"Its checked copy: {folder / WRITTEN.replace('.md', '.checked.md')}")
    return "\n".join([*lines, "", f"Everything is in {folder}/"])


def told(verdict: Verdict) -> list[str]:
    """What a reader wants to know of a verdict: conditions, the likely cause and the counterexample, or why it is unknown."""
    if verdict.status in ("wrong", "holds-if"):
        return verdict.grounds() if verdict.counterexample or verdict.conditions else verdict.lines()
    return [verdict.reason] if verdict.status == "unknown" else []


def report_text(outcome: Outcome, seed: int, seconds: Mapping[str, float]) -> str:
    """report.json: every verdict, losses, accuracies, eigenvalues, seconds of each stage, versions."""
    judged = zip(NOTE, outcome.note.verdicts, strict=True)
    claims = [{**asdict(c), "as_expected": as_expected(c, v), "verdict": v.as_dict()} for c, v in judged]
    training = [
        {**asdict(r), "epochs": h.epochs, "steps": h.steps, "losses": list(h.losses), "held_out_accuracy": share}
        for r, h, share in outcome.runs
    ]
    bends = outcome.curvature
    hessian = {"eigenvalues": bends.values.tolist(), "condition_without_zeros": bends.condition}
    held = {"seed": seed, "verification": outcome.report.as_dict(), "note": claims, "training": training, "hessian": hessian}
    held |= {"written": {**outcome.written.record("en"), "file": WRITTEN}}
    held |= {"seconds": {name: round(s, 3) for name, s in seconds.items()}, "versions": versions()}
    return json.dumps(held, indent=2, ensure_ascii=False) + "\n"


def versions() -> dict[str, str]:
    """The versions of Python, of this package and of the libraries it uses."""
    found = {"python": platform.python_version()}
    for name in ("symbackprop", *PARTS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
