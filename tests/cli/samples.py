"""Resources as people write them."""

from __future__ import annotations

SLO = """\
apiVersion: ninefold.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: checkout, namespace: shop}
spec:
  service: checkout
  objective: "99.9"
  window: {rolling: 30d}
  indicator:
    ratio:
      bad: http_requests_total{job="checkout", code=~"5.."}
      total: http_requests_total{job="checkout"}
  alerting: {minimumErrors: 5, runbook: checkout-errors}
"""

POLICY = """\
apiVersion: ninefold.dev/v1alpha1
kind: ErrorBudgetPolicy
metadata: {name: checkout, namespace: shop}
spec:
  objectives: {service: checkout}
  rules:
  - when: {budgetLeftBelow: "0"}
    state: Exhausted
    then: {gate: Hold}
  - when: {burnRate: {above: "14.4", over: 1h}}
    state: Exhausted
    then: {gate: Deny}
"""

CORRECTION = """\
apiVersion: ninefold.dev/v1alpha1
kind: Correction
metadata: {name: upkeep, namespace: shop}
spec:
  objectives: {service: checkout}
  reason: The database is looked after.
  recurring: {rrule: FREQ=DAILY, start: "2026-11-01T02:00", duration: 2h}
"""

DASHBOARD = """\
apiVersion: ninefold.dev/v1alpha1
kind: Dashboard
metadata: {name: checkout, namespace: shop}
spec:
  service: checkout
"""

GATE = """\
apiVersion: ninefold.dev/v1alpha1
kind: ReleaseGate
metadata: {name: checkout, namespace: shop}
spec:
  workloads:
    matchLabels: {app: checkout}
  sources:
  - errorBudgetPolicy: checkout
"""
