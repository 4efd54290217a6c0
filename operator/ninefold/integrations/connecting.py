"""Why a connection gave no answer, and what to do about it, for users."""

from __future__ import annotations

import re

import httpx

_UNTRUSTED = re.compile(r"certificate verify failed: (?P<why>[^(]*?)\.?\s*(\(|$)")


def unheard(error: Exception, url: str) -> str:
    """A clause. Errors of a connection hold no secrets, but a URL may: pass it without credentials."""
    text, encrypted = str(error), url.startswith("https:")
    if isinstance(error, httpx.ConnectError) and "All connection attempts failed" in text:
        return "no connection: check host and port, and that the server runs"
    if untrusted := _UNTRUSTED.search(text):
        return (
            f"its certificate is not trusted ({untrusted['why']}): set --prometheus-ca-file or caFile to its CA, "
            "and use the host name of the certificate"
        )
    if encrypted and re.search(r"wrong.version.number|record.layer.failure|http.request", text, re.IGNORECASE):
        return "it does not speak TLS: write http:// into its address"
    # It is a race whether the refusal of a client without certificate is read, or breaks the write.
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.RemoteProtocolError) or " alert " in text:
        if encrypted:
            return (
                "it ended the connection: if it asks for a client certificate, set one that it trusts with "
                "--prometheus-cert-file and --prometheus-key-file, or certFile and keyFile"
            )
        return "it ended the connection: if it speaks TLS, write https:// into its address"
    return text or type(error).__name__
