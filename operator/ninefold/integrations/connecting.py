"""Why no answer came over a connection, and what to do about it, for people."""

from __future__ import annotations

import re

import httpx

_UNTRUSTED = re.compile(r"certificate verify failed: (?P<why>[^(]*?)\.?\s*(\(|$)")


def unheard(error: Exception, url: str) -> str:
    """A clause. Secrets are in no error of a connection, but may be in a URL: give it without them."""
    text, encrypted = str(error), url.startswith("https:")
    if isinstance(error, httpx.ConnectError) and "All connection attempts failed" in text:
        return "no connection: check host and port, and that the server runs"
    if untrusted := _UNTRUSTED.search(text):
        return (
            f"its certificate is not trusted ({untrusted['why']}): name the CA by --prometheus-ca-file or caFile, "
            "and the host as the certificate does"
        )
    if encrypted and re.search(r"wrong.version.number|record.layer.failure|http.request", text, re.IGNORECASE):
        return "it does not speak TLS: write http:// into its address"
    # Whether the refusal of a client without certificate is read, or breaks what is written, is a race.
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError) or " alert " in text:
        if encrypted:
            return (
                "it ended the connection: if it asks for a client certificate, give one that it trusts by "
                "--prometheus-cert-file and --prometheus-key-file, or certFile and keyFile"
            )
        return "it ended the connection: if it speaks TLS, write https:// into its address"
    return text or type(error).__name__
