"""Runs the two files of JsN's documentation against a server on this machine, and shows the mail.

Only host and port of CaEmail.json are replaced. The server behaves like Office 365: STARTTLS,
AUTH, and mail from nobody but the account itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from postroad.simulators import simulate
from postroad.simulators.show import summary

HERE = Path(__file__).parent


def main() -> int:
    """Send one mail as the documentation does; returns the exit code of the runner."""
    config = json.loads((HERE / "CaEmail.json").read_text("utf-8"))
    user, password = config["arg"]["user"], config["arg"]["pass"]
    with (
        simulate("office365", username=user, password=password) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        config["arg"] |= {"host": "localhost", "port": server.port}
        copy = Path(folder, "CaEmail.json")
        copy.write_text(json.dumps(config, ensure_ascii=False, indent=4), "utf-8")
        copy.chmod(0o600)
        Path(folder, "email_send.js").write_bytes((HERE / "email_send.js").read_bytes())

        print(f"A server like Office 365 listens on localhost:{server.port}.")
        print("$ postroad run CaEmail.json", flush=True)
        ran = subprocess.run(
            [sys.executable, "-m", "postroad", "run", str(copy)],
            env=os.environ | {"SSL_CERT_FILE": server.cafile},  # who the machine trusts
            check=False,
        )
        for mail in server.messages:
            print("\nThe mail that arrived:\n")
            print(summary(mail))
    if ran.returncode == 0 and not server.messages:
        return 1
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
