"""``seqloom predict`` with a text in place of a file."""

from __future__ import annotations

import pytest

from seqloom.cli.predict import predict
from seqloom.errors import Cause, DataError


@pytest.mark.parametrize("words", [[], ["data=lines"]])
def test_it_is_refused_before_the_model_is_loaded(words: list[str]) -> None:
    with pytest.raises(DataError) as found:
        predict(["no/model", "some text", *words])
    assert str(found.value).startswith("some text: no such file in ")
    assert str(found.value).endswith(
        "Inputs are files or folders; a text is piped to standard input: "
        'echo "some text" | seqloom predict no/model -'
    )
    assert found.value.code == Cause.no_file
