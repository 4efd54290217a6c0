"""ReleaseGate: the one decision per set of workloads that everything else asks."""
