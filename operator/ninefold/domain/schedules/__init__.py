"""Time that comes and goes: spans, recurrences by the clocks of a place, periods of the calendar."""
