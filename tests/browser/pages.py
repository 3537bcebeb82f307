"""Pages of another origin, opened in a real browser."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.installed import found, needs
from tests.support.programs import LOOPBACK

BROWSER = found("chromium-headless-shell") or found("chromium")
needs_browser = needs(Chromium=bool(BROWSER))

# It asks nobody for updates and keeps nothing: what it does is what the page does.
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--virtual-time-budget=20000",  # the page's clock runs ahead of ours, but waits for the network
)
# What a console would show stands in the page instead, with the name of its method.
_PAGE = """<!doctype html><meta charset="utf-8"><title>another origin</title><pre id="said"></pre>
<script>
for (const method of ["log", "error"]) console[method] = (...words) => {
  document.getElementById("said").textContent += `${method} ${words.join(" ")}\\n`;
};
</script>
<script>
%s
</script>
"""


class Site:
    """A server of one page whose script is given."""

    def __init__(self, server: ThreadingHTTPServer, pages: dict[str, bytes]) -> None:
        self.origin = f"http://{LOOPBACK}:{server.server_port}"
        self._pages = pages

    def run(self, script: str) -> list[str]:
        """Return what a script wrote to the console when the page was opened."""
        path = f"/{len(self._pages)}.html"
        self._pages[path] = (_PAGE % script).encode()
        with tempfile.TemporaryDirectory(prefix="postroad-browser-") as profile:
            done = subprocess.run(
                [BROWSER, *_FLAGS, f"--user-data-dir={profile}", "--dump-dom", self.origin + path],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
        document = done.stdout.decode()
        said = re.search(r'<pre id="said">(.*?)</pre>', document, re.DOTALL)
        assert said, f"{document}\n{done.stderr.decode()}"
        return unescape(said[1]).splitlines()


@contextmanager
def running_site() -> Iterator[Site]:
    """A site of its own origin."""
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Site(server, pages)
        finally:
            server.shutdown()
            thread.join()
