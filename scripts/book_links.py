#!/usr/bin/env python3
"""Puts the files beside a built book that its pages link to outside of it, and looks for dead links.

    python3 scripts/book_links.py BOOK REPOSITORY

A page of BOOK that links to ../X, as seen from the root of the book, finds there what X is in REPOSITORY.
Ends with 1 if a link of a page leads nowhere.
"""

import os
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what may be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def dead_links(book, repository):
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(book.rglob("*.html"))}
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = Path(os.path.normpath(path.parent / unquote(parts.path)))
            if book not in target.parents:
                source = repository / os.path.relpath(target, book.parent)
                if book.parent in target.parents and source.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, target)
            if not target.is_file():
                yield f"{path.relative_to(book)}: {link}: there is no such file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(book)}: {link}: the page has no such place"


def main():
    book, repository = (Path(argument).resolve() for argument in sys.argv[1:])
    dead = list(dead_links(book, repository))
    print(*dead, sep="\n", end="\n" if dead else "", file=sys.stderr)
    sys.exit(1 if dead else 0)


if __name__ == "__main__":
    main()
