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
        'An LSTM has to tag "Apple" before it reads the words that reveal the class, so it can '
        "only guess.",
    ),
    Table(
        "bc5cdr: chemicals and diseases",
        "span F1 on test, strict IOB2",
        "f1",
        (*_encoders("bc5cdr", 80.5, 83.5, merges=False), SOFTMAX),
        "With characters and a CRF, the second direction improves the score by about one point. "
        "The CRF improves it by about one point over softmax.",
    ),
    Table(
        "snips: slots",
        "span F1 on test, strict IOB2",
        "f1",
        (*_encoders("snips_slots", 92.5, 95.0, merges=True), LARGER),
        "The second direction improves the score by two points. The merges differ by no more "
        "than the sampling error of 700 sentences (0.6 points), except average, whose states are "
        "half as large at the same learning rate.",
    ),
    Table(
        "snips: intents",
        "accuracy on test",
        "accuracy",
        _encoders("snips_intent", 96.0, 98.0, merges=True),
        "One class per short sentence. The differences between directions and merges are not "
        "significant.",
    ),
    Table(
        "peraire: lines of French handwriting",
        "CER on test, greedy unless said otherwise",
        "cer",
        (
            Model("peraire", "bilstm concat", (), 8.0, 5.5, seeds=1, tuned=(6.5, 4.4)),
            *_encoders("peraire_small", 15.0, 12.0, merges=False),
        ),
        "The first rows show the larger network, the others the small one with each encoder, all "
        "of the same width per direction. Val contains a faint page and is harder than test. The "
        "published score is 4.62, of a model that was pretrained on much more French handwriting.",
    ),
    Table(
        "digit_lines: lines of handwritten digits, generated",
        "CER on test, greedy",
        "cer",
        _encoders("digit_lines", 3.0, 1.0, merges=False),
        "Single digits need little context, so encoders differ less than seeds.",
    ),
    Table(
        "pendigits: digits from the pen's trajectory",
        "accuracy on test, unseen writers",
        "accuracy",
        (
            *_encoders("pendigits", 97.0, 98.9, merges=False),
            Model("pendigits", "bilstm max pooling", ("head.pooling=max",), 97.0, 98.9),
        ),
        "One class per trajectory. The pooling of the recipe (mean and max) was chosen after its "
        "test accuracy was known. Validation with one seed would have selected max alone (last "
        "row).",
    ),
    Table(
        "pendigits_strings: strings of three to six digits of one writer",
        "CER on test, greedy, unseen writers",
        "cer",
        _encoders("pendigits_strings", 3.5, 1.2, merges=False),
        "In 20 epochs, unidirectional networks learn the number of digits but hardly the digits "
        "themselves, perhaps because CTC at first predicts a digit in frames before it is "
        "written. A wider LSTM (128) at twice the learning rate was no better after 6 epochs.",
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
        "Tested on the 450 training recordings of one speaker who occurs neither in train nor in "
        "val; [Speech](speech.md#spoken-digits) has the scores of the official split (`fsdd`), "
        "with the same six voices in train and test. The settings were chosen on theo, then on "
        "george, lucas and nicolas, so the scores of these four are not independent of the "
        "choice.",
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
        "Strings of three to seven digits spoken by one voice: first with the same six voices in "
        "train and test, then with one voice that occurs neither in train nor in val.",
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
        "Each model is trained for the number of steps that one core of an AMD EPYC with bfloat16 "
        "takes in five minutes; reading and testing add one minute. All scores are still rising "
        "steeply: the decoder is just learning which words to attend to.",
    ),
)
