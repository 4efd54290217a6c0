"""`ninefold backtest`."""
