"""The web server of the demo.

It keeps other sites away: a page on the web must not use the model through its visitor's browser.
Such a page can send requests to this machine, and by pointing its own name here (DNS rebinding)
even read the answers. Browsers report both: ``Host`` is the name in the address bar, ``Origin``
the site of the page that asks.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqloom.demo.limits import (
    MOST_BYTES,
    MOST_CONNECTIONS,
    Bodies,
    BusyError,
    Protocol,
    Rest,
    SlowError,
)
from seqloom.demo.served import ServedModel
from seqloom.errors import SeqloomError, TooLargeError

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PLACE = "<!-- pad -->"
"""Where the pad's markup goes in the page."""


def serve(served: ServedModel, sock: socket.socket, host: str) -> None:
    """Serve the page until Ctrl-C.

    Args:
        served: Model that answers the requests.
        sock: Listening socket.
        host: Name or address that the demo listens at.
    """
    try:
        server(served, host).run(sockets=[sock])
    except KeyboardInterrupt:  # uvicorn shuts down and then raises it again
        print("The demo has ended.")


def server(served: ServedModel, host: str) -> uvicorn.Server:
    """Return a server that is not running yet."""
    config = uvicorn.Config(
        application(served, host),
        http=Protocol,
        limit_concurrency=MOST_CONNECTIONS,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def application(served: ServedModel, host: str) -> Guard:
    """Return the guarded application: the page's files, ``/model`` and ``/read``."""
    turns, bodies = Turns(), Bodies()

    async def read(request: Request) -> Response:
        page = request.headers.get("x-page")
        with bodies.share() as share:
            body = await share.receive(request)
            return JSONResponse(await turns.run(page, partial(served.answer, body)))

    async def model(request: Request) -> Response:
        return JSONResponse(served.about() | {"most_bytes": MOST_BYTES})

    app = Starlette(
        routes=[
            *page_routes(served.pad.page),
            Route("/model", model, methods=["GET"]),
            Route("/read", read, methods=["POST"]),
        ],
        exception_handlers={
            TooLargeError: _answer(413),
            SlowError: _answer(408),
            ClientDisconnect: _answer(400, "The page was closed before its request had arrived."),
            BusyError: _answer(503),
            SeqloomError: _answer(400),
            SupersededError: _answer(409, "A newer request of this page replaced it."),
            HTTPException: _http_error,
            Exception: _answer(500, "The model failed; see the terminal of the demo."),
        },
    )
    return Guard(app, host)


def page_routes(pad: str) -> list[Route]:
    """Return a route for each file of the page and of its pad; nothing else can be asked for.

    Args:
        pad: Package with the pad's files.
    """
    part = files(pad)
    routes = [_route(f"/pad/{one.name}", one) for one in part.iterdir() if _type_of(one)]
    for one in files(__package__).joinpath("page").iterdir():
        if one.name == "index.html":
            html = one.read_text("utf-8").replace(PLACE, (part / "pad.html").read_text("utf-8"))
            routes.append(Route("/", _file(html.encode(), one)))
        else:
            routes.append(_route(f"/{one.name}", one))
    return routes


def _route(path: str, file: Traversable) -> Route:
    return Route(path, _file(file.read_bytes(), file))


def _type_of(file: Traversable) -> str | None:
    """Return the media type of a file of a page; None for what is none."""
    return TYPES.get(file.name.rpartition(".")[2])


def _file(content: bytes, file: Traversable) -> Callable[[Request], Response]:
    kind = _type_of(file)
    return lambda request: Response(content, media_type=kind)


def _answer(status: int, text: str | None = None) -> Callable[[Request, Exception], Response]:
    """Return a handler of errors that answers with a sentence, if not another then the error's."""
    return lambda request, error: JSONResponse({"error": text or str(error)}, status)


def _http_error(request: Request, error: Exception) -> Response:
    """Answer where no route leads: an unknown address, or another method than it has."""
    assert isinstance(error, HTTPException)
    text = f"{request.method} {request.url.path}: {error.detail}. Use POST /read."
    return JSONResponse({"error": text}, error.status_code, error.headers)


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Guard:
    """Refuses requests that come from other sites, or by a name that is not this machine's.

    Args:
        app: Application for the other requests.
        host: Name or address that the demo listens at.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.names = {"localhost", host.lower(), socket.gethostname().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = Headers(scope=scope)
        rest = Rest(headers, receive)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                own.update(HEADERS)
                if not await rest.discard(message["status"]):
                    own["Connection"] = "close"  # otherwise the server goes on receiving
            await send(message)

        problem = self.problem(headers)
        app = self.app if problem is None else JSONResponse({"error": problem}, 403)
        await app(scope, rest.receive, guarded)

    def problem(self, headers: Headers) -> str | None:
        """Return why a request is refused, or None."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return (
                f"This demo does not serve {host!r}. Open it as localhost, by its IP address, or "
                "by the name that was passed as --host."
            )
        origin = headers.get("origin")
        if _is_embedded(headers) if origin is None else not _is(origin, host):
            return f"The demo answers its own page only, not {origin or 'other sites'}."
        return None

    def _is_own(self, host: str) -> bool:
        """Return whether a name is this machine's; a bare address cannot be pointed elsewhere."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.names or _is_address(name)


def _is_embedded(headers: Headers) -> bool:
    """Return whether another site's page embeds this, rather than links to it."""
    foreign = headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}
    return foreign and headers.get("sec-fetch-mode") != "navigate"


def _is(origin: str, host: str) -> bool:
    return origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


T = TypeVar("T")


class SupersededError(Exception):
    """A newer request of the same page replaced this one before its turn."""


class Turns:
    """Runs work in one thread; of a page's waiting requests, only the newest runs."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._newest: dict[str, object] = {}

    async def run(self, page: str | None, work: Callable[[], T]) -> T:
        """Return what the work returns.

        Args:
            page: Page that asks; work of None always runs.
            work: Function that is called in the thread.

        Raises:
            SupersededError: The page sent newer work before this started.
        """
        token = object()
        if page is not None:
            self._newest[page] = token

        def turn() -> T:
            if page is not None and self._newest.get(page) is not token:
                raise SupersededError
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, turn)
        finally:
            if page is not None and self._newest.get(page) is token:
                del self._newest[page]
