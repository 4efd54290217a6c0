"""Backtests the rules of an objective: evaluates PromQL over history at all times at once. Needs numpy."""
