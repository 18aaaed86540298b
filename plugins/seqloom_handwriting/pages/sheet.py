"""The image of one page, from which its lines are cut."""

from __future__ import annotations

from functools import cached_property

from seqloom_handwriting.images.file import load_gray
from seqloom_handwriting.pages.cut import cut
from seqloom_handwriting.pages.files import find_image
from seqloom_handwriting.pages.flatten import Gray, flatten
from seqloom_handwriting.pages.model import Line, Page

ASPECT = 0.02  # by how much the image's proportions may differ from those that the XML says
OUTSIDE = 0.01  # of the page's longer side: so far a line may reach beyond the page


class Sheet:
    """A page with its image, which is read when the first line is cut.

    Attributes:
        page: what the XML says.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def cut(self, line: Line, height: int, straighten: bool) -> Gray:
        """Return the image (h, w) of a line of the page; see `cut`.

        Raises:
            ValueError: with a sentence, if the line or the page's image cannot be used.
        """
        if line.fault:
            raise ValueError(line.fault)
        if isinstance(self._flat, str):
            raise ValueError(self._flat)
        line = line.scaled(*self._scale(self._flat))
        _check_inside(line, self._flat)
        return cut(self._flat, line, height, straighten)

    @cached_property
    def _flat(self) -> Gray | str:
        """The flattened page, or what is wrong with it: the same for all of its lines."""
        try:
            return flatten(load_gray(find_image(self.page)))
        except ValueError as problem:
            return str(problem)

    def _scale(self, flat: Gray) -> tuple[float, float]:
        """Return by what coordinates are multiplied to be pixels of the image."""
        height, width = flat.shape
        page = self.page
        if not page.width:
            if page.unit != "pixel":
                raise ValueError(
                    f"the coordinates are in {page.unit}, and the XML does not say the WIDTH and "
                    "HEIGHT of its Page to find the pixels by; export it in pixels"
                )
            return 1.0, 1.0
        x, y = width / page.width, height / page.height
        if abs(x / y - 1) > ASPECT:
            raise ValueError(
                f"the page is {page.width:g} x {page.height:g} in the XML, but its image has "
                f"{width} x {height} pixels, other proportions; is it another page's, or turned?"
            )
        return x, y


def _check_inside(line: Line, flat: Gray) -> None:
    height, width = flat.shape
    slack = OUTSIDE * max(height, width)
    for name, points in (("polygon", line.polygon), ("baseline", line.baseline)):
        for x, y in points:
            if not (-slack <= x <= width + slack and -slack <= y <= height + slack):
                raise ValueError(
                    f"its {name} reaches to ({x:g}, {y:g}), outside the page of {width} x {height} "
                    "pixels; mend the line in the program that drew it"
                )
