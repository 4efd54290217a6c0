"""Whether the operator lives, by the Lease that its leader renews every two seconds: a gate's status is as old as that.

Lengths are measured against the clock of this machine. Where that seems to be off, what counts is whether the Lease
changes while we look.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from ninefold.kube.api import LEASE, Key
from ninefold.kube.client import ApiError, Cluster
from ninefold.kube.lease import Lease
from ninefold.kube.rbac import LEASE_NAME, NAMESPACE_OF_OPERATOR
from ninefold.release.gate_api.answer import STALE_AFTER

_VARIABLE = "NINEFOLD_NAMESPACE"
_LOOK = 2 * Lease.period + 1
"""Seconds in which a living leader renews its Lease for sure."""


@dataclass(frozen=True, slots=True)
class Life:
    """How long ago the operator was last heard, in seconds; None where that cannot be told, and why."""

    age: float | None
    why: str = ""

    @property
    def stale(self) -> bool | None:
        """Whether what it said may be out of date, as the answers over HTTP mean it; None where nobody can tell."""
        return None if self.age is None else self.age > STALE_AFTER

    def as_dict(self) -> dict[str, Any]:
        return {"stale": self.stale, "age": None if self.age is None else round(self.age)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operator-namespace",
        default=os.environ.get(_VARIABLE, NAMESPACE_OF_OPERATOR),
        metavar="NAMESPACE",
        help=f"where the operator runs, to tell whether it lives (default: ${_VARIABLE}, else {NAMESPACE_OF_OPERATOR})",
    )


async def life(cluster: Cluster, namespace: str) -> Life:
    """Takes some seconds where the Lease looks old: then the clocks may differ."""
    key = Key(namespace, LEASE_NAME)
    try:
        renewed = await _renewed(cluster, key)
        age = _age(renewed)
        if abs(age) <= Lease.duration:
            return Life(max(0.0, age))
        await asyncio.sleep(_LOOK)
        if await _renewed(cluster, key) != renewed:
            return Life(0.0)
    except ApiError as error:
        return Life(None, _why(error, key))
    except (KeyError, TypeError, ValueError):
        return Life(None, f"the Lease {key} is not that of an operator")
    return Life(max(_LOOK, _age(renewed)))


async def _renewed(cluster: Cluster, key: Key) -> datetime:
    lease = await cluster.get(LEASE, key)
    return datetime.fromisoformat(lease["spec"]["renewTime"])


def _age(renewed: datetime) -> float:
    return (datetime.now(UTC) - renewed).total_seconds()


def _why(error: ApiError, key: Key) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return (
            f"there is no Lease {key}: name the operator's namespace by --operator-namespace, "
            "or start the operator with --leader-elect"
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return f"you may not read the Lease {key}: it takes the Role ninefold-alive"
    return error.message
