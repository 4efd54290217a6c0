"""ServiceLevelObjective: a promise about a service, compiled into Prometheus rules and read back as a budget."""
