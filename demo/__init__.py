"""Ninefold's main task, live on a real control plane: a spent error budget closes a gate, a rollback opens it."""
