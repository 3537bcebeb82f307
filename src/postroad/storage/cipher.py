"""Secrets at rest: AES-256-GCM under a key file that lies beside the database, not in it."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from postroad.errors import StorageError

_KEY_OCTETS = 32
_NONCE_OCTETS = 12  # NIST SP 800-38D §8.2.2: random nonces of 96 bits
_HEAD_OCTETS = 1 + _NONCE_OCTETS
_MAX_KEYS = 255  # the key's number is one octet


class Cipher:
    """Encrypts under the newest key and decrypts under any.

    path: the key file: one line for each key, `<number> <base64>`, the oldest first.
    """

    def __init__(self, path: Path, keys: dict[int, bytes]) -> None:
        self._path = path
        self._use(keys)

    @classmethod
    def open(cls, path: Path, *, may_create: bool = True) -> Cipher:
        """Return the cipher of a key file, which is made, for its owner alone, where none is.

        raises: StorageError when it is missing and may not be made, is open to others, or is not
                a key file.
        """
        try:
            if may_create and not path.exists():
                _create(path, _line(1, os.urandom(_KEY_OCTETS)))
            return cls(path, _parse(path, _read_private(path)))
        except FileNotFoundError as error:
            raise StorageError(f"the key file is missing: {path}") from error
        except OSError as error:
            raise StorageError(f"the key file {path}: {error.strerror}") from error

    def encrypt(self, text: str, about: str) -> bytes:
        """Return `text` encrypted: key number, nonce, ciphertext with its tag.

        about: what it is, as "table:id:column"; the same is needed to decrypt.
        """
        nonce = os.urandom(_NONCE_OCTETS)
        sealed = self._newest.encrypt(nonce, text.encode(), about.encode())
        return self._newest_number + nonce + sealed

    def decrypt(self, octets: bytes, about: str) -> str:
        """Return the text again.

        raises: StorageError when its key is not in the file, or it is not what was encrypted.
        """
        key = self._ciphers.get(octets[0]) if len(octets) > _HEAD_OCTETS else None
        if key is None:
            raise StorageError(f"{about} was encrypted under a key that the key file does not have")
        try:
            text = key.decrypt(octets[1:_HEAD_OCTETS], octets[_HEAD_OCTETS:], about.encode())
        except InvalidTag:
            raise StorageError(f"{about} cannot be decrypted with the key file") from None
        return text.decode()

    def subkey(self, purpose: str) -> bytes:
        """Return 32 octets derived from the first key, always the same for a purpose.

        source: RFC 5869.
        """
        derived = HKDF(SHA256(), _KEY_OCTETS, salt=None, info=f"postroad:{purpose}".encode())
        return derived.derive(self._first)

    def rotate(self) -> None:
        """Add a new key to the file; what is encrypted from now on is under it."""
        number = max(self._keys) + 1
        if number > _MAX_KEYS:
            raise StorageError(f"the key file holds {_MAX_KEYS} keys, the most it can")
        keys = self._keys | {number: os.urandom(_KEY_OCTETS)}
        try:
            _replace(self._path, "".join(_line(*each) for each in keys.items()))
        except OSError as error:
            raise StorageError(f"the key file {self._path}: {error.strerror}") from error
        self._use(keys)

    def _use(self, keys: dict[int, bytes]) -> None:
        newest = max(keys)
        self._keys = keys
        self._first = keys[min(keys)]
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}
        self._newest = self._ciphers[newest]
        self._newest_number = bytes([newest])


def _line(number: int, key: bytes) -> str:
    return f"{number} {base64.b64encode(key).decode()}\n"


def _create(path: Path, text: str) -> None:
    """Write a file that only its owner can read, durably and all at once."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _write(new, text)
        try:
            os.link(new, path)
        except FileExistsError:  # another process was first, and its key counts
            return
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    _write(new, text)
    new.replace(path)
    _sync_folder(path.parent)


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # a process of this number died here
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_private(path: Path) -> str:
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise StorageError(f"the key file {path} is not a file")
        if status.st_mode & 0o077:
            raise StorageError(
                f"the key file {path} is open to others (mode {status.st_mode & 0o777:04o}):"
                f" change it with chmod 600 {path}"
            )
        return stream.read().decode("ascii", "replace")


def _parse(path: Path, text: str) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for line in text.splitlines():
        number, _, encoded = line.partition(" ")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        is_number = number.isascii() and number.isdecimal() and 0 < int(number) <= _MAX_KEYS
        if not is_number or int(number) in keys or len(key) != _KEY_OCTETS:
            raise StorageError(f"the key file {path} is damaged: put the right one back")
        keys[int(number)] = key
    if not keys:
        raise StorageError(f"the key file {path} is empty: put the right one back")
    return keys
