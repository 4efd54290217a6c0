"""The machinery that every kind uses, one idea per module."""
