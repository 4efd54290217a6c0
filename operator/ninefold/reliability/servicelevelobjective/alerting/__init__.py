"""The alerts of an objective: tiers, conditions and inhibition."""
