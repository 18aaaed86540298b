"""The page in a real browser: one writes, the model reads along."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from demo_page import chromium, strict_page
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from seqloom.demo.served import ServedModel
from seqloom.interfaces import Prediction
from seqloom.model.pipeline import Pipeline

pytestmark = pytest.mark.browser

Digits = Callable[..., list[list[list[float]]]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test on a JavaScript error, or if it loads anything from elsewhere."""
    with strict_page(browser) as page:
        yield page


def opened(page: Page, address: str) -> Locator:
    """Open the page; returns its canvas."""
    page.goto(address)
    expect(page.locator("#parts")).not_to_be_empty()
    return page.locator("#canvas")


def draw(page: Page, strokes: list[list[list[float]]]) -> None:
    """Draw strokes, in coordinates of the canvas, with the mouse."""
    box = page.locator("#canvas").bounding_box()
    assert box
    for stroke in strokes:
        places = [(box["x"] + x, box["y"] + y) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()


def reads(page: Page, text: str) -> None:
    expect(page.locator("#reading")).to_have_text(text)
    expect(page.locator("#spoken")).to_have_text(text)


def answer(page: Page, give: Callable[[Route], None]) -> None:
    page.route("**/read", give)


def test_what_is_written_is_read_and_undone(page: Page, stroke_page: str, digits: Digits) -> None:
    opened(page, stroke_page)
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    draw(page, digits("17", 150, 200, 120))
    reads(page, "17")
    expect(page.locator("#sure")).to_contain_text("% sure")
    draw(page, digits("4", 150, 500, 120))
    reads(page, "174")
    undo.click()
    page.keyboard.press("Control+z")  # a 4 has two strokes
    reads(page, "17")
    page.keyboard.press("Control+z")
    reads(page, "1")
    clear.click()
    reads(page, "")
    expect(clear).to_be_disabled()
    expect(page.get_by_text("Write here")).to_be_visible()
    draw(page, digits("7", 150, 200, 120))
    reads(page, "7")
    page.keyboard.press("Escape")
    reads(page, "")


def boxes(found: Locator) -> list[dict[str, float]]:
    """Return the places of elements, all at the same time: each prediction makes them anew."""
    places: list[dict[str, float]] = found.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().toJSON())"
    )
    return places


def test_each_character_stands_over_its_place(page: Page, stroke_page: str, digits: Digits) -> None:
    opened(page, stroke_page)
    draw(page, digits("1", 150, 200, 120) + digits("7", 150, 500, 120))
    reads(page, "17")
    labels = page.locator("#labels span")
    expect(labels).to_have_text(["1", "7"])
    paper = page.locator("#canvas").bounding_box()
    assert paper
    for box, left in zip(boxes(labels), (200, 500), strict=True):
        middle = box["x"] + box["width"] / 2 - paper["x"]
        assert left - 2 <= middle <= left + 0.6 * 150 + 2
        assert box["y"] + box["height"] <= paper["y"] + 120


