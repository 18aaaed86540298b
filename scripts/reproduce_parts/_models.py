"""The models of docs/results.md, a table for each data set, with their floors and aims."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUNS = ROOT / "runs" / "reproduce"
MERGES = ("concat", "sum", "average", "multiply")


@dataclass(frozen=True)
class Model:
    """One row of a table: an experiment with overrides.

    Attributes:
        experiment: Recipe; empty for the defaults.
        name: Name of the row.
        overrides: Overrides of the recipe.
        floor: Score that must be reached, in percent.
        aim: Score that should be reached, in percent.
        seeds: Maximum number of seeds; one if training takes half an hour.
        tuned: Floor and aim of a second row: beam search with the tuned n-gram model.
    """

    experiment: str
    name: str
    overrides: tuple[str, ...] = ()
    floor: float | None = None
    aim: float | None = None
    seeds: int = 3
    tuned: tuple[float, float] | None = None

    @property
    def folder(self) -> Path:
        """Folder of its runs, with one folder per seed."""
        return RUNS / self.place

    @property
    def place(self) -> Path:
        """Where its runs are in a folder of runs."""
        return Path(self.experiment or "apples") / self.name.replace(",", "").replace(" ", "_")

    def command(self, seed: int, run_dir: Path) -> list[str]:
        """Return the command that trains the model."""
        recipe = [f"experiment={self.experiment}"] if self.experiment else []
        seeded = [f"seed={seed}", f"run_dir={run_dir}"]
        return ["seqloom", "train", *recipe, *self.overrides, *seeded]


@dataclass(frozen=True)
class Table:
    """The models of one data set and the metric they are compared by."""

    title: str
    measure: str
    key: str
    models: tuple[Model, ...]
    remark: str


def _encoders(
    experiment: str, floor: float | None, aim: float | None, merges: bool
) -> tuple[Model, ...]:
    names = MERGES if merges else MERGES[:1]
    bidirectional = tuple(
        Model(
            experiment,
            f"bilstm {merge}",
            (f"encoder.merge={merge}",),
            *((floor, aim) if merge == "concat" else ()),
        )
        for merge in names
    )
    return (
        *bidirectional,
        Model(experiment, "lstm", ("encoder=lstm",)),
        Model(experiment, "rnn", ("encoder=rnn",)),
    )


SOFTMAX = Model("bc5cdr", "bilstm concat softmax", ("head.decoder=softmax",), 78.0, 81.0)
LARGER = Model(
    "snips_slots",
    "bilstm concat larger",
    (
        "encoder.hidden_size=200",
        "frontend.character_width=5",
        "frontend.character_filters=100",
        "frontend.dropout=0.5",
        "head.dropout=0.5",
        "batch.max_examples=16",
        "optimizer.lr=0.002",
        "trainer.max_epochs=10",
    ),
    92.5,
    95.0,
)
FIVE_MINUTES = {
    "rnn": ("trainer.max_steps=1900", "encoder=rnn"),
    "lstm": ("trainer.max_steps=1800", "encoder=lstm"),
    "bilstm": ("trainer.max_steps=1500",),
    "bilstm, input feeding": ("trainer.max_steps=1450", "head.input_feeding=true"),
    "bilstm, GRU": ("trainer.max_steps=1450", "head.cell=gru"),
    "bilstm, GRU, input feeding": (
        "trainer.max_steps=1450",
        "head.cell=gru",
        "head.input_feeding=true",
    ),
}
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
TABLES = (
    Table(
        "apples: only later words reveal the class",
        "span F1 on test, strict IOB2",
        "f1",
        _encoders("", 99.0, None, merges=True),
        'An LSTM must tag "Apple" before it has read the words that decide: it guesses.',
    ),
    Table(
        "bc5cdr: chemicals and diseases",
        "span F1 on test, strict IOB2",
        "f1",
        (*_encoders("bc5cdr", 80.5, 83.5, merges=False), SOFTMAX),
        "With characters and a CRF, the second direction is worth about one point, and so is the "
        "CRF.",
    ),
    Table(
        "snips: slots",
        "span F1 on test, strict IOB2",
        "f1",
        (*_encoders("snips_slots", 92.5, 95.0, merges=True), LARGER),
        "The second direction is worth two points. The merges differ by no more than the noise of "
        "700 sentences (0.6 points), except average, whose states are half as large at the same "
        "learning rate.",
    ),
    Table(
        "snips: intents",
        "accuracy on test",
        "accuracy",
        _encoders("snips_intent", 96.0, 98.0, merges=True),
        "One class per short sentence: the differences between directions and merges are within "
        "the noise.",
    ),
    Table(
        "peraire: lines of French handwriting",
        "CER on test, greedy unless said otherwise",
        "cer",
        (
            Model("peraire", "bilstm concat", (), 8.0, 5.5, seeds=1, tuned=(6.5, 4.4)),
            *_encoders("peraire_small", 15.0, 12.0, merges=False),
        ),
        "The larger network first, then the small one with each encoder, all of the same width per "
        "direction. Val has a faint page and is harder than test. Published score, of a model that "
        "was fine-tuned from one trained on much more French handwriting: 4.62.",
    ),
    Table(
        "digit_lines: lines of handwritten digits, generated",
        "CER on test, greedy",
        "cer",
        _encoders("digit_lines", 3.0, 1.0, merges=False),
        "Single digits need little context: the differences between encoders are smaller than "
        "those between seeds.",
    ),
    Table(
        "pendigits: digits from the pen's trajectory",
        "accuracy on test, unseen writers",
        "accuracy",
        (
            *_encoders("pendigits", 97.0, 98.9, merges=False),
            Model("pendigits", "bilstm max pooling", ("head.pooling=max",), 97.0, 98.9),
        ),
        "One class per trajectory. The recipe's pooling, mean and max, was chosen after its test "
        "accuracy was known. Validation on one seed would have chosen max alone: the last row.",
    ),
    Table(
        "pendigits_strings: strings of three to six digits of one writer",
        "CER on test, greedy, unseen writers",
        "cer",
        _encoders("pendigits_strings", 3.5, 1.2, merges=False),
        "In these 20 epochs, unidirectional networks learn the number of digits but hardly which "
        "ones, perhaps because CTC first spreads a digit over frames before it is written. A wider "
        "LSTM (128) at twice the learning rate did no better in 6 epochs.",
    ),
    Table(
        "fsdd: spoken digits",
        "accuracy on test",
        "accuracy",
        (
            Model("fsdd", "speakers known"),
            *(
                Model(
                    "fsdd_unseen",
                    f"{speaker} held out",
                    (f"data.hold_out.test.speaker=[{speaker}]",),
                    80.0,
                    90.0,
                )
                for speaker in SPEAKERS
            ),
        ),
        "Tested on the 450 training recordings of one speaker, whom training and validation do not "
        "hear; the scores of the official split (`fsdd`), with the same six voices in train and "
        "test, are on the page [Speech](speech.md#spoken-digits). Settings "
        "were chosen on theo, then on george, lucas and nicolas, the hardest: their scores are "
        "those of the choice. Five voices are too few for all others.",
    ),
    Table(
        "fsdd_strings: connected digits in noise",
        "CER on test, greedy",
        "cer",
        (
            Model("fsdd_strings", "speakers known", (), 3.0, 1.0),
            *(
                Model(
                    "fsdd_strings",
                    f"{speaker} held out",
                    (f"data.unseen=[{speaker}]",),
                    35.0,
                    20.0,
                )
                for speaker in SPEAKERS
            ),
        ),
        "Strings of three to seven digits of one voice: first the same six voices in train and "
        "test, then one voice that training and validation do not hear.",
    ),
    Table(
        "tatoeba: English to French",
        "BLEU on test against all references, beam search with five hypotheses",
        "bleu",
        (Model("tatoeba", "bilstm concat", (), 45.0, 50.0, seeds=1),),
        "Val is translated greedily.",
    ),
    Table(
        "tatoeba: after five minutes",
        "BLEU on test against all references, beam search with five hypotheses",
        "bleu",
        tuple(
            Model("tatoeba", name, ("trainer.precision=bf16-mixed", *words))
            for name, words in FIVE_MINUTES.items()
        ),
        "So many steps take one core of an AMD EPYC with bfloat16 five minutes; reading and "
        "testing add one. All are in the steep part of their curves, where the decoder begins to "
        "attend to the right words.",
    ),
)
