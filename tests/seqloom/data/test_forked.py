"""Several processes encode what one does: the same files, the same errors in the same order."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from fork_server import Forked, ForkServer

from seqloom.config.compose import compose_run
from seqloom.data import forked, gather, read, split_writer, spool
from seqloom.data.encode import Codecs
from seqloom.data.forked import KilledError, in_order, processes
from seqloom.data.split_writer import SplitWriter, write_split
from seqloom.data.stored import StoredExamples
from seqloom.errors import DataError, SeqloomError, with_code
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data
from seqloom_ner.codec import NerCodec

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux")


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make thirty examples many, in small parts."""
    for module in (spool, gather, read):
        monkeypatch.setattr(module, "IN_MEMORY", 3)
    monkeypatch.setattr(spool, "BLOCK", 200)
    monkeypatch.setattr(split_writer, "BLOCK", 3)
    monkeypatch.setattr(gather, "PART", 4)
    monkeypatch.setattr(gather, "FIRST", 2)
    _cores(monkeypatch, 3)


def _cores(monkeypatch: pytest.MonkeyPatch, count: int, fewest: int = 20) -> None:
    monkeypatch.setattr(forked, "FEWEST", fewest)
    monkeypatch.setattr(forked, "available_cores", lambda: list(range(count)))


