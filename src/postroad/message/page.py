"""The page of plain text that HTML is written on: lines, gaps, quotes, lists and links."""

from __future__ import annotations

import re

DEEPEST = 8  # levels of quotes and lists that are shown; a hostile text has a million
_WHITE = re.compile(r"[ \t\r\n\f]+")
_LINE_END = re.compile(r"\r\n?|\n")


class Page:
    """The lines written so far, and how the next one begins."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.gap = 0  # line ends due before the next text: 2 leaves an empty line
        self.quotes = 0
        self.lists: list[int] = []  # the next number of each open list, 0 for bullets
        self.deeper = 0  # open lists beyond DEEPEST
        self.bullet = ""
        self.preformatted = 0
        self.cell_due = False
        self.link: str | None = None
        self.link_text: list[str] = []

    def text(self, raw: str) -> None:
        """Add text as it stands in the HTML: entities, white space and all."""
        if self.preformatted:
            first, *others = _LINE_END.split(unescaped(raw))
            self._write(first)
            for other in others:
                self._break_preformatted()
                self._write(other)
            return
        text = _WHITE.sub(" ", raw)
        if "&" in text:
            text = unescaped(text).replace("\r", " ").replace("\n", " ")
        if "\xa0" in text:
            text = text.replace("\xa0", " ")
        if text[:1] == " " and (not self.line or self.line[-1][-1:] == " "):
            text = text.lstrip(" ")
        self._write(text)

    def _write(self, text: str) -> None:
        if not text:
            return
        if not self.line:
            self._begin_line()
        elif self.cell_due and not text.isspace():
            self.line.append("| " if self.line[-1][-1:] == " " else " | ")
            text = text.lstrip(" ")
        if not text.isspace():
            self.cell_due = False
        self.line.append(text)
        if self.link is not None:
            self.link_text.append(text)

    def _begin_line(self) -> None:
        mark = "> " * self.quotes
        if self.lines:
            self.lines.extend([mark.rstrip()] * (self.gap - 1))
        self.gap = 1
        self.cell_due = False
        indent = "  " * (len(self.lists) - 1)
        if self.bullet:
            self.line.append(mark + indent + self.bullet)
            self.bullet = ""
        elif mark or self.lists:
            self.line.append(mark + indent + ("  " if self.lists else ""))

    def _break_preformatted(self) -> None:
        if self.line:
            self.end_line(1)
        elif self.lines:
            self.gap = min(self.gap + 1, 3)

    def end_line(self, gap: int) -> None:
        """End the line, if one has begun; leave `gap` - 1 empty lines before the next."""
        if self.line:
            line = "".join(self.line)
            self.line.clear()
            self.lines.append(line.rstrip(" "))
            self.gap = 1
        self.gap = max(self.gap, gap)

    def break_line(self) -> None:
        """What <br> does: a second one in a row leaves an empty line."""
        if self.line:
            self.end_line(1)
        else:
            self.gap = min(self.gap + 1, 2)

    def open_list(self, number: int) -> None:
        """Begin a list that counts from `number`, or has bullets for 0."""
        if len(self.lists) < DEEPEST:
            self.lists.append(number)
        else:
            self.deeper += 1

    def close_list(self) -> None:
        """End the innermost list."""
        if self.deeper:
            self.deeper -= 1
        elif self.lists:
            self.lists.pop()
        self.bullet = ""

    def open_item(self) -> None:
        """Put the number or bullet of the next item before the next text."""
        number = self.lists[-1] if self.lists else 0
        self.bullet = f"{number}. " if number else "- "
        if number:
            self.lists[-1] = number + 1

    def close_link(self) -> None:
        """End the link that is open, and show where it leads unless its text does."""
        url, shown = self.link, "".join(self.link_text).strip()
        self.link = None
        self.link_text.clear()
        if url is None:
            return
        bare = url.partition("://")[2] if "://" in url else url.removeprefix("mailto:")
        if shown not in (url, bare, bare.rstrip("/")):
            after_blank = not self.line or self.line[-1][-1:] == " "
            where = (f"({url}) " if after_blank else f"({url})") if shown else url
            self._write(where if after_blank else f" {where}")

    def finish(self) -> str:
        """Return the lines, joined by LF."""
        self.close_link()
        self.end_line(1)
        return "\n".join(self.lines)


def unescaped(text: str) -> str:
    """Return `text` with its character references resolved."""
    if "&" not in text:
        return text
    from html import unescape  # its table of entities takes 1 ms

    try:
        return unescape(text)
    except ValueError:  # a number of thousands of digits, which int() refuses
        return text
