"""Run the measurements beside this file and store what they return.

A part is a file with ``measure() -> dict``: the values of one drawing of ``docs/_extensions``,
which ``drawing`` names. ``docs/measured/NAME.json`` stores them with a digest of the part, so that
the site does not build with what an earlier version of the part, or of seqloom, measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(1, str(ROOT / "docs" / "_extensions"))

from measured.drawings import draw  # noqa: E402
from measured.stored import Place, StoredError  # noqa: E402


def main() -> int:
    """Measure the parts named on the command line, or all."""
    place = Place(ROOT)
    parser = argparse.ArgumentParser(prog="scripts/docs-data", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(place.names()))
    asked = parser.parse_args().names
    if unknown := sorted(set(asked) - set(place.names())):
        parser.error(f"no part {', '.join(unknown)}; expected {', '.join(place.names())}")
    for name in asked or place.names():
        start = time.perf_counter()
        try:
            path = place.write(name, import_module(name).measure())
            draw(name, place.read(name))
        except StoredError as error:
            print(f"scripts/docs-data: {error}", file=sys.stderr)
            return 1
        print(f"{path.relative_to(ROOT)}  {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
