"""Release gates over history: when they would have been closed, and what they would have stopped."""
