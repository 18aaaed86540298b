"""The encoder cards: every encoder has one, and what it says is so."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from encoder_cards import scores
from encoder_cards.components import ENCODERS, count, evaluate
from encoder_cards.drawings import draw

from seqloom.plugins.texts import parameter_texts

DOCS = Path(__file__).parent.parent / "docs"
CARDS = DOCS / "encoders"
SECTIONS = ["Equation", "Size", "Keys", "Speed", "Scores", "Choose it when"]
FEEDFORWARD = 24
RESULTS = """# Results

## toys: lines of toys

Measure: CER on test, greedy. A remark.

| model | val | test | seeds |
|---|---|---|---|
| small: bilstm concat | 9.00 (8.00–9.50) | 4.00 (3.00–5.00) | 3 |
| small: bilstm concat, tuned | 9.00 (9.00–9.00) | 3.50 (3.50–3.50) | 1 |
| small: lstm | 9.00 (9.00–9.00) | 6.00 (6.00–6.00) | 1 |
| bilstm concat larger | 1.00 (1.00–1.00) | 1.00 (1.00–1.00) | 1 |

## others: none of them

Measure: accuracy on test.

| model | val | test | seeds |
|---|---|---|---|
| theo held out | 94.40 (94.40–94.40) | 66.67 (66.67–66.67) | 1 |
"""

each = pytest.mark.parametrize("encoder", sorted(ENCODERS))


@each
def test_a_card_has_all_sections(encoder: str) -> None:
    text = (CARDS / f"{encoder}.md").read_text(encoding="utf-8")
    assert f"`encoder={encoder}`" in text.splitlines()[0]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    used = re.findall(r"^```\{encoder-(\w+)\} (\w+)$", text, re.MULTILINE)
    assert used == [(part, encoder) for part in ("drawing", "facts", "keys", "speed", "scores")]


def test_every_card_is_of_an_encoder_and_in_the_list() -> None:
    names = {path.stem for path in CARDS.glob("*.md")} - {"index"}
    assert names == set(ENCODERS)
    listed = (CARDS / "index.md").read_text(encoding="utf-8").split("```{toctree}")[1]
    assert set(re.findall(r"^(\w+)$", listed, re.MULTILINE)) == names


@each
@pytest.mark.parametrize("layers", [1, 3])
def test_the_formula_is_the_number_of_parameters(encoder: str, layers: int) -> None:
    text = (CARDS / f"{encoder}.md").read_text(encoding="utf-8")
    first, further = (
        re.findall(rf"^:{name}: (.*)$", text, re.MULTILINE)[0] for name in ("first", "further")
    )
    own = {"feedforward_size": FEEDFORWARD} if encoder == "transformer" else {}
    counted = count(encoder, 5, hidden_size=8, num_layers=layers, **own)
    said = evaluate(f"{first} + (L - 1)*({further})", D=5, H=8, L=layers, F=FEEDFORWARD)
    assert said == counted


@each
def test_every_key_is_explained(encoder: str) -> None:
    component = ENCODERS[encoder]
    said = parameter_texts(component.schema)
    assert [key for key in component.defaults() if not said[key].text] == []


@each
def test_the_drawing_is_whole_and_has_a_description(encoder: str) -> None:
    picture = ElementTree.fromstring(draw(encoder))
    assert picture.get("aria-label")
    assert len(picture) > 10


@pytest.fixture
def tables(tmp_path: Path) -> list[scores.Table]:
    """Return the tables of a small page of results, with the scores of another encoder."""
    (tmp_path / "results.md").write_text(RESULTS, encoding="utf-8")
    measured = {"gru": {"toys": {"test": [5.0, 5.5]}}}
    return scores.read(tmp_path / "results.md", measured)


def test_scores_are_those_of_encoders_only(tables: list[scores.Table]) -> None:
    (table,) = tables
    assert table.anchor == "toys-lines-of-toys"
    assert {name: str(score) for (name, _), score in table.scores.items()} == {
        "bilstm": "4.00 (3.00–5.00)",
        "lstm": "6.00 (one seed)",
        "gru": "5.25 (5.00–5.50)",
    }


def test_every_model_of_the_results_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "results.md").write_text(RESULTS, encoding="utf-8")
    found = scores.models(tmp_path / "results.md")
    assert found["others: none of them/theo held out"].mean == 66.67
    assert found["toys: lines of toys/small: bilstm concat, tuned"].seeds == 1
    assert len(found) == 5


def test_the_mean_of_several_models(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(RESULTS, encoding="utf-8")
    assert scores.mean(page, "toys: lines of toys/small: lstm") == 6.0
    assert scores.mean(page, "toys: lines of toys/small: *lstm*") == 4.5
    assert scores.mean(page, "toys: lines of toys/gru*") is None


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_pages_name_models_of_the_results(page: Path) -> None:
    named = set(re.findall(r"\{result\}`([^`]+)`", page.read_text(encoding="utf-8")))
    assert [one for one in named if scores.mean(DOCS / "results.md", one) is None] == []


def test_a_row_says_the_difference_and_which_side_is_better(tables: list[scores.Table]) -> None:
    (row,) = scores.rows(tables, "gru")
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    assert cells[0] == "[toys](../results.md#toys-lines-of-toys)"
    assert cells[1:4] == ["CER ↓", "5.25 (5.00–5.50)", "−0.75"]
    places = {name: float(x) for x, name in re.findall(r'cx="([\d.]+)".*?<title>(\w+)', cells[4])}
    assert places["bilstm"] > places["gru"] > places["lstm"]
    assert scores.rows(tables, "rnn") == []


def test_a_formula_is_sums_and_products_of_sizes() -> None:
    assert evaluate("2*H*(D + 1) - L", D=3, H=5, L=1) == 39
    with pytest.raises(ValueError, match=re.escape("Q in a formula of D.")):
        evaluate("D + Q", D=1)
