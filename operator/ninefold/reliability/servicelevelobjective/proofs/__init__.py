"""The proof of an objective's rules: a suite for `promtool test rules`, made for exactly these rules. Pure."""
