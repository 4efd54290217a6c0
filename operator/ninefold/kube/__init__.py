"""The machinery that every kind stands on, one idea a module."""
