"""``seqloom cluster``: write the script of a Slurm job, or test the cluster."""

from __future__ import annotations

import argparse
import math
import re
import shlex
import sys
from pathlib import Path

from seqloom.cli.options import HelpFormatter, positive_int
from seqloom.cli.subcommands import run_subcommand
from seqloom.config.compose import compose_run, refuse_sweep
from seqloom.errors import Cause, ConfigError
from seqloom.files import write_text

SUBCOMMANDS = {
    "script": ("Write the script of a Slurm job that trains.", "seqloom.cli.cluster:script"),
    "test": (
        "Run a small job, and say what is wrong.",
        "seqloom.cli.smoke:smoke",
    ),
}
"""The subcommands of ``cluster``: description and target of each."""

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node={devices}
#SBATCH --cpus-per-task={cpus}
#SBATCH --time={time}
{more}#SBATCH --signal=USR1@{grace}
#SBATCH --requeue
#SBATCH --output=slurm-%j.out
#SBATCH --open-mode=append

# One task for each device. USR1 comes {grace} s before the time limit, and TERM when the job is
# preempted or requeued: the run writes a checkpoint and ends with the status 75.
trap : USR1 USR2
srun --cpus-per-task={cpus} --kill-on-bad-exit=1 {command}
status=$?

# The same job starts again, and resumes in the folder that it wrote; not if it was cancelled.
if [ $status = 75 ] && [ "$(squeue -h -j "$SLURM_JOB_ID" -o %T)" = RUNNING ]; then
  scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit $status
"""


def cluster(arguments: list[str]) -> int:
    """Run a subcommand and return its exit status."""
    description = "Train on a cluster with Slurm."
    return run_subcommand("cluster", description, SUBCOMMANDS, arguments)


def script(arguments: list[str]) -> int:
    """Write the script of a job that trains with some overrides.

    Raises:
        SeqloomError: The overrides cannot be composed.
    """
    options = _parser().parse_intermixed_args(arguments)
    text = job_script(
        options.words,
        nodes=options.nodes,
        devices=options.devices,
        cpus=options.cpus,
        time=options.time,
        grace=options.grace,
        more=options.sbatch,
    )
    if options.output is None:
        print(text, end="")
    else:
        write_text(options.output, text)
        print(f"script {options.output}\nsubmit: sbatch {shlex.quote(str(options.output))}")
    return 0


def job_script(
    words: list[str],
    *,
    nodes: int = 1,
    devices: int = 1,
    cpus: int = 1,
    time: str = "1-00:00:00",
    grace: int = 120,
    more: list[str] | None = None,
) -> str:
    """Return the script of a Slurm job that trains, and survives preemptions and time limits.

    Args:
        words: Overrides of the run.
        nodes: Number of nodes.
        devices: Number of devices on each node; each gets a process.
        cpus: Number of CPU cores of a process.
        time: Time limit of the job as Slurm writes it.
        grace: Seconds before the time limit at which the run is told to end.
        more: Further options of ``sbatch``.

    Raises:
        SeqloomError: The overrides cannot be composed, or set what the options do.
    """
    refuse_sweep(words)
    if (seconds := _seconds(time)) <= grace:
        raise ConfigError(
            f"--time={time} is {seconds:.0f} s, but the run ends {grace} s before the time limit, "
            "so it would end as soon as it starts. Slurm reads MM:SS; an hour is --time=1:00:00.",
            cause=Cause.wrong_value,
        )
    own = [f"trainer.num_nodes={nodes}", f"trainer.devices={devices}"]
    given = {word.lstrip("+").partition("=")[0] for word in words}
    clash = sorted(given & {"trainer.num_nodes", "trainer.devices"})
    if clash:
        option = "--nodes" if clash[0].endswith("nodes") else "--devices"
        raise ConfigError(f"{clash[0]} is set by {option}: leave it out.")
    config = compose_run([*words, *own])  # so that a mistake shows now and not in the queue
    command = [sys.executable, "-P", "-m", "seqloom", "train", *words, *own]
    name = re.sub(r"[^\w.-]+", "-", f"{config.encoder['name']}-{config.head['name']}")
    return SCRIPT.format(
        name=name,
        nodes=nodes,
        devices=devices,
        cpus=cpus,
        time=time,
        grace=grace,
        more="".join(f"#SBATCH {option}\n" for option in _lines(more or [])),
        command=" ".join(map(shlex.quote, command)),
    )


def _seconds(limit: str) -> float:
    """Return a time limit of Slurm's in seconds.

    >>> [_seconds(one) for one in ("90", "1:30", "2:00:00", "1-12", "1-00:00:01", "UNLIMITED")]
    [5400.0, 90.0, 7200.0, 129600.0, 86401.0, inf]
    """
    if limit.upper() in {"UNLIMITED", "INFINITE"}:
        return math.inf
    found = re.fullmatch(r"(?:([0-9]+)-)?([0-9]+)(?::([0-9]+))?(?::([0-9]+))?", limit)
    if found is None:
        raise ConfigError(
            f"--time={limit}: expected minutes, MM:SS, HH:MM:SS or D-HH:MM:SS.",
            cause=Cause.wrong_value,
        )
    days, *parts = found.groups()
    if days is None and parts[2] is None:
        parts = ["0", *parts[:2]]
    hours, minutes, seconds = (int(part or 0) for part in parts)
    return float(((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds)


def _lines(options: list[str]) -> list[str]:
    for option in options:
        if not option.startswith("--") or "\n" in option:
            raise ConfigError(
                f"--sbatch={option}: expected an option, such as --sbatch=--gres=gpu:4",
                cause=Cause.wrong_value,
            )
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom cluster script",
        description="Write the script of a Slurm job that trains. A job that is preempted, reaches "
        "its time limit or loses a node is requeued, and resumes where it was.",
        epilog="Example:\n  seqloom cluster script --nodes 2 --devices 4 --sbatch=--gres=gpu:4 "
        "-o job.sh encoder=lstm && sbatch job.sh",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="overrides of the run")
    parser.add_argument("--nodes", type=positive_int, default=1, metavar="N", help="(default: 1)")
    parser.add_argument(
        "--devices",
        type=positive_int,
        default=1,
        metavar="N",
        help="devices on a node (default: 1)",
    )
    parser.add_argument(
        "--cpus", type=positive_int, default=1, metavar="N", help="cores for a device (default: 1)"
    )
    parser.add_argument(
        "--time",
        default="1-00:00:00",
        metavar="LIMIT",
        help="time limit of the job (default: 1-00:00:00)",
    )
    parser.add_argument(
        "--grace",
        type=positive_int,
        default=120,
        metavar="SECONDS",
        help="time before the limit at which the run writes a checkpoint and ends (default: 120)",
    )
    parser.add_argument(
        "--sbatch", action="append", metavar="OPTION", help="another option of sbatch; repeatable"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="(default: print it)")
    return parser
