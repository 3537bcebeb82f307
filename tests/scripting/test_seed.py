"""The source document's own two files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from tests.scripting.conftest import Bench

EXAMPLE = Path(__file__).parents[2] / "examples" / "jsn"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("CaEmail.json", "1087884268382fee8ed5b76be5d178e30a77fa61fa13bee3af0b5c48d35e6cab"),
        ("email_send.js", "daf6e8cd6ae85848677b6eeddf45600ee3be58c4946325ecaaf68714b9cf4bbe"),
    ],
)
def test_the_examples_are_those_of_jsns_documentation_byte_for_byte(name: str, digest: str) -> None:
    assert sha256((EXAMPLE / name).read_bytes()).hexdigest() == digest


def test_the_files_run_unmodified_and_print_the_three_keys_first(bench: Bench) -> None:
    bench.answer = lambda config: {
        "message_id": "<1@x>",
        "error": "",
        "log": "S: 220 하이\nC: QUIT",
        "code": 0,
    }

    outcome = bench.run(EXAMPLE / "CaEmail.json")

    assert outcome.code == 0
    assert outcome.out == (
        '{\n  "code": 0,\n  "log": "S: 220 하이\\nC: QUIT",\n  "error": "",\n'
        '  "message_id": "<1@x>"\n}\n'
    )
    assert outcome.sent == [
        {
            "host": "smtp.office365.com",
            "port": 587,
            "ssl": False,
            "starttls": True,
            "user": "user@yourdomain.com",
            "pass": "CHANGE_ME",
            "from": {"email": "user@yourdomain.com", "name": "시스템 메일러"},
            "to": {"email": "recipient@example.com", "name": "수신자"},
            "subject": "테스트 메시지",
            "body": "JsN에서 보내는 테스트 이메일입니다.",
        }
    ]


def test_the_document_s_debugging_sample_prints_log_and_error(bench: Bench) -> None:
    bench.answer = lambda config: {"code": -4, "log": "S: 535 5.7.8 no", "error": "거부됨: 535"}
    source = """
        let r = send_email({host: "mail.internal.corp", port: 25, ssl: false, starttls: false});
        if (r.code !== 0) {
        console.log("=== SMTP 로그 ===");
        console.log(r.log);
        console.log("=== 오류 ===");
        console.log(r.error);
        }
    """

    outcome = bench.js(source)

    assert outcome.out == "=== SMTP 로그 ===\nS: 535 5.7.8 no\n=== 오류 ===\n거부됨: 535\n"
