"""Throwaway certificates for a simulator: a good one, and the bad ones a client must refuse."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import trustme

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

CertificateKind = Literal["good", "other-name", "expired", "self-signed", "untrusted"]
CERTIFICATE_KINDS: tuple[CertificateKind, ...] = get_args(CertificateKind)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The server's TLS context and the authority a client is told to trust."""

    context: ssl.SSLContext
    cafile: Path


def make_certificates(folder: Path, kind: CertificateKind, *, host: str) -> Certificates:
    """Write a throwaway authority into `folder` and make a server context of the kind asked for.

    host: the provider's name; the good certificate covers it beside the loopback names.
    """
    authority = trustme.CA(organization_name="Postroad simulators")
    cafile = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(cafile))
    names = (*LOOPBACK_NAMES, host)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if kind == "self-signed":
        _load_self_signed(context, folder)
    else:
        issuer = trustme.CA() if kind == "untrusted" else authority
        past = datetime(2001, 1, 1, tzinfo=UTC)
        leaf = issuer.issue_cert(
            *(("mail.other.example",) if kind == "other-name" else names),
            not_after=past if kind == "expired" else None,
        )
        leaf.configure_cert(context)
    return Certificates(context, cafile)


def _load_self_signed(context: ssl.SSLContext, folder: Path) -> None:
    """Load a certificate that nobody signed but itself; trustme makes none."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [
        x509.DNSName("localhost"),
        *(x509.IPAddress(ip_address(text)) for text in LOOPBACK_NAMES[1:]),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context.load_cert_chain(path)
