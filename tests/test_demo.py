"""What `./start` runs, and what a newcomer does next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_seeds_two_files_send_their_mail_to_a_server_like_office_365() -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / "examples" / "jsn" / "demo.py"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    printed = ran.stdout
    answer = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
    assert list(answer)[:3] == ["code", "log", "error"]
    assert (answer["code"], answer["error"]) == (0, "")
    assert "C: STARTTLS" in answer["log"]
    assert "C: AUTH LOGIN" in answer["log"]
    assert "JsN에서 보내는 테스트 이메일입니다." in printed
    assert "CHANGE_ME" not in printed
