"""OpenSLO v1, read into a ServiceLevelObjective and written from it. Pure."""

from ninefold.integrations.openslo.reading import recognizes, translate
from ninefold.integrations.openslo.writing import export

__all__ = ["export", "recognizes", "translate"]
