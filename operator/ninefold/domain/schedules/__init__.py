"""Schedules: spans, recurrences in local time, calendar periods."""
