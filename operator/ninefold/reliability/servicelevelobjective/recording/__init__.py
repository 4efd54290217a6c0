"""What the rules of an objective record: events, errors, averages over windows."""
