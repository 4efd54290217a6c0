"""The operator's credentials for a Prometheus, from files that may be replaced while it runs."""

from __future__ import annotations

import base64
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to reach a Prometheus. Secrets are read for each request, and certificates when their files change, because
    Kubernetes rotates mounted Secrets."""

    url: str
    name: str = ""
    """The name of its entry in the file of further Prometheis; "" for the Prometheus of the command line."""
    ca_file: Path | None = None
    token_file: Path | None = None
    """A bearer token."""
    username: str = ""
    password_file: Path | None = None
    """The password of the user, for basic authentication."""
    cert_file: Path | None = None
    key_file: Path | None = None
    """A client certificate and its key."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Additional headers of each request, such as the tenant: X-Scope-OrgID."""
    external_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that a query frontend adds to this cluster's series: only such series are read, and answers lack them."""
    timeout: float = 10.0
    max_bytes: int = 64 * 1024 * 1024
    max_connections: int = 4


class Unfit(Exception):
    """Credentials that cannot be used together, or a certificate that cannot be read; the message says what to do."""


class Credentials:
    """The credentials of each request. A secret's value never goes into a message or a log."""

    def __init__(self, options: ConnectionOptions) -> None:
        """Raises Unfit."""
        if sentence := _contradiction(options):
            raise Unfit(sentence)
        self._options = options
        self._loaded: tuple[tuple[int, int, int], ...] = ()
        try:
            # With its own CA, the system's CAs are not trusted.
            self.context = ssl.create_default_context(cafile=str(options.ca_file) if options.ca_file else None)
            self._load(self._stamps())
        except ssl.SSLError:
            raise Unfit(_unusable(options)) from None
        except OSError as error:
            raise Unfit(f"{error.filename} cannot be read: {error.strerror}") from None

    def headers(self) -> dict[str, str]:
        """The headers of the next request. Raises OSError for a secret that cannot be read."""
        self._renew()
        options = self._options
        headers = dict(options.headers)
        if options.token_file is not None:
            headers["Authorization"] = f"Bearer {_secret(options.token_file)}"
        elif options.password_file is not None:
            pair = f"{options.username}:{_secret(options.password_file)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers

    def refused(self) -> str:
        """What to do when a server refuses the request's credentials."""
        options = self._options
        files = (options.token_file, options.password_file, options.cert_file)
        given = any(files) or options.headers or "@" in urlsplit(options.url).netloc
        flags = (
            "tokenFile, username with passwordFile, certFile with keyFile, or the tenant in headers"
            if options.name
            else "--prometheus-token-file, --prometheus-username with --prometheus-password-file, a client "
            "certificate, or the tenant with --prometheus-header"
        )
        return f"the credentials are refused: check {flags}" if given else f"credentials are missing: set {flags}"

    def _renew(self) -> None:
        """Load changed certificates for new connections; a pair that does not match yet is tried again."""
        try:
            stamps = self._stamps()
            if stamps != self._loaded:
                self._load(stamps)
        except OSError as error:
            log.warning("Could not read a certificate for Prometheus, so the previous one stays: %s", error)

    def _stamps(self) -> tuple[tuple[int, int, int], ...]:
        # A Secret's mount swaps a link, so it is another file; its modification time may be the same.
        files = (self._options.ca_file, self._options.cert_file, self._options.key_file)
        stats = [path.stat() for path in files if path is not None]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _load(self, stamps: tuple[tuple[int, int, int], ...]) -> None:
        options = self._options
        if options.ca_file is not None:
            self.context.load_verify_locations(options.ca_file)
        if options.cert_file is not None:
            # Without a password for the key OpenSSL would ask for one at the terminal.
            self.context.load_cert_chain(options.cert_file, options.key_file, password="")
        self._loaded = stamps


def _contradiction(options: ConnectionOptions) -> str:
    """What is missing or contradictory in the credentials; "" if they match."""
    if options.token_file and (options.username or options.password_file):
        return "a token file and a user are given: set one of them, since a request has one Authorization header"
    if options.username and not options.password_file:
        return f"the user {options.username} has no password: set a password file too"
    if options.password_file and not options.username:
        return "a password file is given without a user: set the username too"
    if options.key_file and not options.cert_file:
        return f"the key {options.key_file} has no client certificate: set the certificate file too"
    return ""


def _unusable(options: ConnectionOptions) -> str:
    """What to write into the certificate files."""
    pair = f"{options.cert_file} and {options.key_file}" if options.key_file else f"{options.cert_file}"
    wanted = [f"{options.ca_file} a certificate in PEM"] if options.ca_file else []
    if options.cert_file:
        wanted.append(f"{pair} a client certificate in PEM and its key without a passphrase")
    return f"a certificate cannot be used: write into {', and into '.join(wanted)}"


def _secret(path: Path) -> str:
    """The line that a file holds. No message shows it; the message of a bad header otherwise would."""
    text = path.read_bytes().decode("ascii", "replace").strip()
    if not text or not text.isprintable() or "\ufffd" in text:
        raise OSError(f"{path} does not hold one line of plain text")
    return text
