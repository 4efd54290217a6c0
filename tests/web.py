"""HTTP without TLS, to the servers of tests: httpx.get and its like read all certificate authorities for each call."""

from __future__ import annotations

import ssl

import httpx

plain = httpx.Client(
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    trust_env=False,
    # Servers are killed and started anew.
    limits=httpx.Limits(max_keepalive_connections=0),
)
