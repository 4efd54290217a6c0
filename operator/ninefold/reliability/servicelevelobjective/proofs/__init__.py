"""Proves the rules of an objective: a suite for `promtool test rules`, made for exactly these rules. Pure."""
