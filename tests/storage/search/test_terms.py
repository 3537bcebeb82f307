"""What a text is found by."""

from __future__ import annotations

import random
import unicodedata

import pytest

from postroad.storage.search import chunks, terms
from postroad.storage.search.chunks import Place


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Invoice", "iNVOICE"),
        ("ＩＮＶＯＩＣＥ　１２", "invoice 12"),
        (unicodedata.normalize("NFD", "서버 경고"), "서버 경고"),
        ("ﾃｽﾄ", "テスト"),
        ("STRASSE", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("a\r\n b\t\tc", "a b c"),
        ("pass\N{SOFT HYPHEN}word", "password"),
        ("测\N{ZERO WIDTH SPACE}试", "测试"),
    ],
)
def test_what_reads_the_same_is_the_same(text: str, other: str) -> None:
    assert terms.normalised(text) == terms.normalised(other)


@pytest.mark.parametrize(
    "text", ["경고", "测试", "u0001@Naver.com", "I\N{COMBINING DOT ABOVE}", ""]
)
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    once = terms.normalised(text)

    assert terms.normalised(once) == once


@pytest.mark.parametrize("part", ["경고", "测试", "고", "试", "disk", "K 9", "95%", "서버 경고"])
def test_every_part_of_a_text_leads_to_it(part: str) -> None:
    found = terms.of_texts([["other"], ["[서버 경고] 测试 Disk 95%", "ann@a.example"]])

    wanted = terms.within(terms.normalised(part))
    assert wanted
    assert all(found[term] == [1] or 1 in found[term] for term in wanted)


def test_no_pair_reaches_from_one_text_to_the_next() -> None:
    found = terms.of_texts([["ab", "cd"]])

    assert terms.within("bc")[0] not in found


def test_of_a_long_text_few_pairs_are_looked_up() -> None:
    assert len(terms.within("".join(map(chr, range(0xAC00, 0xAD00))))) == 8


def test_labels_are_never_taken_for_letters() -> None:
    labels = {terms.app("1"), terms.relay("1"), terms.KEPT, terms.to("a@b.example")}

    assert len(labels) == 4
    assert all(label < 0 for label in labels)


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 2047, 2048])
def test_a_set_of_documents_comes_back_as_it_was(count: int) -> None:
    numbers = random.Random(count).sample(range(chunks.DOCUMENTS), count)
    octets = chunks.pack([*numbers, numbers[0]])

    assert chunks.unpack(octets) == sum(1 << number for number in numbers)
    assert len(octets) <= 256


def test_documents_come_back_the_last_first() -> None:
    given = [Place(f"01956000-0000-7000-8000-{n:012x}", n << 40) for n in range(5)]
    octets = chunks.packed(given)

    assert [*chunks.places(octets, None)] == given[::-1]
    assert [*chunks.places(octets, 0b01010)] == [given[3], given[1]]
    assert [*chunks.places(octets, 1 << 9)] == []
