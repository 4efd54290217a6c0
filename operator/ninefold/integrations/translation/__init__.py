"""What the translators of SLO dialects share: reading foreign documents, writing ours, and a look into PromQL. Pure."""
