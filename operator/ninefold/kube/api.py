"""Resources and object keys, as the API server names them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]
"""A Kubernetes object as decoded JSON: apiVersion, kind, metadata and the rest."""

GROUP = "ninefold.dev"
VERSION = "v1alpha1"
FIELD_MANAGER = "ninefold"
HOLDER = "ninefold-gate"
"""The field manager of the fields that the operator holds in other owners' objects."""
MANAGED_BY = "app.kubernetes.io/managed-by"
OPERATOR = "ninefold"
"""The value of the label MANAGED_BY on every object that the operator makes."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An object of a known kind. The namespace of a cluster-scoped object is ""."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @classmethod
    def of(cls, manifest: Manifest) -> Key:
        metadata = manifest["metadata"]
        return cls(metadata.get("namespace") or "", metadata["name"])


@dataclass(frozen=True, slots=True, order=True)
class Api:
    """A resource of the API server: the group, version and plural of its path, and the kind of its objects."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """The name of its CustomResourceDefinition: `plural.group`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def is_kind_of(self, reference: Manifest) -> bool:
        """Whether an owner reference or a manifest is of this kind, in whichever version. Kinds of other groups may
        have the same name."""
        group = str(reference.get("apiVersion", "")).rpartition("/")[0]
        return (group, reference.get("kind")) == (self.group, self.kind)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(parts)


CONFIG_MAP = Api("", "v1", "ConfigMap", "configmaps")
NAMESPACE = Api("", "v1", "Namespace", "namespaces", namespaced=False)
EVENT = Api("", "v1", "Event", "events")
LEASE = Api("coordination.k8s.io", "v1", "Lease", "leases")
DEPLOYMENT = Api("apps", "v1", "Deployment", "deployments")
STATEFUL_SET = Api("apps", "v1", "StatefulSet", "statefulsets")
DAEMON_SET = Api("apps", "v1", "DaemonSet", "daemonsets")
CRON_JOB = Api("batch", "v1", "CronJob", "cronjobs")
ROLLOUT = Api("argoproj.io", "v1alpha1", "Rollout", "rollouts")
KUSTOMIZATION = Api("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")
HELM_RELEASE = Api("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases")
APPLICATION = Api("argoproj.io", "v1alpha1", "Application", "applications")
SELF_SUBJECT_REVIEW = Api("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False)
CRD = Api("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
PROMETHEUS_RULE = Api("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
ALERTMANAGER_CONFIG = Api("monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs")
GRAFANA_DASHBOARD = Api("grafana.integreatly.org", "v1beta1", "GrafanaDashboard", "grafanadashboards")
