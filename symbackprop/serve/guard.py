"""What stands before the application: only pages of this very server are answered, and nothing large is read.

A page of another site can make a browser send requests here, also under a name of its own that it has pointed at this machine. Such a
request bears that name as its Host, or that site as its Origin, and is refused.
"""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""Names of this machine."""
MOST_BYTES = 100_000
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What each answer tells the browser: run and load nothing but what came from here."""


class Guard:
    """Middleware that refuses requests of others. `port`: that of the server, where it is known."""

    def __init__(self, app: ASGIApp, port: int | None = None) -> None:
        self.app, self.port = app, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        why = self.refusal(scope["method"], headers)
        if why:
            await PlainTextResponse(why, status_code=403, headers=HEADERS)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, answer)

    def refusal(self, method: str, headers: dict[str, str]) -> str:
        """Why a request is refused, or nothing."""
        host = headers.get("host", "")
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
        if name not in HOSTS or (self.port is not None and port != str(self.port)):
            return "this page is for this machine alone: open it as localhost"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "another site may not ask"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return "another site may not ask"
        if method == "POST":
            length = headers.get("content-length", "")
            if not length.isdigit() or int(length) > MOST_BYTES:
                return f"a question has at most {MOST_BYTES} bytes, and says how many"
            if headers.get("content-type", "").split(";")[0].strip() != "application/json":
                return "a question is JSON"
        return ""
