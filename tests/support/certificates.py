"""A certificate authority of a test's own."""

from __future__ import annotations

from pathlib import Path

import trustme


class Authority:
    """Issues certificates that only who is given `cafile` trusts."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._ca = trustme.CA(organization_name="Postroad tests")
        self._folder = folder
        self.cafile = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.cafile))

    def issue(self, *names: str) -> Path:
        """Return a PEM file with a key and its certificate for `names`."""
        path = self._folder / f"{names[0]}.pem"
        self._ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(path))
        return path
