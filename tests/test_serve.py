"""The page's answers, what may be asked and who may ask; the application itself only where the extra is installed."""

import asyncio
import importlib
import json
import sys
from importlib import util
from pathlib import Path

import pytest

from symbackprop.errors import ServeError
from symbackprop.serve import installed
from symbackprop.serve.answers import answer
from symbackprop.serve.pool import Pool
from symbackprop.serve.questions import question_of
from symbackprop.serve.worker import answered

MODEL = (Path(__file__).resolve().parent.parent / "examples" / "two_layer.toml").read_text(encoding="utf-8")
ASKED = {"kind": "derive", "text": "norm(A @ x - b)**2", "shapes": {}, "wrt": [], "order": 1, "claim": "", "matlab": False}


def asked(**changed: object) -> dict:
    return answer({**ASKED, **changed})


def chips(made: dict) -> dict[str, str]:
    return {c["name"]: c["shape"] for c in made["chips"]}


def test_an_expression_has_its_shapes_its_formula_its_steps_and_its_code() -> None:
    made = asked()
    assert made["ok"] and chips(made) == {"A": "m n", "x": "n", "b": "m"}
    for part in (r"2 A^{\top} (A x - b)", "Index form", "chain rule", "np.dot(A.T, t1)", "<svg"):
        assert part in made["html"]


def test_a_shape_and_a_fact_that_were_given_are_used() -> None:
    assert chips(asked(shapes={"x": "d"})) == {"A": "n d", "x": "d", "b": "n"} or chips(asked(shapes={"x": "d"}))["x"] == "d"
    made = asked(text="logdet(A)", shapes={"A": "n n; symmetric"})
    assert chips(made) == {"A": "n n; symmetric"} and "A^{-1}" in made["html"]


def test_several_variables_and_the_second_order() -> None:
    made = asked(text="x @ A @ y", wrt=["x", "y"], order=2)
    assert made["html"].count('class="result"') == 3


def test_without_a_matrix_form_the_index_form_stands_alone() -> None:
    made = asked(text="softmax(A @ x)", order=2)
    assert made["ok"] and "Index form" not in made["html"] and "more than two axes" in made["html"]


def test_a_model_has_a_result_for_each_parameter() -> None:
    made = asked(text=MODEL)
    assert made["html"].count('class="result"') == 4 and chips(made)["Y"] == "n c; simplex over c"


@pytest.mark.parametrize(
    "text, found", [("norm(A @ x - b", "^"), ("[tensors]\nX = ", "TOML"), ("exec(x)", "there is no op"), ("3", "no tensor")]
)
def test_what_is_wrong_is_told_with_its_place(text: str, found: str) -> None:
    made = asked(text=text)
    assert not made["ok"] and found in made["html"]


def test_what_was_typed_is_escaped() -> None:
    made = asked(text="x + '<script>alert(1)</script>'")
    assert not made["ok"] and "<script>" not in made["html"] and "&lt;script&gt;" in made["html"]


@pytest.mark.parametrize("claim, status", [("2 * A.T @ (A @ x - b)", "proved"), ("df/dx == A.T @ (A @ x - b)", "wrong")])
def test_a_claim_has_a_verdict(claim: str, status: str) -> None:
    made = asked(kind="claim", claim=claim)
    assert f'class="{status}"' in made["html"]
    assert ("counterexample" in made["html"]) is (status == "wrong")


def test_the_derivative_itself_is_checked() -> None:
    assert 'class="exact"' in asked(kind="check", text="sum(x**3)")["html"]


NO_QUESTIONS = [("order", 3), ("order", True), ("file", "x"), ("text", None), ("kind", "read"), ("wrt", [["x"]]), ("shapes", {"x": 1})]


@pytest.mark.parametrize(
    "body",
    ["[", "[]", "[" * 100_000, *(json.dumps({**ASKED, key: value}) for key, value in NO_QUESTIONS)],
    ids=lambda body: body[-30:],
)
def test_what_is_no_question_is_refused(body: str) -> None:
    with pytest.raises(ServeError, match="this is no question"):
        question_of(body.encode())


def test_a_question_is_no_longer_than_a_person_writes() -> None:
    assert question_of(json.dumps(ASKED).encode()) == ASKED
    with pytest.raises(ServeError, match="characters"):
        question_of(json.dumps({**ASKED, "text": "x" * 20_001}).encode())


