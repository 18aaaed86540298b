"""The encoded data of a run from the cache, where its data is large and comes from text files.

The key of an entry is a hash of all that the encoded data follows from: the names, paths and bytes
of the data files; the sections of the data, the frontend and the head; ``on_bad``, ``init_classes``
and the limits of an example's size; codec states that are given; the versions of Python and of the
installed packages; and the code that reads and encodes. The path of the cache comes from the user's
config or environment alone.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqloom.config.run_config import RunConfig
from seqloom.data.cache import Cache, cache_root, home_of, plain_json
from seqloom.data.content import load_contents, save_contents
from seqloom.data.encoded import EncodedSplit
from seqloom.data.fetch import local_path
from seqloom.data.scratch import Scratch
from seqloom.errors import ConfigError, DataError, ExampleError, RunError, SeqloomError
from seqloom.files import read_json, sha256, write_json
from seqloom.interfaces import SPLITS, Example, FrontendCodec, Origin
from seqloom.model.build import States, build_codecs, restore
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.plugins import registry
from seqloom.plugins.named_files import named_files
from seqloom.plugins.registry import name_and_params
from seqloom.train.data import RunData

log = logging.getLogger("seqloom")

AUTO, OFF = "auto", ("off", "false")
ReadAgain = Callable[[Mapping[str, Any], str, FrontendCodec], Iterable[Example]]
"""Reads the usable examples of a split again, given the section of the data, the name of the split
and the frontend's codec."""

Said = list[tuple[int, str, str]]
"""Level, module and text of messages."""

SMALLEST = 8_000_000
"""Size of the data files in bytes from which on encoded data is cached."""

TEXTS = frozenset({"text", "texts", "tokens", "tags", "label", "labels"})
"""Kinds of fields that are read from the data files themselves, and not from others."""


class CachedData:
    """The place of a run's encoded data in the cache.

    Args:
        cfg: Config of the run.
        cache: Cache.
        key: Key of the entry.
        files: The data files by their names in the config.
        facts: What tells whether they were written to, before they were hashed for the key.
    """

    def __init__(
        self, cfg: RunConfig, cache: Cache, key: str, files: Mapping[str, Path], facts: Any
    ) -> None:
        self._cfg, self.cache, self.key = cfg, cache, key
        self._files, self._facts = files, facts

    @classmethod
    def of(cls, cfg: RunConfig, basis_digest: str) -> CachedData | None:
        """Return the place of a run's data; None if it is small, or nothing can tell its content.

        Args:
            cfg: Config of the run.
            basis_digest: Digest of the states from which fitting starts; see `digest_of`.
        """
        if cfg.cache.lower() in OFF:
            return None
        try:
            files = _data_files(cfg)
            if files is None or sum(path.stat().st_size for path in files.values()) < SMALLEST:
                return None
            facts = _stats(files)
            key = _key(cfg, files, basis_digest)
        except (OSError, ImportError, ValueError):  # of files, which the reader says, or of code
            return None
        try:
            folder = cache_root() if cfg.cache == AUTO else home_of(cfg.cache, "cache")
        except ConfigError as error:
            log.warning("Encoded data is not cached: %s", str(error))
            return None
        cache = Cache(folder.absolute() / "encoded")
        return cls(cfg, cache, key, files, facts) if cache.prepare() else None

    def load(self, read_again: ReadAgain, states: States | None = None) -> RunData | None:
        """Return the data of the entry; None if there is none.

        Args:
            read_again: Reads the usable examples of a split.
            states: States that its codecs must have, if they were fitted before.
        """
        folder = self.cache.open(self.key)
        found = folder and self.reopened(read_again)
        if not folder or not found or states not in (None, found.states):
            return None
        with suppress(OSError, DataError):  # another process may have removed it
            _say(read_json(folder / "said.json")["said"])
        log.info("The encoded data comes from the cache: %s", folder)
        return found

    def reopened(self, read_again: ReadAgain) -> RunData | None:
        """Return the data of an entry that was checked or written before, and say nothing."""
        folder = self.cache.folder / self.key
        try:
            return self._load(folder, read_again)
        except (OSError, ValueError, LookupError, TypeError, SeqloomError) as error:
            log.warning("%s is damaged and will be rebuilt: %s", folder, str(error))
            self.cache.remove(self.key)
            return None

    def _load(self, folder: Path, read_again: ReadAgain) -> RunData:
        facts = read_json(folder / "data.json")
        codecs = build_codecs(self._cfg.components)
        states: States = read_states(facts["states"], folder / "codecs")
        restore(codecs, states)
        for name, codec in codecs.heads.items():
            codec.unseen = facts["unseen"][name]
        splits = {
            split: EncodedSplit.load(
                folder / split, partial(read_again, self._cfg.data, split, codecs.frontend)
            )
            for split in SPLITS
        }
        skipped, unknown = (
            {split: [_error(*one) for one in found] for split, found in facts[name].items()}
            for name in ("skipped", "unknown")
        )
        contents = load_contents(folder / "contents.npz")
        if contents.keys() != set(SPLITS):
            raise ValueError("the hashes of its examples are missing")
        return RunData(
            codecs,
            states,
            splits,
            skipped,
            contents=contents,
            values_digests=facts["values"],
            unknown=unknown,
            long=facts["long"],
        )

    def store(self, data: RunData, said: Said) -> bool:
        """Write an entry; return whether there is one now.

        Args:
            data: Encoded data.
            said: The messages about it.
        """
        with suppress(OSError):
            if _stats(self._files) == self._facts:
                return self._store(data, said)
        log.warning("Encoded data is not cached: the data files changed while they were read.")
        return False

    def _store(self, data: RunData, said: Said) -> bool:
        try:
            scratch = Scratch(self.cache.folder)
            draft = scratch.path / "entry"
            for split, encoded in data.splits.items():
                encoded.save(draft / split)
            facts = {
                "states": write_states(data.states, draft / "codecs"),
                "unseen": {n: list(codec.unseen) for n, codec in data.codecs.heads.items()},
                "skipped": _plain(data.skipped),
                "unknown": _plain(data.unknown),
                "values": data.values_digests,
                "long": data.long,
            }
            write_json(draft / "data.json", facts)
            write_json(draft / "said.json", {"said": said})
            save_contents(draft / "contents.npz", data.contents)
        except (OSError, RunError) as error:
            log.warning("Encoded data is not cached: %s", str(error))
            return False
        about = {
            "data": self._cfg.data["name"],
            "frontend": self._cfg.frontend["name"],
            "head": self._cfg.head["name"],
            "files": list(self._files),
            "examples": {split: len(encoded) for split, encoded in data.splits.items()},
        }
        stored = self.cache.store(self.key, scratch, about)
        scratch.remove()
        if stored:
            log.info("The encoded data is cached: %s", self.cache.folder / self.key)
        return stored


