"""scripts/bench: which parts it runs, what it prints and what it stores."""

from __future__ import annotations

import doctest
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "scripts" / "bench_parts"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return bench_module("__main__")


def bench_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench_parts(tmp_path: Path) -> Path:
    row = "dict(id={!r}, what='speed', ratio={}, target={!r})"
    for name, rows in {
        "quick": [row.format("Q1-a", 0.1, 0.2), row.format("Q12", 3.0, ">= 2.5")],
        "slow": [
            row.format("S1", 0.5, 0.2),
            row.format("S2", 0.5, None)[:-1] + ", spread=[0.4, 0.6])",
            row.format("S3", None, 0.2)[:-1] + ", skipped='no such peer')",
        ],
    }.items():
        text = f"def measure():\n    return [{', '.join(rows)}]\n"
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "_helper.py").write_text("raise SystemExit('not a part')\n")
    return tmp_path


def test_bench_prints_a_table(
    bench: ModuleType, bench_parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bench_parts / "rows.json"
    assert bench.main(["--json", str(file)], bench_parts) == 1
    came = capsys.readouterr()
    assert came.out.splitlines() == [
        "id   | what  | ratio | spread      | target | met",
        "Q1-a | speed | 0.100 |             | <= 0.2 | yes",
        "Q12  | speed | 3.000 |             | >= 2.5 | yes",
        "S1   | speed | 0.500 |             | <= 0.2 | NO",
        "S2   | speed | 0.500 | 0.400–0.600 |        |",
        "S3   | speed |       |             | <= 0.2 | skipped: no such peer",
    ]
    assert "missed: S1\n" in came.err
    assert [row["met"] for row in json.loads(file.read_text())] == [True, True, False, None, None]


@pytest.mark.parametrize(
    ("names", "ids"),
    [(["Q1"], ["Q1-a"]), (["quick"], ["Q1-a", "Q12"]), (["Q12", "S2"], ["Q12", "S2"])],
)
def test_bench_measures_what_is_named(
    bench: ModuleType, bench_parts: Path, names: list[str], ids: list[str]
) -> None:
    rows, broken = bench.run(bench_parts, names)
    assert [row["id"] for row in rows] == ids
    assert broken == []


@pytest.mark.parametrize("name", ["__main__", "_page"])
def test_the_examples_in_the_docstrings_of_bench(bench: ModuleType, name: str) -> None:
    outcome = doctest.testmod(bench_module(name))
    assert outcome.attempted >= 1
    assert outcome.failed == 0


def test_a_part_is_not_chosen_for_a_word_that_is_the_name_of_another(
    bench: ModuleType, bench_parts: Path
) -> None:
    (bench_parts / "loud.py").write_text("# as quick as Q12")
    assert [path.stem for path in bench.parts(bench_parts, ["quick"])] == ["quick"]
    assert [path.stem for path in bench.parts(bench_parts, ["Q12"])] == ["loud", "quick"]


def test_bench_goes_on_after_a_part_that_breaks(
    bench: ModuleType, bench_parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench_parts / "bad.py").write_text("def measure():\n    raise OSError('no such thing')\n")
    assert bench.main(["bad", "quick"], bench_parts) == 1
    came = capsys.readouterr()
    assert "Q12" in came.out
    assert "no such thing" in came.err
    assert came.err.endswith("broken: bad\n")


def test_bench_says_what_there_is(
    bench: ModuleType, bench_parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench.main(["P99"], bench_parts)
    assert "no benchmark has P99; there are the parts quick, slow." in capsys.readouterr().err


def test_bench_stores_rows_beside_those_of_other_machines(
    bench: ModuleType, bench_parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "speed.md").write_text(
        "Before.\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nAfter.\n"
    )
    old = {"what": "speed", "spread": [0.1, 0.3], "target": 0.2, "machine": 0}
    rows = [
        {"id": "S1", "ratio": 0.9, "met": False, **old},
        {"id": "S3", "ratio": 0.2, "met": True, **old},
    ]
    curve = {"id": "sizes-T", "size": "steps", "ratio": 1.0, "met": True, **old}
    curve["points"] = [[10, 0.001], [100, 0.02]]
    stored = {"machines": ["an old machine"], "rows": [*rows, curve]}
    (docs / "bench.json").write_text(json.dumps(stored))
    bench.main(["--store", "--quick"], bench_parts, docs)
    page = (docs / "speed.md").read_text("utf-8").splitlines()
    assert (page[0], page[-1]) == ("Before.", "After.")
    assert "| S1 | speed | 0.5 |  | ≤ 0.2 | **short** | 1 |" in page
    assert "| S3 | speed | 0.2 | 0.1–0.3 | ≤ 0.2 | yes | 2 |" in page  # what was skipped stays
    assert "2. an old machine" in page
    assert any(line.startswith("1. ") and line.endswith(", few rounds") for line in page)
    assert "- P14: not measured yet" in page
    assert "exponent 1.00" in (docs / "sizes.svg").read_text("utf-8")


def test_the_page_on_speed_is_that_of_its_file(bench: ModuleType) -> None:
    stored = json.loads((ROOT / "docs" / "bench.json").read_text("utf-8"))
    page = (ROOT / "docs" / "speed.md").read_text("utf-8")
    assert bench_module("_page").written(page, stored) == page, "run scripts/bench --store ID"
    for row in stored["rows"]:
        assert row["met"] == bench.met(row)


def test_each_target_has_a_part(bench: ModuleType) -> None:
    found = {target: bench.parts(BENCH, [target]) for target in bench_module("_page").TARGETS}
    assert [target for target, files in found.items() if not files] == []


def test_a_library_that_is_not_installed_is_skipped(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = bench_module("_peers")
    library = peers.Library("nonesuch", "1.2", "nothing.py", ("torch",))
    monkeypatch.setenv(peers.ENVIRONMENTS, str(tmp_path))
    peer, reason = library.opened()
    assert peer is None
    assert reason == "nonesuch is not installed: scripts/bench --setup nonesuch"


def test_a_peer_takes_a_step_when_it_is_told_to(bench: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "peer.py"
    program.write_text("print('ready', flush=True)\nfor _ in open(0): print(3, 0.5, flush=True)\n")
    peers = bench_module("_peers")
    with peers.Peer(Path(sys.executable), str(program), ()) as peer:
        assert [peer.step(), peer.step()] == [(3, 0.5), (3, 0.5)]
    program.write_text("print('no module')\n")
    with pytest.raises(RuntimeError, match="no module"):
        peers.Peer(Path(sys.executable), str(program), ())


def test_the_ratio_of_a_row_and_its_spread(bench: ModuleType) -> None:
    made = bench_module("_timing").row("P1", "x", [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], None)
    assert (made["ratio"], made["spread"]) == (1.0, [0.5, 1.5])
    faster = bench_module("_timing").row("P1", "x", [1.0], [3.0], None, speed=True)
    assert (faster["ratio"], faster["spread"]) == (3.0, [3.0, 3.0])
