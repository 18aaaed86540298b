"""Messages to a shop, each with the team that it is for.

Most name two teams: "The invoice is right, but my login is not" is for ``account``, "My login is
right, but the invoice is not" for ``billing``. The words are the same; their order decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seqloom_text.sample_files.draw import Draw

ROWS = 400

TOPICS: Mapping[str, Sequence[str]] = {
    "account": ("my login", "the password", "my profile", "the app"),
    "billing": ("the invoice", "the payment", "my card", "the discount"),
    "delivery": ("the parcel", "the delivery", "the tracking number", "the pickup point"),
    "returns": ("the refund", "my return", "the exchange", "the return label"),
}
FORMS = (
    "there is a problem with {this}",
    "{this} does not work",
    "{this} does not work, {other} does",
    "{other} works, {this} does not",
    "{this} is not right, but {other} is",
    "{other} is right, but {this} is not",
    "the problem is {this}, not {other}",
    "the problem is not {other} but {this}",
    "{other} was fixed {time}, now {this} is broken",
    "{this} is broken since {other} was fixed {time}",
    "although {other} is fine, {this} is missing",
    "{this} is missing, although {other} is fine",
)
"""``this`` is what the message is about."""

WORDS: Mapping[str, Sequence[str]] = {
    "time": ("yesterday", "on Monday", "this morning", "last week", "on Friday", "two days ago"),
}
OPENINGS = ("", "", "Hello,", "Good morning,", "Dear team,", "Hi,")
CLOSINGS = ("", "", "Please help.", "What can I do?", "Thank you.", "Can you check?", "Order {n}.")
TEAMS = tuple(sorted(TOPICS))


def rows(count: int = ROWS, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield messages and their teams in turn, all different."""
    draw, seen = Draw(seed), set[str]()
    while len(seen) < count:
        team = TEAMS[len(seen) % len(TEAMS)]
        text = _message(draw, team)
        if text not in seen:
            seen.add(text)
            yield text, team


def _message(draw: Draw, team: str) -> str:
    another = draw.one([name for name in TEAMS if name != team])
    form = draw.one(FORMS).replace("{this}", draw.one(TOPICS[team]))
    middle = draw.filled(form.replace("{other}", draw.one(TOPICS[another])), WORDS)
    opening, closing = draw.one(OPENINGS), draw.one(CLOSINGS)
    if not opening:
        middle = middle[0].upper() + middle[1:]
    closing = closing.replace("{n}", str(1000 + int(draw.random() * 9000)))
    return " ".join(part for part in (opening, f"{middle}.", closing) if part)
