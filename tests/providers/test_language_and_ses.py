"""Language tags, and the SMTP passwords of Amazon SES."""

from __future__ import annotations

import pytest

from postroad.errors import SettingsError
from postroad.providers import Words, language_of, ses_smtp_password

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # the example key of AWS' documentation


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("ko", "ko"),
        ("ko_KR.UTF-8", "ko"),
        ("KO-kr", "ko"),
        ("Korean_Korea.949", "ko"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh_TW.Big5", "zh"),
        ("zh-Hans", "zh"),
        ("Chinese (Simplified)_China.936", "zh"),
        ("en_US.UTF-8", "en"),
        ("kok_IN", "en"),  # Konkani is not Korean
        ("de", "en"),
        ("C", "en"),
        ("POSIX", "en"),
        ("", "en"),
        (None, "en"),
        ("\x00ko", "en"),
    ],
)
def test_a_tag_asks_for_a_language(tag: str | None, language: str) -> None:
    assert language_of(tag) == language


def test_words_fall_back_on_english() -> None:
    words = Words(ko="메일", zh="邮件", en="mail")

    assert words.in_language("ko_KR") == "메일"
    assert words.in_language("zh-CN") == "邮件"
    assert words.in_language("fr") == words.in_language(None) == "mail"


@pytest.mark.parametrize(
    ("region", "password"),
    [
        ("us-east-1", "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9"),
        ("ap-northeast-2", "BFrwSu3BsGr8nvY2bDCyObUpnNCGFtmAY0j+5nSYn0ZQ"),
    ],
)
def test_an_ses_password_is_derived_as_the_contract_says(region: str, password: str) -> None:
    assert ses_smtp_password(SECRET, region) == password


@pytest.mark.parametrize(("secret", "region"), [("", "us-east-1"), (SECRET, ""), ("비밀", "x")])
def test_what_cannot_be_a_key_or_region_is_refused(secret: str, region: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ses_smtp_password(secret, region)

    assert "비밀" not in str(caught.value)
