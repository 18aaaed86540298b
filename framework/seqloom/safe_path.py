"""Keep Python processes that this one starts from importing modules of the current folder.

``python -m`` and ``python -c`` put the current folder first in ``sys.path``, so that a file there
which is called like any module (``yaml.py``, ``random.py``) would be executed. The program
``seqloom`` itself does not import from there, but ranks, workers and jobs are started like that: by
torch, by multiprocessing, by joblib and by submitit.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

SAFE_VARIABLE = "PYTHONSAFEPATH"
"""Environment variable with which Python leaves out the current folder, as with ``-P``."""

PATH_VARIABLE = "PYTHONPATH"

SETTINGS = "matplotlibrc"
"""File of matplotlib's settings, which it reads from the current folder first."""


def protect_children() -> None:
    """Make the Python processes that inherit the environment leave out the current folder.

    A script's own folder stays in their path, as in this process, so that a class beside the
    script can be named by import path in the config of a run on several devices too.
    """
    os.environ[SAFE_VARIABLE] = "1"
    ignore_settings()
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


def ignore_settings() -> None:
    """Keep matplotlib, which torchmetrics imports, from settings in the current folder.

    They may name programs to run, and a damaged file of this name would break every training.
    """
    if "matplotlib" not in sys.modules and os.path.lexists(SETTINGS):
        sys.meta_path.insert(0, _WithoutSettings())


class _WithoutSettings(MetaPathFinder):
    """Imports matplotlib as if the current folder had no settings of it; used once."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != "matplotlib":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def elsewhere(module: ModuleType) -> None:
                exists = os.path.exists
                os.path.exists = lambda path: path != SETTINGS and exists(path)
                try:
                    execute(module)
                finally:
                    os.path.exists = exists

            loader.exec_module = elsewhere
        return spec
