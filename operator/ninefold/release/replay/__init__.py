"""Replays release gates over history: when they would have been closed, and which releases they would have stopped."""
