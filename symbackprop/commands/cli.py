"""The command line: arguments in, one call, result out.

Results go to stdout or to what -o names, everything else to stderr. Exit status: 0 all good, 1 something is wrong,
2 wrong usage or input, 3 something is unknown (and nothing wrong), 70 a mistake of this program, 130 interrupted.
"""

import contextlib
import functools
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from symbackprop.commands.later import opened_later
from symbackprop.commands.options import (
    Form,
    Format,
    Language,
    OfKinds,
    OfModels,
    Report,
    check_ending,
    is_folder,
    words,
)
from symbackprop.commands.output import complain, say
from symbackprop.errors import SymbackpropError
from symbackprop.serve.installed import check_installed
from symbackprop.version import __version__

api = opened_later("symbackprop.api")
deriving = opened_later("symbackprop.commands.writing.deriving")
demonstration = opened_later("symbackprop.commands.demo")
emit = opened_later("symbackprop.emit")
ops_page = opened_later("symbackprop.commands.ops_page")
pages = opened_later("symbackprop.commands.pages")
serving = opened_later("symbackprop.serve.listening")
sources = opened_later("symbackprop.commands.python.sources")
stages = opened_later("symbackprop.commands.stages")
fitting = opened_later("symbackprop.commands.tasks.training")
verifying = opened_later("symbackprop.commands.tasks.verifying")

INTERRUPTED = 130
INTERNAL = 70
DEBUG = "SYMBACKPROP_DEBUG"
LONGEST_LINE = 400
EPILOG = "Exit status: 0 all good, 1 something is wrong, 2 wrong usage or input, 3 something is unknown."

