"""Whether the operator runs, from the Lease that its leader renews every two seconds: a gate's status is as old.

Ages are measured with the clock of this machine. If that clock seems wrong, what counts is whether the Lease changes
meanwhile.
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
"""Seconds within which a running leader surely renews its Lease."""


@dataclass(frozen=True, slots=True)
class Life:
    """Seconds since the operator's last sign of life; None if unknown, with the reason in `why`."""

    age: float | None
    why: str = ""

    @property
    def stale(self) -> bool | None:
        """Whether the operator's answers may be out of date, by the limit of the HTTP answers; None if unknown."""
        return None if self.age is None else self.age > STALE_AFTER

    def as_dict(self) -> dict[str, Any]:
        return {"stale": self.stale, "age": None if self.age is None else round(self.age)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operator-namespace",
        default=os.environ.get(_VARIABLE, NAMESPACE_OF_OPERATOR),
        metavar="NAMESPACE",
        help=f"the operator's namespace, to check whether it runs (default: ${_VARIABLE}, or {NAMESPACE_OF_OPERATOR})",
    )


async def life(cluster: Cluster, namespace: str) -> Life:
    """The operator's liveness. It takes some seconds if the Lease looks old: the clocks may differ."""
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
        return Life(None, f"the Lease {key} does not belong to an operator")
    return Life(max(_LOOK, _age(renewed)))


async def _renewed(cluster: Cluster, key: Key) -> datetime:
    lease = await cluster.get(LEASE, key)
    return datetime.fromisoformat(lease["spec"]["renewTime"])


def _age(renewed: datetime) -> float:
    return (datetime.now(UTC) - renewed).total_seconds()


def _why(error: ApiError, key: Key) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return (
            f"there is no Lease {key}: name the operator's namespace with --operator-namespace, "
            "or start the operator with --leader-elect"
        )
    if error.status == HTTPStatus.FORBIDDEN:
        return f"you may not read the Lease {key}: this requires the Role ninefold-alive"
    return error.message