def _table(path: Path, bad: tuple[int, ...] = (), kinds: str = "PER") -> str:
    """Write sentences, some of which cannot be encoded with a limit of their size."""
    lines = []
    for number in range(60):
        kind = kinds if number > 56 else "PER"
        lines += [f"w{number % 7} O", f"Ada{number} B-{kind}", f"ä{number % 5} I-{kind}"]
        lines += ["x O"] * (20 if number in bad else number % 3) + [""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _read(train: str, *words: str) -> RunData:
    own = ["data=conll", "head=ner", f"data.train={train}"]
    return encoded_data(compose_run([*own, *words]))


def _files(data: RunData) -> dict[str, bytes]:
    """Return the files of all splits by their names."""
    found = {}
    for split, rows in data.splits.items():
        stored = rows._encoded
        assert isinstance(stored, StoredExamples)
        found |= {f"{split}/{one.name}": one.read_bytes() for one in stored.folder.iterdir()}
    return found


def _facts(data: RunData) -> Any:
    hashes = {
        split: (one.whole.tolist(), one.inputs.tolist()) for split, one in data.contents.items()
    }
    errors = {split: [str(error) for error in found] for split, found in data.skipped.items()}
    unknown = {split: [str(error) for error in found] for split, found in data.unknown.items()}
    return hashes, errors, unknown, data.values_digests, data.states


def test_the_files_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = _table(tmp_path / "t.conll")
    words = [
        f"data.val={_table(tmp_path / 'v.conll')}",
        f"data.test={_table(tmp_path / 'e.conll')}",
    ]
    started = _started(monkeypatch)
    found = _read(train, *words)
    assert len(started) == 12  # to count what is fitted, and to encode three splits
    _cores(monkeypatch, 1)
    alone = _read(train, *words)
    assert len(started) == 12
    assert _files(found) == _files(alone)
    assert _facts(found) == _facts(alone)


def _started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the numbers of the processes that are started."""
    started: list[int] = []
    own = forked._Worker.__init__

    def record(self: Any, work: Any, number: int) -> None:
        started.append(number)
        own(self, work, number)

    monkeypatch.setattr(forked._Worker, "__init__", record)
    return started


def test_small_data_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = _started(monkeypatch)
    _cores(monkeypatch, 3, fewest=61)
    _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")
    assert not started


def test_examples_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = _table(tmp_path / "t.conll", bad=(5, 6, 30, 59))
    words = ["data.split.val=0", "data.split.test=0", "batch.max_cost=20"]
    messages = []
    for cores in (3, 1):
        _cores(monkeypatch, cores)
        with pytest.raises(DataError) as error:
            _read(train, *words)
        messages.append(str(error.value))
        skipped = _read(train, *words, "on_bad=skip")
        messages.append(str(_facts(skipped)))
        assert len(skipped.splits["train"]) == 56
    assert messages[:2] == messages[2:]
    assert "4 examples of the train split cannot be used" in messages[0]


def test_types_that_no_training_example_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, val = _table(tmp_path / "t.conll"), _table(tmp_path / "v.conll", kinds="LOC")
    words = [f"data.val={val}", "data.split.test=0"]
    found = _read(train, *words)
    _cores(monkeypatch, 1)
    alone = _read(train, *words)
    assert len(found.unknown["val"]) == 3
    assert _facts(found) == _facts(alone)
    codecs = [one.codecs.heads["ner"].unseen for one in (found, alone)]
    assert codecs == [["LOC"], ["LOC"]]
    digests = [
        {split: rows.digest() for split, rows in one.splits.items()} for one in (found, alone)
    ]
    assert digests[0] == digests[1]


def test_an_error_of_a_codec_is_met_as_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(self: NerCodec, example: Any) -> Any:
        if example.id.endswith(":31"):
            raise ZeroDivisionError(f"at {example.id} in {os.getpid()}")
        return own(self, example)

    own = NerCodec.encode
    monkeypatch.setattr(NerCodec, "encode", encode)
    with pytest.raises(ZeroDivisionError, match=f"at t:31 in {os.getpid()}"):
        _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")


@pytest.mark.parametrize("name", ["seqloom", "seqloom.own", "seqloom_other", "warnings"])
def test_what_a_codec_says_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def encode(self: NerCodec, example: Any) -> Any:
        if example.id.endswith(("1", "2")):
            text = f"{example.id} is odd"
            if name == "warnings":
                warnings.warn(text, stacklevel=1)
            else:
                logging.getLogger(name).warning(text)
        return own(self, example)

    own = NerCodec.encode
    monkeypatch.setattr(NerCodec, "encode", encode)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")
    said = [one for one in [*caplog.messages, *(str(w.message) for w in found)] if "is odd" in one]
    assert said == [f"t:{n} is odd" for n in range(61) if n % 10 in (1, 2)]


def test_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = os.getpid()

    def encode(self: Codecs, *args: Any) -> Any:
        if args[0].id.endswith(":31") and os.getpid() != main:
            os.kill(os.getpid(), signal.SIGKILL)
        return own(self, *args)

    own = Codecs.encode
    monkeypatch.setattr(Codecs, "encode", encode)
    with pytest.raises(KilledError) as error:
        _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")
    assert with_code(error.value) == (
        "A worker process that reads or encodes examples was killed (SIGKILL), perhaps because "
        "memory ran out. There is one worker per available core, up to 4; prefix the command with "
        "`taskset -c 0` to run without workers. [S507]"
    )


def test_a_process_that_is_killed_while_it_waits() -> None:
    worker = forked._Worker[int, int](abs, 0)
    try:
        os.kill(worker.process.pid or 0, signal.SIGKILL)
        worker.process.join()
        with pytest.raises(KilledError, match=r"was killed \(SIGKILL\)"):
            worker.give(0, -1)
    finally:
        worker.end()


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_the_system_starts_fewer_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, limit: int
) -> None:
    def fork() -> int:
        if len([*filter(_exists, started)]) == limit:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(own())
        return started[-1]

    started, own = list[int](), os.fork
    words = [_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fork", fork)
        found = _read(*words)
    assert isinstance(found.splits["train"]._encoded, StoredExamples)
    assert "in memory" not in caplog.text
    assert len(started) == 2 * limit
    assert not any(map(_exists, started))
    _cores(monkeypatch, 1)
    alone = _read(*words)
    assert found.splits["train"].digest() == alone.splits["train"].digest()
    assert _facts(found) == _facts(alone)


@pytest.mark.parametrize("refused", ["extend", "close"])
def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refused: str
) -> None:
    def refuse(self: SplitWriter, *_: Any) -> None:
        parts.append([*self._folder.parent.glob("part-*")])
        raise OSError(28, "No space left on device")

    parts = list[list[Path]]()
    monkeypatch.setattr(SplitWriter, refused, refuse)  # close: also by one process alone
    found = _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")
    in_memory = refused == "close"
    assert ("Encoded data is kept in memory" in caplog.text) is in_memory
    assert isinstance(found.splits["train"]._encoded, StoredExamples) is not in_memory
    assert len(found.splits["train"]) == 60
    assert not in_memory or not parts[-1]  # those of the processes were removed


@pytest.mark.parametrize(("room", "length"), [(1, 2), (1 << 20, 4)])
def test_parts_of_large_examples_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, length: int
) -> None:
    def record(work: Any, parts: list[range], count: int) -> Any:
        lengths.extend(map(len, parts))
        return in_order(work, parts, count)

    lengths = list[int]()
    monkeypatch.setattr(gather, "in_order", record)
    monkeypatch.setattr(gather, "PART_BYTES", room)
    found = _read(_table(tmp_path / "t.conll"), "data.split.val=0", "data.split.test=0")
    assert len(found.splits["train"]) == 60
    assert sum(lengths) == 58
    assert {*lengths[:-1]} == {length}


def test_results_come_in_order() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 * (3 - number % 4))
        if number == 5:
            raise SeqloomError
        return number * number

    found = [*in_order(work, range(11), 3)]
    assert found == [(n, None if n == 5 else n * n) for n in range(11)]
    assert [*in_order(work, [], 2)] == []


def test_processes_end_when_nobody_waits_for_results(tmp_path: Path) -> None:
    def work(number: int) -> int:
        (tmp_path / str(os.getpid())).touch()
        return number

    for _ in in_order(work, range(100), 2):
        break
    assert list(tmp_path.iterdir())
    assert not any(_exists(int(one.name)) for one in tmp_path.iterdir())


@pytest.mark.parametrize("late", [False, True])
def test_a_process_ends_without_a_word_once_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    monkeypatch.setattr(forked, "begin_worker", lambda _: None)
    monkeypatch.setattr(forked.torch, "set_num_threads", lambda _: None)
    (here, there), (other, _) = Pipe(), Pipe()
    here.send((0, 0))
    timer = Timer(0.1, here.close)

    def work(_: int) -> None:
        timer.start() if late else here.close()  # the result is not read, or cannot be sent

    forked._serve(work, there, other, 0)


SCRIPT = """
import os, sys, time
from seqloom.data.forked import in_order

def work(number):
    print(os.getpid(), flush=True)
    time.sleep(60)

list(in_order(work, range(2), 2))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_main_one(fork_server: ForkServer, how: int) -> None:
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with Forked(fork_server, SCRIPT, text=True, **streams) as main:
        assert main.stdout is not None
        pids = [int(main.stdout.readline()) for _ in range(2)]
        main.send_signal(how)
    _wait(lambda: not any(map(_exists, pids)))


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("examples", "cores", "count"), [(19, 8, 1), (20, 8, 4), (20, 2, 2), (20, 1, 1)]
)
def test_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, examples: int, cores: int, count: int
) -> None:
    _cores(monkeypatch, cores)
    assert processes(examples) == count


def test_arrays_of_several_kinds_in_parts(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(20)]
    write_split(tmp_path / "whole", rows)
    writer = SplitWriter(tmp_path / "joined")
    for start in range(0, 20, 5):
        folder = tmp_path / f"part-{start}"
        part = SplitWriter(folder, part=True)
        for one in rows[start : start + 5]:
            part.append(one)
        part.close()
        assert writer.extend(folder)
    writer.close()
    names = [one.name for one in (tmp_path / "whole").iterdir()]
    for name in names:
        own, other = ((tmp_path / folder / name).read_bytes() for folder in ("joined", "whole"))
        assert own == other, name


def _row(number: int) -> Any:
    from seqloom.data.collate import EncodedExample
    from seqloom.interfaces import Example, Origin

    shape = (number % 3,) * (number // 7 + 1)
    kind = (np.int16, np.int32, np.float64)[number // 8]
    origin = Origin(f"f{number // 6}", number) if number % 4 else None
    example = Example(f"e{number}", {"text": f"t{number}"}, origin, {"n": number})
    inputs = {"a": np.full(shape, number, kind), "b": np.array(number)}
    return EncodedExample(example, inputs, {"h": {"c": np.arange(number)}}, number, 2, terms=3)