app = typer.Typer(
    name="symbackprop",
    help="Derives, writes, generates and verifies gradients of models stated in NumPy notation, for symbolic sizes.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def told_version(asked: bool) -> None:
    """Say the version, and leave."""
    if asked:
        print(f"symbackprop {__version__}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[bool, typer.Option("--version", callback=told_version, is_eager=True, help="Say the version, and leave.")] = False,
) -> None:
    """What stands before a command; the help is the app's."""


Toml = Annotated[str, typer.Argument(metavar="SPEC", help="The model, a TOML file.")]
Spec = Annotated[str, typer.Argument(metavar="SPEC|FILE.py:NAME", help="A TOML or ONNX file, or a function or a module of a Python file.")]
Model = Annotated[
    str, typer.Argument(metavar="SPEC|FILE.py:NAME|EXPRESSION", help="As of generate, or one expression (then --shapes says the axes).")
]
Verified = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC|EXPRESSION|NOTE...|FILE.py:NAME", help="A model, an expression, notes and folders, a function or a backward pass."
    ),
]
Shapes = Annotated[str | None, typer.Option(help="Shapes of an expression's tensors, or a function's arguments: \"A: m n; x: n\".")]
Facts = Annotated[str | None, typer.Option(help='Facts of an expression\'s tensors: "y: simplex over c".')]
AsJson = Annotated[bool, typer.Option("--json", help="Say it as JSON, for programs.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="The file or folder to write; without it, stdout.")]


def command(function: Callable[..., int | None], cls: type[TyperCommand] = OfKinds) -> Callable[..., None]:
    """A command of `app` that turns errors into messages on stderr and what `function` returns into the exit status."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            status = function(*args, **options) or 0
        except SymbackpropError as error:
            complain(str(error))
            status = 2
        except KeyboardInterrupt:
            complain("interrupted")
            status = INTERRUPTED
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            if os.environ.get(DEBUG) == "1":
                raise
            complain(of_our_own(error, sys.argv[1:]))
            status = INTERNAL
        raise typer.Exit(status)

    return app.command(cls=cls)(run)


def of_our_own(error: Exception, arguments: Sequence[str]) -> str:
    """One line about a mistake that is no user's, with what to report; a traceback is for those who ask for one."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    called = shlex.join(["symbackprop", *arguments])
    shown = [text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + "..." for text in (what, called)]
    return f"a mistake of symbackprop itself: {shown[0]}; please report it with: {shown[1]} ({DEBUG}=1 shows the traceback)"


def working(what: str) -> contextlib.AbstractContextManager[Any]:
    """A line on stderr while something is done, where somebody is looking."""
    return stages.Stages(quiet=not sys.stderr.isatty()).stage(what)


@functools.partial(command, cls=OfModels)
def derive(
    model: Model,
    shapes: Shapes = None,
    facts: Facts = None,
    wrt: Annotated[list[str] | None, typer.Option(help="By which tensor; several times or with commas. Default: all parameters.")] = None,
    order: Annotated[int, typer.Option(min=1, max=3, help="1 the gradient, 2 the Hessian; of an expression also 3.")] = 1,
    also: Annotated[list[str] | None, typer.Option("--with", help="What else of a model, with commas: {pages}.")] = None,
    form: Annotated[Form, typer.Option(help="How formulas are written.")] = Form.both,
    lang: Annotated[Language | None, typer.Option(help="The language of the page. Default: the model's, else English.")] = None,
    format: Annotated[Format | None, typer.Option(help="Default: what the ending of -o says, else markdown.")] = None,
    fragment: Annotated[bool, typer.Option("--fragment", help="LaTeX to paste into a paper that uses amsmath.")] = False,
    short: Annotated[bool, typer.Option("--short", help="Of a model: two to four pages, with one step worked out.")] = False,
    steps_of: Annotated[list[str] | None, typer.Option("--steps-of", help="Of a model: the page of these derivatives alone.")] = None,
    output: Output = None,
) -> None:
    """Derive the gradient of a model or of one expression, step by step.

    Of an expression the terminal shows the result; its page, with the steps, is written by -o or --format. A PDF needs TeX.

    \b
    Examples:
      symbackprop derive examples/two_layer.toml
      symbackprop derive examples/two_layer.toml --lang zh -o derivation.html
      symbackprop derive examples/two_layer.toml -o folder      (Markdown, HTML and LaTeX)
      symbackprop derive examples/two_layer.toml --order 2 -o hessian.html
      symbackprop derive examples/two_layer.toml --with hvp,ggn,per-sample
      symbackprop derive examples/two_layer.toml --short -o handout.pdf
      symbackprop derive examples/two_layer.toml --fragment -o gradient.tex
      symbackprop derive "norm(A @ x - b)**2" --shapes "A: m n; x: n; b: m" --wrt x
      symbackprop derive "norm(A @ x - b)**2" --shapes "A: m n; x: n; b: m" --wrt A --wrt x -o page.html
    """
    options = (
        shapes,
        facts,
        words(wrt),
        order,
        words(also),
        form.value,
        lang.value if lang else "",
        format,
        output,
        fragment,
        short,
        words(steps_of),
    )
    with working("deriving"):
        deriving.write(model, deriving.Asked(*options))


@command
def generate(
    spec: Spec,
    shapes: Shapes = None,
    target: Annotated[str, typer.Option(help="One of `symbackprop targets`.")] = "numpy",
    wrt: Annotated[list[str] | None, typer.Option(help="By which tensor. Default: all parameters.")] = None,
    also: Annotated[list[str] | None, typer.Option("--with", help="What else, with commas: {modules}.")] = None,
    output: Output = None,
) -> None:
    """Generate a module that computes the loss and its gradients, and second derivatives if asked to.

    \b
    Examples:
      symbackprop generate examples/two_layer.toml
      symbackprop generate examples/two_layer.toml -o two_layer.py
      symbackprop generate examples/two_layer.toml --with hessian,hvp,ggn,per-sample
    """
    check_ending(output, "a module", emit.spelling(target).suffix, ".txt")
    with working("deriving"):
        module = api.generate(sources.derivation_of(spec, shapes, words(wrt)), target=target, also=words(also))
    if output is None:
        say(module.source)
    elif is_folder(output):
        module.write(output)
    else:
        emit.write(output, module.source)


@functools.partial(command, cls=OfModels)
def verify(
    what: Verified,
    shapes: Shapes = None,
    facts: Facts = None,
    claim: Annotated[list[str] | None, typer.Option(help="A claim in NumPy notation; may be given several times.")] = None,
    also: Annotated[list[str] | None, typer.Option("--with", help="What else to verify, with commas: {modules}.")] = None,
    model: Annotated[Path | None, typer.Option(metavar="SPEC", help="The model that notes are about, a TOML file.")] = None,
    forward: Annotated[str, typer.Option(metavar="NAME", help="Of a backward pass: the forward pass, in the same file.")] = "",
    pairs: Annotated[str, typer.Option(help='Of a backward pass: which gradient is by what: "dx: x".')] = "",
    given: Annotated[str, typer.Option(help='Of a backward pass: arguments that are no arrays: "flag: True".')] = "",
    limit: Annotated[float, typer.Option(min=0.1, help="Of a backward pass: for how many seconds its functions may run.")] = 20,
    format: Annotated[Report | None, typer.Option(help="md, html, github: of notes and passes. Default: what -o says, else text.")] = None,
    as_json: AsJson = False,
    lang: Annotated[Language | None, typer.Option(help="The language of reports on notes. Default: that of the note.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is wrong or undecided.")] = False,
    output: Output = None,
) -> int:
    """Verify the derivatives of a model or of one expression, or claims about them; the formulas of notes; a hand-written backward pass.

    The value of an expression is called f. A note is never changed; its checked copy goes where -o says. Of a pass the file is imported and
    its functions are run, in a process that ends with --limit; nothing else is run.

    \b
    Examples:
      symbackprop verify examples/two_layer.toml
      symbackprop verify examples/two_layer.toml --claim "dJ/dO == (Yhat - Y) / n"
      symbackprop verify examples/two_layer.toml --claim "W1 <- W1 - eta * dJ/dW1"
      symbackprop verify examples/two_layer.toml --with hessian,hvp --quiet
      symbackprop verify examples/two_layer.toml --format junit -o verdicts.xml
      symbackprop verify "norm(A @ x - b)**2" --shapes "A: m n; x: n; b: m" --claim "df/dx == 2 * A.T @ (A @ x - b)"
      symbackprop verify note.md -o note.checked.md
      symbackprop verify lectures/ extra.tex --model examples/one_sample.toml --format html -o reports
      symbackprop verify layers.py:affine_backward --forward affine_forward --shapes "x: n d; W: d m; b: m"
    """
    form = Report.json if as_json else format
    told = lang.value if lang else ""
    about = (shapes, facts, tuple(claim or ()), tuple(words(also)), model, forward, pairs, given, limit, form, told, quiet, output)
    return verifying.run(verifying.Asked(tuple(what), *about), say, complain)


@command
def train(
    spec: Toml,
    file: Annotated[Path, typer.Option("--data", metavar="FILE", help="Samples: .csv (label last), or .npz with an array by each name.")],
    lr: Annotated[float, typer.Option(help="The learning rate eta of w <- w - eta dJ/dw.")] = 0.1,
    epochs: Annotated[int, typer.Option(help="How many times each sample is used.")] = 100,
    batch: Annotated[int | None, typer.Option(help="Samples in a step; default: all.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the initial values, the order and the split.")] = 0,
    label: Annotated[str | None, typer.Option(help="The column of labels of a csv; default: the last.")] = None,
    header: Annotated[bool | None, typer.Option("--header/--no-header", help="Whether a csv has one; default: as it looks.")] = None,
    given: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A constant: a number or a .npy file.")] = None,
    hold: Annotated[float, typer.Option(min=0.0, max=0.9, help="The part of the samples to hold out and report on.")] = 0.0,
    standardise: Annotated[bool, typer.Option("--standardise", help="Scale each input column to mean 0, deviation 1.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the parameters as this .npz file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what went wrong.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model by gradient descent on its generated module.

    Columns of a csv stand apart by commas, semicolons, tabs or |; what was understood of it is said on stderr.

    \b
    Examples:
      symbackprop train examples/two_layer.toml --data examples/iris.csv --lr 0.1 --epochs 200
      symbackprop train examples/two_layer.toml --data examples/iris.csv --batch 16 --hold 0.33 --standardise
      symbackprop train ridge.toml --data samples.csv --set lam=0.01 --json
    """
    check_ending(output, "parameters", ".npz")
    about = (lr, epochs, batch, seed, label, header, tuple(given or ()), hold, standardise, output, quiet, as_json)
    fitting.run(fitting.Asked(spec, file, *about), say, complain)


@command
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write.")] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Write the folder and say nothing.")] = False,
) -> int:
    """Show the whole of it on the two-layer network: derive, write, generate, verify, train on Iris.

    \b
    Examples:
      symbackprop demo
      symbackprop demo -o somewhere
    """
    return demonstration.run(output, seed=seed, say=say, quiet=quiet)


@command
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: at any port that is free.")] = 8765,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long an answer may take.")] = 10,
    megabytes: Annotated[int, typer.Option(min=512, help="How much memory an answer may take, on Linux and macOS.")] = 2048,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many answers are worked on at once.")] = 2,
) -> None:
    """Serve a page on this machine alone: an expression or a model in a box, its derivative while you type.

    It needs the extra: pip install "symbackprop[serve]". Nothing is loaded from elsewhere, and no file is read for a question.

    \b
    Examples:
      symbackprop serve
      symbackprop serve --port 0 --no-open
    """
    check_installed()
    serving.serve(port, opens, serving.Pool(workers, seconds, megabytes), say)


@command
def ops(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The folder to write the page ops.md into.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the operations of the language; with -o write the page with their laws, derivatives and pictures.

    \b
    Examples:
      symbackprop ops
      symbackprop ops -o docs
      symbackprop ops --json
    """
    if output is not None:
        demonstration.make_folder(output)
        with working("deriving"):
            ops_page.write_page(output)
        return
    say(json.dumps(ops_page.record(), indent=2, ensure_ascii=False) if as_json else ops_page.columns(ops_page.rows()))


@command
def targets(as_json: AsJson = False) -> None:
    """List the targets that code can be generated for.

    \b
    Example:
      symbackprop targets
    """
    say(json.dumps(emit.targets()) if as_json else "\n".join(emit.targets()))


def main() -> None:
    """The entry point of the `symbackprop` script."""
    try:
        app(prog_name="symbackprop")
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(INTERRUPTED)
