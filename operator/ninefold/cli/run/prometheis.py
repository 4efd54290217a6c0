"""Further Prometheis that the operator queries, from a file: address, credentials, and namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, alias_generators

from ninefold.cli.shared.options import header, http_url
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import DEFAULT, PrometheusSource
from ninefold.integrations.credentials import ConnectionOptions, Unfit
from ninefold.integrations.prometheus import Prometheus
from ninefold.kube.model import explain

_LARGEST = 1024 * 1024
_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


class Unusable(Exception):
    """The file cannot be read, or holds an invalid value; the message says what and where."""


def _address(text: str) -> str:
    try:
        return http_url(text)
    except Exception as error:
        raise ValueError(str(error)) from None


def _headers(named: dict[str, str]) -> dict[str, str]:
    try:
        return dict(header(f"{name}={value}") for name, value in named.items())
    except Exception as error:
        raise ValueError(str(error)) from None


class _Entry(BaseModel):
    """One Prometheus of the file."""

    model_config = ConfigDict(extra="forbid", alias_generator=alias_generators.to_camel)

    name: Annotated[str, Field(pattern=_NAME)]
    url: Annotated[str, AfterValidator(_address)]
    ca_file: Path | None = None
    token_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = {}
    cluster_labels: dict[str, str] = {}
    namespace_labels: dict[str, str] | None = None
    rule_labels: dict[str, str] = {}

    def options(self) -> ConnectionOptions:
        own = {"cluster_labels", "namespace_labels", "rule_labels"}
        return ConnectionOptions(**self.model_dump(exclude=own), external_labels=self.cluster_labels)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prometheis: Annotated[list[_Entry], Field(max_length=64)]


def read(path: Path, interval: float) -> list[PrometheusSource]:
    """The sources that a file names. Raises Unusable."""
    try:
        if path.stat().st_size > _LARGEST:
            raise Unusable(f"{path} is larger than {_LARGEST} bytes")
        entries = _File.model_validate(yaml.safe_load(path.read_text())).prometheis
        names = [DEFAULT, *(entry.name for entry in entries)]
        if twice := [name for name in names if names.count(name) > 1]:
            raise Unusable(f"{path}: two entries have the name {twice[0]}")
        return [_source(entry, interval, f"{path}: prometheis[{index}]") for index, entry in enumerate(entries)]
    except ValidationError as error:
        raise Unusable(f"{path}: {explain(error)}") from None
    except OSError as error:
        raise Unusable(f"{error.filename or path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise Unusable(f"{path}: {error}") from None


def _source(entry: _Entry, interval: float, where: str) -> PrometheusSource:
    try:
        prometheus = Prometheus(entry.options())
    except Unfit as error:
        raise Unusable(f"{where}: {error}") from None
    figures: dict[str, Any] = {"prometheus": prometheus, "figures": MeasurementPoller(prometheus, interval)}
    return PrometheusSource(
        **figures, name=entry.name, namespaces=entry.namespace_labels, rule_labels=entry.rule_labels
    )
