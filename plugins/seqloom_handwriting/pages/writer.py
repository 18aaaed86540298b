"""What ``seqloom predict --to alto`` and ``--to pagexml`` write: pages with what was read."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from seqloom.errors import ConfigError
from seqloom.interfaces import Example, Head, Prediction
from seqloom_handwriting.pages.fill import fill
from seqloom_handwriting.pages.model import Form
from seqloom_handwriting.pages.regions import Reading


class PageWriter:
    """Writes one file of XML a page into a folder, as soon as the page's last line is read.

    Args:
        out: the folder; made if it is not there.
        head: that predicts.

    Raises:
        ConfigError: there is no folder to write to.
    """

    form: ClassVar[Form]

    def __init__(self, out: Path | None, head: Head) -> None:
        if out is None or (out.exists() and not out.is_dir()):
            found = "there is no --out" if out is None else f"{out} is a file"
            raise ConfigError(
                f"Each page becomes a file of XML, but {found}; give a folder: --out FOLDER"
            )
        self._out = out
        self._head = type(head).__name__
        self._page: Path | None = None
        self._readings: dict[str, Reading] = {}
        self._written: dict[Path, Path] = {}

    def write(self, example: Example, prediction: Prediction) -> None:
        """Take up one line; the lines of a page come one after another.

        Raises:
            ConfigError: the example is no line of a page, there is no text in the prediction, or
                the page would be written over another file.
            RunError: the page before cannot be written.
        """
        if "xml" not in example.meta or "line" not in example.meta:
            raise ConfigError(
                f"{example.origin or example.id} is no line of a page with XML, so there is "
                "nothing to fill in; predict from ALTO or PAGE XML with --data pages."
            )
        if "text" not in prediction:
            raise ConfigError(
                f"{self._head} does not predict the text of a line, which is what pages are filled "
                "with; use --to jsonl."
            )
        xml = Path(example.meta["xml"])
        if xml != self._page:
            self.close()
            self._begin(xml)
        self._readings[example.meta["line"]] = (prediction["text"], prediction.get("confidence"))

    def close(self) -> None:
        """Write the last page.

        Raises:
            RunError: it cannot be written.
        """
        if self._page is not None:
            fill(self._page, self._readings, self._out / self._page.name, self.form)
        self._page, self._readings = None, {}

    def _begin(self, xml: Path) -> None:
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
