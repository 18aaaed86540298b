"""Several processes read, check and count what one does: the same data, errors and messages."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqloom.config.compose import compose_run
from seqloom.data import cut_text, fit_codecs, forked, gather, parts, read, split_writer, spool
from seqloom.data.read import read_split
from seqloom.data.rejected import Rejected
from seqloom.data.spool import Spool
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Codec, Example, Origin, Reader
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data
from seqloom_ner.codec import NerCodec
from seqloom_text.frontends.words import WordsCodec

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux")


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make thirty examples many, and small files large."""
    for module in (spool, gather, read):
        monkeypatch.setattr(module, "IN_MEMORY", 3)
    for module, name, value in (
        (split_writer, "BLOCK", 3),
        (gather, "PART", 9),
        (gather, "FIRST", 2),
        (parts, "PART", 7),
        (cut_text, "PART", 300),
        (cut_text, "SMALLEST", 0),
    ):
        monkeypatch.setattr(module, name, value)
    _cores(monkeypatch, 3)


def _cores(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(forked, "FEWEST", 20)
    monkeypatch.setattr(forked, "available_cores", lambda: list(range(count)))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that forked processes run."""
    found = list[str]()
    own = forked._Worker.__init__

    def record(self: Any, work: Any, number: int) -> None:
        found.append(work.__qualname__.split(".")[0])
        own(self, work, number)

    monkeypatch.setattr(forked._Worker, "__init__", record)
    return found


def _table(path: Path, faults: tuple[int, ...] = (), count: int = 60) -> str:
    lines = []
    for number in range(count):
        lines += ["-DOCSTART- -X-", ""] * (number % 20 == 0)
        lines += [
            f"w{number % 7} O",
            f"Ada{number % 50} B-PER",
            "x O\ty" if number in faults else "x O",
        ]
        if number in faults:  # found by the reader, or only when codecs are fitted
            lines.append("x" if number % 2 else "x O\ty")
        lines += ["y O"] * (number % 4) + [""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the messages but those of progress, which depend on the time."""
    return [one.getMessage() for one in caplog.records if one.name != "seqloom.progress"]


WHOLE = ("data.split.val=0", "data.split.test=0")


def _read(*words: str) -> RunData:
    return encoded_data(compose_run(["data=conll", "head=ner", *words]))


def _facts(data: RunData) -> Any:
    hashes = {
        split: (one.whole.tolist(), one.inputs.tolist()) for split, one in data.contents.items()
    }
    errors = {
        split: [(str(error), error.code, error.example_id, error.where) for error in found]
        for split, found in data.skipped.items()
    }
    digests = {split: rows.digest() for split, rows in data.splits.items()}
    examples = {
        split: [(e.id, e.fields, e.origin, e.meta) for e in rows.examples(range(len(rows)))]
        for split, rows in data.splits.items()
    }
    return hashes, errors, data.values_digests, data.states, digests, examples


@pytest.mark.parametrize(
    ("words", "faults"),
    [
        (WHOLE, ()),
        (WHOLE, (0, 30, 31, 59)),
        (("data.split.val=0.4", "data.split.seed=3"), (5, 30, 31)),
        ((), (0, 59)),
    ],
)
def test_what_several_processes_read_is_what_one_reads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    started: list[str],
    words: tuple[str, ...],
    faults: tuple[int, ...],
) -> None:
    own = [f"data.train={_table(tmp_path / 't.conll', faults)}", *words, "on_bad=skip"]
    caplog.set_level(logging.INFO, "seqloom")
    found, said = _read(*own), _said(caplog)
    assert {"spooled", "_counted", "SplitEncoding"} == {*started}
    _cores(monkeypatch, 1)
    caplog.clear()
    alone = _read(*own)
    assert _facts(found) == _facts(alone)
    assert said == _said(caplog)


def test_examples_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = _table(tmp_path / "t.conll", (5, 30, 44))
    texts = list[str]()
    for cores in (3, 1):
        _cores(monkeypatch, cores)
        with pytest.raises(DataError) as error:
            _read(f"data.train={train}", *WHOLE)
        texts.append(str(error.value))
    assert texts[0] == texts[1]
    assert "3 examples of the train split cannot be used" in texts[0]


