"""The links of a built site: what each page links to, and what it has to link to."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TARGETS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class PageLinks(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.update(value for key in ("id", "name") if (value := found.get(key)))
        if link := found.get(TARGETS.get(tag, "")):
            self.links.append(link)


def dead_links(site: Path) -> Iterator[str]:
    """Yield the links within a site that lead nowhere, each with its page."""
    pages = {path.resolve(): PageLinks(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = target.is_file() or (target / "index.html").is_file()
            anchor = unquote(parts.fragment)
            known = pages[target].ids if target in pages else {anchor}
            if not there or (anchor and anchor not in known):
                yield f"{path.relative_to(site.resolve())}: {link}"
