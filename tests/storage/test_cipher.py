"""Secrets at rest."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from postroad.errors import StorageError
from postroad.storage.cipher import Cipher

SECRET = "hidden-pass 비밀"
ABOUT = "relay:1:secret"


@pytest.fixture
def key(folder: Path) -> Path:
    """Return where a key file may be made."""
    return folder / "key"


def test_a_key_file_is_made_for_its_owner_alone(key: Path) -> None:
    previous = os.umask(0)
    try:
        Cipher.open(key)
    finally:
        os.umask(previous)

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [each.name for each in key.parent.iterdir()] == ["key"]


def test_a_key_file_is_made_once(key: Path) -> None:
    sealed = Cipher.open(key).encrypt(SECRET, ABOUT)

    again = Cipher.open(key)

    assert again.decrypt(sealed, ABOUT) == SECRET


def test_every_key_file_has_another_key(key: Path) -> None:
    sealed = Cipher.open(key).encrypt(SECRET, ABOUT)
    key.unlink()

    with pytest.raises(StorageError, match="cannot be decrypted"):
        Cipher.open(key).decrypt(sealed, ABOUT)


def test_a_missing_key_file_is_not_made_where_it_must_exist(key: Path) -> None:
    with pytest.raises(StorageError, match="the key file is missing"):
        Cipher.open(key, may_create=False)

    assert not key.exists()


@pytest.mark.parametrize("text", ["", "한글", "x" * 100_000])
def test_text_comes_back(key: Path, text: str) -> None:
    cipher = Cipher.open(key)

    assert cipher.decrypt(cipher.encrypt(text, ABOUT), ABOUT) == text


def test_the_same_text_is_never_the_same_twice(key: Path) -> None:
    cipher = Cipher.open(key)

    sealed = {cipher.encrypt(SECRET, ABOUT) for _ in range(100)}

    assert len(sealed) == 100
    assert not [each for each in sealed if b"hidden" in each]


def test_what_was_moved_to_another_place_is_refused(key: Path) -> None:
    cipher = Cipher.open(key)
    sealed = cipher.encrypt(SECRET, ABOUT)

    with pytest.raises(StorageError, match="relay:2:secret cannot be decrypted"):
        cipher.decrypt(sealed, "relay:2:secret")


def test_a_change_of_any_bit_is_refused(key: Path) -> None:
    cipher = Cipher.open(key)
    sealed = cipher.encrypt(SECRET, ABOUT)

    for place in range(len(sealed)):
        for bit in (0x01, 0x80):
            changed = bytearray(sealed)
            changed[place] ^= bit
            with pytest.raises(StorageError) as caught:
                cipher.decrypt(bytes(changed), ABOUT)
            assert "hidden" not in str(caught.value)


def test_what_was_cut_is_refused(key: Path) -> None:
    cipher = Cipher.open(key)
    sealed = cipher.encrypt(SECRET, ABOUT)

    for length in range(len(sealed)):
        with pytest.raises(StorageError):
            cipher.decrypt(sealed[:length], ABOUT)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o610])
def test_a_key_file_that_others_can_read_is_refused(key: Path, mode: int) -> None:
    Cipher.open(key)
    key.chmod(mode)

    with pytest.raises(StorageError, match="is open to others") as caught:
        Cipher.open(key)

    assert f"chmod 600 {key}" in str(caught.value)


def test_a_key_file_may_be_read_only(key: Path) -> None:
    sealed = Cipher.open(key).encrypt(SECRET, ABOUT)
    key.chmod(0o400)

    assert Cipher.open(key).decrypt(sealed, ABOUT) == SECRET


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "1\n",
        "1 abc\n",
        "1 AAAA\n",
        "x " + "A" * 43 + "=\n",
        "0 " + "A" * 43 + "=\n",
        "256 " + "A" * 43 + "=\n",
        ("1 " + "A" * 43 + "=\n") * 2,
        "1 " + "A" * 43 + "=\nrubbish\n",
        "² " + "A" * 43 + "=\n",
    ],
)
def test_a_damaged_key_file_is_refused_without_showing_it(key: Path, text: str) -> None:
    key.write_text(text, "utf-8")
    key.chmod(0o600)

    with pytest.raises(StorageError, match="put the right one back") as caught:
        Cipher.open(key)

    assert "AAAA" not in str(caught.value)
    assert key.read_text("utf-8") == text


def test_after_a_rotation_old_and_new_secrets_can_be_read(key: Path) -> None:
    cipher = Cipher.open(key)
    old = cipher.encrypt(SECRET, ABOUT)

    cipher.rotate()
    new = cipher.encrypt(SECRET, ABOUT)

    assert (old[0], new[0]) == (1, 2)
    for each in (cipher, Cipher.open(key)):
        assert each.decrypt(old, ABOUT) == SECRET
        assert each.decrypt(new, ABOUT) == SECRET
        assert each.encrypt(SECRET, ABOUT)[0] == 2
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text("ascii").splitlines()) == 2


def test_a_key_that_was_taken_out_of_the_file_is_missed_by_name(key: Path) -> None:
    cipher = Cipher.open(key)
    old = cipher.encrypt(SECRET, ABOUT)
    cipher.rotate()
    newest = key.read_text("ascii").splitlines()[1]
    key.write_text(newest + "\n", "ascii")

    with pytest.raises(StorageError, match="a key that the key file does not have"):
        Cipher.open(key).decrypt(old, ABOUT)


def test_a_subkey_depends_on_its_purpose_and_outlives_rotation(key: Path) -> None:
    cipher = Cipher.open(key)
    cookies = cipher.subkey("session cookie")

    cipher.rotate()

    assert len(cookies) == 32
    assert cipher.subkey("session cookie") == cookies
    assert Cipher.open(key).subkey("session cookie") == cookies
    assert cipher.subkey("other") != cookies


def test_a_cipher_shows_no_key(key: Path) -> None:
    cipher = Cipher.open(key)
    encoded = key.read_text("ascii").split()[1]

    assert encoded not in repr(cipher)
    assert encoded not in str(vars(cipher)["_path"])
