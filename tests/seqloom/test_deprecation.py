"""What will go is warned of where it is used, with what takes its place."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import pytest

from seqloom.deprecation import SeqloomDeprecationWarning, deprecate

MODULE = """
from seqloom.deprecation import renamed_names

New = 3
__getattr__ = renamed_names(__name__, {"Old": "New"}, since="0.2", removed_in="0.3")
"""


def test_a_renamed_name_still_works_and_says_where_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faulty_names.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("faulty_names")
    expected = (
        r"^faulty_names\.Old is deprecated since seqloom 0\.2 and will be removed in 0\.3; use "
        r"faulty_names\.New\.$"
    )
    with pytest.warns(SeqloomDeprecationWarning, match=expected) as seen:
        from faulty_names import Old  # type: ignore[import-not-found]
    assert Old == 3
    assert {one.filename for one in seen} == {__file__}
    with pytest.raises(AttributeError, match=r"^module 'faulty_names' has no attribute 'Older'$"):
        _ = module.Older


def old_function() -> None:
    deprecate("old_function()", since="0.2", use="new_function()", removed_in="0.3")


def test_who_calls_is_warned_and_who_only_uses_a_plugin_is_not() -> None:
    with pytest.warns(SeqloomDeprecationWarning, match=r"old_function\(\) is deprecated") as seen:
        old_function()
    assert seen[0].filename == __file__
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        # Python's own filters: only what is used in a program's own script is shown.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        old_function()
    assert shown == []
