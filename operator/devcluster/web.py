"""Plain HTTP to the servers of the cluster, for the few requests that devcluster itself makes."""

import base64
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from devcluster.waiting import patient


class Web:
    """Requests to one server.  While no server answers they raise OSError: "not yet" to devcluster.waiting."""

    def __init__(self, url: str, tls: ssl.SSLContext | bool = True, headers: dict[str, str] | None = None) -> None:
        # Without the environment's proxies: everything is on this machine.
        self._client = httpx.Client(base_url=url, verify=tls, headers=headers, trust_env=False)

    def request(self, method: str, path: str, body: object = None, **parameters: object) -> tuple[int, Any]:
        """(HTTP status, decoded JSON or text); `parameters` go into the query, except None."""
        return self.send(method, path, body, parameters, {})

    def send(
        self, method: str, path: str, body: object, parameters: Mapping[str, object], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Like request(), with additional headers."""
        query = {name: str(value) for name, value in parameters.items() if value is not None}
        try:
            response = self._client.request(method, path, json=body, params=query, headers=headers, timeout=patient(10))
        except httpx.TransportError as error:
            raise OSError(f"{path}: {error!r}") from error
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status_code, response.json() if is_json else response.text

    def ok(self, path: str) -> bool:
        """Whether a GET of `path` is answered with 200."""
        return self.request("GET", path)[0] == 200


def kubernetes(kubeconfig: Path) -> Web:
    """The API server of a kubeconfig, with its credentials (embedded or in files; a client certificate or a token)."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    authority = _value(cluster, "certificate-authority", kubeconfig)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    certificate, key = _value(user, "client-certificate", kubeconfig), _value(user, "client-key", kubeconfig)
    if certificate and key:
        with tempfile.NamedTemporaryFile() as file:  # the ssl module reads certificates from files only
            file.write(certificate + b"\n" + key)
            file.flush()
            tls.load_cert_chain(file.name)
    token = user.get("token")
    return Web(cluster["server"], tls, {"Authorization": f"Bearer {token}"} if token else None)


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


def _value(holder: dict[str, str], field: str, kubeconfig: Path) -> bytes | None:
    if data := holder.get(f"{field}-data"):
        return base64.b64decode(data)
    if path := holder.get(field):
        return (kubeconfig.parent / path).read_bytes()
    return None
