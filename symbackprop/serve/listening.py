"""The page, served: a socket of this machine alone, the application behind it, a browser that shows it."""

import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from symbackprop.errors import ServeError
from symbackprop.serve.app import application
from symbackprop.serve.pool import Pool

HOST = "127.0.0.1"


def serve(port: int, opens: bool, pool: Pool, say: Callable[[str], None]) -> None:
    """Serve the page at a port until interrupted. Raises ServeError where the port is taken."""
    listening = listener(port)
    number = listening.getsockname()[1]
    page = f"http://{HOST}:{number}/"
    server = uvicorn.Server(uvicorn.Config(application(pool, number), log_level="warning", server_header=False))
    say(f"{page} (Ctrl-C ends it)")
    if opens:
        webbrowser.open(page)
    server.run(sockets=[listening])


def listener(port: int) -> socket.socket:
    """A socket that listens at a port of this machine, at any that is free for 0. Raises ServeError where it is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        why = f"port {port}: {error.strerror or error}"
        raise ServeError(why, place="--port", fix="name another, or 0 for any that is free") from error
    return listening
