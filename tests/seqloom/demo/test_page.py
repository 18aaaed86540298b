"""Pads for texts and sounds in a real browser; the handwriting's tests try the rest of the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
from demo_page import chromium, serving, strict_page
from playwright.sync_api import Browser, Page, expect

from seqloom.demo.served import ServedModel
from seqloom.interfaces import Prediction

pytestmark = pytest.mark.browser

HERTZ = 800


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone hears a tone."""
    file = tmp_path_factory.mktemp("microphone") / "tone.wav"
    wave = 0.5 * np.sin(2 * np.pi * HERTZ * np.arange(96_000) / 48_000)
    soundfile.write(file, wave, 48_000, subtype="PCM_16")
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    )
    with chromium(*flags) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with strict_page(browser) as page:
        yield page


def test_a_text_is_read_as_it_is_typed(page: Page, tagger: ServedModel) -> None:
    with serving(tagger) as address:
        page.goto(address)
        box = page.get_by_label("Text to read")
        box.press_sequentially("Anna ate an apple.")
        expect(page.locator("#shown p.predicted")).to_have_text(re.compile("Anna.* ate.* apple"))
        expect(page.locator("#answer")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(box).to_have_value("")
        expect(page.locator("#more")).to_be_hidden()


def test_a_class_is_shown_with_the_others(page: Page, classifier: ServedModel) -> None:
    text = "I eat an <b>apple</b>."
    expected = classifier.pipeline(text)
    with serving(classifier) as address:
        page.goto(address)
        page.get_by_label("Text to read").fill(text)
        expect(page.locator("#reading")).to_have_text(expected["label"])
        expect(page.locator("#classes li")).to_have_count(len(expected["probabilities"]))
        page.get_by_text("How the model reads it").click()
        expect(page.locator("#shown .predicted")).to_have_text(expected["label"])


class Recorder(ServedModel):
    """Keeps what it was asked to read."""

    def answer(self, body: bytes) -> Prediction:
        self.body = body
        return super().answer(body)


def test_what_the_microphone_hears_is_recorded_and_read(page: Page, listener: ServedModel) -> None:
    served = Recorder(listener.pipeline, "listener")
    with serving(served) as address:
        page.goto(address)
        page.get_by_role("button", name="Record").click()
        expect(page.locator("#time")).to_have_text(re.compile(r"^(0\.[5-9]|[1-9])"))
        assert float(page.locator("#level").get_attribute("value") or 0) > 0.5
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#reading")).not_to_be_empty()
        samples, rate = soundfile.read(io.BytesIO(served.body))
        label = served.answer(served.body)["reading"]
        expect(page.locator("#reading")).to_have_text(label)
        picture = page.get_by_role("img", name="spectrum")
        expect(picture).to_be_visible()
        assert picture.evaluate("canvas => [canvas.width > 9, canvas.height]") == [True, 40]
        expect(page.get_by_role("button", name="Play")).to_be_enabled()
        page.get_by_role("button", name="Clear").click()
        expect(page.locator("#reading")).to_be_empty()
        file = {"name": "again.wav", "mimeType": "audio/wav", "buffer": served.body}
        page.get_by_label("Choose a file").set_input_files(file)  # type: ignore[arg-type]
        expect(page.locator("#reading")).to_have_text(label)
    assert 0.4 < len(samples) / rate < 30
    loudest = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
    assert loudest == pytest.approx(HERTZ, rel=0.01)


def test_without_a_microphone_it_says_what_to_do(page: Page, listener: ServedModel) -> None:
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => {"
        " throw new DOMException('no', 'NotAllowedError'); };"
    )
    with serving(listener) as address:
        page.goto(address)
        page.get_by_role("button", name="Record").click()
        expect(page.locator("#status")).to_contain_text("The page may not use the microphone.")
        notes = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"no sound"}
        page.get_by_label("Choose a file").set_input_files(notes)  # type: ignore[arg-type]
        expect(page.locator("#status")).to_contain_text("cannot be read as a sound file")
