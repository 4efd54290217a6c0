"""The kind Override: break glass, with a reason, an end and approvals by other people."""
