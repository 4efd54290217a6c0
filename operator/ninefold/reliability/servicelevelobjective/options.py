"""The options of `ninefold run` and `ninefold render` that decide how rules are written. Pure."""

from __future__ import annotations

import argparse
from pathlib import Path

from ninefold.kube.arguments import count, labels


def add_to_run(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--rules",
        choices=("auto", "PrometheusRule", "ConfigMap"),
        default="auto",
        help="the kind of object for rules; auto: PrometheusRule if its CRD exists, otherwise ConfigMap",
    )
    _add_shared(group)


def add_to_render(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--rules",
        choices=("PrometheusRule", "ConfigMap"),
        default="PrometheusRule",
        help="the kind of object for rules (default: PrometheusRule)",
    )
    _add_shared(group)
    group.add_argument(
        "--alertmanager-config",
        action="store_true",
        help="also write an AlertmanagerConfig for each objective that depends on others",
    )
    group.add_argument(
        "--inhibit-rules",
        type=Path,
        metavar="FILE",
        help="also write inhibit_rules for the configuration of Alertmanager: faster over slower, dependency first",
    )


def _add_shared(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rule-labels", type=labels, default={}, metavar="K=V,...", help="labels for the objects that contain rules"
    )
    group.add_argument(
        "--aliases",
        choices=("none", "sloth"),
        default="none",
        help="also record series under the names of another tool",
    )
    group.add_argument(
        "--rules-per-group",
        type=count,
        metavar="N",
        help="split the rules of an objective into groups of at most N, as Mimir wants (20); "
        "an alert may then come one evaluation later for each further group",
    )
    group.add_argument(
        "--share-indicators",
        action="store_true",
        help="objectives of a namespace with the same indicator read its raw series once; "
        "the values of all but one are then up to one evaluation later",
    )