@contextmanager
def collected_messages() -> Iterator[Said]:
    """Collect what is logged in the block, so that it can be said again."""
    said: Said = []

    class Record(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            said.append((record.levelno, record.module, record.getMessage()))
            return True

    own = Record()
    log.filters.insert(0, own)  # other filters may drop what is logged
    try:
        yield said
    finally:
        log.removeFilter(own)


def _say(said: Said) -> None:
    """Log messages again, as the modules that logged them."""
    for level, module, text in said:
        if log.isEnabledFor(level):
            log.handle(log.makeRecord(log.name, level, f"{module}.py", 0, text, (), None))


def _stats(files: Mapping[str, Path]) -> list[tuple[int, ...]]:
    """Return what changes when one of the files is written to or replaced."""
    found = [path.stat() for path in files.values()]
    return [(one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for one in found]


def _data_files(cfg: RunConfig) -> dict[str, Path] | None:
    """Return the files that the examples come from, by the names that the config has for them.

    Returns:
        None if examples may come from elsewhere too, or other files decide how they are encoded.
    """
    name, params = name_and_params(cfg.data)
    component = registry().find("data", name)
    if component.files is None or not TEXTS.issuperset(component.given(params).values()):
        return None
    if named_files("frontend", cfg.frontend) or named_files("head", cfg.head):
        return None
    named = named_files("data", cfg.data).values()
    try:
        files = {one: local_path(one) for one in named if one != "-"}
    except DataError:  # the reader says what is wrong
        return None
    regular = all(path.is_file() for path in files.values()) and "-" not in named
    return files if files and regular else None


def digest_of(basis: States | None) -> str:
    """Return a digest of the states of a trained model, from which fitting starts, if any."""
    return _digest(plain_json(basis))


def _key(cfg: RunConfig, files: Mapping[str, Path], basis_digest: str) -> str:
    content = {
        "files": {name: [str(path), sha256(path)] for name, path in files.items()},
        "data": cfg.data,
        "frontend": cfg.frontend,
        "head": cfg.head,
        "on_bad": cfg.on_bad,
        "limits": [cfg.batch.max_cost, cfg.batch.max_length, cfg.batch.on_long],
        "classes": cfg.init_classes,
        "basis": basis_digest,
        "code": _code(cfg),
    }
    return _digest(plain_json(content))


def _code(cfg: RunConfig) -> list[str]:
    """Return versions of the libraries, and a digest of the code that reads and encodes.

    Raises:
        OSError, ImportError, ValueError: The code is not in files.
    """
    sections: list[tuple[Any, Mapping[str, Any]]] = [
        ("data", cfg.data),
        ("frontend", cfg.frontend),
        ("head", cfg.head),
    ]
    targets = {registry().find(kind, name_and_params(one)[0]).target for kind, one in sections}
    packages = sorted({"seqloom", *(target.partition(".")[0] for target in targets)})
    packages = [one.partition(":")[0] for one in packages]
    found = hashlib.sha256()
    for package in packages:
        spec = find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        paths = [Path(one) for one in folders or ([spec.origin] if spec and spec.origin else [])]
        for path in paths:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if "__pycache__" not in file.parts and file.is_file():  # data files count too
                    found.update(f"{file.relative_to(path)} {sha256(file)}\n".encode())
    return [sys.version, *_installed(), *packages, found.hexdigest()]


def _installed() -> list[str]:
    """Return the installed distributions with their versions, which any codec may depend on.

    The names of their folders are enough: reading their metadata takes seconds.
    """
    folders = [Path(one or ".") for one in sys.path]
    return sorted({found.name for one in folders for found in one.glob("*.dist-info")})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(errors: Mapping[str, list[ExampleError]]) -> dict[str, list[list[str]]]:
    return {
        split: [[one.example_id, one.where, one.problem] for one in found]
        for split, found in errors.items()
    }


def _error(name: str, where: str, problem: str) -> ExampleError:
    return ExampleError(Example(name, {}, Origin(where)), problem)
