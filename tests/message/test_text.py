"""Plain text from HTML reads well, and takes no longer for hostile input."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroad.message import html_to_text, limits, looks_like_html
from postroad.message.elements import ELEMENTS

TEXTS = [
    ("", ""),
    ("plain", "plain"),
    ("a &lt; b &amp; c &#44; &#x1F600; &hangul;", "a < b & c , 😀 &hangul;"),
    ("I &lt;3 you, 1 < 2 and x<y", "I <3 you, 1 < 2 and x<y"),
    ("<p>one</p><p>two</p>", "one\n\ntwo"),
    ("<div>one</div><div>two</div>", "one\ntwo"),
    ("one<br>two<br/><br />three", "one\ntwo\n\nthree"),
    ("  a \n\t b\r\n<b> c</b> ", "a b c"),
    ("가 나　다\n라", "가 나　다 라"),
    ("a&nbsp;&nbsp;b", "a  b"),
    ("<h1>제목</h1>본문", "제목\n\n본문"),
    ("<ul><li>하나<li>둘</ul>끝", "- 하나\n- 둘\n\n끝"),
    ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
    ('<ol start="9"><li>a</li><li>b</li></ol>', "9. a\n10. b"),
    ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
    ("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n\n- b"),
    ('<a href="https://x.example/1">여기</a>', "여기 (https://x.example/1)"),
    ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
    ('<a href="https://x.example/">x.example</a>', "x.example"),
    ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
    ('<a href="mailto:a@b.example">메일</a>', "메일 (mailto:a@b.example)"),
    ('<a href="#top">위로</a> <a name=x>y</a>', "위로 y"),
    ('<a href="javascript:alert(1)">x</a>', "x"),
    ('<a href="?a=1&amp;b=2">x</a>', "x (?a=1&b=2)"),
    ("<a href=https://x.example>x</a>", "x (https://x.example)"),
    ("<a href='u'>one <a href='v'>two", "one (u) two (v)"),
    ('see <a href="u"><img src=i></a>', "see u"),
    ('<img src="x" alt="로고 &amp; 이름">', "로고 & 이름"),
    ('<img alt="a>b"> c', "a>b c"),
    ("<img alt='x\"y'>", 'x"y'),
    ("<p title='never closed>text</p> more", "text\n\nmore"),
    ("<style>p{}</style><script>if (a<b) x()</script>ok", "ok"),
    ("<html><head><title>t</title><meta></head><body>b</body></html>", "b"),
    ("<head><title>t</title><body>b", "b"),
    ("<head>no end", "no end"),
    ("a<script>never ends", "a"),
    ("a<!-- b <p> -->c<!---->d<!-->e", "acde"),
    ("<!doctype html>a<?xml b?>c<![if x]>d", "acd"),
    ("a<!-- never ends", "a<!-- never ends"),
    ("<p>a</p><!-- never ends <p>b</p>", "a"),
    ("<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\n\nd"),
    ("<blockquote>a<p>b</p></blockquote>c", "> a\n>\n> b\n\nc"),
    ("<table><tr><td>이름</td><td>값</td></tr><tr><td>a</td><td> b </td></tr></table>",
     "이름 | 값\na | b"),
    ("<table><tr><td>\n</td><td>\n only</td><td></td></tr></table>", "only"),
    ("<p>a</p><hr><p>b</p>", "a\n\n--------------------\n\nb"),
    ("<dl><dt>a<dd>b</dl>", "a\nb"),
    ("Bo <bo@x.example> wrote", "Bo <bo@x.example> wrote"),
    ("<unknown-element>a</unknown-element>", "a"),
    ("a <b unclosed", "a <b unclosed"),
    ("&#999999999;&#xD800;&#0;", "\ufffd\ufffd\ufffd"),
    ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
]  # fmt: skip


@pytest.mark.parametrize(("html", "text"), TEXTS, ids=range(len(TEXTS)))
def test_html_reads_well_as_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("text", "is_html"),
    [
        ("", False),
        ("plain & simple", False),
        ("&lt;b&gt; &nbsp;", False),
        ("<b>x</b>", True),
        ("x</p>", True),
        ("a<br>b", True),
        ("<BR/>", True),
        ("<h1 class=x>", True),
        ("<!DOCTYPE html>", True),
        ("<p\n>", True),
        ("Bo <bo@x.com>", False),
        ("<a@x.com>", False),
        ("List<String> x = a<b;", False),
        ("Map<K, V>", False),
        ("1 < 2 > 0", False),
        ("<b", False),
        ("<b >", True),
        ("< b>", False),
        ("<https://x.example>", False),
        ("<!-- x -->", False),
        ("<foo>bar</foo>", False),
    ],
)
def test_html_is_told_from_text(text: str, is_html: bool) -> None:
    assert looks_like_html(text) is is_html


def test_every_heading_and_table_element_is_known() -> None:
    assert {"h1", "h6", "table", "td", "a", "font", "center", "video"} <= ELEMENTS


def _calls(function: object, *arguments: object) -> int:
    """Return how many functions, those in C included, run while `function` does."""
    count = 0

    def tick(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(tick)
    try:
        function(*arguments)  # type: ignore[operator]
    finally:
        sys.setprofile(None)
    return count


HOSTILE = [
    "<", "<a ", "<a", "<a>", "</a>", "<!", "<!--", "<!-->", "<a ='", '<a =">', '<a ="> " ',
    '<a b="', "<a b='>", "<a =\"'>", "&", "&#9", "<p>", "<br>", "<ul>", "<li>", "<ol><li>",
    "<blockquote>x", "<pre>\n", "<head>", "<svg>", "<template>x", "<object><a>", "<td>x", "<?",
    "<a href=x>", "<a href=x>y</a>", "<img alt=x>", "<x@y>", "\r", " ", "</", "<a a=b ", '"',
    "<a =\"<a ='>",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_work_grows_with_the_length_and_no_faster(piece: str) -> None:
    small, large = piece * 400, piece * 4000

    for function in (html_to_text, looks_like_html):
        few, many = _calls(function, small), _calls(function, large)
        assert many <= few * 11 + 100
    text = html_to_text(large)
    assert len(text) <= len(large) * 24


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_html_ends(piece: str) -> None:
    html = piece * (limits.HTML_READ_CHARS // len(piece))

    html_to_text(html)  # anything quadratic would take hours
    looks_like_html(html)


def test_a_very_long_text_is_cut_and_says_so() -> None:
    text = html_to_text("<p>가나다</p>" * 200_000)

    assert text.endswith("\n\n[...]")
    assert len(text) < limits.HTML_READ_CHARS


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["<p>", "</p>", "<a href='", "'>", "<!--", "-->", "<ul><li>", "<pre>"]),
            st.sampled_from(
                ["</ul>", "<td>", "<blockquote>", "</a>", "&amp;", "<script>", "<", ">"]
            ),
            st.text(max_size=5),
        ),
        max_size=40,
    ).map("".join)
)
def test_any_text_gives_tidy_lines(html: str) -> None:
    text = html_to_text(html)

    assert not text.startswith("\n")
    assert "\r" not in text
