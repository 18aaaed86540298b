"""Whether a text that is predicted later is cut into the tokens that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from seqloom.data.encoded import EncodedSplit
from seqloom.errors import SeqloomError, plural
from seqloom.interfaces import Example, FrontendCodec
from seqloom.train.check.finding import Finding, place


def raw_text(splits: Mapping[str, EncodedSplit], codec: FrontendCodec) -> Iterator[Finding]:
    """Yield a finding if examples given as tokens would be cut otherwise as texts.

    The text of each, or else its tokens joined by blanks, is cut by the tokenizer that reads raw
    texts. Nothing is yielded of texts without tokens, nor of frontends that read neither.

    Args:
        splits: Encoded examples by split.
        codec: Codec of the frontend.
    """
    checked, unlike = 0, []
    for encoded in chain.from_iterable(splits.values()):
        tokens = encoded.example.fields.get("tokens")
        if not isinstance(tokens, list):
            continue
        text = encoded.example.fields.get("text")
        joined = text if isinstance(text, str) else " ".join(map(str, tokens))
        again = _tokens_of(joined, encoded.example, codec)
        if again is None:
            continue
        checked += 1
        if again != tokens:
            still = set(again)
            different = next((one for one in tokens if one not in still), tokens[-1])
            unlike.append(f"{place(encoded.example)}: {different!r}")
    if unlike:
        yield Finding(
            "tokenization",
            error=False,
            text=f"{len(unlike):,} of {checked:,} examples ({len(unlike) / checked:.1%}) "
            f"{plural(len(unlike), 'has', 'have')} tokens that differ from those of the tokenizer "
            "for raw texts: predictions on raw texts will be worse than the scores suggest. "
            "Predict from tokens, train on texts, or set frontend.tokenizer to one that matches "
            "your data.",
            places=unlike,
        )


def _tokens_of(text: str, example: Example, codec: FrontendCodec) -> list[str] | None:
    """Return the tokens of a text; None if the frontend does not make tokens of texts."""
    fields = codec.fields(text)
    if fields is None or "text" not in fields:
        return None
    try:
        prepared = codec.prepare(Example(example.id, dict(fields)))
    except SeqloomError:
        return []
    found = prepared.fields.get("tokens")
    return list(map(str, found)) if isinstance(found, list | tuple) else None
