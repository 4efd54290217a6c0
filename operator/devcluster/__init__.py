"""A real Kubernetes control plane on this machine, for the demo, the tests and the benchmarks.

    with devcluster.start(prometheus=True) as cluster:
        cluster.kubectl("get", "nodes")

See docs/devcluster.md.  No code here depends on Ninefold.
"""

from devcluster.cluster import Cluster
from devcluster.errors import CommandError, DevclusterError, Unsupported
from devcluster.process import Process
from devcluster.starting import attach, start

__all__ = ["Cluster", "CommandError", "DevclusterError", "Process", "Unsupported", "attach", "start"]
