"""Reading a source in another process, with another order of hashes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, pickled

LIMIT = 120
"""Seconds."""

# Of the checks nothing is imported there, which would take longer than the reading.
READ = """
import pickle, sys
file, splits, sys.path[:], sent = pickle.load(sys.stdin.buffer)
source = pickle.loads(sent)
found = {split: list(source.examples(split)) for split in splits}
for error in [one for own in found.values() for one in own if isinstance(one, Exception)]:
    raise error
with open(file, "wb") as stream:
    pickle.dump(found, stream)
"""


def read_elsewhere(source: Reader, seed: str) -> dict[str, list[Example]]:
    """Return the examples of each split as another process reads them.

    Args:
        source: is sent there.
        seed: of the hashes there, on which the order of a set hangs.

    Raises:
        ConformanceError: the source cannot be pickled, or not be read there in time.
        NotApplicable: its class is not to be found there.
    """
    if type(source).__module__ == "__main__":
        raise NotApplicable("its class is in the script that runs; put it into a module")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found"
        content = pickle.dumps((str(file), SPLITS, sys.path, pickled(source)))
        ran = _run(content, {**os.environ, "PYTHONHASHSEED": seed})
        if ran.returncode:
            lines = ran.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise ConformanceError(f"another process cannot read it: {lines[-1]}")
        found: dict[str, list[Example]] = pickle.loads(file.read_bytes())
    return found


def _run(content: bytes, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [sys.executable, "-c", READ],
            input=content,
            env=environment,
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConformanceError(f"another process did not read it within {LIMIT} s") from None
