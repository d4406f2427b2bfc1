"""Certificates for every case that a destination may present."""

import datetime
import ipaddress
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.ingest import TlsFiles

DAY = datetime.timedelta(days=1)


class Certificates(msgspec.Struct, frozen=True):
    """All for `localhost` and 127.0.0.1, as far as their names go."""

    ca: Path
    "The authority that signed all but `unknown`."
    good: TlsFiles
    wrong_host: TlsFiles
    "For `elsewhere.example`."
    expired: TlsFiles
    "Since yesterday."
    unknown: TlsFiles
    "Signed by an authority that nobody heard of."


def make_certificates(directory: Path) -> Certificates:
    """Make all of them in `directory`; takes some ten milliseconds."""
    directory.mkdir(parents=True, exist_ok=True)
    authority, stranger = _Authority("Rostrum test CA"), _Authority("Nobody's CA")
    ca = directory / "ca.pem"
    ca.write_bytes(authority.pem)
    names = ("localhost", "127.0.0.1")
    return Certificates(
        ca=ca,
        good=authority.sign(directory, "good", names),
        wrong_host=authority.sign(directory, "wrong-host", ("elsewhere.example",)),
        expired=authority.sign(directory, "expired", names, until=-DAY),
        unknown=stranger.sign(directory, "unknown", names),
    )


class _Authority:
    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        key = self._key.public_key()
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._draft(self._name, key, until=10 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    def sign(
        self,
        directory: Path,
        stem: str,
        names: tuple[str, ...],
        until: datetime.timedelta = 10 * DAY,
    ) -> TlsFiles:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._draft(_named(names[0]), key.public_key(), until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(map(_alternative, names)), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = TlsFiles(directory / f"{stem}.pem", directory / f"{stem}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _draft(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime.timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 20 * DAY)
            .not_valid_after(now + until)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
