"""What the site has beside the pages in docs/: the changelog, the gallery, files of the repository that pages link to, formulas as MathML.

Nothing of it is committed, and nothing is loaded from elsewhere.
"""

import importlib.util
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

import symbackprop as sbp

ROOT = Path(__file__).resolve().parents[2]
MODELS = {
    "two_layer": "Two layers, softmax and cross entropy",
    "one_sample": "The same network for one sample",
    "logistic_regression": "Logistic regression with a penalty",
    "poisson_regression": "Poisson regression",
    "matrix_factorisation": "Matrix factorisation",
    "graph_convolution": "Graph convolution",
}
"""The models of the gallery, by the names of their files in examples/."""
OUTSIDE = re.compile(r"\]\((?:\.\./)+((?:examples|generated|tests|benchmarks|symbackprop|templates|docs)/[^)#\s]+)")
CODE = re.compile(r"(^```.*?^```\s*?$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<![\s\\])\$(?![\w$])")


def model_of(name: str) -> sbp.Model:
    """A model of examples/."""
    path = ROOT / "examples" / f"{name}.toml"
    if path.exists():
        return sbp.load(path)
    path = ROOT / "examples" / "models" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.model


def gallery(config: Any) -> list[File]:
    """The gallery: a page that lists models, and of each the page that the tool writes, in English and Chinese."""
    rows, made = [], []
    for name, title in MODELS.items():
        derivation = sbp.derive(model_of(name))
        for lang in ("en", "zh"):
            made.append(File.generated(config, f"gallery/{name}.{lang}.html", content=derivation.html(lang=lang)))
        made.append(File.generated(config, f"gallery/{name}.tex.txt", content=derivation.tex()))
        made.append(File.generated(config, f"gallery/{name}.py.txt", content=sbp.generate(derivation).source))
        files = {"page": "en.html", "in Chinese": "zh.html", "LaTeX": "tex.txt", "code": "py.txt"}
        links = ", ".join(f"[{said}](gallery/{name}.{ending})" for said, ending in files.items())
        formula = derivation.gradient(derivation.wrt[0]).latex_equation("matrix")
        rows.append(f"## {title}\n\n{links}\n\n$$\n{formula}\n$$\n")
    text = "# Gallery\n\nWhat the tool writes of its examples, made when this site was built.\n\n" + "\n".join(rows)
    return [*made, File.generated(config, "gallery.md", content=text)]


def on_files(files: Files, config: Any) -> Files:
    """Add what is made, and what pages link to outside of docs/."""
    for file in [*gallery(config), File.generated(config, "changelog.md", content=(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))]:
        files.append(file)
    wanted = {link for f in files.documentation_pages() for link in OUTSIDE.findall(f.content_string)}
    for link in sorted(wanted):
        if (ROOT / link).is_file():
            files.append(File.generated(config, link, abs_src_path=str(ROOT / link)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files of the repository lead to copies in the site, and formulas are MathML, so that no script is needed for them."""
    parts = CODE.split(OUTSIDE.sub(r"](\1", markdown))
    return "".join(part if k % 2 else with_formulas(part) for k, part in enumerate(parts))


def with_formulas(text: str) -> str:
    """Words with their formulas as MathML."""
    text = DISPLAY.sub(lambda m: "\n\n" + convert(m[1].strip(), display="block") + "\n\n", text)
    return INLINE.sub(lambda m: convert(m[1]), text)
