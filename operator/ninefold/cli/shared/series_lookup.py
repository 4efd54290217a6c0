"""Looks up the selectors of objectives in a Prometheus."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from ninefold.cli.shared import history
from ninefold.cli.shared.findings import Finding
from ninefold.cli.shared.progress import Failed
from ninefold.cli.shared.resources import Found
from ninefold.domain.resource_set import Diagnostic
from ninefold.integrations.prometheus import QueryRefused, Unreachable
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.feedback.buckets import missing
from ninefold.reliability.servicelevelobjective.feedback.matching import LOOKBACK, MetricNames, unmatched
from ninefold.reliability.servicelevelobjective.feedback.metric_types import mistaken
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def findings(options: argparse.Namespace, found: Sequence[Found]) -> list[Finding]:
    """Like `series.findings`, with a Prometheus."""
    try:
        return asyncio.run(_findings(options, found))
    except Failed as error:
        return [Finding(str(error), "--prometheus-url")]


async def _findings(options: argparse.Namespace, found: Sequence[Found]) -> list[Finding]:
    findings, now = [], datetime.now(UTC)
    async with history.client(options, options.prometheus_url) as prometheus:
        names = MetricNames(prometheus)
        for entry in found:
            if not isinstance(entry.resource, ServiceLevelObjective):
                continue
            try:
                for selector in await unmatched(prometheus, names, entry.resource, now - LOOKBACK, now):
                    findings.append(entry.finding(Diagnostic.of(str(selector), warning=not selector.fault)))
                latency = entry.resource.spec.indicator.latency
                if latency and (words := await missing(prometheus, latency)):
                    findings.append(entry.finding(Diagnostic.of(words)))
                for field, sentence in await mistaken(prometheus, entry.resource):
                    findings.append(entry.finding(Diagnostic.of(f"{field}: {sentence}", warning=True)))
            except QueryRefused as error:
                findings.append(entry.finding(Diagnostic(("spec", "indicator"), f"Prometheus refuses it: {error}")))
            except Unreachable as error:
                return [*findings, Finding(str(error), "--prometheus-url")]
            except Stalled:
                # Invalid PromQL is reported without Prometheus.
                continue
    return findings
