"""The page as an application: what it is made of, and questions, answered for this machine alone."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from symbackprop.emit import render
from symbackprop.errors import ServeError
from symbackprop.serve.answers import wrong
from symbackprop.serve.examples import examples
from symbackprop.serve.guard import Guard
from symbackprop.serve.pool import Pool
from symbackprop.serve.questions import question_of
from symbackprop.version import __version__

PARTS = {"/": ("page.html", "text/html"), "/style.css": ("style.css", "text/css"), "/script.js": ("script.js", "text/javascript")}
"""What the page is made of; nothing comes from elsewhere."""


def application(pool: Pool | None = None, port: int | None = None) -> Starlette:
    """The application, for a server at `port` of this machine (default: at any)."""
    workers = pool or Pool()
    record = {"examples": examples(), "version": __version__}
    parts = {path: (render("serve", f"{name}.jinja", record), kind) for path, (name, kind) in PARTS.items()}

    def part(request: Request) -> Response:
        text, kind = parts[request.url.path]
        return Response(text, media_type=kind)

    async def ask(request: Request) -> JSONResponse:
        try:
            question = question_of(await request.body())
            return JSONResponse(await workers.ask(question, request.is_disconnected))
        except ServeError as error:
            return JSONResponse(wrong(error))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await workers.open()
        yield
        await workers.close()

    routes = [*(Route(path, part) for path in PARTS), Route("/ask", ask, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(Guard, port=port)], lifespan=lifespan)
