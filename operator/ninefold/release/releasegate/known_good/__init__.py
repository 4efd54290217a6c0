"""What a gate knows to be good, so that a rollback to it passes."""
