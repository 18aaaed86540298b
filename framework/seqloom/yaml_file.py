"""Read YAML files that may be damaged or hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.errors import Cause, DataError
from seqloom.files import DEEPEST, read_limited

if TYPE_CHECKING:
    import yaml

LARGEST_YAML = 1 << 22
"""Maximum size of a YAML file in bytes."""

NOT_PLAIN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What PyYAML raises, beside errors of its own, for values that are not plain data."""


def read_yaml(path: Path, *, largest: int = LARGEST_YAML) -> dict[str, Any]:
    """Return the mapping in a YAML file that a program wrote.

    Aliases are refused: with these, a few lines can stand for more than any memory holds.

    Raises:
        OSError: The file is missing or cannot be opened.
        DataError: The file is too large, not YAML, nested too deeply, uses aliases or types other
            than those of plain data, or holds something else than a mapping.
    """
    import yaml  # not needed to read JSON

    content = read_limited(path, largest)
    try:
        found = yaml.load(content, _plain_loader())
        json.dumps(found)  # no dates, bytes, or whole numbers of thousands of digits
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(
            f"{path}:{line}: invalid YAML: {error.problem}.", cause=Cause.not_parsed
        ) from None
    except (yaml.YAMLError, *NOT_PLAIN) as error:
        first = str(error).partition("\n")[0]
        raise DataError(f"{path}: invalid YAML: {first}.", cause=Cause.not_parsed) from None
    if not isinstance(found, dict):
        raise DataError(
            f"{path}: expected a mapping, found {type(found).__name__}.", cause=Cause.not_parsed
        )
    return found


def _plain_loader() -> type[yaml.SafeLoader]:
    """Return a loader of plain data without aliases, nested not too deeply."""
    import yaml

    class PlainLoader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            alias = self.check_event(yaml.AliasEvent)
            if alias or self.depth >= DEEPEST:
                problem = "an alias" if alias else "lists and mappings are nested too deeply"
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(None, None, problem, mark)
            self.depth += 1
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

    return PlainLoader
