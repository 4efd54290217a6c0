"""The kinds of this stage, in the order in which people meet them."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.release.clusterreleasegate.kind import KIND as CLUSTER_RELEASE_GATE
from ninefold.release.override.kind import KIND as OVERRIDE
from ninefold.release.release.kind import KIND as RELEASE
from ninefold.release.releasegate.kind import KIND as RELEASE_GATE

KINDS: tuple[Kind, ...] = (RELEASE_GATE, CLUSTER_RELEASE_GATE, OVERRIDE, RELEASE)
