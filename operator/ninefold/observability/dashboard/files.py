"""Renders a dashboard in files, with the objectives in the same files. Pure."""

from __future__ import annotations

from ninefold.domain.resource_set import ResourceSet
from ninefold.kube.api import Manifest
from ninefold.observability.dashboard import plan
from ninefold.observability.dashboard.objective import Tiers
from ninefold.observability.dashboard.plan import Observed, see
from ninefold.observability.dashboard.resource import ConfigMapDelivery, Dashboard, Delivery
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def render(dashboard: Dashboard, others: ResourceSet, tiers: Tiers, *, plain: bool) -> Manifest:
    """Returns the object that the controller would create; with `plain`, a ConfigMap for a Grafana outside of
    Kubernetes, whose JSON has the name of a file. Raises Stalled."""
    if plain:
        delivery = Delivery(config_map=ConfigMapDelivery())
        spec = dashboard.spec.model_copy(update={"delivery": delivery})
        dashboard = dashboard.model_copy(update={"spec": spec})
    return plan.render(dashboard, observed(dashboard, others, tiers))


def observed(dashboard: Dashboard, others: ResourceSet, tiers: Tiers) -> Observed:
    """Returns what the controller would observe if the cluster contained exactly these files."""
    return see(dashboard, others.manifests(ServiceLevelObjective), others.manifests(Dashboard), tiers)
