"""Keep Python processes that this one starts from importing modules of the current folder.

``python -m`` and ``python -c`` put the current folder first in ``sys.path``, so that a file there
which is called like any module (``yaml.py``, ``random.py``) would be executed. The program
``seqloom`` itself does not import from there, but ranks, workers and jobs are started like that: by
torch, by multiprocessing, by joblib and by submitit.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SAFE_VARIABLE = "PYTHONSAFEPATH"
"""Environment variable with which Python leaves out the current folder, as with ``-P``."""

PATH_VARIABLE = "PYTHONPATH"


def protect_children() -> None:
    """Make the Python processes that inherit the environment leave out the current folder.

    A script's own folder stays in their path, as in this process, so that a class beside the
    script can be named by import path in the config of a run on several devices too.
    """
    os.environ[SAFE_VARIABLE] = "1"
    own = _script_folder()
    paths = os.environ.get(PATH_VARIABLE)
    if own and own not in (paths or "").split(os.pathsep):
        os.environ[PATH_VARIABLE] = os.pathsep.join([own, *([paths] if paths else [])])


def _script_folder() -> str | None:
    """Return the folder of the script that runs, unless it is an installed program or a module."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return None
    folder = os.path.abspath(os.path.dirname(file))  # noqa: PTH100, PTH120 — as Python does it
    return None if Path(folder) == Path(sys.executable).parent else folder
