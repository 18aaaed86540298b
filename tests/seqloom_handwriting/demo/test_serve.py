"""The server without a browser: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from seqloom.demo import limits
from seqloom.demo.serve import SupersededError, Turns, application
from seqloom.demo.served import ServedModel
from seqloom.interfaces import Prediction
from seqloom.model.pipeline import Pipeline

Digits = Callable[..., list[list[list[float]]]]


def ask(
    address: str,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, HTTPMessage, bytes]:
    """Send a request as it is given; return the status, the headers and the body."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=600)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(address: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(address, "POST", "/read", body, headers)
    return status, json.loads(answer)


def packed(strokes: Any) -> bytes:
    return json.dumps({"strokes": strokes}).encode()


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "text/html", b"<!doctype html>"),
        ("/style.css", "text/css", b":root"),
        ("/main.js", "text/javascript", b"import"),
        ("/icon.svg", "image/svg+xml", b"<svg"),
    ],
)
def test_the_files_of_the_page(stroke_page: str, path: str, kind: str, text: bytes) -> None:
    status, headers, body = ask(stroke_page, "GET", path)
    assert status == 200
    assert headers["content-type"].startswith(kind)
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert body.startswith(text) or text in body


@pytest.mark.parametrize(
    "path",
    ["/../reader.py", "/%2e%2e/reader.py", "//etc/passwd", "/page/index.html", "/..%2freader.py"],
)
def test_no_other_file_can_be_had(stroke_page: str, path: str) -> None:
    status, _, body = ask(stroke_page, "GET", path)
    assert status == 404
    assert "Not Found. Use POST /read." in json.loads(body)["error"]


def test_another_method_is_answered_in_a_sentence(stroke_page: str) -> None:
    status, headers, body = ask(stroke_page, "GET", "/read")
    assert status == 405
    assert headers["allow"] == "POST"
    assert json.loads(body)["error"].startswith("GET /read: Method Not Allowed.")


def test_strokes_are_read(stroke_page: str, stroke_reader: Pipeline, digits: Digits) -> None:
    strokes = digits("741", 100, 30, 20)
    status, found = post(stroke_page, packed(strokes))
    assert status == 200
    expected = stroke_reader({"strokes": strokes})
    assert found["text"] == expected["text"] == "741"
    assert found["confidence"] == pytest.approx(expected["confidence"], abs=1e-5)
    places = [(one["left"], one["right"]) for one in found["characters"]]
    widest = [(left - 1, left + 61) for left in (30, 30 + 95, 30 + 190)]
    for place, bounds in zip(places, widest, strict=True):
        assert bounds[0] <= place[0] <= place[1] <= bounds[1]


