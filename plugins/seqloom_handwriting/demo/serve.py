"""The web server of the demo."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from importlib.resources import files

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seqloom.errors import SeqloomError
from seqloom_handwriting.demo.guard import Guard
from seqloom_handwriting.demo.inputs import MOST_BYTES, TooLargeError
from seqloom_handwriting.demo.reader import Reader
from seqloom_handwriting.demo.turns import SupersededError, Turns

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def serve(reader: Reader, sock: socket.socket, host: str) -> None:
    """Serve the page until Ctrl-C.

    Args:
        reader: what reads the writing.
        sock: listens.
        host: the name or address that it was asked to listen at.
    """
    try:
        server(reader, host).run(sockets=[sock])
    except KeyboardInterrupt:  # uvicorn ends well and then raises it once more
        print("The demo has ended.")


def server(reader: Reader, host: str) -> uvicorn.Server:
    """Return a server that is not running yet."""
    config = uvicorn.Config(
        application(reader, host),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def application(reader: Reader, host: str) -> Guard:
    """Return the guarded application: the page's files, ``/model`` and ``/read``."""
    turns = Turns()

    async def read(request: Request) -> Response:
        body = await body_of(request)
        page = request.headers.get("x-page")
        return JSONResponse(await turns.run(page, partial(reader.read, body)))

    async def model(request: Request) -> Response:
        return JSONResponse(reader.about() | {"most_bytes": MOST_BYTES})

    app = Starlette(
        routes=[
            *page_routes(),
            Route("/model", model, methods=["GET"]),
            Route("/read", read, methods=["POST"]),
        ],
        exception_handlers={
            TooLargeError: _answer(413),
            SeqloomError: _answer(400),
            SupersededError: _answer(409, "A newer request of this page came first."),
            HTTPException: _http_error,
            Exception: _answer(500, "The model failed; the terminal of the demo says why."),
        },
    )
    return Guard(app, host)


async def body_of(request: Request) -> bytes:
    """Return a request's body.

    Raises:
        TooLargeError: it is over `MOST_BYTES`; the rest is not read.
    """
    body = bytearray()
    too_large = int(request.headers.get("content-length", 0)) > MOST_BYTES
    if not too_large:
        async for chunk in request.stream():
            body += chunk
            too_large = len(body) > MOST_BYTES
            if too_large:
                break
    if too_large:
        raise TooLargeError(
            f"What was sent is over {MOST_BYTES >> 20} MB; send a smaller image of the line."
        )
    return bytes(body)


def page_routes() -> list[Route]:
    """Return a route for each file of the page; nothing else can be asked for."""
    return [
        Route(f"/{'' if one.name == 'index.html' else one.name}", _file(one.read_bytes(), one.name))
        for one in files(__package__).joinpath("page").iterdir()
    ]


def _file(content: bytes, name: str) -> Callable[[Request], Response]:
    kind = TYPES[name.rpartition(".")[2]]
    return lambda request: Response(content, media_type=kind)


def _answer(status: int, text: str | None = None) -> Callable[[Request, Exception], Response]:
    """Return a handler of errors that answers with a sentence, if not another then the error's."""
    return lambda request, fault: JSONResponse({"error": text or str(fault)}, status)


def _http_error(request: Request, fault: Exception) -> Response:
    """Answer where no route leads: an unknown address, or another method than it has."""
    assert isinstance(fault, HTTPException)
    text = f"{request.method} {request.url.path}: {fault.detail}. There is POST /read."
    return JSONResponse({"error": text}, fault.status_code, fault.headers)
