"""What several stages share, and no kind: it is imported by them and imports none of them."""
