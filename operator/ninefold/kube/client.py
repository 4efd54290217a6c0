"""The port to the API server, and its implementation on the official client. All requests go through it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from ninefold.kube import deepjson
from ninefold.kube.api import FIELD_MANAGER, Api, Key, Manifest
from ninefold.kube.fence import WRITE_TIMEOUT, Fence, Fenced
from ninefold.kube.metrics import Metrics

TIMEOUT = 30
# The parameter keeps the client library from writing the body as JSON, which is not always YAML.
_APPLY = "application/apply-patch+yaml; charset=utf-8"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")
_MERGE = "application/merge-patch+json"
_PAGE = 500
_COLLISIONS = ("Conflict", "AlreadyExists")
_READS = frozenset({"get", "list"})
_fence: ContextVar[Fence | None] = ContextVar("fence", default=None)
"""The fence of the request in progress, for the hooks of the HTTP client."""


class ApiError(Exception):
    """The API server refused or failed: HTTP status, reason, sentence, and how long it asks the client to wait."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    """Another client wrote in between, or the object already exists, or it has another uid."""


class Terminating(ApiError):
    """The namespace is being deleted: it accepts no new object."""


class ApiUnreachable(ApiError):
    """The API server did not answer in time."""


class NoLease(ApiError):
    """Nothing was written: the Lease might have ended before the write."""


class Cluster(Protocol):
    """What the machinery needs of an API server. Every call may raise ApiError."""

    async def get(self, api: Api, key: Key) -> Manifest: ...

    async def list(self, api: Api, labels: str = "", namespace: str = "") -> list[Manifest]: ...

    async def create(self, api: Api, manifest: Manifest) -> Manifest: ...

    async def replace(self, api: Api, manifest: Manifest) -> Manifest: ...

    async def apply(self, api: Api, manifest: Manifest, manager: str = FIELD_MANAGER) -> Manifest: ...

    async def patch(self, api: Api, key: Key, patch: Mapping[str, Any], subresource: str = "") -> Manifest: ...

    async def delete(self, api: Api, key: Key, uid: str) -> None: ...

    def fenced(self, fence: Fence) -> Cluster:
        """A client of the same API server whose writes happen only while the fence lets them pass."""


class KubernetesCluster:
    """`Cluster` over kubernetes.aio. Paths come from `Api`, so no discovery is needed."""

    def __init__(self, client: ApiClient, metrics: Metrics, fence: Fence | None = None) -> None:
        self._client = client
        self._dynamic = DynamicClient(client)  # type: ignore[no-untyped-call]
        self._metrics = metrics
        self._fence = fence

    def fenced(self, fence: Fence) -> KubernetesCluster:
        return KubernetesCluster(self._client, self._metrics, fence)

    async def get(self, api: Api, key: Key) -> Manifest:
        return await self._request("get", api, api.path(key.namespace, key.name))

    async def list(self, api: Api, labels: str = "", namespace: str = "") -> list[Manifest]:
        """All objects, or those of one namespace, page by page.

        A list states kind and apiVersion once: this method adds them to each item.
        """
        items: list[Manifest] = []
        token: str | None = None
        while True:
            selector = {"label_selector": labels} if labels else {}
            page = await self._request("list", api, api.path(namespace), limit=_PAGE, _continue=token, **selector)
            if not str(page.get("kind")).endswith("List"):
                # If this counted as an empty list, all objects would count as deleted.
                raise ApiUnreachable(0, "Unreachable", f"the answer to a listing is a {page.get('kind')}")
            items += [{"apiVersion": api.api_version, "kind": api.kind, **item} for item in page.get("items") or ()]
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items

    async def create(self, api: Api, manifest: Manifest) -> Manifest:
        return await self._request("post", api, api.path(Key.of(manifest).namespace), body=manifest)

    async def replace(self, api: Api, manifest: Manifest) -> Manifest:
        key = Key.of(manifest)
        return await self._request("put", api, api.path(key.namespace, key.name), body=manifest)

    async def apply(self, api: Api, manifest: Manifest, manager: str = FIELD_MANAGER) -> Manifest:
        """Server-side apply as this field manager; it takes over each field in the manifest from any other manager."""
        key = Key.of(manifest)
        return await self._request(
            "patch",
            api,
            api.path(key.namespace, key.name),
            body=apply_body(manifest),
            content_type=_APPLY,
            field_manager=manager,
            force_conflicts="true",
        )

    async def patch(self, api: Api, key: Key, patch: Mapping[str, Any], subresource: str = "") -> Manifest:
        """A JSON merge patch. With metadata.uid or resourceVersion in it, the API server refuses any other object or
        version."""
        path = api.path(key.namespace, key.name, subresource)
        return await self._request("patch", api, path, body=patch, content_type=_MERGE, field_manager=FIELD_MANAGER)

    async def delete(self, api: Api, key: Key, uid: str) -> None:
        """Delete the object with this uid; its dependants are deleted in the background."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._request("delete", api, api.path(key.namespace, key.name), body=body)

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _request(self, verb: str, api: Api, path: str, **params: Any) -> dict[str, Any]:
        method = "get" if verb == "list" else verb
        code = "error"
        fence = None if verb in _READS else self._fence
        bound = {"query_params": [("timeout", f"{WRITE_TIMEOUT:.0f}s")], "_request_timeout": WRITE_TIMEOUT}
        params |= bound if fence else {"_request_timeout": TIMEOUT}
        token = _fence.set(fence)
        try:
            with fence.passing() if fence else nullcontext():
                response = await self._dynamic.request(method, path, serialize=False, **params)
                code = str(response.status)
                return await _read(response)
        except Fenced as fenced:
            raise NoLease(0, "NoLease", str(fenced)) from None
        except DynamicApiError as error:
            code = str(error.status)
            raise _translate(error) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnreachable(0, "Unreachable", f"{type(error).__name__}: {error}") from error
        finally:
            _fence.reset(token)
            self._metrics.api_requests.labels(verb, api.plural, code).inc()


