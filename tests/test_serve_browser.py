"""The page in a real browser: typing, chips, copying, claims, errors, many questions at once, one that would take minutes."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DEEP = "x"
for _ in range(24):
    DEEP = f"softmax(A @ {DEEP})"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page is served, by the command; answers may take three seconds."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "symbackprop", "serve", "--port", "0", "--no-open", "--seconds", "3"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield server.stdout.readline().split(" ")[0]
    server.terminate()
    assert server.wait(timeout=20) in (0, -15)
    server.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium, as it is installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(address: str, browser) -> Iterator:
    """An empty page, on which nothing may go wrong and which may ask nobody else."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    made, wrong = context.new_page(), []
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("request", lambda request: wrong.append(request.url) if not request.url.startswith((address, "data:")) else None)
    made.goto(address)
    yield made
    assert wrong == []
    context.close()


def settled(page, held: str) -> str:
    """What the answer says, once it holds a text and nothing is on its way."""
    page.wait_for_function(
        "held => { const a = document.getElementById('answer'); return a.ariaBusy === 'false' && a.innerHTML.includes(held) }",
        arg=held,
        timeout=30_000,
    )
    return page.inner_html("#answer")


def test_an_answer_comes_while_one_types(page) -> None:
    page.locator("#text").press_sequentially("norm(A @ x - b)**2", delay=15)
    assert "Index form" in settled(page, r"2 A^{\top} (A x - b)")
    assert "text=norm" in page.url


def test_a_chip_is_edited_and_the_others_follow(page) -> None:
    page.fill("#text", "norm(A @ x - b)**2")
    settled(page, "result")
    page.fill("[aria-label='shape of x']", "d")
    page.press("[aria-label='shape of x']", "Enter")
    page.wait_for_function("() => document.querySelector(\"[aria-label='shape of A']\").value.endsWith(' d')")
    assert "shape.x=d" in page.url
    page.click("#guess")
    page.wait_for_function("() => document.querySelector(\"[aria-label='shape of x']\").value === 'n'")


def test_the_variable_is_chosen_with_the_keyboard(page) -> None:
    page.fill("#text", "norm(A @ x - b)**2")
    settled(page, "result")
    page.focus(".chip button[title='derive by b']")
    page.keyboard.press("Enter")
    settled(page, r"\frac{\partial f}{\partial b}")
    assert page.evaluate("document.activeElement.textContent") == "∂b"


@pytest.mark.parametrize("what, held", [("LaTeX", r"2 A^{\top} (A x - b)"), ("Markdown", "```python"), ("NumPy", "def dx(")])
def test_what_is_copied_is_what_is_shown(what: str, held: str, page) -> None:
    page.fill("#text", "norm(A @ x - b)**2")
    settled(page, "result")
    page.click(f".copy[data-what={what}] >> nth=0")
    page.wait_for_selector("text=Copied")
    assert held in page.evaluate("navigator.clipboard.readText()")


def test_a_claim_is_judged_and_a_wrong_one_has_a_counterexample(page) -> None:
    page.fill("#text", "norm(A @ x - b)**2")
    for claim, status in (("2 * A.T @ (A @ x - b)", "proved"), ("A.T @ (A @ x - b)", "wrong")):
        page.fill("#claim", claim)
        page.press("#claim", "Enter")
        page.wait_for_selector(f"#verdict .{status}")
    assert "counterexample" in page.inner_text("#verdict")
    page.click(".check")
    page.wait_for_selector(".checked .exact")


def test_an_error_has_its_caret_and_goes_when_it_is_mended(page) -> None:
    page.fill("#text", "norm(A @ x - b")
    assert "^" in settled(page, "ParseError")
    page.fill("#text", "norm(A @ x - b)")
    settled(page, "result")


def test_a_link_holds_the_question(address: str, page) -> None:
    page.goto(address + "#" + urlencode({"text": "x @ S @ x", "order": 2, "shape.S": "n n; symmetric"}))
    assert "2 S" in settled(page, "result")
    assert page.input_value("[aria-label='shape of S']") == "n n; symmetric"
    page.goto(address + "#" + urlencode({"text": "norm2(A*x)^2", "matlab": 1}))
    settled(page, "Read as")


def test_every_example_is_answered(page) -> None:
    for example in page.query_selector_all(".example"):
        example.click()
        page.wait_for_function("() => document.getElementById('status').textContent.startsWith('Derived')", timeout=30_000)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(width: int, scheme: str, page) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    page.fill("#text", "sum(log(1 + exp(-y * (X @ w)))) / n + lam * norm(w)**2")
    settled(page, "result")
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


MANY = """
async count => {
  const rest = { kind: "derive", shapes: {}, wrt: [], order: 1, claim: "", matlab: false };
  const body = k => JSON.stringify({ ...rest, text: `norm(A @ x - b)**2 + ${k} * sum(x)` });
  const headers = { "content-type": "application/json" };
  const ask = async k => (await fetch("/ask", { method: "POST", headers, body: body(k) })).json();
  return Promise.all(Array.from({ length: count }, (_, k) => ask(k + 2)));
}
"""


def test_twenty_questions_at_once_are_all_answered(page) -> None:
    made = page.evaluate(MANY, 20)
    assert len(made) == 20 and all(m["ok"] for m in made)
    assert all(f"{k + 2}" in m["html"] for k, m in enumerate(made))


def test_what_would_take_minutes_is_ended_and_the_page_goes_on(page) -> None:
    start = time.monotonic()
    page.check("input[value='2']")
    page.fill("#text", DEEP)
    settled(page, "it took too long")
    assert time.monotonic() - start < 25
    page.check("input[value='1']")
    page.fill("#text", "norm(x)**2")
    settled(page, "result")


def test_what_nobody_waits_for_any_more_is_ended(page) -> None:
    page.check("input[value='2']")
    for k in range(4):
        page.fill("#text", f"{DEEP} + {k} * x")
        page.wait_for_timeout(400)
    page.check("input[value='1']")
    page.fill("#text", "norm(x)**2")
    settled(page, "result")
