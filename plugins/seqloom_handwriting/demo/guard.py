"""Keeps other sites away: a page on the web must not use the model through its visitor's browser.

Such a page can send requests to this machine, and by pointing its own name here (DNS rebinding)
even read the answers. Browsers tell us of both: ``Host`` is the name in the address bar, ``Origin``
the site of the page that asks.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        app: gets the other requests.
        host: the name or address that the demo was told to listen at.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.names = {"localhost", host.lower(), socket.gethostname().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        problem = self.problem(Headers(scope=scope))
        app = self.app if problem is None else JSONResponse({"error": problem}, 403)
        await app(scope, receive, guarded)

    def problem(self, headers: Headers) -> str | None:
        """Return why a request is refused, or None."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return (
                f"The demo does not go by the name {host!r}. Open it as localhost, by its address "
                "in numbers, or by the name given as --host."
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
    """Return whether another site's page wants this for itself, rather than links to it."""
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
