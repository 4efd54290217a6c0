"""`ninefold gate backtest`."""
