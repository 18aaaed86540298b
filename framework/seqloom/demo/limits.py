"""Limits on requests to the demo: bytes per request and in total, and time to arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import h11
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

from seqloom.errors import DataError, TooLargeError

MOST_BYTES = 16 * 1024 * 1024
"""Maximum number of bytes of a request."""

MOST_TOGETHER = 4 * MOST_BYTES
"""Maximum number of bytes of all requests that are being received, wait or are being read."""

MOST_REQUESTS = 64
"""Maximum number of such requests."""

MOST_DISCARDED = 16 * MOST_BYTES
"""Maximum number of bytes of a refused request that are received, for its sender to get an answer.
"""

IDLE_SECONDS = 2.0
"""Time without a byte after which the rest of a refused request is not waited for."""

RECEIVE_SECONDS = 20.0
"""Maximum time for the headers of a request to arrive, and then for its body."""

DISCARD_SECONDS = {408: 0.0, 503: 2.0}
"""Maximum time for the rest of a refused request by the answer's status; else `RECEIVE_SECONDS`.

Who was too slow has had its time, and 503 is there to be rid of requests.
"""

MOST_CONNECTIONS = 500
"""Maximum number of connections; more are answered with 503 at once."""


class BusyError(DataError):
    """There are too many requests at once."""


class SlowError(DataError):
    """A request does not arrive in time."""


class Bodies:
    """Receives the bodies of requests, within limits on all of them together."""

    def __init__(self) -> None:
        self._requests = 0
        self._bytes = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Yield the share of one request, which is given back when the request is answered.

        Raises:
            BusyError: There are too many requests.
        """
        if self._requests >= MOST_REQUESTS:
            raise BusyError("Too many requests are waiting. Try again in a moment.")
        share = Share(self)
        self._requests += 1
        try:
            yield share
        finally:
            self._requests -= 1
            self._bytes -= share.size

    def add(self, size: int) -> None:
        """Count bytes.

        Raises:
            BusyError: The bodies have too many bytes together.
        """
        self._bytes += size
        if self._bytes > MOST_TOGETHER:
            raise BusyError("The waiting requests are too large in total. Try again in a moment.")


class Share:
    """What one request takes.

    Attributes:
        size: Number of bytes of its body so far.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size = 0

    async def receive(self, request: Request) -> bytes:
        """Return the request's body.

        Raises:
            TooLargeError: The body is over `MOST_BYTES`; the rest is not kept.
            BusyError: The bodies of all requests are too large together.
            SlowError: The body does not arrive in time.
        """
        if int(request.headers.get("content-length", 0)) > MOST_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                return await self._all(request)
        except TimeoutError:
            raise SlowError(
                f"The request did not arrive within {RECEIVE_SECONDS:g} seconds; send it again."
            ) from None

    async def _all(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            self.size += len(chunk)
            self._bodies.add(len(chunk))
            if self.size > MOST_BYTES:
                raise _too_large()
            body += chunk
        return bytes(body)


class Rest:
    """What has not been received yet of a request's body.

    A sender that is still sending sees no answer: the connection is reset where it is closed with
    bytes that nobody has received.

    Args:
        headers: Headers of the request.
        receive: Receives the next part of the body.
    """

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self._is_left = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        self._is_held_back = "expect" in headers  # until the server asks for it

    async def receive(self) -> Message:
        """Return the next part."""
        self._is_held_back = False
        message = await self._receive()
        self._is_left = bool(message.get("more_body"))
        return message

    async def discard(self, status: int) -> bool:
        """Receive what is left, up to `MOST_DISCARDED` bytes, and forget it.

        Args:
            status: Status of the answer, by which the time is limited.

        Returns:
            Whether all has been received; if not, the connection must be closed.
        """
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS.get(status, RECEIVE_SECONDS)):
                while self._is_left and not self._is_held_back and size < MOST_DISCARDED:
                    async with asyncio.timeout(IDLE_SECONDS):
                        message = await self.receive()
                    size += len(message.get("body", b""))
        return not self._is_left


def _too_large() -> TooLargeError:
    return TooLargeError(f"The request is over {MOST_BYTES >> 20} MB; send less at a time.")


class Protocol(H11Protocol):
    """HTTP that closes connections whose next request does not begin in time.

    uvicorn waits without end for the headers of a request that has started.
    """

    def connection_made(self, transport: Any) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(RECEIVE_SECONDS, self._close_if_late)

    def on_response_complete(self) -> None:
        """Start the clock for the next request."""
        super().on_response_complete()
        self._clock.cancel()
        self._clock = self.loop.call_later(RECEIVE_SECONDS, self._close_if_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._clock.cancel()
        super().connection_lost(exc)

    def _close_if_late(self) -> None:
        if self.conn.their_state is h11.IDLE:  # no whole request line and headers yet
            self.transport.close()
