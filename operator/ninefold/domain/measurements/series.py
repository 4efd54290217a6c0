"""The series that rules of objectives record, by name; docs/series.md explains each. Pure."""

from __future__ import annotations

BURN = "slo:burn_rate:"
INFO = "slo:info"
FIGURES = (
    "slo:error_budget_left:ratio",
    "slo:error_ratio:window",
    "slo:coverage:ratio",
    "slo:events:rate5m",
    "slo:time_to_exhaustion:seconds",
    "slo:indicator_excess:ratio",
    "slo:agreement:error_ratio",
    "slo:blame:ratio",
)
"""The recordings that are read, in addition to the burn rates."""
PARTS = ("slo:errors:rate5m", "slo:events:rate1h", "slo:errors:rate1h", "slo:events:hour", "slo:errors:hour")
"""The recordings that measurements are computed from: a foreign sample among them would be added up."""

RECORDED = (
    "^slo:(info|(events|errors|counted|share|births|coverage|blame|bad|good|burn_rate|burn_rate_lower|local_time|component"
    "|indicator|agreement|correction|ongoing_burn_rate):.+|error_ratio:window|error_budget_left:ratio|time_to_exhaustion:seconds"
    "|indicator_excess:ratio)$"
)
"""A pattern of the recordings of an objective, except slo:objective:ratio, which Sloth also records."""
