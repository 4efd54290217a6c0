"""Shared parts of the translators of SLO dialects: reading documents, writing objectives, analysing PromQL. Pure."""
