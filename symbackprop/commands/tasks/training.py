"""What `symbackprop train` does: data read and split, the module trained, what came of it told."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symbackprop.api import derive, generate, load
from symbackprop.commands import train as training
from symbackprop.commands.data import Data, load_data
from symbackprop.commands.stages import Stages
from symbackprop.commands.tasks.constants import settings


@dataclass(frozen=True)
class Asked:
    """The options of `train`."""

    spec: str
    file: Path
    rate: float = 0.1
    epochs: int = 100
    batch: int | None = None
    seed: int = 0
    label: str | None = None
    header: bool | None = None
    given: tuple[str, ...] = ()
    hold: float = 0.0
    standardise: bool = False
    output: Path | None = None
    quiet: bool = False
    as_json: bool = False


def run(asked: Asked, say: Callable[[str], None], complain: Callable[[str], None]) -> None:
    """Train, and say what came of it; what was understood of the data goes to `complain`."""
    training.check_settings(asked.rate, asked.epochs, asked.batch, asked.seed)
    given, loaded = settings(asked.given), load(asked.spec)
    program = loaded.program
    samples, held = load_data(asked.file, program, label=asked.label, header=asked.header, given=given), None
    told = samples.told
    if told and not asked.quiet:
        complain(f"{asked.file}: {told}")
    if asked.hold:
        samples, held = training.split(samples, asked.hold, asked.seed)
    if asked.standardise:
        samples, *rest = training.standardise(samples, program, *([held] if held else []))
        held = rest[0] if rest else None
    with Stages(quiet=asked.quiet or not sys.stderr.isatty()).stage("deriving and generating"):
        module = generate(derive(loaded)).load()
    options: dict[str, Any] = {"rate": asked.rate, "epochs": asked.epochs, "batch": asked.batch, "seed": asked.seed}
    history = training.train(module, samples, program, **options, progress=None if asked.quiet else _shown(asked.epochs))
    if asked.output is not None:
        training.save_parameters(asked.output, history.params, samples.scaling)
    shares = {}
    for name, part in (("training", samples), ("held out", held)):
        share = training.accuracy(module, history.params, part, program) if part else None
        shares |= {name: share} if share is not None else {}
    if asked.as_json:
        say(json.dumps(_record(asked, history, samples, held, shares, told), indent=2, ensure_ascii=False))
    elif not asked.quiet:
        say("\n".join(_lines(asked, history, samples, held, shares)))
    first, last = history.losses[0], history.losses[-1]
    if last > first:
        complain(f"the loss grew, from {first:.6g} to {last:.6g}: take a smaller --lr than {asked.rate:g}, or --standardise")


def _shown(epochs: int) -> Callable[[int, float], None]:
    """One line on stderr, where somebody is looking."""

    def show(epoch: int, loss: float) -> None:
        if sys.stderr.isatty():
            print(f"\repoch {epoch}/{epochs}  loss {loss:.6g}   ", end="\n" if epoch == epochs else "", file=sys.stderr, flush=True)

    return show


def _lines(asked: Asked, history: training.History, samples: Data, held: Data | None, shares: dict[str, float]) -> list[str]:
    """What came of it, for people."""
    lines = [f"samples  {samples.count}" + (f", held out {held.count}" if held else "")]
    lines += [f"steps    {history.steps} of {asked.batch or 'all'} samples, rate {asked.rate:g}, seed {asked.seed}"]
    lines += [f"loss     {history.losses[0]:.6g} -> {history.losses[-1]:.6g} after {asked.epochs} epochs"]
    return [*lines, *[f"accuracy {100 * share:.1f} % {name}" for name, share in shares.items()]]


def _record(
    asked: Asked, history: training.History, samples: Data, held: Data | None, shares: dict[str, float], told: str
) -> dict[str, Any]:
    """What came of it, for programs."""
    return {
        "data": {"file": str(asked.file), "understood": told, "samples": samples.count, "held_out": held.count if held else 0},
        "settings": {"rate": asked.rate, "epochs": asked.epochs, "batch": asked.batch, "seed": asked.seed, "constants": list(asked.given)},
        "steps": history.steps,
        "losses": list(history.losses),
        "accuracy": {name.replace(" ", "_"): share for name, share in shares.items()},
        "parameters": str(asked.output) if asked.output else None,
    }