def test_an_image_is_read(image_page: str, image_reader: Pipeline, line: np.ndarray) -> None:
    status, found = post(image_page, png(line))
    assert status == 200
    assert found["text"] == image_reader({"image": line})["text"] != ""
    ends = [end for one in found["characters"] for end in (one["left"], one["right"])]
    assert ends == sorted(ends)
    assert 0 <= ends[0] < ends[-1] <= line.shape[1]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "The request is not JSON. Expected JSON"),
        (b"\xff\x00", 400, "The request is not JSON"),
        (b"[" * 50_000, 400, "The request is not JSON"),
        (b'{"stroke": [[[1, 2]]]}', 400, "The request has no strokes. Expected JSON"),
        (b'{"strokes": []}', 400, "The request has no strokes"),
        (
            packed([[[1, 2]], [[1, "b"]]]),
            400,
            "stroke 2 is [[1, 'b']]; expected one or more points",
        ),
        (packed([[]]), 400, "stroke 1 is []; expected"),
        (packed([[[10**400, 1]]]), 400, "…; expected one or more points"),
        (b'{"strokes": [[[NaN, 1]]]}', 400, "stroke 1 is [[nan, 1]]; expected"),
        (packed([[[0, 0]] * 20_001]), 413, "The writing has 20001 points; up to 20000 can be read"),
        (packed([[[0, 0], [9, 1]] * 4000]), 413, "steps long; up to 20000 can be read at a time"),
        (packed([[]] * 70_000), 413, "The writing has more than 20000 points. Write less."),
        (b'{"strokes": 1, "strokes": [[[1, 2]]]}', 400, "The request is not JSON"),
        (b" " * (16 * 1024 * 1024 + 1), 413, "The request is over 16 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_strokes_that_cannot_be_read(stroke_page: str, body: bytes, status: int, text: str) -> None:
    found, answer = post(stroke_page, body)
    assert (found, text in answer["error"]) == (status, True), answer


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            b"",
            "The request is not an image of a known format, or is damaged; expected one of PNG",
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%EOF\n", "The request is not an image of a known format"),
        (packed([[[1, 2]]]), "The request is not an image of a known format"),
        (png(np.eye(200, dtype=np.uint8))[:100], "The request cannot be decoded: "),
        (png(np.zeros((2, 401), np.uint8)), "the image is 401 pixels wide and only 2 high"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_images_that_cannot_be_read(image_page: str, body: bytes, text: str) -> None:
    status, answer = post(image_page, body)
    assert (status, text in answer["error"]) == (400, True), answer


def test_a_body_without_a_length_is_cut_off_too(stroke_page: str) -> None:
    connection = HTTPConnection(urlsplit(stroke_page).netloc, timeout=600)
    chunks = (b" " * 2**20 for _ in range(17))
    connection.request("POST", "/read", chunks, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert "over 16 MB" in json.loads(answer.read())["error"]
    connection.close()


FOREIGN = "The demo answers its own page only, not"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"Host": "evil.example:7860"}, "This demo does not serve 'evil.example:7860'"),
        ({"Host": "localhost.evil.example"}, "This demo does not serve"),
        ({"Host": "[::1"}, "This demo does not serve"),
        ({"Host": ""}, "This demo does not serve ''"),
        ({"Origin": "http://evil.example"}, f"{FOREIGN} http://evil.example."),
        ({"Origin": "null"}, f"{FOREIGN} null."),
        ({"Origin": "http://127.0.0.1:1"}, FOREIGN),  # another program on this machine
        ({"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate"}, FOREIGN),  # a form
        ({"Sec-Fetch-Site": "cross-site"}, f"{FOREIGN} other sites."),
    ],
)
def test_other_sites_are_refused(stroke_page: str, headers: dict[str, str], text: str) -> None:
    for method, path in (("POST", "/read"), ("GET", "/model"), ("GET", "/")):
        status, _, body = ask(stroke_page, method, path, b"{}", headers)
        assert status == 403
        assert text in json.loads(body)["error"]


def test_the_own_page_and_programs_are_let_in(stroke_page: str) -> None:
    own = urlsplit(stroke_page).netloc
    port = own.rpartition(":")[2]
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for headers in (
        {"Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"},
        {"Host": f"LOCALHOST:{port}", "Origin": f"http://localhost:{port}"},
        {"Host": "localhost:9000"},  # a tunnel has another port
        {"Host": f"[::1]:{port}"},
        link,
    ):
        assert ask(stroke_page, "GET", "/model", headers=headers)[0] == 200


def test_what_it_says_of_the_model(stroke_page: str, image_page: str) -> None:
    found = json.loads(ask(stroke_page, "GET", "/model")[2])
    assert (found["name"], found["takes"], found["symbols"]) == ("mine", "strokes", ["1", "4", "7"])
    assert found["parts"] == {
        "frontend": "strokes", "encoder": "bigru", "head": "ctc", "data": "strokes"
    }  # fmt: skip
    other = json.loads(ask(image_page, "GET", "/model")[2])
    assert (other["takes"], other["ink"], len(other["symbols"])) == ("image", "dark", 10)


