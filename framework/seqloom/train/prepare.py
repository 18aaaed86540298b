"""Prepare the data of a run: read it, fit the codecs, encode it; check it when a run resumes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.config.run_config import RunConfig
from seqloom.data.content import Contents, load_contents, save_contents
from seqloom.data.encode import Codecs
from seqloom.data.encoded import EncodedSplit
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.gather import SplitEncoding
from seqloom.data.long import LengthLimit
from seqloom.data.read import read_split
from seqloom.data.rejected import Rejected, raise_or_warn, warn_of_unknown
from seqloom.data.spool import Spool
from seqloom.errors import (
    BundleError,
    Cause,
    ConfigError,
    DataError,
    ExampleError,
    RunError,
    SeqloomError,
)
from seqloom.files import finite, read_json, sha256, write_json, write_text
from seqloom.interfaces import SPLITS, Example, FrontendCodec, Origin
from seqloom.model.build import States, build_codecs, build_reader, restore
from seqloom.model.fields import content_fields, kinds_of, selected
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.seal import is_changed, sealed
from seqloom.train.cached import CachedData, collected_messages, digest_of
from seqloom.train.data import RunData
from seqloom.train.folder import RunFolder
from seqloom.train.overlap import warn_of_overlap
from seqloom.train.pretrained import pretrained_states
from seqloom.train.process import few_collections, set_seed, set_threads
from seqloom.train.recognize import naming_other_reader
from seqloom.train.stored_record import unreadable

log = logging.getLogger("seqloom")

Examples = list[Example] | Spool


def prepare_data(cfg: RunConfig, folder: RunFolder) -> RunData:
    """Return the encoded data of a run; its codecs are fitted once and stored in the folder.

    Args:
        cfg: Config of the run.
        folder: Folder of the run; it says whether the run is resumed.

    Raises:
        DataError: A file is malformed, or examples cannot be used and may not be skipped.
        RunError: The run is resumed, but its codecs are damaged, or its data changed.
    """
    set_threads(cfg.threads)
    set_seed(cfg.seed)
    if folder.resumable:
        return reload_data(cfg, folder)
    basis = pretrained_states(cfg.init) if cfg.init else None
    data = encoded_data(cfg, basis=basis)
    states = write_states(data.states, folder.codec_files)
    digests = {split: encoded.digest() for split, encoded in data.splits.items()}
    files = _hashes(folder.codec_files)
    facts = {"states": states, "files": files, "examples": digests, "basis": digest_of(basis)}
    write_json(folder.codecs, sealed(finite(facts)))
    save_contents(folder.contents, data.contents)
    warn_of_overlap(data.contents)
    _write_skipped(folder, data)
    return data


def reload_data(cfg: RunConfig, folder: RunFolder) -> RunData:
    """Return the data of a run that was prepared before, encoded by the codecs of its folder.

    Raises:
        RunError: The codecs are missing, or the data changed.
    """
    stored = _stored_codecs(folder)
    data = encoded_data(cfg, stored["states"], basis_digest=stored["basis_digest"])
    digests = {split: encoded.digest() for split, encoded in data.splits.items()}
    changed = [split for split in digests if stored["examples"][split] != digests[split]]
    if changed and _are_same(load_contents(folder.contents), data.contents):
        log.warning(
            "The examples have not changed since the run started, but the installed versions of "
            "seqloom or of a library encode them differently (%s): the run continues with the new "
            "encoding.",
            ", ".join(changed),
        )
    elif changed:
        raise RunError(
            f"{folder.path} cannot be resumed: the data has changed since this run started "
            f"({', '.join(changed)}). Restore it, or use a new run_dir.",
            cause=Cause.changed_data,
        )
    save_contents(folder.contents, data.contents)
    return data


def store_encoded(data: RunData, folder: RunFolder) -> None:
    """Write encoded data for the ranks of a run, so that they need not read and encode it again."""
    for split, encoded in data.splits.items():
        encoded.save(folder.encoded / split)
    skipped = {
        split: [[error.example_id, error.where, error.problem] for error in errors]
        for split, errors in data.skipped.items()
    }
    write_json(folder.encoded / "skipped.json", skipped)
    unseen = {name: list(codec.unseen) for name, codec in data.codecs.heads.items()}
    write_json(folder.encoded / "unseen.json", unseen)


def load_encoded(cfg: RunConfig, folder: RunFolder) -> RunData:
    """Return the data that `store_encoded` wrote, with codecs as they are after fitting.

    Raises:
        RunError: It is missing or damaged.
    """
    codecs, states = build_codecs(cfg.components), _stored_codecs(folder)["states"]
    restore(codecs, states)
    if not folder.resumable and not cfg.init:
        codecs.frontend.read_initial()
    splits = {
        split: EncodedSplit.load(
            folder.encoded / split, partial(_read_again, cfg.data, split, codecs.frontend)
        )
        for split in SPLITS
    }
    unseen = read_json(folder.encoded / "unseen.json")
    for name, codec in codecs.heads.items():
        codec.unseen = unseen[name]
    skipped = read_json(folder.encoded / "skipped.json")
    errors = {
        split: [
            ExampleError(Example(name, {}, Origin(where)), problem)
            for name, where, problem in found
        ]
        for split, found in skipped.items()
    }
    return RunData(codecs, states, splits, errors)


def encoded_data(
    cfg: RunConfig,
    states: States | None = None,
    basis: States | None = None,
    basis_digest: str | None = None,
) -> RunData:
    """Return a data set encoded, by codecs that are fitted on its training examples.

    Large data is encoded once and then taken from the cache; see `CachedData`.

    Args:
        cfg: Config of the run.
        states: States of codecs that were fitted before; then nothing is fitted.
        basis: States of a trained model, from which fitting starts.
        basis_digest: Digest of the basis that ``states`` were fitted from, to find them in the
            cache; see `digest_of`. None: there was none.

    Raises:
        DataError: A file is malformed, or examples cannot be used and may not be skipped.
    """
    if cfg.data.get("train", "") in (None, {}):
        raise ConfigError("data.train has no value. Set it: data.train=FILE", cause=Cause.no_value)
    cached = CachedData.of(cfg, basis_digest or digest_of(basis))
    if cached is None:
        return _read_fit_encode(cfg, states, basis)
    with cached.cache.locked(cached.key, shared=True):
        found = cached.load(_read_again, states)
    # A resumed run, which has its states, reads the cache and never writes it.
    if found is not None or states is not None:
        return found or _read_fit_encode(cfg, states, basis, cached.cache.folder)
    with cached.cache.locked(cached.key):
        found = cached.load(_read_again)  # another process may have built it meanwhile
        if found is not None:
            return found
        with collected_messages() as said:
            found = _read_fit_encode(cfg, states, basis, cached.cache.folder)
        # From the files, as every other run: their pages are shared, and take no memory.
        return (cached.store(found, said) and cached.reopened(_read_again)) or found


@few_collections()
def _read_fit_encode(
    cfg: RunConfig, states: States | None, basis: States | None, scratch: Path | None = None
) -> RunData:
    """Read, fit and encode; many encoded examples are kept in a folder below ``scratch``."""
    codecs = build_codecs(cfg.components)
    examples, rejected = _read_splits(cfg, codecs)
    _log_automatic_split(cfg.data, examples)
    long: dict[str, Any] = {}
    if cfg.batch.max_length is not None:
        limit = LengthLimit(cfg.batch.max_length, cfg.batch.on_long, kinds_of(cfg.data))
        examples["train"], long = limit.apply(examples["train"], rejected["train"])
    if not examples["train"]:
        rejected["train"].raise_or_warn("the train split")
        raise DataError(
            f"The training split of data={cfg.data['name']} has no example that can be used. "
            "Check its settings: --cfg job shows them.",
            cause=Cause.no_examples,
        )
    if states is None:
        try:
            states = fit_codecs(
                codecs, examples["train"], rejected["train"], basis, cfg.init_classes
            )
        except SeqloomError:
            rejected["train"].raise_or_warn("the train split")  # what is missing may be why
            raise
    restore(codecs, states)
    fields = content_fields(cfg.data, cfg.frontend)
    encodings, splits = {}, {}
    for split in SPLITS:
        one = encodings[split] = SplitEncoding(
            codecs, examples[split], cfg.batch.max_cost, fields, evaluated=split != "train"
        )
        read_again = partial(_read_again, cfg.data, split, codecs.frontend)
        splits[split] = one.encode(scratch, read_again)
        rejected[split].errors += one.rejected
    raise_or_warn(rejected)
    unknown = {split: encodings[split].unknown for split in ("val", "test")}
    for split, errors in unknown.items():
        warn_of_unknown(errors, f"the {split} split")
    if not splits["train"]:
        raise DataError("No training example is left that can be used.", cause=Cause.no_examples)
    skipped = {split: rejected[split].errors for split in SPLITS}
    contents = {split: one.contents for split, one in encodings.items()}
    values_digests = {split: one.values_digest for split, one in encodings.items()}
    return RunData(codecs, states, splits, skipped, contents, values_digests, unknown, long)


def _are_same(before: Mapping[str, Contents], now: Mapping[str, Contents]) -> bool:
    """Return whether splits have the same examples in the same order."""
    return before.keys() == now.keys() and all(
        before[split].files == one.files and np.array_equal(before[split].whole, one.whole)
        for split, one in now.items()
    )


def _read_splits(cfg: RunConfig, codecs: Codecs) -> tuple[dict[str, Examples], dict[str, Rejected]]:
    reader = build_reader(cfg.data)
    rejected = {split: Rejected(skip=cfg.on_bad == "skip") for split in SPLITS}
    examples: dict[str, Examples] = {}
    for split in SPLITS:
        with naming_other_reader(cfg.data, cfg.frontend, cfg.head, split):
            found = read_split(reader, split, codecs.frontend, rejected[split])
        examples[split] = selected(cfg.data, split, found)
    return examples, rejected


def _log_automatic_split(data: Mapping[str, Any], examples: Mapping[str, Examples]) -> None:
    """Log how val and test were selected from train, if the user did not say it."""
    split = data.get("split")
    if not isinstance(split, Mapping) or not split.get("automatic"):
        return
    if not examples["val"] and not examples["test"]:
        each = f" of each value of {split['stratify']!r}" if split["stratify"] else ""
        log.info(
            "data.val and data.test are not set, and data.train has too few different examples%s "
            "to provide them: all %d are used for training.",
            each,
            len(examples["train"]),
        )
        return
    by = f", in proportion to the values of {split['stratify']!r}" if split["stratify"] else ""
    whole = f", with equal {split['group']!r} on one side" if split["group"] else ""
    log.info(
        "data.val and data.test are not set: examples of data.train are kept for them, %d and %d, "
        "at random (data.split.seed=%d)%s%s. To choose yourself, set data.val, data.test, "
        "data.split.val or data.split.test; data.split.val=0 trains on all.",
        len(examples["val"]),
        len(examples["test"]),
        split["seed"],
        by,
        whole,
    )


def _read_again(section: Mapping[str, Any], split: str, codec: FrontendCodec) -> Iterator[Example]:
    """Yield the usable examples of a split, prepared."""
    for one in build_reader(section).examples(split):
        if isinstance(one, Example):
            try:
                yield codec.prepare(one)
            except ExampleError:
                continue  # it was rejected before


def _write_skipped(folder: RunFolder, data: RunData) -> None:
    """List the examples that were left out, if there are any."""
    lines = [
        {"split": split, "id": error.example_id, "where": error.where, "problem": error.problem}
        for split, errors in data.skipped.items()
        for error in errors
    ]
    if lines:
        texts = [json.dumps(line, ensure_ascii=False) for line in lines]
        write_text(folder.skipped, "\n".join(texts) + "\n")


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.glob("codec.*"))}


def _stored_codecs(folder: RunFolder) -> dict[str, Any]:
    try:
        stored = read_json(folder.codecs)
        if is_changed(stored):
            raise BundleError("its values are not those that were written")
        states = read_states(stored["states"], folder.codec_files)
        changed = stored.get("files", {}).items() - _hashes(folder.codec_files).items()
        if changed:
            raise BundleError(f"changed since then: {', '.join(sorted(dict(changed)))}")
        return {
            "states": states,
            "examples": stored["examples"],
            "basis_digest": stored.get("basis"),  # runs of earlier versions have none
        }
    except PermissionError as error:
        raise unreadable(folder.codecs, error) from error
    except (OSError, DataError, LookupError, TypeError, BundleError) as error:
        raise RunError(
            f"{folder.codecs} is missing or damaged, so the run cannot be trained. Use a new "
            f"run_dir. ({error})"
        ) from error
