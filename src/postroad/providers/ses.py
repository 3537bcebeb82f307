"""The SMTP password of Amazon SES, derived from an IAM secret access key."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from hmac import digest

from postroad.errors import SettingsError

_DATE = b"11111111"  # AWS signs SMTP credentials with a constant in place of the date
_TERMINAL = (b"ses", b"aws4_request", b"SendRawEmail")
_VERSION = b"\x04"


def ses_smtp_password(secret_access_key: str, region: str) -> str:
    """Return the SMTP password for `secret_access_key` in `region`, such as "us-east-1".

    raises: SettingsError when either is empty or not ASCII.
    source: AWS, "Obtaining Amazon SES SMTP credentials by converting existing AWS credentials".
    """
    for name, value in (("secret_access_key", secret_access_key), ("region", region)):
        if not value or not value.isascii():
            raise SettingsError(f"{name} must be non-empty ASCII text")
    key = b"AWS4" + secret_access_key.encode("ascii")
    for part in (_DATE, region.encode("ascii"), *_TERMINAL):
        key = digest(key, part, sha256)
    return b64encode(_VERSION + key).decode("ascii")
