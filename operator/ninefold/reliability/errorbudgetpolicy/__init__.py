"""ErrorBudgetPolicy: what spending an error budget does."""
