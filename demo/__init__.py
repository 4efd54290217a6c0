"""The main job of Ninefold, live on a real control plane: a spent error budget closes a gate, a rollback opens it."""
