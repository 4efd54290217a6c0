"""ClusterReleaseGate: stops the line in many namespaces at once, by a gate that is kept in each."""
