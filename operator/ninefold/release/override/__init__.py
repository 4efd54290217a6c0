"""The kind Override: break glass, with a reason, an end and a second person."""
