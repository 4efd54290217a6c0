"""ClusterReleaseGate: stop the line, in all namespaces at once, by a gate that is kept in each."""
