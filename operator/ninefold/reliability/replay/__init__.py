"""Replays error budget policies over history: what the operator would have reported if it had always run."""
