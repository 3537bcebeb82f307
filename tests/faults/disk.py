"""A disk whose power can be cut: a file that an ext4 file system lies in, mounted on a loop device.

What a program has written but not synced is in the page cache of the mounted file system, and the
file has not got it yet. A copy of the file is therefore the disk as it would be found.
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

from tests.support.installed import found, is_root, needs

_SIZE = "64M"
_COPIES = 50
# It replays the journal, as mounting would, and may have repaired something (e2fsck(8)).
_FINE, _REPAIRED = 0, 1

_MOUNT = 'mount -o loop,noatime "$0" "$1" && shift && exec "$@"'


def _can_mount() -> bool:
    """Whether this machine has loop devices and lets us use them."""
    return is_root() and Path("/dev/loop-control").exists() and bool(found("unshare"))


needs_disk = needs(
    e2fsprogs=all(map(found, ("mke2fs", "e2fsck", "debugfs"))),
    root_and_loop_devices=_can_mount(),
)


class Disk:
    """A file system with what `folder` holds now."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self._folder = folder
        # Nothing is written later on that nobody asked for.
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        _run("mke2fs", "-q", "-t", "ext4", "-E", lazy, "-d", folder, image, _SIZE)

    @property
    def before(self) -> tuple[str | Path, ...]:
        """The words before a command for which the folder lies on this disk.

        Nobody else sees it there, and it is gone when the command ends.
        """
        return (found("unshare"), "--mount", "sh", "-c", _MOUNT, self.image, self._folder)

    def cut(self, image: Path) -> None:
        """Keep the disk as it is now; whoever writes to it is stopped meanwhile.

        The kernel may still be writing what it was told before: a copy that differs from the disk
        after it was made is made again.
        """
        for _ in range(_COPIES):
            _run("cp", "--sparse=always", self.image, image)
            if filecmp.cmp(self.image, image, shallow=False):
                return
        raise AssertionError("the disk does not come to rest")


def recover(image: Path, folder: Path) -> None:
    """Put into `folder` what is found when the power is back."""
    check = subprocess.run([found("e2fsck"), "-fy", image], capture_output=True, timeout=60)
    assert check.returncode in (_FINE, _REPAIRED), check.stdout
    folder.mkdir()
    _run("debugfs", "-R", f"rdump / {folder}", image)
    shutil.rmtree(folder / "lost+found", ignore_errors=True)


def _run(program: str, *words: str | Path) -> None:
    done = subprocess.run([found(program) or program, *words], capture_output=True, timeout=60)
    assert done.returncode == 0, (program, done.stderr)
