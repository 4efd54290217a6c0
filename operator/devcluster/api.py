"""The few API requests that devcluster makes itself; kubectl would cost 0.1 s each."""

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml


class Api:
    """Requests with the credentials of a kubeconfig (embedded or in files; a client certificate or a token)."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(each["context"] for each in config["contexts"] if each["name"] == config["current-context"])
        cluster = next(each["cluster"] for each in config["clusters"] if each["name"] == context["cluster"])
        user = next(each["user"] for each in config["users"] if each["name"] == context["user"])
        self._address = urlsplit(cluster["server"]).netloc
        self._token = user.get("token")
        authority = _value(cluster, "certificate-authority", kubeconfig)
        self._tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
        certificate, key = _value(user, "client-certificate", kubeconfig), _value(user, "client-key", kubeconfig)
        if certificate and key:
            with tempfile.NamedTemporaryFile() as file:  # the ssl module reads certificates from files only
                file.write(certificate + b"\n" + key)
                file.flush()
                self._tls.load_cert_chain(file.name)

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """(HTTP status, decoded JSON or text); raises OSError while nobody answers."""
        connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=10)
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except http.client.HTTPException as error:
            raise OSError(f"{path}: {error!r}") from error
        finally:
            connection.close()
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, json.loads(text) if is_json else text


def _value(holder: dict[str, str], field: str, kubeconfig: Path) -> bytes | None:
    if data := holder.get(f"{field}-data"):
        return base64.b64decode(data)
    if path := holder.get(field):
        return (kubeconfig.parent / path).read_bytes()
    return None
