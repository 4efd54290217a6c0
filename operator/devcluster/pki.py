"""A cluster's certificate authority, the certificates it signs, and the kubeconfig files that carry them."""

import base64
import datetime
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: a cluster lives for hours; the margin before covers clocks that differ a little
LIFE = datetime.timedelta(days=30)
MARGIN = datetime.timedelta(hours=1)
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
#: loopback, and the address that the first service range gives the service `kubernetes`
SERVER_ADDRESSES = ("127.0.0.1", "10.96.0.1")


class Authority:
    """Signs for one cluster; its files are in `directory`: ca.crt, ca.key, and NAME.crt with NAME.key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate_file = directory / "ca.crt"
        self.key_file = directory / "ca.key"
        if not self.key_file.exists():
            self._create()
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        key = serialization.load_pem_private_key(self.key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - this class wrote it
        self._key = key

    def server(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) of a server on loopback that is also a client of its peers (etcd needs this)."""
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in SERVER_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVER_ADDRESSES]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._issue(name, _name(name, ()), usages, names)

    def client(self, file: str, user: str, groups: Sequence[str] = ()) -> tuple[Path, Path]:
        """(certificate, key) of the Kubernetes user `user` in `groups`, in files called `file`."""
        return self._issue(file, _name(user, groups), [ExtendedKeyUsageOID.CLIENT_AUTH], [])

    def kubeconfig(self, path: Path, server: str, file: str, user: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig for `user` at `server` ("https://host:port") that holds everything it needs."""
        certificate, key = self.client(file, user, groups)
        cluster = {"server": server, "certificate-authority-data": _encoded(self.certificate_file)}
        credentials = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "devcluster", "cluster": cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "devcluster", "context": {"cluster": "devcluster", "user": user}}],
            "current-context": "devcluster",
        }
        _write_private(path, json.dumps(config, indent=1).encode())
        return path

    def service_account_key(self) -> Path:
        """The key that signs service account tokens; the file also holds its public half."""
        path = self.directory / "service-account.key"
        _write_private(path, _pem(ec.generate_private_key(ec.SECP256R1())))
        return path

    def _create(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("devcluster-ca", ())
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = _builder(name, name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(usage, critical=True)
        # Python's default verification requires key identifiers from 3.13 on.
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        self.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_private(self.key_file, _pem(key))

    def _issue(
        self, file: str, subject: x509.Name, usages: list[x509.ObjectIdentifier], names: list[x509.GeneralName]
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = _builder(subject, self._certificate.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(issuer, critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        certificate_file, key_file = self.directory / f"{file}.crt", self.directory / f"{file}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_private(key_file, _pem(key))
        return certificate_file, key_file


def _name(common: str, organizations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    # X.520 limits a common name to 64 characters; a service account's user name may be longer, and Kubernetes reads it.
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common, _validate=False)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - MARGIN)
        .not_valid_after(now + LIFE)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _write_private(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
