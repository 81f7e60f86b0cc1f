"""A check in a process of its own, which a time limit really ends: nothing that a person's file does reaches this one.

The process gets no input; what the file prints is kept from the report.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from symbackprop.backward.check import check_backward
from symbackprop.backward.reporting import pages
from symbackprop.backward.reporting.report import BackwardReport
from symbackprop.backward.running.files import module_of, taken
from symbackprop.errors import NoGradientsError, SpecError, SymbackpropError, VerifyError

SPARE = 10
"""Seconds beyond the limit of the functions: for imports, and for what is made of the runs."""


@dataclass(frozen=True)
class Request:
    """What to check: FILE.py, names of functions in it (`backward` "" for one function or class), and in what form to say it."""

    path: str
    forward: str
    backward: str = ""
    shapes: Mapping[str, str] | None = None
    pairs: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    form: str = "text"
    seconds: float = 20


def checked(request: Request) -> tuple[int, str]:
    """The exit status and the report, as text in the form asked for. Raises VerifyError for what fails, or runs for too
    long, NoGradientsError for one function or class that gives none."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-P", "-m", "symbackprop.backward.child", json.dumps(asdict(request)), str(result)]
        env = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=request.seconds + SPARE, env=env)
        except subprocess.TimeoutExpired:
            fix = "see that its import and its functions end, or give --limit"
            raise VerifyError(f"it ran for longer than {request.seconds:g} s, and was ended", place=request.path, fix=fix) from None
        if not result.is_file():
            last = (done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
            raise VerifyError(f"the process of the check ended with status {done.returncode}: {last}", place=request.path)
        said = json.loads(result.read_text(encoding="utf-8"))
    if "none" in said:
        raise NoGradientsError(**said["none"])
    return said["status"], said["text"]


def report_of(request: Request) -> BackwardReport:
    """The report, made in this process: the file is imported, its functions are run."""
    module = module_of(Path(request.path))
    forward = taken(module, request.forward)
    backward = taken(module, request.backward) if request.backward else None
    given = {name: _literal(name, text) for name, text in request.given.items()}
    return check_backward(forward, backward, request.shapes, pairs=request.pairs, given=given, seconds=request.seconds)


def _literal(name: str, text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError) as e:
        raise SpecError(f"'{text}' is no value", place=f"--given {name}", fix="--given \"conf: {'stride': 1}\"") from e


def told(report: BackwardReport, form: str) -> str:
    """A report in one of the forms."""
    if form == "json":
        return json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n"
    forms = {"md": pages.markdown, "html": pages.html, "github": pages.github}
    return forms[form](report) if form in forms else str(report) + "\n"


def main() -> None:
    """The process: a request and the name of the file for the result as arguments."""
    request = Request(**json.loads(sys.argv[1]))
    try:
        report = report_of(request)
        said = {"status": report.exit_status, "text": told(report, request.form)}
    except SymbackpropError as error:
        said = {"status": 2, "text": str(error)}
        if isinstance(error, NoGradientsError) and not request.backward:  # alone it may be a model, and no pass
            said["none"] = {"reason": error.reason, "place": error.place, "notes": error.notes, "fix": error.fix}
    except SystemExit as error:
        said = {"status": 2, "text": f"VerifyError in {request.path}: it ended the process (exit {error.code})"}
    Path(sys.argv[2]).write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main()
