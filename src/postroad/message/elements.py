"""The elements of HTML, and how those that matter to plain text are shown."""

from __future__ import annotations

# The living standard, its obsolete elements (§16.2), and the roots of svg and math.
ELEMENTS = frozenset({
    "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio", "b",
    "base", "basefont", "bdi", "bdo", "bgsound", "big", "blink", "blockquote", "body", "br",
    "button", "canvas", "caption", "center", "cite", "code", "col", "colgroup", "data",
    "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl", "dt", "em",
    "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame", "frameset",
    "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "i", "iframe",
    "img", "input", "ins", "isindex", "kbd", "keygen", "label", "legend", "li", "link",
    "listing", "main", "map", "mark", "marquee", "math", "menu", "meta", "meter", "nav", "nobr",
    "noembed", "noframes", "noscript", "object", "ol", "optgroup", "option", "output", "p",
    "param", "picture", "plaintext", "pre", "progress", "q", "rb", "rp", "rt", "rtc", "ruby",
    "s", "samp", "script", "search", "section", "select", "slot", "small", "source", "span",
    "strike", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody", "td",
    "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u",
    "ul", "var", "video", "wbr", "xmp",
})  # fmt: skip

# Shown by no mail reader, up to the end tag.
UNSEEN = frozenset({
    "script", "style", "title", "template", "head", "iframe", "object", "svg", "audio", "video",
    "noframes",
})  # fmt: skip

# Of these, what swallows the rest of the text when its end tag is missing (§13.2.5.2 and .4).
ENDLESS = frozenset({
    "script", "style", "title", "iframe", "noframes",
})  # fmt: skip

# An empty line before and after.
PARAGRAPHS = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "table", "figure", "fieldset",
})  # fmt: skip

# A line of their own.
LINES = frozenset({
    "div", "section", "article", "header", "footer", "main", "nav", "aside", "address",
    "center", "form", "tr", "dt", "dd", "figcaption", "caption", "legend", "details", "summary",
    "body", "html", "option", "thead", "tbody", "tfoot", "li",
})  # fmt: skip
