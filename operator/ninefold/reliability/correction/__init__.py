"""Correction: excludes time from error budgets, alerts and gates."""
