"""Say in one sentence why stored weights do not match a model."""

from __future__ import annotations

import re

from seqloom.errors import printable, shortened

_SHAPES = re.compile(
    r"size mismatch for (.+?): copying a param with shape torch\.Size\(\[(.*?)\]\) "
    r"from checkpoint, the shape in current model is torch\.Size\(\[(.*?)\]\)"
)
_NAMES = r"{} key\(s\) in state_dict: (.+?)\.? *(?:\n|$)"


def mismatch(error: Exception) -> str:
    r"""Return what does not fit, of which torch has a line for each tensor, without a full stop.

    >>> mismatch(RuntimeError('Error(s) in loading state_dict for M:\n'
    ...     '    Missing key(s) in state_dict: "a", "b", "c". \n'
    ...     '    size mismatch for w: copying a param with shape torch.Size([3, 4]) from '
    ...     'checkpoint, the shape in current model is torch.Size([5, 4]).'))
    'w has the shape (3, 4), not (5, 4); a and 2 more are missing'

    Args:
        error: Error of loading weights; any other than that is returned as one line.
    """
    text = str(error)
    found = []
    shapes = _SHAPES.findall(text)
    if shapes:
        (name, stored, expected), *others = shapes
        more = f", and {len(others)} more have other shapes" if others else ""
        found.append(f"{name} has the shape ({stored}), not ({expected}){more}")
    for kind, single, several in (
        ("Missing", "is missing", "are missing"),
        ("Unexpected", "is not in the model", "are not in the model"),
    ):
        listed = re.search(_NAMES.format(kind), text)
        if listed:
            first, *rest = re.findall(r'"(.*?)"', listed[1]) or [listed[1]]
            found.append(f"{first} and {len(rest)} more {several}" if rest else f"{first} {single}")
    return shortened(printable("; ".join(found) or " ".join(text.split()).rstrip(".")), 400)
