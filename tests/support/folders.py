"""Folders that servers running as other users can reach: pytest's own are closed to them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Servers sync every message: on a disk they do little else.
_MEMORY = Path("/dev/shm")


@contextmanager
def open_folder(owner: str | None = None) -> Iterator[Path]:
    """Make a folder that every user can enter, and remove it afterwards.

    owner: the user who may write there, besides ourselves.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="postroad-", dir=place) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
