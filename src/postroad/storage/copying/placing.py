"""New files, made beside their place and put there whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from postroad.errors import StorageError
from postroad.storage.sqlite.files import log_of, marker_of, sync

# File systems without links, such as those of USB sticks.
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def check_free(path: Path) -> None:
    """Make sure that nothing is where a database is to be.

    raises: StorageError. A log of a database that is gone would be taken for the new one's.
    """
    for each in (path, log_of(path), Path(f"{path}-journal"), marker_of(path)):
        if os.path.lexists(each):
            raise StorageError(f"{each} exists already, and nothing is ever overwritten")


@contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """Make a folder beside the place of a new file, for its owner alone; it is removed at the end.

    Killed, it stays as `<name>.new-…` and may be deleted.

    raises: StorageError when nothing can be written there.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{path.name}.new-", dir=path.parent))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(new: Path, path: Path) -> None:
    """Put a finished file in its place, durably.

    raises: StorageError when there is something already, or the disk fails.
    """
    try:
        sync(new)
        try:
            os.link(new, path)
        except FileExistsError:
            raise StorageError(f"{path} exists already, and nothing is ever overwritten") from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            check_free(path)
            new.rename(path)
        sync(path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def place_key(octets: bytes, path: Path) -> bool:
    """Put a key file, readable by its owner alone, in its place; False when it is there already.

    raises: StorageError when another one is there.
    """
    try:
        if path.read_bytes() == octets:
            return False
        raise StorageError(f"{path} exists already with another key, and is never overwritten")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    with workshop(path) as folder:
        new = folder / "key"
        try:
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(octets)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error
        place(new, path)
    return True
