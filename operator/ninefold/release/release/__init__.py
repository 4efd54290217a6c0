"""Release: the record of one revision of a gated workload, from which the DORA metrics are computed."""
