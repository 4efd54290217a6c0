"""`ninefold crds`."""
