"""The data sets that can be fetched: pinned, verified, and as large as their publishers say."""

from __future__ import annotations

import csv
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqloom.config.compose import compose_data
from seqloom.errors import DataError
from seqloom.model.build import build_reader

pytestmark = pytest.mark.realdata

SIZES = {
    "bc5cdr": {"train": (4560, 118170), "val": (4581, 117453), "test": (4797, 124750)},
    "snips": {"train": (13084, 117700), "val": (700, 6384), "test": (700, 6354)},
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def publisher(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the publishers' files on this machine, under the paths that they have there."""
    site = tmp_path / "site"
    with (real_data / "SOURCES.tsv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["local_copy"].startswith(("bc5cdr", "snips")):
                place = site / row["repository"] / row["commit"] / row["path"]
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(real_data / row["local_copy"], place)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.delenv("SEQLOOM_DATA")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEQLOOM_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", SIZES)
def test_fetched(name: str, publisher: Path) -> None:
    source = build_reader(compose_data([f"data={name}"]))
    for split, (count, tokens) in SIZES[name].items():
        examples = list(source.examples(split))
        assert len(examples) == count
        assert sum(len(example.fields["tokens"]) for example in examples) == tokens
        assert all(len(one.fields["tokens"]) == len(one.fields["tags"]) for one in examples)


@pytest.mark.parametrize("name", SIZES)
def test_local_copies(name: str, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_MIRROR", "http://127.0.0.1:9")  # nobody answers there
    source = build_reader(compose_data([f"data={name}"]))
    assert len(list(source.examples("val"))) == SIZES[name]["val"][0]


def test_changed_file_is_refused(publisher: Path) -> None:
    changed = next(publisher.rglob("train.tsv"))
    changed.write_bytes(changed.read_bytes() + b"\n")
    source = build_reader(compose_data(["data=bc5cdr"]))
    with pytest.raises(DataError, match=r"train\.tsv"):
        next(source.examples("train"))
