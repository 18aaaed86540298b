"""The figures of the site: each stored measurement has a part, is of today, and can be drawn."""

from __future__ import annotations

import json
import runpy
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest
from measured.drawings import draw, kinds
from measured.stored import MAX_BYTES, Place, StoredError
from small_site import build

ROOT = Path(__file__).parent.parent
OURS = Place(ROOT)
STORED = sorted(path.stem for path in (ROOT / "docs" / "measured").glob("*.json"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINES = {
    "drawing": "lines",
    "title": "Two lines",
    "x": {"label": "word", "values": ["a <", "b"]},
    "y": {"label": "p", "range": [0, 1]},
    "series": [
        {"name": "up", "values": [0.123456, 1.0], "low": [0.1, 0.9], "high": [0.2, 1.0]},
        {"name": "down", "values": [1.0, 0.0]},
    ],
}
TABLE = {"drawing": "table", "columns": ["name", "n"], "rows": [["a", 1234]], "best": 0}
DOTS = {
    "drawing": "dots",
    "title": "One dot",
    "x": {"label": "F1"},
    "rows": [{"name": "a", "value": 0.5, "low": 0.4, "high": 0.6}, {"name": "b", "value": 0.7}],
}
POINTS = {
    "drawing": "points",
    "title": "Two points",
    "x": {"label": "seconds"},
    "y": {"label": "F1"},
    "rows": [
        {"name": "a", "x": 3.0, "value": 0.5, "low": 0.4, "high": 0.6},
        {"name": "b", "x": 9.0, "value": 0.5, "series": 2},
    ],
}
HEAT = {
    "drawing": "heatmap",
    "title": "Cells",
    "rows": ["a", "b"],
    "reach": 1.0,
    "panels": [{"title": "p", "values": [[0.5, -1.0], [0.0, 2.0]]}],
}
APPLE = {
    "drawing": "apple",
    "title": "One sentence",
    "panels": [
        {
            "meaning": "company",
            "words": ["Apple", "<rises>"],
            "models": {"LSTM": [[0.5, 0.5], [0.5, 0.5]], "BiLSTM": [[0.6, 0.4], [1.0, 0.0]]},
        }
    ],
}
SESSION = {"drawing": "transcript", "steps": [{"block": "echo '<'", "output": "<"}]}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A repository with one part, ``one``."""
    (tmp_path / "scripts" / "docs_parts").mkdir(parents=True)
    place = Place(tmp_path)
    place.part("one").write_text("from _shared import x\n")
    place.part("_shared").write_text("x = 1\n")
    return place


@pytest.mark.parametrize("name", STORED)
def test_a_stored_measurement_is_of_today_and_shown(name: str) -> None:
    stored = OURS.read(name)
    assert OURS.file(name).stat().st_size <= MAX_BYTES
    drawn = draw(name, stored)
    if drawn.startswith("<svg"):
        assert ElementTree.fromstring(drawn).get("aria-label")
    ways = tuple(f"{{{way}}} {name}\n" for way in ("measured", "output"))
    shown = [page for page in PAGES if any(way in page.read_text("utf-8") for way in ways)]
    assert shown, f"no page shows {name}"


def test_every_part_is_stored() -> None:
    assert OURS.names() == STORED


@pytest.mark.parametrize(
    "measured", [APPLE, LINES, TABLE, DOTS, POINTS, HEAT, SESSION], ids=lambda one: one["drawing"]
)
def test_a_drawing_is_whole(place: Place, measured: dict[str, object]) -> None:
    place.write("one", measured)
    drawn = draw("one", place.read("one"))
    ElementTree.fromstring(drawn)
    assert "nan" not in drawn


def test_values_are_rounded_and_lists_are_lines(place: Place) -> None:
    text = place.write("one", LINES).read_text()
    assert '"values": [0.1235, 1.0]' in text
    assert place.read("one")["versions"]["seqloom"] == version("seqloom")


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ({"rows": []}, "returned no 'drawing'"),
        ({"drawing": "table", "rows": [[float("nan")]]}, "not JSON compliant"),
        ({"drawing": "table", "rows": [["x" * MAX_BYTES]]}, "expected at most 60000"),
    ],
)
def test_what_is_not_stored(place: Place, measured: dict[str, object], message: str) -> None:
    with pytest.raises(StoredError, match=message):
        place.write("one", measured)
    assert not place.file("one").exists()


def _missing(place: Place) -> None:
    place.file("one").unlink()


def _broken(place: Place) -> None:
    place.file("one").write_text("{")


def _other(place: Place) -> None:
    place.file("one").write_text("[]")


def _changed(place: Place) -> None:
    place.part("one").write_text("from _shared import x, y\n")


def _changed_helper(place: Place) -> None:
    place.part("_shared").write_text("x = 2\n")


def _without_part(place: Place) -> None:
    place.part("one").unlink()


def _old(place: Place) -> None:
    stored = json.loads(place.file("one").read_text())
    stored["versions"]["seqloom"] = "0.0.1"
    place.file("one").write_text(json.dumps(stored))


SPOILED = [
    (_missing, r"There is no docs/measured/one.json. Run scripts/docs-data one."),
    (_broken, r"is not JSON: .* Run scripts/docs-data one."),
    (_other, r"expected the keys command, drawing"),
    (_changed, r"is stale: scripts/docs_parts/one.py changed since"),
    (_changed_helper, r"is stale: scripts/docs_parts/one.py changed since"),
    (_without_part, r"there is no scripts/docs_parts/one.py that measures it"),
    (_old, r"is stale: of seqloom 0.0.1, not "),
]


@pytest.mark.parametrize(
    ("spoil", "message"), SPOILED, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_spoiled_measurement_is_an_error(place: Place, spoil: object, message: str) -> None:
    place.write("one", LINES)
    assert callable(spoil)
    spoil(place)
    with pytest.raises(StoredError, match=message):
        place.read("one")


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ({"drawing": "pie"}, "no drawing 'pie'. Expected one of: .*dots, heatmap, lines, .*table"),
        ({"drawing": "lines", "title": "?"}, r"cannot be drawn as 'lines': KeyError\('series'\)"),
        ({**HEAT, "rows": ["a"]}, "2 rows of values, 1 labels"),
        ({**TABLE, "rows": [["a"]]}, "row 0 has 1 cells, not 2"),
    ],
)
def test_values_that_cannot_be_drawn(
    place: Place, measured: dict[str, object], message: str
) -> None:
    place.write("one", measured)
    with pytest.raises(StoredError, match=message):
        draw("one", place.read("one"))


def test_every_kind_is_tried() -> None:
    tried = {str(one["drawing"]) for one in (APPLE, LINES, TABLE, DOTS, POINTS, HEAT, SESSION)}
    assert tried | {OURS.read(name)["drawing"] for name in STORED} == set(kinds())


PAGE = """# A page

```{{measured}} {name}
Two *lines*.
```

It rises to {{measured}}`one series/0/values/0 .2f`{more}; $\\sigma(W x_t) \\odot c$.
"""


def test_a_page_shows_the_drawing_its_caption_a_value_and_a_formula(place: Place) -> None:
    place.write("one", LINES)
    path, warnings = build(place.root, PAGE.format(name="one", more=""))
    html = path.read_text(encoding="utf-8")
    assert warnings == ""
    assert '<svg viewBox="0 0 460 250" role="img" aria-label="Two lines">' in html
    assert "a &lt;</text>" in html
    assert "Two <em>lines</em>." in html
    assert ">scripts/docs-data</span>" in html
    assert "It rises to 0.12;" in html
    assert "<mi>σ</mi>" in html
    assert "<mo>⊙</mo>" in html
    assert (place.root / "out" / "_static" / "measured.css").is_file()


def test_what_cannot_be_shown_is_a_warning_of_the_build(place: Place) -> None:
    place.write("one", LINES)
    more = "{measured}`one series/7 .2f` $\\unknown$"
    _, warnings = build(place.root, PAGE.format(name="two", more=more))
    assert "index.md:3: ERROR: " in warnings
    assert "there is no scripts/docs_parts/two.py" in warnings or "two.json" in warnings
    assert "{measured}`one series/7 .2f`: IndexError" in warnings
    assert "cannot show the formula \\unknown" in warnings


def test_the_program_refuses_unknown_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["docs_parts", "vanish"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "scripts" / "docs_parts" / "__main__.py"), run_name="__main__")
    assert "no part vanish; expected " in capsys.readouterr().err
