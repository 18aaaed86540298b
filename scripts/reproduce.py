"""Train every model of docs/results.md, on three seeds each, and write that page.

It also writes the floors and aims of the rows into CONTRIBUTING.md.

Called by scripts/reproduce. A finished run is not repeated; an interrupted one is resumed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "results.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
MARKS = ("<!-- floors and aims -->", "<!-- end of floors and aims -->")
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
        return RUNS / (self.experiment or "apples") / self.name.replace(" ", "_")

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
                    seeds=1,
                )
                for speaker in SPEAKERS
            ),
        ),
        "First the official split, with the same six voices in train and test; then the 450 "
        "training recordings of one speaker, whom training and validation do not hear. Settings "
        "were chosen on theo; five voices are too few for all others.",
    ),
    Table(
        "tatoeba: English to French",
        "BLEU on test against all references, beam search with five hypotheses",
        "bleu",
        (Model("tatoeba", "bilstm concat", (), 45.0, 50.0, seeds=1),),
        "Val is translated greedily.",
    ),
)


def main() -> int:
    """Train the models that are missing and write the page."""
    parser = argparse.ArgumentParser(prog="scripts/reproduce", description=__doc__)
    parser.add_argument("only", nargs="*", help="only models whose folder contains these words")
    parser.add_argument("--seeds", type=int, default=3, help="(default: 3)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="number of parallel trainings (default: 1)"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="(default: docs/results.md)")
    options = parser.parse_args()
    wanted = [
        (model, seed)
        for table in TABLES
        for model in table.models
        for seed in range(1, min(options.seeds, model.seeds) + 1)
        if all(word in str(model.folder.relative_to(RUNS)) for word in options.only)
    ]
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = sum(not ok for ok in pool.map(lambda pair: train(*pair), wanted))
    CONTRIBUTING.write_text(with_targets(CONTRIBUTING.read_text("utf-8")), encoding="utf-8")
    options.page.write_text("\n".join(page()) + "\n", encoding="utf-8")
    print(f"Wrote {options.page}; {failed} of {len(wanted)} trainings failed.")
    return 1 if failed else 0


def train(model: Model, seed: int) -> bool:
    """Train a model with one seed on one thread, unless it is done; return whether it succeeded."""
    run_dir = model.folder / str(seed)
    if record(run_dir).get("state") == "done":
        return not model.tuned or (run_dir / "tuned.json").exists() or tune(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    command = [*model.command(seed, run_dir), "resume=auto", "threads=1"]
    script = Path(sys.executable).with_name("seqloom")
    with (run_dir / "output.txt").open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [script, *command[1:]],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    well = done.returncode == 0 and (not model.tuned or tune(run_dir))
    print(f"{'done' if well else 'FAILED'}  {run_dir}", flush=True)
    return well


def tune(run_dir: Path) -> bool:
    """Tune the decoding of a run's model, evaluate it and return whether both succeeded."""
    script, tuned = Path(sys.executable).with_name("seqloom"), run_dir / "tuned"
    metrics = {}
    commands = [["tune", run_dir, "--its-data", "--out", tuned]]
    commands += [
        ["evaluate", tuned, "--its-data", "--split", split, "--json"] for split in ("val", "test")
    ]
    for command in commands:
        done = subprocess.run([script, *command], capture_output=True, text=True, check=False)
        with (run_dir / "output.txt").open("a", encoding="utf-8") as output:
            output.write(done.stdout + done.stderr)
        if done.returncode:
            return False
        if command[0] == "evaluate":
            metrics |= json.loads(done.stdout)
    (run_dir / "tuned.json").write_text(json.dumps(metrics), encoding="utf-8")
    return True


def record(run_dir: Path) -> dict[str, Any]:
    """Return the record of a run."""
    return _json(run_dir / "run.json")


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from (
        "# Results",
        "",
        "Written by `scripts/reproduce` from the records of the runs. Every model is trained on",
        "the train split only, without pretrained vectors; the epoch is chosen on the validation",
        "split. Scores are in percent: the mean over the seeds and, in brackets, their range,",
        "which is a line in the plots. Times are listed in [speed](speed.md), floors and aims of",
        "each row in [Contributing](contributing.md).",
    )
    for table in TABLES:
        yield from _section(table)


def _section(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.title}", "", f"Measure: {table.measure}. {table.remark}", "")
    yield "| model | val | test | seeds | parameters |"
    yield "|---|---|---|---|---|"
    commands = []
    for model in table.models:
        runs = [
            path for path in sorted(model.folder.glob("*")) if record(path).get("state") == "done"
        ]
        if not runs:
            continue
        alone = len({one.experiment for one in table.models}) == 1
        name = model.name if alone else f"{model.experiment}: {model.name}"
        yield _row(name, runs, "metrics.json", table.key)
        commands.append(" ".join(model.command(1, Path("runs/mine"))))
        if model.tuned:
            yield _row(f"{name}, n-gram model and beam", runs, "tuned.json", table.key)
            commands += ["seqloom tune runs/mine --its-data --out tuned"]
            commands += ["seqloom evaluate tuned --its-data"]
    yield from ("", "```bash", *commands, "```")


def _row(name: str, runs: list[Path], file: str, key: str) -> str:
    metrics = [_json(path / file) for path in runs]
    records = [record(path) for path in runs]
    cells = (
        name,
        *(_spread([one[split][key] for one in metrics]) for split in ("val", "test")),
        str(len(runs)),
        f"{records[0]['parameters']:,}",
    )
    return f"| {' | '.join(cells)} |"


def targets() -> Iterator[str]:
    """Yield the lines of the table of floors and aims."""
    yield from ("| data | model | floor | aim |", "|---|---|---|---|")
    for table in TABLES:
        for model in table.models:
            name = f"{model.experiment or 'apples'}: {model.name}"
            if model.floor is not None:
                yield _target(table, name, (model.floor, model.aim))
            if model.tuned:
                yield _target(table, f"{name}, n-gram model and beam", model.tuned)


def _target(table: Table, name: str, wanted: tuple[float | None, float | None]) -> str:
    numbers = ("" if value is None else f"{value:.1f}" for value in wanted)
    return f"| {' | '.join((table.title.partition(':')[0], name, *numbers))} |"


def with_targets(text: str) -> str:
    """Return the text of CONTRIBUTING.md with the present table between its two marks."""
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return "\n".join([before + MARKS[0], "", *targets(), "", MARKS[1] + after])


def _spread(values: list[float]) -> str:
    mean, low, high = (100 * value for value in (statistics.mean(values), min(values), max(values)))
    return f"{mean:.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