def test_a_model_that_fails_is_told_from_bad_input(
    stroke_reader: Pipeline,
    running: Callable[[ServedModel], AbstractContextManager[str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Broken(ServedModel):
        def answer(self, body: bytes) -> Prediction:
            raise RuntimeError("out of memory")

    with running(Broken(stroke_reader, "broken")) as address:
        status, answer = post(address, b"{}")
    assert status == 500
    assert answer["error"] == "The model failed; see the terminal of the demo."
    assert "RuntimeError: out of memory" in capfd.readouterr().err


def play(pages: list[str | None]) -> tuple[list[object], list[int]]:
    """Ask for work 0 of a page of its own, then, while that is done, for the work of these pages.

    Returns:
        The results, and the work in the order in which it was done.
    """
    turns, gate, begun, done = Turns(), threading.Event(), threading.Event(), list[int]()

    def work(number: int) -> int:
        begun.set()
        gate.wait(5)
        done.append(number)
        return number

    async def main() -> list[object]:
        first = asyncio.create_task(turns.run("first", lambda: work(0)))
        await asyncio.to_thread(begun.wait, 5)
        rest = [
            asyncio.create_task(turns.run(page, partial(work, number)))
            for number, page in enumerate(pages, 1)
        ]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    results = asyncio.run(main())
    assert turns._newest == {}
    return results, done


def test_of_a_page_that_waits_only_the_newest_is_done() -> None:
    results, done = play(["a", "a", "a"])
    assert done == [0, 3]
    assert [type(one) for one in results] == [int, SupersededError, SupersededError, int]


def test_pages_do_not_supersede_each_other() -> None:
    assert play(["a", "b", "a"])[1] == [0, 2, 3]


def test_requests_of_no_page_are_all_done() -> None:
    assert play([None, None])[1] == [0, 1, 2]


def test_what_has_begun_is_finished() -> None:
    assert play(["first"])[0] == [0, 1]


def test_only_one_is_done_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1

    async def main() -> None:
        await asyncio.gather(*(turns.run(None, work) for _ in range(5)))

    asyncio.run(main())
    assert most == 1


def test_errors_come_through() -> None:
    def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(Turns().run("a", work))


def test_a_request_that_does_not_arrive_ends_and_blocks_no_other(
    stroke_reader: Pipeline,
    running: Callable[[ServedModel], AbstractContextManager[str]],
    digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RECEIVE_SECONDS", 0.5)
    head = b"POST /read HTTP/1.1\r\nHost: localhost\r\n"
    with running(ServedModel(stroke_reader, "mine")) as address:
        place = (urlsplit(address).hostname or "", urlsplit(address).port or 0)
        with ExitStack() as stack:
            starts = [b"", head, head + b"Content-Length: 9\r\n\r\n{"] * 5
            slow = [stack.enter_context(socket.create_connection(place, 20)) for _ in starts]
            for one, start in zip(slow, starts, strict=True):
                one.sendall(start)
            assert post(address, packed(digits("7", 100, 30, 20)))[0] == 200
            answers = [b"".join(iter(partial(one.recv, 4096), b"")) for one in slow]
    assert answers[0] == answers[1] == b""
    assert answers[2].startswith(b"HTTP/1.1 408 ")
    assert b"The request did not arrive within 0.5 seconds; send it again." in answers[2]


def test_a_page_that_leaves_in_its_request_is_no_failure(stroke_reader: Pipeline) -> None:
    app = application(ServedModel(stroke_reader, "mine"), "127.0.0.1")
    left = iter([{"type": "http.request", "body": b"{", "more_body": True}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(left, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/read",
        "headers": [(b"host", b"127.0.0.1")],
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))  # an exception would be printed as a traceback
    assert sent[0]["status"] == 400


def test_requests_together_are_limited(
    stroke_reader: Pipeline,
    running: Callable[[ServedModel], AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MOST_TOGETHER", 1000)
    monkeypatch.setattr(limits, "MOST_REQUESTS", 3)
    body = packed([[[1, 2], [2, 1]]])
    with running(ServedModel(stroke_reader, "mine")) as address:
        netloc = urlsplit(address).netloc
        with ExitStack() as stack:
            for _ in range(2):
                one = HTTPConnection(netloc, timeout=600)
                stack.callback(one.close)
                one.putrequest("POST", "/read")
                one.putheader("Content-Length", "600")
                one.endheaders(b" " * 450)
            wait_until(lambda: post(address, b" " * 200)[0] == 503)
            status, answer = post(address, b" " * 200)
            assert (status, "too large in total" in answer["error"]) == (503, True)
            assert post(address, body)[0] == 200  # a small one has its turn
            one = HTTPConnection(netloc, timeout=600)
            stack.callback(one.close)
            one.putrequest("POST", "/read")
            one.putheader("Content-Length", "600")
            one.endheaders(b" ")
            wait_until(lambda: post(address, body)[0] == 503)
            assert "Too many requests are waiting" in post(address, body)[1]["error"]
        wait_until(lambda: post(address, body)[0] == 200)  # what they took is given back


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 600
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
