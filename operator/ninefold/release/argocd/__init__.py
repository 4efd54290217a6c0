"""Argo CD: a project syncs nothing while the gate that it follows is closed."""