class Numbers(Reader):
    """A reader in parts of ten, with as many examples that cannot be used as are told."""

    def __init__(self, ids: list[int], bad: tuple[int, ...] = (), odd: str = "") -> None:
        self.ids, self.bad, self.odd = ids, bad, odd

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        return self._some(0, len(self.ids), alone=True)

    def examples_in_parts(self, split: str) -> list[Iterator[Example | ExampleError]]:
        return [self._some(at, at + 10) for at in range(0, len(self.ids), 10)]

    def _some(
        self, start: int, end: int, *, alone: bool = False
    ) -> Iterator[Example | ExampleError]:
        for at, number in enumerate(self.ids[start:end], start):
            one = Example(f"e{number}", {"tokens": [f"w{at}"]}, Origin("a", at))
            if at == 25 and self.odd == "error" and not alone:
                raise ValueError(at)
            if at == 25 and self.odd == "message":
                logging.getLogger("other").warning("at %d", at)
            if at == 25 and self.odd == "value":
                one.meta["x"] = object
            error = UnlikeError if self.odd == "class" else ExampleError
            yield error(one, f"{at} is bad", cause="S999") if number in self.bad else one


class UnlikeError(ExampleError):
    """An error that cannot be pickled."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.why = lambda: None


@pytest.mark.parametrize("odd", ["", "error", "message", "value", "class"])
@pytest.mark.parametrize("ids", [[*range(60)], [*range(30), *range(7, 37)]], ids=["once", "twice"])
def test_a_reader_with_parts(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    started: list[str],
    ids: list[int],
    odd: str,
) -> None:
    def found() -> Any:
        caplog.clear()
        rejected = Rejected(skip=True)
        examples = read_split(Numbers(ids, (4, 9, 33), odd), "train", WordsCodec(), rejected)
        shown = [(type(one), str(one), one.code, one.example_id) for one in rejected.errors]
        return list(examples), shown, _said(caplog)

    several = found()
    assert len(started) == 3
    _cores(monkeypatch, 1)
    assert several == found()
    assert len(started) == 3


def test_a_process_that_is_killed_while_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    main, own = os.getpid(), WordsCodec.prepare

    def prepare(self: WordsCodec, example: Example) -> Example:
        if example.id == "e31" and os.getpid() != main:
            os.kill(os.getpid(), signal.SIGKILL)
        return own(self, example)

    monkeypatch.setattr(WordsCodec, "prepare", prepare)
    with pytest.raises(forked.KilledError, match=r"reads or encodes .* killed \(SIGKILL\)"):
        read_split(Numbers([*range(60)]), "train", WordsCodec(), Rejected(skip=True))


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [Example(f"e{n}", {"n": [n]}) for n in range(20)]
    content = spool.packed(examples[9:])
    assert content is not None
    found = Spool(examples[:9])
    found._full = True
    found.extend(content)
    assert list(found) == examples
    assert spool.packed([*examples, Example("f", {"x": object()})]) is None


def _codecs(cls: type[NerCodec] = NerCodec) -> Any:
    from seqloom.data.encode import Codecs

    return Codecs(WordsCodec(), {"ner": cls()})


def _tagged(count: int, odd: dict[int, str]) -> list[Example]:
    return [
        Example(f"e{n}", {"tokens": [f"w{n % 13}", "x"], "tags": [odd.get(n, "B-PER"), "O"]})
        for n in range(count)
    ]


@pytest.mark.parametrize("odd", [{}, {3: "b_LOC", 40: "PER-B"}, {31: "PER"}, {31: 7}])
def test_codecs_are_fitted_from_counts(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    started: list[str],
    odd: dict[int, str],
) -> None:
    def found() -> Any:
        caplog.clear()
        rejected = Rejected(skip=True)
        states = fit_codecs.fit_codecs(_codecs(), Spool(_tagged(60, odd)), rejected)
        return states, [str(error) for error in rejected.errors], _said(caplog)

    caplog.set_level(logging.INFO, "seqloom")
    several = found()
    assert len(started) == 3
    _cores(monkeypatch, 1)
    assert several == found()
    assert len(started) == 3


def test_a_codec_with_another_fit_inherits_no_counts(started: list[str]) -> None:
    class Own(NerCodec):
        def fit(self, examples: Any) -> dict[str, Any]:
            return {"scheme": "iob2", "tags": ["O"]}

    assert Own.count is Codec.count
    states = fit_codecs.fit_codecs(_codecs(Own), Spool(_tagged(60, {})), Rejected(skip=False))
    assert states["heads"]["ner"]["tags"] == ["O"]
    assert started  # the frontend's
