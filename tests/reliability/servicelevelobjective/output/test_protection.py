"""Nobody but the operator writes the rules that figures come from: people and machines with their real rights try it on
a real API server."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from tests import direct
from tests.builders.servicelevelobjective import BAD, TOTAL, group, objective
from tests.installing import stand_in

import devcluster
from devcluster import waiting
from devcluster.errors import CommandError
from ninefold.domain.measurements.series import RECORDED
from ninefold.kube import rbac
from ninefold.kube.api import PROMETHEUS_RULE
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.namespace.shared_indicator import recorded
from ninefold.reliability.servicelevelobjective.output.protection import MOST_GROUPS, MOST_RULES, protection
from ninefold.reliability.servicelevelobjective.recording.aliases import sloth
from ninefold.reliability.servicelevelobjective.recording.corrections import Corrections, Occurrence
from ninefold.reliability.servicelevelobjective.target import Target

OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
GITOPS = "system:serviceaccount:flux-system:kustomize-controller"
EVERYBODY = ("editor", "owner", GITOPS, "cluster-admin")
"""Who has `edit` in the namespace, `admin` in it, and all rights in the cluster: a tool and a person."""
FORGED = {"record": "slo:error_budget_left:ratio", "expr": "1", "labels": {"slo_id": "bank/ledger"}}
LABEL = {"ninefold.dev/rules": "true"}
OURS = {"app.kubernetes.io/managed-by": "ninefold"}


class Town:
    """A namespace in which the policies are in force."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def refusal(self, user: str, *arguments: str, body: object = None) -> str:
        """What the API server says; "" if it lets pass."""
        text = json.dumps(body) if body is not None else None
        try:
            self.cluster.kubectl("-n", self.namespace, f"--as={user}", *arguments, input=text)
        except CommandError as error:
            return str(error)
        return ""

    def create(self, user: str, body: dict[str, Any]) -> str:
        try:
            direct.create(self.cluster, body, self.namespace, user=user, validation="Ignore")
        except CommandError as error:
            return str(error)
        return ""

    def patch(self, user: str, kind: str, name: str, *changes: dict[str, Any]) -> str:
        return self.refusal(user, "patch", kind, name, "--type=json", "-p", json.dumps(changes))

    def rule(self, *rules: Any, name: str = "", labels: dict[str, str] | None = None) -> dict[str, Any]:
        return self.rules({"groups": [{"name": "g", "rules": list(rules)}]}, name, labels)

    def rules(self, spec: Any, name: str = "", labels: dict[str, str] | None = None) -> dict[str, Any]:
        return {
            "apiVersion": PROMETHEUS_RULE.api_version,
            "kind": PROMETHEUS_RULE.kind,
            "metadata": {"name": name or f"r-{secrets.token_hex(4)}", "labels": labels or {}},
            "spec": spec,
        }

    def config_map(self, name: str = "", labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
        metadata = {"name": name or f"c-{secrets.token_hex(4)}", "labels": labels or {}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture(scope="module")
def town(cluster: devcluster.Cluster) -> Iterator[Town]:
    town = Town(cluster, cluster.namespace("town"))
    mark = secrets.token_hex(4)
    schema = {"type": "object", "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}}}
    installed = [stand_in(PROMETHEUS_RULE, schema), *protection(), _role(mark)]
    for manifest in [rbac.binding(rbac.OPERATOR_ROLE), *installed]:
        cluster.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", input=json.dumps(manifest))
    waiting.until(lambda: cluster.api.request("GET", PROMETHEUS_RULE.path())[0] == 200, "PrometheusRules", 30)
    for user, roles in {"editor": ("edit", f"rules-{mark}"), "owner": ("admin", f"rules-{mark}")}.items():
        for role in roles:
            given = (f"--clusterrole={role}", f"--user={user}")
            cluster.kubectl("-n", town.namespace, "create", "rolebinding", f"{user}-{role}", *given)
    everywhere = {f"all-{mark}-{n}": user for n, user in enumerate((OPERATOR, GITOPS, "cluster-admin"))}
    for name, user in everywhere.items():
        cluster.kubectl("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--user={user}")
    # A new policy is in force a moment after it is written.
    waiting.until(lambda: "contract" in town.create("editor", town.rule(FORGED)), "the policy on rules", 20)
    waiting.until(
        lambda: "ServiceLevelObjectives" in town.create("editor", town.config_map(labels=LABEL)), "that on files", 20
    )
    yield town
    cluster.kubectl("delete", "clusterrolebinding", *everywhere)
    for manifest in installed:
        cluster.kubectl("delete", "--ignore-not-found", "-f", "-", input=json.dumps(manifest))
    cluster.kubectl("delete", "namespace", town.namespace, "--wait=false")


def _role(mark: str) -> dict[str, Any]:
    """What prometheus-operator adds to `edit` and `admin`."""
    rule = {"apiGroups": [PROMETHEUS_RULE.group], "resources": [PROMETHEUS_RULE.plural], "verbs": ["*"]}
    api = "rbac.authorization.k8s.io/v1"
    return {"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": f"rules-{mark}"}, "rules": [rule]}


@pytest.mark.parametrize("user", EVERYBODY)
def test_nobody_writes_what_gates_go_by(town: Town, user: str) -> None:
    for forged in (
        FORGED,
        {"record": "slo:burn_rate:1h", "expr": 'label_replace(vector(99), "slo_id", "bank/ledger", "", "")'},
        {"record": "slo:errors:rate5m", "expr": "vector(1)"},
        {"record": "anything", "expr": "vector(1)", "labels": {"slo_id": "bank/ledger"}},
        {"alert": "ErrorBudgetBurn", "expr": "vector(1)", "labels": {"slo_id": "bank/ledger", "severity": "page"}},
    ):
        assert "gates go by these" in town.create(user, town.rule({"record": "mine", "expr": "1"}, forged)), forged
    with_labels = {
        "groups": [{"name": "g", "labels": {"slo_id": "bank/ledger"}, "rules": [{"record": "a", "expr": "1"}]}]
    }
    assert "gates go by these" in town.create(user, town.rules(with_labels))
    assert "ServiceLevelObjectives" in town.create(user, town.config_map(labels=LABEL))
    assert "ServiceLevelObjectives" in town.create(user, town.config_map(labels={"ninefold.dev/rules": ""}))


@pytest.mark.parametrize("user", EVERYBODY)
def test_nobody_changes_what_is_there_into_it(town: Town, user: str) -> None:
    theirs, file = town.rule({"record": "mine", "expr": "1"}), town.config_map(a="groups: []")
    for made in (theirs, file):
        assert town.create(user, made) == ""
    name, text = theirs["metadata"]["name"], file["metadata"]["name"]
    add = {"op": "add", "path": "/spec/groups/0/rules/-", "value": FORGED}
    assert "gates go by these" in town.patch(user, "prometheusrule", name, add)
    forged = {**theirs, "spec": {"groups": [{"name": "g", "rules": [FORGED]}]}}
    apply = ("apply", "--server-side", "--force-conflicts", "--validate=ignore", "-f", "-")
    assert "gates go by these" in town.refusal(user, *apply, body=forged)
    assert "gates go by these" in town.refusal(user, "replace", "--validate=ignore", "-f", "-", body=forged)
    assert "ServiceLevelObjectives" in town.refusal(user, "label", "configmap", text, "ninefold.dev/rules=true")


@pytest.mark.parametrize("user", EVERYBODY)
def test_what_the_operator_wrote_stays_as_it_is(town: Town, user: str) -> None:
    rules, file = town.rule(FORGED, labels=OURS), town.config_map(labels={**LABEL, **OURS}, a="groups: []")
    for made in (rules, file):
        # By the admin of the cluster: the operator itself writes no such content.
        town.cluster.kubectl("-n", town.namespace, "create", "--validate=ignore", "-f", "-", input=json.dumps(made))
    name, text = rules["metadata"]["name"], file["metadata"]["name"]
    worse = {"op": "replace", "path": "/spec/groups/0/rules/0/expr", "value": "2"}
    assert "gates go by these" in town.patch(user, "prometheusrule", name, worse)
    assert "gates go by these" in town.refusal(user, "label", "prometheusrule", name, "release=prometheus")
    assert "ServiceLevelObjectives" in town.patch(
        user, "configmap", text, {"op": "replace", "path": "/data/a", "value": "groups: [1]"}
    )
    assert "ServiceLevelObjectives" in town.patch(
        user, "configmap", text, {"op": "add", "path": "/binaryData", "value": {"b": "e30="}}
    )
    assert "ServiceLevelObjectives" in town.patch(
        user, "configmap", text, {"op": "add", "path": "/immutable", "value": True}
    )
    elsewhere = "k8s-sidecar-target-directory=/tmp"
    assert "ServiceLevelObjectives" in town.refusal(user, "annotate", "configmap", text, elsewhere)
    assert town.refusal(user, "annotate", "prometheusrule", name, "note=1") == ""
    # The garbage collector takes owners off, and deletes what has one that is not there.
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none"}
    for kind, named in (("prometheusrule", name), ("configmap", text)):
        change = {"op": "add", "path": "/metadata/ownerReferences", "value": [owner]}
        assert town.patch(user, kind, named, change) == ""
        assert town.refusal(user, "delete", kind, named, "--ignore-not-found") == ""


@pytest.mark.parametrize("user", ["editor", GITOPS])
def test_rules_of_others_pass_untouched(town: Town, user: str) -> None:
    sloth = [
        {"record": "slo:sli_error:ratio_rate5m", "expr": "1", "labels": {"sloth_id": "shop-a", "sloth_window": "5m"}},
        {"record": "slo:objective:ratio", "expr": "vector(0.999)", "labels": {"sloth_id": "shop-a"}},
        {"record": "slo:error_budget:ratio", "expr": "vector(0.001)"},
        {"record": "slo:time_period:days", "expr": "vector(30)"},
        {"record": "slo:current_burn_rate:ratio", "expr": "1"},
        {"record": "slo:period_burn_rate:ratio", "expr": "1"},
        {"record": "slo:period_error_budget_remaining:ratio", "expr": "1"},
        {"record": "sloth_slo_info", "expr": "vector(1)"},
    ]
    # An alert of one's own on our series carries their labels, which is what they are for.
    alert = {"alert": "BudgetLow", "expr": 'slo:error_budget_left:ratio{slo_id="shop/a"} < 0.1', "labels": {"a": "b"}}
    pyrra = {"record": "http_requests:increase4w", "expr": "1", "labels": {"slo": "a"}}
    assert town.create(user, town.rule(*sloth, alert, pyrra)) == ""
    many = [{"record": f"job:r{n}:rate5m", "expr": "sum(rate(a[5m]))", "labels": {"a": "b"}} for n in range(3000)]
    assert town.create(user, town.rule(*many)) == ""
    assert town.create(user, town.config_map(labels={"grafana_dashboard": "1"}, a="slo_id")) == ""


@pytest.mark.parametrize(
    "spec",
    [
        "text",
        7,
        [],
        {"groups": "text"},
        {"groups": {"slo_id": 1}},
        {"groups": [None, 1, "g", [], {"rules": "text"}, {"rules": {"record": "slo:info"}}]},
        {"groups": [{"labels": "slo_id", "rules": [None, 1, "slo:info", ["slo:info"], {"labels": ["slo_id"]}]}]},
        {"groups": [{"rules": [{"record": 1}, {"record": ["slo:info"]}, {"record": {"a": 1}}, {"record": None}]}]},
    ],
)
def test_odd_shapes_pass_or_are_refused_for_what_they_say(town: Town, spec: Any) -> None:
    """Nothing makes the expressions err, which would refuse with other words; what hides behind it is still seen."""
    assert town.create("editor", town.rules(spec)) == ""
    if isinstance(spec, dict) and isinstance(spec["groups"], list):
        behind = {"groups": [*spec["groups"], {"rules": [None, FORGED]}]}
        assert "gates go by these" in town.create("editor", town.rules(behind))


def test_more_than_can_be_looked_through_is_refused_with_what_to_do(town: Town) -> None:
    groups = {"groups": [{"name": f"g{n}"} for n in range(MOST_GROUPS + 1)]}
    assert "write several PrometheusRules" in town.create("editor", town.rules(groups))
    rules = [{"expr": "1"}] * (MOST_RULES + 1)
    assert "write several PrometheusRules" in town.create("editor", town.rule(*rules))
    most = [{"record": "slo:sli_error:ratio_rate30m", "labels": {}}] * (MOST_RULES // MOST_GROUPS)
    spec = {"groups": [{"name": f"g{n}", "labels": {}, "rules": most} for n in range(MOST_GROUPS)]}
    assert town.create("editor", town.rules(spec)) == "", "as much as there may be can be looked through"


def test_every_recording_is_reserved() -> None:
    """Each name that the rules of any objective record."""
    calendar = {"calendar": {"period": "Month", "timeZone": "Asia/Kolkata"}}
    parts = [{"objective": "a"}, {"objective": "b"}]
    alerting = {"minimumErrors": 5, "minimumTraffic": "20/h", "confidence": "95"}
    compiled = [
        group(window="30d", groupBy=["region"]),
        group(window=calendar, agreement={"objective": "99", "window": {"calendar": {"period": "Quarter"}}}),
        group(window="1d", alerting=alerting, indicator={"ratio": {"bad": BAD, "total": TOTAL, "births": "Counted"}}),
        group(timeSlices={"target": "95", "length": "5m"}),
        group(indicator={"composite": {"mode": "Serial", "components": parts}}),
        Group(objective(), base=recorded),
        Group(objective(), Corrections((Occurrence(0, 3600),))),
    ]
    names = {str(rule["record"]) for each in compiled for rule in each.rules if "record" in rule}
    assert {name for name in names if not re.search(RECORDED, name)} == {"slo:objective:ratio"}, "Sloth's, too"
    assert len(names) > 30
    assert not [rule for rule in sloth(Target.of(objective()), {}, []) if re.search(RECORDED, rule["record"])]
