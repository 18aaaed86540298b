"""``seqloom cluster test``: run a small job on several nodes, and say what is wrong."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from seqloom.cli.options import HelpFormatter, positive_int
from seqloom.errors import RunError
from seqloom.files import cannot_write
from seqloom.train.ranks.probe import PREFIX

CLOCKS = 5.0
"""Seconds by which clocks may differ; starting a task takes part of them."""

LIMIT = 600
"""Seconds that a job may wait in the queue and run, by default."""

Report = dict[str, Any]


def smoke(arguments: list[str]) -> int:
    """Run the job, print what is wrong, and return 1 if anything is.

    Raises:
        RunError: There is no srun, or the job did not run.
    """
    options = _parser().parse_args(arguments)
    if shutil.which("srun") is None:
        raise RunError(
            "There is no srun on the PATH: run this where you submit jobs, and load the module of "
            "Slurm if your cluster has one."
        )
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="cluster-test-", dir=options.folder)).absolute()
    except OSError as error:
        raise cannot_write(options.folder, error) from error
    try:
        reports = _run(folder, options)
        seen = sum(path.name.startswith("task") for path in folder.iterdir())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tasks = options.nodes * options.devices
    found = problems(
        reports, tasks, options.devices, folder.parent, seen=seen, gpus=_wants_gpus(options.sbatch)
    )
    for report in reports.values():
        gpus = f", {report['gpus']} GPUs" if report["gpus"] else ""
        print(
            f"{report['node']}: task {report.get('rank', '?')}, {_text(report['versions'])}{gpus}"
        )
    for problem in found:
        print(f"Problem: {problem}", file=sys.stderr)
    if not found:
        print(
            f"{tasks} tasks on {options.nodes} nodes reach one another and share {folder.parent}."
        )
    return int(bool(found))


def _run(folder: Path, options: argparse.Namespace) -> dict[str, Report]:
    """Run the job; return the last report of each task, with the delay of its clock."""
    token = uuid.uuid4().hex
    (folder / "token").write_text(token, encoding="ascii")
    command = ["srun", f"--nodes={options.nodes}", f"--ntasks-per-node={options.devices}"]
    command += ["--time=5", "--label", *options.sbatch]
    command += [sys.executable, "-P", "-m", "seqloom.train.ranks.probe", str(folder), token]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        timer = _stop_after(process, options.limit)
        try:
            reports = read_reports(process.stdout or ())
            process.wait()
        finally:
            timer.cancel()
            process.kill()
        errors.seek(0)
        said = errors.read().strip().splitlines()
    if not reports:
        raise RunError(
            "\n".join([f"The job did not run within {options.limit} s, or failed:", *said[-15:]])
        )
    return reports


def _stop_after(process: subprocess.Popen[str], seconds: float) -> Any:
    from threading import Timer

    timer = Timer(seconds, process.terminate)
    timer.start()
    return timer


def read_reports(lines: Iterable[str]) -> dict[str, Report]:
    """Return the last report of each task by its label, as soon as the lines end."""
    reports: dict[str, Report] = {}
    for line in lines:
        label, _, text = line.partition(PREFIX)
        if text:
            report: Report = json.loads(text)
            if report.get("started"):
                report["delay"] = time.time() - report["time"]
            else:
                report["delay"] = reports.get(label, {}).get("delay", 0.0)
            reports[label] = report
    return reports


def problems(
    reports: dict[str, Report],
    tasks: int,
    devices: int,
    folder: Path,
    *,
    seen: int,
    gpus: bool,
) -> list[str]:
    """Return what is wrong, in sentences.

    Args:
        reports: Last report of each task.
        tasks: Number of tasks that were asked for.
        devices: Number of tasks on each node.
        folder: Folder that nodes must share.
        seen: Number of tasks whose file is seen here.
        gpus: Whether GPUs were asked for.
    """
    every = list(reports.values())
    found = [f"{one['node']}: {one['problem']}" for one in every if one.get("problem")]
    if len(every) < tasks:
        found.append(f"{len(every)} of {tasks} tasks started.")
    found += [f"a task on {one['node']} ended early." for one in every if one.get("started")]
    missing = [one for one in every if one.get("folder")]
    found += [
        f"{one['node']} does not see {folder}: {one['folder']}. Choose a folder that all nodes "
        "share: --folder, and run_dir."
        for one in missing
    ]
    complete = [one for one in every if "folder" in one and not one["folder"]]
    if seen < len(complete):
        found.append(
            f"{len(complete) - seen} tasks wrote to a different {folder} from the one on this "
            "machine."
        )
    found += _network(every)
    found += _differing(every)
    delays = [one["delay"] for one in every]
    if delays and max(delays) - min(delays) > CLOCKS:
        found.append(f"the clocks of the nodes differ by {max(delays) - min(delays):.0f} s.")
    if gpus:
        found += [
            f"{one['node']} shows {one['gpus']} GPUs to a task, for {devices} tasks. Request GPUs "
            "per node, with --gres=gpu:N, not per task."
            for one in every
            if one["gpus"] < devices
        ]
    return list(dict.fromkeys(found))


def _network(every: Sequence[Report]) -> list[str]:
    found = []
    for one in every:
        kind, _, why = one.get("reached", "").partition(": ")
        if kind == "address":
            found.append(
                f"{one['node']} cannot find the first node by {one['address']} ({why}): export "
                "MASTER_ADDR with an address that it has on the network of the nodes."
            )
        elif kind:
            found.append(
                f"{one['node']}: the port {one['address']} is not open between the nodes ({why}): "
                "export MASTER_PORT with one that is, or ask for a range to be opened."
            )
        elif one.get("reduced"):
            found.append(
                f"{one['node']} reaches the first node, but cannot communicate with it: "
                f"{one['reduced']}. If nodes have several networks, export GLOO_SOCKET_IFNAME and "
                "NCCL_SOCKET_IFNAME with the name of the right one."
            )
    return found


def _differing(every: Sequence[Report]) -> list[str]:
    found = []
    for name in every[0]["versions"] if every else ():
        by: dict[str, str] = {}
        for one in every:
            by.setdefault(one["versions"].get(name, "missing"), one["node"])
        if len(by) > 1:
            text = ", ".join(f"{version} on {node}" for version, node in by.items())
            found.append(f"the nodes have different versions of {name}: {text}.")
    return found


def _wants_gpus(options: Sequence[str]) -> bool:
    return any("gpu" in option for option in options)


def _text(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in ("python", "torch", "seqloom"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom cluster test",
        description="Run a small job by srun, and say what keeps a run on several nodes from "
        "working: an address, a port, a folder that is not shared, clocks, versions, GPUs.",
        epilog="Example:\n  seqloom cluster test --nodes 2 --devices 4 --sbatch=--gres=gpu:4",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--nodes", type=positive_int, default=2, metavar="N", help="(default: 2)")
    parser.add_argument(
        "--devices", type=positive_int, default=1, metavar="N", help="tasks on a node (default: 1)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs"),
        metavar="FOLDER",
        help="where runs will be written (default: runs)",
    )
    parser.add_argument(
        "--sbatch",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option of srun, such as a partition; repeatable",
    )
    parser.add_argument(
        "--limit",
        type=positive_int,
        default=LIMIT,
        metavar="SECONDS",
        help=f"time to wait for the job (default: {LIMIT})",
    )
    return parser
