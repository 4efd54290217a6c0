"""ReleaseGate: the decision on whether the pod templates of a set of workloads may change now."""
