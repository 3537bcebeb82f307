"""When two names are one to whoever reads them."""

from __future__ import annotations

import unicodedata
from typing import Final

# Unicode 15 DerivedCoreProperties: Default_Ignorable_Code_Point that are no format characters (Cf):
# the joiner, fillers and variation selectors, which nothing shows either.
_UNSEEN: Final = (
    *(range(0x034F, 0x0350), range(0x115F, 0x1161), range(0x17B4, 0x17B6), range(0x180B, 0x1810)),
    *(range(0x3164, 0x3165), range(0xFE00, 0xFE10), range(0xFFA0, 0xFFA1)),
    range(0xE0100, 0xE01F0),
)


def name_key(name: str) -> str:
    """Return what two names have in common that are read as one.

    Case, how an accented letter is composed, invisible characters and the width of white space tell
    no names apart.

    source: Unicode 15 §3.13, canonical caseless matching (D145).
    """
    seen = "".join(each for each in name if not _is_unseen(each))
    folded = unicodedata.normalize("NFD", seen).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def _is_unseen(character: str) -> bool:
    number = ord(character)
    return unicodedata.category(character) == "Cf" or any(number in each for each in _UNSEEN)
