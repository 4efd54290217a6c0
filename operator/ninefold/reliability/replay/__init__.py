"""Error budget policies over history: what the operator would have said, had it always run."""
