"""``seqloom predict``: print a prediction for each input, as inputs arrive."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seqloom.cli.options import model_parser, use_threads
from seqloom.config.overrides import (
    Overrides,
    is_override,
    refuse_override_of_trained,
    refuse_without_effect,
    split_overrides,
    with_overrides,
)
from seqloom.config.run_config import Section
from seqloom.data.fetch import is_url, local_path
from seqloom.errors import Cause, ConfigError, DataError, ExampleError
from seqloom.files import expanded
from seqloom.inference.load import load_model
from seqloom.model.description import find_bundle
from seqloom.plugins import registry
from seqloom.plugins.named_files import SPLITS, without_files
from seqloom.plugins.readers import choose_reader, suffix_of, trained_suffixes

PLAIN = "lines"
"""The reader of plain text."""
IDS = 100_000
"""Number of ids that are remembered, with where they came first: of an endless input not all."""

if TYPE_CHECKING:
    from seqloom.interfaces import Example, Origin
    from seqloom.model.pipeline import OnBad


def predict(arguments: list[str]) -> int:
    """Print a prediction for each input; the first before the input has ended."""
    options = _parser().parse_intermixed_args(arguments)
    from seqloom.cli.formats import WITHOUT_SCORES, refuse_unknown_form, writing
    from seqloom.data.progress import progress, show_progress
    from seqloom.model.build import build_reader

    refuse_unknown_form(options.to)
    use_threads(options.threads)
    paths = [word for word in options.inputs if not is_override(word)] or ["-"]
    for path in paths:
        _refuse_unusable(path, options.model)
    words = [f"data={options.data}"] * bool(options.data)
    given = split_overrides([*words, *(word for word in options.inputs if is_override(word))])
    pipeline = load_model(options.model, given.head)
    refuse_replacing(options.out, [*paths, *map(str, find_bundle(Path(options.model)).iterdir())])
    section = input_section(pipeline.info, paths, given)
    skipped: list[ExampleError] = []
    on_bad: OnBad = skipped.append if options.on_bad == "skip" else "error"
    codec = pipeline.codecs.heads[pipeline.head_name]
    frontend = pipeline.codecs.frontend
    with writing(options.to, options.out, codec, options.gold, frontend) as writer:
        reader = build_reader(section)
        writer.begin(reader)
        for one in pipeline.codecs.heads.values():
            reader.also_read(one.given_fields)
        inputs = _telling_of_repeats(reader.inputs(paths))
        scores = options.to not in WITHOUT_SCORES if options.scores is None else options.scores
        found = pipeline.predict(inputs, options.batch, on_bad=on_bad, stream=True, scores=scores)
        if options.out is not None:
            show_progress()
            found = progress(found, "Predicting")
        written = False
        try:
            for example, prediction in found:
                try:
                    writer.write(example, prediction)
                    written = True
                except ExampleError as error:
                    if options.on_bad != "skip":
                        raise
                    skipped.append(error)
        except ExampleError as error:
            read = _read_as(pipeline.info["data"], section)
            text = f"{error} To skip such examples: --on-bad skip{read}"
            raise DataError(text, cause=error.code) from error
        _tell(skipped, written, paths)
    return 0


def _refuse_unusable(path: str, model: str) -> None:
    """Refuse what is not the path of an input, before the model is loaded.

    Raises:
        ConfigError: It is empty, which would be the current folder, or an override.
        DataError: Nothing has this path.
    """
    if not path:
        raise ConfigError(
            "The name of an input is empty; is a shell variable unset? Name a file, or - for "
            "standard input.",
            cause=Cause.no_value,
        )
    refuse_override_of_trained(path)
    if path == "-" or is_url(path) or os.path.exists(expanded(path)):  # noqa: PTH110 - as in fetch
        return
    try:
        local_path(path)
    except DataError as error:
        raise DataError(
            f"{error} Inputs are files or folders; a text is piped to standard input: "
            f'echo "some text" | seqloom predict {model} -',
            cause=error.code,
        ) from error


def _read_as(stored: Section | None, section: Section) -> str:
    """Return how inputs are read, if they are plain lines and training data were other files."""
    name = stored["name"] if stored else PLAIN
    if section["name"] != PLAIN or name == PLAIN or ("data", name) not in registry().components:
        return ""
    if not registry().find("data", name).files:
        return ""
    return f". Inputs are read as one text per line; to read them as in training, add data={name}"


def refuse_replacing(out: Path | None, read: Sequence[str]) -> None:
    """Refuse an output in the place of a file that is read.

    Raises:
        ConfigError: It is an input, or a file of the model.
    """
    if out is None or not os.path.isfile(out):  # noqa: PTH113 - unlike Path's, of any name
        return
    for path in read:
        if os.path.exists(path) and os.path.samefile(path, out):  # noqa: PTH110, PTH121
            raise ConfigError(
                f"--out {out} is also an input of this command and would be overwritten. Name "
                "another file."
            )


def _tell(skipped: Sequence[ExampleError], written: bool, paths: Sequence[str]) -> None:
    """Print what was skipped, or that there was nothing to predict.

    Raises:
        DataError: Nothing else was there.
    """
    for one in skipped:
        print(f"Skipped: {one}", file=sys.stderr)
    if skipped and not written:
        raise DataError(
            f"Nothing was predicted: all {len(skipped)} inputs were skipped.",
            cause=skipped[0].code,
        )
    if not written:
        note(f"nothing to predict: {_shown(paths)} is empty or has only a header.")


def _telling_of_repeats(inputs: Iterator[Example | ExampleError]) -> Iterator[Any]:
    """Yield the inputs; print a note on the first that has the id of one of the first `IDS`."""
    known: dict[str, Origin | None] = {}
    for one in inputs:
        yield one
        if isinstance(one, ExampleError):
            continue
        if one.id in known:
            first, place = (where or "an earlier input" for where in (known[one.id], one.origin))
            note(
                f"{place}: {first} has the same id, {one.id!r}, so their predictions cannot be "
                "told apart. Give each input its own id. This is shown once."
            )
            break
        if len(known) < IDS:
            known[one.id] = one.origin
    yield from inputs


def _shown(paths: Sequence[str]) -> str:
    return ", ".join("standard input" if path == "-" else path for path in paths)


def input_section(info: Mapping[str, Any], paths: Sequence[str], overrides: Overrides) -> Section:
    """Return the section of the data component that reads the given files.

    Args:
        info: What the model's bundle records.
        paths: Paths of the files; ``-`` is standard input.
        overrides: Overrides ``data=NAME`` and ``data.KEY=VALUE``.

    Raises:
        ConfigError: No component reads such files, or an override is wrong.
    """
    refuse_without_effect(
        overrides.data,
        (*SPLITS, "split", "take"),
        "all inputs are predicted, and files are named without a key: seqloom predict MODEL FILE",
    )
    stored = info["data"] and _without_files(info["data"])
    frontend = info["components"]["frontend"]["section"]
    head = info["components"].get("head", {}).get("section")
    name = overrides.name or choose_reader(frontend, stored, paths, head)
    if name == PLAIN and not overrides.name:
        found = _recognized(frontend, stored, paths, overrides.data)
        if found is not None:
            return found
    section = dict(stored) if stored and stored["name"] == name else {"name": name}
    return with_overrides(section, overrides.data)


def _without_files(stored: Section) -> Section:
    """Return how the training data was read, without the files that the model names for that.

    The paths of its splits stay: their suffixes show the form of inputs, and nothing is read
    from them.
    """
    if ("data", stored["name"]) not in registry().components:
        return stored
    return cast("Section", without_files("data", stored, keep=SPLITS))


def _recognized(
    frontend: Section, stored: Section | None, paths: Sequence[str], words: Sequence[str]
) -> Section | None:
    """Return how to read plain files that are like the training data; say what they are read as."""
    from seqloom.train.recognize import looks_like, recognized

    shown = _shown(paths)
    if stored and stored["name"] != PLAIN:
        own = f"data={stored['name']}"
        if section := recognized(stored, paths, words):
            note(f"{shown}: read by {own}, as in training. One text per line: data={PLAIN}")
            return section
        if trained_suffixes(stored) & {suffix_of(path) for path in paths}:
            note(f"{shown}: read as one text per line. As in training: {own}")
            return None
    if other := looks_like(frontend, paths):
        note(
            f"{shown}: read as one text per line, but looks like data={other}. To read it so, "
            f"add data={other}; to leave this note out, data={PLAIN}"
        )
    return None


def note(text: str) -> None:
    """Print a note beside the predictions."""
    print(f"Note: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = model_parser(
        prog="seqloom predict",
        description="Predict each input in files or on standard input (one text per line). To "
        "predict a single text, pipe it to -.",
        epilog='Example:\n  echo "Apple is something I like to eat." | seqloom predict runs/mine -',
    )
    parser.set_defaults(batch=None)
    parser.add_argument(
        "inputs",
        nargs="*",
        default=[],  # otherwise argparse calls it required
        metavar="FILE",
        help="files or folders, or - (default); data=NAME: the reader (default: by the file's "
        "suffix); data.KEY=VALUE: how to read; head.KEY=VALUE: how to decode",
    )
    parser.add_argument("--data", help=argparse.SUPPRESS)  # as in version 0.1
    parser.add_argument(
        "--to",
        metavar="FORM",
        default="jsonl",
        help="jsonl (default), csv, tsv, text, conll, spans, brat, srt, vtt, …",
    )
    parser.add_argument(
        "--gold",
        action="store_true",
        help="also write the targets that the inputs have; CoNLL then has the columns token, gold "
        "and predicted, as conlleval reads them",
    )
    parser.add_argument(
        "--scores",
        action=argparse.BooleanOptionalAction,
        help="compute confidences; without, some models take less time (default: for every form "
        "but spans and text, which do not show them)",
    )
    parser.add_argument("--out", type=Path, metavar="PATH", help="output (default: the terminal)")
    return parser
