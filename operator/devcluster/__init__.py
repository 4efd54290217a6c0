"""A real Kubernetes control plane on this machine, for the demo, the tests and the benchmarks.

    with devcluster.start(prometheus=True) as cluster:
        cluster.kubectl("get", "nodes")

See docs/devcluster.md.  Nothing here knows Ninefold.
"""
