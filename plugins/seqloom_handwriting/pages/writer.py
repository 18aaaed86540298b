"""What ``seqloom predict --to alto`` and ``--to page`` write: pages with what was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from seqloom.errors import ConfigError
from seqloom.interfaces import Example, HeadCodec, Prediction, Reader
from seqloom_handwriting.pages.fill import fill
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.reader import PageReader
from seqloom_handwriting.pages.regions import Reading


class PageWriter:
    """Writes one file of XML a page into a folder, as soon as the page's last line is read.

    Pages of which no line is read are written too, in the end, with the texts that they had.

    Args:
        out: the folder; made if it is not there.
        codec: of the head that predicts.

    Raises:
        ConfigError: there is no folder to write to.
    """

    form: ClassVar[Form]

    def __init__(self, out: Path | None, codec: HeadCodec) -> None:
        if out is None or (out.exists() and not out.is_dir()):
            found = "there is no --out" if out is None else f"{out} is a file"
            raise ConfigError(
                f"Each page becomes a file of XML, but {found}; give a folder: --out FOLDER"
            )
        self._out = out
        self._codec = type(codec).__name__
        self._pages: Sequence[Path] = ()
        self._page: Path | None = None
        self._readings: dict[str, Reading] = {}
        self._written: dict[Path, Path] = {}

    def begin(self, source: Reader) -> None:
        """Take note of the pages that are read.

        Raises:
            ConfigError: the source reads no pages.
        """
        if not isinstance(source, PageReader):
            raise ConfigError(
                f"{type(source).__name__} reads no pages with XML, so there is nothing to fill in; "
                "predict from ALTO or PAGE XML with --data pages."
            )
        self._pages = source.opened

    def write(self, example: Example, prediction: Prediction) -> None:
        """Take up one line; the lines of a page come one after another.

        Raises:
            ConfigError: there is no text in the prediction, or the page would be written over
                another file.
            RunError: the page before cannot be written.
        """
        if "text" not in prediction:
            raise ConfigError(
                f"{self._codec} does not predict the text of a line, which is what pages are "
                "filled with; use --to jsonl."
            )
        xml = Path(example.meta["xml"])
        if xml != self._page:
            self._finish()
            self._start(xml)
        self._readings[example.meta["line"]] = (prediction["text"], prediction.get("confidence"))

    def close(self) -> None:
        """Write the last page, and those of which no line was read.

        Raises:
            ConfigError: one of them would be written over another file.
            RunError: one of them cannot be written.
        """
        self._finish()
        for xml in self._pages:
            if xml not in self._written.values():
                self._start(xml)
                self._finish()

    def _finish(self) -> None:
        if self._page is not None:
            fill(self._page, self._readings, self._out / self._page.name, self.form)
        self._page, self._readings = None, {}

    def _start(self, xml: Path) -> None:
        target = self._out / xml.name
        if target.resolve() == xml.resolve():
            raise ConfigError(
                f"--out {self._out} is the folder of {xml.name}, which would be written over; give "
                "another folder."
            )
        if target in self._written:
            raise ConfigError(
                f"{xml} and {self._written[target]} would both be written to {target}; predict "
                "from them one at a time, into two folders."
            )
        self._page, self._written[target] = xml, xml


class AltoWriter(PageWriter):
    """Writes ALTO; pages in PAGE XML are converted."""

    form = Form.alto


class PageXmlWriter(PageWriter):
    """Writes PAGE XML; pages in ALTO are converted."""

    form = Form.page
