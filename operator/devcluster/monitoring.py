"""Prometheus and Alertmanager of a cluster: their configuration, and the requests of tests."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devcluster.errors import DevclusterError
from devcluster.web import Web


@dataclass(frozen=True)
class Intervals:
    """How fast Prometheus works, as Prometheus writes durations."""

    scrape: str = "5s"
    evaluation: str = "5s"
    #: also how old a sample may be when it arrives: tests write history
    retention: str = "60d"


@dataclass(frozen=True)
class _Server:
    """A program with a web address, whose files are in `directory`."""

    directory: Path
    #: for this machine
    url: str
    #: for processes inside
    inside_url: str
    _web: Web = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_web", Web(self.url))


class Prometheus(_Server):
    """The Prometheus of a cluster."""

    @property
    def rules_dir(self) -> Path:
        """Rule files (*.yaml) placed here are used from the next reload() on."""
        return self.directory / "rules"

    @property
    def synced_dir(self) -> Path:
        """The subdirectory that devcluster.rules manages; do not write there."""
        return self.rules_dir / "configmaps"

    @property
    def data_dir(self) -> Path:
        """Its TSDB, for `promtool tsdb create-blocks-from`."""
        return self.directory / "data"

    def configure(self, intervals: Intervals, alertmanager: str | None) -> None:
        """Write prometheus.yml; `alertmanager` is "host:port" inside, or None."""
        for directory in (self.rules_dir, self.data_dir, self._targets_dir):
            directory.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = {
            "global": {
                "scrape_interval": intervals.scrape,
                "evaluation_interval": intervals.evaluation,
                "scrape_timeout": intervals.scrape,
                "scrape_native_histograms": True,
            },
            "storage": {"tsdb": {"out_of_order_time_window": intervals.retention}},
            "rule_files": [f"{self.rules_dir}/*.yaml", f"{self.synced_dir}/*.yaml"],
            "scrape_configs": [{"job_name": "devcluster", "file_sd_configs": [self._file_sd]}],
        }
        if alertmanager:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(config))

    def command(self, intervals: Intervals) -> list[str]:
        """Its command line."""
        return [
            "prometheus",
            f"--config.file={self.directory}/prometheus.yml",
            f"--storage.tsdb.path={self.data_dir}",
            f"--storage.tsdb.retention.time={intervals.retention}",
            f"--web.listen-address={self.inside_url.removeprefix('http://')}",
            "--web.enable-lifecycle",
            "--web.enable-admin-api",
            "--web.enable-remote-write-receiver",
        ]

    def ready(self) -> bool:
        """Whether it answers queries; raises OSError while no server answers."""
        return self._web.ok("/-/ready")

    def reload(self) -> None:
        """Reload configuration and rules; raises DevclusterError with Prometheus' message if it refuses them."""
        code, text = self._web.request("POST", "/-/reload")
        if code != 200:
            raise DevclusterError(f"Prometheus refuses its configuration: {text.strip()}")

    def add_scrape(
        self, job: str, target: str, labels: dict[str, str] | None = None, metrics_path: str = "/metrics"
    ) -> None:
        """Scrape `target` ("127.0.0.1:8080", inside) from now on; a later call for `job` replaces the target."""
        group = {"targets": [target], "labels": {**(labels or {}), "job": job, "__metrics_path__": metrics_path}}
        work = self._targets_dir / f".{job}"
        work.write_text(json.dumps([group]))
        work.rename(self._targets_dir / f"{job}.json")

    def remove_scrape(self, job: str) -> None:
        """Stop scraping the target of `job`."""
        (self._targets_dir / f"{job}.json").unlink(missing_ok=True)

    def query(self, expression: str, time: float | None = None) -> list[dict[str, Any]]:
        """The instant vector as Prometheus' API returns it: [{"metric": {...}, "value": [time, "text"]}]."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression, time=time)["result"]
        return result

    def get(self, path: str, **parameters: object) -> Any:
        """`data` of Prometheus' answer to a GET of `path`; raises DevclusterError with its error."""
        code, reply = self._web.request("GET", path, **parameters)
        if code != 200:
            raise DevclusterError(f"Prometheus answers {code} to {path} {parameters}: {reply}")
        return reply["data"]

    @property
    def _targets_dir(self) -> Path:
        return self.directory / "targets"

    @property
    def _file_sd(self) -> dict[str, Any]:
        return {"files": [f"{self._targets_dir}/*.json"], "refresh_interval": "1s"}


#: Sends each alert at once, to a receiver without a target.
QUIET: dict[str, Any] = {
    "route": {
        "receiver": "none",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    },
    "receivers": [{"name": "none"}],
}


class Alertmanager(_Server):
    """The Alertmanager of a cluster."""

    def write(self, config: dict[str, Any]) -> None:
        """Write alertmanager.yml."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "alertmanager.yml").write_text(yaml.safe_dump(config))

    def configure(self, config: dict[str, Any]) -> None:
        """Use this configuration (the content of alertmanager.yml) from now on; raises DevclusterError if refused."""
        self.write(config)
        code, text = self._web.request("POST", "/-/reload")
        if code != 200:
            raise DevclusterError(f"Alertmanager refuses its configuration: {text.strip()}")

    def command(self) -> list[str]:
        """Its command line."""
        return [
            "alertmanager",
            f"--config.file={self.directory}/alertmanager.yml",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address={self.inside_url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]

    def ready(self) -> bool:
        """Whether it serves; raises OSError while no server answers."""
        return self._web.ok("/-/ready")

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds, as GET /api/v2/alerts returns them."""
        code, reply = self._web.request("GET", "/api/v2/alerts")
        if code != 200:
            raise DevclusterError(f"Alertmanager answers {code}: {reply}")
        alerts: list[dict[str, Any]] = reply
        return alerts
