"""Plain text out of HTML, by a scanner that passes over each character once.

`html.parser` takes minutes over 150 KB of "<a "; here a search begins where the last one ended.
"""

from __future__ import annotations

import re
from functools import cache

from postroad.message import limits
from postroad.message.elements import ELEMENTS, ENDLESS, LINES, PARAGRAPHS, UNSEEN
from postroad.message.page import DEEPEST, Page, unescaped

_TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9]*+)(?=[\s/>])")
_DOCTYPE = re.compile(r"<!doctype(?=[\s>])", re.IGNORECASE)
_MARKUP = re.compile(r"<(?:/?+([A-Za-z][^\s/>]*+)|!--|[!?/])")
_ATTRIBUTE = re.compile(
    r"([^\s\"'<>/=]++)\s*+(?:=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]*+)))?+"
)
_QUOTED_VALUE = re.compile(r"=\s*+(?:\"[^\"]*+(\"?)|'[^']*+('?))")


def looks_like_html(text: str) -> bool:
    """True when `text` holds a start or end tag of an HTML element, or `<!doctype`.

    `Bo <bo@x.com>`, `List<String>` and entities are text.
    A name that is no element's makes no tag.
    """
    if "<" not in text:
        return False
    last = text.rfind(">") + 1
    for tag in _TAG_NAME.finditer(text, 0, last):
        if tag[1].lower() in ELEMENTS:
            return True
    return _DOCTYPE.search(text, 0, last) is not None


def html_to_text(html: str) -> str:
    """Return what a reader sees of `html`, as plain text.

    html:    read up to `limits.HTML_READ_CHARS`; the text of a longer one ends with "[...]".
    returns: lines ended by LF, the last one without; "" when there is nothing to see.
    """
    page = Page()
    if len(html) <= limits.HTML_READ_CHARS:
        _Scanner(html, page).scan()
    else:
        _Scanner(html[: limits.HTML_READ_CHARS], page).scan()
        page.end_line(2)
        page.text("[...]")
    return page.finish()


class _Scanner:
    """One pass over `html`, from tag to tag."""

    def __init__(self, html: str, page: Page) -> None:
        self.html = html
        self.page = page
        self.last_end = html.rfind(">")
        self.trusts_quotes = True
        self.missing: set[str] = set()  # end tags searched for in vain

    def scan(self) -> None:
        """Write what the html shows to the page."""
        html, page = self.html, self.page
        position = 0
        while found := _MARKUP.search(html, position, self.last_end):
            if found.start() > position:
                page.text(html[position : found.start()])
            name = found[1]
            if name is None:
                position = self._end_of_declaration(found)
            elif "@" in name:  # an address in angle brackets, not a tag
                page.text(found[0])
                position = found.end()
            else:
                end = self._end_of_tag(found.end())
                name = name.lower()
                position = end
                if found[0][1] == "/":
                    _end_tag(page, name)
                elif name in UNSEEN:
                    position = self._end_of_unseen(name, end)
                else:
                    _start_tag(page, name, html[found.end() : end - 1])
        page.text(html[position:])

    def _end_of_declaration(self, found: re.Match[str]) -> int:
        """Return the position after a comment, doctype or processing instruction."""
        if found[0] == "<!--":
            end = self.html.find("-->", found.end() - 2)  # "<!-->" is a whole comment
            return end + 3 if end >= 0 else len(self.html)
        return self.html.find(">", found.end()) + 1

    def _end_of_tag(self, start: int) -> int:
        """Return the position after the ">" that ends a tag, leaving those in quotes aside."""
        first = end = self.html.find(">", start)
        while self.trusts_quotes and (quote := self._open_quote(start, end)):
            start = self.html.find(quote, end) + 1
            end = self.html.find(">", start) if start else -1
            if end < 0:
                # A quote that never ends: the tag ends where it seems to, and quotes count no more;
                # each could cost another look at all that follows.
                self.trusts_quotes = False
                return first + 1
        return end + 1

    def _open_quote(self, start: int, end: int) -> str:
        """Return the quote of a value that begins between `start` and `end` and goes on, or ""."""
        if self.html.find("=", start, end) >= 0:
            for value in _QUOTED_VALUE.finditer(self.html, start, end):
                if not (value[1] or value[2]):
                    return '"' if value[1] is not None else "'"
        return ""

    def _end_of_unseen(self, name: str, position: int) -> int:
        """Return where the end tag of an unseen element begins; `position` when it has none."""
        if name not in self.missing:
            if ends := _end_tag_of(name).search(self.html, position):
                return ends.start()
            if name in ENDLESS:
                return len(self.html)
            self.missing.add(name)
        return position


@cache
def _end_tag_of(name: str) -> re.Pattern[str]:
    or_body = r"|<body(?=[\s/>])" if name == "head" else ""
    return re.compile(rf"</{name}(?=[\s/>])" + or_body, re.IGNORECASE)


def _start_tag(page: Page, name: str, inside: str) -> None:
    match name:
        case "br":
            page.break_line()
        case "a":
            page.close_link()
            page.link = _target(_attribute(inside, "href"))
        case "img":
            if alt := _attribute(inside, "alt"):
                page.text(alt)
        case "hr":
            page.end_line(2)
            page.text("-" * 20)
            page.end_line(2)
        case "td" | "th":
            page.cell_due = True
        case "ul" | "ol" | "menu" | "dir":
            page.end_line(1 if page.lists else 2)
            start = _attribute(inside, "start")
            first = int(start) if start.isascii() and start.isdecimal() and len(start) < 7 else 1
            page.open_list(first if name == "ol" else 0)
        case "li":
            page.end_line(1)
            page.open_item()
        case "blockquote":
            page.end_line(2)
            page.quotes = min(page.quotes + 1, DEEPEST)
        case "pre":
            page.end_line(2)
            page.preformatted += 1
        case _:
            _end_block(page, name)


def _end_tag(page: Page, name: str) -> None:
    match name:
        case "a":
            page.close_link()
        case "ul" | "ol" | "menu" | "dir":
            page.end_line(1)
            page.close_list()
            page.end_line(1 if page.lists else 2)
        case "blockquote":
            page.end_line(2)
            page.quotes = max(page.quotes - 1, 0)
        case "pre":
            page.end_line(2)
            page.preformatted = max(page.preformatted - 1, 0)
        case _:
            _end_block(page, name)


def _end_block(page: Page, name: str) -> None:
    if name in PARAGRAPHS:
        page.end_line(1 if page.bullet else 2)
    elif name in LINES:
        page.end_line(1)


def _attribute(inside: str, name: str) -> str:
    """Return the value of an attribute as it stands in the HTML, "" for none."""
    for found in _ATTRIBUTE.finditer(inside):
        if found[1].lower() == name:
            return found[2] or found[3] or found[4] or ""
    return ""


def _target(href: str) -> str | None:
    """Return where a link leads, None when that is nothing to show."""
    url = "".join(unescaped(href).split())
    scheme = url[:11].lower()
    if not url or url[0] == "#" or scheme.startswith(("javascript:", "data:", "cid:")):
        return None
    return url
