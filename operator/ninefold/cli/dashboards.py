"""Dashboards of files, with the objectives that stand in the same files."""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.cli.resources import Found
from ninefold.kube.api import Manifest
from ninefold.observability.dashboard.plan import Observed, see
from ninefold.observability.dashboard.resource import ConfigMapDelivery, Dashboard, Delivery
from ninefold.reliability.servicelevelobjective.contract import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def observed(dashboard: Dashboard, found: Sequence[Found]) -> Observed:
    """What the controller would see if the files were all that the cluster has."""
    return see(dashboard, _manifests(found, ServiceLevelObjective), _manifests(found, Dashboard), tiers)


def as_file(dashboard: Dashboard) -> Dashboard:
    """The dashboard for a Grafana outside of Kubernetes: its JSON under the name of a file."""
    delivery = Delivery(config_map=ConfigMapDelivery())
    return dashboard.model_copy(update={"spec": dashboard.spec.model_copy(update={"delivery": delivery})})


def _manifests(found: Sequence[Found], kind: type[ServiceLevelObjective] | type[Dashboard]) -> list[Manifest]:
    """As the API server would have them: with the namespace that a file may leave out."""
    return [
        {**one.document.manifest, "metadata": {**one.document.manifest["metadata"], **_key(one)}}
        for one in found
        if isinstance(one.resource, kind)
    ]


def _key(one: Found) -> dict[str, str]:
    return {"namespace": one.resource.key.namespace, "name": one.resource.key.name}