def test_it_reads_along_while_the_pen_is_down(page: Page, stroke_page: str, digits: Digits) -> None:
    opened(page, stroke_page)
    [stroke] = digits("7", 150, 200, 120)
    box = page.locator("#canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + stroke[0][0], box["y"] + stroke[0][1])
    page.mouse.down()
    for x, y in stroke[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    reads(page, "7")  # the button is still down
    page.mouse.up()
    reads(page, "7")


def test_the_paper_may_be_cleared_under_the_pen(page: Page, stroke_page: str) -> None:
    canvas = opened(page, stroke_page)
    canvas.hover(position={"x": 100, "y": 100})
    page.mouse.down()
    canvas.hover(position={"x": 150, "y": 150})
    page.keyboard.press("Escape")
    canvas.hover(position={"x": 200, "y": 50})
    page.mouse.up()
    page.wait_for_timeout(300)
    reads(page, "")
    expect(page.locator("#status")).to_be_empty()


def test_strokes_are_sent_in_pixels_of_the_canvas(
    page: Page, stroke_page: str, digits: Digits
) -> None:
    opened(page, stroke_page)
    [drawn] = digits("1", 150, 200, 120)
    with page.expect_request(
        lambda one: one.url.endswith("/read") and len(sent(one)[0]) >= 17
    ) as found:
        draw(page, [drawn])
    [stroke] = sent(found.value)
    points = np.array(stroke)
    for corner in drawn:
        assert np.hypot(*(points - corner).T).min() < 2
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.min() >= 1.4
    assert points[:, 1].max() == pytest.approx(270, abs=2)  # y grows downwards


def sent(request: Any) -> list[list[list[float]]]:
    return json.loads(request.post_data)["strokes"]  # type: ignore[no-any-return]


def test_a_tap_of_a_finger_is_a_dot(page: Page, stroke_page: str) -> None:
    canvas = opened(page, stroke_page)
    with page.expect_request("**/read") as found:
        canvas.tap(position={"x": 100, "y": 80})
    [[point]] = sent(found.value)
    assert point == pytest.approx([100, 80], abs=1.5)


def test_characters_are_paler_where_the_model_is_unsure(
    page: Page, stroke_page: str, digits: Digits
) -> None:
    opened(page, stroke_page)
    characters = [
        {"character": "4", "confidence": 0.99, "left": 210, "right": 220},
        {"character": "<", "confidence": 0.2, "left": 310, "right": 320},
    ]
    found = {"text": "4<", "confidence": 0.6, "characters": characters}
    answer(page, lambda route: route.fulfill(json=found))
    draw(page, digits("1", 150, 200, 120))
    reads(page, "4<")
    sure, unsure = page.locator("#reading span").all()
    assert opacity(unsure) < 0.5
    assert opacity(sure) > 0.9
    assert unsure.get_attribute("title") == "<: 20 % sure"
    assert page.locator("#sure").inner_text() == "60 % sure"


def opacity(locator: Locator) -> float:
    return float(locator.evaluate("one => getComputedStyle(one).opacity"))


def test_of_classes_the_most_probable_are_shown(
    page: Page, stroke_page: str, digits: Digits
) -> None:
    opened(page, stroke_page)
    shares = {"3": 0.05, "8": 0.81, "5": 0.06, "6": 0.01, "1": 0.03, "2": 0.04}
    found = {"label": "8", "confidence": 0.81, "probabilities": shares}
    answer(page, lambda route: route.fulfill(json=found))
    before = page.locator("#canvas").bounding_box()
    draw(page, digits("1", 150, 200, 120))
    reads(page, "8")
    rows = page.locator("#classes li")
    expect(rows).to_have_text(["881 %", "56 %", "35 %", "24 %", "13 %"])
    assert page.locator("#canvas").bounding_box() == before  # it must not move under the pen


def test_an_answer_that_comes_late_is_dropped(page: Page, stroke_page: str, digits: Digits) -> None:
    opened(page, stroke_page)
    late: list[Route] = []

    def give(route: Route) -> None:
        count = len(sent(route.request))
        late.append(route) if count == 1 else route.fulfill(json={"text": f"{count} strokes"})

    answer(page, give)
    draw(page, digits("17", 150, 200, 120))
    reads(page, "2 strokes")
    assert late
    with page.expect_request_finished(lambda one: one == late[-1].request):
        for route in late:
            route.fulfill(json={"text": "late"})
    page.wait_for_timeout(50)
    reads(page, "2 strokes")


def test_errors_are_shown_as_sentences(page: Page, stroke_page: str, digits: Digits) -> None:
    opened(page, stroke_page)
    status = page.locator("#status")
    answer(page, lambda route: route.fulfill(status=400, json={"error": "Too small to read."}))
    draw(page, digits("1", 150, 200, 120))
    expect(status).to_have_text("Too small to read.")
    page.unroute("**/read")
    answer(page, lambda route: route.abort())
    draw(page, digits("7", 150, 400, 120))
    expect(status).to_have_text("The demo does not answer. Is it still running?")
    page.unroute("**/read")
    draw(page, digits("1", 150, 600, 120))
    reads(page, "171")
    expect(status).to_be_empty()


def test_it_says_which_model_reads(page: Page, stroke_page: str) -> None:
    opened(page, stroke_page)
    assert page.title() == "mine · seqloom demo"
    assert page.locator("h1").inner_text() == "mine"
    assert page.locator("#parts").inner_text() == "strokes · bigru · ctc · strokes"
    page.get_by_text("About the model").click()
    about = page.locator("#about")
    expect(about).to_contain_text("1 4 7")
    expect(about).to_contain_text("cer 0.0")


def test_it_has_a_dark_side(page: Page, stroke_page: str) -> None:
    def grounds() -> list[str]:
        script = "one => getComputedStyle(one).backgroundColor"
        return [page.locator(name).evaluate(script) for name in ("html", "#paper")]

    page.emulate_media(color_scheme="light")
    opened(page, stroke_page)
    light = grounds()
    page.emulate_media(color_scheme="dark")
    dark = grounds()
    assert all(sum(levels(one)) > 600 for one in light)
    assert all(sum(levels(one)) < 150 for one in dark)


def levels(colour: str) -> list[int]:
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  for (const type of ["dragover", "drop"])
    document.querySelector("#paper").dispatchEvent(
      new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_an_image_that_is_dropped_is_read(
    page: Page, image_page: str, image_reader: Pipeline, line: np.ndarray
) -> None:
    opened(page, image_page)
    text = image_reader({"image": line})["text"]
    assert text
    page.evaluate(DROP, ["line.png", list(png(line))])
    reads(page, text)
    labels = page.locator("#labels span")
    expect(labels).to_have_text(list(text))
    lefts = [box["x"] for box in boxes(labels)]
    assert lefts == sorted(lefts)
    page.get_by_role("button", name="Undo").click()
    reads(page, "")
    page.evaluate(DROP, ["notes.txt", list(b"no image")])
    expect(page.locator("#status")).to_contain_text("not an image of a known format")


def test_an_image_that_is_chosen_is_read(
    page: Page, image_page: str, image_reader: Pipeline, line: np.ndarray
) -> None:
    opened(page, image_page)
    file = {"name": "line.png", "mimeType": "image/png", "buffer": png(line)}
    page.get_by_label("Choose an image").set_input_files(file)  # type: ignore[arg-type]
    reads(page, image_reader({"image": line})["text"])


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


class Recorder(ServedModel):
    """Keeps what it was asked to read."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline, "mine")
        self.bodies: list[bytes] = []

    def answer(self, body: bytes) -> Prediction:
        self.bodies.append(body)
        return super().answer(body)


def test_writing_is_sent_to_a_model_of_images_as_an_image(
    page: Page,
    image_reader: Pipeline,
    digits: Digits,
    running: Callable[[ServedModel], AbstractContextManager[str]],
) -> None:
    reader, count = Recorder(image_reader), -1
    with running(reader) as address:
        opened(page, address)
        draw(page, digits("17", 150, 200, 120))
        while count != len(reader.bodies):  # until no more comes
            count = len(reader.bodies)
            page.wait_for_timeout(1000)
        image = np.asarray(Image.open(io.BytesIO(reader.bodies[-1])).convert("L"))
        reads(page, image_reader({"image": image})["text"])
    rows, columns = np.nonzero(image < 128)
    assert image.shape[0] == 96
    assert np.ptp(rows) / image.shape[0] == pytest.approx(0.66, abs=0.1)
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(1.2, abs=0.1)