async def _read(response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        answer = await response.json()
    except ValueError as error:
        raise ApiUnreachable(0, "Unreachable", f"the answer is not JSON: {error}") from error
    if not isinstance(answer, dict):
        raise ApiUnreachable(
            0, "Unreachable", "the answer is not a JSON object: a server other than the API server sent it"
        )
    return answer


def apply_body(manifest: Manifest) -> str:
    r"""A manifest as JSON that is also YAML, in ASCII.

    JSON escapes a character beyond the basic plane as two surrogates, which YAML refuses; YAML has its own escape.

    >>> print(apply_body({"text": "\U0001f600"}))
    {"text": "\U0001f600"}
    """
    return _BEYOND_ASCII.sub(_escaped, json.dumps(manifest, ensure_ascii=False))


def _escaped(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


async def _check_fence(*_: Any) -> None:
    """Called by aiohttp just before it hands bytes of a request to the connection."""
    if fence := _fence.get():
        fence.check()


def _tracing() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_check_fence)
    config.on_request_chunk_sent.append(_check_fence)
    return config


def _translate(error: DynamicApiError) -> ApiError:
    kind = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.CONFLICT: Conflict}.get(error.status, ApiError)
    try:
        status = json.loads(error.body or "{}")
        message, reason = str(status["message"]), str(status.get("reason") or error.reason)
        if kind is Conflict and reason not in _COLLISIONS:
            kind = ApiError
        if any(cause.get("reason") == "NamespaceTerminating" for cause in status.get("details", {}).get("causes", ())):
            kind = Terminating
    except (ValueError, TypeError, KeyError, AttributeError):
        message, reason = str(error.body)[:500], str(error.reason)
    headers = error.headers or {}
    try:
        retry_after = float(headers.get("Retry-After") or 0)
    except ValueError:
        retry_after = 0.0
    return kind(int(error.status), reason, message, retry_after)


async def connect(metrics: Metrics, context: str | None = None) -> KubernetesCluster:
    """A client for the cluster around the pod, or for the cluster that KUBECONFIG (or ~/.kube/config) names.

    `context` replaces the current context of the kubeconfig. Raises ApiUnreachable if there is neither cluster.
    """
    deepjson.tolerate()
    configuration = Configuration()
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=_kubeconfig(),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except config.ConfigException as error:
        why = _missing() or str(error).rstrip(".")
        raise ApiUnreachable(0, "NoCluster", f"{why}: set KUBECONFIG to a file that names a cluster") from None
    # The work queue retries with its own backoff; a second layer below would only hide errors from it.
    configuration.retries = None
    # aiohttp would look up proxies and ~/.netrc for each request, which took a fifth of the operator's CPU time.
    configuration.client_session_kwargs = {"trust_env": False, "trace_configs": [_tracing()]}
    configuration.proxy = configuration.proxy or _proxy(configuration.host)
    return KubernetesCluster(ApiClient(configuration), metrics)


def _proxy(url: str) -> str | None:
    """The proxy that HTTPS_PROXY and NO_PROXY give for this server."""
    server = urlsplit(url)
    return None if proxy_bypass(server.hostname or "") else getproxies().get(server.scheme)


def current_namespace(context: str | None = None) -> str:
    """The namespace that the kubeconfig's context names, or "default"."""
    try:
        contexts, current = config.list_kube_config_contexts(_kubeconfig())  # type: ignore[no-untyped-call]
    except config.ConfigException:
        return "default"
    chosen = next((entry for entry in contexts if entry["name"] == context), current)
    return str(chosen["context"].get("namespace") or "default")


def _missing() -> str:
    """A sentence about a missing kubeconfig; the library calls a missing file invalid."""
    paths = (_kubeconfig() or "~/.kube/config").split(os.pathsep)
    there = any(Path(path).expanduser().exists() for path in paths)
    return "" if there else f"there is no kubeconfig {' or '.join(paths)}"


def _kubeconfig() -> str | None:
    """Read at each call: the library reads the environment only when it is imported."""
    return os.environ.get("KUBECONFIG") or None
