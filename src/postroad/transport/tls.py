"""TLS between a session and its octets, the same for both drivers, and what its failures mean."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

from postroad.errors import Reason, SettingsError, TlsError

RECORD_OCTETS = 16_384  # of plain text in one record (RFC 8446 §5.1)
_READ_OCTETS = 65_536
_RECORD_TYPES = range(0x14, 0x18)  # RFC 8446 §5.1: what the first octet of TLS can be

# OpenSSL's verify codes (x509_vfy.h)
_EXPIRED = (9, 10)
_NAME = (62, 64)


@lru_cache(maxsize=32)
def client_context(*, verify: bool, cafile: str | None) -> ssl.SSLContext:
    """Return the settings of a TLS client: 1.2 or newer, certificate and host name verified.

    raises: SettingsError when `cafile` cannot be read.
    """
    if cafile is not None and not Path(cafile).is_file():
        raise SettingsError(f"cafile cannot be used: {cafile} is not a file")
    try:
        context = ssl.create_default_context(cafile=cafile)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(f"cafile cannot be used: {cafile}: {exc}") from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # so that writing never has to wait for reading
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsLayer:
    """One TLS connection in memory: what to send comes out, what arrived goes in."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name.strip("[]")
        )
        self.error: TlsError | None = None  # what broke off the reading, after what was read
        self._heard_nothing = True
        self.is_established = False

    def handshake(self, data: bytes = b"") -> None:
        """Take what arrived and go on with the handshake; `is_established` tells when it is done.

        raises: TlsError; what `pending` then returns should still be sent.
        """
        if data and self._heard_nothing:
            self._heard_nothing = False
            if data[0] not in _RECORD_TYPES:
                raise TlsError("the server does not speak TLS on this port", reason=Reason.NOT_TLS)
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as exc:
            raise _explained(exc) from exc
        self.is_established = True

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Return the records that carry `data`, after whatever else is to be sent."""
        if data:
            self._tls.write(data)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bool]:
        """Return what `data` completes, and whether the peer said that no more will come.

        A record that is not authentic ends the reading: `error` is then set.
        """
        self._incoming.write(data)
        plain = []
        try:
            while piece := self._tls.read(_READ_OCTETS):
                plain.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(plain), False
        except ssl.SSLZeroReturnError:
            return b"".join(plain), True
        except ssl.SSLError as exc:
            self.error = _explained(exc)
            return b"".join(plain), False
        return b"".join(plain), True

    def pending(self) -> bytes:
        """Return octets that are to be sent although nobody wrote: handshake and alerts."""
        return self._outgoing.read()

    def description(self) -> str:
        """Return version, cipher and the certificate's subject, for the transcript."""
        cipher = self._tls.cipher()
        text = f"{self._tls.version()}, {cipher[0] if cipher else 'no cipher'}"
        subject = certificate_subject(self.certificate())
        return f"{text}, certificate of {subject}" if subject else text

    def certificate(self) -> dict[str, Any]:
        """Return the peer's certificate as `ssl` describes it; empty when none was verified."""
        return dict(self._tls.getpeercert() or {}) if self.is_established else {}


def certificate_subject(certificate: dict[str, Any]) -> str:
    """Return whose certificate it is: the common name, else the first alternative name."""
    names = [value for _, value in certificate.get("subjectAltName", ())]
    return certificate_name(certificate, "subject", "commonName") or str((names or [""])[0])


def certificate_name(certificate: dict[str, Any], part: str, field: str) -> str:
    """Return one field of a certificate's "subject" or "issuer", "" when it has none."""
    return str(dict(pair for group in certificate.get(part, ()) for pair in group).get(field, ""))


def _explained(exc: ssl.SSLError) -> TlsError:
    """Return a TlsError that says in plain words what OpenSSL means."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        message = exc.verify_message
        if exc.verify_code in _NAME:
            return TlsError(
                f"the certificate is for another host: {message}", reason=Reason.CERTIFICATE_NAME
            )
        if exc.verify_code in _EXPIRED:
            return TlsError(
                f"the certificate is not valid today: {message}", reason=Reason.CERTIFICATE_EXPIRED
            )
        return TlsError(
            f"the certificate is not trusted: {message}", reason=Reason.CERTIFICATE_UNTRUSTED
        )
    return TlsError(f"the TLS handshake failed: {exc.reason or exc}", reason=Reason.TLS_HANDSHAKE)
