"""How rules reach Prometheus: objects, groups, sizes, and who may write them."""