def test_a_mistake_of_our_own_names_no_place_on_this_machine() -> None:
    made = answered(json.dumps({"text": "x"}))
    assert not made["ok"] and "KeyError" in made["html"] and sys.prefix not in made["html"]


def test_a_missing_extra_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(ServeError, match="starlette and uvicorn missing") as error:
        installed.check_installed()
    assert error.value.fix == 'pip install "symbackprop[serve]"'


async def here() -> bool:
    return False


def test_what_takes_too_long_is_ended_and_the_next_question_is_answered() -> None:
    deep = "x"
    for _ in range(24):
        deep = f"softmax(A @ {deep})"

    async def both() -> dict:
        pool = Pool(workers=1, seconds=1.5)
        await pool.open()
        try:
            with pytest.raises(ServeError, match=r"too long, more than 1.5 seconds"):
                await pool.ask({**ASKED, "text": deep, "order": 2}, here)
            assert len(pool.every) <= 1
            return await pool.ask(ASKED, here)
        finally:
            await pool.close()
            assert not pool.every

    assert asyncio.run(both())["ok"]


class Answering(Pool):
    """A pool without workers."""

    async def ask(self, question: dict, gone: object) -> dict:
        return answer(question)


def sent(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What the application answers to a request: the status, the headers, the body."""
    pytest.importorskip("starlette")
    application = importlib.import_module("symbackprop.serve.app").application(Answering(), 8765)
    own = {"host": "localhost:8765", "content-length": str(len(body)), "content-type": "application/json"}
    given = {**own, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "query_string": b"", "http_version": "1.1", "scheme": "http"}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
    made: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body}

    async def send(message: dict) -> None:
        made.append(message)

    asyncio.run(application(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in made[0]["headers"]}
    return made[0]["status"], told, b"".join(m.get("body", b"") for m in made)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for path in ("/", "/style.css", "/script.js"):
        status, headers, body = sent("GET", path)
        assert status == 200 and b"https://" not in body and b"//cdn" not in body
        assert "default-src 'none'" in headers["content-security-policy"]


def test_the_page_is_answered() -> None:
    made = json.loads(sent("POST", "/ask", json.dumps(ASKED).encode(), origin="http://localhost:8765")[2])
    assert made["ok"] and chips(made)["x"] == "n"
    assert not json.loads(sent("POST", "/ask", b"[]")[2])["ok"]


OTHERS = [{"host": host} for host in ("evil.example:8765", "localhost:80", "localhost.evil.example:8765", "localhost", "")]
OTHERS += [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:80"}, {"sec_fetch_site": "cross-site"}]
OTHERS += [{"content_type": "text/plain"}, {"content_length": "1000000"}, {"content_length": "x"}]


@pytest.mark.parametrize("headers", OTHERS, ids=str)
def test_nobody_else_may_ask(headers: dict[str, str]) -> None:
    assert sent("POST", "/ask", json.dumps(ASKED).encode(), **headers)[0] == 403


def test_matlab_is_understood_on_request() -> None:
    made = asked(text="norm2(A*x - b)^2", matlab=True)
    assert made["ok"] and "norm(A @ x - b)**2" in made["html"] and chips(made)["b"] == "m"
    assert 'class="proved"' in asked(kind="claim", text="norm2(A*x - b)^2", claim="2*A'*(A*x - b)", matlab=True)["html"]
    assert chips(asked(text="x'*a*x", matlab=True, shapes={"a": "n n"})) == {"x": "n", "a": "n n"}
    assert "column times a column" in asked(text="x*y", matlab=True)["html"]


def test_what_takes_too_much_memory_is_ended_and_the_next_question_is_answered() -> None:
    pytest.importorskip("resource")

    async def both() -> dict:
        pool = Pool(workers=1)
        await pool.open()
        try:
            with pytest.raises(ServeError, match="too much memory"):
                await pool.ask({**ASKED, "kind": "check", "text": "sum(x**2)", "shapes": {"x": "100000 100000"}}, here)
            return await pool.ask(ASKED, here)
        finally:
            await pool.close()

    assert asyncio.run(both())["ok"]
