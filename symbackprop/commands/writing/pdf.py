"""A PDF, by the TeX that is installed: in a folder of its own, without a shell, in so much time."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from symbackprop.errors import TargetError

MANY_SCRIPTS = "{ctexart}"
"""What is in a document with letters that pdflatex has not."""
RUNS = 3
"""So often an engine runs without latexmk: the columns of long tables are known after the second time."""
SECONDS = 180
NAME = "page"
ALONE = {"openin_any": "p", "openout_any": "p", "shell_escape": "f"}
"""What TeX may do: read and write below its own folder, and what it is installed with, and run nothing."""
INSTALL = "install TeX Live (Debian: texlive-latex-extra, texlive-xetex, texlive-lang-chinese), or name a .tex file"
PROBLEM = re.compile(r"^! ?(.+)$|^.*?:\d+: (.+)$", re.MULTILINE)
ABSENT = re.compile(r"File `([^']+)' not found")


def pdf(text: str, seconds: float = SECONDS) -> bytes:
    """The PDF of a LaTeX document. Raises TargetError where TeX, or a file of it, is missing, or it takes too long."""
    engine = "xelatex" if MANY_SCRIPTS in text else "pdflatex"
    if not shutil.which(engine):
        page = "a page with Chinese" if MANY_SCRIPTS in text else "a page"
        raise TargetError(f"{engine}, which makes a PDF of {page}, is not installed", place="-o", fix=INSTALL)
    with tempfile.TemporaryDirectory(prefix="symbackprop-") as name:
        folder = Path(name)
        (folder / f"{NAME}.tex").write_text(text, encoding="utf-8")
        command = [engine, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "-file-line-error", f"{NAME}.tex"]
        if shutil.which("latexmk"):
            made = "-pdf" if engine == "pdflatex" else "-pdfxe"
            run(["latexmk", "-norc", made, f"-{engine}={engine} -no-shell-escape %O %S", *command[2:]], folder, engine, seconds)
        else:
            for _ in range(RUNS):
                run(command, folder, engine, seconds / RUNS)
        return (folder / f"{NAME}.pdf").read_bytes()


def run(command: list[str], folder: Path, engine: str, seconds: float) -> None:
    """One run, in a group of processes that ends with its time. Raises TargetError for what TeX complains about."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **ALONE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said = process.communicate(timeout=seconds)[0].decode("utf-8", "replace")
    except BaseException as error:
        end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise TargetError(f"{engine} took more than {seconds:.0f} s", place="-o", fix="name a .tex file, and run it there") from None
        raise
    if process.returncode == 0:
        return
    if absent := ABSENT.search(said):
        raise TargetError(f"{engine} lacks the file {absent[1]}", place="-o", fix=INSTALL)
    found = PROBLEM.search(said)
    why = (found[1] or found[2]).strip() if found else f"it ended with status {process.returncode}"
    raise TargetError(f"{engine} made no PDF: {why}", place="-o", fix="name a .tex file, and see what is wrong with it")


def end(process: subprocess.Popen) -> None:
    """End a process and what it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, 9)
    else:
        process.kill()
    process.communicate()
