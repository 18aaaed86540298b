"""Who sends what the demo refuses gets the answer, not a connection that is reset."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from seqloom.cli.demo import listen
from seqloom.demo import limits
from seqloom.demo.serve import Guard

BODY = bytes(limits.MOST_BYTES + (1 << 20))
HEAD = b"POST /read HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


@pytest.fixture
def place() -> Iterator[tuple[str, int]]:
    """Return the address of a server that refuses each request without looking at its body.

    It answers with the status that the header ``Status`` asks for.
    """

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        status = int(Request(scope).headers.get("status", 413))
        await JSONResponse({"error": "The request is over 16 MB."}, status)(scope, receive, send)

    config = uvicorn.Config(
        Guard(refuse, "127.0.0.1"), http=limits.Protocol, lifespan="off", log_level="warning"
    )
    with listen("127.0.0.1", 0) as sock:
        web = uvicorn.Server(config)
        thread = threading.Thread(target=web.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        yield sock.getsockname()
        web.should_exit = True
        thread.join()


def answer(one: socket.socket) -> bytes:
    return b"".join(iter(partial(one.recv, 4096), b""))


def test_a_program_sees_the_answer(place: tuple[str, int]) -> None:
    with pytest.raises(HTTPError, match="413"):
        urlopen(f"http://{place[0]}:{place[1]}/read", BODY, timeout=60)


@pytest.mark.parametrize(
    ("header", "body"),
    [(b"Content-Length: %d" % len(BODY), BODY), (b"Transfer-Encoding: chunked", b"1000000\r\n")],
    ids=["whole", "in chunks, and then silent"],
)
def test_who_sends_all_before_it_listens_sees_the_answer(
    place: tuple[str, int], header: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IDLE_SECONDS", 0.3)
    with socket.create_connection(place, 60) as one:
        one.sendall(HEAD + header + b"\r\n\r\n" + body)
        assert answer(one).startswith(b"HTTP/1.1 413 ")


def test_who_asks_first_is_answered_at_once(place: tuple[str, int]) -> None:
    with socket.create_connection(place, 60) as one:  # as curl does
        one.sendall(HEAD + b"Content-Length: 99\r\nExpect: 100-continue\r\n\r\n")
        assert answer(one).startswith(b"HTTP/1.1 413 ")


def test_not_everything_is_received(
    place: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_DISCARDED", 1000)
    start = time.monotonic()
    with socket.create_connection(place, 60) as one:
        one.sendall(HEAD + b"Content-Length: 9999\r\n\r\n" + bytes(2000))
        assert answer(one).startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - start < limits.RECEIVE_SECONDS


@pytest.mark.parametrize("status", [408, 503, 413])
def test_who_goes_on_sending_slowly_is_left(
    place: tuple[str, int], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if status == 413:
        monkeypatch.setattr(limits, "RECEIVE_SECONDS", 2.0)
    start = time.monotonic()
    with socket.create_connection(place, 0.1) as one:  # it keeps the connection
        one.sendall(HEAD.replace(b"Connection: close", b"Status: %d" % status))
        one.sendall(b"Content-Length: 9999\r\n\r\n")
        found = b""
        with suppress(ConnectionError):  # it is closed, perhaps before the last byte arrives
            while time.monotonic() < start + 10:
                with suppress(TimeoutError):
                    part = one.recv(4096)
                    if not part:
                        break
                    found += part
                one.sendall(b"1")
    took = time.monotonic() - start
    assert found.startswith(b"HTTP/1.1 %d " % status)
    assert took < (1 if status == 408 else 6)
