"""Prometheus, or a server with its HTTP API: queries, rule health, and checks of expressions.

Every call is bounded in time, size and concurrency. It raises `Unreachable` when no usable answer arrived, and
`QueryRefused` when Prometheus answered that the query is wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from ninefold.integrations.connecting import unheard
from ninefold.integrations.credentials import ConnectionOptions, Credentials
from ninefold.integrations.prometheus_answers import LoadedRecording, RangeSeries, RuleGroup, Sample
from ninefold.integrations.scope import scoped

__all__ = ["ConnectionOptions", "Prometheus"]


class Unreachable(Exception):
    """No usable answer: a network error, a timeout, a server error, or an answer that is too large."""


class QueryRefused(Exception):
    """Prometheus understood the request and reports that it is wrong; the message is Prometheus' own."""


class TooMuch(Unreachable):
    """Prometheus stopped: too many samples, or too slow. It may answer a smaller query."""


def without_credentials(url: str) -> str:
    """The address without credentials, for messages."""
    return re.sub(r"//[^/@]*@", "//", url)


class Prometheus:
    """A client of one Prometheus. Redirects are not followed, so a token never goes to another host."""

    groups_per_request = 50

    def __init__(self, options: ConnectionOptions) -> None:
        """Raises Unfit for credentials that cannot be used."""
        self._options = options
        self._credentials = Credentials(options)
        self._address = without_credentials(options.url)
        self._shown = f"{options.name}, {self._address}" if options.name else self._address
        self._turn = asyncio.Semaphore(options.max_connections)
        self._client = httpx.AsyncClient(
            base_url=options.url.rstrip("/") + "/",
            timeout=httpx.Timeout(options.timeout),
            # A request that is cancelled while it waits in httpx' pool leaks a connection.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=options.max_connections),
            verify=self._credentials.context,
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def external_labels(self) -> Mapping[str, str]:
        """The labels that every series carries in addition to those that rules write."""
        return self._options.external_labels

    async def __aenter__(self) -> Prometheus:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def query(self, expression: str, at: datetime | None = None) -> list[Sample]:
        """The instant vector of the expression now, or at a given time."""
        form = {"query": self._scoped(expression), **({"time": f"{at.timestamp():.3f}"} if at else {})}
        data = await self._call("POST", "api/v1/query", form)
        if data.get("resultType") != "vector":
            raise QueryRefused(f"the query yields a {data.get('resultType')}, not an instant vector: {expression}")
        return [Sample(self._own(row["metric"]), float(row["value"][1]), float(row["value"][0])) for row in _rows(data)]

    async def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> list[RangeSeries]:
        """The values of the expression at each step from start to end, both included."""
        form = {
            "query": self._scoped(expression),
            "start": f"{start.timestamp():.3f}",
            "end": f"{end.timestamp():.3f}",
            "step": f"{step.total_seconds():g}",
        }
        data = await self._call("POST", "api/v1/query_range", form)
        return [
            RangeSeries(self._own(row["metric"]), [(float(at), float(value)) for at, value in row.get("values", ())])
            for row in _rows(data)
        ]

    async def newest(self) -> datetime | None:
        """The time of the newest sample that is not in a block yet; None if there is none."""
        head = (await self._call("GET", "api/v1/status/tsdb", {"limit": 1})).get("headStats") or {}
        if not head.get("numSeries"):
            return None
        return datetime.fromtimestamp(head["maxTime"] / 1000, UTC)

    async def samples_read(self, expression: str) -> int | None:
        """How many samples the server reads to answer the expression now; None if the server does not report it."""
        data = await self._call("POST", "api/v1/query", {"query": self._scoped(expression), "stats": "all"})
        read = ((data.get("stats") or {}).get("samples") or {}).get("totalQueryableSamples")
        return int(read) if read is not None else None

    async def rules(self, names: Iterable[str]) -> dict[str, RuleGroup]:
        """The loaded groups with these names, by name. Among groups of the same name, a failing one wins."""
        groups: dict[str, RuleGroup] = {}
        wanted = list(names)
        for first in range(0, len(wanted), self.groups_per_request):
            chunk = wanted[first : first + self.groups_per_request]
            data = await self._call("GET", "api/v1/rules", {"rule_group[]": chunk, "exclude_alerts": "true"})
            for group in data.get("groups") or ():
                # A server that does not know the filter answers with all groups.
                if group["name"] in chunk and not (group["name"] in groups and groups[group["name"]].error):
                    groups[group["name"]] = _rule_group(group)
        return groups

    async def recordings(self, name: str) -> list[LoadedRecording]:
        """Every rule that records a series of this name."""
        data = await self._call("GET", "api/v1/rules", {"type": "record", "rule_name[]": name})
        try:
            return [
                _recording(group, rule)
                for group in data["groups"] or ()
                for rule in group.get("rules") or ()
                # A server that does not know the filter answers with all rules.
                if rule.get("name") == name and rule.get("type") == "recording"
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Unreachable(f"{self._shown}: its answer about rules does not have Prometheus' form") from None

    async def series(self, selector: str, start: datetime, end: datetime, *, limit: int) -> list[Mapping[str, str]]:
        """The labels of some of the series that a selector matches in a time range."""
        span = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}"}
        found = await self._call("POST", "api/v1/series", {"match[]": self._scoped(selector), **span, "limit": limit})
        # A server that does not know the limit answers with all of them.
        return list(found or ())[:limit]

    async def label_values(self, label: str, limit: int) -> list[str]:
        """Some of the values of a label, from this cluster's series only."""
        own = {"match[]": self._scoped('{__name__!=""}')} if self._options.external_labels else {}
        return list(await self._call("GET", f"api/v1/label/{label}/values", {**own, "limit": limit}) or ())[:limit]

    async def types(self, metric: str) -> frozenset[str]:
        """The types that targets declare for a metric, such as "counter"; empty if the server does not know."""
        found = await self._call("GET", "api/v1/metadata", {"metric": metric, "limit_per_metric": 10})
        declared = found.get(metric) if isinstance(found, dict) else None
        return frozenset(entry.get("type", "") for entry in declared or ()) - {"", "unknown", "untyped"}

    async def check(self, expression: str) -> None:
        """Ask this Prometheus to parse an expression. Raises QueryRefused with Prometheus' message if it cannot."""
        await self._call("POST", "api/v1/format_query", {"query": expression})

    def _scoped(self, expression: str) -> str:
        """The expression, limited to the series of this cluster."""
        try:
            return scoped(expression, self._options.external_labels)
        except ValueError as error:
            raise QueryRefused(str(error)) from None

    def _own(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """The labels without those that identify the cluster."""
        external = self._options.external_labels
        return {name: value for name, value in labels.items() if external.get(name) != value} if external else labels

    async def _call(self, method: str, path: str, form: Mapping[str, Any]) -> Any:
        """The `data` of the answer. A query goes as a form in the body, since it may be longer than a URL."""
        get, limit = method == "GET", self._options.timeout
        try:
            async with (
                # httpx limits each step; a server that sends its answer in drops must not block forever.
                asyncio.timeout(limit),
                self._turn,
                self._client.stream(
                    method,
                    path,
                    headers=self._credentials.headers(),
                    params=form if get else None,
                    data=None if get else form,
                ) as response,
            ):
                text = await self._read(response)
        except (httpx.TimeoutException, TimeoutError):
            raise Unreachable(f"{self._shown}: no answer within {limit:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(f"{self._shown}: {unheard(error, self._address)}") from error
        return self._answer(response.status_code, text)

    async def _read(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._options.max_bytes:
                raise Unreachable(f"{self._shown}: the answer is larger than {self._options.max_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _answer(self, status: int, text: bytes) -> Any:
        if status in (401, 403):
            raise Unreachable(f"{self._shown}: HTTP {status}: {self._credentials.refused()}")
        if 300 <= status < 400:
            raise Unreachable(
                f"{self._shown}: HTTP {status} to another address: redirects are not followed, so use that address"
            )
        if status == 400 and b"HTTPS server" in text:
            raise Unreachable(f"{self._shown}: it speaks TLS: write https:// into its address")
        try:
            answer = json.loads(text)
        except ValueError:
            raise Unreachable(f"{self._shown}: HTTP {status} without JSON; is this Prometheus?") from None
        kind, error = (answer.get("errorType"), answer.get("error")) if isinstance(answer, dict) else ("", "")
        if kind == "timeout" or (kind == "execution" and "too many samples" in str(error)):
            raise TooMuch(f"{self._shown}: HTTP {status} {error}")
        if status in (400, 422) and kind in ("bad_data", "execution"):
            raise QueryRefused(str(error))
        if status != 200 or not isinstance(answer, dict) or answer.get("status") != "success":
            raise Unreachable(f"{self._shown}: HTTP {status} {error or ''}".rstrip())
        return answer.get("data")


def _rows(data: Mapping[str, Any]) -> list[Any]:
    """The series of a result; native histograms have no single value and are left out."""
    return [row for row in data.get("result") or () if "value" in row or "values" in row]


def _recording(group: Mapping[str, Any], rule: Mapping[str, Any]) -> LoadedRecording:
    return LoadedRecording(
        rule["name"],
        dict(rule.get("labels") or {}),
        group["name"],
        group.get("file") or "",
        float(group.get("interval") or 0.0),
        rule.get("lastError") or "",
    )


def _rule_group(group: Mapping[str, Any]) -> RuleGroup:
    rules = group.get("rules") or ()
    errors = (f"{rule['name']}: {rule['lastError']}" for rule in rules if rule.get("lastError"))
    return RuleGroup(
        name=group["name"],
        error=next(errors, ""),
        evaluated=all(rule.get("health", "unknown") != "unknown" for rule in rules),
    )
