"""Objects of delivery tools that follow a gate."""
