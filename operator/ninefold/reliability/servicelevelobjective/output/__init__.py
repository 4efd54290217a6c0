"""The output of rules to Prometheus: objects, groups, sizes, and who may write them."""
